/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The latency monitor, as LATENCY shows it: for each kind of event the spikes above
 * latency.monitor_threshold, at most one for each second (the worst of it), and the worst ever.
 * Only what was slow comes here, so one lock for all is enough; reading the threshold takes none.
 * Kept by the slow log, for all workers.
 */
#ifndef ATTL_COMMAND_LATENCY_H
#define ATTL_COMMAND_LATENCY_H

#include "os/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* In the order of their names. */
enum latency_event {
    LATENCY_AOF_FSYNC_ALWAYS, /* one write and sync of the log, under persist.fsync = always */
    LATENCY_AOF_WRITE,        /* the same under everysec and no: nobody waits for it */
    LATENCY_COMMAND,          /* a command that may take long */
    LATENCY_EVICTION_CYCLE,   /* making room */
    LATENCY_EXPIRE_CYCLE,     /* a piece of maintenance */
    LATENCY_FAST_COMMAND,     /* a command that is O(1) or O(log n) */
    LATENCY_LOADING,          /* reading the data directory */
    LATENCY_SNAPSHOT,         /* a snapshot, beside which everything goes on */
    LATENCY_EVENTS
};

enum { LATENCY_SAMPLES = 160 }; /* of an event, as Redis */

struct latency_sample {
    int64_t time_s; /* Unix */
    int64_t ms;
};

struct latency_series {
    struct latency_sample samples[LATENCY_SAMPLES];
    size_t len, next;
    int64_t worst_ms;       /* since the last reset */
    uint64_t count, sum_ms; /* the same */
};

struct latency_monitor {
    struct lock lock; /* guards `series` */
    _Atomic int64_t threshold_ms;
    struct latency_series series[LATENCY_EVENTS];
};

void latency_init(struct latency_monitor *m);
const char *latency_event_name(enum latency_event event);
/* LATENCY_EVENTS if there is none of that name. */
enum latency_event latency_event_find(const char *name, size_t len);
/* What took so long, if that is a spike. Any thread. */
void latency_note(struct latency_monitor *m, enum latency_event event, int64_t now_s, int64_t ms);
/* A copy of one series. */
void latency_read(struct latency_monitor *m, enum latency_event event,
                  struct latency_series *ret_series);
/* The i-th sample of a copy, the oldest first. */
const struct latency_sample *latency_sample_at(const struct latency_series *series, size_t i);
/* Forgets a series; false if there was nothing to forget. */
bool latency_reset(struct latency_monitor *m, enum latency_event event);

#endif
