/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Detectors of incidents that look at the cache's own numbers: limits, evictions, latency, the
 * clock. Each is a pure judgement of numbers (judge_...) behind a function that takes them from the
 * cache, so that a table of cases tests the judgement. They compare the present sums with those of
 * the reading before, which struct incidents keeps; the first reading judges nothing. Everything
 * belongs to control.lock.
 */
#ifndef ATTL_CONTROL_DETECT_H
#define ATTL_CONTROL_DETECT_H

#include "base/histogram.h"
#include "control/incident.h"

/* What happened between two readings. */
struct detect_span {
    double seconds;
    uint64_t sets, reads, evicted, ghost_hits;
};

/* From the reading before to `n`; all 0 if there was none, or if no time has passed. */
struct detect_span detect_span(const struct control_numbers *before,
                               const struct control_numbers *n);

/* Above the limits, or what is in use does not fit. */
void judge_bounds(const struct control_numbers *n, const struct detect_span *s,
                  struct incident_reading *ret);
/* All entries replaced within `turnover_ms`. */
void judge_evictions(const struct control_numbers *n, const struct detect_span *s,
                     int64_t turnover_ms, struct incident_reading *ret);

/* What is known of the duration of operations. */
struct latency_view {
    uint64_t samples, p99_ns; /* since the reading before */
    uint64_t usual_ns;        /* 0: not known yet */
    uint64_t limit_ns;
    unsigned factor;
};
void judge_latency(const struct latency_view *v, struct incident_reading *ret);
/* The usual p99 after one more good reading. */
uint64_t latency_usual(uint64_t usual_ns, uint64_t p99_ns);

/* The clock was set from `before_ms` to `skew_ms` away from the cache's. */
void judge_clock(int64_t before_ms, int64_t skew_ms, struct incident_reading *ret);

/* The balancer has found the load uneven `looks` times in a row and moved nothing. */
void judge_balance(unsigned looks, double imbalance, double threshold, const char *why,
                   struct incident_reading *ret);

/* Damaged files, of which `seen` are known from readings before. */
void judge_damage(const struct control_damage *d, uint64_t seen, struct incident_reading *ret);

void detect_corruption(struct control *c, const struct control_numbers *n,
                       struct incident_reading *ret);
void respond_corruption(struct control *c, struct incident *i, int level);
void detect_bounds(struct control *c, const struct control_numbers *n,
                   struct incident_reading *ret);
void detect_evictions(struct control *c, const struct control_numbers *n,
                      struct incident_reading *ret);
void detect_latency(struct control *c, const struct control_numbers *n,
                    struct incident_reading *ret);
void detect_clock(struct control *c, const struct control_numbers *n, struct incident_reading *ret);
void detect_balance(struct control *c, const struct control_numbers *n,
                    struct incident_reading *ret);
void respond_bounds(struct control *c, struct incident *i, int level);
void respond_evictions(struct control *c, struct incident *i, int level);

/* What the loop of memory pressure, and a server, have seen. */
void detect_memory(struct control *c, const struct control_numbers *n,
                   struct incident_reading *ret);
void detect_overload(struct control *c, const struct control_numbers *n,
                     struct incident_reading *ret);
void respond_memory(struct control *c, struct incident *i, int level);

/* Erasures whose stated time has passed, detect_erase.c. */
void judge_erasures(const struct control_erasures *e, struct incident_reading *ret);
void detect_erasures(struct control *c, const struct control_numbers *n,
                     struct incident_reading *ret);

/* What the program around the cache has reported, attl_incident_report(). */
void detect_report(struct control *c, const struct control_numbers *n,
                   struct incident_reading *ret);

/* What detectors remember. */
struct detect_state {
    struct control_numbers before; /* of the reading before */
    bool has_before;
    uint64_t latency[CONTROL_KINDS][HISTOGRAM_CLASSES];
    uint64_t usual_ns;
    unsigned uneven, stuck; /* looks of the balancer: uneven ones, those of them without a move */
    uint64_t rebalances;
    int64_t tighten_until_ms; /* what the tuner is asked for: see incident_wants_cleaning() */
};

#endif
