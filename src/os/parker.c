/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping on a futex with a relative timeout. The three states make the common case, waking a
 * thread that is already running, free of system calls. Early returns of the kernel (signals) are
 * allowed: the sleeper's loop looks for work anyway.
 */
#include "os/parker.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
parker_init(struct parker *p)
{
    atomic_init(&p->state, 0);
}

static void
sleep_for(struct parker *p, const struct timespec *limit)
{
    uint32_t awake = 0;
    if (atomic_compare_exchange_strong(&p->state, &awake, 1))
        (void)syscall(SYS_futex, &p->state, FUTEX_WAIT_PRIVATE, 1, limit, NULL,
                      0); /* time-out, wake-up and signal all mean: go on */
    atomic_store(&p->state, 0);
}

void
parker_sleep(struct parker *p, int64_t timeout_ms)
{
    struct timespec limit = { .tv_sec = timeout_ms / 1000,
                              .tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
    sleep_for(p, timeout_ms < 0 ? NULL : &limit);
}

void
parker_sleep_us(struct parker *p, int64_t timeout_us)
{
    struct timespec limit = { .tv_sec = timeout_us / 1000000,
                              .tv_nsec = (long)(timeout_us % 1000000) * 1000 };
    sleep_for(p, &limit);
}

void
parker_wake(struct parker *p)
{
    if (atomic_exchange(&p->state, 2) == 1)
        (void)syscall(SYS_futex, &p->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
                      0); /* gone already: fine */
}
