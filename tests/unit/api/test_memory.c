/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory comes back. After entries expired, were deleted or cleared, what the cache has mapped
 * falls, and after any number of overwrites it stays near what is alive: a cache that has once been
 * large is not large for ever. What counts is the library's figure and the process's own resident
 * size.
 */
#include "support/unit.h"

#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static uint64_t
resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
fill(attl *cache, uint64_t bytes, size_t value_len, int64_t ttl_ms)
{
    static char value[200000];
    for (uint64_t i = 0; i * (value_len + 24) < bytes; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
        ASSERT_STATUS(attl_set(cache, attl_s(key), attl_b(value, value_len), ttl_ms), ATTL_OK);
    }
}

/* Lets the delay before memory goes back pass, with maintenance at its leisure. */
static void
settle(struct fixture *f)
{
    for (int i = 0; i < 100; i++) {
        sim_advance(&f->sim, 500);
        attl_tick(f->cache, 0, NULL);
    }
}

static void
gives_back(struct fixture *f, size_t value_len, void (*empty)(struct fixture *f))
{
    uint64_t resident_before = resident_bytes();
    uint64_t committed_before = sim_stats(f->cache).mem_committed;
    fill(f->cache, 128 * MIB, value_len, 100000);
    attl_stats full = sim_stats(f->cache);
    assert_true(full.mem_committed > 100 * MIB && full.mem_used > 100 * MIB);
    empty(f);
    settle(f);
    attl_stats s = sim_stats(f->cache);
    assert_int_equal(s.items, 0);
    /* What stays: a table for each partition, and an arena or so in reserve for each kind of
     * memory. */
    assert_true(s.mem_committed < committed_before + 24 * MIB);
    assert_true(s.mem_used < 16 * MIB);
    if (!test_is_sanitized()) { /* they keep shadow and quarantine */
        assert_true(resident_bytes() < resident_before + 32 * MIB);
    }
}

static void
expire_all(struct fixture *f)
{
    sim_advance(&f->sim, 101000);
    attl_tick(f->cache, 0, NULL);
}

static void
clear_all(struct fixture *f)
{
    attl_clear(f->cache);
}

static void
delete_all(struct fixture *f)
{
    for (uint64_t i = 0; attl_size(f->cache) > 0; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
        ASSERT_STATUS(attl_del(f->cache, attl_s(key)), ATTL_OK);
    }
}

static void
expired_memory_goes_back_to_the_system(void **state)
{
    gives_back(*state, 100, expire_all);
    gives_back(*state, 4000, expire_all);
    gives_back(*state, 200000, expire_all);
}

static void
cleared_memory_goes_back_to_the_system(void **state)
{
    gives_back(*state, 100, clear_all);
    gives_back(*state, 200000, clear_all);
}

static void
deleted_memory_goes_back_to_the_system(void **state)
{
    gives_back(*state, 100, delete_all);
    gives_back(*state, 200000, delete_all);
}

static void
scattered_deletes_are_compacted(void **state)
{
    struct fixture *f = *state;
    fill(f->cache, 64 * MIB, 100, ATTL_TTL_NONE);
    uint64_t full = sim_stats(f->cache).mem_used;
    for (uint64_t i = 0, n = attl_size(f->cache); i < n; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
        if (i % 10 != 0) {
            ASSERT_STATUS(attl_del(f->cache, attl_s(key)), ATTL_OK);
        }
    }
    settle(f);
    /* A tenth is alive, spread over every chunk there was. */
    attl_stats s = sim_stats(f->cache);
    assert_true(s.mem_used < full / 4);
    assert_true(s.mem_committed < full / 2);
    assert_int_equal(count_live(f->cache), s.items);
}

static void
overwriting_for_ever_needs_no_more_memory(void **state)
{
    struct fixture *f = *state;
    enum { KEYS = 20000, ROUNDS = 30 };
    static char value[400];
    uint64_t most = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < KEYS; i++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
            size_t len = 200 + (i * 7 + round * 31) % 200;
            ASSERT_STATUS(attl_set(f->cache, attl_s(key), attl_b(value, len), ATTL_TTL_NONE),
                          ATTL_OK);
        }
        sim_advance(&f->sim, 500);
        attl_tick(f->cache, 0, NULL);
        attl_stats s = sim_stats(f->cache);
        most = s.mem_used > most ? s.mem_used : most;
    }
    uint64_t live = (uint64_t)KEYS * (300 + 32);
    assert_true(most < 2 * live + 16 * MIB);
    assert_int_equal(attl_size(f->cache), KEYS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(expired_memory_goes_back_to_the_system),
        UNIT_TEST(cleared_memory_goes_back_to_the_system),
        UNIT_TEST(deleted_memory_goes_back_to_the_system),
        UNIT_TEST(scattered_deletes_are_compacted),
        UNIT_TEST(overwriting_for_ever_needs_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
