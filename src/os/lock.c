/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow half of the futex mutex, after Ulrich Drepper, "Futexes are tricky" (2011), mutex 2:
 * state 2 means that a sleeper may exist, so that an uncontended release makes no system call.
 * Waking hands over nothing: the woken thread competes again, which is unfair but keeps the lock
 * busy. Memory order: acquiring acquires, releasing releases.
 */
#include "os/lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOCK_SPINS = 64 };

static void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void
lock_acquire_slow(struct lock *l)
{
    for (int i = 0; i < LOCK_SPINS; i++) {
        cpu_relax();
        if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 && lock_try(l))
            return;
    }
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0)
        (void)syscall(SYS_futex, &l->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL,
                      0); /* woken or changed: look again */
}

void
lock_wake(struct lock *l)
{
    (void)syscall(SYS_futex, &l->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
                  0); /* nobody there is fine */
}
