/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The class of a duration is the position of its highest bit and the two bits behind it. Halving
 * instead of a ring of samples costs one pass over 128 numbers per thousand syncs and no memory; a
 * rare class may be rounded to nothing, which the maximum, kept apart, makes up for. The flusher
 * owns it.
 */
#include "persist/wal_latency.h"

enum { SUB_BITS = 2, SUBS = 1 << SUB_BITS };

static unsigned
class_of(uint64_t us)
{
    if (us < SUBS)
        return (unsigned)us;
    unsigned high = 63 - (unsigned)__builtin_clzll(us);
    unsigned class = (high - SUB_BITS + 1) * SUBS + (unsigned)(us >> (high - SUB_BITS)) % SUBS;
    return class < WAL_LATENCY_CLASSES ? class : WAL_LATENCY_CLASSES - 1;
}

/* The largest duration of the class. */
static uint64_t
class_end_us(unsigned class)
{
    if (class < SUBS)
        return class;
    unsigned shift = class / SUBS - 1;
    return ((uint64_t)(SUBS + class % SUBS + 1) << shift) - 1;
}

void
wal_latency_add(struct wal_latency *l, uint64_t us)
{
    if (l->samples == WAL_LATENCY_SAMPLES_MAX) {
        l->samples = 0;
        for (unsigned i = 0; i < WAL_LATENCY_CLASSES; i++)
            l->samples += l->counts[i] /= 2;
        l->max_before_us = l->max_us;
        l->max_us = 0;
    }
    l->counts[class_of(us)]++;
    l->samples++;
    if (us > l->max_us)
        l->max_us = us;
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
    for (unsigned i = 0; i < WAL_LATENCY_CLASSES; i++) {
        seen += l->counts[i];
        if (seen >= wanted && seen > 0) {
            uint64_t us = class_end_us(i);
            return us < wal_latency_max(l) ? us : wal_latency_max(l);
        }
    }
    return 0;
}
