/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/tune.h - the pace of the maintenance, and why it is what it is. Part of <attl/attl.h>, which
 * is what programs include. What the numbers follow is described in docs/tuning.md.
 */
#ifndef ATTL_TUNE_H
#define ATTL_TUNE_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attl_tuner_stats {
    uint32_t struct_size;
    uint32_t enabled;             /* adaptive.enabled                                          */
    uint32_t sweeps;              /* adaptive.reclaim is sweep                                 */
    uint32_t duty_permille;       /* of its time that maintenance works while something is due */
    int64_t interval_ms;          /* between deep passes, or between sweeps                    */
    const char *duty_reason;      /* one word, constant                                        */
    const char *duty_reason_text; /* a sentence, constant                                      */
    const char *interval_reason;
    const char *interval_reason_text;
    uint64_t read_p99_ns; /* of the last second; 0: too few operations were sampled           */
    uint64_t write_p99_ns;
    uint64_t quiet_p99_ns;  /* the worse of both in times when nothing is due; 0: not known yet */
    uint64_t limit_ns;      /* above it reclaim steps back                                      */
    uint64_t backlog_bytes; /* expired and not reclaimed, by whole chunks                      */
    uint64_t dead_bytes;    /* overwritten or deleted, and not cleaned                         */
    uint64_t cycles;        /* looks of the loop                                               */
    uint64_t deep_passes;   /* that found something to do                                      */
    uint64_t sweeps_done;
    uint64_t pauses, pause_ns; /* of the maintenance, between two quanta                       */
} attl_tuner_stats;
#define ATTL_TUNER_STATS_INIT                                                             \
    {                                                                                     \
        sizeof(attl_tuner_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/* Fills in what fits struct_size. Threads: any. Takes a lock for as long as it reads. Since 0.4. */
ATTL_API void attl_tuner_stats_get(attl *cache, attl_tuner_stats *ret_stats);

/*
 * Bytes that expire within `within_ms` from now, what has expired and is not reclaimed included; 0:
 * that alone. Whole chunks are counted, with the dead space in them, and of what a slot of the
 * wheel spreads over a long time a part: an estimate. Entries without a deadline are not in it.
 * Threads: any. Locks each shard for as long as a few hundred additions take. Since 0.6.
 */
ATTL_API uint64_t attl_due_bytes(attl *cache, int64_t within_ms);

#ifdef __cplusplus
}
#endif

#endif
