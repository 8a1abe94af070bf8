/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of classes. Below four each duration is its own class; above, shifting the
 * duration until three bits are left gives the class, so finding it takes no loop and no table. The
 * layout is that of HdrHistogram with two significant bits. Nothing is kept here.
 */
#include "base/histogram.h"

enum { SUB_BITS = 2, SUBS = 1 << SUB_BITS, PERMILLE = 1000 };

unsigned
histogram_class(uint64_t value)
{
    if (value < SUBS)
        return (unsigned)value;
    unsigned high = 63 - (unsigned)__builtin_clzll(value);
    unsigned class = (high - SUB_BITS + 1) * SUBS + (unsigned)(value >> (high - SUB_BITS)) % SUBS;
    return class < HISTOGRAM_CLASSES ? class : HISTOGRAM_CLASSES - 1;
}

uint64_t
histogram_class_end(unsigned class)
{
    if (class < SUBS)
        return class;
    unsigned shift = class / SUBS - 1;
    return ((uint64_t)(SUBS + class % SUBS + 1) << shift) - 1;
}

uint64_t
histogram_since(const uint64_t counts[HISTOGRAM_CLASSES], const uint64_t before[HISTOGRAM_CLASSES],
                uint64_t ret_since[HISTOGRAM_CLASSES])
{
    uint64_t total = 0;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        ret_since[i] = (uint32_t)(counts[i] - before[i]);
        total += ret_since[i];
    }
    return total;
}

uint64_t
histogram_percentile(const uint64_t counts[HISTOGRAM_CLASSES], unsigned permille)
{
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        total += counts[i];
    uint64_t wanted = (total * permille + PERMILLE - 1) / PERMILLE;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        seen += counts[i];
        if (seen >= wanted && seen > 0)
            return histogram_class_end(i);
    }
    return 0;
}
