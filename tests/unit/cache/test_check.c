/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checker is only worth its name if it notices: each sum and structure it compares is bent a
 * little in a healthy cache, and it must say so, and be content again when it is bent back. A cache
 * in every state the drain can leave it in must pass.
 */
#include "cache/cache.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000 };

static int
setup(void **state)
{
    struct cache_config config = rig_config();
    config.shards = 2;
    struct rig *rig = rig_open(&config);
    static char large[10000];
    for (uint64_t i = 0; i < KEYS; i++) {
        struct name name;
        attl_slice value = i % 50 ? attl_b(large, i % 200) : attl_b(large, sizeof(large));
        rig_set(rig, name_of(i, &name), value,
                i % 3 ? START_MS + (int64_t)i * 500 + 1 : ATTL_NO_DEADLINE);
    }
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    rig_close(*state);
    return 0;
}

static void
expect_broken(struct rig *rig, const char *words)
{
    const char *broken = cache_check(&rig->cache);
    assert_non_null(broken);
    if (!strstr(broken, words))
        fail_msg("'%s' does not say '%s'", broken, words);
}

/* Some partition that holds entries with and without deadlines. */
static struct partition *
some_partition(struct rig *rig)
{
    struct partition *p = rig->cache.partitions;
    while (p->ttl_items == 0 || p->ttl_items == p->items)
        p++;
    return p;
}

static struct index_pos
some_entry(const struct partition *p)
{
    struct index_pos pos = { partition_table(p)->buckets, 0 };
    while (!index_address(pos)) {
        pos.slot = (pos.slot + 1) % BUCKET_SLOTS;
        pos.bucket += pos.slot == 0;
    }
    return pos;
}

static struct chunk *
some_chunk(struct rig *rig)
{
    return region_chunk(&rig->cache.region, index_address(some_entry(some_partition(rig))));
}

static void
sums_of_partitions_are_checked(void **state)
{
    struct rig *rig = *state;
    struct partition *p = some_partition(rig);
    uint64_t *sums[] = { &p->items, &p->ttl_items, &p->live_bytes };
    for (size_t i = 0; i < 3; i++) {
        ++*sums[i];
        expect_broken(rig, "partition");
        --*sums[i];
        assert_null(cache_check(&rig->cache));
    }
}

static void
sums_of_shards_are_checked(void **state)
{
    struct rig *rig = *state;
    struct shard *s = &rig->cache.shards[1];
    uint64_t *plain[] = { &s->sealed_used_bytes, &s->open_used_bytes, &s->open_bytes };
    for (size_t i = 0; i < 3; i++) {
        *plain[i] += 8;
        expect_broken(rig, "shard");
        *plain[i] -= 8;
    }
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        atomic_fetch_add(&s->live_bytes[gen], 8);
        expect_broken(rig, "shard");
        atomic_fetch_sub(&s->live_bytes[gen], 8);
    }
    _Atomic uint64_t *shared[] = { &s->items, &s->ttl_items };
    for (size_t i = 0; i < 2; i++) {
        atomic_fetch_add(shared[i], 1);
        expect_broken(rig, "shard");
        atomic_fetch_sub(shared[i], 1);
    }
    assert_null(cache_check(&rig->cache));
}

static void
counters_of_chunks_are_checked(void **state)
{
    struct rig *rig = *state;
    struct chunk *c = some_chunk(rig);
    _Atomic uint32_t *live[] = { &c->live_bytes, &c->live_items };
    for (size_t i = 0; i < 2; i++) {
        atomic_fetch_add(live[i], 1);
        expect_broken(rig, "chunk");
        atomic_fetch_sub(live[i], 1);
    }
    c->used -= 8; /* in the middle of the last record */
    expect_broken(rig, "chunk");
    c->used += 8;
    assert_null(cache_check(&rig->cache));
}

static void
entries_must_be_found_by_their_keys(void **state)
{
    struct rig *rig = *state;
    struct index_pos pos = some_entry(some_partition(rig));
    uint64_t meta = atomic_load(&pos.bucket->meta[0]);
    if (pos.slot < 4) {
        atomic_store(&pos.bucket->meta[0], meta ^ UINT64_C(0x10)
                                                      << pos.slot * 16); /* another tag */
        expect_broken(rig, "looked for");
        atomic_store(&pos.bucket->meta[0], meta);
    }
    uint64_t address = index_address(pos);
    index_remove(pos);
    expect_broken(rig, "partition");
    struct record *r = region_pointer(&rig->cache.region, address);
    struct record_shape shape = record_shape(r);
    uint64_t hash = cache_hash(&rig->cache, record_key(r, &shape));
    assert_true(index_insert(partition_table(some_partition(rig)), hash, address, 0));
    assert_null(cache_check(&rig->cache));
}

static void
the_wheel_must_tell_what_its_chains_hold(void **state)
{
    struct rig *rig = *state;
    struct shard *s = &rig->cache.shards[0];
    unsigned full = 0;
    while (s->chains[full].bytes == 0)
        full++;
    wheel_mark(&s->wheel, full, false);
    expect_broken(rig, "wheel");
    wheel_mark(&s->wheel, full, true);
    s->chains[full].bytes += 4096;
    expect_broken(rig, "chain");
    s->chains[full].bytes -= 4096;
    unsigned empty = 0;
    while (s->chains[empty].bytes != 0)
        empty++;
    wheel_mark(&s->wheel, empty, true);
    expect_broken(rig, "wheel");
    wheel_mark(&s->wheel, empty, false);
    assert_null(cache_check(&rig->cache));
}

static void
memory_must_add_up(void **state)
{
    struct rig *rig = *state;
    rig_collect(rig);
    void *stray = arena_pool_alloc(&rig->cache.chunk_pool, 4096);
    expect_broken(rig, "pool");
    arena_pool_free(&rig->cache.chunk_pool, stray, 4096);
    uint64_t committed = atomic_load(&rig->cache.region.committed_bytes);
    atomic_store(&rig->cache.region.committed_bytes, 4096);
    expect_broken(rig, "committed");
    atomic_store(&rig->cache.region.committed_bytes, committed);
    assert_null(cache_check(&rig->cache));
}

static void
every_stage_of_a_drain_is_healthy(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(1);
    for (int step = 0; step < 400; step++) {
        struct drain_done done = { 0 };
        struct shard *s = &rig->cache.shards[rng_below(&r, 2)];
        if (rng_one_in(&r, 8))
            rig->now_ms += (int64_t)rng_below(&r, 20000);
        if (rng_one_in(&r, 3))
            shard_advance(s, rig->now_ms);
        drain_step(&rig->cache, s, (enum drain_reason)rng_below(&r, DRAIN_REASONS), rig->now_ms,
                   (unsigned)rng_range(&r, 1, 20), &done);
        struct name name;
        (void)rig_del(rig, name_of(rng_below(&r, KEYS), &name)); /* there or not */
        rig_check(rig, "in the middle of a drain");
    }
}

#define CHECK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK_TEST(sums_of_partitions_are_checked),
        CHECK_TEST(sums_of_shards_are_checked),
        CHECK_TEST(counters_of_chunks_are_checked),
        CHECK_TEST(entries_must_be_found_by_their_keys),
        CHECK_TEST(the_wheel_must_tell_what_its_chains_hold),
        CHECK_TEST(memory_must_add_up),
        CHECK_TEST(every_stage_of_a_drain_is_healthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
