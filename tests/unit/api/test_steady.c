/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All loops at once on one cache and ten minutes of simulated time under the same load: reads,
 * overwrites, deletions and lives that end. Nothing is wrong and nothing changes, so a loop that
 * goes on acting oscillates: what each has done is counted and bounded. After a change of the load
 * they may act, and must come to rest again. Keys come from a seed; latencies are the machine's, so
 * what follows from them has room.
 */
#include "support/rng.h"
#include "support/unit.h"

#include <stdio.h>

#include <cmocka.h>

enum {
    STEP_MS = 100,
    MINUTE_STEPS = 60000 / STEP_MS,
    KEYS = 20000,
    OPS_A_STEP = 800, /* enough samples for a look */
    LIFE_MS = 20000,
    INTERVAL_TURNS = 4,
    DUTY_CHANGES = 60, /* half a minute of a rise and of a fall */
};

struct plant {
    struct fixture *f;
    struct rng rng;
    int64_t interval_ms;
    unsigned duty;
    int direction;
    unsigned interval_turns, duty_changes;
};

static const struct sim_option settings[] = {
    { "cache.num_shards", "8" },       { "cache.default_ttl", "0" },
    { "balancer.interval", "5s" },     { "balancer.imbalance_threshold", "1.15" },
    { "balancer.budget", "256" },      { "adaptive.min_interval", "1s" },
    { "adaptive.max_interval", "2m" }, { NULL, NULL },
};

static void
one_op(struct plant *p, uint64_t keys)
{
    char key[32], buf[128];
    size_t len;
    (void)snprintf(key, sizeof key, "key:%" PRIu64, rng_below(&p->rng, keys));
    uint64_t what = rng_below(&p->rng, 100);
    if (what < 70)
        assert_true(attl_get(p->f->cache, attl_s(key), buf, sizeof buf, &len) >= 0);
    else if (what < 98)
        put(p->f->cache, key, "a value that is neither long nor short, as most are",
            LIFE_MS / 2 + (int64_t)rng_below(&p->rng, LIFE_MS));
    else
        assert_true(attl_del(p->f->cache, attl_s(key)) >= 0);
}

static attl_tuner_stats
pace(struct plant *p)
{
    attl_tuner_stats t = ATTL_TUNER_STATS_INIT;
    attl_tuner_stats_get(p->f->cache, &t);
    return t;
}

/* What the pace has changed since the step before. */
static void
watch_pace(struct plant *p)
{
    attl_tuner_stats t = pace(p);
    if (!strcmp(t.interval_reason, "slow"))
        return; /* the machine's latency stretches the pause, not what is predicted */
    int direction = (t.interval_ms > p->interval_ms) - (t.interval_ms < p->interval_ms);
    if (direction && p->interval_ms) {
        p->interval_turns += p->direction && direction != p->direction;
        p->direction = direction;
    }
    p->duty_changes += t.duty_permille != p->duty;
    p->interval_ms = t.interval_ms;
    p->duty = t.duty_permille;
}

static void
run_steps(struct plant *p, unsigned steps, unsigned ops, uint64_t keys)
{
    for (unsigned i = 0; i < steps; i++) {
        for (unsigned op = 0; op < ops; op++)
            one_op(p, keys);
        sim_advance(&p->f->sim, STEP_MS);
        attl_tick(p->f->cache, 0, NULL);
        watch_pace(p);
    }
}

static attl_balance_stats
balance(struct plant *p)
{
    attl_balance_stats st = { .struct_size = sizeof st };
    attl_balance_stats_get(p->f->cache, &st);
    return st;
}

/* Incidents other than of latency, which is the machine's. */
static uint64_t
incidents(struct plant *p)
{
    attl_incident_stats st = { .struct_size = sizeof st };
    attl_incident_stats_get(p->f->cache, &st);
    return st.total - st.by_kind[ATTL_INCIDENT_LATENCY];
}

static void
plant_open(struct plant *p, struct fixture *f)
{
    *p = (struct plant){ .f = f, .rng = rng_from_seed(test_seed()) };
    attl_close(&f->cache);
    f->cache = sim_open(&f->sim, settings);
    run_steps(p, 2 * MINUTE_STEPS, OPS_A_STEP, KEYS); /* from empty to steady */
}

static void
ten_minutes_of_the_same_are_left_alone(void **state)
{
    struct plant p;
    plant_open(&p, *state);
    attl_balance_stats b = balance(&p);
    uint64_t moved = b.partitions_moved, looks = b.looks, cycles = pace(&p).cycles;
    p.interval_turns = p.duty_changes = 0;
    run_steps(&p, 10 * MINUTE_STEPS, OPS_A_STEP, KEYS);
    b = balance(&p);
    attl_pressure pressure = { .struct_size = sizeof pressure };
    attl_pressure_get(p.f->cache, &pressure);
    printf("# looks %" PRIu64 ", moved %" PRIu64 ", interval turned %u times, duty changed %u "
           "times, incidents %" PRIu64 "\n",
           b.looks - looks, b.partitions_moved - moved, p.interval_turns, p.duty_changes,
           incidents(&p));
    assert_true(b.looks - looks > 100); /* the loops were there */
    assert_true(pace(&p).cycles - cycles > 500);
    assert_int_equal(b.partitions_moved - moved, 0);
    assert_true(p.interval_turns <= INTERVAL_TURNS);
    assert_true(p.duty_changes <= DUTY_CHANGES);
    assert_int_equal(incidents(&p), 0);
    sim_check(p.f->cache, "after ten minutes");
}

/* A tenth of the keys, then all again: each is a change, and after each there is rest. */
static void
after_a_change_of_the_load_there_is_rest(void **state)
{
    struct plant p;
    plant_open(&p, *state);
    for (int change = 0; change < 2; change++) {
        uint64_t keys = change ? KEYS : KEYS / 10;
        run_steps(&p, MINUTE_STEPS, OPS_A_STEP, keys);
        uint64_t moved = balance(&p).partitions_moved;
        p.interval_turns = 0;
        run_steps(&p, 2 * MINUTE_STEPS, OPS_A_STEP, keys);
        assert_int_equal(balance(&p).partitions_moved, moved);
        assert_true(p.interval_turns <= INTERVAL_TURNS);
    }
    assert_int_equal(incidents(&p), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(ten_minutes_of_the_same_are_left_alone),
        UNIT_TEST(after_a_change_of_the_load_there_is_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
