/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule of load shedding: what makes the level rise and fall, by table of intervals, and against
 * a simulated worker whose load rises, stays, and goes. The level neither flutters nor stays after
 * the load has gone; single long turns are no reason to shed.
 */
#include "net/shed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TARGET_MS = 20 };

/* Turns of `wait_ms` back to back for `ms`; returns how often the level changed. */
static unsigned
turns(struct shed *s, int64_t *now_ms, int64_t ms, int64_t wait_ms)
{
    unsigned changes = 0;
    int64_t end_ms = *now_ms + ms;
    while (*now_ms < end_ms) {
        *now_ms += wait_ms > 0 ? wait_ms : 1;
        changes += shed_note(s, TARGET_MS, *now_ms, wait_ms);
    }
    return changes;
}

static void
test_a_queue_that_stays_raises_the_level_step_by_step(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    turns(&s, &now_ms, 150, 30);
    assert_int_equal(s.level, 0); /* one interval is not enough */
    turns(&s, &now_ms, 150, 30);
    assert_int_equal(s.level, 1);
    turns(&s, &now_ms, 120, 30);
    assert_int_equal(s.level, 2);
    turns(&s, &now_ms, 120, 30);
    assert_int_equal(s.level, 3);
    turns(&s, &now_ms, 5000, 30);
    assert_int_equal(s.level, 3);
}

static void
test_one_short_turn_in_an_interval_says_there_is_no_queue(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    for (int i = 0; i < 200; i++) {
        (void)turns(&s, &now_ms, 60, 60);
        now_ms++;
        (void)shed_note(&s, TARGET_MS, now_ms, 1);
    }
    assert_int_equal(s.level, 0);
}

static void
test_one_very_long_turn_is_no_queue(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    for (int i = 0; i < 20; i++) {
        now_ms += 700; /* the worker was not given the processor */
        (void)shed_note(&s, TARGET_MS, now_ms, 700);
        (void)turns(&s, &now_ms, 300, 1);
    }
    assert_int_equal(s.level, 0);
}

static void
test_it_falls_after_the_hold_and_is_not_watched_any_more(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    turns(&s, &now_ms, 1000, 30);
    assert_int_equal(s.level, 3);
    int64_t calm_ms = now_ms;
    while (s.level > 0) {
        now_ms += 50;
        (void)shed_note(&s, TARGET_MS, now_ms, 0);
        assert_true(s.watching || s.level == 0);
        assert_true(shed_next_ms(&s, TARGET_MS) != INT64_MAX || s.level == 0);
    }
    assert_true(now_ms - calm_ms >= 1500 && now_ms - calm_ms <= 3000);
    for (int i = 0; i < 2000 && s.watching; i++)
        turns(&s, &now_ms, 1, 1);
    assert_false(s.watching); /* whoever has a short turn does not ask any more */
    assert_true(shed_next_ms(&s, TARGET_MS) == INT64_MAX);
}

static void
test_between_half_the_target_and_the_target_nothing_moves(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    turns(&s, &now_ms, 320, 30);
    unsigned level = s.level;
    assert_true(level > 0);
    assert_int_equal(turns(&s, &now_ms, 20000, 15), 0);
    assert_int_equal(s.level, level);
}

static void
test_retry_after_is_the_rest_of_the_hold(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000;
    shed_reset(&s);
    turns(&s, &now_ms, 300, 30);
    assert_int_equal(s.level, 1);
    assert_int_equal(shed_retry_ms(&s, TARGET_MS, s.changed_ms + 100), 400);
    assert_int_equal(shed_retry_ms(&s, TARGET_MS, s.changed_ms + 5000), 100);
    assert_int_equal(shed_retry_ms(&s, 400, s.changed_ms + 5000), 800);
}

/* The load makes turns of 40 ms while nothing is shed and of 2 ms otherwise, for a minute: the rule
 * cannot know that it would be back, but it must not find out twice a second. */
static void
test_a_load_that_is_back_at_once_is_tried_less_and_less(void **state)
{
    (void)state;
    struct shed s;
    int64_t now_ms = 1000, shed_ms = 0;
    unsigned rises = 0;
    shed_reset(&s);
    while (now_ms < 61000) {
        unsigned before = s.level;
        int64_t took_ms = before ? 2 : 40;
        now_ms += took_ms;
        shed_ms += before ? took_ms : 0;
        (void)shed_note(&s, TARGET_MS, now_ms, took_ms);
        rises += s.level > before;
    }
    assert_true(rises >= 5 && rises <= 14);
    assert_true(shed_ms > 50000);
    assert_true(s.hold_ms <= 8000);
    turns(&s, &now_ms, 60000, 1); /* it has gone */
    assert_int_equal(s.level, 0);
    turns(&s, &now_ms, 300, 30);
    assert_int_equal(s.level, 1);
    assert_int_equal(s.hold_ms, 500); /* forgotten */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_queue_that_stays_raises_the_level_step_by_step),
        cmocka_unit_test(test_one_short_turn_in_an_interval_says_there_is_no_queue),
        cmocka_unit_test(test_one_very_long_turn_is_no_queue),
        cmocka_unit_test(test_it_falls_after_the_hold_and_is_not_watched_any_more),
        cmocka_unit_test(test_between_half_the_target_and_the_target_nothing_moves),
        cmocka_unit_test(test_retry_after_is_the_rest_of_the_hold),
        cmocka_unit_test(test_a_load_that_is_back_at_once_is_tried_less_and_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
