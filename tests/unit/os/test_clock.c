/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the cheap clock must never go back on a thread, never be ahead of the real one, and lag it
 * by no more than its slice. Readings are bracketed by the monotonic clock, so that a loaded
 * machine widens the bracket and not the tolerance.
 */
#include "os/clock.h"

#include "support/check.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { READINGS = 100000, THREADS = 3, MS = 1000000 };

/* A slice is 62.5 us; calibrating it on a busy machine may be off by some of it. */
#define LAG_NS_MAX INT64_C(250000)

static void
sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS };
    (void)nanosleep(&t, NULL); /* woken early is fine */
}

static void
it_starts_at_the_wall_clock(void **state)
{
    (void)state;
    struct clock c;
    int64_t before_us = clock_wall_us();
    clock_init(&c);
    int64_t now_ms = clock_now_ms(&c);
    int64_t after_us = clock_wall_us();
    assert_true(now_ms >= before_us / 1000 - 1);
    assert_true(now_ms <= after_us / 1000 + 1);
    struct timespec real;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &real), 0);
    int64_t difference_us = (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000 - after_us;
    assert_in_range(difference_us + 1000, 0, 10 * 1000000);
}

static void
nobody_has_set_the_clock_since(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    assert_in_range(clock_skew_ms(&c) + 5, 0, 10);
    c.wall_minus_mono_ns -= INT64_C(3600000) * MS; /* as if the wall had been set an hour ahead */
    assert_in_range(clock_skew_ms(&c), 3600000 - 5, 3600000 + 5);
    c.wall_minus_mono_ns += INT64_C(7200000) * MS;
    assert_in_range(-clock_skew_ms(&c), 3600000 - 5, 3600000 + 5);
}

/* One reading against the clock it stands for; true if it is exact to the slice. */
static bool
reading_is_right(const struct clock *c, int64_t *last_ms)
{
    int64_t before_ns = clock_mono_ns() + c->wall_minus_mono_ns;
    int64_t now_ms = clock_now_ms(c);
    int64_t after_ns = clock_mono_ns() + c->wall_minus_mono_ns;
    CHECK(now_ms >= *last_ms, "%" PRId64 " after %" PRId64, now_ms, *last_ms);
    CHECK(now_ms * MS <= after_ns, "ahead: %" PRId64 " ms, %" PRId64 " ns", now_ms, after_ns);
    *last_ms = now_ms;
    return (now_ms + 1) * MS > before_ns - LAG_NS_MAX;
}

static void *
read_often(void *arg)
{
    const struct clock *c = arg;
    int64_t last_ms = 0;
    unsigned late = 0;
    for (int i = 0; i < READINGS; i++)
        late += !reading_is_right(c, &last_ms);
    CHECK(late == 0, "%u of %d readings are late", late, READINGS);
    return NULL;
}

static void
it_never_goes_back_nor_ahead_and_hardly_lags(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    (void)read_often(&c);
}

static void
each_thread_reads_it_right(void **state)
{
    (void)state;
    struct clock c;
    pthread_t threads[THREADS];
    clock_init(&c);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
a_reading_after_a_sleep_is_fresh(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    int64_t last_ms = 0;
    for (int i = 0; i < 20; i++) {
        sleep_ms(2);
        assert_true(reading_is_right(&c, &last_ms));
    }
    c.ticks_per_slice = 0; /* as where there is no counter: every call reads the clock */
    for (int i = 0; i < 1000; i++)
        assert_true(reading_is_right(&c, &last_ms));
}

static void
processor_time_counts_work_and_not_sleep(void **state)
{
    (void)state;
    int64_t start_ns = clock_thread_cpu_ns();
    sleep_ms(30);
    int64_t slept_ns = clock_thread_cpu_ns() - start_ns;
    assert_in_range(slept_ns, 0, 20 * MS);
    int64_t wall_ns = clock_mono_ns(); /* first: the window is the wider one */
    start_ns = clock_thread_cpu_ns();
    uint64_t rounds = 0;
    while (clock_thread_cpu_ns() - start_ns < 5 * MS)
        rounds++;
    assert_true(rounds > 0);
    assert_true(clock_mono_ns() - wall_ns >= 5 * MS); /* one thread cannot work faster than time */
}

static void
ticks_measure_durations(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    for (int counter = 1; counter >= 0; counter--) {
        int64_t before_ns = clock_mono_ns();
        uint64_t start = clock_ticks(&c);
        while (clock_mono_ns() - before_ns < 5 * MS)
            continue;
        int64_t took_ns = clock_ticks_ns(&c, clock_ticks(&c) - start);
        int64_t real_ns = clock_mono_ns() - before_ns;
        assert_in_range(took_ns, 4 * MS, real_ns + real_ns / 50);
        assert_in_range(clock_ticks_ns(&c, clock_ns_ticks(&c, 5 * MS)), 5 * MS - 100, 5 * MS + 100);
        assert_int_equal(clock_ns_ticks(&c, -1), 0);
        c.ticks_per_slice = 0; /* as without a counter */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_at_the_wall_clock),
        cmocka_unit_test(nobody_has_set_the_clock_since),
        cmocka_unit_test(it_never_goes_back_nor_ahead_and_hardly_lags),
        cmocka_unit_test(each_thread_reads_it_right),
        cmocka_unit_test(a_reading_after_a_sleep_is_fresh),
        cmocka_unit_test(ticks_measure_durations),
        cmocka_unit_test(processor_time_counts_work_and_not_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
