/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache against a plain map, under a simulated clock: random operations of every public
 * function, with partitions moving, values pinned and iterations under way. Without limits both
 * must agree at every step; with limits entries may be evicted but nothing may be wrong. The seed
 * is printed; set ATTL_TEST_SEED to replay a failure and ATTL_TEST_SCALE to do more or less of the
 * same.
 */
#include "support/check.h"
#include "support/run.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
without_limits_the_cache_is_a_map(void **state)
{
    (void)state;
    static const struct run_setup setup = {
        .name = "without limits",
        .mode = MODEL_BINARY,
        .key_count = 3000,
        .value_bytes_max = 3 << 20,
        .big_value_one_in = 200,
        .slow_time_one_in = 300,
        .steps = 250000,
    };
    run_all(&setup, test_seed());
}

static void
small_values_that_come_and_go_are_a_map(void **state)
{
    (void)state;
    static const struct run_setup setup = {
        .name = "small values",
        .mode = MODEL_BINARY,
        .key_count = 60000,
        .value_bytes_max = 600,
        .big_value_one_in = 0,
        .slow_time_one_in = 20000,
        .steps = 150000,
        .options = { { "cache.num_shards", "3" }, { "cache.partitions", "64" } },
    };
    run_all(&setup, test_seed() + 1);
}

static void
a_few_keys_of_large_values_are_a_map(void **state)
{
    (void)state;
    static const struct run_setup setup = {
        .name = "large values",
        .mode = MODEL_BINARY,
        .key_count = 60,
        .value_bytes_max = 3 << 20,
        .big_value_one_in = 3,
        .slow_time_one_in = 100,
        .steps = 25000,
    };
    run_all(&setup, test_seed() + 2);
}

static void
every_validation_mode_is_a_map(void **state)
{
    (void)state;
    static const struct run_setup setups[] = {
        { .name = "strict",
          .mode = MODEL_STRICT,
          .key_count = 500,
          .value_bytes_max = 9000,
          .big_value_one_in = 100,
          .slow_time_one_in = 200,
          .steps = 100000 },
        { .name = "normal",
          .mode = MODEL_NORMAL,
          .key_count = 500,
          .value_bytes_max = 9000,
          .big_value_one_in = 100,
          .slow_time_one_in = 200,
          .steps = 100000 },
        { .name = "relaxed",
          .mode = MODEL_RELAXED,
          .key_count = 500,
          .value_bytes_max = 9000,
          .big_value_one_in = 100,
          .slow_time_one_in = 200,
          .steps = 100000 },
        { .name = "keyed hash",
          .mode = MODEL_BINARY,
          .key_count = 5000,
          .value_bytes_max = 9000,
          .big_value_one_in = 100,
          .slow_time_one_in = 200,
          .steps = 100000,
          .options = { { "cache.hash", "siphash" }, { "cache.num_shards", "1" } } },
    };
    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        run_all(&setups[i], test_seed() + 10 + i);
    }
}

static void
bounded_by_entries_nothing_is_wrong(void **state)
{
    (void)state;
    static const struct run_setup setups[] = {
        { .name = "10 entries",
          .mode = MODEL_BINARY,
          .key_count = 100,
          .value_bytes_max = 100000,
          .big_value_one_in = 200,
          .entries_max = 10,
          .evicts = true,
          .slow_time_one_in = 100,
          .steps = 60000 },
        { .name = "1000 entries",
          .mode = MODEL_BINARY,
          .key_count = 3000,
          .value_bytes_max = 20000,
          .big_value_one_in = 500,
          .entries_max = 1000,
          .evicts = true,
          .slow_time_one_in = 3000,
          .steps = 60000 },
        { .name = "1000 entries, all with a life",
          .mode = MODEL_BINARY,
          .key_count = 3000,
          .value_bytes_max = 600,
          .entries_max = 1000,
          .evicts = true,
          .always_ttl = true,
          .slow_time_one_in = 1000,
          .steps = 80000 },
        { .name = "1000 entries, volatile-ttl",
          .mode = MODEL_BINARY,
          .key_count = 3000,
          .value_bytes_max = 600,
          .entries_max = 1000,
          .evicts = true,
          .refuses = true,
          .always_ttl = true,
          .slow_time_one_in = 1000,
          .steps = 50000,
          .options = { { "cache.eviction", "volatile-ttl" } } },
        { .name = "100000 entries",
          .prefill = true,
          .mode = MODEL_BINARY,
          .key_count = 150000,
          .value_bytes_max = 200,
          .big_value_one_in = 0,
          .entries_max = 100000,
          .evicts = true,
          .slow_time_one_in = 100000,
          .steps = 150000 },
    };
    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        run_all(&setups[i], test_seed() + 20 + i);
    }
}

static void
bounded_by_memory_nothing_is_wrong(void **state)
{
    (void)state;
    static const struct run_setup setups[] = {
        { .name = "10 MB, small values",
          .prefill = true,
          .mode = MODEL_BINARY,
          .key_count = 100000,
          .value_bytes_max = 600,
          .memory_max = 10 << 20,
          .evicts = true,
          .slow_time_one_in = 100000,
          .steps = 150000 },
        { .name = "10 MB, all sizes",
          .mode = MODEL_BINARY,
          .key_count = 6000,
          .value_bytes_max = 200000,
          .big_value_one_in = 4,
          .memory_max = 10 << 20,
          .evicts = true,
          .refuses = true,
          .slow_time_one_in = 5000,
          .steps = 60000 },
    };
    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        run_all(&setups[i], test_seed() + 30 + i);
    }
}

static void
without_eviction_writes_are_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    static const struct run_setup setups[] = {
        { .name = "noeviction, 10 entries",
          .mode = MODEL_BINARY,
          .key_count = 60,
          .value_bytes_max = 600,
          .entries_max = 10,
          .refuses = true,
          .slow_time_one_in = 200,
          .steps = 60000,
          .options = { { "cache.eviction", "noeviction" } } },
        { .name = "noeviction, 1000 entries",
          .mode = MODEL_BINARY,
          .key_count = 3000,
          .value_bytes_max = 600,
          .entries_max = 1000,
          .refuses = true,
          .slow_time_one_in = 2000,
          .steps = 80000,
          .options = { { "cache.eviction", "noeviction" } } },
        { .name = "noeviction, 10 MB",
          .prefill = true,
          .mode = MODEL_BINARY,
          .key_count = 12000,
          .value_bytes_max = 20000,
          .big_value_one_in = 4,
          .memory_max = 10 << 20,
          .refuses = true,
          .slow_time_one_in = 50000,
          .steps = 80000,
          .options = { { "cache.eviction", "noeviction" } } },
    };
    for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
        run_all(&setups[i], test_seed() + 40 + i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limits_the_cache_is_a_map),
        cmocka_unit_test(small_values_that_come_and_go_are_a_map),
        cmocka_unit_test(a_few_keys_of_large_values_are_a_map),
        cmocka_unit_test(every_validation_mode_is_a_map),
        cmocka_unit_test(bounded_by_entries_nothing_is_wrong),
        cmocka_unit_test(bounded_by_memory_nothing_is_wrong),
        cmocka_unit_test(without_eviction_writes_are_refused_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
