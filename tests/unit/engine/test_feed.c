/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on queues: what a watch hears, in which order, and what happens where there is no room.
 * Nothing is ever dropped silently: events and reported losses together are exactly the changes.
 * Several threads at once are the business of test_feed_threads.c.
 */
#include "engine/feed.h"

#include "engine/completion.h"
#include "engine_support.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OUT_MAX = 64 };

static const char *const options[] = {
    "cache.max_memory",
    "0",
    "cache.max_entries",
    "0",
    "cache.default_ttl",
    "0",
    "cache.background",
    "false",
    "validation.mode",
    "binary",
    NULL,
};

struct rig {
    struct bench *bench;
    attl_queue *queue;
    attl_completion out[OUT_MAX];
    size_t n;
};

static void
rig_open(struct rig *r, uint32_t capacity)
{
    *r = (struct rig){ .bench = bench_open(options, false) };
    assert_int_equal(completion_queue_open(&r->bench->engine, capacity, &r->queue), ATTL_OK);
}

static void
rig_close(struct rig *r)
{
    completion_queue_close(r->queue);
    assert_int_equal(r->bench->engine.feeds.count, 0);
    assert_int_equal(atomic_load(&r->bench->engine.notices.sinks[NOTICE_SINK_QUEUES].mask), 0);
    bench_close(r->bench);
}

static uint64_t
watch(struct rig *r, const char *prefix, uint32_t kinds, uint64_t user_data)
{
    uint64_t id;
    assert_int_equal(feed_watch(r->queue, attl_s(prefix), kinds, user_data, &id), ATTL_OK);
    return id;
}

static void
set(struct rig *r, const char *key)
{
    assert_int_equal(bench_set(r->bench, attl_s(key), attl_s("v"), ATTL_NO_DEADLINE), ATTL_OK);
}

static int
remove_change(struct entry *e, void *ud)
{
    (void)ud;
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, COUNT_DELETES);
    return ATTL_OK;
}

static int
del(struct rig *r, const char *key)
{
    return engine_change(&r->bench->engine, attl_s(key), remove_change, NULL);
}

static void
reap(struct rig *r)
{
    r->n = completion_reap(r->queue, r->out, OUT_MAX);
}

static void
expect_event(const struct rig *r, size_t i, uint32_t kind, const char *key)
{
    assert_true(i < r->n);
    assert_int_equal(r->out[i].kind, kind);
    assert_int_equal(r->out[i].status, ATTL_OK);
    assert_int_equal(r->out[i].key.len, strlen(key));
    assert_memory_equal(r->out[i].key.data ? r->out[i].key.data : "", key, strlen(key));
}

static void
expect_lost(const struct rig *r, size_t i, uint64_t count, uint64_t user_data)
{
    expect_event(r, i, ATTL_EV_LOST, "");
    assert_int_equal(r->out[i].number, count);
    assert_int_equal(r->out[i].user_data, user_data);
}

static bool
is_readable(const struct rig *r)
{
    struct pollfd p = { .fd = r->queue->wakeup.fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

static void
a_watch_hears_its_prefix_and_its_kinds(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 16);
    set(&r, "user:0"); /* nobody watches yet */
    uint64_t id = watch(&r, "user:", ATTL_EV_SET | ATTL_EV_DELETED | ATTL_EV_CLEARED, 42);
    cache_actor_set(&r.bench->engine.cache, reclaim_self(), 5);
    assert_false(is_readable(&r));
    assert_int_equal(bench_set(r.bench, attl_s("user:1"), attl_s("v"), START_MS + 10), ATTL_OK);
    assert_true(is_readable(&r));
    set(&r, "other");
    set(&r, "user");
    set(&r, "user:");
    assert_int_equal(del(&r, "user:1"), ATTL_OK);
    assert_int_equal(del(&r, "user:1"), ATTL_MISS);
    cache_clear(&r.bench->engine.cache, notice_clear, &r.bench->engine);
    reap(&r);
    assert_int_equal(r.n, 4);
    expect_event(&r, 0, ATTL_EV_SET, "user:1");
    assert_int_equal(r.out[0].id, id);
    assert_int_equal(r.out[0].user_data, 42);
    assert_int_equal(r.out[0].deadline_ms, START_MS + 10);
    assert_int_equal(r.out[0].number, 5);
    assert_int_equal(r.out[0].flags, ATTL_CAUSE_NONE);
    expect_event(&r, 1, ATTL_EV_SET, "user:");
    expect_event(&r, 2, ATTL_EV_DELETED, "user:1");
    assert_int_equal(r.out[2].flags, ATTL_CAUSE_DELETED);
    expect_event(&r, 3, ATTL_EV_CLEARED, "");
    reap(&r);
    assert_int_equal(r.n, 0);
    assert_false(is_readable(&r));
    cache_actor_set(&r.bench->engine.cache, reclaim_self(), 0);
    rig_close(&r);
}

static void
what_the_cache_does_by_itself_is_heard(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 64);
    assert_int_equal(bench_set(r.bench, attl_s("a"), attl_s("v"), START_MS + 500), ATTL_OK);
    bench_fill(r.bench, 20, ATTL_NO_DEADLINE);
    (void)watch(&r, "", ATTL_EV_EXPIRED | ATTL_EV_EVICTED, 1);
    atomic_fetch_add(&r.bench->now_ms, 5000);
    (void)engine_maintain(&r.bench->engine, 0); /* nothing more will be due */
    atomic_store(&r.bench->engine.cache.max_items, 18);
    drain_to_limits(&r.bench->engine.cache, atomic_load(&r.bench->now_ms));
    reap(&r);
    assert_in_range(r.n, 3, 4);
    expect_event(&r, 0, ATTL_EV_EXPIRED, "a");
    assert_int_equal(r.out[0].flags, ATTL_CAUSE_EXPIRED);
    assert_int_equal(r.out[0].deadline_ms, START_MS + 500);
    for (size_t i = 1; i < r.n; i++) {
        assert_int_equal(r.out[i].kind, ATTL_EV_EVICTED);
        assert_int_equal(r.out[i].flags, ATTL_CAUSE_ENTRIES);
    }
    rig_close(&r);
}

static void
losses_are_reported_once_where_they_happened(void **state)
{
    struct rig r;
    char key[16];
    (void)state;
    rig_open(&r, 4);
    (void)watch(&r, "", ATTL_EV_SET, 7);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 10; i++) {
            (void)snprintf(key, sizeof key, "k%d", i);
            set(&r, key);
        }
        reap(&r);
        assert_int_equal(r.n, 5);
        for (size_t i = 0; i < 4; i++) {
            (void)snprintf(key, sizeof key, "k%u", (unsigned)i);
            expect_event(&r, i, ATTL_EV_SET, key);
        }
        expect_lost(&r, 4, 6, 7);
        set(&r, "after");
        reap(&r);
        assert_int_equal(r.n, 1);
        expect_event(&r, 0, ATTL_EV_SET, "after");
    }
    rig_close(&r);
}

/* A reaper that takes one at a time makes room for one at a time. */
static void
nothing_overtakes_a_report(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 2);
    (void)watch(&r, "", ATTL_EV_SET, 7);
    set(&r, "a");
    set(&r, "b");
    set(&r, "c");
    set(&r, "d");
    r.n = completion_reap(r.queue, r.out, 1);
    expect_event(&r, 0, ATTL_EV_SET, "a");
    set(&r, "e"); /* the report has taken the place */
    r.n = completion_reap(r.queue, r.out, 1);
    expect_event(&r, 0, ATTL_EV_SET, "b");
    r.n = completion_reap(r.queue, r.out, 1);
    expect_lost(&r, 0, 2, 7);
    set(&r, "f");
    r.n = completion_reap(r.queue, r.out, 1);
    expect_lost(&r, 0, 1, 7);
    r.n = completion_reap(r.queue, r.out, 1);
    expect_event(&r, 0, ATTL_EV_SET, "f");
    r.n = completion_reap(r.queue, r.out, 1);
    assert_int_equal(r.n, 0);
    rig_close(&r);
}

static void
each_watch_has_its_own_losses(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 4);
    (void)watch(&r, "a", ATTL_EV_SET, 1);
    (void)watch(&r, "", ATTL_EV_SET, 2);
    set(&r, "ab"); /* for both */
    set(&r, "b");
    set(&r, "ab"); /* one finds the last place, the other none */
    set(&r, "b");
    reap(&r);
    uint64_t events[3] = { 0 }, lost[3] = { 0 };
    for (size_t i = 0; i < r.n; i++) {
        uint64_t who = r.out[i].user_data;
        r.out[i].kind == ATTL_EV_LOST ? (lost[who] += r.out[i].number) : events[who]++;
    }
    assert_int_equal(events[1] + lost[1], 2);
    assert_int_equal(events[2] + lost[2], 4);
    assert_int_equal(events[1] + events[2], 4);
    rig_close(&r);
}

static void
long_keys_share_the_bytes(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 64);
    (void)watch(&r, "", ATTL_EV_SET, 1);
    char *key = malloc(LIMIT_KEY_BYTES);
    assert_non_null(key);
    uint64_t events = 0, lost = 0, sets = 0, longest = 0;
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i <= round % 7; i++) {
            size_t len = (round * 7919 + i * 104729) % (LIMIT_KEY_BYTES + 1);
            len = round % 11 ? len : LIMIT_KEY_BYTES;
            memset(key, (int)(len % 251), len);
            assert_int_equal(bench_set(r.bench, attl_b(key, len), attl_s("v"), ATTL_NO_DEADLINE),
                             ATTL_OK);
            sets++;
        }
        reap(&r);
        for (size_t i = 0; i < r.n; i++) {
            r.out[i].kind == ATTL_EV_LOST ? (lost += r.out[i].number) : events++;
            const unsigned char *bytes = r.out[i].key.data;
            for (size_t at = 0; at < r.out[i].key.len; at++)
                assert_int_equal(bytes[at], r.out[i].key.len % 251);
            longest = r.out[i].key.len > longest ? r.out[i].key.len : longest;
        }
    }
    free(key);
    reap(&r);
    for (size_t i = 0; i < r.n; i++)
        lost += r.out[i].kind == ATTL_EV_LOST ? r.out[i].number : 0;
    assert_int_equal(events + lost, sets);
    assert_int_equal(longest, LIMIT_KEY_BYTES);
    assert_true(lost > 0);
    rig_close(&r);
}

static void
unwatching_ends_it_and_keeps_what_was_told(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 2);
    uint64_t first = watch(&r, "", ATTL_EV_SET, 1);
    uint64_t second = watch(&r, "x", ATTL_EV_SET, 2);
    set(&r, "a");
    set(&r, "b");
    set(&r, "c");
    assert_int_equal(feed_unwatch(r.queue, first), ATTL_OK);
    assert_int_equal(feed_unwatch(r.queue, first), ATTL_MISS);
    assert_int_equal(feed_unwatch(r.queue, 0), ATTL_MISS);
    set(&r, "d");
    reap(&r);
    assert_int_equal(r.n, 3);
    expect_event(&r, 1, ATTL_EV_SET, "b");
    expect_lost(&r, 2, 1, 1);
    set(&r, "x"); /* the other one goes on */
    set(&r, "e");
    reap(&r);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.out[0].user_data, 2);
    assert_int_equal(feed_unwatch(r.queue, second), ATTL_OK);
    rig_close(&r);
}

static void
a_queue_that_is_shut_down_hears_nothing_new(void **state)
{
    struct rig r;
    uint64_t id;
    (void)state;
    rig_open(&r, 4);
    (void)watch(&r, "", ATTL_EV_SET, 1);
    set(&r, "a");
    completion_queue_shutdown(r.queue);
    set(&r, "b");
    assert_int_equal(feed_watch(r.queue, attl_s(""), ATTL_EV_SET, 1, &id), ATTL_E_CLOSED);
    assert_int_equal(completion_wait(r.queue, 1000), ATTL_OK);
    reap(&r);
    assert_int_equal(r.n, 1);
    expect_event(&r, 0, ATTL_EV_SET, "a");
    assert_int_equal(completion_wait(r.queue, 1000), ATTL_E_CLOSED);
    rig_close(&r);
}

static void
a_queue_outlives_its_cache_with_its_events(void **state)
{
    struct rig r;
    uint64_t id;
    (void)state;
    rig_open(&r, 4);
    (void)watch(&r, "", ATTL_EV_SET, 1);
    set(&r, "a");
    bench_close(r.bench);
    reap(&r);
    assert_int_equal(r.n, 1);
    expect_event(&r, 0, ATTL_EV_SET, "a");
    assert_int_equal(feed_watch(r.queue, attl_s(""), ATTL_EV_SET, 1, &id), ATTL_E_CLOSED);
    assert_int_equal(feed_unwatch(r.queue, 1), ATTL_E_CLOSED);
    completion_queue_close(r.queue);
}

static void
there_is_a_bound_on_watches(void **state)
{
    struct rig r;
    uint64_t id;
    (void)state;
    rig_open(&r, 4);
    for (int i = 0; i < LIMIT_WATCHES; i++)
        (void)watch(&r, "p", ATTL_EV_SET, 1);
    assert_int_equal(feed_watch(r.queue, attl_s(""), ATTL_EV_SET, 1, &id), ATTL_E_BUSY);
    rig_close(&r);
}

static void
events_leave_completions_their_places(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, 4);
    (void)watch(&r, "", ATTL_EV_SET, 1);
    for (int i = 0; i < 9; i++)
        set(&r, "a");
    for (int i = 0; i < 4; i++) {
        attl_completion c = { .kind = ATTL_OP_SYNC, .value = ATTL_VALUE_INIT };
        assert_int_equal(completion_reserve(r.queue), ATTL_OK);
        completion_post(r.queue, &c);
    }
    unsigned kinds[2] = { 0 };
    for (int i = 0; i < 4; i++) { /* neither waits for the other */
        r.n = completion_reap(r.queue, r.out, 1);
        assert_int_equal(r.n, 1);
        kinds[r.out[0].kind == ATTL_OP_SYNC]++;
    }
    assert_int_equal(kinds[0], 2);
    assert_int_equal(kinds[1], 2);
    reap(&r);
    assert_int_equal(r.n, 5); /* two completions, two events, and the report */
    rig_close(&r);
}

/* ---- without memory -------------------------------------------------------------------------- */

struct refusing {
    _Atomic int64_t until;
};

static void *
refusing_alloc(void *ud, size_t bytes)
{
    struct refusing *r = ud;
    if (atomic_load(&r->until) == 0)
        return NULL;
    if (atomic_load(&r->until) > 0)
        atomic_fetch_sub(&r->until, 1);
    return malloc(bytes);
}

static void
refusing_free(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

static void
any_failing_allocation_leaves_it_unwatched(void **state)
{
    struct refusing refusing = { .until = -1 };
    attl_allocator alloc = { refusing_alloc, refusing_free, &refusing };
    (void)state;
    attl_config *config = bench_config(options);
    attl_config_set_allocator(config, &alloc);
    struct attl *a;
    assert_int_equal(posix_memalign((void **)&a, 128, sizeof(*a)), 0);
    assert_int_equal(engine_open(a, config, NULL, 0), ATTL_OK);
    attl_config_free(config);
    attl_queue *q;
    uint64_t id;
    assert_int_equal(completion_queue_open(a, 8, &q), ATTL_OK);
    int status = ATTL_E_NOMEM;
    int64_t n = 0;
    for (; status != ATTL_OK && n < 20; n++) {
        atomic_store(&refusing.until, n);
        status = feed_watch(q, attl_s("prefix"), ATTL_EV_SET, 1, &id);
        assert_true(status == ATTL_OK || status == ATTL_E_NOMEM);
        assert_int_equal(a->feeds.count, status == ATTL_OK);
    }
    assert_int_equal(n, 5); /* the watch, the feed, its events and its bytes; then none fails */
    atomic_store(&refusing.until, -1);
    completion_queue_close(q);
    engine_close(a);
    free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_hears_its_prefix_and_its_kinds),
        cmocka_unit_test(what_the_cache_does_by_itself_is_heard),
        cmocka_unit_test(losses_are_reported_once_where_they_happened),
        cmocka_unit_test(nothing_overtakes_a_report),
        cmocka_unit_test(each_watch_has_its_own_losses),
        cmocka_unit_test(long_keys_share_the_bytes),
        cmocka_unit_test(unwatching_ends_it_and_keeps_what_was_told),
        cmocka_unit_test(a_queue_that_is_shut_down_hears_nothing_new),
        cmocka_unit_test(a_queue_outlives_its_cache_with_its_events),
        cmocka_unit_test(there_is_a_bound_on_watches),
        cmocka_unit_test(events_leave_completions_their_places),
        cmocka_unit_test(any_failing_allocation_leaves_it_unwatched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
