/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Iteration: every entry that is there all the time is visited exactly once, also while tables grow
 * and shrink between the steps and records move; entries that come and go are visited at most once
 * per life. Any 64-bit number is a safe cursor and leads to the end in a bounded number of steps.
 */
#include "cache/scan.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEADY = 2000, FLEETING = 24000, STEPS_MAX = 200000 };

struct tally {
    struct rig *rig;
    unsigned visits[STEADY + FLEETING];
    uint64_t total;
    int64_t last_deadline_ms;
    size_t last_len;
    char last[64];
};

static int
setup(void **state)
{
    struct tally *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return -1;
    struct cache_config config = rig_config();
    t->rig = rig_open(&config);
    *state = t;
    return 0;
}

static int
teardown(void **state)
{
    struct tally *t = *state;
    rig_close(t->rig);
    free(t);
    return 0;
}

static void
count(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct tally *t = ud;
    char text[32];
    assert_in_range(key.len, 5, sizeof(text) - 1);
    memcpy(text, key.data, key.len);
    text[key.len] = 0;
    uint64_t i = strtoull(text + 4, NULL, 10);
    assert_memory_equal(text, "key:", 4);
    assert_true(i < STEADY + FLEETING);
    t->visits[i]++;
    t->total++;
    t->last_deadline_ms = deadline_ms;
    t->last_len = value.len;
    if (value.len < sizeof(t->last))
        memcpy(t->last, value.data, value.len);
}

static void
put(struct tally *t, uint64_t i)
{
    struct name name;
    rig_set(t->rig, name_of(i, &name), attl_s("value"), ATTL_NO_DEADLINE);
}

/* A whole iteration; returns the number of steps. */
static unsigned
scan_all(struct tally *t, uint64_t cursor, size_t per_step)
{
    unsigned steps = 0;
    do {
        cursor = scan_step(&t->rig->cache, cursor, per_step, t->rig->now_ms, count, t);
        assert_true(++steps < STEPS_MAX);
    } while (cursor != 0);
    return steps;
}

static void
expect_once(const struct tally *t, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i < last; i++)
        if (t->visits[i] != 1)
            fail_msg("key %u was visited %u times", (unsigned)i, t->visits[i]);
}

static void
an_empty_cache_is_scanned_at_once(void **state)
{
    struct tally *t = *state;
    assert_int_equal(scan_all(t, 0, 10), 1);
    assert_int_equal(t->total, 0);
    assert_false(scan_random(&t->rig->cache, 12345, t->rig->now_ms, count, t));
}

static void
each_entry_is_visited_once_whatever_the_step(void **state)
{
    struct tally *t = *state;
    static const size_t per_step[] = { 1, 2, 7, 100, 1000, 1000000 };
    for (uint64_t i = 0; i < STEADY; i++)
        put(t, i);
    for (size_t i = 0; i < sizeof(per_step) / sizeof(per_step[0]); i++) {
        memset(t->visits, 0, sizeof(t->visits));
        unsigned steps = scan_all(t, 0, per_step[i]);
        expect_once(t, 0, STEADY);
        assert_true(steps <= STEADY + 2000 && steps >= STEADY / (per_step[i] + 60));
    }
}

static void
growth_between_steps_hides_and_repeats_nothing(void **state)
{
    struct tally *t = *state;
    for (uint64_t i = 0; i < STEADY; i++)
        put(t, i);
    uint64_t cursor = 0, next = STEADY, rebuilds = atomic_load(&t->rig->cache.rebuilds);
    do {
        cursor = scan_step(&t->rig->cache, cursor, 5, t->rig->now_ms, count, t);
        for (int i = 0; i < 60 && next < STEADY + FLEETING; i++)
            put(t, next++);
    } while (cursor != 0);
    expect_once(t, 0, STEADY);
    for (uint64_t i = STEADY; i < STEADY + FLEETING; i++)
        assert_true(t->visits[i] <= 1);
    print_message("%u rebuilds\n", (unsigned)(atomic_load(&t->rig->cache.rebuilds) - rebuilds));
    assert_true(atomic_load(&t->rig->cache.rebuilds) > rebuilds + 100);
}

static void
shrinking_between_steps_hides_and_repeats_nothing(void **state)
{
    struct tally *t = *state;
    for (uint64_t i = 0; i < STEADY + FLEETING; i++)
        put(t, i);
    uint64_t cursor = 0, next = STEADY, rebuilds = atomic_load(&t->rig->cache.rebuilds);
    do {
        cursor = scan_step(&t->rig->cache, cursor, 9, t->rig->now_ms, count, t);
        for (int i = 0; i < 60 && next < STEADY + FLEETING; i++, next++) {
            struct name name;
            assert_true(rig_del(t->rig, name_of(next, &name)));
        }
    } while (cursor != 0);
    expect_once(t, 0, STEADY);
    for (uint64_t i = STEADY; i < STEADY + FLEETING; i++)
        assert_true(t->visits[i] <= 1);
    print_message("%u rebuilds\n", (unsigned)(atomic_load(&t->rig->cache.rebuilds) - rebuilds));
    assert_true(atomic_load(&t->rig->cache.rebuilds) > rebuilds + 60);
}

static void
put_or_delete(struct tally *t, uint64_t i, bool *there, bool add)
{
    struct name name;
    if (add)
        put(t, i);
    else if (*there)
        (void)rig_del(t->rig, name_of(i, &name)); /* it is there */
    *there = add;
}

static void
up_and_down_at_random_with_records_on_the_move(void **state)
{
    struct tally *t = *state;
    struct rng r = rng_from_seed(1);
    bool there[FLEETING] = { false };
    for (uint64_t i = 0; i < STEADY; i++)
        put(t, i);
    for (int round = 0; round < 5; round++) {
        uint64_t cursor = 0;
        memset(t->visits, 0, sizeof(t->visits));
        do {
            cursor =
                scan_step(&t->rig->cache, cursor, rng_range(&r, 1, 60), t->rig->now_ms, count, t);
            uint64_t first = rng_below(&r, FLEETING / 100) * 100;
            bool add = rng_one_in(&r, 2);
            for (uint64_t i = first; i < first + 100; i++)
                put_or_delete(t, STEADY + i, &there[i], add);
            if (rng_one_in(&r, 20))
                (void)rig_drain(t->rig, DRAIN_CLEAN); /* everything gets another address */
        } while (cursor != 0);
        expect_once(t, 0, STEADY);
    }
}

/* Entries that found no place near their home, in all tables. */
static unsigned
stashed(const struct cache *c)
{
    unsigned entries = 0;
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++) {
        struct table *t = partition_table(&c->partitions[i]);
        for (uint32_t n = 0; t && n < t->stash_count * BUCKET_SLOTS; n++) {
            struct bucket *b = &t->buckets[t->home_count + 1 + n / BUCKET_SLOTS];
            entries += index_address((struct index_pos){ b, n % BUCKET_SLOTS }) != 0;
        }
    }
    return entries;
}

static void
entries_in_the_stash_are_visited_too(void **state)
{
    struct tally *t = *state;
    uint64_t keys = 0;
    do {
        for (int i = 0; i < 100; i++)
            put(t, keys++);
        assert_true(keys + 100 < STEADY + FLEETING);
    } while (stashed(&t->rig->cache) < 5);
    for (size_t per_step = 1; per_step < 100000; per_step *= 10) {
        memset(t->visits, 0, sizeof(t->visits));
        (void)scan_all(t, 0, per_step); /* how many steps does not matter */
        expect_once(t, 0, keys);
    }
}

static void
any_number_is_a_cursor(void **state)
{
    struct tally *t = *state;
    struct rng r = rng_from_seed(2);
    for (uint64_t i = 0; i < STEADY; i++)
        put(t, i);
    for (int i = 0; i < 3000; i++) {
        uint64_t cursor = rng_u64(&r) >> rng_below(&r, 64);
        uint64_t next = scan_step(&t->rig->cache, cursor, 1, t->rig->now_ms, count, t);
        assert_true(next == 0 || next > cursor); /* always towards the end */
    }
    static const uint64_t odd[] = { UINT64_MAX,
                                    UINT64_C(1) << 63,
                                    UINT32_MAX,
                                    UINT64_C(64) << 32,
                                    (UINT64_C(63) << 32) | UINT32_MAX,
                                    1 };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        (void)scan_all(t, odd[i], 10); /* comes to an end */
    memset(t->visits, 0, sizeof(t->visits));
    (void)scan_all(t, UINT64_C(64) << 32, 10); /* the partition after the last */
    for (uint64_t i = 0; i < STEADY; i++)
        assert_int_equal(t->visits[i], 0);
}

static void
values_are_shown_in_every_form_and_expired_ones_not(void **state)
{
    struct tally *t = *state;
    static char large[20000];
    struct stored_value v;
    struct entry e;
    stored_value_init_integer(-42, &v);
    rig_lock(t->rig, attl_s("key:1"), &e);
    assert_int_equal(entry_put(&e, &v, START_MS + 5000), ATTL_OK);
    rig_unlock(&e);
    (void)scan_all(t, 0, 10);
    assert_int_equal(t->total, 1);
    assert_int_equal(t->last_deadline_ms, START_MS + 5000);
    assert_int_equal(t->last_len, 3);
    assert_memory_equal(t->last, "-42", 3);
    t->rig->now_ms = START_MS + 5000;
    (void)scan_all(t, 0, 10);
    assert_int_equal(t->total, 1);
    assert_false(scan_random(&t->rig->cache, 1, t->rig->now_ms, count, t));
    rig_set(t->rig, attl_s("key:2"), attl_b(large, sizeof(large)), ATTL_NO_DEADLINE);
    (void)scan_all(t, 0, 10);
    assert_int_equal(t->total, 2);
    assert_int_equal(t->last_len, sizeof(large));
    assert_int_equal(t->last_deadline_ms, ATTL_NO_DEADLINE);
}

static void
a_random_entry_is_one_of_many(void **state)
{
    struct tally *t = *state;
    struct rng r = rng_from_seed(3);
    unsigned different = 0;
    for (uint64_t i = 0; i < STEADY; i++)
        put(t, i);
    for (int i = 0; i < STEADY * 3; i++)
        assert_true(scan_random(&t->rig->cache, rng_u64(&r), t->rig->now_ms, count, t));
    assert_int_equal(t->total, STEADY * 3); /* one each time */
    for (uint64_t i = 0; i < STEADY; i++)
        different += t->visits[i] > 0;
    assert_in_range(different, STEADY * 6 / 10, STEADY); /* 95 % if each were as likely */
    for (uint64_t i = 1; i < STEADY; i++) {
        struct name name;
        assert_true(rig_del(t->rig, name_of(i, &name)));
    }
    for (int i = 0; i < 100; i++) /* a lone one is found from everywhere */
        assert_true(scan_random(&t->rig->cache, rng_u64(&r), t->rig->now_ms, count, t));
}

#define SCAN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SCAN_TEST(an_empty_cache_is_scanned_at_once),
        SCAN_TEST(each_entry_is_visited_once_whatever_the_step),
        SCAN_TEST(growth_between_steps_hides_and_repeats_nothing),
        SCAN_TEST(shrinking_between_steps_hides_and_repeats_nothing),
        SCAN_TEST(up_and_down_at_random_with_records_on_the_move),
        SCAN_TEST(entries_in_the_stash_are_visited_too),
        SCAN_TEST(any_number_is_a_cursor),
        SCAN_TEST(values_are_shown_in_every_form_and_expired_ones_not),
        SCAN_TEST(a_random_entry_is_one_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
