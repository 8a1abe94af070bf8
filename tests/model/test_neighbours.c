/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that nobody touches while everything around them moves. An insertion may push a neighbour
 * into the next bucket, a wave of insertions replaces the whole table, a partition changes its
 * shard, a chunk is compacted away; none of that may make a reader miss an entry that was there
 * before it began and is there when it ends. More readers than cores, so that they are interrupted
 * in the middle of a look-up, where a wrong order of two loads shows.
 */
#include "support/check.h"
#include "support/rng.h"
#include "support/sim.h"

#include <attl/attl_unstable.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    STEADY = 3000,
    CHURN = 6000,
    FLIPS = 100000,
    READERS = 6,
    CHURNERS = 4,
    RUN_MS = 4000,
    NAME_BYTES = 16,
};

struct town {
    attl *cache;
    atomic_bool stop;
    uint64_t seed;
    char names[STEADY][NAME_BYTES];
};

struct inhabitant {
    struct town *town;
    struct rng rng;
    uint64_t reads;
    pthread_t thread;
};

static void
see_name(void *ud, attl_slice value, int64_t deadline_ms)
{
    const char *name = ud;
    (void)deadline_ms;
    CHECK(value.len == strlen(name) && memcmp(value.data, name, value.len) == 0,
          "%s has the value of another", name);
}

static void *
read_main(void *ud)
{
    struct inhabitant *me = ud;
    while (!atomic_load_explicit(&me->town->stop, memory_order_relaxed)) {
        char *name = me->town->names[rng_below(&me->rng, STEADY)];
        int status = attl_get_visit(me->town->cache, attl_s(name), see_name, name);
        CHECK(status == ATTL_OK, "%s was missed after %" PRIu64 " reads: %s", name, me->reads,
              attl_err_name(status));
        me->reads++;
    }
    return NULL;
}

/* Sets or deletes a neighbour. */
static void
flip(struct inhabitant *me, uint64_t number, bool set)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof(name), "c%" PRIu64, number);
    int status = set ? attl_set(me->town->cache, attl_s(name), attl_s(name), 3600000)
                     : attl_del(me->town->cache, attl_s(name));
    CHECK(status == ATTL_OK || (!set && status == ATTL_MISS), "%s: %s", name,
          attl_err_name(status));
}

/*
 * Mostly single neighbours at random, which keeps tables as full as they get and makes insertions
 * push others aside; then a wave, after which tables grow, and its ebb, after which they shrink.
 */
static void *
churn_main(void *ud)
{
    struct inhabitant *me = ud;
    while (!atomic_load_explicit(&me->town->stop, memory_order_relaxed)) {
        for (int i = 0; i < FLIPS; i++) {
            flip(me, rng_below(&me->rng, CHURN), rng_one_in(&me->rng, 2));
        }
        uint64_t wave = rng_range(&me->rng, CHURN / 8, CHURN);
        for (uint64_t i = 0; i < wave; i++) {
            flip(me, CHURN + i, true);
        }
        for (uint64_t i = 0; i < wave; i++) {
            flip(me, CHURN + i, false);
        }
        attl_tick(me->town->cache, 200, NULL);
        attl_unstable_partition_move(me->town->cache, rng_u64(&me->rng),
                                     (uint32_t)rng_below(&me->rng, 16));
    }
    return NULL;
}

static void
start(struct inhabitant *who, struct town *town, uint64_t number, void *(*main_fn)(void *))
{
    *who = (struct inhabitant){ .town = town, .rng = rng_from_seed(town->seed + number) };
    CHECK(pthread_create(&who->thread, NULL, main_fn, who) == 0, "thread %" PRIu64, number);
}

static void
an_entry_is_never_missed_while_its_neighbours_come_and_go(void **state)
{
    (void)state;
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" },
        { "cache.max_entries", "0" },
        { "cache.num_shards", "4" },
        { "cache.partitions", "64" },
        { NULL, NULL },
    };
    struct inhabitant who[READERS + CHURNERS];
    struct town *town = calloc(1, sizeof(*town));
    struct sim sim;
    CHECK(town != NULL, "%zu bytes", sizeof(*town));
    town->seed = test_seed();
    test_announce("neighbours", town->seed);
    sim_init(&sim);
    town->cache = sim_open(&sim, options);
    for (int i = 0; i < STEADY; i++) {
        (void)snprintf(town->names[i], NAME_BYTES, "steady:%d", i);
        attl_slice name = attl_s(town->names[i]);
        assert_int_equal(attl_set(town->cache, name, name, ATTL_TTL_NONE), ATTL_OK);
    }
    for (uint64_t i = 0; i < READERS + CHURNERS; i++) {
        start(&who[i], town, i, i < READERS ? read_main : churn_main);
    }
    (void)usleep((useconds_t)(test_is_sanitized() ? RUN_MS : test_scaled(RUN_MS)) * 1000);
    atomic_store(&town->stop, true);
    uint64_t reads = 0;
    for (int i = 0; i < READERS + CHURNERS; i++) {
        CHECK(pthread_join(who[i].thread, NULL) == 0, "thread %d", i);
        reads += who[i].reads;
    }
    attl_stats s = sim_stats(town->cache);
    printf("# %" PRIu64 " reads, %" PRIu64 " rebuilds, %" PRIu64 " copied\n", reads, s.rebuilds,
           s.records_copied);
    assert_true(reads > 0 && s.rebuilds > 0 && s.sets > CHURN);
    sim_close(&town->cache);
    free(town);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_never_missed_while_its_neighbours_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
