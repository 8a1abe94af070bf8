/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition: one slice of the key space with its index table, its lock and its counters.
 * Partitions are what shards own and what the balancer moves; moving one changes `owner` and two
 * sums, never an entry. Everything but `table`, `owner` and `claims` belongs to the lock.
 */
#ifndef ATTL_CACHE_PARTITION_H
#define ATTL_CACHE_PARTITION_H

#include "base/hash.h"
#include "cache/index.h"

enum partition_flag {
    PARTITION_SHARED = 1,  /* the table is a snapshot's too: it is copied before it is changed */
    PARTITION_FROZEN = 2,  /* a snapshot has not walked it yet: no record changes in place */
    PARTITION_CLEARED = 4, /* `detached` waits for its records to be counted as dead */
};

struct partition {
    _Alignas(64) _Atomic table_ref table; /* 0 while empty */
    struct lock lock;
    _Atomic uint16_t owner; /* index of the shard */
    uint8_t flags;          /* enum partition_flag */
    uint32_t watched;       /* keys of it that somebody watches: see engine/watch.h */
    uint32_t tally;         /* what its weights are counted for, 0: nothing. See weigh.h */
    uint64_t items, ttl_items;
    uint64_t live_bytes;     /* records and extents */
    struct table *frozen;    /* the table of a snapshot's cut, if it has been replaced since */
    struct table *detached;  /* what a clear took out */
    _Atomic uint32_t claims; /* transactions that have been inside, ever; in the reader's line */
};

/* For whoever holds the lock. */
static inline struct table *
partition_table(const struct partition *p)
{
    return table_of(atomic_load_explicit(&p->table, memory_order_acquire) & ~TABLE_BUSY);
}

/* Replaces the table, NULL: by none. A transaction that is inside stays so. The lock is held. */
static inline void
partition_table_set(struct partition *p, const struct table *t)
{
    table_ref busy = atomic_load_explicit(&p->table, memory_order_relaxed) & TABLE_BUSY;
    table_ref ref = t ? table_ref_to(t) : 0;
    atomic_store_explicit(&p->table, ref | busy, memory_order_release);
}

struct partition_env {
    const struct region *region;
    struct arena_pool *tables;
    struct limbo *limbo;
    const struct hash_key *hash;
    _Atomic uint64_t *rebuilds;
};

/* Enters an address for a key that is not there, growing the table if needed. ATTL_OK or
 * ATTL_E_NOMEM. */
int partition_insert(struct partition *p, const struct partition_env *env, uint64_t hash,
                     uint64_t address);
/* An empty partition's table for about `entries`; without memory it grows by and by. */
void partition_reserve(struct partition *p, const struct partition_env *env, uint64_t entries);
/*
 * Gives memory back if the table has become much too large for what it holds; an empty one goes
 * wholly only if `drop_empty`, so that deleting and setting one key does not allocate.
 */
void partition_shrink(struct partition *p, const struct partition_env *env, bool drop_empty);

#endif
