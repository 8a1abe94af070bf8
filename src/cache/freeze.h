/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot's view of the cache: the state at one moment, the cut, while everybody goes on
 * changing it. At the cut every partition is marked as shared. Whoever is first to change a
 * partition leaves its table to the snapshot and goes on with a copy (a few microseconds, once per
 * partition and snapshot); records are immutable meanwhile, and the memory of those that die is
 * held in limbo. So a snapshot costs at most the tables that were touched and the records that
 * died.
 *
 * `PARTITION_SHARED`, `PARTITION_FROZEN` and `frozen` belong to the partition's lock. One snapshot
 * at a time; the caller sees to that.
 */
#ifndef ATTL_CACHE_FREEZE_H
#define ATTL_CACHE_FREEZE_H

#include "cache/cache.h"

/* An entry as it was at the cut. Slices are valid during the call. */
struct freeze_entry {
    attl_slice key, value;
    int64_t deadline_ms; /* when it is gone; of the cache's clock, or ATTL_NO_DEADLINE */
    bool is_integer;     /* the value is an int64 */
    bool has_life;
    struct life life; /* if has_life */
};

/* False ends the walk. */
typedef bool (*freeze_fn)(void *ud, const struct freeze_entry *e);

bool freeze_prepare(struct cache *c, struct partition *p);

/* Before a change of a partition whose lock is held already; false on lack of memory. */
static inline bool
freeze_ready(struct cache *c, struct partition *p)
{
    return __builtin_expect(!(p->flags & (PARTITION_SHARED | PARTITION_CLEARED)), 1) ||
           freeze_prepare(c, p);
}

/*
 * Locks a partition to change it: whatever a snapshot or a clear left to be done first is done.
 * False, and not locked, on lack of memory.
 */
static inline bool
cache_lock(struct cache *c, struct partition *p)
{
    lock_acquire(&p->lock);
    if (freeze_ready(c, p))
        return true;
    lock_release(&p->lock);
    return false;
}

static inline bool
freeze_allows_in_place(const struct partition *p)
{
    return !(p->flags & PARTITION_FROZEN);
}

/* Makes the cut, and calls `at` at that moment with all partitions locked. */
void freeze_begin(struct cache *c, void (*at)(void *ud), void *ud);
/*
 * Calls `fn` for every entry of partition `i` that was there at the cut and had not expired by
 * now_ms, and lets go of the partition. False if `fn` ended it. After freeze_relax(), or without
 * freeze_begin(), the state of the partition when it is walked counts.
 */
bool freeze_walk(struct cache *c, unsigned i, int64_t now_ms, freeze_fn fn, void *ud);
/* Gives up the cut, and what is kept for it: partitions not walked yet will be seen as they are
 * then. */
void freeze_relax(struct cache *c);
/* Ends the snapshot; everything kept for it may be reused. */
void freeze_end(struct cache *c);
/* Bytes that are kept for the snapshot only. */
uint64_t freeze_kept_bytes(const struct cache *c);

#endif
