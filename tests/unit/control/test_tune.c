/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laws of the pace: first by table, then against a plant on simulated time. The plant is what
 * CORE calls an integrator: bytes come due at a given rate, reclaim takes as many away as its duty
 * allows, and callers' p99 rises with the duty beyond a knee. Steps, ramps, bursts, sines and a
 * burst after idleness must end within bounds: the backlog, the time to settle, and how often the
 * law changes its mind.
 */
#include "control/tune.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define SECONDS(n) ((n)*10) /* steps of the duty */

/* ---- the duty, by table ------------------------------------------------------------------------
 */

static const struct tune_load easy = { .limit_ns = 200000, .threshold_ns = 500 * MS };

static void
expect_duty(double duty, const struct tune_load *load, double wanted, enum tune_reason reason)
{
    struct tune_duty now = { .duty = duty }, d = tune_duty(&now, load);
    if (d.duty < wanted - 1e-9 || d.duty > wanted + 1e-9 || d.reason != reason)
        fail_msg("%.4f: %.4f because of %s, expected %.4f, %s", duty, d.duty,
                 tune_reason_name(d.reason), wanted, tune_reason_name(reason));
}

static void
the_duty_follows_callers_between_floor_and_top(void **state)
{
    (void)state;
    struct tune_load l = easy;
    expect_duty(0.10, &l, 0.12, TUNE_RISE);
    expect_duty(0.24, &l, 0.25, TUNE_TOP);
    expect_duty(0.25, &l, 0.25, TUNE_TOP);
    expect_duty(0.90, &l, 0.25, TUNE_TOP); /* what was asked for before is over */
    l.p99_ns = 200000;
    expect_duty(0.10, &l, 0.12, TUNE_RISE); /* at the limit, not above */
    l.p99_ns = 200001;
    expect_duty(0.20, &l, 0.10, TUNE_LATENCY);
    expect_duty(0.90, &l, 0.125, TUNE_LATENCY);
    expect_duty(0.004, &l, 0.0025, TUNE_GARBAGE); /* the least there is */
}

/* A window of latencies remembers the time before the cut. */
static void
one_spike_is_one_cut(void **state)
{
    (void)state;
    struct tune_load l = easy;
    struct tune_duty d = { .duty = 0.2 };
    l.p99_ns = 300000;
    for (int i = 0; i < 6; i++) {
        d = tune_duty(&d, &l);
        assert_true(d.duty == 0.1 && d.reason == TUNE_LATENCY);
    }
    struct tune_duty again = tune_duty(&d, &l);
    assert_true(again.duty == 0.05); /* it has not helped */
    l.p99_ns = 0;
    again = tune_duty(&d, &l);
    assert_true(again.duty > 0.119 && again.reason == TUNE_RISE);
}

static void
floors_hold_the_duty_up(void **state)
{
    (void)state;
    struct tune_load l = easy;
    l.p99_ns = 300000;
    l.garbage_share = 0.025;
    expect_duty(0.1, &l, 0.125, TUNE_GARBAGE);
    l.garbage_share = 1;
    expect_duty(0.1, &l, 0.25, TUNE_GARBAGE); /* no more, however much */
    l.work_s = 0.2;
    expect_duty(0.1, &l, 0.5, TUNE_PROMPT);
    l.work_s = 0.12;
    expect_duty(0.1, &l, 0.4, TUNE_PROMPT);
    struct tune_duty now = { 0.8, TUNE_PROMPT, 0 };
    assert_true(tune_duty(&now, &l).duty == 0.5);
    l.p99_ns = 0;
    assert_true(tune_duty(&now, &l).duty == 0.8); /* until it is done */
    l.p99_ns = 300000;
    l.work_s = 100;
    expect_duty(0.1, &l, 0.5, TUNE_PROMPT); /* callers are harmed: half is for them */
    l.p99_ns = 0;
    expect_duty(0.1, &l, 1, TUNE_PROMPT);
}

/* What is left of the work goes into what is left of the time, and lateness beats callers. */
static void
time_that_runs_out_raises_the_duty(void **state)
{
    (void)state;
    struct tune_load l = easy;
    l.work_s = 0.09;
    expect_duty(0.1, &l, 0.3, TUNE_PROMPT);
    l.waited_s = 0.1;
    expect_duty(0.1, &l, 0.45, TUNE_PROMPT);
    l.waited_s = 0.2;
    expect_duty(0.1, &l, 0.9, TUNE_PROMPT);
    l.waited_s = 0.29;
    expect_duty(0.1, &l, 0.9, TUNE_PROMPT); /* not steeper than one look can do */
    l.p99_ns = 300000;
    expect_duty(0.1, &l, 0.5, TUNE_PROMPT);
    l.waited_s = 0.31;
    expect_duty(0.1, &l, 0.9, TUNE_PROMPT); /* late */
    l.waited_s = 100;
    l.work_s = 0.001;
    expect_duty(0.2, &l, 0.1, TUNE_LATENCY); /* late, and nearly done */
}

static void
memory_goes_before_callers_and_the_breaker_before_promptness(void **state)
{
    (void)state;
    struct tune_load l = easy;
    l.p99_ns = 501 * MS;
    l.work_s = 100;
    l.garbage_share = 1;
    expect_duty(0.2, &l, 0.0025, TUNE_BREAKER);
    l.used_share = 0.951;
    l.work_s = 0;
    expect_duty(0.01, &l, 0.5, TUNE_MEMORY);
    l.work_s = 100;
    l.p99_ns = 0;
    expect_duty(0.01, &l, 1, TUNE_MEMORY);
    l.used_share = 0.95;
    l.work_s = 0;
    expect_duty(0.1, &l, 0.25, TUNE_GARBAGE);
}

static void
the_limit_is_three_times_quiet_and_never_below_200_us(void **state)
{
    (void)state;
    assert_int_equal(tune_limit_ns(0), 200000);
    assert_int_equal(tune_limit_ns(10000), 200000);
    assert_int_equal(tune_limit_ns(100000), 300000);
}

static void
every_reason_has_a_word_and_a_sentence(void **state)
{
    (void)state;
    for (int r = 0; r < TUNE_REASONS; r++) {
        assert_true(strlen(tune_reason_name((enum tune_reason)r)) >= 3);
        assert_true(strlen(tune_reason_text((enum tune_reason)r)) >= 10 || r == TUNE_FIXED);
    }
}

/* ---- the interval, by table --------------------------------------------------------------------
 */

static const struct tune_flow calm = { .min_ms = 5000,
                                       .max_ms = 120000,
                                       .budget_bytes = 1e9, /* 1 %: 10 MB */
                                       .inserts_mean_per_s = 100,
                                       .insert_threshold = 1000,
                                       .limit_ns = 200000 };

static void
expect_interval(double ms, const struct tune_flow *f, double least, double most,
                enum tune_reason reason)
{
    struct tune_interval i = tune_interval(ms, f);
    if (i.interval_ms < least || i.interval_ms > most || i.reason != reason)
        fail_msg("%.0f: %.1f because of %s, expected %.1f..%.1f, %s", ms, i.interval_ms,
                 tune_reason_name(i.reason), least, most, tune_reason_name(reason));
}

static void
the_interval_goes_to_when_garbage_is_a_hundredth(void **state)
{
    (void)state;
    struct tune_flow f = calm;
    /* 120 / 30 = 4, to the power 0.3: 1.5157 */
    expect_interval(30000, &f, 45470, 45473, TUNE_LESS_GARBAGE);
    f.expired_per_s = 300000;
    f.dead_per_s = 200000; /* 10 MB in 20 s */
    expect_interval(40000, &f, 32489, 32492, TUNE_MORE_GARBAGE);
    expect_interval(17000, &f, 17000, 17000, TUNE_STEADY);
    expect_interval(23900, &f, 23900, 23900, TUNE_STEADY);
    f.dead_per_s = 1e12;
    expect_interval(120000, &f, 59999, 60001, TUNE_MORE_GARBAGE); /* no faster than that */
    expect_interval(5000, &f, 5000, 5000, TUNE_STEADY);
    expect_interval(1000, &f, 5000, 5000, TUNE_STEADY); /* the bounds have been changed */
}

static void
inserts_shorten_and_harm_lengthens_the_interval(void **state)
{
    (void)state;
    struct tune_flow f = calm;
    f.expired_per_s = 333333; /* 30 s */
    expect_interval(30000, &f, 30000, 30000, TUNE_STEADY);
    f.inserts_per_s = 5000;
    expect_interval(30000, &f, 24300, 24400, TUNE_INSERTS);
    f.inserts_mean_per_s = 3000; /* many, but not more than always */
    expect_interval(30000, &f, 30000, 30000, TUNE_STEADY);
    f.inserts_mean_per_s = 0;
    f.inserts_per_s = 1000; /* at the threshold */
    expect_interval(30000, &f, 30000, 30000, TUNE_STEADY);
    f.p99_ns = 200001;
    expect_interval(30000, &f, 30000, 30000, TUNE_SLOW);
    assert_float_equal(tune_interval(30000, &f).pause_ms, 60000, 1);
    f.expired_per_s = 100000; /* 100 s */
    expect_interval(100000, &f, 100000, 100000, TUNE_SLOW);
    assert_float_equal(tune_interval(100000, &f).pause_ms, 120000, 1); /* the bound */
    f.expired_per_s = 333333;
    f.inserts_per_s = 5000; /* what comes in cannot wait */
    assert_float_equal(tune_interval(30000, &f).pause_ms, tune_interval(30000, &f).interval_ms, 1);
    f.inserts_per_s = 0;
    f.garbage_share = 0.06;
    expect_interval(30000, &f, 30000, 30000, TUNE_STEADY);
}

static void
means_forget_with_their_time(void **state)
{
    (void)state;
    double mean = 0;
    for (int s = 0; s < 300; s++)
        mean = tune_mean(mean, 100, 1, 30);
    assert_true(mean > 99.9 && mean < 100.1);
    for (int s = 0; s < 21; s++)
        mean = tune_mean(mean, 0, 1, 30);
    assert_true(mean > 45 && mean < 55); /* a half-life of 30 ln 2 */
}

/* ---- the plant ---------------------------------------------------------------------------------
 */

#define RECORD_BYTES 88.0
#define RECORDS_PER_S 4e6 /* of a whole processor */
#define BUDGET_BYTES 1e9

enum { PLANT_STEPS = 8192 };

struct plant {
    struct tune_duty now;
    double backlog_bytes;
    double came_bytes, done_bytes;   /* since the beginning */
    double came_by[PLANT_STEPS];     /* the first, after each step */
    unsigned oldest;                 /* step of what waits */
    double work_error;               /* what a record takes beyond what is thought */
    double longest_s;                /* that anything waited */
    double knee, quiet_ns, slope_ns; /* of callers' p99 over the duty */
    double most_bytes;               /* of backlog */
    unsigned turns; /* changes of direction of the duty, since they were last set to 0 */
    int direction;
    double duty_sum;
    unsigned steps;
};

static const struct plant fresh = {
    .now = { .duty = 0.25 }, .knee = 0.3, .quiet_ns = 20000, .slope_ns = 4e6
};

static uint64_t
plant_p99(const struct plant *p)
{
    double over = p->now.duty > p->knee ? p->now.duty - p->knee : 0;
    return (uint64_t)(p->quiet_ns + p->slope_ns * over);
}

/* A tenth of a second in which `records` come due. */
static void
plant_step(struct plant *p, double records)
{
    p->backlog_bytes += records * RECORD_BYTES;
    p->came_bytes += records * RECORD_BYTES;
    assert_true(p->steps < PLANT_STEPS);
    p->came_by[p->steps] = p->came_bytes;
    while (p->oldest < p->steps && p->came_by[p->oldest] <= p->done_bytes + 1)
        p->oldest++;
    double waited_s = (p->steps - p->oldest) / 10.0;
    p->longest_s = waited_s > p->longest_s ? waited_s : p->longest_s;
    struct tune_load l = { .garbage_share = p->backlog_bytes / BUDGET_BYTES,
                           .work_s = p->backlog_bytes / RECORD_BYTES / RECORDS_PER_S,
                           .waited_s = waited_s,
                           .p99_ns = plant_p99(p),
                           .limit_ns = tune_limit_ns((uint64_t)p->quiet_ns),
                           .threshold_ns = 500 * MS };
    double before = p->now.duty;
    if (p->backlog_bytes > 0) {
        p->now = tune_duty(&p->now, &l);
    } else {
        p->now.reason = TUNE_REST;
    }
    assert_true(p->now.duty >= 0.0025 - 1e-9 && p->now.duty <= 1);
    int direction = (p->now.duty > before) - (p->now.duty < before);
    if (direction) {
        p->turns += direction != p->direction;
        p->direction = direction;
    }
    double able = p->now.duty * RECORDS_PER_S * RECORD_BYTES / 10 / (1 + p->work_error);
    p->done_bytes += p->backlog_bytes > able ? able : p->backlog_bytes;
    p->backlog_bytes = p->backlog_bytes > able ? p->backlog_bytes - able : 0;
    p->most_bytes = p->backlog_bytes > p->most_bytes ? p->backlog_bytes : p->most_bytes;
    p->duty_sum += p->now.duty;
    p->steps++;
}

static void
a_step_of_200k_a_second_settles_at_once(void **state)
{
    (void)state;
    struct plant p = fresh;
    for (int i = 0; i < SECONDS(5); i++)
        plant_step(&p, 0);
    for (int i = 0; i < SECONDS(60); i++)
        plant_step(&p, 20000);
    assert_true(p.most_bytes < 0.5 * 200000 * RECORD_BYTES); /* half a second's worth */
    assert_true(p.turns <= 2);
}

/* Callers who feel the least reclaim: the duty is a sawtooth then, and the floors bound its price.
 */
static void
a_step_with_tender_callers_keeps_to_its_bounds(void **state)
{
    (void)state;
    struct plant p = fresh;
    p.knee = 0;
    for (int i = 0; i < SECONDS(60); i++)
        plant_step(&p, 20000);
    assert_true(p.most_bytes < 0.05 * BUDGET_BYTES);
    assert_true(p.turns <= 2 * SECONDS(60) / 6);          /* up for longer than down */
    assert_true(p.backlog_bytes / RECORD_BYTES < 200000); /* under a second late */
    double mean = p.duty_sum / p.steps;
    assert_true(mean > 0.04 && mean < 0.12); /* 200 k/s need 0.05 */
}

static void
a_ramp_is_followed_without_turning_back(void **state)
{
    (void)state;
    struct plant p = fresh;
    for (int i = 0; i < SECONDS(60); i++)
        plant_step(&p, 1000.0 * i / 6); /* to 1 M/s, which is a quarter of a processor */
    assert_true(p.most_bytes < 0.3 * 1e6 * RECORD_BYTES);
    assert_true(p.turns <= 2);
}

static void
a_burst_of_five_million_is_gone_as_fast_as_can_be(void **state)
{
    (void)state;
    struct plant p = fresh;
    p.knee = 1; /* callers do not mind */
    for (int i = 0; i < 10; i++)
        plant_step(&p, 500000);
    int settled = 0;
    for (; p.backlog_bytes > 0 && settled < SECONDS(60); settled++)
        plant_step(&p, 0);
    assert_true(settled <= 10);
    for (int i = 0; i < SECONDS(5); i++)
        plant_step(&p, 0);
    assert_int_equal(p.now.reason, TUNE_REST);
    assert_true(p.turns <= 3);
}

static void
a_burst_with_callers_who_mind_leaves_them_half(void **state)
{
    (void)state;
    struct plant p = fresh;
    double most = 0;
    for (int i = 0; i < 10; i++)
        plant_step(&p, 500000);
    int settled = 0;
    for (; p.backlog_bytes > 0 && settled < SECONDS(60); settled++) {
        plant_step(&p, 0);
        most = settled > 1 && p.now.duty > most ? p.now.duty : most;
    }
    assert_true(most <= 1);
    assert_true(settled <= SECONDS(3)); /* 5 M / 2 M/s */
    assert_true(p.most_bytes < 5e6 * RECORD_BYTES);
}

static void
a_sine_is_followed_without_hunting(void **state)
{
    (void)state;
    struct plant p = fresh;
    /* Half a parabola for half a wave, 20 s long, up to 800 k/s. */
    for (int i = 0; i < SECONDS(200); i++) {
        double x = (double)(i % SECONDS(20)) / SECONDS(20);
        plant_step(&p, 80000 * 4 * x * (1 - x));
    }
    assert_true(p.turns <= 4 * 10); /* twice a wave each way, at most */
    assert_true(p.most_bytes < 0.5 * 800000 * RECORD_BYTES);
}

static void
after_idleness_a_burst_is_met_at_once(void **state)
{
    (void)state;
    struct plant p = fresh;
    for (int i = 0; i < SECONDS(600); i++)
        plant_step(&p, 0);
    plant_step(&p, 1000000);
    assert_true(p.now.reason == TUNE_PROMPT && p.now.duty >= 0.4);
    int settled = 0;
    for (; p.backlog_bytes > 0 && settled < SECONDS(60); settled++)
        plant_step(&p, 0);
    assert_true(settled < SECONDS(1)); /* the promise */
}

/* Records that take twice what they are thought to, as beside threads that use the same memory. */
static void
an_estimate_that_is_too_low_costs_no_promise(void **state)
{
    (void)state;
    struct plant p = fresh;
    p.work_error = 1;
    p.knee = 0.1; /* and callers mind at once */
    for (int i = 0; i < SECONDS(10); i++)
        plant_step(&p, i % 5 == 0 ? 250000 : 0); /* half a million a second, in ticks */
    assert_true(p.longest_s <= 0.45);            /* with the tick: within the second */
}

/* ---- the interval on simulated time ------------------------------------------------------------
 */

/* Steps of a second under a constant flow; returns after how many it stays within 20 % of the goal.
 */
static int
settle(double *interval_ms, const struct tune_flow *f, double goal_ms, unsigned *ret_turns)
{
    int last_outside = 0, direction = 0;
    *ret_turns = 0;
    for (int i = 1; i <= 300; i++) {
        double before = *interval_ms;
        *interval_ms = tune_interval(before, f).interval_ms;
        assert_true(*interval_ms >= f->min_ms && *interval_ms <= f->max_ms);
        assert_true(*interval_ms <= before * 2.0001 && *interval_ms >= before / 2.0001);
        int now = (*interval_ms > before) - (*interval_ms < before);
        *ret_turns += now && direction && now != direction;
        direction = now ? now : direction;
        if (*interval_ms > goal_ms * 1.21 || *interval_ms < goal_ms / 1.21)
            last_outside = i;
    }
    return last_outside;
}

static void
the_interval_settles_within_ten_steps_and_never_hunts(void **state)
{
    (void)state;
    struct tune_flow f = calm;
    double ms = 30000;
    unsigned turns;
    f.expired_per_s = 17.6e6; /* 200 k/s */
    assert_true(settle(&ms, &f, 5000, &turns) <= 10);
    assert_int_equal(turns, 0);
    f.expired_per_s = 0;
    assert_true(settle(&ms, &f, 120000, &turns) <= 12);
    assert_int_equal(turns, 0);
    f.dead_per_s = 500000;
    assert_true(settle(&ms, &f, 20000, &turns) <= 10);
    assert_int_equal(turns, 0);
}

static void
the_interval_smooths_a_sine(void **state)
{
    (void)state;
    struct tune_flow f = calm;
    double ms = 30000, mean = 0;
    unsigned turns = 0;
    int direction = 0;
    for (int i = 0; i < 1200; i++) { /* waves of two minutes, seen through a mean of 30 s */
        double x = (double)(i % 120) / 120;
        mean = tune_mean(mean, 1e6 * 4 * x * (1 - x), 1, 30);
        f.expired_per_s = mean;
        double before = ms;
        ms = tune_interval(ms, &f).interval_ms;
        int now = (ms > before) - (ms < before);
        turns += now && direction && now != direction;
        direction = now ? now : direction;
    }
    assert_true(turns <= 2 * 10 + 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_duty_follows_callers_between_floor_and_top),
        cmocka_unit_test(one_spike_is_one_cut),
        cmocka_unit_test(floors_hold_the_duty_up),
        cmocka_unit_test(time_that_runs_out_raises_the_duty),
        cmocka_unit_test(memory_goes_before_callers_and_the_breaker_before_promptness),
        cmocka_unit_test(the_limit_is_three_times_quiet_and_never_below_200_us),
        cmocka_unit_test(every_reason_has_a_word_and_a_sentence),
        cmocka_unit_test(the_interval_goes_to_when_garbage_is_a_hundredth),
        cmocka_unit_test(inserts_shorten_and_harm_lengthens_the_interval),
        cmocka_unit_test(means_forget_with_their_time),
        cmocka_unit_test(a_step_of_200k_a_second_settles_at_once),
        cmocka_unit_test(a_step_with_tender_callers_keeps_to_its_bounds),
        cmocka_unit_test(a_ramp_is_followed_without_turning_back),
        cmocka_unit_test(a_burst_of_five_million_is_gone_as_fast_as_can_be),
        cmocka_unit_test(a_burst_with_callers_who_mind_leaves_them_half),
        cmocka_unit_test(a_sine_is_followed_without_hunting),
        cmocka_unit_test(after_idleness_a_burst_is_met_at_once),
        cmocka_unit_test(an_estimate_that_is_too_low_costs_no_promise),
        cmocka_unit_test(the_interval_settles_within_ten_steps_and_never_hunts),
        cmocka_unit_test(the_interval_smooths_a_sine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
