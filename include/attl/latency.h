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

#ifdef __cplusplus
}
#endif
#endif
