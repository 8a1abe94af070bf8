/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue by itself: places are counted, completions come in the order in which they were posted,
 * the descriptor is readable exactly as promised, and nothing is lost or leaked when a queue is
 * closed with reserved places and unread completions in it. Many threads post while one reaps and
 * sleeps on the descriptor: a lost wake-up would hang it, and the patience of poll would tell.
 */
#include "engine/completion.h"

#include "base/alloc.h"
#include "engine/value.h"
#include "engine_support.h"
#include "support/check.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BATCH = 16, POSTERS = 4, PATIENCE_MS = 20000, HEAP_VALUE_BYTES = 1000 };

static const char *const quiet[] = { "cache.background", "no", NULL };

struct scene {
    struct bench *bench;
    attl_queue *q;
};

static int
setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    if (!s)
        return -1;
    s->bench = bench_open(quiet, false);
    assert_int_equal(completion_queue_open(&s->bench->engine, 5, &s->q), ATTL_OK);
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *s = *state;
    if (s->q)
        completion_queue_close(s->q);
    bench_close(s->bench);
    free(s);
    return 0;
}

static void
post(attl_queue *q, uint64_t number)
{
    attl_completion c = { .number = number, .value = ATTL_VALUE_INIT };
    completion_post(q, &c);
}

static void
reserve_and_post(attl_queue *q, uint64_t number)
{
    assert_int_equal(completion_reserve(q), ATTL_OK);
    post(q, number);
}

static bool
is_readable(const attl_queue *q)
{
    struct pollfd p = { .fd = q->wakeup.fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

static void
places_are_counted(void **state)
{
    struct scene *s = *state;
    attl_completion out[BATCH];
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(completion_reserve(s->q), ATTL_OK);
    assert_int_equal(completion_reserve(s->q), ATTL_E_BUSY);
    completion_unreserve(s->q);
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    for (unsigned i = 0; i < 5; i++)
        post(s->q, i);
    assert_int_equal(completion_reserve(s->q), ATTL_E_BUSY); /* not reaped yet */
    assert_int_equal(completion_reap(s->q, out, 2), 2);
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    assert_int_equal(completion_reserve(s->q), ATTL_E_BUSY);
    post(s->q, 5);
    post(s->q, 6);
    assert_int_equal(completion_reap(s->q, out, 0), 0);
    assert_int_equal(completion_reap(s->q, out, BATCH), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(out[i].number, i + 2);
}

static void
the_descriptor_is_readable_until_nothing_is_left(void **state)
{
    struct scene *s = *state;
    attl_completion out[BATCH];
    assert_false(is_readable(s->q));
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_TIMEOUT);
    for (unsigned round = 0; round < 3; round++) {
        reserve_and_post(s->q, 1);
        reserve_and_post(s->q, 2);
        assert_true(is_readable(s->q));
        assert_int_equal(completion_wait(s->q, 0), ATTL_OK);
        assert_int_equal(completion_reap(s->q, out, 1), 1);
        assert_true(is_readable(s->q));
        assert_int_equal(completion_reap(s->q, out, BATCH), 1);
        reserve_and_post(s->q, 3); /* nobody saw it empty: still raised */
        assert_true(is_readable(s->q));
        assert_int_equal(completion_reap(s->q, out, BATCH), 1);
        assert_int_equal(completion_reap(s->q, out, BATCH), 0);
        assert_false(is_readable(s->q));
        assert_int_equal(completion_reap(s->q, out, BATCH), 0);
    }
    assert_int_equal(completion_wait(s->q, 3), ATTL_E_TIMEOUT);
}

static void
values_move_with_their_completion(void **state)
{
    struct scene *s = *state;
    attl_allocator alloc = alloc_default();
    attl_completion out[BATCH];
    char large[HEAP_VALUE_BYTES];
    memset(large, 'x', sizeof(large));
    for (unsigned round = 0; round < 2; round++) {
        attl_completion c = { .number = 1 };
        assert_true(value_copy(&alloc, attl_s("small"), &c.value));
        assert_int_equal(completion_reserve(s->q), ATTL_OK);
        completion_post(s->q, &c);
        memset(&c, 0, sizeof(c));
        assert_true(value_copy(&alloc, attl_b(large, sizeof(large)), &c.value));
        assert_int_equal(completion_reserve(s->q), ATTL_OK);
        completion_post(s->q, &c);
        if (round == 1)
            return; /* closing the queue releases them */
        assert_int_equal(completion_reap(s->q, out, BATCH), 2);
        assert_ptr_equal(out[0].value.data.data, out[0].value.pad);
        assert_int_equal(out[0].value.data.len, 5);
        assert_memory_equal(out[0].value.data.data, "small", 5);
        assert_int_equal(out[1].value.data.len, sizeof(large));
        assert_memory_equal(out[1].value.data.data, large, sizeof(large));
        assert_int_equal(out[0].struct_size, sizeof(out[0]));
        value_release(NULL, &out[0].value);
        value_release(NULL, &out[1].value);
        value_release(NULL, &out[1].value); /* idempotent */
    }
}

static void
post_key(attl_queue *q, const char *key)
{
    size_t len = strlen(key);
    struct completion_keep *keep = alloc_zero(&q->alloc, sizeof(*keep) + len);
    assert_non_null(keep);
    memcpy(keep->bytes, key, len);
    attl_completion c = { .key = attl_b(keep->bytes, len), .value = ATTL_VALUE_INIT };
    assert_int_equal(completion_reserve(q), ATTL_OK);
    completion_post_keeping(q, &c, keep);
}

static void
keys_stay_until_the_next_reap(void **state)
{
    struct scene *s = *state;
    attl_completion out[BATCH];
    post_key(s->q, "first");
    post_key(s->q, "second");
    assert_int_equal(completion_reap(s->q, out, BATCH), 2);
    assert_memory_equal(out[0].key.data, "first", 5);
    assert_memory_equal(out[1].key.data, "second", 6);
    assert_int_equal(completion_reap(s->q, out, BATCH), 0);
    post_key(s->q, "third"); /* freed with the queue, as the next */
    assert_int_equal(completion_reap(s->q, out, BATCH), 1);
    post_key(s->q, "fourth");
}

static void
a_shutdown_accepts_nothing_and_waits_for_what_is_owed(void **state)
{
    struct scene *s = *state;
    attl_completion out[BATCH];
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    completion_queue_shutdown(s->q);
    assert_true(is_readable(s->q)); /* whoever sleeps looks */
    assert_int_equal(completion_reserve(s->q), ATTL_E_CLOSED);
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_TIMEOUT);
    post(s->q, 1);
    assert_int_equal(completion_wait(s->q, -1), ATTL_OK);
    assert_int_equal(completion_reap(s->q, out, BATCH), 1);
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_TIMEOUT);
    completion_unreserve(s->q);
    assert_true(is_readable(s->q));
    assert_int_equal(completion_wait(s->q, -1), ATTL_E_CLOSED);
    completion_queue_shutdown(s->q); /* again */
    assert_int_equal(completion_wait(s->q, -1), ATTL_E_CLOSED);
}

static void
a_place_outlives_the_queue_that_was_closed(void **state)
{
    struct scene *s = *state;
    attl_allocator alloc = alloc_default();
    attl_queue *q = s->q;
    attl_completion c = { .number = 1 };
    assert_int_equal(completion_reserve(q), ATTL_OK);
    assert_int_equal(completion_reserve(q), ATTL_OK);
    completion_queue_close(q);
    s->q = NULL;
    assert_true(
        value_copy(&alloc, attl_s("released with the queue, and longer than that"), &c.value));
    completion_post(q, &c);
    completion_unreserve(q); /* frees it: the sanitizer looks */
}

static void
a_queue_outlives_its_cache(void **state)
{
    struct scene *s = *state;
    attl_completion out[BATCH];
    char large[HEAP_VALUE_BYTES] = { 0 };
    attl_completion c = { .number = 2 };
    reserve_and_post(s->q, 1);
    assert_true(value_copy(&s->q->alloc, attl_b(large, sizeof(large)), &c.value));
    assert_int_equal(completion_reserve(s->q), ATTL_OK);
    completion_post(s->q, &c);
    bench_close(s->bench);
    assert_int_equal(completion_reserve(s->q), ATTL_E_CLOSED);
    assert_int_equal(completion_wait(s->q, -1), ATTL_OK);
    assert_int_equal(completion_reap(s->q, out, 1), 1);
    assert_int_equal(completion_reap(s->q, out + 1, 1), 1);
    assert_int_equal(out[1].value.data.len, sizeof(large));
    value_release(NULL, &out[1].value);
    assert_int_equal(completion_wait(s->q, -1), ATTL_E_CLOSED);
    completion_queue_close(s->q);
    s->bench = bench_open(quiet, false);
    s->q = NULL;
}

static void
sizes_out_of_range_are_refused(void **state)
{
    struct scene *s = *state;
    attl_queue *q;
    assert_int_equal(completion_queue_open(&s->bench->engine, 0, &q), ATTL_E_INVALID);
    assert_int_equal(completion_queue_open(&s->bench->engine, LIMIT_QUEUE_PLACES + 1, &q),
                     ATTL_E_INVALID);
    for (uint32_t n = 1; n < 20; n++) {
        attl_completion out[BATCH * 2];
        assert_int_equal(completion_queue_open(&s->bench->engine, n, &q), ATTL_OK);
        for (uint32_t i = 0; i < n; i++)
            reserve_and_post(q, i);
        assert_int_equal(completion_reserve(q), ATTL_E_BUSY);
        assert_int_equal(completion_reap(q, out, BATCH * 2), n);
        completion_queue_close(q);
    }
}

/* ---- many threads ---------------------------------------------------------------------------- */

struct poster {
    pthread_t thread;
    attl_queue *q;
    uint64_t first, count;
};

static void
get_place(attl_queue *q)
{
    int status;
    while ((status = completion_reserve(q)) == ATTL_E_BUSY)
        sched_yield();
    CHECK(status == ATTL_OK, "%d", status);
}

static void *
post_many(void *arg)
{
    struct poster *p = arg;
    for (uint64_t i = 0; i < p->count; i++) {
        get_place(p->q);
        if (i % 7 == 0) { /* now and then one is given back */
            completion_unreserve(p->q);
            get_place(p->q);
        }
        post(p->q, p->first + i);
    }
    return NULL;
}

/* One that sleeps on the descriptor whenever a reap was empty, as an event loop does. */
static void
reap_like_a_loop(attl_queue *q, struct poster posters[POSTERS], uint64_t total)
{
    attl_completion out[BATCH];
    uint64_t next[POSTERS] = { 0 };
    for (uint64_t seen = 0; seen < total;) {
        size_t n = completion_reap(q, out, BATCH);
        struct pollfd p = { .fd = q->wakeup.fd, .events = POLLIN };
        if (n == 0)
            CHECK(poll(&p, 1, PATIENCE_MS) == 1, "a wake-up was lost after %" PRIu64, seen);
        for (size_t i = 0; i < n; i++) {
            uint64_t who = out[i].number >> 32;
            CHECK(who < POSTERS, "%" PRIu64, who);
            CHECK(out[i].number == posters[who].first + next[who], "out of order");
            next[who]++;
        }
        seen += n;
    }
}

static void
nothing_is_lost_between_many_posters_and_a_sleeper(void **state)
{
    struct scene *s = *state;
    struct poster posters[POSTERS];
    uint64_t count = test_scaled(20000);
    static const uint32_t capacities[] = { 1, 7, 4096 };
    for (unsigned round = 0; round < 3; round++) {
        attl_queue *q;
        assert_int_equal(completion_queue_open(&s->bench->engine, capacities[round], &q), ATTL_OK);
        for (unsigned i = 0; i < POSTERS; i++) {
            posters[i] = (struct poster){ .q = q, .first = (uint64_t)i << 32, .count = count };
            assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
        }
        reap_like_a_loop(q, posters, POSTERS * count);
        for (unsigned i = 0; i < POSTERS; i++)
            assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
        assert_int_equal(completion_wait(q, 0), ATTL_E_TIMEOUT);
        completion_queue_close(q);
    }
}

/* ---- no memory ------------------------------------------------------------------------------- */

struct failing {
    unsigned calls, fail_at;
    int live;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    if (++f->calls == f->fail_at)
        return NULL;
    f->live++;
    return malloc(bytes);
}

static void
failing_free(void *ud, void *ptr)
{
    struct failing *f = ud;
    f->live -= ptr != NULL;
    free(ptr);
}

static void
without_memory_there_is_no_queue_and_no_leak(void **state)
{
    struct scene *s = *state;
    struct attl *a = &s->bench->engine;
    attl_allocator before = a->cache.config.alloc;
    struct failing f = { 0 };
    int status = ATTL_E_NOMEM;
    a->cache.config.alloc = (attl_allocator){ failing_alloc, failing_free, &f };
    for (unsigned n = 1; status != ATTL_OK; n++) {
        attl_queue *q = NULL;
        f = (struct failing){ .fail_at = n };
        status = completion_queue_open(a, 8, &q);
        assert_true(status == ATTL_OK || (status == ATTL_E_NOMEM && f.calls >= f.fail_at));
        if (status == ATTL_OK)
            completion_queue_close(q);
        assert_int_equal(f.live, 0);
    }
    assert_true(f.calls >= 3);
    a->cache.config.alloc = before;
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(places_are_counted),
        TEST(the_descriptor_is_readable_until_nothing_is_left),
        TEST(values_move_with_their_completion),
        TEST(keys_stay_until_the_next_reap),
        TEST(a_shutdown_accepts_nothing_and_waits_for_what_is_owed),
        TEST(a_place_outlives_the_queue_that_was_closed),
        TEST(a_queue_outlives_its_cache),
        TEST(sizes_out_of_range_are_refused),
        TEST(nothing_is_lost_between_many_posters_and_a_sleeper),
        TEST(without_memory_there_is_no_queue_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
