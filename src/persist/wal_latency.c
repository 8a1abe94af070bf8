/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes are those of base/histogram.h. Halving
 * instead of a ring of samples costs one pass over 128 numbers per thousand syncs and no memory; a
 * rare class may be rounded to nothing, which the maximum, kept apart, makes up for. The flusher
 * owns it.
 */
#include "persist/wal_latency.h"

void
wal_latency_add(struct wal_latency *l, uint64_t us)
{
    if (l->samples == WAL_LATENCY_SAMPLES_MAX) {
        l->samples = 0;
        for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
            l->samples += l->counts[i] /= 2;
        l->max_before_us = l->max_us;
        l->max_us = 0;
    }
    l->counts[histogram_class(us)]++;
    l->samples++;
    if (us > l->max_us)
        l->max_us = us;
}

void
wal_latency_count(struct wal_latency_total *t, uint64_t us)
{
    atomic_fetch_add_explicit(&t->counts[histogram_class(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->sum_us, us, memory_order_relaxed);
}

void
wal_latency_read(const struct wal_latency_total *t, uint64_t counts[HISTOGRAM_CLASSES],
                 uint64_t *sum_us)
{
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        counts[i] += atomic_load_explicit(&t->counts[i], memory_order_relaxed);
    *sum_us += atomic_load_explicit(&t->sum_us, memory_order_relaxed);
}

uint64_t
wal_latency_max(const struct wal_latency *l)
{
    return l->max_us > l->max_before_us ? l->max_us : l->max_before_us;
}

uint64_t
wal_latency_percentile(const struct wal_latency *l, unsigned permille)
{
    uint64_t wanted = ((uint64_t)l->samples * permille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        seen += l->counts[i];
        if (seen >= wanted && seen > 0) {
            uint64_t us = histogram_class_end(i);
            return us < wal_latency_max(l) ? us : wal_latency_max(l);
        }
    }
    return 0;
}
