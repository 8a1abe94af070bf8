/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four validation modes as a table: which keys, values and lives each accepts, which rule a
 * refusal names, and where it is counted. A refusal changes nothing, a mode switched at run time
 * holds from the next call on, and limits set by the user go before the mode's own.
 */
#include "support/unit.h"

#define DAY (INT64_C(86400000))

enum { STRICT, NORMAL, RELAXED, BINARY, MODES, KEY_BYTES_MAX = 32768 };

static const char *const modes[MODES] = { "strict", "normal", "relaxed", "binary" };

static attl *
open_mode(struct sim *sim, const char *mode)
{
    const struct sim_option options[] = { { "validation.mode", mode }, { NULL, NULL } };
    sim_init(sim);
    return sim_open(sim, options);
}

/* The counter of a status: refused[0] belongs to ATTL_E_KEY_EMPTY. */
static uint64_t
refused(attl *cache, int status)
{
    return sim_stats(cache).refused[ATTL_E_KEY_EMPTY - status];
}

static void
keys_are_judged_by_mode(void **state)
{
    (void)state;
    static char letters[KEY_BYTES_MAX + 1];
    memset(letters, 'k', sizeof(letters));
    const struct {
        attl_slice key;
        int want[MODES];
    } rows[] = {
        { attl_s("plain"), { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_s("with space and \xc3\xa4 \xff"), { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_b(NULL, 0), { ATTL_E_KEY_EMPTY, ATTL_E_KEY_EMPTY, ATTL_E_KEY_EMPTY, ATTL_OK } },
        { attl_b("a\0b", 3), { ATTL_E_KEY_NUL, ATTL_E_KEY_NUL, ATTL_E_KEY_NUL, ATTL_OK } },
        { attl_b("\0", 1), { ATTL_E_KEY_NUL, ATTL_E_KEY_NUL, ATTL_E_KEY_NUL, ATTL_OK } },
        { attl_s("a\rb"), { ATTL_E_KEY_CONTROL, ATTL_E_KEY_CONTROL, ATTL_OK, ATTL_OK } },
        { attl_s("a\n"), { ATTL_E_KEY_CONTROL, ATTL_E_KEY_CONTROL, ATTL_OK, ATTL_OK } },
        { attl_s("\tab"), { ATTL_E_KEY_CONTROL, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_s("\x1b[0m"), { ATTL_E_KEY_CONTROL, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_s("del\x7f"), { ATTL_E_KEY_CONTROL, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 1000), { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 1001), { ATTL_E_KEY_LONG, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 2000), { ATTL_E_KEY_LONG, ATTL_OK, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 2001), { ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 4096), { ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_OK, ATTL_OK } },
        { attl_b(letters, 4097), { ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_OK } },
        { attl_b(letters, KEY_BYTES_MAX),
          { ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_OK } },
        { attl_b(letters, KEY_BYTES_MAX + 1),
          { ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_E_KEY_LONG, ATTL_E_KEY_LONG } },
    };
    for (int mode = 0; mode < MODES; mode++) {
        struct sim sim;
        attl *cache = open_mode(&sim, modes[mode]);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            int want = rows[i].want[mode];
            uint64_t counted = want < 0 ? refused(cache, want) : 0;
            uint64_t size = attl_size(cache);
            int got = attl_set(cache, rows[i].key, attl_s("v"), 1000);
            if (got != want) {
                fail_msg("%s, key %zu: %s, not %s", modes[mode], i, attl_err_name(got),
                         attl_err_name(want));
            }
            assert_int_equal(attl_size(cache), size + (want == ATTL_OK ? 1 : 0));
            if (want < 0) {
                assert_int_equal(refused(cache, want), counted + 1);
            } else {
                ASSERT_STATUS(attl_exists(cache, rows[i].key), ATTL_OK);
            }
        }
        sim_close(&cache);
    }
}

static void
nothing_else(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)ud;
    (void)value;
    (void)deadline_ms;
    fail_msg("a visitor was called for a key that is refused");
}

/* Reading by a key that cannot exist names the rule as well, and every call does so. */
static void
every_call_names_the_rule(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_mode(&sim, "normal");
    attl_slice bad = attl_s("a\nb"), v = attl_s("v"), good = attl_s("good");
    attl_value value = ATTL_VALUE_INIT;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    attl_meta meta = ATTL_META_INIT;
    int64_t number;
    uint64_t len;
    int status;
    const int want = ATTL_E_KEY_CONTROL;
    ASSERT_STATUS(attl_set(cache, good, v, 1000), ATTL_OK);
    ASSERT_STATUS(attl_set(cache, bad, v, 1000), want);
    ASSERT_STATUS(attl_set_if(cache, bad, v, &opts, NULL, NULL), want);
    ASSERT_STATUS(attl_cas(cache, bad, 1, v, 1000), want);
    ASSERT_STATUS(attl_get(cache, bad, NULL, 0, NULL), want);
    ASSERT_STATUS(attl_get_pin(cache, bad, &value), want);
    ASSERT_STATUS(attl_get_visit(cache, bad, nothing_else, NULL), want);
    ASSERT_STATUS(attl_getdel(cache, bad, &value), want);
    ASSERT_STATUS(attl_getex(cache, bad, 1000, 0, &value), want);
    ASSERT_STATUS(attl_del(cache, bad), want);
    opts.flags = ATTL_SET_IFEQ;
    ASSERT_STATUS(attl_del_if(cache, bad, &opts), want);
    ASSERT_STATUS(attl_exists(cache, bad), want);
    ASSERT_STATUS(attl_touch(cache, bad), want);
    ASSERT_STATUS(attl_expire(cache, bad, 1000, 0), want);
    ASSERT_STATUS(attl_expire_at(cache, bad, sim_now(&sim) + 1000, 0), want);
    ASSERT_STATUS(attl_persist(cache, bad), want);
    ASSERT_STATUS(attl_ttl(cache, bad, &number), want);
    ASSERT_STATUS(attl_meta_get(cache, bad, &meta), want);
    ASSERT_STATUS(attl_incr(cache, bad, 1, 1000, &number), want);
    ASSERT_STATUS(attl_append(cache, bad, v, &len), want);
    ASSERT_STATUS(attl_set_range(cache, bad, 0, v, &len), want);
    ASSERT_STATUS(attl_mset(cache, &bad, &v, 1, NULL), want);
    ASSERT_STATUS(attl_rename(cache, bad, good, 0), want);
    ASSERT_STATUS(attl_rename(cache, good, bad, 0), want);
    ASSERT_STATUS(attl_copy(cache, bad, good, 0), want);
    ASSERT_STATUS(attl_copy(cache, good, bad, 0), want);
    assert_int_equal(attl_mget(cache, &bad, 1, &value, &status), 0);
    ASSERT_STATUS(status, want);
    attl_value_release(cache, &value);
    expect(cache, "good", "v");
    assert_int_equal(attl_size(cache), 1);
    assert_int_equal(refused(cache, want), 26);
    sim_close(&cache);
}

static void
lives_are_judged_by_mode(void **state)
{
    (void)state;
    static const struct {
        int64_t ttl_ms;
        int want[MODES];
        int64_t stored_ms[MODES]; /* life found afterwards, where it was stored */
    } rows[] = {
        { 1000, { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK }, { 1000, 1000, 1000, 1000 } },
        { 10 * DAY,
          { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK },
          { 10 * DAY, 10 * DAY, 10 * DAY, 10 * DAY } },
        { 10 * DAY + 1,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_OK, ATTL_E_TTL_RANGE },
          { 0, 0, 10 * DAY, 0 } },
        { INT64_MAX,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_OK, ATTL_E_TTL_RANGE },
          { 0, 0, 10 * DAY, 0 } },
        { -3,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE },
          { 0, 0, 0, 0 } },
        { INT64_MIN,
          { ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE, ATTL_E_TTL_RANGE },
          { 0, 0, 0, 0 } },
        { ATTL_TTL_NONE,
          { ATTL_E_TTL_REQUIRED, ATTL_OK, ATTL_OK, ATTL_OK },
          { 0, ATTL_TTL_NONE, ATTL_TTL_NONE, ATTL_TTL_NONE } },
        { ATTL_TTL_DEFAULT,
          { ATTL_OK, ATTL_OK, ATTL_OK, ATTL_OK },
          { 60000, 60000, 60000, 60000 } },
    };
    for (int mode = 0; mode < MODES; mode++) {
        struct sim sim;
        attl *cache = open_mode(&sim, modes[mode]);
        sim_option(cache, "validation.max_ttl", "10d");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            int want = rows[i].want[mode];
            uint64_t counted = want < 0 ? refused(cache, want) : 0;
            int got = attl_set(cache, attl_s("k"), attl_s("v"), rows[i].ttl_ms);
            if (got != want) {
                fail_msg("%s, life %zu: %s, not %s", modes[mode], i, attl_err_name(got),
                         attl_err_name(want));
            }
            if (want == ATTL_OK) {
                expect_ttl(cache, "k", rows[i].stored_ms[mode]);
                ASSERT_STATUS(attl_del(cache, attl_s("k")), ATTL_OK);
            } else {
                expect(cache, "k", NULL);
                assert_int_equal(refused(cache, want), counted + 1);
            }
        }
        sim_close(&cache);
    }
}

static void
a_capped_life_is_counted(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_mode(&sim, "relaxed");
    sim_option(cache, "validation.max_ttl", "10d");
    uint64_t before = refused(cache, ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_set(cache, attl_s("k"), attl_s("v"), 11 * DAY), ATTL_OK);
    assert_int_equal(refused(cache, ATTL_E_TTL_RANGE), before + 1);
    ASSERT_STATUS(attl_expire(cache, attl_s("k"), 12 * DAY, 0), ATTL_OK);
    expect_ttl(cache, "k", 10 * DAY);
    ASSERT_STATUS(attl_expire_at(cache, attl_s("k"), sim_now(&sim) + 13 * DAY, 0), ATTL_OK);
    expect_ttl(cache, "k", 10 * DAY);
    sim_close(&cache);
}

static void
lives_out_of_range_are_refused_wherever_they_are_given(void **state)
{
    (void)state;
    struct sim sim;
    attl *cache = open_mode(&sim, "normal");
    attl_slice k = attl_s("k"), v = attl_s("v");
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    attl_value value = ATTL_VALUE_INIT;
    int64_t sum;
    const int64_t too_long[] = { 366 * DAY, INT64_C(1) << 46, INT64_MAX - 1, INT64_MAX };
    put(cache, "k", "v", 5000);
    for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++) {
        opts.ttl_ms = too_long[i];
        ASSERT_STATUS(attl_set(cache, k, v, too_long[i]), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_set_if(cache, k, v, &opts, NULL, NULL), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_cas(cache, k, attl_digest(v), v, too_long[i]), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_getex(cache, k, too_long[i], 0, &value), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_expire(cache, k, too_long[i], 0), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_mset(cache, &k, &v, 1, &opts), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_incr(cache, attl_s("new"), 1, too_long[i], &sum), ATTL_E_TTL_RANGE);
        opts.ttl_ms = 0;
        opts.deadline_ms = INT64_MAX - (int64_t)i;
        ASSERT_STATUS(attl_set_if(cache, k, v, &opts, NULL, NULL), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_expire_at(cache, k, INT64_MAX - (int64_t)i, 0), ATTL_E_TTL_RANGE);
        ASSERT_STATUS(attl_getex(cache, k, 0, INT64_MAX - (int64_t)i, &value), ATTL_E_TTL_RANGE);
        opts.deadline_ms = 0;
    }
    expect_ttl(cache, "k", 5000);
    expect(cache, "new", NULL);
    sim_close(&cache);
}

static void
values_have_a_limit_in_every_mode(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        struct sim sim;
        static char bytes[101];
        attl *cache = open_mode(&sim, modes[mode]);
        sim_option(cache, "validation.max_value_bytes", "100");
        ASSERT_STATUS(attl_set(cache, attl_s("k"), attl_b(bytes, 100), 1000), ATTL_OK);
        ASSERT_STATUS(attl_set(cache, attl_s("k"), attl_b(bytes, 101), 1000), ATTL_E_VALUE_LONG);
        ASSERT_STATUS(attl_set(cache, attl_s("j"), attl_b(bytes, 101), 1000), ATTL_E_VALUE_LONG);
        assert_int_equal(refused(cache, ATTL_E_VALUE_LONG), 2);
        assert_int_equal(attl_size(cache), 1);
        sim_close(&cache);
    }
}

static void
the_mode_can_be_switched_while_the_cache_is_open(void **state)
{
    (void)state;
    struct sim sim;
    char text[32];
    attl *cache = open_mode(&sim, "strict");
    ASSERT_STATUS(attl_set(cache, attl_s("a\tb"), attl_s("v"), 1000), ATTL_E_KEY_CONTROL);
    ASSERT_STATUS(attl_set(cache, attl_s("k"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_TTL_REQUIRED);
    sim_option(cache, "validation.mode", "binary");
    ASSERT_STATUS(attl_option_get(cache, "validation.mode", text, sizeof(text)), ATTL_OK);
    assert_string_equal(text, "binary");
    ASSERT_STATUS(attl_set(cache, attl_s("a\tb"), attl_s("v"), ATTL_TTL_NONE), ATTL_OK);
    /* An entry stored under a laxer mode stays, though a stricter one no longer lets it be named.
     */
    sim_option(cache, "CACHE_VALIDATION_MODE", "strict");
    ASSERT_STATUS(attl_exists(cache, attl_s("a\tb")), ATTL_E_KEY_CONTROL);
    assert_int_equal(count_live(cache), 1);
    sim_option(cache, "validation.mode", "relaxed");
    expect(cache, "a\tb", "v");
    char err[200] = "";
    ASSERT_STATUS(attl_option_set(cache, "validation.mode", "lax", err, sizeof(err)),
                  ATTL_E_CONFIG);
    assert_true(strlen(err) > 0);
    expect(cache, "a\tb", "v");
    sim_close(&cache);
}

static void
the_limit_of_keys_can_be_set(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        struct sim sim;
        attl *cache = open_mode(&sim, modes[mode]);
        sim_option(cache, "validation.max_key_bytes", "5");
        ASSERT_STATUS(attl_set(cache, attl_s("12345"), attl_s("v"), 1000), ATTL_OK);
        ASSERT_STATUS(attl_set(cache, attl_s("123456"), attl_s("v"), 1000), ATTL_E_KEY_LONG);
        sim_option(cache, "validation.max_key_bytes", "6");
        ASSERT_STATUS(attl_set(cache, attl_s("123456"), attl_s("v"), 1000), ATTL_OK);
        sim_close(&cache);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_judged_by_mode),
        cmocka_unit_test(every_call_names_the_rule),
        cmocka_unit_test(lives_are_judged_by_mode),
        cmocka_unit_test(a_capped_life_is_counted),
        cmocka_unit_test(lives_out_of_range_are_refused_wherever_they_are_given),
        cmocka_unit_test(values_have_a_limit_in_every_mode),
        cmocka_unit_test(the_mode_can_be_switched_while_the_cache_is_open),
        cmocka_unit_test(the_limit_of_keys_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
