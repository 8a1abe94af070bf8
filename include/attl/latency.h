/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/latency.h - how long things take, as counts by duration since the cache was opened. Part of
 * <attl/attl.h>, which is what programs include. Counts only grow; attl_stats_reset() clears those
 * of ATTL_LATENCY_EXPIRY.
 */
#ifndef ATTL_LATENCY_H
#define ATTL_LATENCY_H
#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif
#ifdef __cplusplus
extern "C" {
#endif

#define ATTL_LATENCY_CLASSES 128

enum attl_latency_stage {
    ATTL_LATENCY_READ,   /* calls that read; about one in 64 is timed                           */
    ATTL_LATENCY_WRITE,  /* calls that change; about one in 64 is timed                         */
    ATTL_LATENCY_SYNC,   /* syncs of the log                                                    */
    ATTL_LATENCY_EXPIRY, /* from an entry's deadline until it was reclaimed; no read saw it then */
    ATTL_LATENCY_STAGES  /* how many there are in this release; grows                           */
};

typedef struct attl_latency {
    uint32_t struct_size; /* set by the caller: the library fills no more than this             */
    uint32_t unit_ns;     /* durations are counted in whole units of so many ns                 */
    uint64_t count;
    uint64_t sum_ns;
    uint64_t counts[ATTL_LATENCY_CLASSES]; /* by class: see attl_latency_class_end()            */
} attl_latency;

/* Fills *ret_latency (struct_size must be set) with the counts of a stage. ATTL_OK, ATTL_E_INVALID
 * (no such stage). Takes microseconds and no lock that a caller of the cache waits for. Threads:
 * any. Since 0.6. */
ATTL_CHECKED int attl_latency_get(attl *cache, int stage, attl_latency *ret_latency);
/* The longest duration of a class, in units; classes are four per power of two, and the last takes
 * what is beyond. 0 for a class that does not exist. Threads: any. Since 0.6. */
ATTL_API uint64_t attl_latency_class_end(unsigned class_index);

/* What a cache does beside the calls of its users, and may take long. */
enum attl_slow {
    ATTL_SLOW_SYNC,     /* one write and sync of the log, for which nobody waits               */
    ATTL_SLOW_WAIT,     /* the same under persist.fsync = always: writers wait for it          */
    ATTL_SLOW_EXPIRY,   /* a piece of maintenance, between two rests                           */
    ATTL_SLOW_EVICTION, /* making room, in the call that needs it                              */
    ATTL_SLOW_SNAPSHOT, /* a snapshot, beside which everything goes on                         */
    ATTL_SLOW_LOADING,  /* reading the data directory                                          */
    ATTL_SLOW_KINDS     /* how many there are in this release; grows                           */
};
/* Told of one that took so long, in the thread that did it, in the middle of its work: it notes it
 * down, no more. It must not block and must not call into the cache. */
typedef void (*attl_slow_fn)(void *ud, int what, int64_t took_ns);
/* Makes `fn` the function of caches opened from `config`. It hears nothing before
 * attl_slow_limit(). Since 0.6. */
ATTL_API void attl_config_set_slow(attl_config *config, attl_slow_fn fn, void *ud);
/* From now on it hears of what takes limit_ns and more; 0, at first: of nothing, and then nothing
 * is measured for it. Threads: any. Never blocks. Since 0.6. */
ATTL_API void attl_slow_limit(attl *cache, int64_t limit_ns);

#ifdef __cplusplus
}
#endif
#endif
