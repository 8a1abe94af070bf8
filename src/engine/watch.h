/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches on single keys: has anything happened to this key since I looked? Transactions ask it of
 * what they have read, loads ask it of what they are about to write. A watch belongs to whoever
 * adds it, who also keeps its key's bytes alive; it only collects, in one word, the kinds of
 * changes it was told of; whoever has to act at once has itself called. Under the key's partition
 * lock the answer is exact: no change is missed and none is early.
 */
#ifndef ATTL_ENGINE_WATCH_H
#define ATTL_ENGINE_WATCH_H

#include "cache/cache.h"

enum { WATCH_BUCKETS = 256 };

struct watch {
    struct watch *next, *prev;
    struct partition *partition;
    attl_slice key;
    uint64_t hash;
    _Atomic uint32_t seen; /* enum notice_kind, all that happened since watch_add() */
    _Atomic bool unwanted; /* somebody deleted it while it was not there: nothing happened, but
                              who is about to write it had better not */
    /* NULL, or called for each change, with the partition and the watch's chain locked: it may set
     * a timer, but neither add nor remove a watch. Set by the owner after watch_add_locked(). */
    void (*told)(struct watch *w);
};

struct watch_bucket {
    struct lock lock;
    struct watch *first;
};

struct watch_table {
    struct watch_bucket buckets[WATCH_BUCKETS];
};

void watch_table_init(struct watch_table *t);
/* Starts watching w->key, with nothing seen yet. Takes the partition's lock; never fails. */
void watch_add(struct watch_table *t, struct cache *c, struct watch *w, attl_slice key);
/* The same for a caller that holds the partition's lock. */
void watch_add_locked(struct watch_table *t, struct cache *c, struct watch *w, attl_slice key);
void watch_remove(struct watch_table *t, struct watch *w);
void watch_remove_locked(struct watch_table *t, struct watch *w);

/* Exact with the partition's lock held; without it, as of some moment ago. */
static inline uint32_t
watch_seen(const struct watch *w)
{
    return atomic_load_explicit(&w->seen, memory_order_acquire);
}

/* Something happened to a key of a partition with watches; its lock is held. */
void watch_tell(struct watch_table *t, uint64_t hash, attl_slice key, uint32_t kind);
/* Somebody deleted what was not there; the partition's lock is held. */
void watch_tell_unwanted(struct watch_table *t, uint64_t hash, attl_slice key);
/* Something happened to all keys; all partitions are locked. */
void watch_tell_all(struct watch_table *t, uint32_t kind);

#endif
