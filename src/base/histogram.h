/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes of durations, four per power of two, so that a percentile is right to a fifth. Whoever
 * counts keeps an array with a count per class, of whatever integer suits; the class of a duration
 * is the position of its highest bit and the two bits behind it. Pure functions, any unit.
 */
#ifndef ATTL_BASE_HISTOGRAM_H
#define ATTL_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_CLASSES = 128 }; /* reaches to 2^33: in ns 8 s, in us 2 hours */

/* The last class takes what is beyond. */
unsigned histogram_class(uint64_t value);
/* The largest duration of the class. */
uint64_t histogram_class_end(unsigned class);
/* What was counted since `before`, and its sum. Both may be sums of counts of 32 bits that have
 * wrapped, if less than 2^32 lie between. */
uint64_t histogram_since(const uint64_t counts[HISTOGRAM_CLASSES],
                         const uint64_t before[HISTOGRAM_CLASSES],
                         uint64_t ret_since[HISTOGRAM_CLASSES]);
/* The upper end of the class in which the `permille`-th of the counted observations lies; 0 without
 * any. */
uint64_t histogram_percentile(const uint64_t counts[HISTOGRAM_CLASSES], unsigned permille);

#endif
