/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop that compares a cache with the model: make up an operation, perform it on both, compare,
 * and around it advance the clock, run maintenance, move partitions, keep values pinned and walk an
 * iteration step by step. A run without limits must agree exactly. A run with limits may lose
 * entries, but never the wrong way round: nothing stale, nothing foreign, and the expired before
 * the live.
 */
#ifndef ATTL_TESTS_RUN_H
#define ATTL_TESTS_RUN_H

#include "op.h"
#include "sim.h"

enum { RUN_PINS_MAX = 24 };

struct run_setup {
    const char *name;
    struct sim_option options[12]; /* besides those that follow from the members below */
    enum model_mode mode;
    size_t key_count;
    size_t value_bytes_max;    /* of one generated value */
    unsigned big_value_one_in; /* see op_space */
    uint64_t entries_max;      /* cache.max_entries; 0: no limit */
    uint64_t memory_max;       /* cache.max_memory; 0: no limit */
    bool evicts;               /* entries may vanish */
    bool refuses;              /* writes may get ATTL_E_FULL */
    bool always_ttl;
    bool prefill; /* start with every key set once, so that a large bound is reached at all */
    unsigned slow_time_one_in; /* steps between jumps of the clock beyond a second */
    uint64_t steps;            /* at scale 1 */
};

struct run_pin {
    bool held;
    attl_value value;
    uint64_t hash;
    size_t len;
};

struct run {
    const struct run_setup *setup;
    struct sim sim;
    attl *cache;
    struct model model;
    struct op_space space;
    struct rng rng;
    uint64_t seed, step;
    bool trace; /* ATTL_TEST_TRACE is set: print every operation */
    uint32_t shards;
    uint64_t partitions;
    int64_t default_ttl_ms;
    struct run_pin pins[RUN_PINS_MAX];
    uint64_t scan_cursor;
    bool scan_active;
    uint64_t refusals;
};

/* Opens the cache. `rng` decides everything that follows; `seed` is only for messages. */
void run_init(struct run *run, const struct run_setup *setup, struct rng rng, uint64_t seed);
/* One operation and what happens around it. Aborts at the first difference. */
void run_step(struct run *run);
/* Compares every entry, both ways, and checks structure and statistics. */
void run_compare_all(struct run *run);
/* Compares everything a last time and closes. */
void run_fini(struct run *run);
/* The whole of it, with the steps of the setup, scaled. */
void run_all(const struct run_setup *setup, uint64_t seed);

#endif
