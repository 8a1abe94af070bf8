/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notice board: each change is told once, with its kind, its cause, its deadline and who made
 * it, to the sinks whose mask asks for it and to no others. The sinks of this test note down what
 * they hear, which is all that a sink may do. What is told after a removal is what the entry had.
 */
#include "engine/notice.h"

#include "engine_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { HEARD_MAX = 64 };

struct heard {
    unsigned count;
    struct notice last[HEARD_MAX];
    char keys[HEARD_MAX][16];
};

/* Without a ledger, which would hear as well. */
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
    "ledger.entries",
    "0",
    NULL,
};

static void
hear(void *ud, const struct notice *n)
{
    struct heard *h = ud;
    assert_true(h->count < HEARD_MAX);
    assert_true(n->key.len < sizeof h->keys[0]);
    h->last[h->count] = *n;
    if (n->key.len)
        memcpy(h->keys[h->count], n->key.data, n->key.len);
    h->count++;
}

static struct bench *
open_with(struct heard *h, enum notice_sink_id id, uint32_t mask)
{
    struct bench *b = bench_open(options, false);
    notice_sink_set(&b->engine.notices, id, hear, h);
    notice_mask_set(&b->engine.notices, id, mask);
    return b;
}

static void
expect_heard(const struct heard *h, unsigned i, enum notice_kind kind, const char *key)
{
    assert_true(i < h->count);
    assert_int_equal(h->last[i].kind, kind);
    assert_string_equal(h->keys[i], key);
}

static int
remove_change(struct entry *e, void *ud)
{
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, *(enum cache_counter *)ud);
    return ATTL_OK;
}

static int
deadline_change(struct entry *e, void *ud)
{
    return e->found ? entry_set_deadline(e, *(int64_t *)ud) : ATTL_MISS;
}

static int
look_change(struct entry *e, void *ud)
{
    (void)ud;
    return e->found ? ATTL_OK : ATTL_MISS;
}

static void
removed(struct bench *b, const char *key, enum cache_counter why)
{
    assert_int_equal(engine_change(&b->engine, attl_s(key), remove_change, &why), ATTL_OK);
}

static void
every_kind_of_change_is_told_once(void **state)
{
    (void)state;
    struct heard h = { 0 };
    struct bench *b = open_with(&h, NOTICE_SINK_HOOK, ATTL_EV_ALL);
    int64_t later_ms = START_MS + DAY_MS;
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("v"), START_MS + 1000), ATTL_OK);
    assert_int_equal(bench_set(b, attl_s("b"), attl_s("v"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(engine_change(&b->engine, attl_s("b"), deadline_change, &later_ms), ATTL_OK);
    removed(b, "b", COUNT_DELETES);
    assert_int_equal(engine_change(&b->engine, attl_s("b"), look_change, NULL), ATTL_MISS);
    assert_int_equal(h.count, 4); /* looking is no change */
    expect_heard(&h, 0, NOTICE_SET, "a");
    assert_int_equal(h.last[0].deadline_ms, START_MS + 1000);
    expect_heard(&h, 1, NOTICE_SET, "b");
    assert_int_equal(h.last[1].deadline_ms, ATTL_NO_DEADLINE);
    expect_heard(&h, 2, NOTICE_EXPIRE, "b");
    assert_int_equal(h.last[2].deadline_ms, later_ms);
    expect_heard(&h, 3, NOTICE_DELETED, "b");
    assert_int_equal(h.last[3].cause, ATTL_CAUSE_DELETED);
    assert_int_equal(h.last[3].deadline_ms, later_ms); /* the one it had */
    atomic_fetch_add(&b->now_ms, 5000);
    (void)engine_maintain(&b->engine, 0); /* there will be nothing left */
    assert_int_equal(h.count, 5);
    expect_heard(&h, 4, NOTICE_EXPIRED, "a");
    assert_int_equal(h.last[4].cause, ATTL_CAUSE_EXPIRED);
    assert_int_equal(h.last[4].deadline_ms, START_MS + 1000);
    cache_clear(&b->engine.cache, notice_clear, &b->engine);
    assert_int_equal(h.count, 6);
    expect_heard(&h, 5, NOTICE_CLEARED, "");
    bench_close(b);
}

static void
a_caller_that_meets_an_expired_entry_tells_of_it_first(void **state)
{
    (void)state;
    struct heard h = { 0 };
    struct bench *b = open_with(&h, NOTICE_SINK_LEDGER, ATTL_EV_ALL);
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("v"), START_MS + 1000), ATTL_OK);
    atomic_fetch_add(&b->now_ms, 1000);
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("w"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(h.count, 3);
    expect_heard(&h, 1, NOTICE_EXPIRED, "a");
    expect_heard(&h, 2, NOTICE_SET, "a");
    bench_close(b);
}

static void
removals_say_what_they_were_for(void **state)
{
    (void)state;
    struct heard h = { 0 };
    struct bench *b = open_with(&h, NOTICE_SINK_HOOK, NOTICE_DELETED | NOTICE_EVICTED);
    cache_actor_set(&b->engine.cache, reclaim_self(), 7);
    bench_fill(b, 2, ATTL_NO_DEADLINE);
    removed(b, "key:0", COUNT_ROLLED_BACK);
    removed(b, "key:1", COUNT_EVICTED);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.last[0].kind, NOTICE_DELETED);
    assert_int_equal(h.last[0].cause, ATTL_CAUSE_ROLLED_BACK);
    assert_int_equal(h.last[0].actor, 7);
    assert_int_equal(h.last[1].kind, NOTICE_EVICTED);
    assert_int_equal(h.last[1].cause, ATTL_CAUSE_QUOTA);
    assert_int_equal(h.last[1].actor, 0); /* not what its cause wanted to do */
    bench_close(b);
}

static void
evictions_say_which_limit_it_was(void **state)
{
    (void)state;
    struct heard h = { 0 };
    struct bench *b = open_with(&h, NOTICE_SINK_HOOK, NOTICE_EVICTED);
    bench_fill(b, 100, ATTL_NO_DEADLINE);
    atomic_store(&b->engine.cache.max_items, 90);
    drain_to_limits(&b->engine.cache, START_MS);
    unsigned for_items = h.count;
    assert_in_range(for_items, 10, 11); /* drain_to_limits() leaves room for one more */
    for (unsigned i = 0; i < h.count; i++)
        assert_int_equal(h.last[i].cause, ATTL_CAUSE_ENTRIES);
    atomic_store(&b->engine.cache.max_items, 0);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_HOOK, 0);
    bench_fill(b, 20, ATTL_NO_DEADLINE);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_HOOK, NOTICE_EVICTED);
    h.count = 0;
    struct drain_done done = { 0 };
    struct cache *c = &b->engine.cache;
    for (unsigned i = 0; i < 20 * c->shard_count && h.count == 0; i++) /* as for memory */
        drain_step(c, &c->shards[i % c->shard_count], DRAIN_EVICT, START_MS, 8, &done);
    assert_true(h.count > 0);
    assert_int_equal(h.last[0].cause, ATTL_CAUSE_MEMORY);
    bench_close(b);
}

static void
each_sink_hears_what_its_mask_asks_for(void **state)
{
    (void)state;
    struct heard sets = { 0 }, removals = { 0 };
    struct bench *b = open_with(&sets, NOTICE_SINK_HOOK, NOTICE_SET);
    notice_sink_set(&b->engine.notices, NOTICE_SINK_QUEUES, hear, &removals);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_QUEUES, NOTICE_DELETED);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_LEDGER, ATTL_EV_ALL); /* has no function */
    bench_fill(b, 2, ATTL_NO_DEADLINE);
    removed(b, "key:0", COUNT_DELETES);
    assert_int_equal(sets.count, 2);
    assert_int_equal(removals.count, 1);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_HOOK, 0);
    bench_fill(b, 2, ATTL_NO_DEADLINE);
    removed(b, "key:1", COUNT_DELETES);
    assert_int_equal(sets.count, 2);
    assert_int_equal(removals.count, 2);
    notice_mask_set(&b->engine.notices, NOTICE_SINK_QUEUES, 0);
    assert_int_equal(atomic_load(&b->engine.notices.mask), 0); /* nobody is asked any more */
    bench_close(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_change_is_told_once),
        cmocka_unit_test(a_caller_that_meets_an_expired_entry_tells_of_it_first),
        cmocka_unit_test(removals_say_what_they_were_for),
        cmocka_unit_test(evictions_say_which_limit_it_was),
        cmocka_unit_test(each_sink_hears_what_its_mask_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
