/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases as callers meet them, one thread, a simulated clock: who wins and when, what the others
 * get, which writes make a lease worthless and which do not, how it ends by itself, and what
 * happens after a failure.
 */
#include "lease_support.h"

#include "support/unit.h"

/* ---- winning and losing ---- */

static void
the_first_wins_and_the_others_do_not(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    assert_true(lease.token > 0);
    assert_int_equal(lease.end_ms, sim_now(&f->sim) + 5000);
    fetch(f->cache, ATTL_MISS, NULL);
    fetch(f->cache, ATTL_MISS, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 10000, 0, 0), ATTL_OK);
    attl_lease hit = fetch(f->cache, ATTL_OK, "v");
    assert_int_equal(hit.fresh_ms, sim_now(&f->sim) + 10000);
    expect(f->cache, "key", "v");
    expect_ttl(f->cache, "key", 10000);
}

static void
a_lease_can_be_used_once(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token + 1, "x", 1000, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(fill(f->cache, 0, "x", 1000, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 0), ATTL_OK);
    ASSERT_STATUS(fill(f->cache, lease.token, "x", 1000, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(attl_keep(f->cache, KEY, lease.token, NULL), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(attl_renew(f->cache, KEY, lease.token, 1000), ATTL_E_LEASE_LOST);
    expect(f->cache, "key", "v");
}

static void
tokens_grow(void **state)
{
    struct fixture *f = *state;
    uint64_t last = 0;
    for (int i = 0; i < 10; i++) {
        attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
        assert_true(lease.token > last);
        last = lease.token;
        ASSERT_STATUS(attl_renew(f->cache, KEY, lease.token, 0), ATTL_OK);
    }
    assert_true(last < UINT64_C(1) << 53); /* a double holds it exactly */
}

static void
an_older_value_is_served_while_somebody_loads(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "old", 2000, 1000, 3000), ATTL_OK);
    sim_advance(&f->sim, 999);
    fetch(f->cache, ATTL_OK, "old");
    sim_advance(&f->sim, 1);
    lease = fetch(f->cache, ATTL_WON, "old");
    fetch(f->cache, ATTL_STALE, "old");
    sim_advance(&f->sim, 2000); /* past its hard deadline, within its grace */
    expect(f->cache, "key", NULL);
    fetch(f->cache, ATTL_STALE, "old");
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.stale_ms = 1999;
    fetch_as(f->cache, &o, ATTL_MISS, NULL);
    o.stale_ms = 2000;
    fetch_as(f->cache, &o, ATTL_STALE, "old");
    o.flags = ATTL_FETCH_NO_STALE;
    fetch_as(f->cache, &o, ATTL_MISS, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "new", 2000, 1000, 3000), ATTL_OK);
    fetch(f->cache, ATTL_OK, "new");
    expect(f->cache, "key", "new");
}

static void
keeping_begins_the_life_anew(void **state)
{
    struct fixture *f = *state;
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 2000;
    o.soft_ms = 1000;
    o.grace_ms = 3000;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_keep(f->cache, KEY, lease.token, &o), ATTL_MISS);
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), &o), ATTL_OK);
    sim_advance(&f->sim, 2500);
    expect(f->cache, "key", NULL);
    lease = fetch(f->cache, ATTL_WON, "v");
    ASSERT_STATUS(attl_keep(f->cache, KEY, lease.token, &o), ATTL_OK);
    fetch(f->cache, ATTL_OK, "v");
    expect_ttl(f->cache, "key", 2000);
    sim_advance(&f->sim, 1000);
    fetch(f->cache, ATTL_WON, "v");
}

static void
a_negative_answer_is_kept_and_hidden_from_plain_reads(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 1000, 0), ATTL_OK);
    fetch(f->cache, ATTL_NEGATIVE, NULL);
    expect(f->cache, "key", NULL);
    sim_advance(&f->sim, 999);
    fetch(f->cache, ATTL_NEGATIVE, NULL);
    sim_advance(&f->sim, 1);
    lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 0), ATTL_OK);
    expect(f->cache, "key", "v");
}

static void
a_failing_source_is_left_alone_ever_longer(void **state)
{
    struct fixture *f = *state;
    int64_t backoff_ms = 100;
    for (int i = 0; i < 4; i++) {
        attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
        ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 100), ATTL_OK);
        attl_lease miss = fetch(f->cache, ATTL_MISS, NULL);
        assert_int_equal(miss.retry_ms, sim_now(&f->sim) + backoff_ms);
        sim_advance(&f->sim, backoff_ms - 1);
        fetch(f->cache, ATTL_MISS, NULL);
        sim_advance(&f->sim, 1);
        backoff_ms *= 2;
    }
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1, 0, 0), ATTL_OK); /* forgiven */
    sim_advance(&f->sim, 1);
    lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 100), ATTL_OK);
    assert_int_equal(fetch(f->cache, ATTL_MISS, NULL).retry_ms, sim_now(&f->sim) + 100);
}

static void
failures_are_forgotten_in_time(void **state)
{
    struct fixture *f = *state;
    attl_load_stats s = { .struct_size = sizeof s };
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 100), ATTL_OK);
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.loading, 1);
    pass(f, 200);
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.loading, 0);
}

static void
the_older_value_is_served_while_the_source_is_left_alone(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "old", 1000, 0, 10000), ATTL_OK);
    sim_advance(&f->sim, 1000);
    lease = fetch(f->cache, ATTL_WON, "old");
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 500), ATTL_OK);
    attl_lease stale = fetch(f->cache, ATTL_STALE, "old");
    assert_int_equal(stale.retry_ms, sim_now(&f->sim) + 500);
    sim_advance(&f->sim, 500);
    fetch(f->cache, ATTL_WON, "old");
}

/* ---- losing the lease ---- */

static void
what_others_write_makes_the_lease_worthless(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
        if (i == 0)
            put(f->cache, "key", "theirs", 10000);
        else if (i == 1)
            put(f->cache, "key", "theirs", 10000), drop(f->cache, "key");
        else if (i == 2)
            ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
        else
            put(f->cache, "key", "1", 1000), sim_advance(&f->sim, 1000);
        ASSERT_STATUS(fill(f->cache, lease.token, "ours", 10000, 0, 0), ATTL_E_LEASE_LOST);
        expect(f->cache, "key", i == 0 ? "theirs" : NULL);
        drop(f->cache, "key");
    }
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.lost, 4);
    assert_int_equal(s.loading, 0);
}

/* Who deletes a key has changed the source, and does not know who read it before. */
static void
deleting_what_is_not_there_yet_counts(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_del(f->cache, KEY), ATTL_MISS);
    ASSERT_STATUS(fill(f->cache, lease.token, "outdated", 1000, 0, 0), ATTL_E_LEASE_LOST);
    lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_del(f->cache, attl_s("another")), ATTL_MISS);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 1000), ATTL_OK);
    sim_advance(&f->sim, 1000);
    lease = fetch(f->cache, ATTL_WON, "v");
    ASSERT_STATUS(attl_del(f->cache, KEY), ATTL_MISS); /* out of sight, but it goes */
    ASSERT_STATUS(fill(f->cache, lease.token, "outdated", 1000, 0, 0), ATTL_E_LEASE_LOST);
    fetch(f->cache, ATTL_WON, NULL);
}

static void
a_lost_lease_is_won_by_the_next_who_asks(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "key", "old", 1000);
    sim_advance(&f->sim, 1000);
    attl_lease first = fetch(f->cache, ATTL_WON, NULL);
    put(f->cache, "key", "x", 1000);
    drop(f->cache, "key");
    attl_lease second = fetch(f->cache, ATTL_WON, NULL);
    assert_true(second.token > first.token);
    ASSERT_STATUS(fill(f->cache, first.token, "first", 1000, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(fill(f->cache, second.token, "second", 1000, 0, 0), ATTL_OK);
    expect(f->cache, "key", "second");
}

static void
the_end_of_the_older_value_does_not_matter(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "old", 1000, 500, 100), ATTL_OK);
    sim_advance(&f->sim, 600);
    lease = fetch(f->cache, ATTL_WON, "old");
    pass(f, 5000 - 1); /* gone for good, and reclaimed */
    assert_int_equal(attl_size(f->cache), 0);
    ASSERT_STATUS(fill(f->cache, lease.token, "new", 1000, 0, 0), ATTL_OK);
    expect(f->cache, "key", "new");
}

static void
a_lease_ends_by_itself(void **state)
{
    struct fixture *f = *state;
    for (int ticks = 0; ticks < 2; ticks++) {
        attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
        sim_advance(&f->sim, 4999);
        fetch(f->cache, ATTL_MISS, NULL);
        ASSERT_STATUS(attl_renew(f->cache, KEY, lease.token, 100), ATTL_OK);
        sim_advance(&f->sim, 99);
        fetch(f->cache, ATTL_MISS, NULL);
        sim_advance(&f->sim, 1);
        if (ticks)
            attl_tick(f->cache, 0, NULL);
        ASSERT_STATUS(fill(f->cache, lease.token, "late", 1000, 0, 0), ATTL_E_LEASE_LOST);
        lease = fetch(f->cache, ATTL_WON, NULL);
        ASSERT_STATUS(attl_renew(f->cache, KEY, lease.token, 0), ATTL_OK);
    }
}

/* ---- options ---- */

static void
options_out_of_range_are_refused(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = ATTL_LEASE_INIT;
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.flags = 0x80;
    ASSERT_STATUS(attl_fetch(f->cache, KEY, &o, NULL, &lease), ATTL_E_UNSUPPORTED);
    o.flags = 0;
    o.lease_ms = -1;
    ASSERT_STATUS(attl_fetch(f->cache, KEY, &o, NULL, &lease), ATTL_E_INVALID);
    o.lease_ms = INT64_MAX;
    ASSERT_STATUS(attl_fetch(f->cache, KEY, &o, NULL, &lease), ATTL_E_INVALID);
    o.struct_size = 4;
    ASSERT_STATUS(attl_fetch(f->cache, KEY, &o, NULL, &lease), ATTL_E_INVALID);
    static char long_key[40000];
    attl_slice key = attl_b(long_key, sizeof long_key);
    ASSERT_STATUS(attl_fetch(f->cache, key, NULL, NULL, &lease), ATTL_E_KEY_LONG);
    lease = fetch(f->cache, ATTL_WON, NULL);
    attl_fill_opts fo = ATTL_FILL_OPTS_INIT;
    fo.jitter_percent = 101;
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), &fo), ATTL_E_INVALID);
    fo.jitter_percent = 0;
    fo.ttl_ms = ATTL_TTL_KEEP;
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), &fo), ATTL_E_INVALID);
    fo.ttl_ms = 1000;
    fo.soft_ms = -1;
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), &fo), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, -2, 0), ATTL_E_INVALID);
    ASSERT_STATUS(attl_renew(f->cache, KEY, lease.token, -1), ATTL_E_INVALID);
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), NULL), ATTL_OK);
}

static void
jitter_shortens_both_lives_alike(void **state)
{
    struct fixture *f = *state;
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 100000;
    o.soft_ms = 50000;
    o.grace_ms = 1000;
    o.jitter_percent = 50;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_s("v"), &o), ATTL_OK);
    int64_t ttl_ms;
    ASSERT_STATUS(attl_ttl(f->cache, KEY, &ttl_ms), ATTL_OK);
    assert_in_range(ttl_ms, 50000, 99999);
    int64_t fresh_ms = fetch(f->cache, ATTL_OK, "v").fresh_ms - sim_now(&f->sim);
    assert_in_range(fresh_ms * 2, (uint64_t)ttl_ms - 2, (uint64_t)ttl_ms + 2);
}

static void
a_fresh_value_can_be_won_early(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 10000, 0, 0), ATTL_OK);
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.early_ms = 2000;
    sim_advance(&f->sim, 7999);
    fetch_as(f->cache, &o, ATTL_OK, "v");
    sim_advance(&f->sim, 1);
    lease = fetch_as(f->cache, &o, ATTL_WON, "v");
    fetch_as(f->cache, &o, ATTL_OK, "v"); /* the others have a fresh value still */
    ASSERT_STATUS(fill(f->cache, lease.token, "w", 10000, 0, 0), ATTL_OK);
    fetch_as(f->cache, &o, ATTL_OK, "w");
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.early, 1);
}

static void
slow_loads_are_renewed_earlier(void **state)
{
    struct fixture *f = *state;
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    sim_advance(&f->sim, 2000); /* so long it takes */
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 10000, 9000, 0), ATTL_OK);
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.early_beta = 100;
    sim_advance(&f->sim, 8900); /* a twentieth of a load before its end: nearly everybody */
    int won = 0;
    for (int i = 0; i < 20 && !won; i++) {
        attl_value v = ATTL_VALUE_INIT;
        won = attl_fetch(f->cache, KEY, &o, &v, &lease) == ATTL_WON;
        attl_value_release(f->cache, &v);
    }
    assert_true(won);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_first_wins_and_the_others_do_not),
        UNIT_TEST(a_lease_can_be_used_once),
        UNIT_TEST(tokens_grow),
        UNIT_TEST(an_older_value_is_served_while_somebody_loads),
        UNIT_TEST(keeping_begins_the_life_anew),
        UNIT_TEST(a_negative_answer_is_kept_and_hidden_from_plain_reads),
        UNIT_TEST(a_failing_source_is_left_alone_ever_longer),
        UNIT_TEST(failures_are_forgotten_in_time),
        UNIT_TEST(the_older_value_is_served_while_the_source_is_left_alone),
        UNIT_TEST(what_others_write_makes_the_lease_worthless),
        UNIT_TEST(deleting_what_is_not_there_yet_counts),
        UNIT_TEST(a_lost_lease_is_won_by_the_next_who_asks),
        UNIT_TEST(the_end_of_the_older_value_does_not_matter),
        UNIT_TEST(a_lease_ends_by_itself),
        UNIT_TEST(options_out_of_range_are_refused),
        UNIT_TEST(jitter_shortens_both_lives_alike),
        UNIT_TEST(a_fresh_value_can_be_won_early),
        UNIT_TEST(slow_loads_are_renewed_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
