/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list is walked under its lock, and a waiter leaves it under the same lock before its stack
 * frame is gone, so the flusher never wakes a thread that is not there any more. Waiters number as
 * many as there are threads, so a plain list will do. The count is read without the lock: the
 * flusher, which rarely finds anybody, must not pay for it.
 */
#include "persist/wal_wait.h"

void
wal_waiters_enter(struct wal_waiters *ws, struct wal_waiter *waiter,
                  const _Atomic uint64_t *watched, uint64_t wanted)
{
    parker_init(&waiter->parker);
    waiter->watched = watched;
    waiter->wanted = wanted;
    lock_acquire(&ws->lock);
    waiter->next = ws->first;
    ws->first = waiter;
    atomic_fetch_add(&ws->count, 1);
    lock_release(&ws->lock);
}

void
wal_waiters_leave(struct wal_waiters *ws, struct wal_waiter *waiter)
{
    lock_acquire(&ws->lock);
    struct wal_waiter **link = &ws->first;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    atomic_fetch_sub(&ws->count, 1);
    lock_release(&ws->lock);
}

void
wal_waiters_wake(struct wal_waiters *ws, bool all)
{
    if (!wal_waiters_any(ws))
        return;
    lock_acquire(&ws->lock);
    for (struct wal_waiter *waiter = ws->first; waiter; waiter = waiter->next)
        if (all || atomic_load(waiter->watched) >= waiter->wanted)
            parker_wake(&waiter->parker);
    lock_release(&ws->lock);
}

bool
wal_waiters_any(const struct wal_waiters *ws)
{
    return atomic_load(&ws->count) > 0;
}
