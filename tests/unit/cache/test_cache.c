/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache put together: it fits itself to its limits, survives the refusal of any allocation
 * while it is built, counts per thread and adds up, moves partitions without touching an entry, and
 * is empty after a clear. Used memory is compared with the sum of what it is made of.
 */
#include "cache/cache.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 4000, MIB = 1 << 20, COUNTS = 50000 };

static void
small_caches_have_small_parts(void **state)
{
    (void)state;
    static const struct {
        uint64_t max_bytes, max_items;
        unsigned shards, partition_bits; /* wished for */
        unsigned want_shards, bits_min, bits_max;
        uint32_t chunk_max_bytes;
    } cases[] = {
        { 0, 0, 4, 0, 4, 10, 14, LIMIT_CHUNK_MAX_BYTES },
        { 0, 10, 16, 0, 1, LIMIT_PARTITION_BITS_MIN, LIMIT_PARTITION_BITS_MIN,
          LIMIT_CHUNK_MAX_BYTES },
        { 1 << 20, 0, 16, 0, 1, LIMIT_PARTITION_BITS_MIN, 8, LIMIT_CHUNK_MIN_BYTES },
        { 64 * (uint64_t)MIB, 0, 16, 0, 8, 6, 10, 64 << 10 },
        { UINT64_C(100) << 30, 0, 2000, 0, LIMIT_SHARDS, 14, 14, LIMIT_CHUNK_MAX_BYTES },
        { 0, UINT64_C(1) << 40, 3, 0, 3, 14, 14, LIMIT_CHUNK_MAX_BYTES },
        { 0, 0, 0, 1, 1, LIMIT_PARTITION_BITS_MIN, LIMIT_PARTITION_BITS_MIN,
          LIMIT_CHUNK_MAX_BYTES },
        { 0, 0, 5, 60, 5, 14, 14, LIMIT_CHUNK_MAX_BYTES },
        { 0, 0, 5000, LIMIT_PARTITION_BITS_MIN, 1 << LIMIT_PARTITION_BITS_MIN,
          LIMIT_PARTITION_BITS_MIN, LIMIT_PARTITION_BITS_MIN, LIMIT_CHUNK_MAX_BYTES },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cache_config config = rig_config();
        config.max_bytes = cases[i].max_bytes;
        config.max_items = cases[i].max_items;
        config.shards = cases[i].shards;
        config.partition_bits = cases[i].partition_bits;
        struct rig *rig = rig_open(&config);
        assert_int_equal(rig->cache.shard_count, cases[i].want_shards);
        assert_in_range(rig->cache.partition_bits, cases[i].bits_min, cases[i].bits_max);
        assert_int_equal(rig->cache.chunk_max_bytes, cases[i].chunk_max_bytes);
        for (size_t p = 0; p < (size_t)1 << rig->cache.partition_bits; p++)
            assert_true(atomic_load(&rig->cache.partitions[p].owner) < rig->cache.shard_count);
        rig_close(rig);
    }
}

static void
each_allocation_may_be_refused(void **state)
{
    (void)state;
    struct purse purse;
    struct cache_config config = rig_config();
    config.alloc = purse_open(&purse);
    config.shards = 3;
    struct cache *c = NULL;
    assert_int_equal(posix_memalign((void **)&c, 128, sizeof(*c)), 0);
    int64_t refused = 0;
    for (;; refused++) {
        atomic_store(&purse.until_refusal, refused);
        int status = cache_init(c, &config, START_MS);
        if (status == ATTL_OK)
            break;
        assert_int_equal(status, ATTL_E_NOMEM);
        assert_int_equal(atomic_load(&purse.out), 0); /* nothing is left behind */
        assert_true(refused < 20);
    }
    assert_true(refused >= 1);
    cache_fini(c);
    assert_int_equal(atomic_load(&purse.out), 0);
    free(c);
}

static void
secrets_differ_from_cache_to_cache(void **state)
{
    (void)state;
    for (int siphash = 0; siphash < 2; siphash++) {
        struct cache_config config = rig_config();
        config.use_siphash = siphash;
        struct rig *a = rig_open(&config), *b = rig_open(&config);
        assert_true(cache_hash(&a->cache, attl_s("key")) == cache_hash(&a->cache, attl_s("key")));
        assert_true(cache_hash(&a->cache, attl_s("key")) != cache_hash(&b->cache, attl_s("key")));
        rig_close(a);
        rig_close(b);
    }
}

struct counting {
    struct rig *rig;
    enum cache_counter which;
};

static void *
count_up(void *arg)
{
    struct counting *c = arg;
    const struct reclaim_reader *self = reclaim_self();
    for (int i = 0; i < COUNTS; i++) {
        cache_count(&c->rig->cache, self, c->which, 1);
        cache_count(&c->rig->cache, self, COUNT_SETS, 2);
    }
    return NULL;
}

static void
counters_of_all_threads_add_up_and_outlive_them(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    struct counting counting[4];
    for (unsigned round = 1; round <= 2; round++) { /* the second time slots are used again */
        pthread_t threads[4];
        for (unsigned i = 0; i < 4; i++) {
            counting[i] = (struct counting){ rig, i % 2 ? COUNT_HITS : COUNT_MISSES };
            assert_int_equal(pthread_create(&threads[i], NULL, count_up, &counting[i]), 0);
        }
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(cache_counter_sum(&rig->cache, COUNT_HITS), (uint64_t)round * 2 * COUNTS);
        assert_int_equal(cache_counter_sum(&rig->cache, COUNT_MISSES),
                         (uint64_t)round * 2 * COUNTS);
        assert_int_equal(cache_counter_sum(&rig->cache, COUNT_SETS), (uint64_t)round * 8 * COUNTS);
    }
    assert_int_equal(cache_counter_sum(&rig->cache, COUNT_DELETES), 0);
    cache_counters_reset(&rig->cache);
    for (unsigned which = 0; which < COUNT_TOTAL; which++)
        assert_int_equal(cache_counter_sum(&rig->cache, which), 0);
    rig_close(rig);
}

static void
threads_without_memory_for_counters_share_some(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    atomic_store(&rig->purse.until_refusal, 0);
    for (int i = 0; i < 1000; i++)
        cache_count(&rig->cache, reclaim_self(), COUNT_HITS, 1);
    atomic_store(&rig->purse.until_refusal, -1);
    cache_count(&rig->cache, reclaim_self(), COUNT_HITS, 1);
    struct reclaim_reader beyond = { .index = LIMIT_THREAD_STRIPES + 5 };
    cache_count(&rig->cache, &beyond, COUNT_HITS, 1);
    assert_int_equal(cache_counter_sum(&rig->cache, COUNT_HITS), 1002);
    rig_close(rig);
}

static void
marks_belong_to_threads_and_are_not_lost_with_memory(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    struct cache *c = &rig->cache;
    struct reclaim_reader *self = reclaim_self();
    struct reclaim_reader beyond = { .index = LIMIT_THREAD_STRIPES + 5 },
                          further = { .index = LIMIT_THREAD_STRIPES + 6 };
    assert_int_equal(cache_mark(c, self), 0);
    cache_mark_set(c, self, 100);
    assert_int_equal(cache_mark(c, self), 100);
    assert_int_equal(cache_mark(c, &beyond), 0);
    cache_mark_set(c, &beyond, 300);
    cache_mark_set(c, &further, 200); /* they share the largest */
    assert_int_equal(cache_mark(c, &beyond), 300);
    assert_int_equal(cache_mark(c, self), 100);
    rig_close(rig);
    rig = rig_open(&config);
    c = &rig->cache;
    atomic_store(&rig->purse.until_refusal, 0);
    cache_mark_set(c, self, 400);
    atomic_store(&rig->purse.until_refusal, -1);
    assert_true(cache_mark(c, self) >= 400); /* there is memory for its own now */
    rig_close(rig);
}

struct moment {
    struct cache *c;
    uint64_t items;
    bool locked;
};

static void
note_moment(void *ud)
{
    struct moment *m = ud;
    m->items = cache_items(m->c);
    m->locked = true;
    for (size_t i = 0; i < (size_t)1 << m->c->partition_bits; i++) {
        bool free = lock_try(&m->c->partitions[i].lock);
        if (free)
            lock_release(&m->c->partitions[i].lock);
        m->locked = m->locked && !free;
    }
}

static struct rig *
filled(unsigned shards, uint64_t keys)
{
    struct cache_config config = rig_config();
    config.shards = shards;
    struct rig *rig = rig_open(&config);
    static char large[20000];
    for (uint64_t i = 0; i < keys; i++) {
        struct name name;
        attl_slice value = i % 100 ? attl_s("some value") : attl_b(large, sizeof(large));
        rig_set(rig, name_of(i, &name), value,
                i % 2 ? START_MS + (int64_t)i * 1000 : ATTL_NO_DEADLINE);
    }
    return rig;
}

static void
moving_partitions_moves_their_sums_and_no_entry(void **state)
{
    (void)state;
    struct rig *rig = filled(4, KEYS);
    struct cache *c = &rig->cache;
    struct rng r = rng_from_seed(1);
    for (int i = 0; i < 200; i++) {
        unsigned p = (unsigned)rng_below(&r, UINT64_C(1) << c->partition_bits),
                 to = (unsigned)rng_below(&r, 4);
        unsigned from = atomic_load(&c->partitions[p].owner);
        uint64_t items = c->partitions[p].items, before = atomic_load(&c->shards[to].items);
        cache_move_partition(c, p, to);
        assert_int_equal(atomic_load(&c->partitions[p].owner), to);
        assert_int_equal(atomic_load(&c->shards[to].items), before + (from == to ? 0 : items));
    }
    assert_int_equal(cache_items(c), KEYS);
    rig_check(rig, "after moves");
    for (uint64_t i = 0; i < KEYS; i++) {
        struct name name;
        assert_true(rig_has(rig, name_of(i, &name), attl_b(NULL, 0)));
    }
    for (unsigned p = 0; p < 1u << c->partition_bits; p++)
        cache_move_partition(c, p, 2);
    assert_int_equal(atomic_load(&c->shards[2].items), KEYS);
    rig_pass(rig, 10000 * SECOND_MS); /* the old owners' chunks are drained into the new one's */
    assert_int_equal(cache_items(c), KEYS / 2);
    rig_close(rig);
}

static void
a_cleared_cache_is_empty_and_gives_its_memory_back(void **state)
{
    (void)state;
    struct rig *rig = filled(2, KEYS);
    struct cache *c = &rig->cache;
    uint64_t empty = c->fixed_bytes + atomic_load(&c->ghost_bytes);
    cache_clear(c, NULL, NULL);
    assert_int_equal(cache_items(c), 0);
    for (uint64_t i = 0; i < KEYS; i++) {
        struct name name;
        assert_false(rig_has(rig, name_of(i, &name), attl_b(NULL, 0)));
    }
    rig_collect(rig);
    rig_check(rig, "after clear");
    assert_int_equal(atomic_load(&c->extents.used_bytes), 0);
    assert_int_equal(atomic_load(&c->table_pool.used_bytes), 0);
    uint64_t open = 0;
    for (unsigned i = 0; i < 2; i++)
        open += c->shards[i].open_bytes;
    assert_int_equal(cache_used_bytes(c), empty + open); /* chunks that are open stay */
    rig_set(rig, attl_s("again"), attl_s("v"), ATTL_NO_DEADLINE);
    assert_true(rig_has(rig, attl_s("again"), attl_s("v")));
    rig_close(rig);
}

static void
clearing_tells_the_moment_with_everything_locked(void **state)
{
    (void)state;
    struct rig *rig = filled(2, 500);
    struct moment m = { .c = &rig->cache, .items = 1 };
    cache_clear(&rig->cache, note_moment, &m);
    assert_true(m.locked);
    assert_int_equal(m.items, 0);
    rig_set(rig, attl_s("after"), attl_s("v"), ATTL_NO_DEADLINE);
    cache_lock_all(&rig->cache);
    assert_false(lock_try(&rig->cache.partitions[0].lock));
    cache_unlock_all(&rig->cache);
    assert_true(rig_has(rig, attl_s("after"), attl_s("v")));
    rig_close(rig);
}

static void
a_reader_may_stay_inside_while_the_cache_is_cleared(void **state)
{
    (void)state;
    struct rig *rig = filled(1, 200);
    struct reclaim_reader *self = reclaim_self();
    struct name name;
    struct index_key k = { name_of(100, &name), 0 };
    struct read_view view;
    k.hash = cache_hash(&rig->cache, k.key);
    reclaim_enter(self);
    assert_int_equal(read_key(&rig->cache, &k, START_MS, 0, &view), ATTL_OK);
    cache_clear(&rig->cache, NULL, NULL);
    (void)limbo_collect(&rig->cache.limbo); /* must release nothing of this */
    assert_int_equal(view.value.len, 20000);
    assert_true(((const char *)view.value.data)[19999] == 0);
    assert_int_equal(read_key(&rig->cache, &k, START_MS, 0, &view), ATTL_MISS);
    reclaim_exit(self);
    rig_close(rig);
}

static void
used_memory_is_the_sum_of_its_parts(void **state)
{
    (void)state;
    struct rig *rig = filled(1, KEYS);
    struct cache *c = &rig->cache;
    uint64_t used = atomic_load(&c->chunk_pool.used_bytes) +
                    atomic_load(&c->table_pool.used_bytes) + atomic_load(&c->extents.used_bytes) +
                    atomic_load(&c->ghost_bytes) + c->fixed_bytes;
    assert_int_equal(cache_used_bytes(c), used);
    assert_true(atomic_load(&c->peak_bytes) >= used);
    assert_int_equal(atomic_load(&c->extents.used_bytes), KEYS / 100 * extent_bytes(20000));
    atomic_store(&c->max_bytes, used + 1000);
    assert_true(cache_may_use(c, 1000, false));
    assert_false(cache_may_use(c, 1001, false));
    assert_true(cache_may_use(c, 1001, true)); /* the drain has a reserve */
    assert_false(cache_may_use(c, 1001 + used / 16 + LIMIT_CHUNK_MAX_BYTES + 1000, true));
    assert_false(cache_never_fits(c, 100));
    assert_false(cache_never_fits(c, used - c->fixed_bytes - 2 * 4096));
    assert_true(cache_never_fits(c, used));
    atomic_store(&c->max_bytes, 0);
    assert_true(cache_may_use(c, UINT64_C(1) << 60, false));
    assert_false(cache_never_fits(c, UINT64_C(1) << 60));
    rig_close(rig);
}

static void
reserved_tables_do_not_grow_and_only_an_empty_cache_gets_them(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    cache_reserve(&rig->cache, KEYS);
    uint64_t rebuilds = atomic_load(&rig->cache.rebuilds);
    for (unsigned i = 0; i < KEYS / 2; i++)
        rig_put(rig, i, 8, ATTL_NO_DEADLINE);
    assert_int_equal(atomic_load(&rig->cache.rebuilds), rebuilds);
    uint64_t used_bytes = cache_used_bytes(&rig->cache);
    cache_reserve(&rig->cache, UINT64_C(100) * KEYS);
    assert_int_equal(cache_used_bytes(&rig->cache), used_bytes);
    rig_close(rig);

    config.max_bytes = 4 * MIB; /* tables that would not fit are not made */
    rig = rig_open(&config);
    used_bytes = cache_used_bytes(&rig->cache);
    cache_reserve(&rig->cache, UINT64_C(1) << 40);
    assert_int_equal(cache_used_bytes(&rig->cache), used_bytes);
    rig_close(rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_caches_have_small_parts),
        cmocka_unit_test(each_allocation_may_be_refused),
        cmocka_unit_test(secrets_differ_from_cache_to_cache),
        cmocka_unit_test(counters_of_all_threads_add_up_and_outlive_them),
        cmocka_unit_test(threads_without_memory_for_counters_share_some),
        cmocka_unit_test(marks_belong_to_threads_and_are_not_lost_with_memory),
        cmocka_unit_test(clearing_tells_the_moment_with_everything_locked),
        cmocka_unit_test(moving_partitions_moves_their_sums_and_no_entry),
        cmocka_unit_test(a_cleared_cache_is_empty_and_gives_its_memory_back),
        cmocka_unit_test(a_reader_may_stay_inside_while_the_cache_is_cleared),
        cmocka_unit_test(used_memory_is_the_sum_of_its_parts),
        cmocka_unit_test(reserved_tables_do_not_grow_and_only_an_empty_cache_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
