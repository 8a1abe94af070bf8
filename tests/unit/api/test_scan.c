/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache as a whole: iterating while it grows, shrinks and is rearranged, cursors that make no
 * sense, random keys, clearing, and the size. What an iteration promises is exact, so the counting
 * is too: every entry that is there from the first step to the last is visited once, not at least
 * once.
 */
#include "support/unit.h"

#include "support/rng.h"

#include <attl/attl_unstable.h>

enum { KEYS = 5000 };

struct tally {
    unsigned visits[KEYS];
    uint64_t others;
};

static void
tally_visit(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct tally *t = ud;
    char text[32];
    unsigned i;
    (void)deadline_ms;
    assert_true(key.len < sizeof(text));
    memcpy(text, key.data, key.len);
    text[key.len] = '\0';
    if (sscanf(text, "stay:%u", &i) == 1 && i < KEYS) {
        t->visits[i]++;
        assert_int_equal(value.len, key.len);
        assert_memory_equal(value.data, key.data, key.len);
    } else {
        t->others++;
    }
}

static void
put_many(attl *cache, const char *prefix, unsigned first, unsigned count, int64_t ttl_ms)
{
    for (unsigned i = first; i < first + count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "%s:%u", prefix, i);
        put(cache, key, key, ttl_ms);
    }
}

/* Iterates in steps of `count`, disturbing the cache between any two. */
static void
iterate(struct fixture *f, size_t count, void (*disturb)(struct fixture *f, unsigned step))
{
    struct tally *t = calloc(1, sizeof(*t));
    uint64_t cursor = 0;
    unsigned step = 0;
    int status;
    assert_non_null(t);
    do {
        status = attl_scan(f->cache, &cursor, count, tally_visit, t);
        assert_true(status == ATTL_OK || status == ATTL_DONE);
        assert_true(step < 1000000);
        disturb(f, step++);
    } while (status == ATTL_OK);
    assert_int_equal(cursor, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        if (t->visits[i] != 1) {
            fail_msg("key %u was visited %u times", i, t->visits[i]);
        }
    }
    free(t);
}

static void
leave_alone(struct fixture *f, unsigned step)
{
    (void)f;
    (void)step;
}

static void
every_entry_is_visited_once(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = { 1, 7, 100, 1000000 };
    put_many(f->cache, "stay", 0, KEYS, ATTL_TTL_NONE);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        iterate(f, counts[i], leave_alone);
    }
}

static void
grow(struct fixture *f, unsigned step)
{
    if (step < 300) {
        put_many(f->cache, "more", step * 100, 100, ATTL_TTL_NONE);
    }
}

static void
so_it_is_while_the_cache_grows(void **state)
{
    struct fixture *f = *state;
    put_many(f->cache, "stay", 0, KEYS, ATTL_TTL_NONE);
    iterate(f, 20, grow);
    assert_true(sim_stats(f->cache).rebuilds > 0);
}

static void
shrink(struct fixture *f, unsigned step)
{
    for (unsigned i = step * 200; i < step * 200 + 200 && i < 40000; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "more:%u", i);
        drop(f->cache, key);
    }
    attl_tick(f->cache, 0, NULL);
}

static void
so_it_is_while_the_cache_shrinks(void **state)
{
    struct fixture *f = *state;
    put_many(f->cache, "more", 0, 40000, ATTL_TTL_NONE);
    put_many(f->cache, "stay", 0, KEYS, ATTL_TTL_NONE);
    iterate(f, 20, shrink);
    assert_int_equal(attl_size(f->cache), KEYS);
}

static void
rearrange(struct fixture *f, unsigned step)
{
    struct rng r = rng_from_seed(step);
    attl_stats s = sim_stats(f->cache);
    for (int i = 0; i < 20; i++) {
        attl_unstable_partition_move(f->cache, rng_below(&r, s.partitions),
                                     (uint32_t)rng_below(&r, s.shards));
        char key[32];
        (void)snprintf(key, sizeof(key), "stay:%u", (unsigned)rng_below(&r, KEYS));
        put(f->cache, key, key, INT64_C(1000000000) + (int64_t)rng_below(&r, 1000000000));
        put_many(f->cache, "mortal", (unsigned)rng_below(&r, 100000), 1, 500);
    }
    sim_advance(&f->sim, 200000);
    attl_tick(f->cache, 0, NULL);
}

static void
so_it_is_while_partitions_move_and_entries_cascade(void **state)
{
    struct fixture *f = *state;
    put_many(f->cache, "stay", 0, KEYS, INT64_C(1000000000));
    iterate(f, 20, rearrange);
    assert_true(sim_stats(f->cache).partition_moves > 0);
}

static void
expired_entries_are_not_visited(void **state)
{
    struct fixture *f = *state;
    put_many(f->cache, "stay", 0, KEYS, ATTL_TTL_NONE);
    put_many(f->cache, "mortal", 0, KEYS, 100);
    assert_int_equal(count_live(f->cache), 2 * KEYS);
    sim_advance(&f->sim, 100); /* and no maintenance */
    assert_int_equal(count_live(f->cache), KEYS);
}

static void
count_only(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)value;
    (void)deadline_ms;
    assert_true(key.len > 0);
    ++*(uint64_t *)ud;
}

static void
any_cursor_is_safe(void **state)
{
    struct fixture *f = *state;
    struct rng r = rng_from_seed(5);
    uint64_t visits = 0;
    put_many(f->cache, "stay", 0, 500, ATTL_TTL_NONE);
    for (int i = 0; i < 20000; i++) {
        uint64_t cursor = rng_u64(&r) >> rng_below(&r, 64);
        if (i < 64) {
            cursor = UINT64_MAX << i;
        }
        int status = attl_scan(f->cache, &cursor, rng_range(&r, 1, 20), count_only, &visits);
        assert_true(status == ATTL_OK || status == ATTL_DONE || status == ATTL_E_INVALID);
        assert_true(status != ATTL_DONE || cursor == 0);
    }
    expect(f->cache, "stay:7", "stay:7");
}

static void
an_empty_cache_is_iterated_to_its_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(count_live(f->cache), 0);
}

static void
random_keys_are_spread_over_all(void **state)
{
    struct fixture *f = *state;
    enum { N = 200, DRAWS = 20000 };
    unsigned drawn[N] = { 0 };
    char key[32];
    size_t len;
    ASSERT_STATUS(attl_random_key(f->cache, key, sizeof(key), &len), ATTL_MISS);
    put_many(f->cache, "stay", 0, N, ATTL_TTL_NONE);
    put_many(f->cache, "mortal", 0, N, 100);
    sim_advance(&f->sim, 100);
    for (int i = 0; i < DRAWS; i++) {
        unsigned number;
        ASSERT_STATUS(attl_random_key(f->cache, key, sizeof(key) - 1, &len), ATTL_OK);
        key[len] = '\0';
        assert_int_equal(sscanf(key, "stay:%u", &number), 1);
        assert_true(number < N);
        drawn[number]++;
    }
    unsigned ever = 0;
    for (int i = 0; i < N; i++) {
        /* Mean 100. Uniformity is not promised, but none may dominate, and few be left out. */
        assert_true(drawn[i] < DRAWS / 10);
        ever += drawn[i] > 0;
    }
    assert_true(ever > N * 3 / 4);
    ASSERT_STATUS(attl_random_key(f->cache, key, 3, &len), ATTL_E_BUFFER);
    assert_true(len >= 6);
}

static void
clear_removes_everything(void **state)
{
    struct fixture *f = *state;
    char *large = calloc(1, 100000);
    char key[32];
    assert_non_null(large);
    for (int round = 0; round < 5; round++) {
        put_many(f->cache, "stay", 0, 3000, round % 2 == 0 ? ATTL_TTL_NONE : 1000);
        ASSERT_STATUS(attl_set(f->cache, attl_s("large"), attl_b(large, 100000), 500), ATTL_OK);
        assert_int_equal(attl_size(f->cache), 3001);
        attl_clear(f->cache);
        assert_int_equal(attl_size(f->cache), 0);
        assert_int_equal(count_live(f->cache), 0);
        expect(f->cache, "stay:0", NULL);
        ASSERT_STATUS(attl_random_key(f->cache, key, sizeof(key), NULL), ATTL_MISS);
        attl_stats s = sim_stats(f->cache);
        assert_int_equal(s.items_ttl, 0);
        assert_int_equal(s.mem_live, 0);
        sim_check(f->cache, "after clearing");
    }
    attl_clear(f->cache);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(sim_stats(f->cache).mem_extents, 0);
    put(f->cache, "k", "v", 1000);
    expect(f->cache, "k", "v");
    free(large);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_entry_is_visited_once),
        UNIT_TEST_CROWDED(every_entry_is_visited_once),
        UNIT_TEST_CROWDED(so_it_is_while_the_cache_grows),
        UNIT_TEST_CROWDED(so_it_is_while_the_cache_shrinks),
        UNIT_TEST(so_it_is_while_partitions_move_and_entries_cascade),
        UNIT_TEST_CROWDED(so_it_is_while_partitions_move_and_entries_cascade),
        UNIT_TEST(expired_entries_are_not_visited),
        UNIT_TEST(any_cursor_is_safe),
        UNIT_TEST(an_empty_cache_is_iterated_to_its_end),
        UNIT_TEST(random_keys_are_spread_over_all),
        UNIT_TEST(clear_removes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
