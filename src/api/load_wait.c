/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_get_or_load: asking until there is an answer. The loser of a race sleeps on its own stack
 * until the winner's end, a promotion or its time; whoever delivers holds the sleeper's lock until
 * it has touched it for the last time, so that the stack may go afterwards. Where no maintenance
 * thread ends leases the sleeper looks again by itself every now and then.
 */
#include "api/load.h"

#include "engine/value.h"

enum { LOOK_AGAIN_MS = 20, NS_PER_MS = 1000000 };

struct sleeper {
    struct flight_waiter waiter;
    struct attl *a;
    struct parker parker;
    struct lock lock;
    bool is_delivered;
    attl_value value;
};

static void
wake_sleeper(struct flight_waiter *w, const attl_value *value)
{
    struct sleeper *s = (struct sleeper *)((char *)w - offsetof(struct sleeper, waiter));
    lock_acquire(&s->lock);
    bool wants = w->status == ATTL_OK || w->status == ATTL_STALE || w->status == ATTL_WON;
    bool has = wants && value && api_value_share(s->a, value, &s->value) == ATTL_OK;
    if (!has) {
        s->value = (attl_value)ATTL_VALUE_INIT;
        if (wants && w->status != ATTL_WON)
            w->status = ATTL_E_BUSY;
    }
    s->is_delivered = true;
    parker_wake(&s->parker);
    lock_release(&s->lock);
}

static bool
is_delivered(struct sleeper *s)
{
    lock_acquire(&s->lock);
    bool delivered = s->is_delivered;
    lock_release(&s->lock);
    return delivered;
}

/* True if it was delivered to; false: it is not parked any more, and has to ask again. */
static bool
sleep_until(struct sleeper *s, attl_slice key, int64_t end_ns)
{
    struct attl *a = s->a;
    int64_t left_ms = (end_ns - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
    if (!a->background && left_ms > LOOK_AGAIN_MS)
        left_ms = LOOK_AGAIN_MS;
    int64_t wake_ns = clock_mono_ns() + left_ms * NS_PER_MS;
    for (;;) {
        if (is_delivered(s))
            return true;
        int64_t now_ns = clock_mono_ns();
        if (now_ns >= wake_ns)
            break;
        parker_sleep(&s->parker, (wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
    }
    if (lease_unpark(a, key, &s->waiter))
        return false;
    while (!is_delivered(s)) /* it is on its way */
        parker_sleep(&s->parker, 1);
    return true;
}

struct get_or_load {
    struct attl *a;
    struct load_spec spec;
    attl_load_opts opts;
    struct lease_ask ask;
    attl_lease lease;
    int64_t end_ns;
    attl_value *ret_value;
};

/* The lease is ours. */
static int
load_now(struct get_or_load *g)
{
    g->spec.ask = &g->ask;
    attl_value stale;
    value_move(&stale, g->ret_value);
    if (!(g->opts.flags & ATTL_LOAD_BACKGROUND) || !stale.data.data)
        return load_run_here(g->a, &g->spec, &stale, g->ret_value);
    if (load_start(g->a, &g->spec, &stale) != ATTL_OK)
        lease_return(g->a, g->spec.key, g->spec.token); /* somebody else may do it */
    value_move(g->ret_value, &stale);
    return g->ask.is_fresh ? ATTL_OK : ATTL_STALE;
}

static int
outcome_of(int status, bool failing)
{
    if (status == ATTL_MISS)
        return failing ? ATTL_E_LOADER : ATTL_E_TIMEOUT;
    return status;
}

/* One question. ATTL_DONE: ask again. */
static int
ask_once(struct get_or_load *g)
{
    struct sleeper s = { .a = g->a, .waiter = { .deadline_ms = ATTL_NO_DEADLINE } };
    bool may_wait = clock_mono_ns() < g->end_ns;
    lock_init(&s.lock);
    parker_init(&s.parker);
    s.waiter.wants = g->ask.wants;
    s.waiter.loader = g->ask.asker;
    s.waiter.deliver = wake_sleeper;
    g->ask.waiter = may_wait ? &s.waiter : NULL;
    g->ask.parked = false;
    int status = lease_ask(g->a, g->spec.key, &g->ask);
    if (status == ATTL_WON)
        g->spec.token = g->lease.token;
    if (!g->ask.parked)
        return status == ATTL_WON ? load_now(g) : outcome_of(status, g->ask.failing);
    if (!sleep_until(&s, g->spec.key, g->end_ns))
        return ATTL_DONE;
    value_move(g->ret_value, &s.value);
    if (s.waiter.status != ATTL_WON)
        return outcome_of(s.waiter.status, true);
    g->spec.token = s.waiter.token;
    return load_now(g);
}

int
attl_get_or_load(attl *a, attl_slice key, attl_loader_fn loader, void *ud,
                 const attl_load_opts *opts, attl_value *ret_value)
{
    struct get_or_load g = { .a = a,
                             .spec = { .key = key, .loader = loader, .ud = ud },
                             .lease = ATTL_LEASE_INIT };
    int status = load_import_opts(opts, &g.opts);
    if (status == ATTL_OK && (!loader || g.opts.executor))
        status = ATTL_E_INVALID;
    if (status == ATTL_OK)
        status = load_ask_init(&g.opts, &g.ask);
    if (status != ATTL_OK)
        return status;
    *ret_value = (attl_value)ATTL_VALUE_INIT;
    g.spec.opts = &g.opts;
    g.ask.wants.early_ms = load_early_ms(a, key, &g.opts);
    g.ask.loader = g.ask.asker;
    g.ask.ret_value = g.ret_value = ret_value;
    g.ask.ret_lease = &g.lease;
    g.end_ns = clock_mono_ns() + g.opts.timeout_ms * NS_PER_MS;
    do {
        status = ask_once(&g);
    } while (status ==
             ATTL_DONE); /* at the latest when the time is over there is no more waiting */
    return status;
}
