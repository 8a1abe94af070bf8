/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache core put together: memory, partitions, shards, limits, counters. It knows no clock
 * (time is an argument), no log and no I/O. Reading is in read.h, changing one entry in entry.h,
 * iterating in scan.h; this header holds what they share, and what happens to the cache as a whole.
 */
#ifndef ATTL_CACHE_CACHE_H
#define ATTL_CACHE_CACHE_H

#include "base/histogram.h"
#include "cache/extent.h"
#include "cache/partition.h"
#include "cache/shard.h"

struct cache_config {
    attl_allocator alloc;
    uint64_t max_bytes; /* 0: no limit */
    uint64_t max_items; /* 0: no limit */
    uint64_t max_pinned_bytes;
    enum evict_policy policy;
    unsigned utilization_percent;
    unsigned shards;         /* wished for when it was opened; small caches get fewer */
    unsigned partition_bits; /* 0: from the limits */
    bool huge_pages;
    bool use_siphash;
};

enum cache_counter {
    COUNT_HITS,
    COUNT_MISSES,
    COUNT_SETS,
    COUNT_DELETES,
    COUNT_EXPIRED,
    COUNT_EVICTED,
    COUNT_REFUSED_FULL,
    COUNT_RECORDS_WRITTEN,
    COUNT_RECORDS_COPIED,
    COUNT_WRITES_IN_PLACE,
    COUNT_CHUNKS_DRAINED,
    COUNT_GHOST_HITS,
    COUNT_LAG_SUM_MS,
    COUNT_EXPIRE_CPU_NS,
    COUNT_ROLLED_BACK, /* removed by a rollback */
    COUNT_PROBED,      /* by a look whether the cache works, which had stored it */
    COUNT_MISSES_COLD, /* by cause, where there is a ledger */
    COUNT_MISSES_EXPIRED,
    COUNT_MISSES_EVICTED,
    COUNT_MISSES_DELETED,
    COUNT_CHANGES,      /* by callers, where there is a data directory */
    COUNT_REFUSED_RULE, /* eight of them, by validation rule */
    COUNT_TOTAL = COUNT_REFUSED_RULE + 8,
};

/* Counters of one thread: written by it alone, so recording shares no cache line. */
struct stripe {
    _Alignas(128) _Atomic uint64_t count[COUNT_TOTAL];
    _Atomic uint64_t mark;       /* what the thread left here last: see cache_mark_set */
    _Atomic uint64_t actor;      /* see cache_actor_set */
    _Atomic uint32_t actor_life; /* of the reader that said so */
};

/* An entry that goes without anybody having asked for it. */
struct cache_death {
    attl_slice key; /* for the call only */
    uint64_t hash;
    struct partition *partition;
    int64_t deadline_ms, now_ms;
    enum cache_counter why; /* COUNT_EXPIRED, COUNT_EVICTED */
    bool early; /* expired, but its record's deadline is still to come: nothing else tells of it */
    bool for_items; /* evicted for max_items, not for memory */
};
/* What an entry of a partition that somebody counts comes to weigh more, or less. */
struct cache_weight {
    const struct partition *partition;
    attl_slice key; /* for the call only */
    uint64_t hash;
    int items;
    int64_t bytes; /* of its record and its extent */
    bool may_refuse;
};
/* Told of each before it happens, with the partition's lock held. False: it must not. */
typedef bool (*cache_weight_fn)(void *ud, const struct cache_weight *w);

/* Told of each, with its partition's lock held. */
typedef void (*cache_death_fn)(void *ud, const struct cache_death *death);

struct cache {
    struct cache_config config; /* as opened; the limits in force are below */
    struct hash_key hash;
    struct region region;
    struct arena_pool chunk_pool, table_pool, extent_pool;
    struct chunk_store chunks;
    struct extent_store extents;
    struct limbo limbo;
    struct partition_env env;
    cache_death_fn death_fn; /* set before the first entry, NULL: nobody wants to know */
    void *death_ud;
    /* NULL, or told that an entry may be announced in a moment: to fetch the memory for it. */
    void (*death_soon_fn)(void *ud, uint64_t hash);
    cache_weight_fn weight_fn; /* set before the first partition is counted */
    void *weight_ud;
    struct lock clear_lock; /* one clear at a time */
    _Atomic bool ageless; /* a replay: what has expired by now may yet be prolonged, so it goes only
                             where there is no room */
    _Atomic uint64_t frozen_bytes; /* of tables kept for a snapshot only */
    _Atomic uint64_t copied_bytes; /* of tables copied for snapshots, ever */
    _Atomic uint64_t claims;       /* transactions that have been inside, ever */
    struct partition *partitions;
    unsigned partition_bits;
    struct shard *shards;           /* see cache/shards.c */
    _Atomic unsigned shard_count;   /* that exist; those behind the active ones are emptying */
    _Atomic unsigned shards_active; /* the first of them, which own all partitions */
    _Atomic unsigned shards_wished, shards_served; /* what was asked for, and last attended to */
    unsigned shards_max;
    struct lock shards_lock; /* one change of their number at a time */
    uint32_t chunk_max_bytes;
    _Atomic uint64_t fixed_bytes; /* partitions and shards */
    /* Limits, changeable at run time. */
    _Atomic uint64_t max_bytes, max_items, max_pinned_bytes;
    /* max_bytes is the smaller of these two, 0 being none: what was configured, and what there is
     * room for at present. */
    _Atomic uint64_t hard_bytes, soft_bytes;
    _Atomic int policy;
    _Atomic bool writers_expire; /* what is due is late: drain_assist reclaims of it */
    _Atomic unsigned utilization_percent;
    /* Shared sums: touched per chunk, table or pin, never per read. */
    _Atomic uint64_t ghost_bytes, pinned_bytes, peak_bytes;
    _Atomic uint64_t rebuilds, moves;
    _Atomic uint64_t lag_max_ms;
    _Atomic uint64_t lags[HISTOGRAM_CLASSES]; /* removals of expired entries, by lag in ms */
    _Atomic(struct stripe *) stripes[LIMIT_THREAD_STRIPES];
    _Atomic uint32_t stripes_end; /* no stripe at or above this index */
    struct stripe shared_stripe;  /* threads beyond the table, or without memory for their own */
};

/* ATTL_OK or ATTL_E_NOMEM, after which nothing is left behind. */
int cache_init(struct cache *c, const struct cache_config *config, int64_t now_ms);
/* No other thread may be inside. */
void cache_fini(struct cache *c);

static inline uint64_t
cache_hash(const struct cache *c, attl_slice key)
{
    return hash_bytes(&c->hash, key);
}

static inline struct partition *
cache_partition(const struct cache *c, uint64_t hash)
{
    return &c->partitions[hash >> (64 - c->partition_bits)];
}

static inline struct shard *
cache_shard(const struct cache *c, const struct partition *p)
{
    /* Acquire: the shard may be a new one, and the caller may not hold the lock. */
    return &c->shards[atomic_load_explicit(&p->owner, memory_order_acquire)];
}

/* Adds to a counter of the calling thread. */
void cache_count(struct cache *c, const struct reclaim_reader *r, enum cache_counter which,
                 uint64_t n);
/* A number for the calling thread to find again; threads beyond the table share the largest. */
void cache_mark_set(struct cache *c, const struct reclaim_reader *r, uint64_t mark);
uint64_t cache_mark(struct cache *c, const struct reclaim_reader *r);
/* On whose behalf the calling thread makes its changes, 0: nobody's; threads beyond the table stay
 * anonymous, and so does a new thread that was given the place of an ended one. */
void cache_actor_set(struct cache *c, const struct reclaim_reader *r, uint64_t actor);
uint64_t cache_actor(struct cache *c, const struct reclaim_reader *r);
uint64_t cache_counter_sum(const struct cache *c, enum cache_counter which);
void cache_counters_reset(struct cache *c);

/* Entries, O(shards). */
uint64_t cache_items(const struct cache *c);
/* What max_bytes limits: chunks, tables, extents and ghost in use. */
uint64_t cache_used_bytes(const struct cache *c);
/* What max_bytes follows from; each has one caller at a time. The next writes, or the drain, bring
 * the cache below a lower limit. */
void cache_set_hard_limit(struct cache *c, uint64_t bytes);
void cache_set_soft_limit(struct cache *c, uint64_t bytes);
/* True if `more` bytes may be taken; the drain may go a sixteenth beyond the limit. */
bool cache_may_use(struct cache *c, uint64_t more, bool urgent);
/* True if a value of `len` bytes would not fit even if the cache were empty. */
bool cache_never_fits(const struct cache *c, uint64_t len);
/* Tables for about `entries` in all, if the cache is empty and has room: they need not grow then.
 */
void cache_reserve(struct cache *c, uint64_t entries);
/* Gives the partition to another shard: O(1), readers and entries are not disturbed. Nothing
 * happens if there is no such shard any more. */
void cache_move_partition(struct cache *c, unsigned partition, unsigned shard);
/* Asks for another number of shards; the limits decide how many of them there will be. */
void cache_wish_shards(struct cache *c, unsigned n);
/* Attends to the last wish: moves partitions, which locks each for a moment. Without memory for
 * more shards their number stays. */
void cache_serve_wish(struct cache *c, int64_t now_ms);
static inline bool
cache_has_wish(const struct cache *c)
{
    return atomic_load_explicit(&c->shards_wished, memory_order_relaxed) !=
           atomic_load_explicit(&c->shards_served, memory_order_relaxed);
}
/* For cache_init and cache_fini. */
bool cache_shards_init(struct cache *c, unsigned wished, int64_t now_ms);
void cache_shards_fini(struct cache *c);

/* All partitions at once, in the order of locks: a moment at which nothing changes. */
void cache_lock_all(struct cache *c);
void cache_unlock_all(struct cache *c);
/*
 * Removes every entry that is there at one moment, and calls `at` (may be NULL) at that moment,
 * with all partitions locked.
 */
void cache_clear(struct cache *c, void (*at)(void *ud), void *ud);
/* The same for a caller that has claimed the whole cache. */
void cache_clear_claimed(struct cache *c, void (*at)(void *ud), void *ud);
/* Every invariant that can be checked on a quiet cache; NULL or the first one broken. */
const char *cache_check(struct cache *c);

#endif
