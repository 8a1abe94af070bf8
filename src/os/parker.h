/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place where one thread sleeps until a time or until somebody wakes it. A wake before the sleep
 * is remembered, so none is lost, and waking a thread that is awake costs one atomic exchange and
 * no system call. One sleeper, any number of wakers.
 */
#ifndef ATTL_OS_PARKER_H
#define ATTL_OS_PARKER_H

#include <stdatomic.h>
#include <stdint.h>

struct parker {
    _Atomic uint32_t state; /* 0 awake, 1 asleep, 2 woken */
};

void parker_init(struct parker *p);
/* Sleeps for at most `timeout_ms` (< 0: until woken). Returns at once if woken since the last
 * sleep. */
void parker_sleep(struct parker *p, int64_t timeout_ms);
/* The same for at most `timeout_us` > 0. */
void parker_sleep_us(struct parker *p, int64_t timeout_us);
void parker_wake(struct parker *p);

#endif
