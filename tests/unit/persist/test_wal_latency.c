/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The histogram against sorted samples: a percentile is never below the true one and at most a
 * quarter above it, old samples fade, and the maximum outlives one halving.
 */
#include "persist/wal_latency.h"

#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
percentiles_are_right_to_a_quarter(void **state)
{
    (void)state;
    struct rng rng = rng_from_seed(3);
    static uint64_t samples[1000];
    for (unsigned bits = 1; bits < 30; bits++) {
        struct wal_latency l = { .samples = 0 };
        for (unsigned i = 0; i < 1000; i++) {
            samples[i] = rng_u64(&rng) >> (64 - bits);
            wal_latency_add(&l, samples[i]);
        }
        qsort(samples, 1000, sizeof(samples[0]), compare);
        for (unsigned permille = 1; permille <= 1000; permille += 37) {
            uint64_t got = wal_latency_percentile(&l, permille), want = samples[permille - 1];
            CHECK(got >= want && got <= want + want / 4, "%" PRIu64 " for %" PRIu64, got, want);
        }
        assert_int_equal(wal_latency_max(&l), samples[999]);
    }
}

static void
the_past_fades(void **state)
{
    (void)state;
    struct wal_latency l = { .samples = 0 };
    assert_int_equal(wal_latency_percentile(&l, 500), 0);
    for (unsigned i = 0; i < WAL_LATENCY_SAMPLES_MAX; i++)
        wal_latency_add(&l, 5000);
    wal_latency_add(&l, 100);
    assert_int_equal(wal_latency_max(&l), 5000);
    assert_true(wal_latency_percentile(&l, 500) >= 5000);
    for (unsigned i = 0; i < 10 * WAL_LATENCY_SAMPLES_MAX; i++)
        wal_latency_add(&l, 100);
    assert_int_equal(wal_latency_max(&l), 100);
    assert_int_equal(wal_latency_percentile(&l, 990), 100);
}

static void
no_duration_is_too_long(void **state)
{
    (void)state;
    struct wal_latency l = { .samples = 0 };
    wal_latency_add(&l, UINT64_MAX);
    assert_true(wal_latency_max(&l) == UINT64_MAX);
    assert_true(wal_latency_percentile(&l, 1000) > UINT32_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_right_to_a_quarter),
        cmocka_unit_test(the_past_fades),
        cmocka_unit_test(no_duration_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
