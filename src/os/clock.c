/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock_gettime behind a per-thread memory of the last reading. A reading is reused for 1/16 of a
 * millisecond by the time-stamp counter, so "now" is at most 63 us late and always taken after the
 * thread's previous one. On processors without an invariant counter every call reads the clock.
 */
#include "os/clock.h"

#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

enum {
    NS_PER_MS = 1000000,
    CALIBRATION_NS = 200000,
    SLICES_PER_MS = 16,
    NS_PER_SLICE = NS_PER_MS / SLICES_PER_MS,
    CALIBRATIONS = 3,
    PAIR_TRIES = 8,
    PAIR_GOOD_NS = 2000,
};

struct reading {
    uint64_t ticks;
    int64_t mono_ns;
};

static _Thread_local struct reading last_reading;

static int64_t
read_clock(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME) / 1000;
}

int64_t
clock_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

#if defined(__x86_64__)
static bool
counter_is_invariant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

static uint64_t
read_counter(void)
{
    return __rdtsc();
}
#elif defined(__aarch64__)
static bool
counter_is_invariant(void)
{
    return true;
}

static uint64_t
read_counter(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
static bool
counter_is_invariant(void)
{
    return false;
}

static uint64_t
read_counter(void)
{
    return 0;
}
#endif

/* Ticks per slice, from watching both clocks for a fifth of a millisecond. */
static uint64_t
calibrate_once(void)
{
    int64_t ns0 = clock_mono_ns();
    uint64_t ticks0 = read_counter();
    int64_t ns1;
    do {
        ns1 = clock_mono_ns();
    } while (ns1 - ns0 < CALIBRATION_NS);
    uint64_t ticks = read_counter() - ticks0;
    return ticks * (NS_PER_MS / SLICES_PER_MS) / (uint64_t)(ns1 - ns0);
}

/* The smallest of three: a preemption can only make a slice look longer. */
static uint64_t
calibrate(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < CALIBRATIONS; i++) {
        uint64_t ticks = calibrate_once();
        least = ticks < least ? ticks : least;
    }
    return counter_is_invariant() ? least : 0;
}

/*
 * The distance of the two clocks. A thread that is preempted between reading one and the other
 * would take the pause for a difference, so the reading between the two closest ones is believed.
 */
static int64_t
wall_minus_mono_ns(void)
{
    int64_t best_ns = 0, narrowest_ns = INT64_MAX;
    for (int i = 0; i < PAIR_TRIES && narrowest_ns > PAIR_GOOD_NS; i++) {
        int64_t before_ns = clock_mono_ns();
        int64_t wall_ns = read_clock(CLOCK_REALTIME);
        int64_t after_ns = clock_mono_ns();
        if (after_ns - before_ns >= narrowest_ns)
            continue;
        narrowest_ns = after_ns - before_ns;
        best_ns = wall_ns - (before_ns + narrowest_ns / 2);
    }
    return best_ns;
}

void
clock_init(struct clock *c)
{
    c->wall_minus_mono_ns = wall_minus_mono_ns();
    c->ticks_per_slice = calibrate();
}

/* Apart, so that what reads no clock needs no room on the stack. */
static __attribute__((noinline)) void
read_afresh(struct reading *last, uint64_t ticks)
{
    last->mono_ns = clock_mono_ns();
    last->ticks = ticks;
}

static __attribute__((noinline)) uint64_t
ticks_of_clock(void)
{
    return (uint64_t)clock_mono_ns();
}

int64_t
clock_now_ms(const struct clock *c)
{
    struct reading *last = &last_reading;
    uint64_t ticks = read_counter();
    if (__builtin_expect(ticks - last->ticks >= c->ticks_per_slice || last->mono_ns == 0, 0))
        read_afresh(last, ticks);
    return (last->mono_ns + c->wall_minus_mono_ns) / NS_PER_MS;
}

int64_t
clock_skew_ms(const struct clock *c)
{
    return (wall_minus_mono_ns() - c->wall_minus_mono_ns) / NS_PER_MS;
}

uint64_t
clock_ticks(const struct clock *c)
{
    return __builtin_expect(c->ticks_per_slice != 0, 1) ? read_counter() : ticks_of_clock();
}

/* amount * to / from, where the product of `from` and `to` fits. */
static uint64_t
scale(uint64_t amount, uint64_t to, uint64_t from)
{
    return amount / from * to + amount % from * to / from;
}

int64_t
clock_ticks_ns(const struct clock *c, uint64_t ticks)
{
    return (int64_t)(c->ticks_per_slice ? scale(ticks, NS_PER_SLICE, c->ticks_per_slice) : ticks);
}

uint64_t
clock_ns_ticks(const struct clock *c, int64_t ns)
{
    uint64_t n = ns > 0 ? (uint64_t)ns : 0;
    return c->ticks_per_slice ? scale(n, c->ticks_per_slice, NS_PER_SLICE) : n;
}
