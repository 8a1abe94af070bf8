/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy does to the lives of entries, through every call that gives one: defaults where
 * none was said, the cap, the requirement, jitter, and the same for what moves from one namespace
 * to another. And the calls that change policies: all or nothing, seen by the next change, gone
 * when removed. Quotas are in test_quota.c.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static int64_t
ttl_of(attl *cache, const char *key)
{
    int64_t ttl_ms = -77;
    ASSERT_STATUS(attl_ttl(cache, attl_s(key), &ttl_ms), ATTL_OK);
    return ttl_ms;
}

static void
the_default_life_is_for_whoever_says_none(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    int64_t number;
    set_policy(c, "s:", "ttl_default", "30m");
    put(c, "s:set", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:set", 30 * MINUTE);
    put(c, "s:own", "v", 5 * SECOND);
    expect_ttl(c, "s:own", 5 * SECOND);
    put(c, "s:none", "v", ATTL_TTL_NONE); /* was said */
    expect_ttl(c, "s:none", ATTL_TTL_NONE);
    put(c, "other", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "other", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_incr(c, attl_s("s:n"), 1, ATTL_TTL_DEFAULT, &number), ATTL_OK);
    expect_ttl(c, "s:n", 30 * MINUTE);
    ASSERT_STATUS(attl_append(c, attl_s("s:app"), attl_s("x"), NULL), ATTL_OK);
    expect_ttl(c, "s:app", 30 * MINUTE);
    ASSERT_STATUS(attl_set_range(c, attl_s("s:range"), 2, attl_s("x"), NULL), ATTL_OK);
    expect_ttl(c, "s:range", 30 * MINUTE);
    sim_advance(&f->sim, MINUTE);
    ASSERT_STATUS(attl_append(c, attl_s("s:app"), attl_s("x"), NULL), ATTL_OK);
    expect_ttl(c, "s:app", 29 * MINUTE); /* keeps what it has */
    attl_slice keys[] = { attl_s("s:m1"), attl_s("o:m2") }, values[] = { attl_s("1"), attl_s("2") };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = ATTL_TTL_DEFAULT;
    ASSERT_STATUS(attl_mset(c, keys, values, 2, &opts), ATTL_OK);
    expect_ttl(c, "s:m1", 30 * MINUTE);
    expect_ttl(c, "o:m2", ATTL_TTL_NONE);
    opts.ttl_ms = ATTL_TTL_KEEP;
    ASSERT_STATUS(attl_set_if(c, attl_s("s:new"), attl_s("v"), &opts, NULL, NULL), ATTL_OK);
    expect_ttl(c, "s:new", 30 * MINUTE);
    ASSERT_STATUS(attl_set_if(c, attl_s("s:none"), attl_s("w"), &opts, NULL, NULL), ATTL_OK);
    expect_ttl(c, "s:none", ATTL_TTL_NONE); /* that is the life it keeps */
}

static void
a_longer_life_than_the_longest_is_cut(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_value value = ATTL_VALUE_INIT;
    set_policy(c, "s:", "ttl_max", "1h");
    put(c, "s:long", "v", 2 * HOUR);
    expect_ttl(c, "s:long", HOUR);
    put(c, "s:none", "v", ATTL_TTL_NONE);
    expect_ttl(c, "s:none", HOUR);
    put(c, "s:default", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:default", HOUR);
    put(c, "s:short", "v", MINUTE);
    expect_ttl(c, "s:short", MINUTE);
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.deadline_ms = sim_now(&f->sim) + 9 * HOUR;
    ASSERT_STATUS(attl_set_if(c, attl_s("s:at"), attl_s("v"), &opts, NULL, NULL), ATTL_OK);
    expect_ttl(c, "s:at", HOUR);
    ASSERT_STATUS(attl_expire(c, attl_s("s:short"), 5 * HOUR, 0), ATTL_OK);
    expect_ttl(c, "s:short", HOUR);
    ASSERT_STATUS(attl_expire_at(c, attl_s("s:short"), sim_now(&f->sim) + 3 * HOUR, 0), ATTL_OK);
    expect_ttl(c, "s:short", HOUR);
    put(c, "s:short", "v", MINUTE);
    ASSERT_STATUS(attl_persist(c, attl_s("s:short")), ATTL_OK);
    expect_ttl(c, "s:short", HOUR);
    ASSERT_STATUS(attl_getex(c, attl_s("s:short"), 7 * HOUR, 0, &value), ATTL_OK);
    attl_value_release(c, &value);
    expect_ttl(c, "s:short", HOUR);
    ASSERT_STATUS(attl_getex(c, attl_s("s:short"), ATTL_TTL_NONE, 0, &value), ATTL_OK);
    attl_value_release(c, &value);
    expect_ttl(c, "s:short", HOUR);
}

static void
strict_validation_refuses_what_others_cut(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "s:", "ttl_max", "1h");
    sim_option(c, "validation.mode", "strict");
    put(c, "s:x", "v", HOUR);
    ASSERT_STATUS(attl_set(c, attl_s("s:y"), attl_s("v"), HOUR + 1), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_expire(c, attl_s("s:x"), 2 * HOUR, 0), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_set(c, attl_s("s:y"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_persist(c, attl_s("s:x")), ATTL_E_TTL_REQUIRED);
    expect_ttl(c, "s:x", HOUR);
    expect(c, "s:y", NULL);
}

static void
a_required_life_is_asked_for_unless_there_is_a_default(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    int64_t number;
    set_policy(c, "s:", "ttl_required", "yes");
    ASSERT_STATUS(attl_set(c, attl_s("s:x"), attl_s("v"), ATTL_TTL_DEFAULT), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_set(c, attl_s("s:x"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_append(c, attl_s("s:x"), attl_s("v"), NULL), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_incr(c, attl_s("s:n"), 1, ATTL_TTL_DEFAULT, &number), ATTL_E_TTL_REQUIRED);
    put(c, "s:n", "1", MINUTE);
    ASSERT_STATUS(attl_incr(c, attl_s("s:n"), 1, ATTL_TTL_DEFAULT, &number), ATTL_OK);
    expect_ttl(c, "s:n", MINUTE);
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = ATTL_TTL_KEEP;
    ASSERT_STATUS(attl_set_if(c, attl_s("s:n"), attl_s("7"), &opts, NULL, NULL), ATTL_OK);
    expect_ttl(c, "s:n", MINUTE);
    ASSERT_STATUS(attl_set_if(c, attl_s("s:x"), attl_s("7"), &opts, NULL, NULL),
                  ATTL_E_TTL_REQUIRED);
    attl_slice keys[] = { attl_s("s:n"), attl_s("s:x") }, values[] = { attl_s("1"), attl_s("2") };
    ASSERT_STATUS(attl_mset(c, keys, values, 2, &opts), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_mset(c, keys, values, 1, &opts), ATTL_OK);
    expect_ttl(c, "s:n", MINUTE);
    ASSERT_STATUS(attl_persist(c, attl_s("s:n")), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_persist(c, attl_s("s:nobody")), ATTL_MISS);
    put(c, "free", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_rename(c, attl_s("free"), attl_s("s:y"), 0), ATTL_E_TTL_REQUIRED);
    expect(c, "free", "v");
    set_policy(c, "s:", "ttl_default", "10s");
    put(c, "s:x", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:x", 10 * SECOND);
}

static void
what_moves_into_a_namespace_gets_its_life(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "a:", "ttl_default", "10s");
    set_policy(c, "b:", "ttl_max", "20s");
    put(c, "free", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_copy(c, attl_s("free"), attl_s("a:1"), 0), ATTL_OK);
    expect_ttl(c, "a:1", 10 * SECOND);
    ASSERT_STATUS(attl_copy(c, attl_s("free"), attl_s("b:1"), 0), ATTL_OK);
    expect_ttl(c, "b:1", 20 * SECOND);
    put(c, "long", "v", HOUR);
    ASSERT_STATUS(attl_rename(c, attl_s("long"), attl_s("b:2"), 0), ATTL_OK);
    expect_ttl(c, "b:2", 20 * SECOND);
    put(c, "a:none", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_rename(c, attl_s("a:none"), attl_s("a:none2"), 0), ATTL_OK);
    expect_ttl(c, "a:none2", ATTL_TTL_NONE); /* within the namespace nothing is new */
    put(c, "a:own", "v", MINUTE);
    ASSERT_STATUS(attl_rename(c, attl_s("a:own"), attl_s("own"), 0), ATTL_OK);
    expect_ttl(c, "own", MINUTE);
}

static void
jitter_shortens_lives_from_now_and_leaves_points_alone(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    int64_t least_ms = INT64_MAX, most_ms = 0;
    set_policy(c, "s:", "jitter", "20%");
    set_policy(c, "s:", "ttl_max", "1h");
    for (int i = 0; i < 500; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i);
        put(c, key, "v", i % 2 ? 1000 * SECOND : 1000 * HOUR);
        int64_t ttl_ms = ttl_of(c, key), full_ms = i % 2 ? 1000 * SECOND : HOUR;
        assert_true(ttl_ms <= full_ms);
        assert_true(ttl_ms >= full_ms - full_ms / 5);
        least_ms = i % 2 && ttl_ms < least_ms ? ttl_ms : least_ms;
        most_ms = i % 2 && ttl_ms > most_ms ? ttl_ms : most_ms;
        put(c, key, "v", i % 2 ? 1000 * SECOND : 1000 * HOUR);
        assert_int_equal(ttl_of(c, key), ttl_ms);
    }
    assert_true(most_ms - least_ms > 150 * SECOND);
    ASSERT_STATUS(attl_expire_at(c, attl_s("s:1"), sim_now(&f->sim) + MINUTE, 0), ATTL_OK);
    expect_ttl(c, "s:1", MINUTE);
    put(c, "s:tiny", "v", 1);
    expect_ttl(c, "s:tiny", 1);
}

static void
the_longest_prefix_decides_alone(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    char name[128];
    size_t len;
    set_policy(c, "s:", "ttl_max", "10s");
    set_policy(c, "s:x:", "ttl_default", "1h");
    put(c, "s:x:1", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:x:1", HOUR);
    ASSERT_STATUS(attl_ns_match(c, attl_s("s:x:1"), name, sizeof name, &len), ATTL_OK);
    assert_int_equal(len, 4);
    ASSERT_STATUS(attl_ns_match(c, attl_s("s:x:1"), name, 3, &len), ATTL_E_BUFFER);
    ASSERT_STATUS(attl_ns_match(c, attl_s("t"), name, sizeof name, &len), ATTL_MISS);
    ASSERT_STATUS(attl_ns_del(c, attl_s("s:x:")), ATTL_OK);
    ASSERT_STATUS(attl_ns_del(c, attl_s("s:x:")), ATTL_MISS);
    expect_ttl(c, "s:x:1", HOUR); /* what is there stays */
    put(c, "s:x:1", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:x:1", 10 * SECOND);
    ASSERT_STATUS(attl_ns_del(c, attl_s("s:")), ATTL_OK);
    put(c, "s:x:1", "v", ATTL_TTL_DEFAULT);
    expect_ttl(c, "s:x:1", ATTL_TTL_NONE);
}

static attl_peek_info
peek(attl *cache, const char *key, int want)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    ASSERT_STATUS(attl_peek(cache, attl_s(key), NULL, &info), want);
    return info;
}

static void
plain_sets_get_a_soft_deadline_and_a_grace(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    int64_t now_ms = sim_now(&f->sim);
    set_policy(c, "s:", "soft", "80%");
    set_policy(c, "s:", "grace", "10m");
    put(c, "s:1", "v", HOUR);
    attl_peek_info info = peek(c, "s:1", ATTL_OK);
    assert_int_equal(info.soft_ms, now_ms + 48 * MINUTE);
    assert_int_equal(info.hard_ms, now_ms + HOUR);
    assert_int_equal(info.gone_ms, now_ms + 70 * MINUTE);
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = HOUR;
    opts.soft_ms = MINUTE; /* the caller's own wins */
    ASSERT_STATUS(attl_set_if(c, attl_s("s:2"), attl_s("v"), &opts, NULL, NULL), ATTL_OK);
    info = peek(c, "s:2", ATTL_OK);
    assert_int_equal(info.soft_ms, now_ms + MINUTE);
    assert_int_equal(info.gone_ms, now_ms + 70 * MINUTE);
    attl_slice keys[] = { attl_s("s:3"), attl_s("t:3") }, values[] = { attl_s("1"), attl_s("2") };
    opts.soft_ms = 0;
    ASSERT_STATUS(attl_mset(c, keys, values, 2, &opts), ATTL_OK);
    info = peek(c, "s:3", ATTL_OK);
    assert_int_equal(info.soft_ms, now_ms + 48 * MINUTE);
    info = peek(c, "t:3", ATTL_OK);
    assert_int_equal(info.soft_ms, ATTL_NO_DEADLINE);
    assert_int_equal(info.gone_ms, now_ms + HOUR);
    put(c, "s:4", "v", ATTL_TTL_NONE); /* without an end there is nothing to take a part of */
    info = peek(c, "s:4", ATTL_OK);
    assert_int_equal(info.soft_ms, ATTL_NO_DEADLINE);
    set_policy(c, "u:", "ttl_max", "30m");
    ASSERT_STATUS(attl_copy(c, attl_s("s:1"), attl_s("u:1"), 0), ATTL_OK);
    info = peek(c, "u:1", ATTL_OK); /* cut, with its grace and no later soft deadline */
    assert_int_equal(info.soft_ms, now_ms + 30 * MINUTE);
    assert_int_equal(info.hard_ms, now_ms + 30 * MINUTE);
    assert_int_equal(info.gone_ms, now_ms + 40 * MINUTE);
}

static void
plain_reads_are_served_stale_values_where_that_is_wanted(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    char buf[8];
    size_t len;
    set_policy(c, "a:", "grace", "10m");
    set_policy(c, "b:", "grace", "10m");
    set_policy(c, "b:", "serve_stale", "yes");
    put(c, "a:1", "v", MINUTE);
    put(c, "b:1", "v", MINUTE);
    sim_advance(&f->sim, 2 * MINUTE);
    ASSERT_STATUS(attl_get(c, attl_s("a:1"), buf, sizeof buf, &len), ATTL_MISS);
    ASSERT_STATUS(attl_get(c, attl_s("b:1"), buf, sizeof buf, &len), ATTL_OK);
    attl_slice keys[] = { attl_s("a:1"), attl_s("b:1") };
    attl_value values[2];
    int statuses[2];
    assert_int_equal(attl_mget(c, keys, 2, values, statuses), 1);
    assert_int_equal(statuses[0], ATTL_MISS);
    assert_int_equal(statuses[1], ATTL_OK);
    attl_value_release(c, &values[1]);
    ASSERT_STATUS(attl_exists(c, attl_s("b:1")), ATTL_MISS); /* its life is over all the same */
    sim_advance(&f->sim, 9 * MINUTE);
    ASSERT_STATUS(attl_get(c, attl_s("b:1"), buf, sizeof buf, &len), ATTL_MISS);
}

static void
list_prefix(void *ud, attl_slice prefix)
{
    char *to = ud;
    (void)snprintf(to + strlen(to), 64 - strlen(to), "%.*s,", (int)prefix.len,
                   (const char *)prefix.data);
}

static void
fields_are_set_together_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    char text[64], err[256];
    const char *name;
    attl_ns_field good[] = { { attl_s("ttl_max"), attl_s("1h") },
                             { attl_s("Soft"), attl_s("80%") } };
    attl_ns_field bad[] = { { attl_s("ttl_max"), attl_s("2h") },
                            { attl_s("ttl_default"), attl_s("3h") } };
    attl_ns_field unknown[] = { { attl_s("ttl_maxx"), attl_s("2h") } };
    attl_ns_field fixed[] = { { attl_s("durability"), attl_s("none") } };
    ASSERT_STATUS(attl_ns_set(c, attl_s("s:"), good, 2, err, sizeof err), ATTL_OK);
    ASSERT_STATUS(attl_ns_set(c, attl_s("s:"), bad, 2, err, sizeof err), ATTL_E_CONFIG);
    assert_string_equal(err, "namespace \"s:\": ttl_default is longer than ttl_max");
    ASSERT_STATUS(attl_ns_set(c, attl_s("s:"), unknown, 1, err, sizeof err), ATTL_E_CONFIG);
    assert_non_null(strstr(err, "'ttl_maxx' is nothing a namespace has; it has enabled, "));
    ASSERT_STATUS(attl_ns_set(c, attl_s("s:"), fixed, 1, err, sizeof err), ATTL_E_IMMUTABLE);
    ASSERT_STATUS(attl_ns_get(c, attl_s("s:"), "ttl_max", text, sizeof text), ATTL_OK);
    assert_string_equal(text, "1h");
    ASSERT_STATUS(attl_ns_get(c, attl_s("s:"), "soft", text, sizeof text), ATTL_OK);
    assert_string_equal(text, "80%");
    ASSERT_STATUS(attl_ns_get(c, attl_s("s:"), "soft", text, 3), ATTL_E_BUFFER);
    ASSERT_STATUS(attl_ns_get(c, attl_s("t:"), "soft", text, sizeof text), ATTL_MISS);
    ASSERT_STATUS(attl_ns_get(c, attl_s("s:"), "hard", text, sizeof text), ATTL_E_CONFIG);
    ASSERT_STATUS(attl_ns_set(c, attl_s("a\n"), good, 2, err, sizeof err), ATTL_E_CONFIG);
    assert_string_equal(err, "namespace: holds a control character");
    size_t n = 0;
    for (; (name = attl_ns_field_name(n)); n++)
        ASSERT_STATUS(attl_ns_get(c, attl_s("s:"), name, text, sizeof text), ATTL_OK);
    assert_int_equal(n, 15);
    set_policy(c, "a:", "ttl_max", "1h");
    text[0] = '\0';
    attl_ns_list(c, list_prefix, text);
    assert_string_equal(text, "a:,s:,");
}

static void
flushing_removes_what_begins_with_the_prefix(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    uint64_t removed = 0;
    for (int i = 0; i < 3000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%s:%d", i % 3 ? "s" : "t", i);
        put(c, key, "v", ATTL_TTL_NONE);
    }
    ASSERT_STATUS(attl_ns_flush(c, attl_s("s:"), &removed), ATTL_OK);
    assert_int_equal(removed, 2000);
    assert_int_equal(count_live(c), 1000);
    expect(c, "t:3", "v");
    ASSERT_STATUS(attl_ns_flush(c, attl_s("s:"), &removed), ATTL_OK);
    assert_int_equal(removed, 0);
    ASSERT_STATUS(attl_ns_flush(c, attl_s(""), NULL), ATTL_OK);
    assert_int_equal(count_live(c), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_default_life_is_for_whoever_says_none),
        UNIT_TEST(a_longer_life_than_the_longest_is_cut),
        UNIT_TEST(strict_validation_refuses_what_others_cut),
        UNIT_TEST(a_required_life_is_asked_for_unless_there_is_a_default),
        UNIT_TEST(what_moves_into_a_namespace_gets_its_life),
        UNIT_TEST(jitter_shortens_lives_from_now_and_leaves_points_alone),
        UNIT_TEST(the_longest_prefix_decides_alone),
        UNIT_TEST(plain_sets_get_a_soft_deadline_and_a_grace),
        UNIT_TEST(plain_reads_are_served_stale_values_where_that_is_wanted),
        UNIT_TEST(fields_are_set_together_or_not_at_all),
        UNIT_TEST(flushing_removes_what_begins_with_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
