/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases as callers meet them, one thread, a simulated clock: who wins and when, what the others
 * get, which writes make a lease worthless and which do not, how it ends by itself, and what
 * happens after a failure. Waiters are submissions to a queue; attl_tick() fires the timers.
 */
#include "support/unit.h"

enum { LARGE = 20000, PLACES = 64 };

#define KEY attl_s("key")

static attl_lease
fetch_as(attl *c, const attl_fetch_opts *opts, int want, const char *value)
{
    attl_lease lease = ATTL_LEASE_INIT;
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_fetch(c, KEY, opts, &v, &lease), want);
    assert_int_equal(lease.has_value, value != NULL);
    if (value) {
        assert_int_equal(v.data.len, strlen(value));
        assert_memory_equal(v.data.data, value, v.data.len);
    }
    attl_value_release(c, &v);
    return lease;
}

static attl_lease
fetch(attl *c, int want, const char *value)
{
    return fetch_as(c, NULL, want, value);
}

/* ttl, soft, grace in ms */
static int
fill(attl *c, uint64_t token, const char *value, int64_t ttl_ms, int64_t soft_ms, int64_t grace_ms)
{
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = ttl_ms;
    o.soft_ms = soft_ms;
    o.grace_ms = grace_ms;
    return attl_fill(c, KEY, token, attl_s(value), &o);
}

static uint64_t
submit(attl_queue *q, int64_t wait_ms, uint64_t user_data)
{
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.wait_ms = wait_ms;
    attl_submit_opts so = ATTL_SUBMIT_OPTS_INIT;
    so.user_data = user_data;
    uint64_t id = 0;
    ASSERT_STATUS(attl_submit_fetch(q, KEY, &o, &so, &id), ATTL_OK);
    return id;
}

static attl_completion
reap(attl *c, attl_queue *q, int want, const char *value)
{
    attl_completion done;
    assert_int_equal(attl_queue_reap(q, &done, 1), 1);
    ASSERT_STATUS(done.status, want);
    assert_int_equal(done.kind, ATTL_OP_FETCH);
    assert_int_equal(done.value.data.data != NULL, value != NULL);
    if (value) {
        assert_int_equal(done.value.data.len, strlen(value));
        assert_memory_equal(done.value.data.data, value, done.value.data.len);
    }
    attl_value_release(c, &done.value);
    return done;
}

static void
expect_nothing(attl_queue *q)
{
    attl_completion done;
    assert_int_equal(attl_queue_reap(q, &done, 1), 0);
}

static void
pass(struct fixture *f, int64_t ms)
{
    sim_advance(&f->sim, ms);
    attl_tick(f->cache, 0, NULL);
}

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

/* ---- waiting ---- */

static void
all_who_wait_get_the_value(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    for (uint64_t i = 0; i < PLACES; i++)
        submit(q, 1000 + (int64_t)(i % 7), i);
    expect_nothing(q);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 0), ATTL_OK);
    for (uint64_t i = 0; i < PLACES; i++)
        reap(f->cache, q, ATTL_OK, "v");
    expect_nothing(q);
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.won, 1);
    assert_int_equal(s.waited, PLACES);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.loading, 0);
    submit(q, 1000, 7); /* there is nothing to wait for */
    assert_int_equal(reap(f->cache, q, ATTL_OK, "v").user_data, 7);
    attl_queue_close(&q);
}

static void
large_values_are_shared_by_those_who_wait(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    static char large[LARGE];
    memset(large, 'x', sizeof large);
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    for (uint64_t i = 0; i < 10; i++)
        submit(q, 1000, i);
    ASSERT_STATUS(attl_fill(f->cache, KEY, lease.token, attl_b(large, sizeof large), NULL),
                  ATTL_OK);
    drop(f->cache, "key");
    attl_completion done[10];
    assert_int_equal(attl_queue_reap(q, done, 10), 10);
    for (int i = 0; i < 10; i++) {
        ASSERT_STATUS(done[i].status, ATTL_OK);
        assert_int_equal(done[i].value.data.len, sizeof large);
        assert_memory_equal(done[i].value.data.data, large, sizeof large);
        attl_value_release(f->cache, &done[i].value);
    }
    attl_stats s = { .struct_size = sizeof s };
    attl_stats_get(f->cache, &s);
    assert_int_equal(s.mem_pinned, 0);
    attl_queue_close(&q);
}

static void
waiting_ends_in_time(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 300, 3);
    submit(q, 100, 1);
    submit(q, 200, 2);
    for (uint64_t i = 1; i <= 3; i++) {
        pass(f, 99);
        expect_nothing(q);
        pass(f, 1);
        assert_int_equal(reap(f->cache, q, ATTL_MISS, NULL).user_data, i);
    }
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 0), ATTL_OK);
    expect_nothing(q);
    attl_queue_close(&q);
}

static void
who_waits_inherits_a_lease_that_ends(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease first = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    submit(q, 60001, 2);
    pass(f, 5000);
    attl_completion second = reap(f->cache, q, ATTL_WON, NULL);
    assert_int_equal(second.user_data, 1);
    assert_true(second.number > first.token);
    assert_int_equal(second.deadline_ms, sim_now(&f->sim) + 5000);
    expect_nothing(q);
    ASSERT_STATUS(fill(f->cache, first.token, "late", 1000, 0, 0), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(fill(f->cache, second.number, "v", 1000, 0, 0), ATTL_OK);
    assert_int_equal(reap(f->cache, q, ATTL_OK, "v").user_data, 2);
    attl_queue_close(&q);
}

static void
who_waits_inherits_a_lease_that_is_given_back(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease first = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    ASSERT_STATUS(attl_renew(f->cache, KEY, first.token, 0), ATTL_OK);
    reap(f->cache, q, ATTL_WON, NULL);
    attl_queue_close(&q);
}

static void
a_failure_releases_all_who_wait(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    submit(q, 60000, 2);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 1000), ATTL_OK);
    reap(f->cache, q, ATTL_MISS, NULL);
    reap(f->cache, q, ATTL_MISS, NULL);
    submit(q, 60000, 3); /* waits until the source may be asked again, and then is the one to ask */
    pass(f, 999);
    expect_nothing(q);
    pass(f, 1);
    lease.token = reap(f->cache, q, ATTL_WON, NULL).number;
    submit(q, 60000, 4);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 5000, 0), ATTL_OK);
    reap(f->cache, q, ATTL_NEGATIVE, NULL);
    attl_queue_close(&q);
}

static void
who_waits_gets_what_somebody_else_wrote(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    put(f->cache, "key", "theirs", 100000);
    ASSERT_STATUS(fill(f->cache, lease.token, "ours", 1000, 0, 0), ATTL_E_LEASE_LOST);
    reap(f->cache, q, ATTL_OK, "theirs");
    attl_queue_close(&q);
}

static void
a_cancelled_waiter_is_neither_promoted_nor_told(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    (void)fetch(f->cache, ATTL_WON, NULL);
    uint64_t id = submit(q, 60000, 1);
    submit(q, 60000, 2);
    ASSERT_STATUS(attl_queue_cancel(q, id), ATTL_OK);
    ASSERT_STATUS(attl_queue_cancel(q, id), ATTL_MISS);
    assert_int_equal(reap(f->cache, q, ATTL_E_CANCELED, NULL).user_data, 1);
    pass(f, 5000);
    assert_int_equal(reap(f->cache, q, ATTL_WON, NULL).user_data, 2);
    expect_nothing(q);
    attl_queue_close(&q);
}

static void
closing_the_queue_leaves_nobody_behind(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    for (uint64_t i = 0; i < 10; i++)
        submit(q, 60000, i);
    attl_queue_close(&q);
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.waiting, 0);
    ASSERT_STATUS(fill(f->cache, lease.token, "v", 1000, 0, 0), ATTL_OK);
}

static void
closing_the_cache_completes_those_who_wait(void **state)
{
    struct fixture *f = *state;
    static const struct sim_option none[] = { { NULL, NULL } };
    attl *cache = sim_open(&f->sim, none);
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(cache, PLACES, &q), ATTL_OK);
    (void)fetch(cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    attl_close(&cache);
    attl_completion done;
    assert_int_equal(attl_queue_reap(q, &done, 1), 1);
    ASSERT_STATUS(done.status, ATTL_E_CLOSED);
    attl_queue_close(&q);
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
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, -1, 0), ATTL_E_INVALID);
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
        UNIT_TEST(a_lost_lease_is_won_by_the_next_who_asks),
        UNIT_TEST(the_end_of_the_older_value_does_not_matter),
        UNIT_TEST(a_lease_ends_by_itself),
        UNIT_TEST(all_who_wait_get_the_value),
        UNIT_TEST(large_values_are_shared_by_those_who_wait),
        UNIT_TEST(waiting_ends_in_time),
        UNIT_TEST(who_waits_inherits_a_lease_that_ends),
        UNIT_TEST(who_waits_inherits_a_lease_that_is_given_back),
        UNIT_TEST(a_failure_releases_all_who_wait),
        UNIT_TEST(who_waits_gets_what_somebody_else_wrote),
        UNIT_TEST(a_cancelled_waiter_is_neither_promoted_nor_told),
        UNIT_TEST(closing_the_queue_leaves_nobody_behind),
        UNIT_TEST(closing_the_cache_completes_those_who_wait),
        UNIT_TEST(options_out_of_range_are_refused),
        UNIT_TEST(jitter_shortens_both_lives_alike),
        UNIT_TEST(a_fresh_value_can_be_won_early),
        UNIT_TEST(slow_loads_are_renewed_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
