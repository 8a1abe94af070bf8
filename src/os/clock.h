/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time. Caches live on `clock_now_ms`: the wall clock at start plus the monotonic time since, so
 * that setting the system's clock changes no life. It is exact to the millisecond and costs about 8
 * ns where the processor has a constant time-stamp counter, because the real clock (22 ns) is read
 * only when the counter says that a part of a millisecond has passed.
 */
#ifndef ATTL_OS_CLOCK_H
#define ATTL_OS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t wall_minus_mono_ns; /* fixed at clock_init */
    uint64_t ticks_per_slice;   /* counter ticks during which a reading is reused; 0: never */
};

void clock_init(struct clock *c);
/* Unix milliseconds, never going back. Any thread. */
int64_t clock_now_ms(const struct clock *c);
/* Nanoseconds since an arbitrary point, never going back. */
int64_t clock_mono_ns(void);
/* The system's wall clock, microseconds; may jump. */
int64_t clock_wall_us(void);
/* How far the wall clock has been set away from this clock, milliseconds (0 unless it jumped). */
int64_t clock_skew_ms(const struct clock *c);
/*
 * A counter that is cheap to read (12 ns or less), for durations: only differences of readings of
 * one machine mean anything. Where the processor has no constant counter it is clock_mono_ns().
 */
uint64_t clock_ticks(const struct clock *c);
/* Nanoseconds in so many ticks, and the other way round, to 0.01 %. */
int64_t clock_ticks_ns(const struct clock *c, uint64_t ticks);
uint64_t clock_ns_ticks(const struct clock *c, int64_t ns);
/* CPU nanoseconds used by the calling thread. */
int64_t clock_thread_cpu_ns(void);

#endif
