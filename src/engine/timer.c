/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pairing heap: putting in is one comparison, taking out pairs the children up, and no memory is
 * asked for, which a heap in an array would. The time of the first is published under the lock and
 * read without it: setting a timer publishes, then looks whether the maintenance sleeps too long;
 * the maintenance says how long it will sleep, then looks at the first timer. One of them sees the
 * other.
 */
#include "engine/timer.h"

#include "engine/engine.h"

enum { FIRE_AT_ONCE_MAX = 65536 }; /* a timer that sets itself anew is no endless loop */

void
timers_init(struct timers *ts)
{
    lock_init(&ts->lock);
    ts->first = NULL;
    atomic_init(&ts->next_ms, INT64_MAX);
}

/* Both are roots: without siblings and parent. */
static struct timer *
meld(struct timer *x, struct timer *y)
{
    if (!x || !y)
        return x ? x : y;
    if (y->at_ms < x->at_ms) {
        struct timer *t = x;
        x = y;
        y = t;
    }
    y->prev = x;
    y->next = x->child;
    if (y->next)
        y->next->prev = y;
    x->child = y;
    return x;
}

/* One heap of a list of siblings: in pairs from the left, then all of them from the right. */
static struct timer *
meld_all(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;
    while (first) {
        struct timer *x = first, *y = x->next;
        first = y ? y->next : NULL;
        x->next = x->prev = NULL;
        if (y)
            y->next = y->prev = NULL;
        x = meld(x, y);
        x->next = pairs;
        pairs = x;
    }
    while (pairs) {
        struct timer *x = pairs;
        pairs = x->next;
        x->next = NULL;
        root = meld(root, x);
    }
    return root;
}

static void
take_out(struct timers *ts, struct timer *t)
{
    struct timer *children = meld_all(t->child);
    t->child = NULL;
    t->is_set = false;
    if (t == ts->first) {
        ts->first = children;
        return;
    }
    *(t->prev->child == t ? &t->prev->child : &t->prev->next) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->next = t->prev = NULL;
    ts->first = meld(ts->first, children);
}

static void
publish(struct timers *ts)
{
    atomic_store(&ts->next_ms, ts->first ? ts->first->at_ms : INT64_MAX);
}

void
timer_set(struct attl *a, struct timer *t, int64_t at_ms)
{
    struct timers *ts = &a->timers;
    lock_acquire(&ts->lock);
    if (t->is_set)
        take_out(ts, t);
    t->at_ms = at_ms;
    t->is_set = true;
    ts->first = meld(ts->first, t);
    bool is_first = ts->first == t;
    publish(ts);
    lock_release(&ts->lock);
    if (is_first)
        engine_wake_at(a, at_ms);
}

bool
timer_cancel(struct attl *a, struct timer *t)
{
    struct timers *ts = &a->timers;
    lock_acquire(&ts->lock);
    bool was_set = t->is_set;
    if (was_set) {
        take_out(ts, t);
        publish(ts);
    }
    lock_release(&ts->lock);
    return was_set;
}

/* The first that is due, taken out; NULL: none is. */
static struct timer *
take_due(struct timers *ts, int64_t now_ms)
{
    lock_acquire(&ts->lock);
    struct timer *t = ts->first;
    if (t && t->at_ms <= now_ms) {
        take_out(ts, t);
        publish(ts);
    } else {
        t = NULL;
    }
    lock_release(&ts->lock);
    return t;
}

int64_t
timers_fire(struct attl *a, int64_t now_ms)
{
    struct timers *ts = &a->timers;
    for (unsigned n = 0; timers_next(ts) <= now_ms && n < FIRE_AT_ONCE_MAX; n++) {
        struct timer *t = take_due(ts, now_ms);
        if (t)
            t->fire(t);
    }
    return timers_next(ts);
}
