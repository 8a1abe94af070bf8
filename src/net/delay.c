/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of those who were put off is in order of their coming, and the delay is the same for
 * all, so the first is due first; a change of shed.max_delay in between makes some wait for others,
 * no longer than the older of both. What a worker sheds is told to the cache (attl_report_load())
 * when its level changes, with the level of the worst worker. Counters have one writer, the worker.
 */
#include "net/delay.h"

#include "command/shed.h"

enum { NS_PER_MS = 1000000, US_PER_MS = 1000 };

void
delay_add(struct worker *w, struct conn *c)
{
    lock_assert_held(&w->lock);
    ASSERT(!c->delayed);
    c->delayed = true;
    c->delay_due_ms = w->now_ms + LIMIT_LOAD(w->net, shed_max_delay_ms);
    c->delay_prev = w->delayed_last;
    c->delay_next = NULL;
    *(w->delayed_last ? &w->delayed_last->delay_next : &w->delayed_first) = c;
    w->delayed_last = c;
}

void
delay_remove(struct worker *w, struct conn *c)
{
    lock_assert_held(&w->lock);
    ASSERT(c->delayed);
    *(c->delay_prev ? &c->delay_prev->delay_next : &w->delayed_first) = c->delay_next;
    *(c->delay_next ? &c->delay_next->delay_prev : &w->delayed_last) = c->delay_prev;
    c->delayed = false;
}

void
delay_stamp(const struct worker *w, struct session *s)
{
    /* They were known of when the turn began. */
    int64_t since_ms = clock_now_ms(&w->net->clock) - w->now_ms;
    s->arrived_ns = clock_mono_ns() - since_ms * NS_PER_MS;
}

/* ---- the level ---- */

static uint64_t
shed_sum(const struct net *net)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < net->workers_len; i++)
        for (unsigned class = 0; class < SHED_CLASSES; class ++)
            for (unsigned outcome = 0; outcome < SHED_OUTCOMES; outcome++)
                sum += atomic_load_explicit(&net->workers[i].env.shed[class][outcome],
                                            memory_order_relaxed);
    return sum;
}

static void
report(struct worker *w)
{
    struct net *net = w->net;
    unsigned level = 0;
    uint64_t wait_ms = 0;
    atomic_store(&w->shed_level, w->shed.level);
    for (size_t i = 0; i < net->workers_len; i++) {
        unsigned its = atomic_load(&net->workers[i].shed_level);
        uint64_t wait = atomic_load_explicit(&net->workers[i].wait_ms, memory_order_relaxed);
        level = its > level ? its : level;
        wait_ms = wait > wait_ms ? wait : wait_ms;
    }
    attl_report_load(net->cache, (int)level, wait_ms * US_PER_MS, shed_sum(net));
}

static void
note(struct worker *w, int64_t now_ms, int64_t wait_ms)
{
    int64_t target_ms = LIMIT_LOAD(w->net, shed_target_ms);
    bool changed = false;
    if (target_ms == INT64_MAX) { /* switched off */
        changed = w->shed.level > 0;
        shed_reset(&w->shed);
    } else {
        changed = shed_note(&w->shed, target_ms, now_ms, wait_ms);
    }
    w->env.shed_level = w->shed.level;
    w->env.shed_retry_ms = shed_retry_ms(&w->shed, target_ms < INT64_MAX ? target_ms : 0, now_ms);
    if (!changed)
        return;
    report(w);
    if (w->shed.level == 1)
        net_complain(w->net, now_ms, COMPLAINT_OVERLOAD,
                     "requests wait too long for a thread: load is shed (see INFO attl)");
}

void
delay_measure(struct worker *w, bool served)
{
    int64_t now_ms = clock_now_ms(&w->net->clock);
    int64_t wait_ms = served ? now_ms - w->now_ms : 0;
    atomic_store_explicit(&w->wait_ms, (uint64_t)wait_ms, memory_order_relaxed);
    counter_add(&w->waits[histogram_class((uint64_t)wait_ms)], 1);
    counter_add(&w->wait_sum_ms, (uint64_t)wait_ms);
    note(w, now_ms, wait_ms);
}

int64_t
delay_next_ms(const struct worker *w)
{
    int64_t target_ms = LIMIT_LOAD(w->net, shed_target_ms);
    int64_t next_ms = target_ms < INT64_MAX ? shed_next_ms(&w->shed, target_ms)
                      : w->shed.level > 0   ? w->now_ms
                                            : INT64_MAX;
    if (w->delayed_first && w->delayed_first->delay_due_ms < next_ms)
        next_ms = w->delayed_first->delay_due_ms;
    return next_ms;
}

/* ---- those who wait ---- */

static bool
may_go(const struct worker *w, const struct conn *c)
{
    return w->now_ms >= c->delay_due_ms || !shed_covers(w->shed.level, c->session.put_off_class);
}

void
delay_settle(struct worker *w)
{
    struct conn *last = w->delayed_last; /* who is put off anew stands behind it */
    for (struct conn *c = w->delayed_first, *next; c; c = next) {
        next = c == last ? NULL : c->delay_next;
        if (!may_go(w, c))
            continue;
        lock_acquire(&w->lock);
        delay_remove(w, c);
        c->session.exempt = true;
        conn_go_on(w, c);
        c->session.exempt = false;
        lock_release(&w->lock);
    }
}
