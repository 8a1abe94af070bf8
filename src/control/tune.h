/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laws of the maintenance's pace, as pure functions of numbers: which part of its time the
 * reclaim of due entries may take (additive increase, multiplicative decrease, with floors), and
 * how long the interval between deep passes is (a prediction, smoothed in the logarithm). Neither
 * decides what expires: reads are exact whatever the pace. Nothing here reads a clock, keeps state
 * or locks.
 */
#ifndef ATTL_CONTROL_TUNE_H
#define ATTL_CONTROL_TUNE_H

#include <stdint.h>

enum tune_reason {
    TUNE_REST,
    TUNE_RISE,
    TUNE_TOP,
    TUNE_LATENCY,
    TUNE_GARBAGE,
    TUNE_PROMPT,
    TUNE_MEMORY,
    TUNE_BREAKER,
    TUNE_OFF,
    TUNE_STEADY,
    TUNE_MORE_GARBAGE,
    TUNE_LESS_GARBAGE,
    TUNE_INSERTS,
    TUNE_SLOW,
    TUNE_FIXED,
    TUNE_REASONS
};

/* One word, and one sentence. */
const char *tune_reason_name(enum tune_reason reason);
const char *tune_reason_text(enum tune_reason reason);

/* What was measured while something is due. */
struct tune_load {
    double garbage_share;  /* u: expired and not reclaimed, as a part of the budget */
    double used_share;     /* of the memory limit; 0: there is none */
    double work_s;         /* processor time that what is due will take */
    double waited_s;       /* since the oldest of it came due */
    uint64_t p99_ns;       /* L: of callers' operations; 0: too few of them to say */
    uint64_t limit_ns;     /* L*: see tune_limit_ns */
    uint64_t threshold_ns; /* adaptive.latency_threshold */
};

struct tune_duty {
    double duty; /* 0 .. 1 */
    enum tune_reason reason;
    unsigned hold; /* steps for which it waits what became of the last cut */
};

/* The latency above which reclaim steps back, from that of quiet times (0: not known yet). */
uint64_t tune_limit_ns(uint64_t quiet_p99_ns);
/* What a cache begins with. */
double tune_duty_start(void);
/* The duty for the next tenth of a second, after `now`. */
struct tune_duty tune_duty(const struct tune_duty *now, const struct tune_load *load);

/* What garbage there is and will be. Rates are means over half a minute. */
struct tune_flow {
    double min_ms, max_ms;
    double budget_bytes;
    double expired_per_s, dead_per_s;         /* bytes that become garbage */
    double inserts_per_s, inserts_mean_per_s; /* now; in the mean */
    double insert_threshold;                  /* adaptive.insert_threshold */
    double garbage_share;
    uint64_t p99_ns, limit_ns;
};

struct tune_interval {
    double interval_ms; /* the prediction */
    double pause_ms;    /* in force: that, or longer while callers are held up */
    enum tune_reason reason;
};

/* The interval after `interval_ms`, one step nearer to what `flow` asks for. What callers feel
 * stretches the pause but is not remembered in the interval: a latency that swings around its limit
 * cannot make the prediction hunt. */
struct tune_interval tune_interval(double interval_ms, const struct tune_flow *flow);
/* One step of an exponential mean: `dt_s` have passed, `tau_s` is its memory. */
double tune_mean(double mean, double value, double dt_s, double tau_s);

#endif
