/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Those who wait for somebody else's load: all of them get the value, of any size; nobody waits
 * longer than he wanted; a lease that ends, is lost or is given back goes to the first of them; a
 * failure releases them; and none is forgotten when queues or caches are closed.
 */
#include "lease_support.h"

#include "support/unit.h"

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
a_write_releases_all_who_wait_at_once(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    submit(q, 60000, 1);
    submit(q, 60000, 2);
    put(f->cache, "other", "v", 1000);
    pass(f, 0);
    expect_nothing(q);
    put(f->cache, "key", "first", 100000);
    put(f->cache, "key", "theirs", 100000);
    pass(f, 0);
    assert_int_equal(reap(f->cache, q, ATTL_OK, "theirs").user_data, 1);
    assert_int_equal(reap(f->cache, q, ATTL_OK, "theirs").user_data, 2);
    ASSERT_STATUS(fill(f->cache, lease.token, "ours", 1000, 0, 0), ATTL_E_LEASE_LOST);
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(f->cache, &s);
    assert_int_equal(s.loading, 0);
    assert_int_equal(s.lost, 1);
    attl_queue_close(&q);
}

static void
a_delete_hands_the_lease_on(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    uint64_t token = fetch(f->cache, ATTL_WON, NULL).token;
    for (uint64_t i = 1; i <= 4; i++)
        submit(q, 60000, i);
    for (uint64_t i = 1; i <= 3; i++) {
        if (i == 1) {
            drop(f->cache, "key"); /* that is not there */
        } else if (i == 2) {
            put(f->cache, "key", "x", 1000);
            drop(f->cache, "key");
        } else {
            ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
        }
        pass(f, 0);
        attl_completion next = reap(f->cache, q, ATTL_WON, NULL);
        assert_int_equal(next.user_data, i);
        expect_nothing(q);
        ASSERT_STATUS(fill(f->cache, token, "late", 1000, 0, 0), ATTL_E_LEASE_LOST);
        token = next.number;
    }
    ASSERT_STATUS(fill(f->cache, token, "v", 1000, 0, 0), ATTL_OK);
    assert_int_equal(reap(f->cache, q, ATTL_OK, "v").user_data, 4);
    attl_queue_close(&q);
}

static void
a_write_ends_the_wait_for_a_source_that_is_left_alone(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    attl_lease lease = fetch(f->cache, ATTL_WON, NULL);
    ASSERT_STATUS(attl_fail(f->cache, KEY, lease.token, 0, 30000), ATTL_OK);
    submit(q, 60000, 1);
    drop(f->cache, "key"); /* does not say that the source has recovered */
    pass(f, 0);
    expect_nothing(q);
    put(f->cache, "key", "theirs", 100000);
    pass(f, 0);
    reap(f->cache, q, ATTL_OK, "theirs");
    put(f->cache, "key", "again", 100000); /* nobody waits any more */
    pass(f, 0);
    expect_nothing(q);
    attl_queue_close(&q);
}

static void
what_does_not_count_releases_nobody(void **state)
{
    struct fixture *f = *state;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    put(f->cache, "key", "old", 1000);
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.early_ms = 1000;
    attl_lease lease = fetch_as(f->cache, &o, ATTL_WON, "old");
    ASSERT_STATUS(attl_expire(f->cache, KEY, 2000, 0), ATTL_OK);
    pass(f, 2000);
    submit(q, 60000, 1);
    expect(f->cache, "key", NULL); /* expired */
    pass(f, 0);
    expect_nothing(q);
    ASSERT_STATUS(fill(f->cache, lease.token, "new", 1000, 0, 0), ATTL_OK);
    reap(f->cache, q, ATTL_OK, "new");
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(all_who_wait_get_the_value),
        UNIT_TEST(large_values_are_shared_by_those_who_wait),
        UNIT_TEST(waiting_ends_in_time),
        UNIT_TEST(who_waits_inherits_a_lease_that_ends),
        UNIT_TEST(who_waits_inherits_a_lease_that_is_given_back),
        UNIT_TEST(a_failure_releases_all_who_wait),
        UNIT_TEST(who_waits_gets_what_somebody_else_wrote),
        UNIT_TEST(a_write_releases_all_who_wait_at_once),
        UNIT_TEST(a_delete_hands_the_lease_on),
        UNIT_TEST(a_write_ends_the_wait_for_a_source_that_is_left_alone),
        UNIT_TEST(what_does_not_count_releases_nobody),
        UNIT_TEST(a_cancelled_waiter_is_neither_promoted_nor_told),
        UNIT_TEST(closing_the_queue_leaves_nobody_behind),
        UNIT_TEST(closing_the_cache_completes_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
