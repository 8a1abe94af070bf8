/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion queues as a program sees them, without a data directory: what is accepted and what is
 * refused, what a completion says, pages of an iteration that together are the cache, and what is
 * left when the cache goes first. With a data directory: test_queue_durable. The machinery under it
 * is tested with the engine.
 */
#include "api/api.h"
#include "base/num.h"
#include "engine/value.h"
#include "support/unit.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 64, PATIENCE_MS = 20000, KEY_BYTES = 16 };

static attl_queue *
open_queue(attl *cache, uint32_t capacity)
{
    attl_queue *q = NULL;
    ASSERT_STATUS(attl_queue_open(cache, capacity, &q), ATTL_OK);
    return q;
}

/* The one completion that there is or will be. */
static attl_completion
reap_one(attl_queue *q)
{
    attl_completion c;
    ASSERT_STATUS(attl_queue_wait(q, PATIENCE_MS), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    return c;
}

static attl_submit_opts
marked(uint64_t user_data)
{
    attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
    opts.user_data = user_data;
    return opts;
}

/* ---- changes --------------------------------------------------------------------------------- */

static void
changes_are_made_at_once_and_reported(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, PLACES);
    attl_submit_opts opts = marked(42);
    uint64_t ids[3];
    ASSERT_STATUS(attl_submit_set(q, attl_s("k"), attl_s("v"), 5000, &opts, &ids[0]), ATTL_OK);
    expect(f->cache, "k", "v");
    expect_ttl(f->cache, "k", 5000);
    ASSERT_STATUS(attl_submit_del(q, attl_s("k"), NULL, &ids[1]), ATTL_OK);
    expect(f->cache, "k", NULL);
    ASSERT_STATUS(attl_submit_del(q, attl_s("k"), &opts, &ids[2]), ATTL_OK);
    static const struct {
        uint32_t kind;
        int status;
        uint64_t user_data;
    } wanted[] = { { ATTL_OP_SET, ATTL_OK, 42 },
                   { ATTL_OP_DEL, ATTL_OK, 0 },
                   { ATTL_OP_DEL, ATTL_MISS, 42 } };
    for (unsigned i = 0; i < 3; i++) {
        attl_completion c = reap_one(q);
        assert_int_equal(c.struct_size, sizeof(c));
        assert_int_equal(c.kind, wanted[i].kind);
        assert_int_equal(c.status, wanted[i].status);
        assert_int_equal(c.user_data, wanted[i].user_data);
        assert_int_equal(c.id, ids[i]);
        assert_int_equal(c.value.data.len, 0);
        attl_value_release(f->cache, &c.value); /* allowed, though there is none */
        ASSERT_STATUS(attl_queue_cancel(q, c.id), ATTL_MISS);
    }
    assert_true(ids[0] != ids[1] && ids[1] != ids[2]);
    ASSERT_STATUS(attl_queue_wait(q, 0), ATTL_E_TIMEOUT);
    attl_queue_close(&q);
    assert_null(q);
    attl_queue_close(&q);
    attl_queue_close(NULL);
}

static void
what_is_refused_has_no_completion(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, 2);
    attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
    attl_completion c;
    for (unsigned i = 0; i < 8; i++) { /* and costs no place */
        ASSERT_STATUS(attl_submit_set(q, attl_s(""), attl_s("v"), -7, NULL, NULL),
                      ATTL_E_TTL_RANGE);
        opts.timeout_ms = -1;
        ASSERT_STATUS(attl_submit_set(q, attl_s("k"), attl_s("v"), 0, &opts, NULL), ATTL_E_INVALID);
        ASSERT_STATUS(attl_submit_sync(q, &opts, NULL), ATTL_E_INVALID);
        ASSERT_STATUS(attl_submit_snapshot(q, NULL, NULL), ATTL_E_UNSUPPORTED);
        ASSERT_STATUS(attl_submit_restore(q, "x", NULL, NULL), ATTL_E_UNSUPPORTED);
        ASSERT_STATUS(attl_submit_scan(q, 0, 0, 0, NULL, NULL), ATTL_E_INVALID);
        ASSERT_STATUS(attl_submit_scan(q, 0, LIMIT_PAGE_ENTRIES + 1, 0, NULL, NULL),
                      ATTL_E_INVALID);
        ASSERT_STATUS(attl_submit_scan(q, 0, 1, 2, NULL, NULL), ATTL_E_UNSUPPORTED);
    }
    expect(f->cache, "k", NULL);
    ASSERT_STATUS(attl_submit_set(q, attl_s("a"), attl_s("1"), 0, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_submit_set(q, attl_s("b"), attl_s("1"), 0, NULL, NULL), ATTL_E_BUSY);
    ASSERT_STATUS(attl_submit_del(q, attl_s("a"), NULL, NULL), ATTL_E_BUSY);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_E_BUSY);
    ASSERT_STATUS(attl_submit_scan(q, 0, 1, 0, NULL, NULL), ATTL_E_BUSY);
    expect(f->cache, "a", "1");
    expect(f->cache, "b", NULL);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    assert_int_equal(c.kind, ATTL_OP_SYNC);
    assert_int_equal(c.status, ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &c, 1), 0);
    attl_queue_shutdown(q);
    ASSERT_STATUS(attl_submit_set(q, attl_s("b"), attl_s("1"), 0, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_submit_scan(q, 0, 1, 0, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_E_CLOSED);
    attl_queue_close(&q);
}

static void
the_descriptor_can_be_polled(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, 2);
    struct pollfd p = { .fd = attl_queue_fd(q), .events = POLLIN };
    attl_completion c;
    assert_int_equal(poll(&p, 1, 0), 0);
    ASSERT_STATUS(attl_submit_set(q, attl_s("a"), attl_s("1"), 0, NULL, NULL), ATTL_OK);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(attl_queue_reap(q, &c, 1), 1);
    assert_int_equal(attl_queue_reap(q, &c, 1), 0);
    assert_int_equal(poll(&p, 1, 0), 0);
    attl_queue_close(&q);
}

/* ---- pages ----------------------------------------------------------------------------------- */

struct tour {
    unsigned *seen;
    size_t pages, entries, largest;
    unsigned without_value;
};

static void
look_at_page(struct tour *t, const attl_completion *c, bool keys_only)
{
    size_t offset = 0, entries = 0;
    attl_page_entry e;
    while (attl_page_next(c->value.data, &offset, &e) == ATTL_OK) {
        char key[KEY_BYTES] = { 0 };
        assert_in_range(e.key.len, 2, KEY_BYTES - 1);
        memcpy(key, e.key.data, e.key.len);
        int64_t number = -1;
        assert_true(num_parse_i64(attl_b(key + 1, e.key.len - 1), &number));
        t->seen[number]++;
        assert_int_equal(e.deadline_ms > 0, number % 2);
        t->without_value += !e.value.data;
        if (keys_only)
            assert_null(e.value.data);
        else if (e.value.data && e.value.len < KEY_BYTES)
            assert_memory_equal(e.value.data, key, e.key.len);
        entries++;
    }
    assert_int_equal(offset, c->value.data.len);
    ASSERT_STATUS(attl_page_next(c->value.data, &offset, &e), ATTL_DONE);
    t->pages++;
    t->entries += entries;
    if (c->value.data.len > t->largest)
        t->largest = c->value.data.len;
}

static void
tour(struct fixture *f, attl_queue *q, size_t count, uint32_t flags, struct tour *t)
{
    uint64_t cursor = 0, id;
    int status = ATTL_OK;
    while (status == ATTL_OK) {
        ASSERT_STATUS(attl_submit_scan(q, cursor, count, flags, NULL, &id), ATTL_OK);
        attl_completion c = reap_one(q);
        status = c.status;
        cursor = c.number;
        assert_int_equal(c.kind, ATTL_OP_SCAN);
        assert_int_equal(c.id, id);
        look_at_page(t, &c, flags & ATTL_SCAN_KEYS);
        attl_value_release(f->cache, &c.value);
    }
    ASSERT_STATUS(status, ATTL_DONE);
    assert_int_equal(cursor, 0);
}

static void
fill(attl *cache, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        char key[KEY_BYTES];
        (void)snprintf(key, sizeof(key), "k%u", i);
        put(cache, key, key, i % 2 ? 60000 : ATTL_TTL_NONE);
    }
}

static void
pages_together_are_the_cache(void **state)
{
    struct fixture *f = *state;
    enum { ENTRIES = 3000 };
    attl_queue *q = open_queue(f->cache, PLACES);
    static const size_t counts[] = { 1, 10, 100, LIMIT_PAGE_ENTRIES };
    fill(f->cache, ENTRIES);
    for (unsigned i = 0; i < 8; i++) {
        struct tour t = { .seen = calloc(ENTRIES, sizeof(unsigned)) };
        assert_non_null(t.seen);
        tour(f, q, counts[i % 4], i < 4 ? 0 : ATTL_SCAN_KEYS, &t);
        for (unsigned k = 0; k < ENTRIES; k++)
            assert_int_equal(t.seen[k], 1);
        assert_int_equal(t.entries, ENTRIES);
        if (counts[i % 4] == LIMIT_PAGE_ENTRIES)
            assert_int_equal(t.pages, 1);
        if (counts[i % 4] == 100)
            assert_in_range(t.pages, ENTRIES / 160, ENTRIES / 100 + 1);
        free(t.seen);
    }
    attl_queue_close(&q);
}

static void
an_empty_cache_is_one_page(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, 1);
    struct tour t = { 0 };
    tour(f, q, 10, 0, &t);
    assert_int_equal(t.entries, 0);
    attl_queue_close(&q);
}

static void
pages_stay_small_where_values_are_large(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 12, MIDDLE = 60, LARGE_BYTES = 700 << 10, MIDDLE_BYTES = 60 << 10 };
    attl_queue *q = open_queue(f->cache, PLACES);
    char *value = calloc(1, LARGE_BYTES), key[KEY_BYTES];
    struct tour t = { .seen = calloc(LARGE + MIDDLE, sizeof(unsigned)) };
    assert_non_null(value);
    assert_non_null(t.seen);
    for (unsigned i = 0; i < LARGE + MIDDLE; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i);
        size_t len = i < LARGE ? LARGE_BYTES : MIDDLE_BYTES;
        ASSERT_STATUS(
            attl_set(f->cache, attl_s(key), attl_b(value, len), i % 2 ? 60000 : ATTL_TTL_NONE),
            ATTL_OK);
    }
    tour(f, q, 1000, 0, &t);
    assert_int_equal(t.entries, LARGE + MIDDLE);
    assert_true(t.pages >= 3);
    assert_true(t.without_value <= LARGE); /* only large ones are ever left out */
    assert_true(t.largest <= LIMIT_PAGE_BYTES + 64 * (64 << 10));
    free(t.seen);
    free(value);
    attl_queue_close(&q);
}

static void
a_page_can_be_rubbish_and_nothing_happens(void **state)
{
    attl_page_entry e;
    size_t offset = 0;
    (void)state;
    ASSERT_STATUS(attl_page_next(attl_b(NULL, 0), &offset, &e), ATTL_DONE);
    ASSERT_STATUS(attl_page_next(attl_b("short", 5), &offset, &e), ATTL_DONE);
    offset = 100;
    ASSERT_STATUS(attl_page_next(attl_b("short", 5), &offset, &e), ATTL_DONE);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void
what_is_not_reaped_survives_the_cache_without_pins(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, PLACES);
    char value[1000] = { 0 };
    attl_completion c = { .kind = ATTL_OP_LOAD, .user_data = 9 };
    ASSERT_STATUS(attl_set(f->cache, attl_s("k"), attl_b(value, sizeof(value)), 0), ATTL_OK);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &c.value), ATTL_OK);
    assert_true(value_is_pinned(&c.value));
    ASSERT_STATUS(completion_reserve(q), ATTL_OK);
    completion_post(q, &c);
    ASSERT_STATUS(attl_submit_set(q, attl_s("a"), attl_s("1"), 0, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_submit_scan(q, 0, 10, 0, NULL, NULL), ATTL_OK);
    attl_close(&f->cache);
    c = reap_one(q);
    assert_int_equal(c.user_data, 9);
    assert_int_equal(c.status, ATTL_E_CLOSED);
    assert_int_equal(c.value.data.len, 0);
    c = reap_one(q);
    assert_int_equal(c.status, ATTL_OK);
    c = reap_one(q); /* done before the cache went, or not begun */
    assert_true(c.status == ATTL_OK || c.status == ATTL_DONE || c.status == ATTL_E_CLOSED);
    attl_value_release(NULL, &c.value);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_submit_set(q, attl_s("a"), attl_s("1"), 0, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_submit_sync(q, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_submit_scan(q, 0, 1, 0, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_submit_snapshot(q, NULL, NULL), ATTL_E_CLOSED);
    ASSERT_STATUS(attl_queue_cancel(q, 1), ATTL_MISS);
    attl_queue_close(&q);
    f->cache = sim_open(&f->sim, NULL);
}

static void
values_that_nobody_reaped_are_released(void **state)
{
    struct fixture *f = *state;
    attl_queue *q = open_queue(f->cache, PLACES);
    char value[1000] = { 0 };
    attl_completion c = { .kind = ATTL_OP_LOAD };
    ASSERT_STATUS(attl_set(f->cache, attl_s("k"), attl_b(value, sizeof(value)), 0), ATTL_OK);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &c.value), ATTL_OK);
    assert_true(sim_stats(f->cache).mem_pinned > 0);
    ASSERT_STATUS(completion_reserve(q), ATTL_OK);
    completion_post(q, &c);
    attl_queue_close(&q);
    assert_int_equal(sim_stats(f->cache).mem_pinned, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(changes_are_made_at_once_and_reported),
        UNIT_TEST(what_is_refused_has_no_completion),
        UNIT_TEST(the_descriptor_can_be_polled),
        UNIT_TEST(pages_together_are_the_cache),
        UNIT_TEST(an_empty_cache_is_one_page),
        UNIT_TEST(pages_stay_small_where_values_are_large),
        cmocka_unit_test(a_page_can_be_rubbish_and_nothing_happens),
        UNIT_TEST(what_is_not_reaped_survives_the_cache_without_pins),
        UNIT_TEST(values_that_nobody_reaped_are_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
