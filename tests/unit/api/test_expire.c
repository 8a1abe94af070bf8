/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing lives: the conditions of EXPIRE as a table, what replaces a value and what only alters
 * it, the meaning of the three special lives, and the order in which things are checked. Times that
 * matter to the millisecond are in test_deadline.c; this is about which change happens at all.
 */
#include "support/unit.h"

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)

static void
conditions_of_expire_are_a_table(void **state)
{
    struct fixture *f = *state;
    /* old and new are lives in seconds; old 0: no deadline. */
    static const struct {
        int64_t old_s, new_s;
        uint32_t flags;
        int want;
    } rows[] = {
        { 0, 50, 0, ATTL_OK },
        { 100, 50, 0, ATTL_OK },
        { 0, 50, ATTL_EXPIRE_NX, ATTL_OK },
        { 100, 50, ATTL_EXPIRE_NX, ATTL_NOT_SET },
        { 0, 50, ATTL_EXPIRE_XX, ATTL_NOT_SET },
        { 100, 50, ATTL_EXPIRE_XX, ATTL_OK },
        { 0, 50, ATTL_EXPIRE_GT, ATTL_NOT_SET }, /* none counts as infinite */
        { 100, 50, ATTL_EXPIRE_GT, ATTL_NOT_SET },
        { 100, 100, ATTL_EXPIRE_GT, ATTL_NOT_SET }, /* strictly */
        { 100, 150, ATTL_EXPIRE_GT, ATTL_OK },
        { 0, 50, ATTL_EXPIRE_LT, ATTL_OK },
        { 100, 50, ATTL_EXPIRE_LT, ATTL_OK },
        { 100, 100, ATTL_EXPIRE_LT, ATTL_NOT_SET },
        { 100, 150, ATTL_EXPIRE_LT, ATTL_NOT_SET },
        { 0, 50, ATTL_EXPIRE_XX | ATTL_EXPIRE_GT, ATTL_NOT_SET },
        { 100, 150, ATTL_EXPIRE_XX | ATTL_EXPIRE_GT, ATTL_OK },
        { 0, 50, ATTL_EXPIRE_XX | ATTL_EXPIRE_LT, ATTL_NOT_SET },
        { 100, 50, ATTL_EXPIRE_XX | ATTL_EXPIRE_LT, ATTL_OK },
        { 100, 0, 0, ATTL_DELETED },
        { 100, -1, 0, ATTL_DELETED },
        { 0, -1, 0, ATTL_DELETED },
        { 100, -1, ATTL_EXPIRE_NX, ATTL_NOT_SET }, /* the condition comes first */
        { 0, -1, ATTL_EXPIRE_XX, ATTL_NOT_SET },
        { 100, -1, ATTL_EXPIRE_GT, ATTL_NOT_SET },
        { 100, -1, ATTL_EXPIRE_LT, ATTL_DELETED },
    };
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        size_t row = i / 2;
        int64_t old_ms = rows[row].old_s == 0 ? ATTL_TTL_NONE : rows[row].old_s * SECOND;
        int64_t new_ms = rows[row].new_s * SECOND;
        put(f->cache, "k", "v", old_ms);
        int got = i % 2 == 0 ? attl_expire(f->cache, attl_s("k"), new_ms, rows[row].flags)
                             : attl_expire_at(f->cache, attl_s("k"), sim_now(&f->sim) + new_ms,
                                              rows[row].flags);
        if (got != rows[row].want) {
            fail_msg("row %zu: %s, not %s", row, attl_err_name(got), attl_err_name(rows[row].want));
        }
        if (got == ATTL_DELETED) {
            expect(f->cache, "k", NULL);
        } else {
            expect_ttl(f->cache, "k", got == ATTL_OK ? new_ms : old_ms);
        }
    }
}

static void
impossible_conditions_are_refused(void **state)
{
    struct fixture *f = *state;
    static const uint32_t flags[] = {
        ATTL_EXPIRE_NX | ATTL_EXPIRE_XX,
        ATTL_EXPIRE_NX | ATTL_EXPIRE_GT,
        ATTL_EXPIRE_NX | ATTL_EXPIRE_LT,
        ATTL_EXPIRE_GT | ATTL_EXPIRE_LT,
        ATTL_EXPIRE_XX | ATTL_EXPIRE_GT | ATTL_EXPIRE_LT,
        0x10,
        UINT32_MAX,
    };
    put(f->cache, "k", "v", 100 * SECOND);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        ASSERT_STATUS(attl_expire(f->cache, attl_s("k"), 50 * SECOND, flags[i]), ATTL_E_INVALID);
        ASSERT_STATUS(attl_expire_at(f->cache, attl_s("k"), sim_now(&f->sim) + 5, flags[i]),
                      ATTL_E_INVALID);
        expect_ttl(f->cache, "k", 100 * SECOND);
    }
}

static void
a_missing_key_has_no_life_to_change(void **state)
{
    struct fixture *f = *state;
    int64_t ttl_ms = 77;
    attl_value value = ATTL_VALUE_INIT;
    put(f->cache, "expired", "v", 5);
    sim_advance(&f->sim, 5);
    static const char *const keys[] = { "never", "expired" };
    for (size_t i = 0; i < 2; i++) {
        attl_slice key = attl_s(keys[i]);
        ASSERT_STATUS(attl_expire(f->cache, key, HOUR, 0), ATTL_MISS);
        ASSERT_STATUS(attl_expire(f->cache, key, -1, 0), ATTL_MISS);
        ASSERT_STATUS(attl_expire(f->cache, key, HOUR, ATTL_EXPIRE_NX), ATTL_MISS);
        ASSERT_STATUS(attl_expire_at(f->cache, key, sim_now(&f->sim) + HOUR, 0), ATTL_MISS);
        ASSERT_STATUS(attl_persist(f->cache, key), ATTL_MISS);
        ASSERT_STATUS(attl_ttl(f->cache, key, &ttl_ms), ATTL_MISS);
        ASSERT_STATUS(attl_getex(f->cache, key, HOUR, 0, &value), ATTL_MISS);
        ASSERT_STATUS(attl_getex(f->cache, key, ATTL_TTL_NONE, 0, &value), ATTL_MISS);
    }
    assert_int_equal(count_live(f->cache), 0);
}

static void
persist_removes_a_deadline_once(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "k", "v", 10 * SECOND);
    ASSERT_STATUS(attl_persist(f->cache, attl_s("k")), ATTL_OK);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_persist(f->cache, attl_s("k")), ATTL_NOT_SET);
    for (int i = 0; i < 100; i++) {
        sim_advance(&f->sim, 10 * 24 * HOUR);
        attl_tick(f->cache, 0, NULL);
        expect(f->cache, "k", "v");
    }
}

static void
a_store_without_a_life_takes_the_default(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "k", "v", ATTL_TTL_DEFAULT);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE); /* the fixture has no default */
    sim_option(f->cache, "cache.default_ttl", "90s");
    expect_ttl(f->cache, "k", ATTL_TTL_NONE); /* only later stores are concerned */
    put(f->cache, "k", "v", ATTL_TTL_DEFAULT);
    expect_ttl(f->cache, "k", 90 * SECOND);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
}

static void
replacing_drops_the_deadline_and_keep_keeps_it(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "k", "v", 100 * SECOND);
    sim_advance(&f->sim, SECOND);
    put(f->cache, "k", "longer than it was before", ATTL_TTL_KEEP);
    expect_ttl(f->cache, "k", 99 * SECOND);
    put(f->cache, "k", "w", ATTL_TTL_NONE);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    put(f->cache, "k", "v", ATTL_TTL_KEEP);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    put(f->cache, "new", "v", ATTL_TTL_KEEP);
    expect_ttl(f->cache, "new", ATTL_TTL_NONE);
    /* The deadline of an expired entry is not kept. */
    put(f->cache, "dead", "v", 5);
    sim_advance(&f->sim, 5);
    put(f->cache, "dead", "v", ATTL_TTL_KEEP);
    expect_ttl(f->cache, "dead", ATTL_TTL_NONE);
}

static void
altering_a_value_keeps_its_deadline(void **state)
{
    struct fixture *f = *state;
    int64_t sum;
    uint64_t len;
    put(f->cache, "n", "5", 100 * SECOND);
    put(f->cache, "s", "abc", 100 * SECOND);
    put(f->cache, "r", "abc", 100 * SECOND);
    sim_advance(&f->sim, SECOND);
    ASSERT_STATUS(attl_incr(f->cache, attl_s("n"), 1, ATTL_TTL_NONE, &sum), ATTL_OK);
    ASSERT_STATUS(attl_append(f->cache, attl_s("s"), attl_s("def"), &len), ATTL_OK);
    ASSERT_STATUS(attl_set_range(f->cache, attl_s("r"), 1, attl_s("x"), &len), ATTL_OK);
    expect_ttl(f->cache, "n", 99 * SECOND);
    expect_ttl(f->cache, "s", 99 * SECOND);
    expect_ttl(f->cache, "r", 99 * SECOND);
}

static void
getex_answers_the_value_and_changes_the_life(void **state)
{
    struct fixture *f = *state;
    attl_slice key = attl_s("k");
    attl_value value = ATTL_VALUE_INIT;
    put(f->cache, "k", "v", 100 * SECOND);
    ASSERT_STATUS(attl_getex(f->cache, key, ATTL_TTL_KEEP, 0, &value), ATTL_OK);
    assert_int_equal(value.data.len, 1);
    attl_value_release(f->cache, &value);
    expect_ttl(f->cache, "k", 100 * SECOND);
    ASSERT_STATUS(attl_getex(f->cache, key, 7 * SECOND, 0, &value), ATTL_OK);
    attl_value_release(f->cache, &value);
    expect_ttl(f->cache, "k", 7 * SECOND);
    ASSERT_STATUS(attl_getex(f->cache, key, ATTL_TTL_NONE, 0, &value), ATTL_OK);
    attl_value_release(f->cache, &value);
    expect_ttl(f->cache, "k", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_getex(f->cache, key, -5, 0, &value), ATTL_E_TTL_RANGE);
    expect(f->cache, "k", "v");
    /* A point in the past: the value is still answered, then it is gone. */
    ASSERT_STATUS(attl_getex(f->cache, key, 0, sim_now(&f->sim) - 1, &value), ATTL_DELETED);
    assert_int_equal(value.data.len, 1);
    assert_memory_equal(value.data.data, "v", 1);
    attl_value_release(f->cache, &value);
    expect(f->cache, "k", NULL);
}

static void
setting_a_deadline_in_the_past_deletes(void **state)
{
    struct fixture *f = *state;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    static const int64_t past_ms[] = { 0, -1, -1000 };
    for (size_t i = 0; i < 3; i++) {
        put(f->cache, "k", "old", ATTL_TTL_NONE);
        opts.deadline_ms = sim_now(&f->sim) + past_ms[i];
        ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("new"), &opts, NULL, NULL),
                      ATTL_DELETED);
        expect(f->cache, "k", NULL);
        ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("new"), &opts, NULL, NULL),
                      ATTL_DELETED);
        expect(f->cache, "k", NULL);
    }
    put(f->cache, "k", "old", ATTL_TTL_NONE);
    opts.flags = ATTL_SET_NX; /* not met, so nothing happens */
    ASSERT_STATUS(attl_set_if(f->cache, attl_s("k"), attl_s("new"), &opts, NULL, NULL),
                  ATTL_NOT_SET);
    expect(f->cache, "k", "old");
    opts.deadline_ms = 1;
    ASSERT_STATUS(attl_expire_at(f->cache, attl_s("k"), 1, 0), ATTL_DELETED);
    expect(f->cache, "k", NULL);
    put(f->cache, "k", "old", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_expire_at(f->cache, attl_s("k"), INT64_MIN, 0), ATTL_DELETED);
    expect(f->cache, "k", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(conditions_of_expire_are_a_table),
        UNIT_TEST(impossible_conditions_are_refused),
        UNIT_TEST(a_missing_key_has_no_life_to_change),
        UNIT_TEST(persist_removes_a_deadline_once),
        UNIT_TEST(a_store_without_a_life_takes_the_default),
        UNIT_TEST(replacing_drops_the_deadline_and_keep_keeps_it),
        UNIT_TEST(altering_a_value_keeps_its_deadline),
        UNIT_TEST(getex_answers_the_value_and_changes_the_life),
        UNIT_TEST(setting_a_deadline_in_the_past_deletes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
