/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain as the clock drives it: what has expired goes in its tick and nothing else does, the
 * rest cascades to finer slots. A drain without memory loses nothing and goes on later. Beside it
 * writers change the very records it is moving, and the newest value always wins. Making room is in
 * test_drain_room.c.
 */
#include "cache/drain.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000, TICK_MS = 1 << WHEEL_TICK_SHIFT };

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

/* ---- expiry and cascade ---------------------------------------------------------------------- */

/* Every record lies in the slot where it would be put now. */
static void
check_slots(struct rig *rig, const int64_t *deadlines_ms, uint64_t keys)
{
    for (uint64_t i = 0; i < keys; i++) {
        struct name name;
        struct entry e;
        rig_lock(rig, name_of(i, &name), &e);
        assert_int_equal(e.found, deadlines_ms[i] > rig->now_ms);
        if (e.found) {
            struct chunk *c = region_chunk(&rig->cache.region, index_address(e.pos));
            assert_int_equal(c->slot, wheel_slot(&rig_shard(rig)->wheel, deadlines_ms[i]));
        }
        rig_unlock(&e);
    }
}

static void
what_has_expired_goes_in_its_tick_and_nothing_else_does(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(1);
    static int64_t deadlines_ms[KEYS];
    for (uint64_t i = 0; i < KEYS; i++) {
        deadlines_ms[i] = START_MS + 1 +
                          (int64_t)rng_below(&r, (uint64_t)(i % 2 ? HOUR_MS : DAY_MS));
        rig_put(rig, i, 20 + i % 50, deadlines_ms[i]);
    }
    int64_t step_ms = 700;
    while (cache_items(&rig->cache) > 0) {
        uint64_t alive = 0, in_time = 0;
        rig_pass(rig, step_ms);
        step_ms += step_ms / 4;
        for (uint64_t i = 0; i < KEYS; i++) {
            alive += deadlines_ms[i] > rig->now_ms;
            in_time += deadlines_ms[i] > rig->now_ms - TICK_MS;
        }
        assert_in_range(cache_items(&rig->cache), alive, in_time);
        check_slots(rig, deadlines_ms, KEYS); /* removes the stragglers */
        assert_int_equal(cache_items(&rig->cache), alive);
        rig_check(rig, "while entries expire");
    }
    assert_int_equal(rig_counter(rig, COUNT_EXPIRED), KEYS);
    assert_int_equal(rig_counter(rig, COUNT_EVICTED), 0);
    assert_in_range(rig_counter(rig, COUNT_RECORDS_COPIED), 1,
                    3 * KEYS); /* one per level below the first */
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.chunk_pool.used_bytes), 0);
}

static void
lag_is_measured_from_the_deadline(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, 0, 10, START_MS + 1000);
    rig_put(rig, 1, 10, START_MS + 1100);
    rig_pass(rig, 5000);
    assert_int_equal(rig_counter(rig, COUNT_EXPIRED), 2);
    assert_int_equal(rig_counter(rig, COUNT_LAG_SUM_MS), 4000 + 3900);
    assert_int_equal(atomic_load(&rig->cache.lag_max_ms), 4000);
}

/* A life that is prolonged all the time costs one copy per old deadline, not one per change. */
static void
a_sliding_deadline_is_followed_lazily(void **state)
{
    struct rig *rig = *state;
    rig_put(rig, 0, 10, START_MS + 10 * SECOND_MS);
    for (int i = 1; i <= 1000; i++) {
        struct name name;
        struct entry e;
        rig_pass(rig, 100);
        rig_lock(rig, name_of(0, &name), &e);
        assert_true(e.found);
        assert_int_equal(entry_set_deadline(&e, rig->now_ms + 10 * SECOND_MS), ATTL_OK);
        rig_unlock(&e);
    }
    assert_in_range(rig_counter(rig, COUNT_RECORDS_COPIED), 9, 30);
    struct name name;
    struct entry e;
    rig_lock(rig, name_of(0, &name), &e);
    assert_int_equal(entry_set_deadline(&e, ATTL_NO_DEADLINE), ATTL_OK);
    rig_unlock(&e);
    rig_pass(rig, HOUR_MS);
    assert_true(rig_holds(rig, 0, 10));
    assert_int_equal(shard_next_due(rig_shard(rig)),
                     INT64_MAX); /* it has moved where nothing comes due */
}

static void
large_values_expire_with_their_extents(void **state)
{
    struct rig *rig = *state;
    static char large[50000];
    for (uint64_t i = 0; i < 50; i++) {
        struct name name;
        rig_set(rig, name_of(i, &name), attl_b(large, sizeof(large)),
                START_MS + (i % 2 ? HOUR_MS : 2 * HOUR_MS));
    }
    rig_pass(rig, HOUR_MS + SECOND_MS);
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 25 * extent_bytes(sizeof(large)));
    rig_pass(rig, HOUR_MS);
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 0);
}

/* Such a chunk was once in no wheel slot, and its entries stayed for ever. */
static void
entries_of_a_partly_evicted_chunk_expire_on_time(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 1500; i++)
        rig_put(rig, i, 20, START_MS + 5000);
    assert_int_equal(cache_items(&rig->cache), 1000);
    rig_pass(rig, 5000 + TICK_MS);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_int_equal(shard_next_due(rig_shard(rig)), INT64_MAX);
}

/* ---- without memory -------------------------------------------------------------------------- */

struct hoard {
    void *taken[4096];
    unsigned count;
};

/* Takes all chunk memory there is, and lets no more be committed. */
static void
hoard_all(struct rig *rig, struct hoard *h)
{
    atomic_store(&rig->cache.region.commits_until_failure, 0);
    h->count = 0;
    while (h->count < 4096 &&
           (h->taken[h->count] = arena_pool_alloc(&rig->cache.chunk_pool, 4096)) != NULL)
        h->count++;
}

static void
hoard_return(struct rig *rig, struct hoard *h)
{
    while (h->count > 0)
        arena_pool_free(&rig->cache.chunk_pool, h->taken[--h->count], 4096);
    atomic_store(&rig->cache.region.commits_until_failure, -1);
}

static void
a_drain_without_memory_loses_nothing_and_goes_on_later(void **state)
{
    struct rig *rig = *state;
    static struct hoard hoard;
    static const enum drain_reason reasons[] = { DRAIN_DUE, DRAIN_CLEAN, DRAIN_EVICT };
    for (uint64_t i = 0; i < KEYS; i++)
        rig_put(rig, i, 200, START_MS + 40 * SECOND_MS + (int64_t)(i % 100) * SECOND_MS);
    for (uint64_t i = 0; i < KEYS; i += 3) {
        struct name name;
        assert_true(rig_del(rig, name_of(i, &name)));
    }
    for (size_t n = 0; n < 3; n++) {
        struct drain_done done = { 0 };
        hoard_all(rig, &hoard);
        for (uint64_t i = 1; n == 2 && i < KEYS; i++)
            if (i % 3)
                rig_touch(rig, i, 2); /* eviction would keep them */
        if (reasons[n] == DRAIN_DUE) {
            rig->now_ms += 35 * SECOND_MS; /* the coarse slot comes, nothing has expired */
            shard_advance(rig_shard(rig), rig->now_ms);
        }
        for (int tries = 0; tries < 20; tries++)
            drain_step(&rig->cache, rig_shard(rig), reasons[n], rig->now_ms, 64, &done);
        assert_true(done.blocked);
        assert_int_equal(done.evicted + done.expired, 0);
        for (uint64_t i = 0; i < KEYS; i++)
            assert_int_equal(rig_holds(rig, i, 200), i % 3 != 0);
        hoard_return(rig, &hoard);
        rig_check(rig, "after a blocked drain");
        done = rig_drain(rig, DRAIN_DUE);
        assert_true(done.finished && !done.blocked);
    }
    for (uint64_t i = 0; i < KEYS; i++)
        assert_int_equal(rig_holds(rig, i, 200), i % 3 != 0);
}

static void
what_has_expired_needs_no_memory_to_go(void **state)
{
    struct rig *rig = *state;
    static struct hoard hoard;
    for (uint64_t i = 0; i < KEYS; i++)
        rig_put(rig, i, 200, START_MS + 40 * SECOND_MS + (int64_t)(i % 100));
    hoard_all(rig, &hoard);
    rig->now_ms += 60 * SECOND_MS;
    shard_advance(rig_shard(rig), rig->now_ms);
    struct drain_done done = rig_drain(rig, DRAIN_DUE);
    assert_true(!done.blocked);
    assert_int_equal(cache_items(&rig->cache), 0);
    hoard_return(rig, &hoard);
}

/* ---- with others at work --------------------------------------------------------------------- */

/* A drainer that holds a chunk, stopped in the middle: the clock must not forget what it has in
 * hand. */
static void *
drain_due(void *arg)
{
    struct rig *rig = arg;
    struct drain_done done = { 0 };
    drain_step(&rig->cache, rig_shard(rig), DRAIN_DUE, rig->now_ms, 1000, &done);
    return NULL;
}

static void
a_chunk_in_somebodys_hands_is_still_due(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct name name;
    pthread_t thread;
    for (uint64_t i = 0; i < 20; i++)
        rig_put(rig, i, 20, START_MS + 1000);
    rig_lock(rig, name_of(7, &name), &e);
    rig->now_ms += 5000;
    shard_advance(rig_shard(rig), rig->now_ms);
    assert_int_equal(pthread_create(&thread, NULL, drain_due, rig), 0);
    while (lock_try(&rig_shard(rig)->drain_lock)) { /* until the other has it */
        lock_release(&rig_shard(rig)->drain_lock);
        (void)sched_yield();
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(shard_next_due(rig_shard(rig)), 0);
        assert_true(atomic_load(&rig_shard(rig)->earliest_ms) <= START_MS + 1000);
        (void)sched_yield();
    }
    rig_unlock(&e);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_int_equal(shard_next_due(rig_shard(rig)), INT64_MAX);
}

enum { BATTLE_KEYS = 200, BATTLE_WRITES = 12000 };

struct battle {
    struct rig *rig;
    _Atomic bool stop;
};

/* Moves everything all the time; nothing has reason to go. */
static void *
drain_everything(void *arg)
{
    struct battle *b = arg;
    struct rng r = rng_from_seed(5);
    while (!atomic_load(&b->stop)) {
        struct drain_done done = { 0 };
        enum drain_reason reason = rng_one_in(&r, 2) ? DRAIN_CLEAN : DRAIN_EVICT;
        struct shard *s = &b->rig->cache.shards[rng_below(&r, b->rig->cache.shard_count)];
        drain_step(&b->rig->cache, s, reason, START_MS, (unsigned)rng_range(&r, 1, 30), &done);
        CHECK(done.evicted == 0 && done.expired == 0 && !done.blocked, "something went");
        if (rng_one_in(&r, 16))
            (void)limbo_collect(&b->rig->cache.limbo);
        if (rng_one_in(&r, 8))
            cache_move_partition(&b->rig->cache, (unsigned)rng_below(&r, 64),
                                 (unsigned)rng_below(&r, 2));
    }
    return NULL;
}

static void
the_newest_value_wins_over_a_drain_in_progress(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    config.shards = 2;
    config.policy = EVICT_NONE; /* "evicting" then keeps everything */
    struct rig *rig = rig_open(&config);
    struct battle b = { .rig = rig };
    struct rng r = rng_from_seed(6);
    uint64_t newest[BATTLE_KEYS] = { 0 };
    pthread_t drainer;
    assert_int_equal(pthread_create(&drainer, NULL, drain_everything, &b), 0);
    for (uint64_t serial = 1; serial <= BATTLE_WRITES; serial++) {
        struct name name;
        uint64_t key = rng_below(&r, BATTLE_KEYS), value[40] = { serial };
        size_t len = rng_one_in(&r, 2) ? 80 : 8 * (1 + rng_below(&r, 39)); /* often in place */
        int64_t deadline_ms = rng_one_in(&r, 4) ? ATTL_NO_DEADLINE : START_MS + DAY_MS;
        rig_set(rig, name_of(key, &name), attl_b(value, len), deadline_ms);
        newest[key] = serial;
        uint64_t other = rng_below(&r, BATTLE_KEYS);
        struct entry e;
        rig_lock(rig, name_of(other, &name), &e);
        CHECK(e.found == (newest[other] != 0), "key %" PRIu64 " is lost", other);
        if (e.found)
            CHECK(memcmp(entry_value(&e).data, &newest[other], 8) == 0, "key %" PRIu64 " is old",
                  other);
        rig_unlock(&e);
        if (serial % 512 == 0)
            (void)sched_yield();
    }
    atomic_store(&b.stop, true);
    assert_int_equal(pthread_join(drainer, NULL), 0);
    for (uint64_t i = 0; i < BATTLE_KEYS; i++) {
        struct name name;
        struct entry e;
        rig_lock(rig, name_of(i, &name), &e);
        assert_true(e.found && memcmp(entry_value(&e).data, &newest[i], 8) == 0);
        rig_unlock(&e);
    }
    assert_true(rig_counter(rig, COUNT_RECORDS_COPIED) > 100);
    rig_close(rig);
}

#define DRAIN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DRAIN_TEST(what_has_expired_goes_in_its_tick_and_nothing_else_does),
        DRAIN_TEST(lag_is_measured_from_the_deadline),
        DRAIN_TEST(a_sliding_deadline_is_followed_lazily),
        DRAIN_TEST(large_values_expire_with_their_extents),
        DRAIN_TEST(entries_of_a_partly_evicted_chunk_expire_on_time),
        DRAIN_TEST(a_drain_without_memory_loses_nothing_and_goes_on_later),
        DRAIN_TEST(what_has_expired_needs_no_memory_to_go),
        DRAIN_TEST(a_chunk_in_somebodys_hands_is_still_due),
        cmocka_unit_test(the_newest_value_wins_over_a_drain_in_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
