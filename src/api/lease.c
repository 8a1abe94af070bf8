/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases: reading with the right to load, and what the winner does with it. A fresh value is found
 * as any read finds it, without a lock; only who finds none asks the flights. Stores made for a
 * lease go the way of all changes (the log included), and are refused under the same lock that
 * would publish them if anybody has written the key since the lease began.
 */
#include "api/lease.h"

#include "engine/store.h"

enum { LEASE_DEFAULT_MS = 5000, BACKOFF_DEFAULT_MS = 1000, FIRE_RETRY_MS = 100 };

/* ---- options --------------------------------------------------------------------------------- */

/* Copies an option struct of any release over the defaults in `to`. */
static int
import(const void *from, void *to, size_t size, size_t least)
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

/* Fills as much of the caller's struct as it has. */
static void
export_lease(const attl_lease *from, attl_lease *to)
{
    uint32_t size = to->struct_size < sizeof *from ? to->struct_size : sizeof *from;
    memcpy(to, from, size);
    to->struct_size = size;
}

static bool
is_span(int64_t ms)
{
    return ms >= 0 && ms <= LIMIT_TTL_MS;
}

int
lease_import_fetch_opts(const attl_fetch_opts *from, attl_fetch_opts *to)
{
    *to = (attl_fetch_opts)ATTL_FETCH_OPTS_INIT;
    int status = from ? import(from, to, sizeof *to, offsetof(attl_fetch_opts, lease_ms)) : ATTL_OK;
    if (status != ATTL_OK)
        return status;
    if (to->flags & ~ATTL_FETCH_NO_STALE)
        return ATTL_E_UNSUPPORTED;
    if (to->lease_ms == 0)
        to->lease_ms = LEASE_DEFAULT_MS;
    return to->lease_ms > 0 && to->lease_ms <= LIMIT_LEASE_MS && is_span(to->stale_ms) &&
                   is_span(to->early_ms) && is_span(to->wait_ms)
               ? ATTL_OK
               : ATTL_E_INVALID;
}

int
lease_import_fill_opts(const attl_fill_opts *from, attl_fill_opts *to)
{
    *to = (attl_fill_opts)ATTL_FILL_OPTS_INIT;
    int status = from ? import(from, to, sizeof *to, offsetof(attl_fill_opts, ttl_ms)) : ATTL_OK;
    if (status != ATTL_OK)
        return status;
    if (to->ttl_ms == ATTL_TTL_KEEP || to->jitter_percent > 100)
        return ATTL_E_INVALID;
    return is_span(to->soft_ms) && is_span(to->grace_ms) ? ATTL_OK : ATTL_E_TTL_RANGE;
}

void
lease_wants(const attl_fetch_opts *opts, struct flight_wants *ret_wants)
{
    bool no_stale = opts->flags & ATTL_FETCH_NO_STALE;
    *ret_wants = (struct flight_wants){
        .lease_ms = opts->lease_ms,
        .stale_ms = no_stale ? -1 : opts->stale_ms == 0 ? INT64_MAX : opts->stale_ms,
        .early_ms = opts->early_ms,
        .early_beta = opts->early_beta,
    };
}

/* ---- through the lock ------------------------------------------------------------------------ */

/* The value for those who have just been released: one for all of them. */
static void
take_for_released(struct entry *e, struct lease_call *call)
{
    if (call->release.wants_value && !call->has_value)
        call->has_value = api_value_from_entry(e, &call->value) == ATTL_OK;
}

static void
deliver(struct lease_call *call)
{
    if (!call->release.first)
        return;
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
    take_for_released(e, &fired->call);
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
    deliver(&fired.call);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool
is_own_load(const struct lease_ask *ask, const struct flight *f)
{
    if (!f || !f->token)
        return false;
    if (ask->loader && f->loader == ask->loader)
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
answer(struct entry *e, struct lease_ask *ask, const struct flight_result *r)
{
    struct flight_table *t = &ask->call.a->flights;
    bool own = r->verdict != FLIGHT_WIN && is_own_load(ask, r->flight);
    switch (r->verdict) {
    case FLIGHT_HIT: return api_value_from_entry(e, ask->ret_value);
    case FLIGHT_NEGATIVE: flight_count(t, FLIGHT_COUNT_NEGATIVE); return ATTL_NEGATIVE;
    case FLIGHT_WIN:
        r->flight->loader = ask->loader;
        if (e->found && !(e->has_life && (e->life.flags & LIFE_NEGATIVE)))
            ask->ret_lease->has_value = api_value_from_entry(e, ask->ret_value) == ATTL_OK;
        return ATTL_WON;
    case FLIGHT_STALE:
    case FLIGHT_WAIT: break;
    }
    if (own) {
        flight_count(t, FLIGHT_COUNT_REENTRANT);
        return ATTL_E_REENTRANT;
    }
    if (r->verdict == FLIGHT_WAIT)
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
    take_for_released(e, &ask->call);
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
        cache_count(&a->cache, self, status <= ATTL_STALE && status != ATTL_MISS ? COUNT_HITS
                                                                                 : COUNT_MISSES, 1);
    deliver(&ask->call);
    return status;
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
    attl_value value;
    attl_lease lease = { .struct_size = sizeof lease, .fresh_ms = ATTL_NO_DEADLINE };
    struct lease_ask ask = { .ret_value = ret_value ? ret_value : &value, .ret_lease = &lease };
    lease_wants(&own, &ask.wants);
    status = lease_ask(a, key, &ask);
    if (!ret_value)
        attl_value_release(a, &value);
    if (status >= 0)
        export_lease(&lease, ret_lease);
    return status;
}

/* ---- what the winner does -------------------------------------------------------------------- */

/* Stores, or keeps what is there, for a lease. */
struct lease_store {
    struct lease_call call;
    uint64_t token;
    struct stored_value stored;
    struct life_wish wish;
    int64_t hard_ms;
    attl_value *ret_value; /* NULL: not wanted */
};

/* How long the load took, as far as that can be remembered. */
static uint32_t
load_ms(const struct entry *e, const struct flight *f)
{
    int64_t took_ms = e->now_ms - f->won_ms;
    return took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX;
}

/* Everybody gets the value that is stored now. */
static void
land(struct entry *e, struct lease_store *st, struct flight *f, int status)
{
    flight_land(f, status, &st->call.release);
    take_for_released(e, &st->call);
    if (st->ret_value && api_value_from_entry(e, st->ret_value) != ATTL_OK)
        *st->ret_value = (attl_value)ATTL_VALUE_INIT;
}

static int
fill_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    take_for_released(e, &st->call);
    if (status != ATTL_OK)
        return status;
    int64_t gone_ms = stored_value_begin(&st->stored, &st->wish, e->now_ms, st->hard_ms);
    st->stored.life.load_ms = load_ms(e, f);
    status = entry_put(e, &st->stored, gone_ms);
    if (status != ATTL_OK)
        return status;
    cache_count(e->cache, e->self, COUNT_SETS, 1);
    flight_count(&st->call.a->flights, FLIGHT_COUNT_FILLED);
    land(e, st, f, ATTL_OK);
    return ATTL_OK;
}

static int
keep_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    take_for_released(e, &st->call);
    if (status != ATTL_OK)
        return status;
    if (!e->found || (e->has_life && (e->life.flags & LIFE_NEGATIVE)))
        return ATTL_MISS;
    struct life life;
    int64_t gone_ms;
    bool has_life = life_begin(&st->wish, e->now_ms, st->hard_ms, &life, &gone_ms);
    life.load_ms = load_ms(e, f);
    status = has_life || e->has_life ? entry_set_life(e, &life, gone_ms)
                                     : entry_set_deadline(e, st->hard_ms);
    if (status != ATTL_OK)
        return status;
    flight_count(&st->call.a->flights, FLIGHT_COUNT_KEPT);
    land(e, st, f, ATTL_OK);
    return ATTL_OK;
}

/* The lives of what is to be stored, shortened by the jitter. */
static int
begin_store(struct lease_store *st, const struct reclaim_reader *r, attl_slice key,
            const attl_fill_opts *opts)
{
    struct attl *a = st->call.a;
    int64_t now_ms = engine_now_ms(a);
    st->wish = (struct life_wish){ .soft_ms = opts->soft_ms, .grace_ms = opts->grace_ms };
    int status = engine_check_key(a, r, key);
    if (status == ATTL_OK && life_is_wished(&st->wish))
        status = engine_check_wish(a, r, &st->wish);
    if (status == ATTL_OK)
        status = engine_deadline(a, r, opts->ttl_ms, 0, now_ms, &st->hard_ms);
    if (status != ATTL_OK || !opts->jitter_percent)
        return status;
    uint64_t hash = cache_hash(&a->cache, key);
    int64_t end_ms = st->hard_ms;
    if (end_ms != ATTL_NO_DEADLINE)
        st->hard_ms =
            now_ms + flight_jitter_ms(end_ms - now_ms, opts->jitter_percent, hash, end_ms);
    st->wish.soft_ms = flight_jitter_ms(st->wish.soft_ms, opts->jitter_percent, hash, end_ms);
    return ATTL_OK;
}

static struct lease_store
new_store(struct attl *a, uint64_t token, attl_value *ret_value)
{
    return (struct lease_store){ .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .ret_value = ret_value };
}

int
lease_fill(struct attl *a, attl_slice key, uint64_t token, attl_slice value,
           const attl_fill_opts *opts, attl_value *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct lease_store st = new_store(a, token, ret_value);
    int status = begin_store(&st, r, key, opts);
    if (status == ATTL_OK)
        status = engine_check_value(a, r, value.len);
    if (status == ATTL_OK)
        status = api_store_value(a, r, key, value, &st.stored);
    if (status != ATTL_OK)
        return status;
    status = engine_change_stale(a, key, fill_change, &st);
    stored_value_fini(&st.stored);
    deliver(&st.call);
    return status;
}

int
lease_keep(struct attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts,
           attl_value *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct lease_store st = new_store(a, token, ret_value);
    int status = begin_store(&st, r, key, opts);
    if (status == ATTL_OK)
        status = engine_change_stale(a, key, keep_change, &st);
    deliver(&st.call);
    return status;
}

/* The source has no such value: that is stored, too. */
static int
negative_change(struct entry *e, void *ud)
{
    struct lease_store *st = ud;
    struct flight *f;
    int status = flight_check(st->call.a, e, st->token, &st->call.release, &f);
    take_for_released(e, &st->call);
    if (status != ATTL_OK)
        return status;
    status = entry_put(e, &st->stored, st->hard_ms);
    if (status != ATTL_OK)
        return status;
    flight_land(f, ATTL_NEGATIVE, &st->call.release);
    return ATTL_OK;
}

struct lease_fail {
    struct lease_call call;
    uint64_t token;
    int64_t backoff_ms;
};

static int
fail_change(struct entry *e, void *ud)
{
    struct lease_fail *fail = ud;
    struct flight *f;
    int status = flight_check(fail->call.a, e, fail->token, &fail->call.release, &f);
    if (status == ATTL_OK)
        flight_fail(f, e, fail->backoff_ms, &fail->call.release);
    take_for_released(e, &fail->call);
    return status;
}

int
lease_fail(struct attl *a, attl_slice key, uint64_t token, int64_t negative_ms, int64_t backoff_ms)
{
    if (!is_span(negative_ms) || !is_span(backoff_ms))
        return ATTL_E_INVALID;
    const struct reclaim_reader *r = reclaim_self();
    int status = r ? engine_check_key(a, r, key) : ATTL_E_NOMEM;
    if (status != ATTL_OK)
        return status;
    if (negative_ms > 0) {
        struct lease_store st = new_store(a, token, NULL);
        st.hard_ms = engine_now_ms(a) + negative_ms;
        st.stored = (struct stored_value){
            .has_life = true,
            .life = { .soft_ms = ATTL_NO_DEADLINE, .hard_ms = st.hard_ms, .flags = LIFE_NEGATIVE }
        };
        status = engine_change_stale(a, key, negative_change, &st);
        deliver(&st.call);
    } else {
        struct lease_fail fail = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                   .token = token,
                                   .backoff_ms = backoff_ms ? backoff_ms : BACKOFF_DEFAULT_MS };
        status = engine_restore(a, key, fail_change, &fail);
        deliver(&fail.call);
    }
    if (status == ATTL_OK)
        flight_count(&a->flights, FLIGHT_COUNT_FAILED);
    return status;
}

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
    take_for_released(e, &renew->call);
    if (status == ATTL_OK)
        flight_renew(f, e->now_ms + renew->lease_ms);
    return status;
}

int
attl_renew(attl *a, attl_slice key, uint64_t token, int64_t lease_ms)
{
    if (lease_ms <= 0 || lease_ms > LIMIT_LEASE_MS)
        return ATTL_E_INVALID;
    struct lease_renew renew = { .call = { .a = a, .value = ATTL_VALUE_INIT },
                                 .token = token,
                                 .lease_ms = lease_ms };
    int status = engine_look(a, key, renew_change, &renew);
    deliver(&renew.call);
    return status;
}

int
attl_fill(attl *a, attl_slice key, uint64_t token, attl_slice value, const attl_fill_opts *opts)
{
    attl_fill_opts own;
    int status = lease_import_fill_opts(opts, &own);
    return status == ATTL_OK ? lease_fill(a, key, token, value, &own, NULL) : status;
}

int
attl_keep(attl *a, attl_slice key, uint64_t token, const attl_fill_opts *opts)
{
    attl_fill_opts own;
    int status = lease_import_fill_opts(opts, &own);
    return status == ATTL_OK ? lease_keep(a, key, token, &own, NULL) : status;
}

int
attl_fail(attl *a, attl_slice key, uint64_t token, int64_t negative_ms, int64_t backoff_ms)
{
    return lease_fail(a, key, token, negative_ms, backoff_ms);
}
