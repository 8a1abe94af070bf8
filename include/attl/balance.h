/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/balance.h - shards, what they carry, and moving partitions between them. Part of
 * <attl/attl.h>, which is what programs include. A cache is cut into partitions, each owned by one
 * of its shards; the balancer (balancer.enabled) moves partitions when one shard has much more to
 * do than the others, and these calls show what it sees and what it did.
 */
#ifndef ATTL_BALANCE_H
#define ATTL_BALANCE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ATTL_WHY_BYTES 320

/* One shard. Load is CPU time of the callers' threads, estimated from samples. */
typedef struct attl_shard_info {
    uint32_t struct_size;
    uint32_t shard;      /* 0 .. number of shards - 1                                         */
    uint32_t partitions; /* that it owns                                                      */
    uint32_t resting;    /* of them, moved a short while ago                                  */
    uint64_t items;
    uint64_t bytes;   /* of its entries                                                       */
    uint64_t load_ns; /* ns per second                                                        */
    double share;     /* its load over the mean of all shards; 1 while nothing is known       */
    uint32_t busiest; /* its partition with the most load                                     */
    uint32_t reserved;
    uint64_t busiest_ns; /* and that load                                                     */
} attl_shard_info;

typedef void (*attl_shard_fn)(void *ud, const attl_shard_info *shard);
/*
 * Calls `fn` for each shard, with loads as of now: looks at the counters of all partitions, which
 * locks each for a few nanoseconds. ATTL_OK, ATTL_E_NOMEM, ATTL_E_INVALID (inside a transaction
 * scope). `fn` must not call into the cache. Threads: any. Since 0.4.
 */
ATTL_API int attl_shards_list(attl *cache, attl_shard_fn fn, void *ud);

/* One partition: the unit that is moved. */
typedef struct attl_partition_info {
    uint32_t struct_size;
    uint32_t partition; /* 0 .. number of partitions - 1                                      */
    uint32_t shard;     /* that owns it                                                       */
    uint32_t resting;   /* 1: it was moved a short while ago                                  */
    uint64_t items;
    uint64_t bytes;   /* of its entries                                                       */
    uint64_t load_ns; /* ns per second                                                        */
} attl_partition_info;

typedef void (*attl_partition_fn)(void *ud, const attl_partition_info *partition);
/*
 * Calls `fn` for each partition, in order, with loads as of now: attl_shards_list() in more detail,
 * at the same cost. ATTL_OK, ATTL_E_NOMEM, ATTL_E_INVALID (inside a transaction scope). `fn` is
 * called without a lock held, and `partition` lives for the call. Threads: any. Since 0.6.
 */
ATTL_API int attl_partitions_list(attl *cache, attl_partition_fn fn, void *ud);

/* A partition that was moved, or would be. */
typedef struct attl_balance_move {
    uint32_t struct_size;
    uint32_t partition, from, to; /* shards                                                   */
    uint64_t load_ns;             /* per second                                               */
} attl_balance_move;

/* One cycle of the balancer in which it moved something, was asked to, or would have. */
typedef struct attl_balance_report {
    uint32_t struct_size;
    uint32_t dry_run;   /* 1: nothing was moved                                               */
    uint32_t asked_for; /* 1: by attl_balance(); 0: by itself                                 */
    uint32_t count;     /* of moves                                                           */
    int64_t at_ms;      /* Unix ms                                                            */
    double before;      /* load of the busiest shard over the mean                            */
    double after;       /* as expected from the moves                                         */
    uint64_t entries;   /* in the partitions moved                                            */
    uint64_t bytes;
    const attl_balance_move *moves; /* `count` of them; from attl_balance(): NULL             */
    char why[ATTL_WHY_BYTES];       /* a sentence with the numbers                            */
} attl_balance_report;

#define ATTL_BALANCE_DRYRUN 0x01u /* say what would be moved, and move nothing                 */

/*
 * Looks at the loads and moves what is worth moving at once: without waiting for the interval or
 * for a second uneven look, whether or not the balancer is enabled; threshold, budget and rest of
 * moved partitions hold. `flags`: 0 or ATTL_BALANCE_DRYRUN. *ret_report (may be NULL) says what and
 * why; its struct_size is the caller's. The moves are in attl_balance_history().
 *
 * ATTL_OK also if there was nothing to do; ATTL_E_NOMEM, ATTL_E_INVALID (unknown flags, inside a
 * transaction scope). Takes below a millisecond. Threads: any. Since 0.4.
 */
ATTL_API int attl_balance(attl *cache, uint32_t flags, attl_balance_report *ret_report);

typedef void (*attl_balance_fn)(void *ud, const attl_balance_report *report);
/* Calls `fn` for the last cycles with moves, newest first, at most `max` (16 are remembered).
 * ATTL_OK. `fn` must not call into the cache. Threads: any. Since 0.4. */
ATTL_API int attl_balance_history(attl *cache, size_t max, attl_balance_fn fn, void *ud);

typedef struct attl_balance_stats {
    uint32_t struct_size;
    uint32_t enabled;
    double imbalance;    /* load of the busiest shard over the mean, at the last look          */
    double noise;        /* how much of it above 1 chance alone may make                       */
    uint64_t looks;      /* at the loads                                                       */
    uint64_t rebalances; /* cycles that moved something                                        */
    uint64_t partitions_moved, entries_moved, bytes_moved;
    int64_t moved_at_ms;      /* of the last move, Unix ms; 0: never                           */
    char why[ATTL_WHY_BYTES]; /* of the last look                                              */
} attl_balance_stats;

/* Copies the balancer's figures; *ret_stats has struct_size set. Never blocks for long. Threads:
 * any. Since 0.4. */
ATTL_API void attl_balance_stats_get(attl *cache, attl_balance_stats *ret_stats);

/* One of the busiest keys. */
typedef struct attl_hot_key {
    uint32_t struct_size;
    uint32_t key_len;     /* of the whole key                                                */
    attl_slice key;       /* for the call; the first 256 bytes of it                         */
    double reads, writes; /* per second, over the last ten seconds or so                     */
    double error;         /* per second: it may be that much busier, from before it was noticed */
    double share;         /* of all operations                                               */
    double shard_share;   /* of those of its shard; 0 for keys longer than 256 bytes         */
    uint32_t shard, partition;
} attl_hot_key;
typedef void (*attl_hot_key_fn)(void *ud, const attl_hot_key *key);
/*
 * Calls `fn` for the busiest keys, at most `max` of them, busiest first: estimates from one
 * operation in 64. Any key with more than 1/64 of all operations is among them, none that was seen
 * fewer than twice. ATTL_OK, ATTL_E_UNSUPPORTED (hotkeys.enabled is off), ATTL_E_NOMEM. Threads:
 * any. Since 0.4.
 */
ATTL_API int attl_hot_keys(attl *cache, size_t max, attl_hot_key_fn fn, void *ud);

#ifdef __cplusplus
}
#endif
#endif
