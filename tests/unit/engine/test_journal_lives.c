/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries with more than one deadline in the log and in snapshots: everything about them is
 * written, a removal on sight too, a restart finds each deadline where it was, and a rollback
 * brings lives back as they were then. The text of an expectation is explained at durable_log().
 */
#include "api/api.h"
#include "engine/journal.h"
#include "support/durable.h"
#include "support/unit.h"

#include <string.h>

static int
setup(void **state)
{
    int failed = durable_setup(state);
    if (!failed)
        durable_open(*state, NULL);
    return failed;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, durable_teardown)

static void
expect_log(struct durable *d, const char *want)
{
    assert_string_equal(durable_log(d, 0), want);
}

static attl_set_opts
some_life(void)
{
    attl_set_opts o = ATTL_SET_OPTS_INIT;
    o.soft_ms = 1000;
    o.ttl_ms = 2000;
    o.grace_ms = 3000;
    return o;
}

static void
put_life(struct durable *d, const char *key, attl_slice value)
{
    attl_set_opts o = some_life();
    ASSERT_STATUS(attl_set_if(d->cache, attl_s(key), value, &o, NULL, NULL), ATTL_OK);
}

static attl_peek_info
peek(struct durable *d, const char *key, int want)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    ASSERT_STATUS(attl_peek(d->cache, attl_s(key), NULL, &info), want);
    return info;
}

static void
all_deadlines_are_logged(void **state)
{
    struct durable *d = *state;
    static char value[9000];
    attl_set_opts o = some_life();
    put_life(d, "a", attl_s("1"));
    put_life(d, "a", attl_s("2")); /* in place */
    put_life(d, "big", attl_b(value, sizeof value));
    ASSERT_STATUS(attl_expire(d->cache, attl_s("a"), 5000, 0), ATTL_OK);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("big"), 500, 0), ATTL_OK);
    ASSERT_STATUS(attl_persist(d->cache, attl_s("big")), ATTL_OK);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    attl_slice keys[] = { attl_s("x"), attl_s("y") }, values[] = { attl_s("1"), attl_s("2") };
    o.soft_ms = 0;
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, &o), ATTL_OK);
    expect_log(d, "PUT a=1 @5000 ~1000/2000; PUT a=2 @5000 ~1000/2000; "
                  "PUT big=<9000> @5000 ~1000/2000; EXPIRE a @8000 ~1000/5000; "
                  "EXPIRE big @3500 ~500/500; EXPIRE big - ~500/-; "
                  "GROUP(PUT b=2 @8000 ~1000/5000, DEL a); "
                  "GROUP(PUT x=1 @5000 ~-/2000, PUT y=2 @5000 ~-/2000)");
}

/* What its record's deadline does not tell must be in the log. */
static void
a_removal_on_sight_is_logged(void **state)
{
    struct durable *d = *state;
    put_life(d, "a", attl_s("1"));
    put_life(d, "b", attl_s("1"));
    put_life(d, "c", attl_s("1"));
    sim_advance(&d->sim, 2000);
    ASSERT_STATUS(attl_exists(d->cache, attl_s("a")), ATTL_MISS);
    ASSERT_STATUS(attl_del(d->cache, attl_s("b")), ATTL_MISS);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("c"), attl_s("z"), 0), ATTL_MISS);
    assert_int_equal(sim_stats(d->cache).expired, 2);
    expect_log(d, "PUT a=1 @5000 ~1000/2000; PUT b=1 @5000 ~1000/2000; PUT c=1 @5000 ~1000/2000; "
                  "DEL b; DEL c");
    durable_kill(d);
    durable_open(d, NULL);
    (void)peek(d, "a", ATTL_STALE);
    (void)peek(d, "b", ATTL_MISS);
    (void)peek(d, "c", ATTL_MISS);
}

static int
put_negative(struct entry *e, void *ud)
{
    const struct life life = { .soft_ms = ATTL_NO_DEADLINE,
                               .hard_ms = e->now_ms + 4000,
                               .flags = LIFE_NEGATIVE,
                               .load_ms = 9 };
    struct stored_value v;
    (void)ud;
    assert_true(e->sees_stale);
    int status = stored_value_init_life(e->cache, &life, attl_s(""), &v);
    return status == ATTL_OK ? entry_put(e, &v, life.hard_ms) : status;
}

static void
a_negative_entry_is_known_only_to_who_asks(void **state)
{
    struct durable *d = *state;
    attl_set_opts nx = ATTL_SET_OPTS_INIT;
    nx.flags = ATTL_SET_NX;
    nx.ttl_ms = ATTL_TTL_NONE;
    ASSERT_STATUS(engine_change_stale(d->cache, attl_s("n"), put_negative, NULL), ATTL_OK);
    ASSERT_STATUS(engine_change_stale(d->cache, attl_s("n"), put_negative, NULL), ATTL_OK);
    attl_peek_info info = peek(d, "n", ATTL_NEGATIVE);
    assert_int_equal(info.negative, 1);
    assert_int_equal(info.load_ms, 9);
    assert_int_equal(info.stale, 0);
    ASSERT_STATUS(attl_exists(d->cache, attl_s("n")), ATTL_MISS);
    ASSERT_STATUS(attl_get(d->cache, attl_s("n"), NULL, 0, NULL), ATTL_MISS);
    durable_kill(d);
    durable_open(d, NULL);
    info = peek(d, "n", ATTL_NEGATIVE);
    assert_int_equal(info.load_ms, 9);
    ASSERT_STATUS(attl_set_if(d->cache, attl_s("n"), attl_s("v"), &nx, NULL, NULL), ATTL_OK);
    (void)peek(d, "n", ATTL_OK);
    expect_log(d, "PUT n= @4000 ~-/4000!; PUT n= @4000 ~-/4000!; DEL n; PUT n=v");
}

/* From the log, and from a snapshot; what had passed has passed, and nothing lives longer. */
static void
lives_survive_a_restart(void **state)
{
    struct durable *d = *state;
    static char value[9000];
    for (int round = 0; round < 2; round++) {
        int64_t now_ms = sim_now(&d->sim);
        put_life(d, "a", attl_s("1"));
        put_life(d, "big", attl_b(value, sizeof value));
        ASSERT_STATUS(attl_expire(d->cache, attl_s("big"), 2500, 0), ATTL_OK);
        sim_advance(&d->sim, 1500);
        if (round == 1)
            ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
        durable_kill(d);
        durable_open(d, NULL);
        attl_peek_info info = peek(d, "a", ATTL_STALE);
        assert_int_equal(info.soft_ms, now_ms + 1000);
        assert_int_equal(info.hard_ms, now_ms + 2000);
        assert_int_equal(info.gone_ms, now_ms + 5000);
        info = peek(d, "big", ATTL_STALE);
        assert_int_equal(info.hard_ms, now_ms + 2500);
        assert_int_equal(info.gone_ms, now_ms + 5500);
        expect_ttl(d->cache, "a", 500);
        sim_advance(&d->sim, 1000);
        durable_kill(d);
        durable_open(d, NULL);
        ASSERT_STATUS(attl_exists(d->cache, attl_s("a")), ATTL_MISS);
        ASSERT_STATUS(attl_exists(d->cache, attl_s("big")), ATTL_MISS);
        attl_value v = ATTL_VALUE_INIT;
        ASSERT_STATUS(attl_peek(d->cache, attl_s("big"), &v, NULL), ATTL_STALE);
        assert_int_equal(v.data.len, sizeof value);
        attl_value_release(d->cache, &v);
        sim_advance(&d->sim, 3000);
        durable_kill(d);
        durable_open(d, NULL);
        (void)peek(d, "a", ATTL_MISS);
        (void)peek(d, "big", ATTL_MISS);
    }
}

static void
a_rollback_brings_lives_back(void **state)
{
    struct durable *d = *state;
    int64_t now_ms = sim_now(&d->sim);
    put_life(d, "same", attl_s("1"));
    put_life(d, "changed", attl_s("1"));
    put_life(d, "stale", attl_s("1"));
    ASSERT_STATUS(engine_change_stale(d->cache, attl_s("n"), put_negative, NULL), ATTL_OK);
    uint64_t lsn = durable_next_lsn(d);
    put_life(d, "same", attl_s("1"));
    ASSERT_STATUS(attl_expire(d->cache, attl_s("changed"), 9000, 0), ATTL_OK);
    sim_advance(&d->sim, 2500);
    drop(d->cache, "stale");
    drop(d->cache, "n");
    put_life(d, "newer", attl_s("1"));
    sim_advance(&d->sim, 1000);
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_lsn = lsn };
    attl_rollback_report report = { .struct_size = sizeof report };
    ASSERT_STATUS(attl_rollback(d->cache, &opts, &report, NULL, 0), ATTL_OK);
    assert_int_equal(report.restored, 2);
    assert_int_equal(report.changed, 1);
    assert_int_equal(report.removed, 1);
    static const char *const keys[] = { "same", "changed", "stale" };
    for (int i = 0; i < 3; i++) {
        attl_peek_info info = peek(d, keys[i], ATTL_STALE);
        assert_int_equal(info.soft_ms, now_ms + 1000);
        assert_int_equal(info.hard_ms, now_ms + 2000);
        assert_int_equal(info.gone_ms, now_ms + 5000);
    }
    (void)peek(d, "n", ATTL_NEGATIVE);
    (void)peek(d, "newer", ATTL_MISS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_deadlines_are_logged),
        TEST(a_removal_on_sight_is_logged),
        TEST(a_negative_entry_is_known_only_to_who_asks),
        TEST(lives_survive_a_restart),
        TEST(a_rollback_brings_lives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
