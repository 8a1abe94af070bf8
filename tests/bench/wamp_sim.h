/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cleaner's write amplification, simulated: what bench_wamp measures is compared with it.
 * A log of equal chunks holds records of one size; the chunk with the best benefit over cost,
 * (1 - u) / (1 + u) * age, is cleaned when space runs out, and what survives goes to chunks of its
 * own. It shares no code with the library. Single-threaded; everything is freed before it returns.
 */
#ifndef ATTL_TESTS_BENCH_WAMP_SIM_H
#define ATTL_TESTS_BENCH_WAMP_SIM_H

#include "bench.h"

enum draw { DRAW_UNIFORM, DRAW_8020, DRAW_ZIPF, DRAWS };

/* One item of `n` by the draw; `zipf` is over the same n and only used by DRAW_ZIPF. */
uint64_t draw_item(enum draw draw, uint64_t n, const struct zipf *zipf, struct rng *rng);
/* Records written per record accepted, in the steady state, when `utilization` of the log is live.
 */
double wamp_simulate(enum draw draw, double theta, double utilization, uint64_t seed);

#endif
