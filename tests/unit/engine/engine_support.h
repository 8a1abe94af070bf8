/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine under a clock that the test sets, without the public functions above it: settings by
 * name, and one change that stores a value. Helpers assert in the thread of the test; those for
 * other threads say so. The engine is closed by the test that opened it.
 */
#ifndef ATTL_TESTS_ENGINE_SUPPORT_H
#define ATTL_TESTS_ENGINE_SUPPORT_H

#include "engine/engine.h"

/* 2025-01-01, and far from the end of a lap of the finest wheel. */
#define START_MS INT64_C(1735689604219)
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)

struct bench {
    struct attl engine;
    _Atomic int64_t now_ms;
    unsigned logged;
};

/* Pairs of option and value; the list ends with NULL. */
attl_config *bench_config(const char *const *options);
/* Opens an engine on the bench's clock, or on the real one; without its thread. */
struct bench *bench_open(const char *const *options, bool real_clock);
void bench_close(struct bench *b);

/* Stores through engine_change; `deadline_ms` as it stands. */
int bench_set(struct bench *b, attl_slice key, attl_slice value, int64_t deadline_ms);
/* How often validation has refused with this status. */
uint64_t bench_refused(struct bench *b, int status);
uint64_t bench_counter(struct bench *b, enum cache_counter which);
/* Fills it with `keys` small entries. */
void bench_fill(struct bench *b, uint64_t keys, int64_t deadline_ms);

#endif
