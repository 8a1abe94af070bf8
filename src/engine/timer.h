/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers of one cache, in the cache's time: fired by the maintenance thread, or by attl_tick()
 * where there is none. They are intrusive, so setting one never fails; the owner keeps the memory
 * until the timer has been cancelled or has fired. `fire` is called without any lock of ours, so it
 * may set and cancel timers; it must be quick, because everything that is due waits behind it. A
 * cache without timers does not wake up for them.
 */
#ifndef ATTL_ENGINE_TIMER_H
#define ATTL_ENGINE_TIMER_H

#include "os/lock.h"

struct attl;

/* Zeroed by its owner but for `fire`. */
struct timer {
    struct timer *child, *next, *prev; /* of a pairing heap; prev: left sibling, or parent */
    int64_t at_ms;
    void (*fire)(struct timer *t);
    bool is_set;
};

struct timers {
    struct lock lock;
    struct timer *first;
    _Atomic int64_t next_ms; /* when the first is due; INT64_MAX: there is none */
};

void timers_init(struct timers *ts);
/* Fires `t` once, at `at_ms` or soon after; a timer that is set already is moved. */
void timer_set(struct attl *a, struct timer *t, int64_t at_ms);
/* True: it will not fire. False: it was not set, has fired, or is being fired at this moment by
 * another thread, so that what `fire` uses needs a reference of its own. */
bool timer_cancel(struct attl *a, struct timer *t);
/* Fires what is due. Returns when the next one is, INT64_MAX for never. */
int64_t timers_fire(struct attl *a, int64_t now_ms);

static inline int64_t
timers_next(const struct timers *ts)
{
    return atomic_load(&ts->next_ms);
}

#endif
