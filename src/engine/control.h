/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door between the engine and the control plane (src/control): what the loops there may see and
 * what they may do, and nothing else of the engine is known to them. Observing copies numbers and
 * takes no lock that a caller of the cache would wait for; acting is bounded in time. The engine in
 * turn knows the control plane as four functions, called by the maintenance thread or attl_tick(),
 * never with a lock held but for `configure`, which the config lock covers.
 *
 * While nothing happens the control plane sleeps: whoever samples an operation, or has news that a
 * loop waits for (the log's state), calls control_wake().
 */
#ifndef ATTL_ENGINE_CONTROL_H
#define ATTL_ENGINE_CONTROL_H

#include <attl/attl.h>

#include "base/histogram.h"

struct attl;

/* ---- what the engine calls ---- */

/* Who waits for samples and finds them useless would be woken by each of them. */
#define CONTROL_NEVER (INT64_MAX - 1)

struct control_hooks {
    /* Looks at everything that is due; returns when it wants to be called again (INT64_MAX: when
     * something happens, CONTROL_NEVER: when control_wake() is called, not for a sample). */
    int64_t (*cycle)(void *ud, int64_t now_ms);
    /* The settings that are in force from now on. */
    void (*configure)(void *ud, const attl_config *config);
    /* The cache is being closed and nobody is inside any more. */
    void (*close)(void *ud);
};

/* Installs the control plane of a cache that is not used yet. It sleeps until something happens. */
void control_attach(struct attl *a, const struct control_hooks *hooks, void *ud);
/* What was attached, NULL: nothing. */
void *control_of(struct attl *a);
/* Sees to it that a cycle runs soon. Any thread, any lock of the engine's may be held. */
void control_wake(struct attl *a);

/* ---- observe ---- */

enum control_kind { CONTROL_READ, CONTROL_WRITE, CONTROL_KINDS };

/* Sums since the cache was opened, and present values. */
struct control_numbers {
    int64_t now_ms;  /* the cache's time */
    int64_t mono_ns; /* real time, for rates; the same scale as now_ms under a simulated clock */
    int64_t skew_ms; /* how far the wall clock was set away from the cache's */
    uint64_t hits, misses, sets, deletes, expired, evicted, refused_full;
    uint64_t sampled[CONTROL_KINDS];                  /* operations that were sampled */
    uint64_t sampled_ns[CONTROL_KINDS];               /* what they took together */
    uint64_t items, used_bytes, max_items, max_bytes; /* the last two 0: no limit */
    unsigned shards, partitions;
};
void control_observe(struct attl *a, struct control_numbers *ret);
/* Durations of the sampled operations since the cache was opened, in ns, by class. */
void control_observe_latency(struct attl *a, enum control_kind kind,
                             uint64_t ret_counts[HISTOGRAM_CLASSES]);

enum { CONTROL_SAMPLE_EVERY = 64 }; /* one operation in that many is sampled */

/* What one partition has cost since the cache was opened. */
struct control_load {
    uint32_t ops[CONTROL_KINDS]; /* sampled ones; may wrap */
    uint64_t bytes, wait_ns;     /* of the sampled ones */
    uint64_t items, live_bytes;  /* now */
    unsigned owner;              /* the shard it belongs to */
};
/* Of `n` partitions from `first` on. */
void control_observe_loads(struct attl *a, unsigned first, unsigned n, struct control_load *ret);

/* ---- act ---- */

/* Gives a partition to another shard. */
void control_move(struct attl *a, unsigned partition, unsigned shard);
/* Says what was seen and done. `level` as in attl_log_fn. */
void control_log(struct attl *a, int level, const char *event, const char *text);

#endif
