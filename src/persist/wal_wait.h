/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that wait for the flusher. Each stands in a list with a number to watch and the value it
 * waits for, and sleeps in a place of its own, so that the flusher wakes those whose time has come
 * and no others. Whoever waits announces himself before he looks at the number again, and the
 * flusher looks for waiters after it has changed it: no wake is lost.
 */
#ifndef ATTL_PERSIST_WAL_WAIT_H
#define ATTL_PERSIST_WAL_WAIT_H

#include "os/lock.h"
#include "os/parker.h"

struct wal_waiter {
    struct wal_waiter *next;
    const _Atomic uint64_t *watched;
    uint64_t wanted; /* at least */
    struct parker parker;
};

struct wal_waiters {
    struct lock lock;
    struct wal_waiter *first;
    _Atomic uint32_t count;
};

/* Enters the list; then look again, sleep in `parker`, and leave. */
void wal_waiters_enter(struct wal_waiters *ws, struct wal_waiter *waiter,
                       const _Atomic uint64_t *watched, uint64_t wanted);
void wal_waiters_leave(struct wal_waiters *ws, struct wal_waiter *waiter);
/* Wakes those whose number is there; all of them if `all`. */
void wal_waiters_wake(struct wal_waiters *ws, bool all);
bool wal_waiters_any(const struct wal_waiters *ws);

#endif
