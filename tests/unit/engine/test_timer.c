/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: each fires once, none early, in the order of their times, and not at all once it was
 * cancelled; they may be set and cancelled while one fires. Random sequences are compared with a
 * plain array of times. Then the thread: a timer wakes a cache that sleeps, and one without timers
 * sleeps on.
 */
#include "engine/timer.h"

#include "engine_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMERS = 64, FIRED_MAX = 256, PATIENCE_MS = 20000 };

struct alarm {
    struct timer timer;
    struct stage *stage;
    unsigned fired;
};

struct stage {
    struct bench *bench;
    struct alarm alarms[TIMERS];
    int64_t order_ms[FIRED_MAX];
    unsigned fired;
};

static void
note(struct timer *t)
{
    struct alarm *r = (struct alarm *)t;
    struct stage *s = r->stage;
    assert_true(s->fired < FIRED_MAX);
    s->order_ms[s->fired++] = t->at_ms;
    r->fired++;
}

static int
setup(void **state)
{
    static const char *const options[] = { "cache.background", "no", NULL };
    struct stage *s = calloc(1, sizeof(*s));
    if (!s)
        return -1;
    s->bench = bench_open(options, false);
    for (unsigned i = 0; i < TIMERS; i++) {
        s->alarms[i].stage = s;
        s->alarms[i].timer.fire = note;
    }
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct stage *s = *state;
    bench_close(s->bench);
    free(s);
    return 0;
}

static int64_t
pass(struct stage *s, int64_t ms)
{
    int64_t now_ms = atomic_fetch_add(&s->bench->now_ms, ms) + ms;
    int64_t next_ms = engine_maintain(&s->bench->engine, 0);
    return next_ms == INT64_MAX ? -1 : next_ms - now_ms;
}

static void
set(struct stage *s, unsigned i, int64_t in_ms)
{
    timer_set(&s->bench->engine, &s->alarms[i].timer, atomic_load(&s->bench->now_ms) + in_ms);
}

static void
they_fire_once_in_order_and_never_early(void **state)
{
    struct stage *s = *state;
    static const int64_t at_ms[] = { 50, 10, 30, 10, 70, 20, 60, 40 };
    for (unsigned i = 0; i < 8; i++)
        set(s, i, at_ms[i]);
    assert_int_equal(pass(s, 9), 1);
    assert_int_equal(s->fired, 0);
    assert_int_equal(pass(s, 1), 10);
    assert_int_equal(s->fired, 2);
    assert_int_equal(pass(s, 55), 5);
    assert_int_equal(s->fired, 7);
    for (unsigned i = 1; i < s->fired; i++)
        assert_true(s->order_ms[i - 1] <= s->order_ms[i]);
    assert_int_equal(pass(s, 1000), -1);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(s->alarms[i].fired, 1);
}

static void
what_is_cancelled_does_not_fire(void **state)
{
    struct stage *s = *state;
    struct attl *a = &s->bench->engine;
    for (unsigned i = 0; i < 5; i++)
        set(s, i, 10 + i);
    assert_true(timer_cancel(a, &s->alarms[0].timer)); /* the first */
    assert_true(timer_cancel(a, &s->alarms[3].timer));
    assert_false(timer_cancel(a, &s->alarms[3].timer));
    assert_false(timer_cancel(a, &s->alarms[9].timer)); /* never set */
    assert_int_equal(pass(s, 0), 11);
    set(s, 1, 500); /* moved */
    assert_int_equal(pass(s, 100), 400);
    assert_int_equal(s->fired, 2);
    assert_false(timer_cancel(a, &s->alarms[2].timer)); /* fired */
    assert_true(timer_cancel(a, &s->alarms[1].timer));
    assert_int_equal(pass(s, 1000), -1);
}

static void
set_the_next(struct timer *t)
{
    struct alarm *r = (struct alarm *)t;
    struct stage *s = r->stage;
    note(t);
    if (r->fired < 3)
        timer_set(&s->bench->engine, t, t->at_ms + 100);
    (void)timer_cancel(&s->bench->engine, &s->alarms[1].timer);
}

static void
they_may_be_set_and_cancelled_while_one_fires(void **state)
{
    struct stage *s = *state;
    s->alarms[0].timer.fire = set_the_next;
    set(s, 0, 5);
    set(s, 1, 6);
    assert_int_equal(pass(s, 10), 95);
    assert_int_equal(s->alarms[1].fired, 0);
    assert_int_equal(pass(s, 1000), -1); /* the second and the third time */
    assert_int_equal(s->alarms[0].fired, 3);
}

/* What should have happened by now: times[i] < 0 means not set. */
static void
compare(struct stage *s, int64_t times_ms[TIMERS], unsigned expected[TIMERS])
{
    int64_t now_ms = atomic_load(&s->bench->now_ms), next_ms = INT64_MAX;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (times_ms[i] >= 0 && times_ms[i] <= now_ms) {
            expected[i]++;
            times_ms[i] = -1;
        }
        if (times_ms[i] >= 0 && times_ms[i] < next_ms)
            next_ms = times_ms[i];
        assert_int_equal(s->alarms[i].fired, expected[i]);
        assert_int_equal(s->alarms[i].timer.is_set, times_ms[i] >= 0);
    }
    assert_int_equal(timers_next(&s->bench->engine.timers), next_ms);
}

static void
random_sequences_agree_with_an_array(void **state)
{
    struct stage *s = *state;
    int64_t times_ms[TIMERS];
    unsigned expected[TIMERS] = { 0 };
    uint64_t steps = test_scaled(20000);
    test_announce("timers", test_seed());
    struct rng rng = rng_from_seed(test_seed());
    for (unsigned i = 0; i < TIMERS; i++)
        times_ms[i] = -1;
    for (uint64_t n = 0; n < steps; n++) {
        unsigned i = (unsigned)rng_below(&rng, TIMERS);
        int64_t in_ms = (int64_t)rng_below(&rng, 200);
        switch (rng_below(&rng, 4)) {
        case 0:
            assert_int_equal(timer_cancel(&s->bench->engine, &s->alarms[i].timer),
                             times_ms[i] >= 0);
            times_ms[i] = -1;
            break;
        case 1:
            s->fired = 0;
            (void)pass(s, in_ms / 10);
            compare(s, times_ms, expected);
            break;
        default: set(s, i, in_ms + 1); times_ms[i] = atomic_load(&s->bench->now_ms) + in_ms + 1;
        }
    }
}

struct bell {
    struct timer timer;
    _Atomic int rung;
};

static void
ring(struct timer *t)
{
    atomic_fetch_add(&((struct bell *)t)->rung, 1);
}

static void
nap(int64_t ms)
{
    struct parker p;
    parker_init(&p);
    parker_sleep(&p, ms);
}

static void
a_timer_wakes_a_cache_that_sleeps(void **state)
{
    struct bench *b = bench_open(NULL, true);
    struct bell bell = { .timer.fire = ring }, later = { .timer.fire = ring };
    (void)state;
    engine_start(&b->engine);
    for (int64_t ms = 0; atomic_load(&b->engine.armed_ms) != INT64_MAX && ms < PATIENCE_MS; ms++)
        nap(1);
    assert_int_equal(atomic_load(&b->engine.armed_ms), INT64_MAX); /* it sleeps for good */
    int64_t start_ms = engine_now_ms(&b->engine);
    timer_set(&b->engine, &later.timer, start_ms + 3600 * 1000);
    timer_set(&b->engine, &bell.timer, start_ms + 20);
    for (int64_t ms = 0; atomic_load(&bell.rung) == 0 && ms < PATIENCE_MS; ms++)
        nap(1);
    assert_int_equal(atomic_load(&bell.rung), 1);
    assert_true(engine_now_ms(&b->engine) >= start_ms + 20);
    assert_true(timer_cancel(&b->engine, &later.timer));
    assert_int_equal(atomic_load(&later.rung), 0);
    bench_close(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_fire_once_in_order_and_never_early, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_cancelled_does_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(they_may_be_set_and_cancelled_while_one_fires, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(random_sequences_agree_with_an_array, setup, teardown),
        cmocka_unit_test(a_timer_wakes_a_cache_that_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
