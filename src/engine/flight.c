/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a flight. Every call brings the flight in order first: a lease that is lost or has
 * ended is taken away, and then each waiter decides anew, as if it asked now; the first that wins
 * has the next lease. The timer is armed for the earliest of what may happen by itself, and for
 * "now" when somebody else writes the key, because whoever writes holds the lock and cannot
 * deliver. It is looked at with suspicion: it may be on its way to fire while others change the
 * flight, and then it is the firing that frees it.
 */
#include "engine/flight.h"

#include "engine/engine.h"

enum {
    TOKEN_SHIFT = 10, /* as many leases per millisecond, and tokens still fit into a double */
    AT_ONCE_MS = 0,   /* long ago */
    LOSES = NOTICE_SET | NOTICE_DELETED | NOTICE_CLEARED,
};

void
flight_table_init(struct flight_table *t, int64_t now_ms)
{
    for (unsigned i = 0; i < FLIGHT_BUCKETS; i++)
        lock_init(&t->buckets[i].lock);
    atomic_init(&t->last_token, (uint64_t)now_ms << TOKEN_SHIFT);
}

static struct flight_bucket *
bucket_of(struct flight_table *t, uint64_t hash)
{
    return &t->buckets[hash % FLIGHT_BUCKETS];
}

void
flight_free(struct flight *f)
{
    alloc_free(&f->a->cache.config.alloc, f);
}

void
flight_table_fini(struct attl *a)
{
    for (unsigned i = 0; i < FLIGHT_BUCKETS; i++) {
        for (struct flight *f = a->flights.buckets[i].first, *next; f; f = next) {
            next = f->next;
            ASSERT(!f->first);
            if (f->timer_out)
                (void)timer_cancel(a, &f->timer); /* nothing fires any more */
            flight_free(f);
        }
        a->flights.buckets[i].first = NULL;
    }
}

/* ---- the table ---- */

static bool
is_of(const struct flight *f, const struct index_key *k)
{
    return f->hash == k->hash && f->key_bytes == k->key.len &&
           (k->key.len == 0 || memcmp(f->key, k->key.data, k->key.len) == 0);
}

struct flight *
flight_find(struct attl *a, const struct entry *e)
{
    struct flight_bucket *b = bucket_of(&a->flights, e->key.hash);
    lock_acquire(&b->lock);
    struct flight *f = b->first;
    while (f && !is_of(f, &e->key))
        f = f->next;
    lock_release(&b->lock);
    return f;
}

static void
link_flight(struct flight_table *t, struct flight *f)
{
    struct flight_bucket *b = bucket_of(t, f->hash);
    lock_acquire(&b->lock);
    f->next = b->first;
    if (f->next)
        f->next->prev = f;
    b->first = f;
    lock_release(&b->lock);
}

static void
unlink_flight(struct flight_table *t, struct flight *f)
{
    struct flight_bucket *b = bucket_of(t, f->hash);
    lock_acquire(&b->lock);
    *(f->prev ? &f->prev->next : &b->first) = f->next;
    if (f->next)
        f->next->prev = f->prev;
    lock_release(&b->lock);
}

static int
flight_new(struct attl *a, const struct entry *e, struct flight **ret_flight)
{
    struct flight_table *t = &a->flights;
    if (atomic_fetch_add(&t->flights, 1) >= LIMIT_FLIGHTS) {
        atomic_fetch_sub(&t->flights, 1);
        flight_count(t, FLIGHT_COUNT_BUSY);
        return ATTL_E_BUSY;
    }
    struct flight *f = alloc_zero(&a->cache.config.alloc, sizeof *f + e->key.key.len);
    if (!f) {
        atomic_fetch_sub(&t->flights, 1);
        return ATTL_E_NOMEM;
    }
    f->a = a;
    f->partition = e->partition;
    f->hash = e->key.hash;
    f->key_bytes = e->key.key.len;
    if (f->key_bytes) /* the empty key may have no address */
        memcpy(f->key, e->key.key.data, f->key_bytes);
    f->timer.fire = t->fire;
    link_flight(t, f);
    *ret_flight = f;
    return ATTL_OK;
}

/* ---- the watch: while there is a lease, or somebody waits ---- */

static bool
is_lost(const struct flight *f)
{
    return f->watching && ((watch_seen(&f->watch) & LOSES) ||
                           atomic_load_explicit(&f->watch.unwanted, memory_order_acquire));
}

static void
stop_watching(struct flight *f)
{
    if (f->watching)
        watch_remove_locked(&f->a->watches, &f->watch);
    f->watching = false;
}

/* The key has been changed by somebody who cannot deliver: a timer does, as soon as it can. */
static void
told(struct watch *w)
{
    struct flight *f = (struct flight *)((char *)w - offsetof(struct flight, watch));
    if (!f->first || !is_lost(f))
        return; /* whoever comes next will see it */
    if (f->timer_out && (f->timer.at_ms == AT_ONCE_MS || !timer_cancel(f->a, &f->timer)))
        return; /* it is about to fire, and will see it */
    f->timer_out = true;
    timer_set(f->a, &f->timer, AT_ONCE_MS);
}

/* From now on, with nothing seen. */
static void
watch_afresh(struct flight *f)
{
    stop_watching(f);
    watch_add_locked(&f->a->watches, &f->a->cache, &f->watch, attl_b(f->key, f->key_bytes));
    f->watch.told = told;
    f->watching = true;
}

/* Without a lease only those who wait need it. */
static void
tend_watch(struct flight *f)
{
    if (f->token)
        return;
    if (!f->first)
        stop_watching(f);
    else if (!f->watching || is_lost(f))
        watch_afresh(f);
}

/* ---- the lease ---- */

static void
grant(struct flight *f, int64_t now_ms, const struct flight_wants *wants)
{
    struct attl *a = f->a;
    f->token = 1 + atomic_fetch_add(&a->flights.last_token, 1);
    f->won_ms = now_ms;
    f->lease_end_ms = now_ms + wants->lease_ms;
    watch_afresh(f);
    flight_count(&a->flights, FLIGHT_COUNT_WON);
}

static void
drop_lease(struct flight *f)
{
    f->token = 0;
    f->loader = NULL;
}

static bool
is_over(const struct flight *f, int64_t now_ms)
{
    return f->token && (is_lost(f) || now_ms >= f->lease_end_ms);
}

/* ---- the timer ---- */

static int64_t
next_ms(const struct flight *f)
{
    int64_t at_ms = f->token ? f->lease_end_ms : f->first ? f->retry_ms : f->forget_ms;
    if (f->first && f->first->deadline_ms != ATTL_NO_DEADLINE && f->first->deadline_ms < at_ms)
        at_ms = f->first->deadline_ms;
    return at_ms;
}

static void
arm(struct flight *f)
{
    int64_t at_ms = next_ms(f);
    if (f->timer_out && at_ms == f->timer.at_ms)
        return;
    if (f->timer_out && !timer_cancel(f->a, &f->timer))
        return; /* it is firing: that looks at everything, and arms it anew */
    f->timer_out = true;
    timer_set(f->a, &f->timer, at_ms);
}

static void
end_flight(struct flight *f)
{
    struct attl *a = f->a;
    ASSERT(!f->first && !f->token);
    stop_watching(f);
    unlink_flight(&a->flights, f);
    atomic_fetch_sub(&a->flights.flights, 1);
    f->dead = true;
    if (!f->timer_out || timer_cancel(a, &f->timer))
        flight_free(f);
}

/* ---- waiters ---- */

static void
detach(struct flight *f, struct flight_waiter *w)
{
    *(w->prev ? &w->prev->next : &f->first) = w->next;
    *(w->next ? &w->next->prev : &f->last) = w->prev;
    w->next = w->prev = NULL;
    w->flight = NULL;
    f->waiters--;
    atomic_fetch_sub_explicit(&f->a->flights.waiting, 1, memory_order_relaxed);
}

static void
let_go(struct flight *f, struct flight_waiter *w, int status, struct flight_release *out)
{
    detach(f, w);
    w->status = status;
    out->wants_value |= status == ATTL_OK || status == ATTL_STALE || status == ATTL_WON;
    if (out->last)
        out->last->next = w;
    else
        out->first = w;
    out->last = w;
}

static bool
is_due(const struct flight_waiter *w, int64_t now_ms)
{
    return w->deadline_ms != ATTL_NO_DEADLINE && w->deadline_ms <= now_ms;
}

static bool
is_later(const struct flight_waiter *w, int64_t deadline_ms)
{
    return deadline_ms != ATTL_NO_DEADLINE &&
           (w->deadline_ms == ATTL_NO_DEADLINE || w->deadline_ms > deadline_ms);
}

int
flight_park(struct flight *f, struct flight_waiter *w)
{
    lock_assert_held(&f->partition->lock);
    if (f->waiters >= LIMIT_FLIGHT_WAITERS) {
        flight_count(&f->a->flights, FLIGHT_COUNT_BUSY);
        return ATTL_E_BUSY;
    }
    struct flight_waiter *before = f->last;
    while (before && is_later(before, w->deadline_ms))
        before = before->prev;
    w->flight = f;
    w->prev = before;
    w->next = before ? before->next : f->first;
    *(before ? &before->next : &f->first) = w;
    *(w->next ? &w->next->prev : &f->last) = w;
    f->waiters++;
    atomic_fetch_add_explicit(&f->a->flights.waiting, 1, memory_order_relaxed);
    flight_count(&f->a->flights, FLIGHT_COUNT_PARKED);
    tend_watch(f);
    if (!before)
        arm(f);
    return ATTL_OK;
}

bool
flight_unpark(struct flight_waiter *w)
{
    if (!w->flight)
        return false;
    detach(w->flight, w);
    return true;
}

struct flight_view
flight_view_make(int64_t deadline_ms, const struct life *life)
{
    struct flight_view v = { .found = true, .fresh_ms = deadline_ms };
    if (!life)
        return v;
    v.negative = life->flags & LIFE_NEGATIVE;
    v.load_ms = life->load_ms;
    if (life->soft_ms != ATTL_NO_DEADLINE)
        v.fresh_ms = life->soft_ms;
    return v;
}

struct flight_view
flight_view_of(const struct entry *e)
{
    if (!e->found)
        return (struct flight_view){ 0 };
    return flight_view_make(e->deadline_ms, e->has_life ? &e->life : NULL);
}

uint64_t
flight_throw(struct flight_table *t, uint64_t hash, int64_t now_ms)
{
    uint64_t n = atomic_fetch_add_explicit(&t->dice, 1, memory_order_relaxed);
    return flight_dice(hash ^ (uint64_t)now_ms, n);
}

static int
status_of(enum flight_verdict verdict)
{
    switch (verdict) {
    case FLIGHT_HIT: return ATTL_OK;
    case FLIGHT_STALE: return ATTL_STALE;
    case FLIGHT_WIN: return ATTL_WON;
    case FLIGHT_NEGATIVE: return ATTL_NEGATIVE;
    case FLIGHT_WAIT: break;
    }
    return ATTL_MISS;
}

/* Nobody loads: each waiter decides anew. `failed`: it is not worth waiting any longer. */
static void
serve(struct flight *f, const struct entry *e, bool failed, struct flight_release *out)
{
    struct flight_view v = flight_view_of(e);
    v.retry_ms = f->retry_ms;
    for (struct flight_waiter *w = f->first, *next; w; w = next) {
        next = w->next;
        v.leased = f->token != 0;
        enum flight_verdict verdict = flight_decide(&v, e->now_ms, &w->wants, UINT64_MAX);
        if (verdict == FLIGHT_WAIT && !failed)
            continue;
        if (verdict == FLIGHT_WIN) {
            grant(f, e->now_ms, &w->wants);
            flight_count(&f->a->flights, FLIGHT_COUNT_PROMOTED);
            f->loader = w->loader;
            w->token = f->token;
            w->lease_end_ms = f->lease_end_ms;
        }
        let_go(f, w, status_of(verdict), out);
    }
}

/* Brings the flight in order; it may end. */
static void
settle(struct flight *f, const struct entry *e, struct flight_release *out)
{
    int64_t now_ms = e->now_ms;
    if (is_over(f, now_ms)) {
        flight_count(&f->a->flights, is_lost(f) ? FLIGHT_COUNT_LOST : FLIGHT_COUNT_ENDED);
        drop_lease(f);
    }
    struct flight_view v = flight_view_of(e);
    for (struct flight_waiter *w = f->first; w && is_due(w, now_ms); w = f->first) {
        flight_count(&f->a->flights, FLIGHT_COUNT_TIMEOUT);
        let_go(f, w, flight_is_welcome(&v, now_ms, &w->wants) ? ATTL_STALE : ATTL_E_TIMEOUT, out);
    }
    if (!f->token)
        serve(f, e, false, out);
    tend_watch(f);
    if (!f->token && !f->first && now_ms >= f->forget_ms)
        end_flight(f);
    else
        arm(f);
}

/* ---- what others call ---- */

int
flight_ask(struct attl *a, const struct entry *e, const struct flight_wants *wants,
           struct flight_release *out, struct flight_result *ret)
{
    lock_assert_held(&e->partition->lock);
    struct flight *f = flight_find(a, e);
    if (f && (!f->token || is_over(f, e->now_ms))) {
        settle(f, e, out);
        f = flight_find(a, e); /* it may have ended */
    }
    struct flight_view v = flight_view_of(e);
    v.leased = f && f->token;
    v.retry_ms = f ? f->retry_ms : 0;
    uint64_t dice = flight_throw(&a->flights, e->key.hash, e->now_ms);
    *ret =
        (struct flight_result){ .verdict = flight_decide(&v, e->now_ms, wants, dice),
                                .flight = f,
                                .retry_ms = v.leased || v.retry_ms <= e->now_ms ? 0 : v.retry_ms };
    if (ret->verdict != FLIGHT_WIN)
        return ATTL_OK;
    int status = f ? ATTL_OK : flight_new(a, e, &f);
    if (status != ATTL_OK)
        return status;
    grant(f, e->now_ms, wants);
    if (v.found && (v.fresh_ms == ATTL_NO_DEADLINE || v.fresh_ms > e->now_ms))
        flight_count(&a->flights, FLIGHT_COUNT_EARLY);
    arm(f);
    ret->flight = f;
    ret->token = f->token;
    ret->lease_end_ms = f->lease_end_ms;
    return ATTL_OK;
}

int
flight_check(struct attl *a, const struct entry *e, uint64_t token, struct flight_release *out,
             struct flight **ret_flight)
{
    lock_assert_held(&e->partition->lock);
    struct flight *f = flight_find(a, e);
    if (!f || f->token != token || token == 0)
        return ATTL_E_LEASE_LOST;
    if (is_over(f, e->now_ms)) {
        settle(f, e, out);
        return ATTL_E_LEASE_LOST;
    }
    *ret_flight = f;
    return ATTL_OK;
}

void
flight_renew(struct flight *f, const struct entry *e, int64_t lease_ms, struct flight_release *out)
{
    f->lease_end_ms = e->now_ms + lease_ms;
    settle(f, e, out);
}

void
flight_land(struct flight *f, int status, struct flight_release *out)
{
    drop_lease(f);
    while (f->first)
        let_go(f, f->first, status, out);
    end_flight(f);
}

void
flight_fail(struct flight *f, const struct entry *e, int64_t backoff_ms, struct flight_release *out)
{
    drop_lease(f);
    f->failures++;
    int64_t wait_ms = flight_backoff_ms(backoff_ms, f->failures);
    f->retry_ms = e->now_ms + wait_ms;
    f->forget_ms = f->retry_ms + wait_ms;
    serve(f, e, true, out);
    tend_watch(f);
    if (atomic_load_explicit(&f->a->flights.flights, memory_order_relaxed) > LIMIT_FLIGHTS / 2)
        f->forget_ms = e->now_ms; /* failures do not keep others from loading */
    if (e->now_ms >= f->forget_ms)
        end_flight(f);
    else
        arm(f);
}

bool
flight_fired(struct flight *f, const struct entry *e, struct flight_release *out)
{
    lock_assert_held(&f->partition->lock);
    if (!f->dead)
        settle(f, e, out); /* as long as timer_out is set it neither frees nor arms */
    if (f->dead)
        return true;
    f->timer_out = false;
    arm(f);
    return false;
}

void
flight_deliver(struct flight_release *out, const attl_value *value)
{
    for (struct flight_waiter *w = out->first, *next; w; w = next) {
        next = w->next;
        w->deliver(w, value);
    }
    *out = (struct flight_release){ 0 };
}
