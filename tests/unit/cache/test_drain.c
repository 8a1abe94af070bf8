/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain in each of its roles: it drops what has expired when that is due and cascades the rest,
 * evicts in the policy's order, compacts without losing anything, empties scattered arenas, and
 * gives room. A drain without memory loses nothing and goes on later. Beside it writers change the
 * very records it is moving, and the newest value always wins.
 */
#include "cache/drain.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000, TICK_MS = 1 << WHEEL_TICK_SHIFT, MIB = 1 << 20, HOLD_MAX = 60000 };

static int
setup(void **state)
{
    struct cache_config config = rig_config();
    *state = rig_open(&config);
    return 0;
}

static int
teardown(void **state)
{
    rig_close(*state);
    return 0;
}

static void
put(struct rig *rig, uint64_t i, size_t len, int64_t deadline_ms)
{
    static char value[LIMIT_INLINE_VALUE_BYTES];
    struct name name;
    memset(value, (int)i, len);
    rig_set(rig, name_of(i, &name), attl_b(value, len), deadline_ms);
}

static bool
has(struct rig *rig, uint64_t i, size_t len)
{
    char value[LIMIT_INLINE_VALUE_BYTES];
    struct name name;
    memset(value, (int)i, len);
    return rig_has(rig, name_of(i, &name), attl_b(value, len));
}

static void
touch(struct rig *rig, uint64_t i, unsigned times)
{
    struct reclaim_reader *self = reclaim_self();
    struct name name;
    struct index_key k = { .key = name_of(i, &name) };
    struct read_view view;
    k.hash = cache_hash(&rig->cache, k.key);
    int status = ATTL_OK;
    reclaim_enter(self);
    for (; times > 0 && status == ATTL_OK; times--)
        status = read_key(&rig->cache, &k, rig->now_ms, READ_TOUCH, &view);
    reclaim_exit(self);
    if (status != ATTL_OK)
        fail_msg("key %u is not there to be touched", (unsigned)i);
}

static uint64_t
counter(const struct rig *rig, enum cache_counter which)
{
    return cache_counter_sum(&rig->cache, which);
}

static struct shard *
first_shard(struct rig *rig)
{
    return &rig->cache.shards[0];
}

/* ---- expiry and cascade ---------------------------------------------------------------------- */

/* Every record lies in the slot where it would be put now; later ones may lie in an earlier slot.
 */
static void
check_slots(struct rig *rig, const int64_t *deadlines_ms, uint64_t keys)
{
    for (uint64_t i = 0; i < keys; i++) {
        struct name name;
        struct entry e;
        rig_lock(rig, name_of(i, &name), &e);
        assert_int_equal(e.found, deadlines_ms[i] > rig->now_ms);
        if (e.found) {
            struct chunk *c = region_chunk(&rig->cache.region, index_address(e.pos));
            assert_int_equal(c->slot, wheel_slot(&first_shard(rig)->wheel, deadlines_ms[i]));
        }
        rig_unlock(&e);
    }
}

static void
what_has_expired_goes_in_its_tick_and_nothing_else_does(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(1);
    static int64_t deadlines_ms[KEYS];
    for (uint64_t i = 0; i < KEYS; i++) {
        deadlines_ms[i] = START_MS + 1 +
                          (int64_t)rng_below(&r, (uint64_t)(i % 2 ? HOUR_MS : DAY_MS));
        put(rig, i, 20 + i % 50, deadlines_ms[i]);
    }
    int64_t step_ms = 700;
    while (cache_items(&rig->cache) > 0) {
        uint64_t alive = 0, in_time = 0;
        rig_pass(rig, step_ms);
        step_ms += step_ms / 4;
        for (uint64_t i = 0; i < KEYS; i++) {
            alive += deadlines_ms[i] > rig->now_ms;
            in_time += deadlines_ms[i] > rig->now_ms - TICK_MS;
        }
        assert_in_range(cache_items(&rig->cache), alive, in_time);
        check_slots(rig, deadlines_ms, KEYS); /* removes the stragglers */
        assert_int_equal(cache_items(&rig->cache), alive);
        rig_check(rig, "while entries expire");
    }
    assert_int_equal(counter(rig, COUNT_EXPIRED), KEYS);
    assert_int_equal(counter(rig, COUNT_EVICTED), 0);
    assert_in_range(counter(rig, COUNT_RECORDS_COPIED), 1,
                    3 * KEYS); /* one per level below the first */
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.chunk_pool.used_bytes), 0);
}

static void
lag_is_measured_from_the_deadline(void **state)
{
    struct rig *rig = *state;
    put(rig, 0, 10, START_MS + 1000);
    put(rig, 1, 10, START_MS + 1100);
    rig_pass(rig, 5000);
    assert_int_equal(counter(rig, COUNT_EXPIRED), 2);
    assert_int_equal(counter(rig, COUNT_LAG_SUM_MS), 4000 + 3900);
    assert_int_equal(atomic_load(&rig->cache.lag_max_ms), 4000);
}

/* A life that is prolonged all the time costs one copy per old deadline, not one per change. */
static void
a_sliding_deadline_is_followed_lazily(void **state)
{
    struct rig *rig = *state;
    put(rig, 0, 10, START_MS + 10 * SECOND_MS);
    for (int i = 1; i <= 1000; i++) {
        struct name name;
        struct entry e;
        rig_pass(rig, 100);
        rig_lock(rig, name_of(0, &name), &e);
        assert_true(e.found);
        assert_int_equal(entry_set_deadline(&e, rig->now_ms + 10 * SECOND_MS), ATTL_OK);
        rig_unlock(&e);
    }
    assert_in_range(counter(rig, COUNT_RECORDS_COPIED), 9, 30);
    struct name name;
    struct entry e;
    rig_lock(rig, name_of(0, &name), &e);
    assert_int_equal(entry_set_deadline(&e, ATTL_NO_DEADLINE), ATTL_OK);
    rig_unlock(&e);
    rig_pass(rig, HOUR_MS);
    assert_true(has(rig, 0, 10));
    assert_int_equal(shard_next_due(first_shard(rig)),
                     INT64_MAX); /* it has moved where nothing comes due */
}

static void
large_values_expire_with_their_extents(void **state)
{
    struct rig *rig = *state;
    static char large[50000];
    for (uint64_t i = 0; i < 50; i++) {
        struct name name;
        rig_set(rig, name_of(i, &name), attl_b(large, sizeof(large)),
                START_MS + (i % 2 ? HOUR_MS : 2 * HOUR_MS));
    }
    rig_pass(rig, HOUR_MS + SECOND_MS);
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 25 * extent_bytes(sizeof(large)));
    rig_pass(rig, HOUR_MS);
    rig_collect(rig);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 0);
}

/* Found by reading, then here: such a chunk was in no wheel slot, and its entries stayed for ever.
 */
static void
entries_of_a_partly_evicted_chunk_expire_on_time(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 1500; i++)
        put(rig, i, 20, START_MS + 5000);
    assert_int_equal(cache_items(&rig->cache), 1000);
    rig_pass(rig, 5000 + TICK_MS);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_int_equal(shard_next_due(first_shard(rig)), INT64_MAX);
}

/* ---- eviction -------------------------------------------------------------------------------- */

static void
unused_entries_go_in_the_order_they_came(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < KEYS; i++) {
        put(rig, i, 20, ATTL_NO_DEADLINE);
        assert_true(cache_items(&rig->cache) <= 500);
    }
    unsigned strangers =
        0; /* a fingerprint in the ghost may be another key's: such a key is kept */
    for (uint64_t i = 0; i < KEYS; i++)
        strangers += has(rig, i, 20) != (i >= KEYS - 500);
    assert_in_range(strangers, 0, 24);
    assert_int_equal(counter(rig, COUNT_EVICTED), KEYS - 500);
}

/* All are used at first, and so promoted, which clears their uses; from then on only 25 are used.
 */
static void
used_entries_survive_as_long_as_they_are_used(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 3 * KEYS; i++) {
        put(rig, i, 20, ATTL_NO_DEADLINE);
        touch(rig, i, 2);
        for (uint64_t hot = 400; i >= 1000 && i % 100 == 0 && hot < 425; hot++)
            touch(rig, hot, 1);
    }
    for (uint64_t i = 0; i < 2000; i++)
        assert_int_equal(has(rig, i, 20), i >= 400 && i < 425);
    int64_t survivors = atomic_load(&first_shard(rig)->live_bytes[GEN_SURVIVOR]);
    int64_t newcomers = atomic_load(&first_shard(rig)->live_bytes[GEN_NEW]);
    assert_in_range(newcomers * 100 / (survivors + newcomers), 5,
                    20); /* a tenth to prove themselves */
    rig_check(rig, "after evictions");
}

static void
a_key_that_comes_back_from_the_ghost_is_a_survivor(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < 600; i++)
        put(rig, i, 20, ATTL_NO_DEADLINE);
    assert_false(has(rig, 90, 20));
    put(rig, 90, 20, ATTL_NO_DEADLINE);
    assert_int_equal(counter(rig, COUNT_GHOST_HITS), 1);
    for (uint64_t i = 1000; i < 1450; i++)
        put(rig, i, 20, ATTL_NO_DEADLINE);
    assert_true(has(rig, 90, 20)); /* newcomers of its time have gone */
    assert_false(has(rig, 550, 20));
}

static void
volatile_ttl_takes_the_soonest_and_never_the_immortal(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.policy, EVICT_VOLATILE_TTL);
    for (uint64_t i = 0; i < 600; i++)
        put(rig, i, 20, i % 3 ? START_MS + (int64_t)(1 + i * 7 % 600) * HOUR_MS : ATTL_NO_DEADLINE);
    struct drain_done done = { 0 };
    while (done.evicted < 200)
        drain_step(&rig->cache, first_shard(rig), DRAIN_EVICT, rig->now_ms, 1, &done);
    int64_t earliest_left = INT64_MAX, latest_gone = 0;
    for (uint64_t i = 0; i < 600; i++) {
        int64_t life = (int64_t)(1 + i * 7 % 600);
        if (i % 3 == 0)
            assert_true(has(rig, i, 20));
        else if (has(rig, i, 20))
            earliest_left = life < earliest_left ? life : earliest_left;
        else
            latest_gone = life > latest_gone ? life : latest_gone;
    }
    assert_true(latest_gone <= earliest_left + 6); /* within a slot of 5 hours any order will do */
    done = rig_drain(rig, DRAIN_EVICT);
    assert_int_equal(cache_items(&rig->cache), 200);
    rig_collect(rig);
    assert_false(drain_make_room(&rig->cache, first_shard(rig), rig->now_ms));
    for (uint64_t i = 0; i < 600; i += 3)
        assert_true(has(rig, i, 20));
}

static void
expired_entries_go_before_living_ones(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.max_items, 1000);
    for (uint64_t i = 0; i < 500; i++)
        put(rig, i, 20, ATTL_NO_DEADLINE);
    for (uint64_t i = 500; i < 1000; i++)
        put(rig, i, 20, START_MS + 100 + (int64_t)i);
    rig->now_ms = START_MS + 1100; /* nobody has drained anything */
    for (uint64_t i = 1000; i < 1500; i++)
        put(rig, i, 20, ATTL_NO_DEADLINE);
    for (uint64_t i = 0; i < 1500; i++)
        assert_int_equal(has(rig, i, 20), i < 500 || i >= 1000);
    assert_int_equal(counter(rig, COUNT_EVICTED), 0);
    assert_int_equal(counter(rig, COUNT_EXPIRED), 500);
}

static void
a_memory_limit_is_kept_by_evicting(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(2);
    atomic_store(&rig->cache.max_bytes, 3 * MIB);
    uint64_t reserve = 3 * MIB / 16 + LIMIT_CHUNK_MAX_BYTES;
    for (uint64_t i = 0; i < 20000; i++) {
        put(rig, i, rng_below(&r, 2000), rng_one_in(&r, 3) ? ATTL_NO_DEADLINE : START_MS + DAY_MS);
        assert_true(cache_used_bytes(&rig->cache) <= 3 * MIB + reserve);
    }
    assert_true(counter(rig, COUNT_EVICTED) > 10000);
    assert_true(cache_items(&rig->cache) > 1000); /* and the room is used */
}

static void
without_eviction_a_full_cache_refuses_and_loses_nothing(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_bytes, 2 * MIB);
    uint64_t stored = 0;
    for (;; stored++) {
        struct name name;
        char value[100];
        memset(value, (int)stored, sizeof(value));
        int status = rig_try_set(rig, name_of(stored, &name), attl_b(value, 100), ATTL_NO_DEADLINE);
        if (status == ATTL_E_FULL && !drain_make_room(&rig->cache, first_shard(rig), rig->now_ms))
            break;
        stored -= status != ATTL_OK;
    }
    for (uint64_t i = 0; i < stored; i++)
        assert_true(has(rig, i, 100));
    assert_int_equal(counter(rig, COUNT_EVICTED), 0);
    for (uint64_t i = 0; i < stored; i += 2) { /* dead space is room */
        struct name name;
        assert_true(rig_del(rig, name_of(i, &name)));
    }
    for (uint64_t i = 0; i < stored / 4; i++)
        put(rig, HOLD_MAX + i, 100, ATTL_NO_DEADLINE);
    for (uint64_t i = 1; i < stored; i += 2)
        assert_true(has(rig, i, 100));
}

/* Both limits reached: what is overwritten leaves dead space, and that is room enough. */
static void
a_full_cache_without_eviction_still_takes_overwrites(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(7);
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_items, 500);
    for (uint64_t i = 0; i < 500; i++)
        put(rig, i, 1000, ATTL_NO_DEADLINE);
    atomic_store(&rig->cache.max_bytes, 3 * MIB);
    static size_t lens[500];
    for (int n = 0; n < 10000; n++) {
        uint64_t i = rng_below(&r, 500);
        lens[i] = rng_range(&r, 900, 1100);
        put(rig, i, lens[i], ATTL_NO_DEADLINE);
    }
    for (uint64_t i = 0; i < 500; i++)
        assert_true(has(rig, i, lens[i]));
    assert_int_equal(counter(rig, COUNT_EVICTED), 0);
}

static void
lowered_limits_hold_after_one_call(void **state)
{
    struct rig *rig = *state;
    for (uint64_t i = 0; i < KEYS; i++)
        put(rig, i, 1000, ATTL_NO_DEADLINE);
    atomic_store(&rig->cache.max_items, 700);
    drain_to_limits(&rig->cache, rig->now_ms);
    assert_in_range(cache_items(&rig->cache), 600, 700);
    atomic_store(&rig->cache.max_bytes, MIB / 2);
    drain_to_limits(&rig->cache, rig->now_ms);
    assert_in_range(cache_used_bytes(&rig->cache), 0, MIB / 2);
    atomic_store(&rig->cache.policy, EVICT_NONE);
    atomic_store(&rig->cache.max_items, 1);
    drain_to_limits(&rig->cache, rig->now_ms); /* ends, although it cannot succeed */
    assert_true(cache_items(&rig->cache) > 1);
}

/* ---- cleaning, moving ------------------------------------------------------------------------ */

static void
cleaning_keeps_the_living_and_frees_the_rest(void **state)
{
    struct rig *rig = *state;
    struct rng r = rng_from_seed(3);
    static bool there[20000];
    for (uint64_t i = 0; i < 20000; i++)
        put(rig, i, 150, i % 2 ? ATTL_NO_DEADLINE : START_MS + DAY_MS);
    memset(there, 1, sizeof(there));
    for (uint64_t i = 0; i < 16000; i++) {
        struct name name;
        uint64_t key = rng_below(&r, 20000);
        assert_int_equal(rig_del(rig, name_of(key, &name)), there[key]);
        there[key] = false;
    }
    uint64_t before = atomic_load(&rig->cache.chunk_pool.used_bytes);
    assert_true(shard_wants_cleaning(first_shard(rig)));
    for (unsigned round = 0; shard_wants_cleaning(first_shard(rig)); round++) {
        struct drain_done done = { 0 };
        assert_true(round < 10000);
        drain_step(&rig->cache, first_shard(rig), DRAIN_CLEAN, rig->now_ms, 64, &done);
        assert_true(!done.blocked && done.evicted == 0 && done.expired == 0);
    }
    rig_collect(rig);
    for (uint64_t i = 0; i < 20000; i++)
        assert_int_equal(has(rig, i, 150), there[i]);
    uint64_t after = atomic_load(&rig->cache.chunk_pool.used_bytes);
    assert_true(after < before * 2 / 3);
    assert_true(after * 75 < cache_items(&rig->cache) * 176 * 100); /* at least 3/4 of it alive */
}

/* One chunk in 32 stays: next to nothing to clean, and no arena is empty. */
static struct rig *
scattered(bool there[40000])
{
    struct cache_config config = rig_config();
    config.max_bytes = 64 * MIB; /* chunks of 64 KiB */
    struct rig *rig = rig_open(&config);
    for (uint64_t i = 0; i < 40000; i++)
        put(rig, i, 1000, ATTL_NO_DEADLINE);
    for (uint64_t i = 0; i < 40000; i++) {
        struct name name;
        there[i] = i / 62 % 32 == 0;
        if (!there[i])
            assert_true(rig_del(rig, name_of(i, &name)));
    }
    rig_collect(rig);
    (void)arena_pool_trim(&rig->cache.chunk_pool, 0, 1000); /* what is empty already */
    return rig;
}

static void
scattered_arenas_are_emptied_and_given_back(void **state)
{
    (void)state;
    static bool there[40000];
    struct rig *rig = scattered(there);
    struct cache *c = &rig->cache;
    uint64_t before = atomic_load(&c->region.committed_bytes);
    unsigned steps = 0;
    while (arena_pool_defragment(&c->chunk_pool)) {
        struct drain_done done = { 0 };
        assert_true(++steps < 10000);
        drain_step(c, first_shard(rig), DRAIN_MOVE, rig->now_ms, 64, &done);
        assert_true(!done.blocked && done.evicted == 0 && done.expired == 0);
        rig_collect(rig);
        (void)arena_pool_trim(&c->chunk_pool, 0, 1000); /* the one that was emptied */
    }
    rig_check(rig, "after moving");
    uint64_t after = atomic_load(&c->region.committed_bytes);
    print_message("%u steps, %u KiB before, %u KiB after\n", steps, (unsigned)(before >> 10),
                  (unsigned)(after >> 10));
    for (uint64_t i = 0; i < 40000; i++)
        assert_int_equal(has(rig, i, 1000), there[i]);
    assert_true(before > 30 * (uint64_t)MIB && after < before / 2);
    rig_close(rig);
}

static void
writers_pay_their_debts_in_small_coin(void **state)
{
    struct rig *rig = *state;
    struct shard *s = first_shard(rig);
    atomic_store(&rig->cache.max_bytes, 4 * MIB);
    uint64_t i = 0;
    while (cache_used_bytes(&rig->cache) < 4 * MIB - MIB / 64)
        put(rig, i++, 200, ATTL_NO_DEADLINE);
    assert_true(atomic_load(&s->owes));
    uint64_t items = cache_items(&rig->cache);
    bool freed = drain_assist(&rig->cache, s, rig->now_ms);
    uint64_t gone = items - cache_items(&rig->cache);
    assert_in_range(gone, 1, 40); /* a little at a time */
    for (unsigned steps = 0; !freed; steps++) {
        assert_true(steps < 10000);
        freed = drain_assist(&rig->cache, s, rig->now_ms);
    }
    atomic_store(&rig->cache.max_bytes, 0);
    assert_false(drain_assist(&rig->cache, s, rig->now_ms));
    assert_false(atomic_load(&s->owes)); /* nothing to do: nobody asks again */
}

/* ---- without memory -------------------------------------------------------------------------- */

struct hoard {
    void *taken[4096];
    unsigned count;
};

/* Takes all chunk memory there is, and lets no more be committed. */
static void
hoard_all(struct rig *rig, struct hoard *h)
{
    atomic_store(&rig->cache.region.commits_until_failure, 0);
    h->count = 0;
    while (h->count < 4096 &&
           (h->taken[h->count] = arena_pool_alloc(&rig->cache.chunk_pool, 4096)) != NULL)
        h->count++;
}

static void
hoard_return(struct rig *rig, struct hoard *h)
{
    while (h->count > 0)
        arena_pool_free(&rig->cache.chunk_pool, h->taken[--h->count], 4096);
    atomic_store(&rig->cache.region.commits_until_failure, -1);
}

static void
a_drain_without_memory_loses_nothing_and_goes_on_later(void **state)
{
    struct rig *rig = *state;
    static struct hoard hoard;
    static const enum drain_reason reasons[] = { DRAIN_DUE, DRAIN_CLEAN, DRAIN_EVICT };
    for (uint64_t i = 0; i < KEYS; i++)
        put(rig, i, 200, START_MS + 40 * SECOND_MS + (int64_t)(i % 100) * SECOND_MS);
    for (uint64_t i = 0; i < KEYS; i += 3) {
        struct name name;
        assert_true(rig_del(rig, name_of(i, &name)));
    }
    for (size_t n = 0; n < 3; n++) {
        struct drain_done done = { 0 };
        hoard_all(rig, &hoard);
        for (uint64_t i = 1; n == 2 && i < KEYS; i++)
            if (i % 3)
                touch(rig, i, 2); /* eviction would keep them */
        if (reasons[n] == DRAIN_DUE) {
            rig->now_ms += 35 * SECOND_MS; /* the coarse slot comes, nothing has expired */
            shard_advance(first_shard(rig), rig->now_ms);
        }
        for (int tries = 0; tries < 20; tries++)
            drain_step(&rig->cache, first_shard(rig), reasons[n], rig->now_ms, 64, &done);
        assert_true(done.blocked);
        assert_int_equal(done.evicted + done.expired, 0);
        for (uint64_t i = 0; i < KEYS; i++)
            assert_int_equal(has(rig, i, 200), i % 3 != 0);
        hoard_return(rig, &hoard);
        rig_check(rig, "after a blocked drain");
        done = rig_drain(rig, DRAIN_DUE);
        assert_true(done.finished && !done.blocked);
    }
    for (uint64_t i = 0; i < KEYS; i++)
        assert_int_equal(has(rig, i, 200), i % 3 != 0);
}

static void
what_has_expired_needs_no_memory_to_go(void **state)
{
    struct rig *rig = *state;
    static struct hoard hoard;
    for (uint64_t i = 0; i < KEYS; i++)
        put(rig, i, 200, START_MS + 40 * SECOND_MS + (int64_t)(i % 100));
    hoard_all(rig, &hoard);
    rig->now_ms += 60 * SECOND_MS;
    shard_advance(first_shard(rig), rig->now_ms);
    struct drain_done done = rig_drain(rig, DRAIN_DUE);
    assert_true(!done.blocked);
    assert_int_equal(cache_items(&rig->cache), 0);
    hoard_return(rig, &hoard);
}

/* ---- with others at work --------------------------------------------------------------------- */

/* A drainer that holds a chunk, stopped in the middle: the clock must not forget what it has in
 * hand. */
static void *
drain_due(void *arg)
{
    struct rig *rig = arg;
    struct drain_done done = { 0 };
    drain_step(&rig->cache, first_shard(rig), DRAIN_DUE, rig->now_ms, 1000, &done);
    return NULL;
}

static void
a_chunk_in_somebodys_hands_is_still_due(void **state)
{
    struct rig *rig = *state;
    struct entry e;
    struct name name;
    pthread_t thread;
    for (uint64_t i = 0; i < 20; i++)
        put(rig, i, 20, START_MS + 1000);
    rig_lock(rig, name_of(7, &name), &e);
    rig->now_ms += 5000;
    shard_advance(first_shard(rig), rig->now_ms);
    assert_int_equal(pthread_create(&thread, NULL, drain_due, rig), 0);
    while (lock_try(&first_shard(rig)->drain_lock)) { /* until the other has it */
        lock_release(&first_shard(rig)->drain_lock);
        (void)sched_yield();
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(shard_next_due(first_shard(rig)), 0);
        assert_true(atomic_load(&first_shard(rig)->earliest_ms) <= START_MS + 1000);
        (void)sched_yield();
    }
    rig_unlock(&e);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_int_equal(shard_next_due(first_shard(rig)), INT64_MAX);
}

enum { BATTLE_KEYS = 200, BATTLE_WRITES = 12000 };

struct battle {
    struct rig *rig;
    _Atomic bool stop;
};

/* Moves everything all the time; nothing has reason to go. */
static void *
drain_everything(void *arg)
{
    struct battle *b = arg;
    struct rng r = rng_from_seed(5);
    while (!atomic_load(&b->stop)) {
        struct drain_done done = { 0 };
        enum drain_reason reason = rng_one_in(&r, 2) ? DRAIN_CLEAN : DRAIN_EVICT;
        struct shard *s = &b->rig->cache.shards[rng_below(&r, b->rig->cache.shard_count)];
        drain_step(&b->rig->cache, s, reason, START_MS, (unsigned)rng_range(&r, 1, 30), &done);
        CHECK(done.evicted == 0 && done.expired == 0 && !done.blocked, "something went");
        if (rng_one_in(&r, 16))
            (void)limbo_collect(&b->rig->cache.limbo);
        if (rng_one_in(&r, 8))
            cache_move_partition(&b->rig->cache, (unsigned)rng_below(&r, 64),
                                 (unsigned)rng_below(&r, 2));
    }
    return NULL;
}

static void
the_newest_value_wins_over_a_drain_in_progress(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    config.shards = 2;
    config.policy = EVICT_NONE; /* "evicting" then keeps everything */
    struct rig *rig = rig_open(&config);
    struct battle b = { .rig = rig };
    struct rng r = rng_from_seed(6);
    uint64_t newest[BATTLE_KEYS] = { 0 };
    pthread_t drainer;
    assert_int_equal(pthread_create(&drainer, NULL, drain_everything, &b), 0);
    for (uint64_t serial = 1; serial <= BATTLE_WRITES; serial++) {
        struct name name;
        uint64_t key = rng_below(&r, BATTLE_KEYS), value[40] = { serial };
        size_t len = rng_one_in(&r, 2) ? 80 : 8 * (1 + rng_below(&r, 39)); /* often in place */
        int64_t deadline_ms = rng_one_in(&r, 4) ? ATTL_NO_DEADLINE : START_MS + DAY_MS;
        rig_set(rig, name_of(key, &name), attl_b(value, len), deadline_ms);
        newest[key] = serial;
        uint64_t other = rng_below(&r, BATTLE_KEYS);
        struct entry e;
        rig_lock(rig, name_of(other, &name), &e);
        CHECK(e.found == (newest[other] != 0), "key %" PRIu64 " is lost", other);
        if (e.found)
            CHECK(memcmp(entry_value(&e).data, &newest[other], 8) == 0, "key %" PRIu64 " is old",
                  other);
        rig_unlock(&e);
        if (serial % 512 == 0)
            (void)sched_yield();
    }
    atomic_store(&b.stop, true);
    assert_int_equal(pthread_join(drainer, NULL), 0);
    for (uint64_t i = 0; i < BATTLE_KEYS; i++) {
        struct name name;
        struct entry e;
        rig_lock(rig, name_of(i, &name), &e);
        assert_true(e.found && memcmp(entry_value(&e).data, &newest[i], 8) == 0);
        rig_unlock(&e);
    }
    assert_true(counter(rig, COUNT_RECORDS_COPIED) > 100);
    rig_close(rig);
}

#define DRAIN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DRAIN_TEST(what_has_expired_goes_in_its_tick_and_nothing_else_does),
        DRAIN_TEST(lag_is_measured_from_the_deadline),
        DRAIN_TEST(a_sliding_deadline_is_followed_lazily),
        DRAIN_TEST(large_values_expire_with_their_extents),
        DRAIN_TEST(entries_of_a_partly_evicted_chunk_expire_on_time),
        DRAIN_TEST(unused_entries_go_in_the_order_they_came),
        DRAIN_TEST(used_entries_survive_as_long_as_they_are_used),
        DRAIN_TEST(a_key_that_comes_back_from_the_ghost_is_a_survivor),
        DRAIN_TEST(volatile_ttl_takes_the_soonest_and_never_the_immortal),
        DRAIN_TEST(expired_entries_go_before_living_ones),
        DRAIN_TEST(a_memory_limit_is_kept_by_evicting),
        DRAIN_TEST(without_eviction_a_full_cache_refuses_and_loses_nothing),
        DRAIN_TEST(a_full_cache_without_eviction_still_takes_overwrites),
        DRAIN_TEST(lowered_limits_hold_after_one_call),
        DRAIN_TEST(cleaning_keeps_the_living_and_frees_the_rest),
        cmocka_unit_test(scattered_arenas_are_emptied_and_given_back),
        DRAIN_TEST(writers_pay_their_debts_in_small_coin),
        DRAIN_TEST(a_drain_without_memory_loses_nothing_and_goes_on_later),
        DRAIN_TEST(what_has_expired_needs_no_memory_to_go),
        DRAIN_TEST(a_chunk_in_somebodys_hands_is_still_due),
        cmocka_unit_test(the_newest_value_wins_over_a_drain_in_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
