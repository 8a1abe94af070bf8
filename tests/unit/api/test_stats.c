/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers a cache tells about itself: each counter counts what its name says and nothing else,
 * the memory figures add up to one another, and a reset clears counters but no contents. Monitoring
 * and the balancer live on these, so they are promises like any other.
 */
#include "support/unit.h"

static void
no_visit(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)value;
    (void)deadline_ms;
    ++*(int *)ud;
}

static void
reads_count_as_hits_and_misses(void **state)
{
    struct fixture *f = *state;
    char buf[8];
    int visits = 0;
    attl_slice keys[3] = { attl_s("k"), attl_s("absent"), attl_s("k") };
    attl_value values[3] = { ATTL_VALUE_INIT, ATTL_VALUE_INIT, ATTL_VALUE_INIT };
    int statuses[3];
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    put(f->cache, "dead", "v", 1);
    sim_advance(&f->sim, 1);
    attl_stats_reset(f->cache);
    ASSERT_STATUS(attl_get(f->cache, attl_s("k"), buf, sizeof(buf), NULL), ATTL_OK);
    ASSERT_STATUS(attl_get_visit(f->cache, attl_s("k"), no_visit, &visits), ATTL_OK);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &values[0]), ATTL_OK);
    attl_value_release(f->cache, &values[0]);
    assert_int_equal(sim_stats(f->cache).hits, 3);
    assert_int_equal(sim_stats(f->cache).misses, 0);
    ASSERT_STATUS(attl_get(f->cache, attl_s("absent"), buf, sizeof(buf), NULL), ATTL_MISS);
    ASSERT_STATUS(attl_get(f->cache, attl_s("dead"), buf, sizeof(buf), NULL), ATTL_MISS);
    assert_int_equal(sim_stats(f->cache).misses, 2);
    assert_int_equal(attl_mget(f->cache, keys, 3, values, statuses), 2);
    for (int i = 0; i < 3; i++) {
        attl_value_release(f->cache, &values[i]);
    }
    attl_stats s = sim_stats(f->cache);
    assert_int_equal(s.hits, 5);
    assert_int_equal(s.misses, 3);
}

static void
writes_and_deaths_are_counted_by_kind(void **state)
{
    struct fixture *f = *state;
    attl_stats_reset(f->cache);
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        put(f->cache, key, "v", i < 30 ? 1000 : ATTL_TTL_NONE);
    }
    for (int i = 90; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        ASSERT_STATUS(attl_del(f->cache, attl_s(key)), ATTL_OK);
    }
    attl_stats s = sim_stats(f->cache);
    assert_int_equal(s.sets, 100);
    assert_int_equal(s.deletes, 10);
    assert_int_equal(s.items, 90);
    assert_int_equal(s.items_ttl, 30);
    assert_int_equal(s.expired, 0);
    sim_advance(&f->sim, 3000);
    attl_tick(f->cache, 0, NULL);
    s = sim_stats(f->cache);
    assert_int_equal(s.expired, 30);
    assert_int_equal(s.evicted, 0);
    assert_int_equal(s.deletes, 10); /* dying by itself is no delete */
    assert_int_equal(s.items, 60);
    assert_int_equal(s.items_ttl, 0);
    assert_int_equal(s.mem_expired_unreclaimed, 0);
    sim_option(f->cache, "cache.max_entries", "10");
    attl_tick(f->cache, 0, NULL);
    put(f->cache, "new", "v", ATTL_TTL_NONE);
    s = sim_stats(f->cache);
    assert_int_equal(s.items, 10);
    assert_int_equal(s.evicted, 51);
}

static void
memory_figures_add_up(void **state)
{
    struct fixture *f = *state;
    static char bytes[20000];
    for (int i = 0; i < 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i % 5000);
        size_t len = i % 97 == 0 ? sizeof(bytes) : (size_t)(i * 13 % 400);
        ASSERT_STATUS(attl_set(f->cache, attl_s(key), attl_b(bytes, len), 1 + i), ATTL_OK);
        if (i % 1000 == 0) {
            attl_stats s = sim_stats(f->cache);
            uint64_t sum = s.mem_live + s.mem_dead + s.mem_unsealed + s.mem_retired + s.mem_index +
                           s.mem_extents + s.mem_ghost;
            /* Descriptors and directories are in mem_used as well, but they are small beside it. */
            assert_true(sum <= s.mem_used);
            assert_true(s.mem_used - sum <= s.mem_used / 4 + (1 << 20));
            assert_true(s.mem_used <= s.mem_committed);
            assert_true(s.mem_used <= s.mem_used_peak);
            sim_advance(&f->sim, 500);
            attl_tick(f->cache, 0, NULL);
        }
    }
    assert_true(sim_stats(f->cache).mem_extents > 0);
    assert_true(sim_stats(f->cache).mem_live > 0);
}

static void
a_reset_clears_counters_and_no_contents(void **state)
{
    struct fixture *f = *state;
    char buf[8];
    put(f->cache, "k", "v", 60000);
    ASSERT_STATUS(attl_get(f->cache, attl_s("k"), buf, sizeof(buf), NULL), ATTL_OK);
    ASSERT_STATUS(attl_get(f->cache, attl_s("j"), buf, sizeof(buf), NULL), ATTL_MISS);
    sim_option(f->cache, "validation.max_key_bytes", "3");
    ASSERT_STATUS(attl_del(f->cache, attl_s("long")), ATTL_E_KEY_LONG);
    attl_stats before = sim_stats(f->cache);
    assert_true(before.hits == 1 && before.misses == 1 && before.sets == 1);
    attl_stats_reset(f->cache);
    attl_stats s = sim_stats(f->cache);
    assert_int_equal(
        s.hits + s.misses + s.sets + s.deletes + s.expired + s.evicted + s.records_written, 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(s.refused[i], 0);
    }
    assert_int_equal(s.items, 1);
    assert_int_equal(s.items_ttl, 1);
    assert_int_equal(s.mem_live, before.mem_live);
    expect(f->cache, "k", "v");
}

static void
the_mean_life_is_about_right(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        put(f->cache, key, "v", 1000000);
    }
    attl_stats s = sim_stats(f->cache);
    assert_int_equal(s.items_ttl, 20000);
    uint64_t mean_ms = s.ttl_sum_ms / s.items_ttl;
    assert_true(mean_ms > 500000 && mean_ms < 1500000);
}

static void
metadata_describes_the_entry(void **state)
{
    struct fixture *f = *state;
    attl_meta meta = ATTL_META_INIT;
    int64_t sum;
    char *large = calloc(1, 100000);
    char buf[8];
    assert_non_null(large);
    ASSERT_STATUS(attl_incr(f->cache, attl_s("n"), 42, ATTL_TTL_NONE, &sum), ATTL_OK);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("n"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, 2);
    assert_int_equal(meta.is_extent, 0);
    ASSERT_STATUS(attl_set(f->cache, attl_s("large"), attl_b(large, 100000), 5000), ATTL_OK);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("large"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, 100000);
    assert_int_not_equal(meta.is_extent, 0);
    assert_true(meta.memory_bytes >= 100000 && meta.memory_bytes < 130000);
    put(f->cache, "small", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        5000);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("small"), &meta), ATTL_OK);
    assert_int_equal(meta.is_integer, 0);
    assert_true(meta.memory_bytes >= 5 + 64 && meta.memory_bytes < 5 + 64 + 100);
    assert_int_equal(meta.freq, 0);
    for (int i = 0; i < 100; i++) {
        ASSERT_STATUS(attl_get(f->cache, attl_s("n"), buf, sizeof(buf), NULL), ATTL_OK);
        /* Neither asking whether it is there nor looking at it counts as a use. */
        ASSERT_STATUS(attl_exists(f->cache, attl_s("small")), ATTL_OK);
        ASSERT_STATUS(attl_meta_get(f->cache, attl_s("small"), &meta), ATTL_OK);
    }
    assert_int_equal(meta.freq, 0);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("n"), &meta), ATTL_OK);
    assert_int_equal(meta.freq, 3);
    ASSERT_STATUS(attl_touch(f->cache, attl_s("small")), ATTL_OK);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("small"), &meta), ATTL_OK);
    assert_true(meta.freq >= 1);
    free(large);
}

static void
shards_share_the_entries(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 50000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "user:%d", i);
        put(f->cache, key, "v", ATTL_TTL_NONE);
    }
    attl_stats s = sim_stats(f->cache);
    assert_true(s.shards >= 1 && s.shard_max_items >= 50000 / s.shards);
    assert_true(s.shard_min_items <= 50000 / s.shards && s.shard_min_items > 0);
    assert_true(s.shard_max_items < 3 * (50000 / s.shards));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(reads_count_as_hits_and_misses),
        UNIT_TEST(writes_and_deaths_are_counted_by_kind),
        UNIT_TEST(memory_figures_add_up),
        UNIT_TEST(a_reset_clears_counters_and_no_contents),
        UNIT_TEST(the_mean_life_is_about_right),
        UNIT_TEST(metadata_describes_the_entry),
        UNIT_TEST(shards_share_the_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
