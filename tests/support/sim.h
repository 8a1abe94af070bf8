/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache under a simulated clock: the test owns the time, and maintenance runs only when the test
 * calls attl_tick(). The clock is one atomic word, so that a test may advance it from a thread of
 * its own. `struct sim` must outlive the cache opened with it.
 */
#ifndef ATTL_TESTS_SIM_H
#define ATTL_TESTS_SIM_H

#include <attl/attl.h>
#include <stdatomic.h>
#include <stdbool.h>

/* 2025-01-01 00:00:00.000 UTC: a plausible start, and not a multiple of any slot but the second. */
#define SIM_START_MS INT64_C(1735689600000)

struct sim {
    _Atomic int64_t now_ms;
};

/* One setting; a list ends with { NULL, NULL }. */
struct sim_option {
    const char *name;
    const char *value;
};

void sim_init(struct sim *sim);
int64_t sim_now(struct sim *sim);
void sim_advance(struct sim *sim, int64_t ms);

/* A configuration with these settings; dies with the library's sentence if one is refused. */
attl_config *sim_config(const struct sim_option *options);
/* A cache on the simulated clock without a maintenance thread. Dies on failure. */
attl *sim_open(struct sim *sim, const struct sim_option *options);
/* A cache on the real clock, with the settings given and otherwise the library's defaults. */
attl *sim_open_real(const struct sim_option *options);
/* Sets one option of an open cache; dies with the library's sentence if it is refused. */
void sim_option(attl *cache, const char *name, const char *value);
/* The library's own check of its structures and accounting; dies with what is broken. */
void sim_check(attl *cache, const char *when);
/* Closes after a last structure check. */
void sim_close(attl **cache);
attl_stats sim_stats(attl *cache);

#endif
