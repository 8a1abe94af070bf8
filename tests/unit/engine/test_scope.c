/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scopes, one error path at a time: what cannot begin holds no lock afterwards, a watched key that
 * has changed or died prevents it, a change that finds no memory or no room in the record fails
 * alone, and what was changed is one record of the log whatever else went wrong. What others see
 * meanwhile is the business of the model tests.
 */
#include "api/api.h"
#include "cache/freeze.h"
#include "engine/scope.h"
#include "engine/watch.h"
#include "persist/wal_format.h"
#include "support/durable.h"
#include "support/refusing.h"
#include "support/unit.h"

#include <errno.h>

enum { LARGE_BYTES = 20000, KEYS = 2 };

bool __wrap_freeze_prepare(struct cache *c, struct partition *p);
bool
__wrap_freeze_prepare(struct cache *c, struct partition *p)
{
    (void)c;
    (void)p;
    return false; /* only asked of partitions that a test marks */
}

static attl_slice keys[KEYS];

static struct scope_plan
plan_of(const struct scope_watch *watches, size_t n)
{
    keys[0] = attl_s("a");
    keys[1] = attl_s("b");
    return (struct scope_plan){
        .keys = keys, .n = KEYS, .bytes = 100, .watches = watches, .watches_len = n
    };
}

static struct partition *
partition_of(attl *c, const char *key)
{
    return cache_partition(&c->cache, cache_hash(&c->cache, attl_s(key)));
}

/* A key that the scope does not hold. */
static const char *
elsewhere(attl *c, const struct scope *s, char *buf, size_t len)
{
    int i = 0;
    do
        (void)snprintf(buf, len, "elsewhere%d", i++);
    while (claim_has(&s->claim, partition_of(c, buf)));
    return buf;
}

static void
expect_free(attl *c)
{
    assert_null(reclaim_self()->claim);
    for (int i = 0; i < KEYS; i++) {
        struct partition *p = cache_partition(&c->cache, cache_hash(&c->cache, keys[i]));
        assert_true(lock_try(&p->lock));
        lock_release(&p->lock);
    }
    assert_true(lock_try(&c->cache.clear_lock));
    lock_release(&c->cache.clear_lock);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void
there_is_one_at_a_time(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct scope s, inner;
    struct scope_plan plan = plan_of(NULL, 0);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    assert_ptr_equal(scope_mine(c, reclaim_self()), &s);
    assert_null(scope_mine(c, NULL));
    ASSERT_STATUS(scope_begin(&inner, c, &plan), ATTL_E_INVALID);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("1"), 0), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    expect_free(c);
    expect(c, "a", "1");
}

static void
without_memory_it_does_not_begin(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    struct scope_plan plan = plan_of(NULL, 0);
    struct refusing r = { 0 };
    attl_allocator before = d->cache->cache.config.alloc;
    int status = ATTL_E_NOMEM;
    for (int n = 0; status != ATTL_OK; n++) {
        struct scope s;
        r.left = n;
        d->cache->cache.config.alloc = refusing_hooks(&r);
        status = scope_begin(&s, d->cache, &plan);
        assert_true(status == (n < 2 ? ATTL_E_NOMEM : ATTL_OK)); /* partitions, record */
        if (status == ATTL_OK)
            ASSERT_STATUS(scope_end(&s), ATTL_OK);
        d->cache->cache.config.alloc = before;
        assert_int_equal(r.live, 0);
        expect_free(d->cache);
    }
}

static void
a_watched_key_that_has_changed_prevents_it(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    struct scope s;
    struct watch w;
    struct scope_watch watches[] = { { &w, NOTICE_EXPIRE } };
    struct scope_plan plan = plan_of(watches, 1);
    put(c, "watched", "v", 5000);
    watch_add(&c->watches, &c->cache, &w, attl_s("watched"));
    put(c, "other", "v", 5000);
    ASSERT_STATUS(attl_expire(c, attl_s("watched"), 9000, 0), ATTL_OK); /* does not matter */
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    assert_true(claim_has(&s.claim, w.partition));
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    sim_advance(&f->sim, 9000); /* nobody has noticed yet */
    assert_int_equal(watch_seen(&w), NOTICE_EXPIRE);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_E_CONFLICT);
    expect_free(c);
    assert_true(watch_seen(&w) & NOTICE_EXPIRED);
    watch_remove(&c->watches, &w);
    watch_add(&c->watches, &c->cache, &w, attl_s("watched"));
    put(c, "watched", "w", 5000);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_E_CONFLICT);
    plan.whole = true;
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_E_CONFLICT);
    expect_free(c);
    watch_remove(&c->watches, &w);
}

static void
a_watched_key_that_cannot_be_looked_at_prevents_it(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct scope s;
    struct watch w;
    struct scope_watch watches[] = { { &w, 0 } };
    struct scope_plan plan = plan_of(watches, 1);
    watch_add(&c->watches, &c->cache, &w, attl_s("watched"));
    w.partition->flags |= PARTITION_SHARED; /* as if a snapshot had to be left its table */
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_E_NOMEM);
    w.partition->flags &= ~PARTITION_SHARED;
    expect_free(c);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    watch_remove(&c->watches, &w);
}

/* ---- inside ---------------------------------------------------------------------------------- */

static void
only_what_it_holds_is_changed(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    struct scope s;
    struct scope_plan plan = plan_of(NULL, 0);
    char key[32];
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    const char *other = elsewhere(c, &s, key, sizeof key);
    ASSERT_STATUS(attl_set(c, attl_s(other), attl_s("1"), 0), ATTL_E_INVALID);
    ASSERT_STATUS(attl_set(c, attl_s("b"), attl_s("1"), 0), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    expect(c, other, NULL);
    plan.whole = true;
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s(other), attl_s("1"), 0), ATTL_OK);
    ASSERT_STATUS(attl_clear(c), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("2"), 0), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    expect_free(c);
    expect(c, "a", "2");
    assert_int_equal(count_live(c), 1);
}

static void
a_change_that_finds_no_memory_fails_alone(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    attl *c = d->cache;
    struct scope s;
    struct scope_plan plan = plan_of(NULL, 0);
    put(c, "a", "0", ATTL_TTL_NONE);
    uint64_t from = durable_next_lsn(d);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    struct partition *p = partition_of(c, "b");
    p->flags |= PARTITION_SHARED;
    ASSERT_STATUS(attl_set(c, attl_s("b"), attl_s("1"), ATTL_TTL_NONE), ATTL_E_NOMEM);
    p->flags &= ~PARTITION_SHARED;
    struct refusing r = { 0 };
    attl_allocator before = c->cache.config.alloc;
    c->cache.config.alloc = refusing_hooks(&r);
    /* The record would have to grow: a short value must always find its place there. */
    assert_true(journal_group_room(&s.logged, 1) < LIMIT_INLINE_VALUE_BYTES);
    ASSERT_STATUS(attl_set(c, attl_s("b"), attl_s("1"), ATTL_TTL_NONE), ATTL_E_NOMEM);
    ASSERT_STATUS(attl_del(c, attl_s("a")), ATTL_E_NOMEM);
    c->cache.config.alloc = before;
    ASSERT_STATUS(attl_set(c, attl_s("b"), attl_s("2"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    expect(c, "a", "1");
    expect(c, "b", "2");
    assert_string_equal(durable_log(d, from), "GROUP(PUT a=1, PUT b=2)");
}

static void
a_long_value_makes_the_record_grow_as_far_as_it_may(void **state)
{
    struct durable *d = *state;
    static const struct sim_option roomy[] = { { "cache.max_memory", "0" },
                                               { "validation.max_value_bytes", "536870912" },
                                               { NULL, NULL } };
    static char large[LARGE_BYTES];
    durable_open(d, roomy);
    attl *c = d->cache;
    struct scope s;
    struct scope_plan plan = plan_of(NULL, 0);
    memset(large, 'L', sizeof large);
    uint64_t from = durable_next_lsn(d);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    assert_true(journal_group_room(&s.logged, 1) < LARGE_BYTES);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_b(large, sizeof large), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_del(c, attl_s("a")), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("b"), attl_s("1"), 5000), ATTL_OK);
    assert_true(s.written_deadline_ms <= sim_now(&d->sim) + 5000);
    s.logged.len = WAL_FRAME_MAX_BYTES; /* as if it were full already */
    size_t cap = s.logged.cap;
    s.logged.cap = WAL_FRAME_MAX_BYTES;
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("x"), ATTL_TTL_NONE), ATTL_E_NOMEM);
    s.logged.cap = cap;
    s.logged.len = 0;
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("2"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(PUT a=2)");
}

/* ---- the log --------------------------------------------------------------------------------- */

static void
it_is_one_record_or_none(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    attl *c = d->cache;
    struct scope s;
    struct scope_plan plan = plan_of(NULL, 0);
    uint64_t from = durable_next_lsn(d);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(attl_del(c, attl_s("a")), ATTL_MISS);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    assert_string_equal(durable_log(d, from), "");
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_rename(c, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    ASSERT_STATUS(attl_del(c, attl_s("a")), ATTL_MISS);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(PUT a=1, PUT b=1, DEL a)");
}

static void
a_log_that_takes_nothing_is_told(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    attl *c = d->cache;
    struct scope s;
    struct scope_plan plan = plan_of(NULL, 0);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(scope_end(&s), ATTL_E_IO); /* made, and not durable */
    expect(c, "a", "1");
    ASSERT_STATUS(scope_begin(&s, c, &plan), ATTL_OK); /* reading is possible */
    ASSERT_STATUS(s.admitted, ATTL_E_IO);
    ASSERT_STATUS(attl_set(c, attl_s("a"), attl_s("2"), ATTL_TTL_NONE), ATTL_E_IO);
    ASSERT_STATUS(scope_end(&s), ATTL_OK);
    expect(c, "a", "1");
    sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(there_is_one_at_a_time),
        DURABLE_TEST(without_memory_it_does_not_begin),
        UNIT_TEST(a_watched_key_that_has_changed_prevents_it),
        UNIT_TEST(a_watched_key_that_cannot_be_looked_at_prevents_it),
        UNIT_TEST(only_what_it_holds_is_changed),
        DURABLE_TEST(a_change_that_finds_no_memory_fails_alone),
        DURABLE_TEST(a_long_value_makes_the_record_grow_as_far_as_it_may),
        DURABLE_TEST(it_is_one_record_or_none),
        DURABLE_TEST(a_log_that_takes_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
