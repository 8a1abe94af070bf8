/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A data directory with two snapshots and closed segments before, between and behind them, for
 * tests of what reads it again. The keys are k0, k1 .., and each value follows from its key.
 * Functions assert in the thread of the test; they keep no state.
 */
#ifndef ATTL_TESTS_SCRUB_SUPPORT_H
#define ATTL_TESTS_SCRUB_SUPPORT_H

#include "support/durable.h"
#include "support/unit.h"

enum { KEYS = 600, VALUE_BYTES = 400, NAME_BYTES = 96, ROUNDS_MAX = 100000 };

/* No retention and no snapshots by themselves: what goes, goes by the hand of the scrubber. */
extern const struct sim_option rot_still[];

struct rot_list {
    char list[16][NAME_BYTES]; /* in the order of names */
    unsigned n;
    const char *prefix;
};

/* Stores the keys from `from` up to before `to`. */
void rot_fill(struct durable *d, unsigned from, unsigned to);
/* There are exactly the keys before `to`. */
void rot_expect(struct durable *d, unsigned to);
void rot_populate(struct durable *d);
/* A pass now, which has to run to its end. */
attl_scrub_report rot_scrub(struct durable *d);
attl_scrub_stats rot_stats(struct durable *d);
/* After a power loss all is there and whole, and after a restart. */
void rot_reopen(struct durable *d);
struct rot_list rot_names(struct durable *d, const char *prefix);

#endif
