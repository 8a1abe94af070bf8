/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounds: max_entries is exact for ten entries as for a hundred thousand, max_memory holds
 * after every single write, paranoia lowers both, and what is expired always goes before what is
 * alive. Each bound is looked at after each write, because a bound that holds on average is not
 * one.
 */
#include "support/unit.h"

#define SECOND INT64_C(1000)

static attl *
open_bounded(struct sim *sim, const char *entries, const char *memory, const char *eviction)
{
    const struct sim_option options[] = {
        { "cache.max_entries", entries },
        { "cache.max_memory", memory },
        { "cache.eviction", eviction },
        { "cache.default_ttl", "0" },
        { NULL, NULL },
    };
    sim_init(sim);
    return sim_open(sim, options);
}

static void
put_number(attl *cache, uint64_t i, size_t len, int64_t ttl_ms)
{
    char key[32];
    static const char bytes[2000];
    (void)snprintf(key, sizeof(key), "key:%" PRIu64, i);
    ASSERT_STATUS(attl_set(cache, attl_s(key), attl_b(bytes, len), ttl_ms), ATTL_OK);
}

static void
max_entries_is_exact(void **state)
{
    (void)state;
    static const uint64_t bounds[] = { 1, 2, 10, 1000, 100000 };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        struct sim sim;
        char text[32];
        uint64_t bound = bounds[i];
        (void)snprintf(text, sizeof(text), "%" PRIu64, bound);
        attl *cache = open_bounded(&sim, text, "0", "s3fifo");
        for (uint64_t n = 0; n < 3 * bound; n++) {
            put_number(cache, n, n % 100, n % 3 == 0 ? 1000 * SECOND : ATTL_TTL_NONE);
            /* All of the room is used before anything goes, and then exactly all of it. */
            assert_int_equal(attl_size(cache), n + 1 < bound ? n + 1 : bound);
        }
        assert_int_equal(sim_stats(cache).evicted, 2 * bound);
        assert_int_equal(count_live(cache), bound);
        sim_close(&cache);
    }
}

static void
overwriting_at_the_bound_evicts_nothing(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "10", "0", "s3fifo");
    for (uint64_t n = 0; n < 10; n++) {
        put_number(cache, n, 10, ATTL_TTL_NONE);
    }
    for (uint64_t n = 0; n < 10000; n++) {
        put_number(cache, n % 10, n % 700, n % 2 == 0 ? SECOND : ATTL_TTL_NONE);
    }
    assert_int_equal(attl_size(cache), 10);
    assert_int_equal(sim_stats(cache).evicted, 0);
    sim_close(&cache);
}

static void
noeviction_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "1000", "0", "noeviction");
    int64_t sum;
    for (uint64_t n = 0; n < 1000; n++) {
        put_number(cache, n, 10, n < 10 ? 5 * SECOND : ATTL_TTL_NONE);
    }
    ASSERT_STATUS(attl_set(cache, attl_s("new"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_FULL);
    ASSERT_STATUS(attl_incr(cache, attl_s("new"), 1, ATTL_TTL_NONE, &sum), ATTL_E_FULL);
    ASSERT_STATUS(attl_copy(cache, attl_s("key:20"), attl_s("new"), 0), ATTL_E_FULL);
    expect(cache, "new", NULL);
    assert_true(sim_stats(cache).refused_full >= 3);
    put_number(cache, 20, 500, ATTL_TTL_NONE); /* overwriting needs no new place */
    ASSERT_STATUS(attl_rename(cache, attl_s("key:30"), attl_s("renamed"), 0), ATTL_OK);
    /* Ten expire, unseen by any maintenance: exactly ten new ones fit. */
    sim_advance(&sim, 5 * SECOND);
    for (uint64_t n = 0; n < 10; n++) {
        put_number(cache, 5000 + n, 10, ATTL_TTL_NONE);
    }
    ASSERT_STATUS(attl_set(cache, attl_s("new"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_FULL);
    ASSERT_STATUS(attl_del(cache, attl_s("key:20")), ATTL_OK);
    put(cache, "new", "v", ATTL_TTL_NONE);
    assert_int_equal(attl_size(cache), 1000);
    assert_int_equal(sim_stats(cache).evicted, 0);
    sim_close(&cache);
}

/* Fills a cache of `bound` with entries of which the first half expires `late_ms` before the rest
 * comes. */
static void
expired_goes_first(uint64_t bound, int64_t late_ms)
{
    struct sim sim;
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRIu64, bound);
    attl *cache = open_bounded(&sim, text, "0", "s3fifo");
    sim_advance(&sim, 123);
    for (uint64_t n = 0; n < bound; n++) {
        /* Long-lived first: what is older would be evicted first. */
        put_number(cache, n, 20, n < bound / 2 ? 5000 * SECOND : 7 * SECOND);
    }
    sim_advance(&sim, 7 * SECOND + late_ms);
    for (uint64_t n = 0; n < bound - bound / 2; n++) {
        put_number(cache, bound + n, 20, ATTL_TTL_NONE);
        if (sim_stats(cache).evicted != 0) {
            fail_msg("bound %" PRIu64 ", %" PRId64
                     " ms late: a live entry was evicted for new entry %" PRIu64,
                     bound, late_ms, n);
        }
        assert_true(attl_size(cache) <= bound);
    }
    assert_int_equal(count_live(cache), bound);
    sim_close(&cache);
}

static void
expired_entries_go_before_live_ones(void **state)
{
    (void)state;
    static const uint64_t bounds[] = { 10, 1000, 20000 };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        expired_goes_first(bounds[i], 100 * SECOND);
        expired_goes_first(bounds[i], 1500);
        expired_goes_first(bounds[i], 0); /* at the very millisecond */
    }
}

static void
max_memory_holds_after_every_write(void **state)
{
    (void)state;
    static const char *const evictions[] = { "s3fifo", "volatile-ttl" };
    static const uint64_t limits[] = { 4 << 20, 10 << 20, 32 << 20 };
    for (size_t e = 0; e < 2; e++) {
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
            struct sim sim;
            char text[32];
            uint64_t most = 0;
            (void)snprintf(text, sizeof(text), "%" PRIu64, limits[i]);
            attl *cache = open_bounded(&sim, "0", text, evictions[e]);
            for (uint64_t n = 0; n < limits[i] / 100; n++) {
                put_number(cache, n, n * 7 % 200, 10 * SECOND + (int64_t)(n % 100) * SECOND);
                attl_stats s = sim_stats(cache);
                assert_true(s.mem_used <= limits[i]);
                most = s.mem_used > most ? s.mem_used : most;
            }
            attl_stats s = sim_stats(cache);
            assert_true(s.evicted > 0);
            assert_int_equal(s.max_memory, limits[i]);
            /* The bound is also used: no cache that lives on half of its memory. */
            assert_true(most > limits[i] / 10 * 8);
            assert_true(s.mem_live > limits[i] / 2);
            sim_close(&cache);
        }
    }
}

static void
a_value_larger_than_the_cache_is_refused(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "0", "10MiB", "s3fifo");
    size_t len = 20 << 20;
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    put(cache, "k", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_set(cache, attl_s("large"), attl_b(bytes, len), ATTL_TTL_NONE), ATTL_E_FULL);
    ASSERT_STATUS(attl_set(cache, attl_s("k"), attl_b(bytes, len), ATTL_TTL_NONE), ATTL_E_FULL);
    expect(cache, "large", NULL);
    expect(cache, "k", "v");
    assert_true(sim_stats(cache).mem_used <= 10 << 20);
    free(bytes);
    sim_close(&cache);
}

static void
paranoia_lowers_both_bounds(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "1000000", "1GiB", "s3fifo");
    for (uint64_t n = 0; n < 30000; n++) {
        put_number(cache, n, 500, ATTL_TTL_NONE);
    }
    assert_int_equal(attl_size(cache), 30000);
    sim_option(cache, "cache.paranoia", "yes");
    attl_stats s = sim_stats(cache);
    assert_int_equal(s.max_entries, 10000);
    assert_int_equal(s.max_memory, 10 << 20);
    for (uint64_t n = 0; n < 30000; n++) {
        put_number(cache, 50000 + n, 500, ATTL_TTL_NONE);
        attl_tick(cache, 0, NULL);
        assert_true(attl_size(cache) <= 10000);
        assert_true(sim_stats(cache).mem_used <= 10 << 20);
    }
    assert_true(attl_size(cache) > 5000);
    sim_close(&cache);
}

static void
bounds_can_be_lowered_and_raised(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "10000", "0", "s3fifo");
    for (uint64_t n = 0; n < 10000; n++) {
        put_number(cache, n, 50, ATTL_TTL_NONE);
    }
    sim_option(cache, "cache.max_entries", "100");
    attl_tick(cache, 0, NULL);
    put_number(cache, 20000, 50, ATTL_TTL_NONE);
    assert_int_equal(attl_size(cache), 100);
    sim_option(cache, "cache.max_entries", "5000");
    for (uint64_t n = 0; n < 10000; n++) {
        put_number(cache, n, 50, ATTL_TTL_NONE);
    }
    assert_int_equal(attl_size(cache), 5000);
    sim_option(cache, "cache.max_memory", "2MiB");
    for (uint64_t n = 0; n < 5000; n++) {
        put_number(cache, n, 1000, ATTL_TTL_NONE);
    }
    assert_true(sim_stats(cache).mem_used <= 2 << 20);
    sim_close(&cache);
}

static void
used_entries_outlive_unused_ones(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_bounded(&sim, "1000", "0", "s3fifo");
    int present = 0;
    for (uint64_t n = 0; n < 20000; n++) {
        put_number(cache, n, 20, ATTL_TTL_NONE);
        for (uint64_t hot = 0; hot < 100 && n % 50 == 0; hot++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "key:%" PRIu64, hot);
            /* Hot keys are asked for often; a missing one is stored again, as a cache's user does.
             */
            if (n >= 100 && attl_touch(cache, attl_s(key)) == ATTL_MISS) {
                put_number(cache, hot, 20, ATTL_TTL_NONE);
            }
        }
    }
    for (uint64_t hot = 0; hot < 100; hot++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%" PRIu64, hot);
        present += attl_exists(cache, attl_s(key)) == ATTL_OK;
    }
    assert_true(present >= 90);
    sim_close(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_entries_is_exact),
        cmocka_unit_test(overwriting_at_the_bound_evicts_nothing),
        cmocka_unit_test(noeviction_refuses_what_does_not_fit),
        cmocka_unit_test(expired_entries_go_before_live_ones),
        cmocka_unit_test(max_memory_holds_after_every_write),
        cmocka_unit_test(a_value_larger_than_the_cache_is_refused),
        cmocka_unit_test(paranoia_lowers_both_bounds),
        cmocka_unit_test(bounds_can_be_lowered_and_raised),
        cmocka_unit_test(used_entries_outlive_unused_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
