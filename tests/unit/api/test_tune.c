/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop under a clock of the test's own: cycles run from attl_tick(), as timers. It reacts
 * to what is due and to what is overwritten, says why, sleeps when nothing happens, is switched off
 * and on while it runs; and the mode that sweeps removes exactly what has expired. The cache is
 * the one behind attl_open(), and what is decided is looked at from inside where it has to be.
 */
#include "control/tuner.h"

#include "control/control.h"
#include "engine/engine.h"
#include "engine/sweep.h"

#include "support/unit.h"

#include <stdio.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, HOUR_MS = 3600 * SECOND_MS };

static struct control *
control(struct fixture *f)
{
    return control_of(f->cache);
}

static int64_t
pass(struct fixture *f, int64_t ms)
{
    int64_t next_ms;
    sim_advance(&f->sim, ms);
    attl_tick(f->cache, 0, &next_ms);
    return next_ms;
}

static void
fill(struct fixture *f, unsigned from, unsigned to, int64_t ttl_ms)
{
    char key[32];
    for (unsigned i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "key:%u", i);
        put(f->cache, key, "a value of some length, so that there are a few bytes", ttl_ms);
    }
}

static attl_tuner_stats
stats(struct fixture *f)
{
    attl_tuner_stats s = ATTL_TUNER_STATS_INIT;
    attl_tuner_stats_get(f->cache, &s);
    return s;
}

/* Ticks until the cache wants to sleep for ever; how many it took. */
static unsigned
fall_asleep(struct fixture *f)
{
    unsigned ticks = 0;
    int64_t next_ms = pass(f, 0);
    while (next_ms >= 0 && ticks < 1000) {
        next_ms = pass(f, next_ms);
        ticks++;
    }
    return ticks;
}

static void
a_cache_that_nobody_uses_has_no_cycles(void **state)
{
    struct fixture *f = *state;
    assert_true(fall_asleep(f) < 5);
    uint64_t cycles = stats(f).cycles;
    assert_int_equal(pass(f, HOUR_MS), -1);
    assert_int_equal(stats(f).cycles, cycles);
    fill(f, 0, 2000, HOUR_MS); /* some of them are sampled */
    assert_true(pass(f, 0) <= SECOND_MS);
    assert_true(stats(f).cycles > cycles);
    for (int i = 0; i < 20; i++)
        (void)pass(f, SECOND_MS);
    cycles = stats(f).cycles;
    for (int i = 0; i < 20; i++)
        (void)pass(f, SECOND_MS);
    assert_int_equal(stats(f).cycles, cycles); /* until the hour is over nothing happens */
    assert_string_equal(stats(f).duty_reason, "rest");
}

static void
the_interval_follows_garbage_and_its_bounds(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(stats(f).interval_ms, 30 * SECOND_MS);
    /* What is overwritten is dead: some 6 MB a second, of 64 MiB. */
    for (int s = 0; s < 20; s++) {
        fill(f, 0, 30000, s % 2 ? HOUR_MS : 2 * HOUR_MS); /* alternating: not in place */
        (void)pass(f, SECOND_MS);
    }
    int64_t busy_ms = stats(f).interval_ms;
    assert_true(busy_ms < 30 * SECOND_MS && busy_ms >= 5 * SECOND_MS);
    for (int s = 0; s < 300; s++) {
        expect(f->cache, "nobody", NULL);
        for (int i = 0; i < 200; i++)
            expect(f->cache, "nobody", NULL);
        (void)pass(f, SECOND_MS);
    }
    assert_true(stats(f).interval_ms > 90 * SECOND_MS); /* calm */
    sim_option(f->cache, "adaptive.max_interval", "60s");
    fill(f, 0, 2000, HOUR_MS);
    for (int s = 0; s < 3; s++)
        (void)pass(f, SECOND_MS);
    assert_true(stats(f).interval_ms <= 60 * SECOND_MS);
}

static void
switched_off_it_is_fixed_and_comes_back(void **state)
{
    struct fixture *f = *state;
    sim_option(f->cache, "adaptive.enabled", "no");
    attl_tuner_stats s = stats(f);
    assert_int_equal(s.enabled, 0);
    assert_int_equal(s.duty_permille, 1000);
    assert_int_equal(s.interval_ms, 30 * SECOND_MS);
    assert_string_equal(s.duty_reason, "off");
    assert_string_equal(s.interval_reason, "fixed");
    (void)pass(f, 0);
    uint64_t cycles = stats(f).cycles;
    fill(f, 0, 5000, SECOND_MS);
    for (int i = 0; i < 10; i++)
        (void)pass(f, SECOND_MS);
    assert_int_equal(stats(f).cycles, cycles);
    assert_int_equal(attl_size(f->cache), 0);
    sim_option(f->cache, "adaptive.base_interval", "40s");
    assert_int_equal(stats(f).interval_ms, 40 * SECOND_MS);
    sim_option(f->cache, "adaptive.enabled", "yes");
    fill(f, 0, 5000, SECOND_MS);
    (void)pass(f, 0);
    assert_true(stats(f).cycles > cycles);
    assert_true(stats(f).duty_permille <= 250);
}

/* What is due is seen in the same moment, not after it was felt. */
static void
work_that_waits_sets_the_duty(void **state)
{
    struct fixture *f = *state;
    struct attl *a = f->cache;
    struct control *c = control(f);
    struct control_numbers n;
    fill(f, 0, 100000, SECOND_MS);
    sim_advance(&f->sim, 5 * SECOND_MS);
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        shard_advance(&a->cache.shards[i], sim_now(&f->sim)); /* as the maintenance begins */
    control_observe(a, &n);
    lock_acquire(&c->lock);
    int64_t next_ms = tuner_step(c, &n);
    assert_true(c->tuner.garbage.expired_bytes > 5000000);
    assert_true(c->tuner.duty.reason != TUNE_REST && c->tuner.duty.duty >= 0.25);
    assert_int_equal(next_ms, n.now_ms + 100);
    lock_release(&c->lock);
    assert_in_range(atomic_load(&a->pace.duty_permille), 250, 999);
    assert_true(stats(f).backlog_bytes > 5000000);
    (void)pass(f, 100);
    (void)pass(f, 100);
    assert_int_equal(attl_size(f->cache), 0);
    assert_int_equal(stats(f).backlog_bytes, 0);
    assert_int_equal(atomic_load(&a->pace.duty_permille), PACE_FULL);
}

/* Each write takes a little of what is late, without the maintenance. */
static void
writers_reclaim_what_is_late(void **state)
{
    struct fixture *f = *state;
    struct attl *a = f->cache;
    struct control *c = control(f);
    struct control_numbers n;
    fill(f, 0, 20000, SECOND_MS);
    sim_advance(&f->sim, 5 * SECOND_MS);
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        shard_advance(&a->cache.shards[i], sim_now(&f->sim));
    put(a, "before", "v", ATTL_TTL_NONE);
    uint64_t late = attl_size(a);
    assert_true(late > 20000);
    control_observe(a, &n);
    lock_acquire(&c->lock);
    (void)tuner_step(c, &n);
    lock_release(&c->lock);
    for (int i = 0; i < 2000; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "live:%d", i);
        put(a, key, "v", ATTL_TTL_NONE);
    }
    assert_int_equal(attl_size(a), 2001);
    (void)pass(f, 100);
    assert_false(atomic_load(&a->cache.writers_expire));
}

/* ---- the baseline ------------------------------------------------------------------------------
 */

static void
a_sweep_removes_what_has_expired_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    sim_option(f->cache, "incident.enabled", "no"); /* other loops look once a second */
    sim_option(f->cache, "pressure.enabled", "no");
    sim_option(f->cache, "adaptive.reclaim", "sweep");
    assert_int_equal(stats(f).sweeps, 1);
    fill(f, 0, 20000, SECOND_MS);
    fill(f, 20000, 30000, HOUR_MS);
    fill(f, 30000, 31000, ATTL_TTL_NONE);
    int64_t next_ms = pass(f, 10 * SECOND_MS);
    assert_int_equal(next_ms, 20 * SECOND_MS); /* the next sweep, whatever is due */
    assert_int_equal(attl_size(f->cache), 31000);
    expect(f->cache, "key:7", NULL); /* reads are exact */
    assert_int_equal(count_live(f->cache), 11000);
    (void)pass(f, 19999);
    assert_true(attl_size(f->cache) >= 30999);
    (void)pass(f, 1);
    assert_int_equal(attl_size(f->cache), 11000);
    assert_int_equal(stats(f).sweeps_done, 1);
    assert_int_equal(sim_stats(f->cache).expired, 20000);
    assert_int_equal(count_live(f->cache), 11000);
    assert_int_equal(pass(f, 0), 30 * SECOND_MS); /* also when idle: it is the baseline */
    sim_check(f->cache, "after a sweep");
    for (int i = 0; i < 130; i++)
        (void)pass(f, 30 * SECOND_MS);
    assert_int_equal(attl_size(f->cache), 1000);
    sim_check(f->cache, "after many");
}

static void
the_wheel_takes_over_from_the_sweep_and_back(void **state)
{
    struct fixture *f = *state;
    sim_option(f->cache, "adaptive.reclaim", "sweep");
    fill(f, 0, 1000, 2 * SECOND_MS);
    (void)pass(f, 5 * SECOND_MS);
    assert_int_equal(attl_size(f->cache), 1000);
    sim_option(f->cache, "adaptive.reclaim", "wheel");
    (void)pass(f, 0);
    assert_int_equal(attl_size(f->cache), 0);
    sim_option(f->cache, "adaptive.reclaim", "sweep");
    fill(f, 0, 1000, 2 * SECOND_MS);
    (void)pass(f, 30 * SECOND_MS);
    assert_int_equal(attl_size(f->cache), 0);
    sim_option(f->cache, "adaptive.reclaim", "wheel");
    sim_check(f->cache, "after changes of mode");
}

static void
a_struct_of_another_size_gets_what_fits(void **state)
{
    struct fixture *f = *state;
    attl_tuner_stats s = { .struct_size = offsetof(attl_tuner_stats, interval_ms),
                           .interval_ms = 77 };
    attl_tuner_stats_get(f->cache, &s);
    assert_int_equal(s.interval_ms, 77);
    assert_int_equal(s.enabled, 1);
    assert_int_equal(s.struct_size, offsetof(attl_tuner_stats, interval_ms));
}

static void
what_expires_when_is_known_in_bytes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(attl_due_bytes(f->cache, INT64_MAX), 0);
    fill(f, 0, 1000, HOUR_MS);
    uint64_t day = attl_due_bytes(f->cache, 24 * HOUR_MS);
    assert_true(day > 0);
    assert_int_equal(attl_due_bytes(f->cache, INT64_MAX), day);
    assert_int_equal(attl_due_bytes(f->cache, SECOND_MS), 0);
    assert_int_equal(attl_due_bytes(f->cache, 0), 0);
    assert_int_equal(attl_due_bytes(f->cache, INT64_MIN), 0);
    fill(f, 1000, 2000, 10 * SECOND_MS);
    uint64_t minute = attl_due_bytes(f->cache, 60 * SECOND_MS);
    assert_true(minute > 0);
    assert_true(attl_due_bytes(f->cache, 24 * HOUR_MS) > day);
    sim_advance(&f->sim, 60 * SECOND_MS);
    pass(f, 0);
    assert_true(attl_due_bytes(f->cache, 60 * SECOND_MS) < minute);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_expires_when_is_known_in_bytes),
        UNIT_TEST(a_cache_that_nobody_uses_has_no_cycles),
        UNIT_TEST(the_interval_follows_garbage_and_its_bounds),
        UNIT_TEST(switched_off_it_is_fixed_and_comes_back),
        UNIT_TEST(work_that_waits_sets_the_duty),
        UNIT_TEST(writers_reclaim_what_is_late),
        UNIT_TEST(a_sweep_removes_what_has_expired_and_nothing_else),
        UNIT_TEST(the_wheel_takes_over_from_the_sweep_and_back),
        UNIT_TEST(a_struct_of_another_size_gets_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
