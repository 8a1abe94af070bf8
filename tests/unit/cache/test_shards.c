/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing how many shards a cache has: who owns what afterwards, that entries stay readable and
 * the sums true, and that a shard which lost its partitions is emptied by DRAIN_MOVE. Partitions
 * are counted from the structure itself. The fixture's cache has no limits unless a test says so.
 */
#include "cache_support.h"

#include "support/check.h"

#include "cache/drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 3000, VALUE_BYTES = 50 };

static struct rig *
open_rig(unsigned shards)
{
    struct cache_config config = rig_config();
    config.shards = shards;
    config.partition_bits = 6;
    struct rig *rig = rig_open(&config);
    for (uint64_t i = 0; i < KEYS; i++)
        rig_put(rig, i, VALUE_BYTES, i % 2 ? rig->now_ms + 60000 : ATTL_NO_DEADLINE);
    return rig;
}

static void
resize(struct rig *rig, unsigned n)
{
    cache_wish_shards(&rig->cache, n);
    assert_true(cache_has_wish(&rig->cache));
    cache_serve_wish(&rig->cache, rig->now_ms);
    assert_false(cache_has_wish(&rig->cache));
    assert_null(cache_check(&rig->cache));
}

static unsigned
owned_by(const struct cache *c, unsigned shard)
{
    unsigned n = 0;
    for (unsigned p = 0; p < 1u << c->partition_bits; p++)
        n += atomic_load(&c->partitions[p].owner) == shard;
    return n;
}

static void
expect_all(struct rig *rig)
{
    for (uint64_t i = 0; i < KEYS; i++)
        assert_true(rig_holds(rig, i, VALUE_BYTES));
}

static void
new_shards_get_an_even_share_at_once(void **state)
{
    (void)state;
    struct rig *rig = open_rig(2);
    resize(rig, 5);
    assert_int_equal(atomic_load(&rig->cache.shards_active), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_in_range(owned_by(&rig->cache, i), 12, 13);
    expect_all(rig);
    rig_close(rig);
}

static void
only_as_many_move_as_must(void **state)
{
    (void)state;
    struct rig *rig = open_rig(4);
    uint64_t before = atomic_load(&rig->cache.moves);
    resize(rig, 5);
    assert_int_equal(atomic_load(&rig->cache.moves) - before, 12);
    before = atomic_load(&rig->cache.moves);
    resize(rig, 4);
    assert_int_equal(atomic_load(&rig->cache.moves) - before, 12);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(owned_by(&rig->cache, i), 16);
    rig_close(rig);
}

static void
removed_shards_are_emptied(void **state)
{
    (void)state;
    struct rig *rig = open_rig(6);
    struct cache *c = &rig->cache;
    resize(rig, 2);
    assert_int_equal(atomic_load(&c->shard_count), 6);
    assert_int_equal(owned_by(c, 0) + owned_by(c, 1), 64);
    for (unsigned i = 2; i < 6; i++) {
        struct drain_done done = { 0 };
        assert_true(shard_is_leaving(&c->shards[i]));
        assert_int_equal(atomic_load(&c->shards[i].items), 0);
        while (!done.finished && !done.blocked)
            drain_step(c, &c->shards[i], DRAIN_MOVE, rig->now_ms, 7, &done);
        assert_false(shard_is_leaving(&c->shards[i]));
    }
    assert_null(cache_check(c));
    expect_all(rig);
    rig_close(rig);
}

static void
a_chunk_begun_for_another_reason_is_emptied_too(void **state)
{
    (void)state;
    struct rig *rig = open_rig(2);
    struct cache *c = &rig->cache;
    struct drain_done done = { 0 };
    atomic_store(&c->policy, EVICT_NONE); /* an eviction that keeps what it meets */
    drain_step(c, &c->shards[1], DRAIN_EVICT, rig->now_ms, 3, &done);
    assert_int_equal(done.records, 3);
    resize(rig, 1);
    done = (struct drain_done){ 0 };
    while (!done.finished && !done.blocked)
        drain_step(c, &c->shards[1], DRAIN_MOVE, rig->now_ms, 64, &done);
    assert_false(shard_is_leaving(&c->shards[1]));
    assert_null(cache_check(c));
    expect_all(rig);
    rig_close(rig);
}

static void
a_shard_may_come_back_before_it_is_empty(void **state)
{
    (void)state;
    struct rig *rig = open_rig(3);
    resize(rig, 1);
    assert_true(shard_is_leaving(&rig->cache.shards[2]));
    resize(rig, 3);
    assert_false(shard_is_leaving(&rig->cache.shards[2]));
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(owned_by(&rig->cache, i), 21, 22);
    expect_all(rig);
    rig_close(rig);
}

static void
nothing_is_moved_to_a_shard_that_is_no_more(void **state)
{
    (void)state;
    struct rig *rig = open_rig(4);
    resize(rig, 2);
    unsigned owner = atomic_load(&rig->cache.partitions[7].owner);
    cache_move_partition(&rig->cache, 7, 3);
    assert_int_equal(atomic_load(&rig->cache.partitions[7].owner), owner);
    cache_move_partition(&rig->cache, 7, 1 - owner);
    assert_int_equal(atomic_load(&rig->cache.partitions[7].owner), 1 - owner);
    rig_close(rig);
}

static void
limits_bound_how_many_there_are(void **state)
{
    (void)state;
    struct rig *rig = open_rig(2);
    resize(rig, 1000);
    assert_int_equal(atomic_load(&rig->cache.shards_active), 64); /* as many as partitions */
    atomic_store(&rig->cache.max_items, 3 * 4096);
    resize(rig, 20);
    assert_int_equal(atomic_load(&rig->cache.shards_active), 3);
    expect_all(rig);
    rig_close(rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_shards_get_an_even_share_at_once),
        cmocka_unit_test(only_as_many_move_as_must),
        cmocka_unit_test(removed_shards_are_emptied),
        cmocka_unit_test(a_chunk_begun_for_another_reason_is_emptied_too),
        cmocka_unit_test(a_shard_may_come_back_before_it_is_empty),
        cmocka_unit_test(nothing_is_moved_to_a_shard_that_is_no_more),
        cmocka_unit_test(limits_bound_how_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
