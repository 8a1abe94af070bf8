/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop that sets the maintenance's pace. While something is due it looks ten times a second,
 * and decides the duty; while the cache is in use it looks once a second, and decides the interval
 * of the deep passes; while neither is the case it sleeps. The law is in tune.h. State belongs to
 * the control plane's lock.
 */
#ifndef ATTL_CONTROL_TUNER_H
#define ATTL_CONTROL_TUNER_H

#include "base/histogram.h"
#include "config/config.h"
#include "control/tune.h"
#include "engine/control.h"

struct control;

/* Readings of the histograms: what came between the older and now is the window. */
struct tuner_window {
    uint64_t older[CONTROL_KINDS][HISTOGRAM_CLASSES], newer[CONTROL_KINDS][HISTOGRAM_CLASSES];
    int64_t newer_ns;
};

struct tuner {
    /* Settings. */
    bool sweeps;
    int64_t base_ms;
    double min_ms, max_ms, insert_threshold;
    uint64_t threshold_ns;
    /* What it has decided. */
    struct tune_duty duty;
    struct tune_interval interval;
    uint64_t cycles;
    /* What it has seen. */
    struct tuner_window window;
    uint64_t p99_ns[CONTROL_KINDS];
    double quiet_p99_ns; /* mean of quiet times */
    double expired_per_s, dead_per_s, inserts_mean_per_s;
    struct control_numbers last;
    struct control_garbage garbage;
    int64_t interval_ns, duty_ns; /* when each was decided last */
    uint64_t last_dead_bytes;
    bool is_quiet; /* nothing was due in the present window */
};

void tuner_configure(struct control *c, const attl_config *config);
int64_t tuner_step(struct control *c, const struct control_numbers *n);

#endif
