/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies of namespaces on what is filled for a lease, kept, loaded or known not to exist: the
 * same lives, quotas and durability that a plain SET of the key would get. A policy that refuses
 * leaves the lease where it was, and a load gives what it has loaded to its caller all the same.
 * The clock is simulated.
 */
#include "support/durable.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static uint64_t
win(attl *c, const char *key)
{
    attl_lease lease = ATTL_LEASE_INIT;
    ASSERT_STATUS(attl_fetch(c, attl_s(key), NULL, NULL, &lease), ATTL_WON);
    return lease.token;
}

static int
fill_for(attl *c, const char *key, int64_t ttl_ms)
{
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = ttl_ms;
    return attl_fill(c, attl_s(key), win(c, key), attl_s("v"), &o);
}

static attl_peek_info
peek(attl *c, const char *key, int want)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    ASSERT_STATUS(attl_peek(c, attl_s(key), NULL, &info), want);
    return info;
}

static int
fetch_status(attl *c, const char *key)
{
    attl_lease lease = ATTL_LEASE_INIT;
    int status = attl_fetch(c, attl_s(key), NULL, NULL, &lease);
    if (status == ATTL_WON)
        ASSERT_STATUS(attl_renew(c, attl_s(key), lease.token, 0), ATTL_OK);
    return status;
}

/* ---- lives ---- */

static void
what_is_filled_lives_as_long_as_its_namespace_says(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "s:", "ttl_default", "30m");
    set_policy(c, "s:", "ttl_max", "1h");
    ASSERT_STATUS(fill_for(c, "s:default", ATTL_TTL_DEFAULT), ATTL_OK);
    expect_ttl(c, "s:default", 30 * MINUTE);
    ASSERT_STATUS(fill_for(c, "s:own", MINUTE), ATTL_OK);
    expect_ttl(c, "s:own", MINUTE);
    ASSERT_STATUS(fill_for(c, "s:long", 2 * HOUR), ATTL_OK);
    expect_ttl(c, "s:long", HOUR);
    ASSERT_STATUS(fill_for(c, "s:none", ATTL_TTL_NONE), ATTL_OK);
    expect_ttl(c, "s:none", HOUR);
    ASSERT_STATUS(fill_for(c, "other", ATTL_TTL_DEFAULT), ATTL_OK);
    expect_ttl(c, "other", ATTL_TTL_NONE);
}

static void
a_refused_life_leaves_the_lease(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    set_policy(c, "s:", "ttl_required", "yes");
    uint64_t token = win(c, "s:k");
    ASSERT_STATUS(attl_fill(c, attl_s("s:k"), token, attl_s("v"), NULL), ATTL_E_TTL_REQUIRED);
    o.ttl_ms = ATTL_TTL_NONE;
    ASSERT_STATUS(attl_fill(c, attl_s("s:k"), token, attl_s("v"), &o), ATTL_E_TTL_REQUIRED);
    ASSERT_STATUS(attl_keep(c, attl_s("s:k"), token, &o), ATTL_E_TTL_REQUIRED);
    o.ttl_ms = MINUTE;
    ASSERT_STATUS(attl_fill(c, attl_s("s:k"), token, attl_s("v"), &o), ATTL_OK);
    set_policy(c, "s:", "ttl_max", "1h");
    sim_option(c, "validation.mode", "strict");
    token = win(c, "s:l");
    o.ttl_ms = 2 * HOUR;
    ASSERT_STATUS(attl_fill(c, attl_s("s:l"), token, attl_s("v"), &o), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_fail(c, attl_s("s:l"), token, 2 * HOUR, 0), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_fail(c, attl_s("s:l"), token, HOUR, 0), ATTL_OK);
    ASSERT_STATUS(fetch_status(c, "s:l"), ATTL_NEGATIVE);
}

static void
soft_and_grace_are_the_namespaces_unless_given(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "p:", "soft", "80%");
    set_policy(c, "p:", "grace", "10m");
    int64_t now = sim_now(&f->sim);
    ASSERT_STATUS(fill_for(c, "p:a", 100 * SECOND), ATTL_OK);
    attl_peek_info info = peek(c, "p:a", ATTL_OK);
    assert_int_equal(info.soft_ms, now + 80 * SECOND);
    assert_int_equal(info.hard_ms, now + 100 * SECOND);
    assert_int_equal(info.gone_ms, now + 100 * SECOND + 10 * MINUTE);
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 100 * SECOND;
    o.soft_ms = 5 * SECOND;
    o.grace_ms = 7 * SECOND;
    ASSERT_STATUS(attl_fill(c, attl_s("p:b"), win(c, "p:b"), attl_s("v"), &o), ATTL_OK);
    info = peek(c, "p:b", ATTL_OK);
    assert_int_equal(info.soft_ms, now + 5 * SECOND);
    assert_int_equal(info.gone_ms, now + 107 * SECOND);
    /* Past its soft life it is to be loaded, past its hard one it may stand in. */
    sim_advance(&f->sim, 80 * SECOND);
    uint64_t token = win(c, "p:a");
    ASSERT_STATUS(attl_renew(c, attl_s("p:a"), token, HOUR), ATTL_OK);
    sim_advance(&f->sim, 9 * MINUTE);
    ASSERT_STATUS(fetch_status(c, "p:a"), ATTL_STALE);
    o = (attl_fill_opts)ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 50 * SECOND;
    ASSERT_STATUS(attl_keep(c, attl_s("p:a"), token, &o), ATTL_OK);
    info = peek(c, "p:a", ATTL_OK);
    assert_int_equal(info.soft_ms, sim_now(&f->sim) + 40 * SECOND);
    assert_int_equal(info.gone_ms, sim_now(&f->sim) + 50 * SECOND + 10 * MINUTE);
}

static void
jitter_is_the_callers_or_the_namespaces(void **state)
{
    enum { KEYS = 64 };
    struct fixture *f = *state;
    attl *c = f->cache;
    int64_t least = INT64_MAX, most = 0, ttl_ms;
    set_policy(c, "j:", "jitter", "20%");
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "j:%d", i);
        ASSERT_STATUS(fill_for(c, key, 1000 * SECOND), ATTL_OK);
        ASSERT_STATUS(attl_ttl(c, attl_s(key), &ttl_ms), ATTL_OK);
        least = ttl_ms < least ? ttl_ms : least;
        most = ttl_ms > most ? ttl_ms : most;
        put(c, key, "v", 1000 * SECOND); /* as a plain SET */
        expect_ttl(c, key, ttl_ms);
    }
    assert_true(least >= 800 * SECOND && most <= 1000 * SECOND && most - least > 100 * SECOND);
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 1000 * SECOND;
    o.jitter_percent = 1; /* the namespace's would take more from some */
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "j:own%d", i);
        ASSERT_STATUS(attl_fill(c, attl_s(key), win(c, key), attl_s("v"), &o), ATTL_OK);
        ASSERT_STATUS(attl_ttl(c, attl_s(key), &ttl_ms), ATTL_OK);
        assert_true(ttl_ms >= 990 * SECOND);
    }
}

/* ---- there is no value ---- */

static void
negatives_are_kept_as_long_as_the_namespace_says(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "n:", "negative_ttl", "30s");
    set_policy(c, "n:", "ttl_max", "1m");
    ASSERT_STATUS(attl_fail(c, attl_s("n:d"), win(c, "n:d"), ATTL_NEGATIVE_DEFAULT, 0), ATTL_OK);
    ASSERT_STATUS(fetch_status(c, "n:d"), ATTL_NEGATIVE);
    sim_advance(&f->sim, 30 * SECOND - 1);
    ASSERT_STATUS(fetch_status(c, "n:d"), ATTL_NEGATIVE);
    sim_advance(&f->sim, 1);
    ASSERT_STATUS(fetch_status(c, "n:d"), ATTL_WON);
    ASSERT_STATUS(attl_fail(c, attl_s("n:l"), win(c, "n:l"), HOUR, 0), ATTL_OK);
    attl_peek_info info = peek(c, "n:l", ATTL_NEGATIVE);
    assert_int_equal(info.hard_ms, sim_now(&f->sim) + MINUTE);
    /* Without a policy the lease ends, and nothing is kept and nobody is kept from loading. */
    ASSERT_STATUS(attl_fail(c, attl_s("other"), win(c, "other"), ATTL_NEGATIVE_DEFAULT, 0),
                  ATTL_OK);
    ASSERT_STATUS(fetch_status(c, "other"), ATTL_WON);
    ASSERT_STATUS(attl_fail(c, attl_s("other"), win(c, "other"), -2, 0), ATTL_E_INVALID);
}

static int
no_such_value(void *ud, attl_load *load)
{
    (void)load;
    ++*(int *)ud;
    return ATTL_NEGATIVE;
}

static int
the_value(void *ud, attl_load *load)
{
    ++*(int *)ud;
    (void)attl_load_done(load, attl_s("loaded"), NULL);
    return ATTL_OK;
}

static void
loads_follow_the_policy_too(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_value v = ATTL_VALUE_INIT;
    int loads = 0;
    set_policy(c, "n:", "negative_ttl", "30s");
    set_policy(c, "n:", "ttl_default", "5m");
    for (int i = 0; i < 3; i++)
        ASSERT_STATUS(attl_get_or_load(c, attl_s("n:no"), no_such_value, &loads, NULL, &v),
                      ATTL_NEGATIVE);
    assert_int_equal(loads, 1);
    sim_advance(&f->sim, 30 * SECOND);
    ASSERT_STATUS(attl_get_or_load(c, attl_s("n:no"), no_such_value, &loads, NULL, &v),
                  ATTL_NEGATIVE);
    assert_int_equal(loads, 2);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(attl_get_or_load(c, attl_s("other"), no_such_value, &loads, NULL, &v),
                      ATTL_NEGATIVE);
    assert_int_equal(loads, 4); /* nobody keeps it */
    ASSERT_STATUS(attl_get_or_load(c, attl_s("n:yes"), the_value, &loads, NULL, &v), ATTL_OK);
    attl_value_release(c, &v);
    expect_ttl(c, "n:yes", 5 * MINUTE);
    set_policy(c, "r:", "ttl_required", "yes");
    ASSERT_STATUS(attl_get_or_load(c, attl_s("r:yes"), the_value, &loads, NULL, &v), ATTL_OK);
    assert_memory_equal(v.data.data, "loaded", 6);
    attl_value_release(c, &v);
    expect(c, "r:yes", NULL);
}

static void
early_is_counted_from_the_life_it_gets(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_value v = ATTL_VALUE_INIT;
    attl_load_opts o = ATTL_LOAD_OPTS_INIT;
    int loads = 0;
    set_policy(c, "s:", "ttl_default", "100s");
    o.early_percent = 50;
    static const char *const softs[] = { "0", "40s", "80%" };
    static const int64_t early_s[] = { 50, 20, 40 };
    for (int i = 0; i < 3; i++) {
        set_policy(c, "s:", "soft", softs[i]);
        drop(c, "s:k");
        loads = 0;
        for (int j = 0; j < 2; j++) {
            ASSERT_STATUS(attl_get_or_load(c, attl_s("s:k"), the_value, &loads, &o, &v), ATTL_OK);
            attl_value_release(c, &v);
            assert_int_equal(loads, 1);
            sim_advance(&f->sim, j == 0 ? early_s[i] * SECOND - 1 : 1);
        }
        ASSERT_STATUS(attl_get_or_load(c, attl_s("s:k"), the_value, &loads, &o, &v), ATTL_OK);
        attl_value_release(c, &v);
        assert_int_equal(loads, 2);
    }
}

/* ---- quotas and durability ---- */

static void
fills_evict_within_their_namespace(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_ns_stats st = { .struct_size = sizeof st };
    char key[16];
    set_policy(c, "s:", "max_entries", "10");
    for (int i = 0; i < 40; i++) {
        (void)snprintf(key, sizeof key, "other:%d", i);
        ASSERT_STATUS(fill_for(c, key, ATTL_TTL_NONE), ATTL_OK);
        (void)snprintf(key, sizeof key, "s:%d", i);
        if (i % 2)
            ASSERT_STATUS(fill_for(c, key, ATTL_TTL_NONE), ATTL_OK);
        else
            ASSERT_STATUS(attl_fail(c, attl_s(key), win(c, key), HOUR, 0), ATTL_OK);
        ASSERT_STATUS(attl_ns_stats_get(c, attl_s("s:"), &st), ATTL_OK);
        assert_true(st.entries <= 10);
    }
    assert_int_equal(st.evicted, 30);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(key, sizeof key, "other:%d", i);
        expect(c, key, "v");
    }
}

static void
a_quota_that_refuses_leaves_the_lease(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    attl_value v = ATTL_VALUE_INIT;
    int loads = 0;
    set_policy(c, "s:", "max_entries", "1");
    set_policy(c, "s:", "eviction", "none");
    put(c, "s:first", "v", ATTL_TTL_NONE);
    uint64_t token = win(c, "s:k");
    ASSERT_STATUS(attl_fill(c, attl_s("s:k"), token, attl_s("v"), NULL), ATTL_E_QUOTA);
    ASSERT_STATUS(attl_fail(c, attl_s("s:k"), token, MINUTE, 0), ATTL_E_QUOTA);
    drop(c, "s:first");
    ASSERT_STATUS(attl_fill(c, attl_s("s:k"), token, attl_s("v"), NULL), ATTL_OK);
    ASSERT_STATUS(attl_get_or_load(c, attl_s("s:l"), the_value, &loads, NULL, &v), ATTL_OK);
    assert_memory_equal(v.data.data, "loaded", 6);
    attl_value_release(c, &v);
    expect(c, "s:l", NULL);
    attl_load_opts o = ATTL_LOAD_OPTS_INIT;
    o.negative_ms = MINUTE;
    ASSERT_STATUS(attl_get_or_load(c, attl_s("s:l"), no_such_value, &loads, &o, &v), ATTL_NEGATIVE);
    ASSERT_STATUS(fetch_status(c, "s:l"), ATTL_WON); /* nothing is kept, and nobody waits */
}

static void
fills_are_as_durable_as_their_namespace(void **state)
{
    static const struct sim_option classes[] = { { "namespace.none:.durability", "none" },
                                                 { "namespace.none:.negative_ttl", "1m" },
                                                 { NULL, NULL } };
    struct durable *d = *state;
    durable_open(d, classes);
    ASSERT_STATUS(fill_for(d->cache, "none:1", MINUTE), ATTL_OK);
    ASSERT_STATUS(
        attl_fail(d->cache, attl_s("none:2"), win(d->cache, "none:2"), ATTL_NEGATIVE_DEFAULT, 0),
        ATTL_OK);
    ASSERT_STATUS(fill_for(d->cache, "kept", ATTL_TTL_NONE), ATTL_OK);
    assert_string_equal(durable_log(d, 1), "PUT kept=v");
    durable_kill(d);
    durable_open(d, classes);
    expect(d->cache, "none:1", NULL);
    ASSERT_STATUS(fetch_status(d->cache, "none:2"), ATTL_WON);
    expect(d->cache, "kept", "v");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_is_filled_lives_as_long_as_its_namespace_says),
        UNIT_TEST(a_refused_life_leaves_the_lease),
        UNIT_TEST(soft_and_grace_are_the_namespaces_unless_given),
        UNIT_TEST(jitter_is_the_callers_or_the_namespaces),
        UNIT_TEST(negatives_are_kept_as_long_as_the_namespace_says),
        UNIT_TEST(loads_follow_the_policy_too),
        UNIT_TEST(early_is_counted_from_the_life_it_gets),
        UNIT_TEST(fills_evict_within_their_namespace),
        UNIT_TEST(a_quota_that_refuses_leaves_the_lease),
        DURABLE_TEST(fills_are_as_durable_as_their_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
