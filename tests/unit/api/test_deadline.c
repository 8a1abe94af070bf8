/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deadlines to the millisecond. An entry is there up to the last millisecond before its deadline
 * and gone at the deadline itself, whichever call asks, whether maintenance has run or not,
 * wherever in the timing wheel the entry lies, and however its deadline got there.
 */
#include "support/unit.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Lives on both sides of every boundary of a wheel of 64 slots a level, and of a 32-bit offset. */
static const int64_t lives_ms[] = {
    1,
    2,
    999,
    SECOND,
    SECOND + 1,
    63 * SECOND,
    64 * SECOND - 1,
    64 * SECOND,
    64 * SECOND + 1,
    HOUR,
    4096 * SECOND - 1,
    4096 * SECOND,
    4096 * SECOND + 1,
    DAY,
    262144 * SECOND - 1,
    262144 * SECOND,
    262144 * SECOND + 1,
    49 * DAY,
    INT64_C(4294967295),
    INT64_C(4294967296),
    INT64_C(4294967297),
    60 * DAY,
    16777216 * SECOND - 1,
    16777216 * SECOND + 1,
    365 * DAY,
    3650 * DAY,
};
enum { LIVES = sizeof(lives_ms) / sizeof(lives_ms[0]) };

static void
key_of(char key[16], size_t i)
{
    (void)snprintf(key, 16, "life:%zu", i);
}

/* Waits for each deadline in turn and looks just before it and at it. */
static void
watch_them_go(struct fixture *f, int64_t start_ms, bool with_ticks)
{
    for (size_t i = 0; i < LIVES; i++) {
        char key[16];
        key_of(key, i);
        sim_advance(&f->sim, start_ms + lives_ms[i] - 1 - sim_now(&f->sim));
        if (with_ticks) {
            attl_tick(f->cache, 0, NULL);
        }
        expect(f->cache, key, "v");
        expect_ttl(f->cache, key, 1);
        assert_int_equal(count_live(f->cache), LIVES - i);
        sim_advance(&f->sim, 1);
        expect(f->cache, key, NULL);
        assert_int_equal(count_live(f->cache), LIVES - i - 1);
    }
}

static void
an_entry_is_gone_at_its_deadline_and_not_before(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < LIVES; i++) {
        char key[16];
        key_of(key, i);
        put(f->cache, key, "v", lives_ms[i]);
        expect_ttl(f->cache, key, lives_ms[i]);
    }
    watch_them_go(f, sim_now(&f->sim), false);
}

static void
so_it_is_while_maintenance_runs(void **state)
{
    struct fixture *f = *state;
    /* Not at the start of a second: slots and lives then end at different times. */
    sim_advance(&f->sim, 377);
    for (size_t i = 0; i < LIVES; i++) {
        char key[16];
        key_of(key, i);
        put(f->cache, key, "v", lives_ms[i]);
    }
    watch_them_go(f, sim_now(&f->sim), true);
    sim_advance(&f->sim, SECOND);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(attl_size(f->cache), 0);
    assert_int_equal(sim_stats(f->cache).expired, LIVES);
}

static void
deadlines_moved_in_any_way_are_as_exact(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = sim_now(&f->sim);
    for (size_t i = 0; i < LIVES; i++) {
        char key[16];
        attl_value value = ATTL_VALUE_INIT;
        key_of(key, i);
        /* From none, from much later and from much earlier. */
        put(f->cache, key, "v", i % 3 == 0 ? ATTL_TTL_NONE : i % 3 == 1 ? 3000 * DAY : 20 * SECOND);
        switch (i % 4) {
        case 0: ASSERT_STATUS(attl_expire(f->cache, attl_s(key), lives_ms[i], 0), ATTL_OK); break;
        case 1:
            ASSERT_STATUS(attl_expire_at(f->cache, attl_s(key), start_ms + lives_ms[i], 0),
                          ATTL_OK);
            break;
        case 2:
            ASSERT_STATUS(attl_getex(f->cache, attl_s(key), lives_ms[i], 0, &value), ATTL_OK);
            break;
        default:
            ASSERT_STATUS(attl_getex(f->cache, attl_s(key), 0, start_ms + lives_ms[i], &value),
                          ATTL_OK);
            break;
        }
        attl_value_release(f->cache, &value);
        expect_ttl(f->cache, key, lives_ms[i]);
    }
    watch_them_go(f, start_ms, true);
}

static void
a_sliding_entry_lives_as_long_as_it_is_slid(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "session", "v", 2 * SECOND);
    for (int i = 0; i < 3000; i++) {
        sim_advance(&f->sim, 1999);
        attl_tick(f->cache, i % 2 == 0 ? 0 : 5, NULL);
        expect(f->cache, "session", "v");
        ASSERT_STATUS(attl_expire(f->cache, attl_s("session"), 2 * SECOND, 0), ATTL_OK);
    }
    sim_advance(&f->sim, 2 * SECOND);
    expect(f->cache, "session", NULL);
}

static void
every_deadline_a_result_carries_is_the_same(void **state)
{
    struct fixture *f = *state;
    int64_t deadline_ms = sim_now(&f->sim) + 12345;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    attl_value value = ATTL_VALUE_INIT;
    attl_meta meta = ATTL_META_INIT;
    opts.deadline_ms = deadline_ms;
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("v"), &opts, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &value), ATTL_OK);
    assert_int_equal(value.deadline_ms, deadline_ms);
    attl_value_release(f->cache, &value);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("k"), &meta), ATTL_OK);
    assert_int_equal(meta.deadline_ms, deadline_ms);
    expect_ttl(f->cache, "k", 12345);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("k"), &meta), ATTL_OK);
    assert_int_equal(meta.deadline_ms, ATTL_NO_DEADLINE);
}

static void
memory_is_reclaimed_within_a_second_of_the_deadline(void **state)
{
    struct fixture *f = *state;
    int64_t next_ms;
    for (size_t i = 0; i < LIVES; i++) {
        char key[16];
        key_of(key, i);
        put(f->cache, key, "v", lives_ms[i]);
    }
    int64_t start_ms = sim_now(&f->sim);
    /* Sleeping exactly as long as the cache asks for must be enough. */
    for (int turns = 0; turns < 10000; turns++) {
        attl_tick(f->cache, 0, &next_ms);
        int64_t now_ms = sim_now(&f->sim);
        uint64_t most = 0;
        for (size_t i = 0; i < LIVES; i++) {
            most += start_ms + lives_ms[i] > now_ms - SECOND ? 1 : 0;
        }
        assert_true(attl_size(f->cache) <= most);
        if (attl_size(f->cache) == 0) {
            break;
        }
        assert_true(next_ms > 0);
        sim_advance(&f->sim, next_ms);
    }
    assert_int_equal(attl_size(f->cache), 0);
    assert_int_equal(sim_stats(f->cache).mem_expired_unreclaimed, 0);
    assert_true(sim_stats(f->cache).expire_lag_ms_max <= SECOND);
}

/* Where bits of the clock carry over: a wheel that looks at single bits of time may stumble there.
 */
static void
lives_may_cross_any_boundary_of_time(void **state)
{
    struct fixture *f = *state;
    for (int bit = 20; bit <= 42; bit++) {
        int64_t span_ms = INT64_C(1) << bit;
        int64_t boundary_ms = (sim_now(&f->sim) / span_ms + 1) * span_ms;
        sim_advance(&f->sim, boundary_ms - 5 * SECOND - sim_now(&f->sim));
        attl_tick(f->cache, 0, NULL);
        put(f->cache, "before", "v", 4 * SECOND);
        put(f->cache, "at", "v", 5 * SECOND);
        put(f->cache, "after", "v", 10 * SECOND);
        sim_advance(&f->sim, 9 * SECOND);
        attl_tick(f->cache, 0, NULL);
        expect(f->cache, "at", NULL);
        expect(f->cache, "after", "v");
        sim_advance(&f->sim, 2 * SECOND);
        int64_t next_ms = 0;
        attl_tick(f->cache, 0, &next_ms);
        assert_int_equal(attl_size(f->cache), 0);
    }
}

/* The loops of the control plane look once or twice more before they sleep. */
static void
assert_comes_to_rest(struct fixture *f)
{
    int64_t next_ms = 0;
    for (unsigned i = 0; i < 4 && next_ms >= 0; i++) {
        sim_advance(&f->sim, next_ms);
        attl_tick(f->cache, 0, &next_ms);
    }
    assert_int_equal(next_ms, -1);
}

static void
an_idle_cache_asks_for_no_wake_up(void **state)
{
    struct fixture *f = *state;
    int64_t next_ms = 0;
    sim_advance(&f->sim, MINUTE);
    assert_comes_to_rest(f);
    put(f->cache, "for ever", "v", ATTL_TTL_NONE);
    sim_advance(&f->sim, MINUTE);
    assert_comes_to_rest(f);
    put(f->cache, "an hour", "v", HOUR);
    attl_tick(f->cache, 0, &next_ms);
    assert_true(next_ms > SECOND && next_ms <= HOUR + SECOND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_entry_is_gone_at_its_deadline_and_not_before),
        UNIT_TEST(so_it_is_while_maintenance_runs),
        UNIT_TEST(deadlines_moved_in_any_way_are_as_exact),
        UNIT_TEST(a_sliding_entry_lives_as_long_as_it_is_slid),
        UNIT_TEST(every_deadline_a_result_carries_is_the_same),
        UNIT_TEST(memory_is_reclaimed_within_a_second_of_the_deadline),
        UNIT_TEST(lives_may_cross_any_boundary_of_time),
        UNIT_TEST(an_idle_cache_asks_for_no_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
