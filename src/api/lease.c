/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases: reading with the right to load, and what the winner does with it. A fresh value is found
 * as any read finds it, without a lock; only who finds none asks the flights. Stores made for a
 * lease go the way of all changes (the log included), and are refused under the same lock that
 * would publish them if anybody has written the key since the lease began.
 */
#include "api/lease.h"

#include "engine/store.h"

enum { LEASE_DEFAULT_MS = 5000, FIRE_RETRY_MS = 100 };

/* ---- options --------------------------------------------------------------------------------- */

int
lease_import(const void *from, void *to, size_t size, size_t least)
{
    const unsigned char *bytes = from;
    uint32_t given;
    memcpy(&given, bytes, sizeof given);
    if (given < least)
        return ATTL_E_INVALID;
    for (size_t i = size; i < given; i++)
        if (bytes[i] != 0)
            return ATTL_E_UNSUPPORTED;
    memcpy(to, from, given < size ? given : size);
    return ATTL_OK;
}

int
lease_import_fetch_opts(const attl_fetch_opts *from, attl_fetch_opts *to)
{
    *to = (attl_fetch_opts)ATTL_FETCH_OPTS_INIT;
    int status = from ? lease_import(from, to, sizeof *to, offsetof(attl_fetch_opts, lease_ms))
                      : ATTL_OK;
    if (status != ATTL_OK)
        return status;
    if (to->flags & ~ATTL_FETCH_NO_STALE)
        return ATTL_E_UNSUPPORTED;
    if (to->lease_ms == 0)
        to->lease_ms = LEASE_DEFAULT_MS;
    return to->lease_ms > 0 && to->lease_ms <= LIMIT_LEASE_MS && lease_is_span(to->stale_ms) &&
                   lease_is_span(to->early_ms) && lease_is_span(to->wait_ms)
               ? ATTL_OK
               : ATTL_E_INVALID;
}

void
lease_wants(const attl_fetch_opts *opts, struct flight_wants *ret_wants)
{
    bool no_stale = opts->flags & ATTL_FETCH_NO_STALE;
    *ret_wants = (struct flight_wants){
        .lease_ms = opts->lease_ms,
        .stale_ms = no_stale              ? -1
                    : opts->stale_ms == 0 ? INT64_MAX
                                          : opts->stale_ms,
        .early_ms = opts->early_ms,
        .early_beta = opts->early_beta,
    };
}

/* ---- through the lock ------------------------------------------------------------------------ */

/* The value for those who have just been released: one for all of them. */
void
lease_take_value(struct entry *e, struct lease_call *call)
{
    if (call->release.wants_value && !call->has_value)
        call->has_value = api_value_from_entry(e, &call->value) == ATTL_OK;
}

void
lease_deliver(struct lease_call *call)
{
    flight_deliver(&call->release, call->has_value ? &call->value : NULL);
    attl_value_release(call->a, &call->value);
}

struct fired {
    struct lease_call call;
    struct flight *flight;
    bool is_last;
};

static int
fired_change(struct entry *e, void *ud)
{
    struct fired *fired = ud;
    fired->is_last = flight_fired(fired->flight, e, &fired->call.release);
    lease_take_value(e, &fired->call);
    return ATTL_OK;
}

/* A flight's timer: something is to happen by itself. */
static void
fire(struct timer *t)
{
    struct flight *f = (struct flight *)((char *)t - offsetof(struct flight, timer));
    struct fired fired = { .call = { .a = f->a, .value = ATTL_VALUE_INIT }, .flight = f };
    attl_slice key = attl_b(f->key, f->key_bytes);
    if (engine_restore(f->a, key, fired_change, &fired) != ATTL_OK) {
        timer_set(f->a, t, engine_now_ms(f->a) + FIRE_RETRY_MS); /* no memory to lock with */
        return;
    }
    if (fired.is_last)
        flight_free(f);
    lease_deliver(&fired.call);
}

void
lease_init(struct attl *a)
{
    a->flights.fire = fire;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool
is_own_load(const struct lease_ask *ask, const struct flight *f)
{
    if (!f || !f->token)
        return false;
    if (ask->asker && f->loader == ask->asker)
        return true;
    for (unsigned i = 0; i < ask->depth; i++)
        if (ask->lineage[i] == f->token)
            return true;
    return false;
}

static void
describe(const struct flight_view *v, const struct flight_result *r, attl_lease *ret)
{
    ret->token = r->token;
    ret->end_ms = r->lease_end_ms;
    ret->retry_ms = r->retry_ms;
    ret->fresh_ms = v->found ? v->fresh_ms : ATTL_NO_DEADLINE;
}

/* Nothing to serve: waits, if that is wanted. */
static int
wait_for(struct lease_ask *ask, const struct flight_result *r)
{
    ask->failing = r->retry_ms != 0;
    if (!ask->waiter || (ask->failing && !ask->patient)) {
        flight_count(&ask->call.a->flights, FLIGHT_COUNT_MISS);
        return ATTL_MISS;
    }
    int status = flight_park(r->flight, ask->waiter);
    ask->parked = status == ATTL_OK;
    return status == ATTL_OK ? ATTL_MISS : status;
}

static int
win(struct entry *e, struct lease_ask *ask, const struct flight_result *r)
{
    r->flight->loader = ask->loader;
    bool has_value = e->found && !(e->has_life && (e->life.flags & LIFE_NEGATIVE));
    if (has_value)
        ask->ret_lease->has_value = api_value_from_entry(e, ask->ret_value) == ATTL_OK;
    int64_t fresh_ms = ask->ret_lease->fresh_ms;
    ask->is_fresh = ask->ret_lease->has_value &&
                    (fresh_ms == ATTL_NO_DEADLINE || fresh_ms > e->now_ms);
    if (ask->parks_winner && (ask->insists || !ask->ret_lease->has_value))
        ask->parked = flight_park(r->flight, ask->waiter) == ATTL_OK;
    return ATTL_WON;
}

static int
answer(struct entry *e, struct lease_ask *ask, const struct flight_result *r)
{
    struct flight_table *t = &ask->call.a->flights;
    bool own = r->verdict != FLIGHT_WIN && is_own_load(ask, r->flight);
    switch (r->verdict) {
    case FLIGHT_HIT: return api_value_from_entry(e, ask->ret_value);
    case FLIGHT_NEGATIVE: flight_count(t, FLIGHT_COUNT_NEGATIVE); return ATTL_NEGATIVE;
    case FLIGHT_WIN: return win(e, ask, r);
    case FLIGHT_STALE:
    case FLIGHT_WAIT: break;
    }
    if (own) {
        flight_count(t, FLIGHT_COUNT_REENTRANT);
        return ATTL_E_REENTRANT;
    }
    if (r->verdict == FLIGHT_WAIT || (ask->insists && ask->waiter && !r->retry_ms))
        return wait_for(ask, r);
    int status = api_value_from_entry(e, ask->ret_value);
    if (status != ATTL_OK)
        return status;
    flight_count(t, FLIGHT_COUNT_STALE);
    return ATTL_STALE;
}

static int
ask_change(struct entry *e, void *ud)
{
    struct lease_ask *ask = ud;
    struct attl *a = ask->call.a;
    struct flight_result r;
    int status = flight_ask(a, e, &ask->wants, &ask->call.release, &r);
    lease_take_value(e, &ask->call);
    if (status != ATTL_OK) {
        e->hopeless = true;
        return status;
    }
    struct flight_view v = flight_view_of(e);
    describe(&v, &r, ask->ret_lease);
    status = answer(e, ask, &r);
    e->hopeless = status < 0;
    ask->ret_lease->has_value |= status == ATTL_OK || status == ATTL_STALE;
    return status;
}

/* The ordinary case: a fresh answer, without a lock. ATTL_MISS: there is none. */
static int
ask_without_lock(struct lease_ask *ask, struct reclaim_reader *self, attl_slice key)
{
    struct attl *a = ask->call.a;
    struct index_key k = { .key = key, .hash = cache_hash(&a->cache, key) };
    int64_t now_ms = engine_now_ms(a);
    struct read_view view;
    reclaim_enter(self);
    int status = read_key(&a->cache, &k, now_ms, READ_TOUCH | READ_PIN | READ_STALE, &view);
    if (status == ATTL_OK) {
        struct life life = view.has_life ? view.life : (struct life){ 0 };
        struct flight_view v = flight_view_make(view.deadline_ms, view.has_life ? &life : NULL);
        uint64_t dice = ask->wants.early_beta ? flight_throw(&a->flights, k.hash, now_ms) : 0;
        switch (flight_decide(&v, now_ms, &ask->wants, dice)) {
        case FLIGHT_HIT: status = ATTL_OK; break;
        case FLIGHT_NEGATIVE: status = ATTL_NEGATIVE; break;
        default: status = ATTL_MISS; break;
        }
        api_value_from_view(&view, ask->ret_value);
        ask->ret_lease->fresh_ms = v.fresh_ms;
        ask->ret_lease->has_value = status == ATTL_OK;
    }
    reclaim_exit(self);
    if (status != ATTL_OK)
        attl_value_release(a, ask->ret_value);
    if (status == ATTL_NEGATIVE)
        flight_count(&a->flights, FLIGHT_COUNT_NEGATIVE);
    return status;
}

int
lease_ask(struct attl *a, attl_slice key, struct lease_ask *ask)
{
    struct reclaim_reader *self = reclaim_self();
    if (!self)
        return ATTL_E_NOMEM;
    int status = engine_check_key(a, self, key);
    if (status != ATTL_OK)
        return status;
    ask->call.a = a;
    ask->call.value = *ask->ret_value = (attl_value)ATTL_VALUE_INIT;
    status = ask_without_lock(ask, self, key);
    if (status == ATTL_MISS && store_is_loading(a->store))
        status = ATTL_E_LOADING; /* it may be there; and nothing could be stored */
    else if (status == ATTL_MISS)
        status = engine_restore(a, key, ask_change, ask);
    if (status < 0)
        attl_value_release(a, ask->ret_value);
    else
        cache_count(&a->cache, self,
                    status <= ATTL_STALE && status != ATTL_MISS ? COUNT_HITS : COUNT_MISSES, 1);
    lease_deliver(&ask->call);
    return status;
}

struct lease_touch {
    struct lease_call call;
    uint64_t token;
    struct flight_waiter *waiter;
    const void *loader;
};

static int
touch_change(struct entry *e, void *ud)
{
    struct lease_touch *touch = ud;
    struct flight *f;
    int status = flight_check(touch->call.a, e, touch->token, &touch->call.release, &f);
    lease_take_value(e, &touch->call);
    if (status != ATTL_OK)
        return status;
    if (touch->loader)
        f->loader = touch->loader;
    return touch->waiter ? flight_park(f, touch->waiter) : ATTL_OK;
}

static int
lease_touch(struct attl *a, attl_slice key, struct lease_touch *touch)
{
    int status = engine_restore(a, key, touch_change, touch);
    lease_deliver(&touch->call);
    return status;
}

int
lease_park(struct attl *a, attl_slice key, uint64_t token, struct flight_waiter *w)
{
    struct lease_touch touch = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .waiter = w };
    return lease_touch(a, key, &touch);
}

int
lease_mark_loader(struct attl *a, attl_slice key, uint64_t token, const void *loader)
{
    struct lease_touch touch = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .loader = loader };
    return lease_touch(a, key, &touch);
}

bool
lease_unpark(struct attl *a, attl_slice key, struct flight_waiter *w)
{
    struct partition *p = cache_partition(&a->cache, cache_hash(&a->cache, key));
    lock_acquire(&p->lock);
    bool was_parked = flight_unpark(w);
    lock_release(&p->lock);
    return was_parked;
}

int
attl_fetch(attl *a, attl_slice key, const attl_fetch_opts *opts, attl_value *ret_value,
           attl_lease *ret_lease)
{
    attl_fetch_opts own;
    int status = lease_import_fetch_opts(opts, &own);
    if (status != ATTL_OK)
        return status;
    attl_value value = ATTL_VALUE_INIT;
    attl_lease lease = { .struct_size = sizeof lease, .fresh_ms = ATTL_NO_DEADLINE };
    struct lease_ask ask = { .ret_value = ret_value ? ret_value : &value, .ret_lease = &lease };
    lease_wants(&own, &ask.wants);
    status = lease_ask(a, key, &ask);
    if (!ret_value)
        attl_value_release(a, &value);
    if (status >= 0)
        sized_export(&lease, sizeof lease, ret_lease);
    return status;
}

/* ---- the lease itself ------------------------------------------------------------------------ */

struct lease_renew {
    struct lease_call call;
    uint64_t token;
    int64_t lease_ms;
};

static int
renew_change(struct entry *e, void *ud)
{
    struct lease_renew *renew = ud;
    struct flight *f;
    int status = flight_check(renew->call.a, e, renew->token, &renew->call.release, &f);
    if (status == ATTL_OK)
        flight_renew(f, e, renew->lease_ms, &renew->call.release);
    lease_take_value(e, &renew->call);
    return status;
}

int
attl_renew(attl *a, attl_slice key, uint64_t token, int64_t lease_ms)
{
    if (lease_ms < 0 || lease_ms > LIMIT_LEASE_MS)
        return ATTL_E_INVALID;
    struct lease_renew renew = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .lease_ms = lease_ms };
    int status = engine_look(a, key, renew_change, &renew);
    lease_deliver(&renew.call);
    return status;
}

void
lease_return(struct attl *a, attl_slice key, uint64_t token)
{
    int status = attl_renew(a, key, token, 0);
    ASSERT(status == ATTL_OK || status < 0); /* lost is as well */
}
