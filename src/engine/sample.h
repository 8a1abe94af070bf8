/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking closely at few operations. About one read or change in CONTROL_SAMPLE_EVERY, chosen at
 * random so that no rhythm of the callers hides from it, is timed and entered for its partition;
 * from that come the loads of the shards, the latency of operations, and the keys that are asked
 * for most. The others pay one decrement in a line of their own thread. Counts are of samples, not
 * of operations: multiply by CONTROL_SAMPLE_EVERY.
 *
 * A thread counts itself down in its reclaim_reader; what it enters goes to one of a few stripes
 * and to the partition's cell, both without a lock.
 */
#ifndef ATTL_ENGINE_SAMPLE_H
#define ATTL_ENGINE_SAMPLE_H

#include "cache/cache.h"
#include "engine/control.h"
#include "engine/hot.h"

struct attl;

enum { SAMPLE_STRIPES = 16 };

/* Of one partition, since the cache was opened. */
struct sample_cell {
    _Atomic uint32_t ops[CONTROL_KINDS];
    _Atomic uint64_t bytes;   /* of keys and values, read or written */
    _Atomic uint64_t wait_ns; /* for its lock */
};

struct sample_stripe {
    _Alignas(128) _Atomic uint32_t latency[CONTROL_KINDS][HISTOGRAM_CLASSES]; /* ns */
    _Atomic uint64_t cost_ns[CONTROL_KINDS], ops[CONTROL_KINDS];
    _Atomic uint64_t took_ns[CONTROL_KINDS]; /* the sum of what is in `latency` */
};

struct sampler {
    struct sample_cell *cells; /* one for each partition */
    struct sample_stripe *stripes;
    struct hot_keys *hot;
    _Atomic bool asleep; /* the control plane is: a sample wakes it */
};

/* One sampled operation, filled in as it goes. */
struct sample {
    int64_t begun_ns; /* 0: this one is not sampled */
    int64_t wait_ns;  /* of it, for the partition's lock */
};

/* ATTL_OK or ATTL_E_NOMEM. The cache has been built. */
int sampler_open(struct attl *a);
void sampler_close(struct attl *a);

/* Draws when the calling thread samples next, and reads the clock. */
int64_t sample_draw(struct reclaim_reader *r);

/* At the beginning of an operation: when it began, or 0 if it is not sampled. */
static inline int64_t
sample_begin(struct reclaim_reader *r)
{
    if (__builtin_expect(--r->until_sample > 0, 1))
        return 0;
    return sample_draw(r);
}

/* At its end; `s->begun_ns` is not 0. `bytes`: of key and value. */
void sample_end(struct attl *a, const struct reclaim_reader *r, enum control_kind kind,
                const struct index_key *key, uint64_t bytes, const struct sample *s);

#endif
