/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balancer of a real cache on a simulated clock: traffic on keys whose shard is known, looks by
 * attl_tick(), and what it says and does. Loads come from operations that really run and are
 * sampled at random, so the cases leave room for chance. The loop's promise to an idle cache is
 * checked by asking attl_tick() when it wants to run again.
 */
#include "support/check.h"
#include "support/sim.h"
#include "support/unit.h"

#include <attl/attl_unstable.h>

#include <stdio.h>

enum { INTERVAL_MS = 5000, SHARDS = 4, KEYS = 20000, HEAVY_OPS = 400000 };

static attl *
open_cache(struct fixture *f)
{
    static const struct sim_option options[] = { { "cache.num_shards", "4" },
                                                 { "balancer.interval", "5s" },
                                                 { "balancer.imbalance_threshold", "1.3" },
                                                 { "balancer.budget", "256" },
                                                 { "cache.default_ttl", "0" },
                                                 { "validation.mode", "binary" },
                                                 { NULL, NULL } };
    attl_close(&f->cache);
    f->cache = sim_open(&f->sim, options);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "key:%d", i);
        put(f->cache, key, "value", 0);
    }
    return f->cache;
}

/* Reads keys; every `skew`-th goes to the same few hundred, 0: none does. */
static void
traffic(attl *cache, int ops, int skew)
{
    char key[32], buf[64];
    size_t len;
    for (int i = 0; i < ops; i++) {
        int k = skew && i % skew ? i * 7 % 300 : (int)((unsigned)i * 7919u % KEYS);
        (void)snprintf(key, sizeof(key), "key:%d", k);
        ASSERT_STATUS(attl_get(cache, attl_s(key), buf, sizeof(buf), &len), ATTL_OK);
    }
}

static attl_balance_stats
stats_of(attl *cache)
{
    attl_balance_stats st = { .struct_size = sizeof(st) };
    attl_balance_stats_get(cache, &st);
    return st;
}

/* A look: traffic of an interval, then the tick in which it is due. */
static void
interval(struct fixture *f, int ops, int skew)
{
    traffic(f->cache, ops, skew);
    attl_tick(f->cache, 0, NULL);
    sim_advance(&f->sim, INTERVAL_MS);
    attl_tick(f->cache, 0, NULL);
}

/* Gives all partitions with an even number to shard 0. */
static void
crowd_shard_0(attl *cache)
{
    uint64_t partitions = sim_stats(cache).partitions;
    for (uint64_t p = 0; p < partitions; p += 2)
        attl_unstable_partition_move(cache, p, 0);
}

static void
an_uneven_cache_is_balanced_at_the_second_look(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    crowd_shard_0(cache);
    interval(f, HEAVY_OPS, 0);
    assert_true(stats_of(cache).looks >= 1);
    assert_true(stats_of(cache).imbalance > 1.5);
    assert_int_equal(stats_of(cache).rebalances, 0);
    interval(f, HEAVY_OPS, 0);
    attl_balance_stats st = stats_of(cache);
    assert_int_equal(st.rebalances, 1);
    assert_true(st.partitions_moved > 0 && st.entries_moved > 0 && st.bytes_moved > 0);
    assert_int_equal(st.moved_at_ms, sim_now(&f->sim));
    for (int i = 0; i < 3; i++)
        interval(f, HEAVY_OPS, 0);
    st = stats_of(cache);
    assert_true(st.imbalance < 1.3);
    sim_check(cache, "after balancing");
}

static void
an_even_cache_is_left_alone_for_ten_minutes(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    for (int i = 0; i < 600000 / INTERVAL_MS; i++)
        interval(f, 40000, 0);
    attl_balance_stats st = stats_of(cache);
    assert_true(st.looks >= 100);
    assert_int_equal(st.partitions_moved, 0);
    assert_true(st.noise > 0.05 && st.noise < 5);
}

static void
a_dry_run_says_what_it_would_do_and_moves_nothing(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    crowd_shard_0(cache);
    traffic(cache, HEAVY_OPS, 0);
    uint64_t moves = sim_stats(cache).partition_moves;
    attl_balance_report r = { .struct_size = sizeof(r) };
    sim_advance(&f->sim, 1000);
    ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, &r), ATTL_OK);
    assert_int_equal(r.dry_run, 1);
    assert_int_equal(r.asked_for, 1);
    assert_true(r.count > 0 && r.before > 1.5 && r.after < r.before && r.entries > 0);
    assert_non_null(strstr(r.why, "max/mean"));
    assert_int_equal(sim_stats(cache).partition_moves, moves);
    assert_int_equal(stats_of(cache).partitions_moved, 0);
    ASSERT_STATUS(attl_balance(cache, 0, &r), ATTL_OK);
    assert_int_equal(r.dry_run, 0);
    assert_true(sim_stats(cache).partition_moves == moves + r.count);
    ASSERT_STATUS(attl_balance(cache, 0x80, &r), ATTL_E_INVALID);
    ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, NULL), ATTL_OK);
}

struct sum {
    uint64_t shards, partitions, items, bytes, load, cycles, moves, dry;
    double share;
};

static void
add_shard(void *ud, const attl_shard_info *s)
{
    struct sum *sum = ud;
    assert_int_equal(s->shard, sum->shards);
    sum->shards++;
    sum->partitions += s->partitions;
    sum->items += s->items;
    sum->bytes += s->bytes;
    sum->load += s->load_ns;
    sum->share += s->share;
}

static void
shards_add_up_to_the_cache(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    struct sum sum = { 0 };
    sim_advance(&f->sim, 1000);
    traffic(cache, HEAVY_OPS, 0);
    ASSERT_STATUS(attl_shards_list(cache, add_shard, &sum), ATTL_OK);
    attl_stats st = sim_stats(cache);
    assert_int_equal(sum.shards, SHARDS);
    assert_int_equal(sum.partitions, st.partitions);
    assert_int_equal(sum.items, KEYS);
    assert_int_equal(sum.bytes, st.mem_live + st.mem_extents);
    assert_true(sum.load > 0);
    assert_true(sum.share > SHARDS - 0.01 && sum.share < SHARDS + 0.01);
}

static void
add_partition(void *ud, const attl_partition_info *p)
{
    struct sum *sum = ud;
    assert_int_equal(p->struct_size, sizeof *p);
    assert_int_equal(p->partition, sum->partitions);
    assert_true(p->shard < SHARDS);
    sum->partitions++;
    sum->items += p->items;
    sum->bytes += p->bytes;
    sum->load += p->load_ns;
}

static void
partitions_add_up_to_the_cache(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    struct sum sum = { 0 };
    sim_advance(&f->sim, 1000);
    traffic(cache, HEAVY_OPS, 0);
    ASSERT_STATUS(attl_partitions_list(cache, add_partition, &sum), ATTL_OK);
    attl_stats st = sim_stats(cache);
    assert_int_equal(sum.partitions, st.partitions);
    assert_int_equal(sum.items, KEYS);
    assert_int_equal(sum.bytes, st.mem_live + st.mem_extents);
    assert_true(sum.load > 0);
}

static void
add_cycle(void *ud, const attl_balance_report *r)
{
    struct sum *sum = ud;
    sum->cycles++;
    sum->moves += r->count;
    sum->dry += r->dry_run;
    for (uint32_t i = 0; i < r->count; i++)
        assert_true(r->moves[i].from != r->moves[i].to && r->moves[i].to < SHARDS);
}

static void
the_last_cycles_are_remembered_newest_first(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    struct sum sum = { 0 };
    crowd_shard_0(cache);
    traffic(cache, HEAVY_OPS, 0);
    sim_advance(&f->sim, 1000);
    ASSERT_STATUS(attl_balance_history(cache, 100, add_cycle, &sum), ATTL_OK);
    assert_int_equal(sum.cycles, 0);
    ASSERT_STATUS(attl_balance(cache, 0, NULL), ATTL_OK);
    ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, NULL), ATTL_OK);
    ASSERT_STATUS(attl_balance_history(cache, 1, add_cycle, &sum), ATTL_OK);
    assert_int_equal(sum.dry, 1);
    ASSERT_STATUS(attl_balance_history(cache, 100, add_cycle, &sum), ATTL_OK);
    assert_int_equal(sum.cycles, 3);
    assert_true(sum.moves > 0);
    for (int i = 0; i < 40; i++)
        ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, NULL), ATTL_OK);
    memset(&sum, 0, sizeof(sum));
    ASSERT_STATUS(attl_balance_history(cache, 100, add_cycle, &sum), ATTL_OK);
    assert_int_equal(sum.cycles, 16);
}

static void
without_traffic_it_does_not_want_to_run(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    int64_t next_ms;
    interval(f, HEAVY_OPS, 0);
    sim_advance(&f->sim, INTERVAL_MS);
    attl_tick(cache, 0, &next_ms);
    uint64_t looks = stats_of(cache).looks;
    for (int i = 0; i < 3 && next_ms != -1; i++) {
        sim_advance(&f->sim, next_ms > INTERVAL_MS ? next_ms : INTERVAL_MS);
        attl_tick(cache, 0, &next_ms);
    }
    assert_int_equal(next_ms, -1);
    assert_true(stats_of(cache).looks <= looks + 1);
    traffic(cache, HEAVY_OPS, 0); /* and wakes up again */
    attl_tick(cache, 0, &next_ms);
    assert_true(next_ms > 0 && next_ms <= INTERVAL_MS);
}

static void
switched_off_it_does_nothing_until_it_is_asked(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    sim_option(cache, "balancer.enabled", "no");
    crowd_shard_0(cache);
    for (int i = 0; i < 4; i++)
        interval(f, HEAVY_OPS / 4, 0);
    assert_int_equal(stats_of(cache).looks, 0);
    assert_int_equal(stats_of(cache).enabled, 0);
    ASSERT_STATUS(attl_balance(cache, 0, NULL), ATTL_OK);
    assert_true(stats_of(cache).partitions_moved > 0);
    sim_option(cache, "balancer.enabled", "yes");
    interval(f, HEAVY_OPS, 0);
    assert_true(stats_of(cache).looks >= 2);
}

static void
settings_take_effect_at_run_time(void **state)
{
    struct fixture *f = *state;
    attl *cache = open_cache(f);
    attl_balance_report r = { .struct_size = sizeof(r) };
    crowd_shard_0(cache);
    sim_option(cache, "balancer.imbalance_threshold", "10");
    traffic(cache, HEAVY_OPS, 0);
    sim_advance(&f->sim, 1000);
    ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, &r), ATTL_OK);
    assert_int_equal(r.count, 0);
    sim_option(cache, "balancer.imbalance_threshold", "1.2");
    sim_option(cache, "balancer.budget", "3");
    ASSERT_STATUS(attl_balance(cache, ATTL_BALANCE_DRYRUN, &r), ATTL_OK);
    assert_true(r.count > 0 && r.count <= 3);
    interval(f, HEAVY_OPS, 0);
    uint64_t looks = stats_of(cache).looks;
    sim_option(cache, "balancer.interval", "1s");
    traffic(cache, HEAVY_OPS, 0);
    sim_advance(&f->sim, 1000);
    attl_tick(cache, 0, NULL);
    assert_int_equal(stats_of(cache).looks, looks + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(an_uneven_cache_is_balanced_at_the_second_look),
        UNIT_TEST(an_even_cache_is_left_alone_for_ten_minutes),
        UNIT_TEST(a_dry_run_says_what_it_would_do_and_moves_nothing),
        UNIT_TEST(partitions_add_up_to_the_cache),
        UNIT_TEST(shards_add_up_to_the_cache),
        UNIT_TEST(the_last_cycles_are_remembered_newest_first),
        UNIT_TEST(without_traffic_it_does_not_want_to_run),
        UNIT_TEST(switched_off_it_does_nothing_until_it_is_asked),
        UNIT_TEST(settings_take_effect_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
