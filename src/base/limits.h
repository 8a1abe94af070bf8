/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every bound of the engine, named, in one place. Those a user may change have an option of the
 * same meaning; the others follow from the layout of a record, a bucket or an arena. ARCHITECTURE
 * section 9 repeats this table with the reasons.
 */
#ifndef ATTL_BASE_LIMITS_H
#define ATTL_BASE_LIMITS_H

#include <stdint.h>

enum {
    LIMIT_KEY_BYTES = 32768,          /* any validation mode                                   */
    LIMIT_INLINE_VALUE_BYTES = 8191,  /* 13 bits of the record header; longer goes out of line */
    LIMIT_MUTABLE_RECORD_BYTES = 512, /* larger records are never changed in place             */
    LIMIT_ARENA_BYTES = 2 << 20,      /* one huge page                                         */
    LIMIT_CHUNK_MIN_BYTES = 4096,
    LIMIT_CHUNK_MAX_BYTES =
        64 << 10, /* larger ones leave arenas more scattered: 53 B instead of 44 */
    LIMIT_SHARDS = 1024,
    LIMIT_PARTITION_BITS_MIN =
        6, /* 9 million entries, should a small cache's limits be raised later */
    LIMIT_PARTITION_BITS_MAX = 14,
    LIMIT_MSET_PAIRS = 65536,
    LIMIT_TRANSACTION_OPS = 1000000, /* that limits.transaction_ops and .rollback_ops may allow  */
    LIMIT_READ_RETRIES = 32,      /* lock-free attempts before a read takes the lock            */
    LIMIT_ROOM_ROUNDS = 4096,     /* eviction rounds one write may pay for                      */
    LIMIT_DRAIN_QUANTUM = 64,     /* records per turn of the drain                              */
    LIMIT_THREAD_STRIPES = 1024,  /* threads with statistics of their own; the rest share one   */
    LIMIT_BATCH = 32,             /* keys in flight in one prefetching pass                     */
    LIMIT_QUEUE_PLACES = 1 << 18, /* completions one queue may owe                             */
    LIMIT_PAGE_BYTES = 1 << 20,   /* of a scan: beyond it values are left out                  */
    LIMIT_PAGE_ENTRIES = 65536,
};

enum {
    LIMIT_BALANCE_MOVES = 256,  /* of partitions between shards, in one cycle of the balancer */
    LIMIT_BALANCE_HISTORY = 16, /* of its cycles remembered with their moves                  */
    LIMIT_HOT_KEYS = 64,        /* candidates for the busiest keys                            */
    LIMIT_HOT_KEY_BYTES = 256,  /* of a key that are remembered                               */
};
enum {
    LIMIT_LEDGER_ENTRIES = 1 << 24, /* deaths remembered: 600 MB     */
    LIMIT_WHY_DEATHS = 64,          /* deaths of one key told at once */
    LIMIT_WATCHES = 1024,           /* of one cache                   */
};
/* Loading once (engine/flight.h). */
enum {
    LIMIT_FLIGHTS = 65536,        /* keys that are being loaded, or left alone after a failure */
    LIMIT_FLIGHT_WAITERS = 65536, /* for one key                                               */
    LIMIT_LOAD_DEPTH = 8,         /* loads that were started on behalf of one another          */
    LIMIT_BACKOFF_MS = 60000,     /* how long a source that fails is left alone at most        */
};
#define LIMIT_LEASE_MS (INT64_C(24) * 3600 * 1000)

#define LIMIT_VALUE_BYTES (UINT64_C(512) << 20)
#define LIMIT_TTL_MS (INT64_C(1) << 46) /* ~2200 years: keeps every sum of times inside int64 */

#endif
