/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long syncs take, as a histogram of fixed size: four classes per power of two, so that a
 * percentile is right to a fifth. Once it holds SAMPLES_MAX observations all counts are halved,
 * which makes it describe the last thousand or two without keeping them. The flusher writes it and
 * copies its figures to where others read them.
 */
#ifndef ATTL_PERSIST_WAL_LATENCY_H
#define ATTL_PERSIST_WAL_LATENCY_H

#include "base/histogram.h"

#include <stdatomic.h>

enum { WAL_LATENCY_SAMPLES_MAX = 2048 };

/* Since the log was opened: for metrics, whose counters never fall. The flusher alone adds. */
struct wal_latency_total {
    _Atomic uint64_t counts[HISTOGRAM_CLASSES]; /* us */
    _Atomic uint64_t sum_us;
};

struct wal_latency {
    uint16_t counts[HISTOGRAM_CLASSES];
    uint32_t samples;
    uint64_t max_us, max_before_us; /* since the last halving, and in the period before */
};

void wal_latency_add(struct wal_latency *l, uint64_t us);
/* The upper end of the class in which the `permille`-th observation lies; 0 without any. */
uint64_t wal_latency_percentile(const struct wal_latency *l, unsigned permille);
uint64_t wal_latency_max(const struct wal_latency *l);

void wal_latency_count(struct wal_latency_total *t, uint64_t us);
/* Adds the counts, and their sum. Any thread. */
void wal_latency_read(const struct wal_latency_total *t, uint64_t counts[HISTOGRAM_CLASSES],
                      uint64_t *sum_us);

#endif
