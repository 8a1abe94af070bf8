/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain as limits drive it: it evicts in the policy's order, expired entries before living
 * ones, compacts without losing anything, empties scattered arenas, and so makes room, a little
 * with each write or as much as a lowered limit asks for. Where the policy forbids eviction a full
 * cache refuses and keeps all it has.
 */
#include "cache/drain.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000, MIB = 1 << 20, OTHERS = 60000 };

static int
setup(void **state)
{
    struct cache_config config = rig_config();
    *state = rig_open(&config);
    return 0;
}

static int
teardown(void **state)
{
    rig_close(*state);
    return 0;
}

/* ---- eviction -------------------------------------------------------------------------------- */

static void
unused_entries_go_in_the_order_they_came(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < KEYS; i++) {
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
        assert_true(cache_items(&rig->cache) <= 500);
    }
    unsigned strangers =
        0; /* a fingerprint in the ghost may be another key's: such a key is kept */
    for (uint64_t i = 0; i < KEYS; i++)
        strangers += rig_holds(rig, i, 20) != (i >= KEYS - 500);
    assert_in_range(strangers, 0, 24);
    assert_int_equal(rig_counter(rig, COUNT_EVICTED), KEYS - 500);
}

/* All are used at first and so promoted, which clears their uses; then only 25 are used. */
static void
used_entries_survive_as_long_as_they_are_used(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 3 * KEYS; i++) {
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
        rig_touch(rig, i, 2);
        for (uint64_t hot = 400; i >= 1000 && i % 100 == 0 && hot < 425; hot++)
            rig_touch(rig, hot, 1);
    }
    for (uint64_t i = 0; i < 2000; i++)
        assert_int_equal(rig_holds(rig, i, 20), i >= 400 && i < 425);
    int64_t survivors = atomic_load(&rig_shard(rig)->live_bytes[GEN_SURVIVOR]);
    int64_t newcomers = atomic_load(&rig_shard(rig)->live_bytes[GEN_NEW]);
    assert_in_range(newcomers * 100 / (survivors + newcomers), 5,
                    20); /* a tenth to prove themselves */
    rig_check(rig, "after evictions");
}

static void
a_key_that_comes_back_from_the_ghost_is_a_survivor(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < 600; i++)
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
    assert_false(rig_holds(rig, 90, 20));
    rig_put(rig, 90, 20, ATTL_NO_DEADLINE);
    assert_int_equal(rig_counter(rig, COUNT_GHOST_HITS), 1);
    for (uint64_t i = 1000; i < 1450; i++)
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
    assert_true(rig_holds(rig, 90, 20)); /* newcomers of its time have gone */
    assert_false(rig_holds(rig, 550, 20));
}

static void
volatile_ttl_takes_the_soonest_and_never_the_immortal(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.policy, EVICT_VOLATILE_TTL);
    for (uint64_t i = 0; i < 600; i++)
        rig_put(rig, i, 20,
                i % 3 ? START_MS + (int64_t)(1 + i * 7 % 600) * HOUR_MS : ATTL_NO_DEADLINE);
    struct drain_done done = { 0 };
    while (done.evicted < 200)
        drain_step(&rig->cache, rig_shard(rig), DRAIN_EVICT, rig->now_ms, 1, &done);
    int64_t earliest_left = INT64_MAX, latest_gone = 0;
    for (uint64_t i = 0; i < 600; i++) {
        int64_t life = (int64_t)(1 + i * 7 % 600);
        if (i % 3 == 0)
            assert_true(rig_holds(rig, i, 20));
        else if (rig_holds(rig, i, 20))
            earliest_left = life < earliest_left ? life : earliest_left;
        else
            latest_gone = life > latest_gone ? life : latest_gone;
    }
    assert_true(latest_gone <= earliest_left + 6); /* within a slot of 5 hours any order will do */
    done = rig_drain(rig, DRAIN_EVICT);
    assert_int_equal(cache_items(&rig->cache), 200);
    rig_collect(rig);
    assert_false(drain_make_room(&rig->cache, rig_shard(rig), rig->now_ms));
    for (uint64_t i = 0; i < 600; i += 3)
        assert_true(rig_holds(rig, i, 20));
}

static void
expired_entries_go_before_living_ones(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 500; i++)
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
    for (uint64_t i = 500; i < 1000; i++)
        rig_put(rig, i, 20, START_MS + 100 + (int64_t)i);
    rig->now_ms = START_MS + 1099; /* just now for the last; nobody has drained anything */
    for (uint64_t i = 1000; i < 1500; i++)
        rig_put(rig, i, 20, ATTL_NO_DEADLINE);
    for (uint64_t i = 0; i < 1500; i++)
        assert_int_equal(rig_holds(rig, i, 20), i < 500 || i >= 1000);
    assert_int_equal(rig_counter(rig, COUNT_EVICTED), 0);
    assert_int_equal(rig_counter(rig, COUNT_EXPIRED), 500);
}

static void
a_memory_limit_is_kept_by_evicting(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(2);
    atomic_store(&rig->cache.max_bytes, 3 * MIB);
    uint64_t reserve = 3 * MIB / 16 + LIMIT_CHUNK_MAX_BYTES;
    for (uint64_t i = 0; i < 20000; i++) {
        rig_put(rig, i, rng_below(&r, 2000),
                rng_one_in(&r, 3) ? ATTL_NO_DEADLINE : START_MS + DAY_MS);
        assert_true(cache_used_bytes(&rig->cache) <= 3 * MIB + reserve);
    }
    assert_true(rig_counter(rig, COUNT_EVICTED) > 10000);
    assert_true(cache_items(&rig->cache) > 1000); /* and the room is used */
}

static void
without_eviction_a_full_cache_refuses_and_loses_nothing(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_bytes, 2 * MIB);
    uint64_t stored = 0;
    for (;; stored++) {
        struct name name;
        char value[100];
        memset(value, (int)stored, sizeof(value));
        int status = rig_try_set(rig, name_of(stored, &name), attl_b(value, 100), ATTL_NO_DEADLINE);
        if (status == ATTL_E_FULL && !drain_make_room(&rig->cache, rig_shard(rig), rig->now_ms))
            break;
        stored -= status != ATTL_OK;
    }
    for (uint64_t i = 0; i < stored; i++)
        assert_true(rig_holds(rig, i, 100));
    assert_int_equal(rig_counter(rig, COUNT_EVICTED), 0);
    for (uint64_t i = 0; i < stored; i += 2) { /* dead space is room */
        struct name name;
        assert_true(rig_del(rig, name_of(i, &name)));
    }
    for (uint64_t i = 0; i < stored / 4; i++)
        rig_put(rig, OTHERS + i, 100, ATTL_NO_DEADLINE);
    for (uint64_t i = 1; i < stored; i += 2)
        assert_true(rig_holds(rig, i, 100));
}

/* Both limits reached: what is overwritten leaves dead space, and that is room enough. */
static void
a_full_cache_without_eviction_still_takes_overwrites(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(7);
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < 500; i++)
        rig_put(rig, i, 1000, ATTL_NO_DEADLINE);
    atomic_store(&rig->cache.max_bytes, 3 * MIB);
    static size_t lens[500];
    for (int n = 0; n < 10000; n++) {
        uint64_t i = rng_below(&r, 500);
        lens[i] = rng_range(&r, 900, 1100);
        rig_put(rig, i, lens[i], ATTL_NO_DEADLINE);
    }
    for (uint64_t i = 0; i < 500; i++)
        assert_true(rig_holds(rig, i, lens[i]));
    assert_int_equal(rig_counter(rig, COUNT_EVICTED), 0);
}

/* The same with values out of line, whose old pages wait for their readers. */
static void
a_full_cache_without_eviction_replaces_large_values(void **state)
{
    struct rig *rig = *state;
    static char large[100000];
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_items, 10);
    for (uint64_t n = 0; n < 500; n++) {
        struct name name;
        memset(large, (int)n, sizeof(large));
        rig_set(rig, name_of(n % 10, &name), attl_b(large, sizeof(large)), ATTL_NO_DEADLINE);
        assert_true(rig_has(rig, name_of(n % 10, &name), attl_b(large, sizeof(large))));
        if (n == 9) /* room for one more, and a little */
            atomic_store(&rig->cache.max_bytes, cache_used_bytes(&rig->cache) + 150000);
    }
}

static void
lowered_limits_hold_after_one_call(void **state)
{
    struct rig *rig = *state;
    for (uint64_t i = 0; i < KEYS; i++)
        rig_put(rig, i, 1000, ATTL_NO_DEADLINE);
    atomic_store(&rig->cache.max_items, 700);
    drain_to_limits(&rig->cache, rig->now_ms);
    assert_in_range(cache_items(&rig->cache), 600, 700);
    atomic_store(&rig->cache.max_bytes, MIB / 2);
    drain_to_limits(&rig->cache, rig->now_ms);
    assert_in_range(cache_used_bytes(&rig->cache), 0, MIB / 2);
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_items, 1);
    drain_to_limits(&rig->cache, rig->now_ms); /* ends, although it cannot succeed */
    assert_true(cache_items(&rig->cache) > 1);
}

/* ---- cleaning, moving ------------------------------------------------------------------------ */

static void
cleaning_keeps_the_living_and_frees_the_rest(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(3);
    static bool there[20000];
    for (uint64_t i = 0; i < 20000; i++)
        rig_put(rig, i, 150, i % 2 ? ATTL_NO_DEADLINE : START_MS + DAY_MS);
    memset(there, 1, sizeof(there));
    for (uint64_t i = 0; i < 16000; i++) {
        struct name name;
        uint64_t key = rng_below(&r, 20000);
        assert_int_equal(rig_del(rig, name_of(key, &name)), there[key]);
        there[key] = false;
    }
    uint64_t before = atomic_load(&rig->cache.chunk_pool.used_bytes);
    assert_true(shard_wants_cleaning(rig_shard(rig)));
    for (unsigned round = 0; shard_wants_cleaning(rig_shard(rig)); round++) {
        struct drain_done done = { 0 };
        assert_true(round < 10000);
        drain_step(&rig->cache, rig_shard(rig), DRAIN_CLEAN, rig->now_ms, 64, &done);
        assert_true(!done.blocked && done.evicted == 0 && done.expired == 0);
    }
    rig_collect(rig);
    for (uint64_t i = 0; i < 20000; i++)
        assert_int_equal(rig_holds(rig, i, 150), there[i]);
    uint64_t after = atomic_load(&rig->cache.chunk_pool.used_bytes);
    assert_true(after < before * 2 / 3);
    assert_true(after * 75 < cache_items(&rig->cache) * 176 * 100); /* at least 3/4 of it alive */
}

/* One chunk in 32 stays: next to nothing to clean, and no arena is empty. */
static struct rig *
scattered(bool there[40000])
{
    struct cache_config config = rig_config();
    config.max_bytes = 64 * MIB; /* chunks of 64 KiB */
    struct rig *rig = rig_open(&config);
    for (uint64_t i = 0; i < 40000; i++)
        rig_put(rig, i, 1000, ATTL_NO_DEADLINE);
    for (uint64_t i = 0; i < 40000; i++) {
        struct name name;
        there[i] = i / 62 % 32 == 0;
        if (!there[i])
            assert_true(rig_del(rig, name_of(i, &name)));
    }
    rig_collect(rig);
    (void)arena_pool_trim(&rig->cache.chunk_pool, 0, 1000); /* what is empty already */
    return rig;
}

static void
scattered_arenas_are_emptied_and_given_back(void **state)
{
    (void)state;
    static bool there[40000];
    struct rig *rig = scattered(there);
    struct cache *c = &rig->cache;
    uint64_t before = atomic_load(&c->region.committed_bytes);
    unsigned steps = 0;
    while (arena_pool_defragment(&c->chunk_pool)) {
        struct drain_done done = { 0 };
        assert_true(++steps < 10000);
        drain_step(c, rig_shard(rig), DRAIN_MOVE, rig->now_ms, 64, &done);
        assert_true(!done.blocked && done.evicted == 0 && done.expired == 0);
        rig_collect(rig);
        (void)arena_pool_trim(&c->chunk_pool, 0, 1000); /* the one that was emptied */
    }
    rig_check(rig, "after moving");
    uint64_t after = atomic_load(&c->region.committed_bytes);
    print_message("%u steps, %u KiB before, %u KiB after\n", steps, (unsigned)(before >> 10),
                  (unsigned)(after >> 10));
    for (uint64_t i = 0; i < 40000; i++)
        assert_int_equal(rig_holds(rig, i, 1000), there[i]);
    assert_true(before > 30 * (uint64_t)MIB && after < before / 2);
    assert_in_range(rig_counter(rig, COUNT_RECORDS_COPIED), 1,
                    2 * cache_items(c)); /* no more than needed */
    rig_close(rig);
}

static void
writers_pay_their_debts_in_small_coin(void **state)
{
    struct rig *rig = *state;
    struct shard *s = rig_shard(rig);
    atomic_store(&rig->cache.max_bytes, 4 * MIB);
    uint64_t i = 0;
    while (cache_used_bytes(&rig->cache) < 4 * MIB - MIB / 64)
        rig_put(rig, i++, 200, ATTL_NO_DEADLINE);
    assert_true(atomic_load(&s->owes));
    uint64_t items = cache_items(&rig->cache);
    bool freed = drain_assist(&rig->cache, s, rig->now_ms);
    uint64_t gone = items - cache_items(&rig->cache);
    assert_in_range(gone, 1, 40); /* a little at a time */
    for (unsigned steps = 0; !freed; steps++) {
        assert_true(steps < 10000);
        freed = drain_assist(&rig->cache, s, rig->now_ms);
    }
    atomic_store(&rig->cache.max_bytes, 0);
    assert_false(drain_assist(&rig->cache, s, rig->now_ms));
    assert_false(atomic_load(&s->owes)); /* nothing to do: nobody asks again */
}

#define DRAIN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DRAIN_TEST(unused_entries_go_in_the_order_they_came),
        DRAIN_TEST(used_entries_survive_as_long_as_they_are_used),
        DRAIN_TEST(a_key_that_comes_back_from_the_ghost_is_a_survivor),
        DRAIN_TEST(volatile_ttl_takes_the_soonest_and_never_the_immortal),
        DRAIN_TEST(expired_entries_go_before_living_ones),
        DRAIN_TEST(a_memory_limit_is_kept_by_evicting),
        DRAIN_TEST(without_eviction_a_full_cache_refuses_and_loses_nothing),
        DRAIN_TEST(a_full_cache_without_eviction_still_takes_overwrites),
        DRAIN_TEST(a_full_cache_without_eviction_replaces_large_values),
        DRAIN_TEST(lowered_limits_hold_after_one_call),
        DRAIN_TEST(cleaning_keeps_the_living_and_frees_the_rest),
        cmocka_unit_test(scattered_arenas_are_emptied_and_given_back),
        DRAIN_TEST(writers_pay_their_debts_in_small_coin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
