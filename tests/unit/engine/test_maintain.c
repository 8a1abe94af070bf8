/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maintenance under a clock of the test's own: what is due goes, what is dead is cleaned, what is
 * empty is given back after its delay, and the answer says exactly when there is work again. Then
 * the thread itself on the real clock: it reclaims in time, is woken for an earlier deadline,
 * sleeps when there is nothing, and ends when told.
 */
#include "engine/engine.h"

#include "engine_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { TICK_MS = 1 << WHEEL_TICK_SHIFT, PATIENCE_MS = 20000 };

static const char *const plain[] = { "cache.max_memory",
                                     "0",
                                     "cache.max_entries",
                                     "0",
                                     "cache.default_ttl",
                                     "0",
                                     "cache.background",
                                     "false",
                                     "cache.num_shards",
                                     "2",
                                     "cache.return_delay",
                                     "10s",
                                     "validation.mode",
                                     "binary",
                                     NULL };
static const char *const with_thread[] = { "cache.max_memory",
                                           "0",
                                           "cache.max_entries",
                                           "0",
                                           "cache.default_ttl",
                                           "0",
                                           "cache.background",
                                           "true",
                                           "validation.mode",
                                           "binary",
                                           NULL };

static int
setup(void **state)
{
    *state = bench_open(plain, false);
    return 0;
}

static int
teardown(void **state)
{
    bench_close(*state);
    return 0;
}

static int64_t
pass(struct bench *b, int64_t ms)
{
    atomic_fetch_add(&b->now_ms, ms);
    return engine_maintain(&b->engine, 0);
}

static uint64_t
items(struct bench *b)
{
    return cache_items(&b->engine.cache);
}

static void
an_idle_cache_has_nothing_to_do(void **state)
{
    struct bench *b = *state;
    assert_int_equal(engine_maintain(&b->engine, 0), INT64_MAX);
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("v"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(pass(b, DAY_MS), INT64_MAX);
}

static void
it_says_when_there_is_work_again(void **state)
{
    struct bench *b = *state;
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("v"), START_MS + 3000), ATTL_OK);
    int64_t next_ms = engine_maintain(&b->engine, 0);
    assert_in_range(next_ms - (START_MS + 3000), 1, TICK_MS);
    assert_int_equal(pass(b, next_ms - 1 - START_MS),
                     next_ms); /* a millisecond early: still to come */
    assert_int_equal(items(b), 1);
    (void)pass(b, 1); /* the next moment is asked for below */
    assert_int_equal(items(b), 0);
    assert_int_equal(bench_counter(b, COUNT_EXPIRED), 1);
    assert_int_equal(pass(b, 0), INT64_MAX);
}

/* Asking again at each moment it names is enough, however far the deadline is. */
static void
a_far_deadline_is_reached_in_a_few_looks(void **state)
{
    struct bench *b = *state;
    for (int64_t life_ms = SECOND_MS; life_ms < 300 * DAY_MS; life_ms = life_ms * 3 + 77) {
        int64_t deadline_ms = atomic_load(&b->now_ms) + life_ms, next_ms;
        unsigned looks = 0;
        assert_int_equal(bench_set(b, attl_s("k"), attl_s("v"), deadline_ms), ATTL_OK);
        while ((next_ms = engine_maintain(&b->engine, 0)) != INT64_MAX) {
            assert_true(next_ms > atomic_load(&b->now_ms) && ++looks < 12);
            assert_true(next_ms <= deadline_ms + TICK_MS);
            atomic_store(&b->now_ms, next_ms);
        }
        assert_int_equal(items(b), 0);
    }
}

static void
a_budget_is_kept_and_the_rest_is_announced(void **state)
{
    struct bench *b = *state;
    bench_fill(b, 60000, START_MS + 1000);
    atomic_fetch_add(&b->now_ms, 5000);
    int64_t start_ns = clock_mono_ns(), next_ms = engine_maintain(&b->engine, 1);
    assert_true(items(b) > 0); /* 60 000 entries in a microsecond: hardly */
    assert_int_equal(next_ms, atomic_load(&b->now_ms)); /* at once, please */
    assert_true(clock_mono_ns() - start_ns < INT64_C(2000000000));
    unsigned looks = 0;
    while (items(b) > 0) {
        (void)engine_maintain(&b->engine, 50); /* until it is done */
        assert_true(++looks < 60000);
    }
    assert_true(bench_counter(b, COUNT_EXPIRE_CPU_NS) > 0);
}

static void
dead_space_is_cleaned(void **state)
{
    struct bench *b = *state;
    struct cache *c = &b->engine.cache;
    bench_fill(b, 40000, ATTL_NO_DEADLINE);
    bench_fill(b, 40000, START_MS + DAY_MS); /* each of them anew: half of the log is dead */
    bool dirty = false;
    for (int i = 0; i < 3 && !dirty; i++) {
        bench_fill(b, 10000, START_MS + (i + 2) * DAY_MS);
        bench_fill(b, 10000, START_MS + HOUR_MS);
        dirty = shard_wants_cleaning(&c->shards[0]);
    }
    (void)engine_maintain(&b->engine, 0); /* what comes next is a day away */
    for (unsigned i = 0; i < c->shard_count; i++)
        assert_false(shard_wants_cleaning(&c->shards[i]));
    assert_int_equal(items(b), 40000);
    assert_true(bench_counter(b, COUNT_EVICTED) == 0);
}

static bool
is_dirty(struct bench *b)
{
    struct cache *c = &b->engine.cache;
    return shard_wants_cleaning(&c->shards[0]) || shard_wants_cleaning(&c->shards[1]);
}

/* Every third of 100 000 keys anew, so that no chunk dies as a whole. */
static void
overwrite(struct bench *b, unsigned first, int64_t deadline_ms)
{
    for (unsigned i = first; i < 100000; i += 3) {
        char name[24];
        int n = snprintf(name, sizeof(name), "key:%u", i);
        assert_int_equal(bench_set(b, attl_b(name, (size_t)n), attl_s("another"), deadline_ms),
                         ATTL_OK);
    }
}

/* Cleaning is not urgent: passes are an interval apart, and the next one is announced only while
 * there is something to do. */
static void
deep_passes_keep_their_interval(void **state)
{
    struct bench *b = *state;
    struct control_pace pace = { PACE_FULL, 200, 60 * SECOND_MS, 0, false };
    _Atomic unsigned *percent = &b->engine.cache.utilization_percent;
    control_set_pace(&b->engine, &pace);
    atomic_store(percent, 50); /* writers need not clean */
    bench_fill(b, 100000, ATTL_NO_DEADLINE);
    overwrite(b, 0, START_MS + DAY_MS);
    atomic_store(percent, 90);
    assert_true(is_dirty(b));
    for (int i = 0; i < 50 && atomic_load(&b->engine.pace.deep_passes) == 0; i++)
        (void)pass(b, 100); /* the first one is not late */
    assert_int_equal(atomic_load(&b->engine.pace.deep_passes), 1);
    assert_false(is_dirty(b));
    atomic_store(percent, 50);
    overwrite(b, 1, START_MS + DAY_MS);
    int64_t calm_ms = pass(b, 1000);
    assert_true(calm_ms > atomic_load(&b->now_ms) + 60 * SECOND_MS); /* nothing to do */
    atomic_store(percent, 90);
    int64_t next_ms = pass(b, 1000);
    assert_true(is_dirty(b));
    assert_in_range(next_ms - atomic_load(&b->now_ms), 50 * SECOND_MS, 60 * SECOND_MS);
    pace.deep_interval_ms = 20 * SECOND_MS; /* at once in force */
    control_set_pace(&b->engine, &pace);
    next_ms = pass(b, 0);
    assert_in_range(next_ms - atomic_load(&b->now_ms), 10 * SECOND_MS, 20 * SECOND_MS);
    (void)pass(b, next_ms - atomic_load(&b->now_ms));
    assert_false(is_dirty(b));
}

static void
empty_memory_goes_back_after_its_delay(void **state)
{
    struct bench *b = *state;
    struct cache *c = &b->engine.cache;
    bench_fill(b, 200000, START_MS + 1000);
    uint64_t full = atomic_load(&c->region.committed_bytes);
    assert_true(full > 8 << 20);
    int64_t next_ms = pass(b, 2000);
    assert_int_equal(items(b), 0);
    uint64_t before = atomic_load(&c->region.committed_bytes);
    assert_true(before > 6 << 20); /* kept a while: it may be wanted again */
    assert_true(next_ms <= atomic_load(&b->now_ms) + 10 * SECOND_MS);
    for (int i = 0; i < 300 && next_ms != INT64_MAX; i++) {
        atomic_store(&b->now_ms,
                     next_ms > atomic_load(&b->now_ms) ? next_ms : atomic_load(&b->now_ms));
        next_ms = engine_maintain(&b->engine, 0);
    }
    assert_int_equal(next_ms, INT64_MAX);
    assert_in_range(atomic_load(&b->now_ms), START_MS + 10 * SECOND_MS, START_MS + 15 * SECOND_MS);
    assert_true(atomic_load(&c->region.committed_bytes) <= 3 * 2
                                                               << 20); /* one spare of each kind */
}

static void
without_memory_it_comes_back_soon(void **state)
{
    struct bench *b = *state;
    struct cache *c = &b->engine.cache;
    static void *taken[4096];
    unsigned n = 0;
    bench_fill(b, 20000, START_MS + 45 * SECOND_MS);
    atomic_store(&c->region.commits_until_failure, 0);
    while (n < 4096 && (taken[n] = arena_pool_alloc(&c->chunk_pool, 4096)) != NULL)
        n++;
    int64_t next_ms = pass(b, 35 * SECOND_MS); /* a cascade, for which there is no room */
    assert_in_range(next_ms - atomic_load(&b->now_ms), 1, SECOND_MS);
    assert_int_equal(items(b), 20000);
    while (n > 0)
        arena_pool_free(&c->chunk_pool, taken[--n], 4096);
    atomic_store(&c->region.commits_until_failure, -1);
    (void)pass(b, 50); /* goes on where it was */
    assert_int_equal(items(b), 20000);
    (void)pass(b, 20 * SECOND_MS); /* and to the end */
    assert_int_equal(items(b), 0);
}

/* What a reader holds back is looked after again before long. */
static void
memory_that_waits_for_a_reader_is_not_forgotten(void **state)
{
    struct bench *b = *state;
    struct reclaim_reader *self = reclaim_self();
    bench_fill(b, 2000, START_MS + 1000);
    reclaim_enter(self);
    int64_t next_ms = pass(b, 2000);
    assert_int_equal(items(b), 0);
    assert_true(atomic_load(&b->engine.cache.limbo.count) > 0);
    assert_in_range(next_ms - atomic_load(&b->now_ms), 1, SECOND_MS);
    reclaim_exit(self);
    (void)pass(b, 200); /* now they go */
    assert_int_equal(atomic_load(&b->engine.cache.limbo.count), 0);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void
sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL); /* woken early is fine */
}

/* Waits until the cache is empty; false if it takes too long. */
static bool
becomes_empty(struct bench *b)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS && items(b) > 0; waited_ms += 5)
        sleep_ms(5);
    return items(b) == 0;
}

/* Waits until the thread means to sleep until a time in first..last. */
static bool
falls_asleep(struct bench *b, int64_t first_ms, int64_t last_ms)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 5) {
        int64_t armed_ms = atomic_load(&b->engine.armed_ms);
        if (armed_ms >= first_ms && armed_ms <= last_ms)
            return true;
        sleep_ms(5);
    }
    return false;
}

static void
the_thread_reclaims_and_is_woken_for_an_earlier_deadline(void **state)
{
    (void)state;
    struct bench *b = bench_open(with_thread, true);
    engine_start(&b->engine);
    assert_true(b->engine.thread.running);
    assert_true(falls_asleep(b, INT64_MAX, INT64_MAX)); /* nothing to do: no next time at all */
    int64_t now_ms = engine_now_ms(&b->engine);
    assert_int_equal(bench_set(b, attl_s("far"), attl_s("v"), now_ms + HOUR_MS), ATTL_OK);
    assert_true(falls_asleep(b, now_ms + SECOND_MS, now_ms + HOUR_MS + TICK_MS));
    assert_int_equal(items(b), 1);
    assert_int_equal(bench_set(b, attl_s("far"), attl_s("v"), now_ms + 1), ATTL_OK);
    assert_int_equal(bench_set(b, attl_s("near"), attl_s("v"), now_ms + 50), ATTL_OK);
    assert_true(becomes_empty(b)); /* although it had meant to sleep for an hour */
    assert_true(falls_asleep(b, now_ms + 1000 * SECOND_MS, INT64_MAX));
    bench_close(b);
}

static uint64_t
expire_at_duty(unsigned duty_permille, int64_t *ret_took_ns)
{
    struct bench *b = bench_open(with_thread, true);
    struct control_pace pace = { duty_permille, 200, 0, 0, false };
    control_set_pace(&b->engine, &pace);
    bench_fill(b, 100000, engine_now_ms(&b->engine) + 1);
    sleep_ms(TICK_MS + 2);
    int64_t begun_ns = clock_mono_ns();
    engine_start(&b->engine);
    assert_true(becomes_empty(b));
    *ret_took_ns = clock_mono_ns() - begun_ns;
    uint64_t pauses = atomic_load(&b->engine.pace.pauses);
    bench_close(b);
    return pauses;
}

/* At a tenth of the time it takes ten times as long; how long that is depends on the machine, so
 * only the pauses are counted, and that they end. */
static void
the_thread_rests_at_a_low_duty_and_not_at_full(void **state)
{
    (void)state;
    int64_t took_ns, paced_ns;
    assert_int_equal(expire_at_duty(PACE_FULL, &took_ns), 0);
    assert_true(expire_at_duty(100, &paced_ns) >= 5);
    printf("100000 entries: %lld us without pauses, %lld us at a tenth\n",
           (long long)took_ns / 1000, (long long)paced_ns / 1000);
}

static void
a_pause_ends_when_the_cache_is_closed(void **state)
{
    (void)state;
    struct bench *b = bench_open(with_thread, true);
    struct control_pace pace = { 1, 1, 0, 0, false }; /* pauses of a tenth of a second */
    control_set_pace(&b->engine, &pace);
    bench_fill(b, 100000, engine_now_ms(&b->engine) + 1);
    sleep_ms(TICK_MS + 2);
    engine_start(&b->engine);
    for (int ms = 0; ms < PATIENCE_MS && atomic_load(&b->engine.pace.pauses) < 2; ms += 5)
        sleep_ms(5);
    int64_t begun_ns = clock_mono_ns();
    bench_close(b);
    assert_true(clock_mono_ns() - begun_ns < INT64_C(5000000000));
}

static void
a_sleeping_thread_ends_when_told(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct bench *b = bench_open(with_thread, true);
        engine_start(&b->engine);
        if (i % 2)
            assert_true(falls_asleep(b, INT64_MAX, INT64_MAX));
        engine_close(&b->engine); /* returns */
        assert_false(b->engine.thread.running);
        free(b);
    }
}

static void
without_background_there_is_no_thread(void **state)
{
    struct bench *b = *state;
    engine_start(&b->engine);
    assert_false(b->engine.thread.running);
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(an_idle_cache_has_nothing_to_do),
        BENCH_TEST(it_says_when_there_is_work_again),
        BENCH_TEST(a_far_deadline_is_reached_in_a_few_looks),
        BENCH_TEST(a_budget_is_kept_and_the_rest_is_announced),
        BENCH_TEST(dead_space_is_cleaned),
        BENCH_TEST(deep_passes_keep_their_interval),
        BENCH_TEST(empty_memory_goes_back_after_its_delay),
        BENCH_TEST(without_memory_it_comes_back_soon),
        BENCH_TEST(memory_that_waits_for_a_reader_is_not_forgotten),
        cmocka_unit_test(the_thread_reclaims_and_is_woken_for_an_earlier_deadline),
        cmocka_unit_test(the_thread_rests_at_a_low_duty_and_not_at_full),
        cmocka_unit_test(a_pause_ends_when_the_cache_is_closed),
        cmocka_unit_test(a_sleeping_thread_ends_when_told),
        BENCH_TEST(without_background_there_is_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
