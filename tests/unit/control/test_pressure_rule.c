/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule of memory pressure by table: which numbers give which level, when it falls, how the
 * limit of the data moves, when nobody needs to look. Then against a simulated machine, in which
 * the cache fills at a rate, keeps what it has freed for a while, and another process takes and
 * gives back memory: the group's limit is never reached, the level comes back to nothing, and
 * neither the level nor the limit swings for ever.
 */
#include "control/pressure_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

static const struct pressure_settings usual = {
    .high = 0.9, .stall_percent = 10, .floor = 0.25, .oversize = 65536
};

static struct pressure_input
input(int64_t now_ms, uint64_t used_mib, uint64_t data_mib)
{
    return (struct pressure_input){ .now_ms = now_ms,
                                    .limit_bytes = UINT64_C(1000) * MIB,
                                    .used_bytes = used_mib * MIB,
                                    .stall_percent = 0,
                                    .data_bytes = data_mib * MIB,
                                    .held_bytes = data_mib * MIB,
                                    .ops = (uint64_t)now_ms };
}

/* ---- tables ---- */

static void
test_numbers_give_levels(void **state)
{
    (void)state;
    static const struct {
        uint64_t limit_mib, used_mib;
        double stall;
        uint64_t refused;
        int level;
    } cases[] = {
        { 1000, 0, 0, 0, PRESSURE_NONE },       { 1000, 899, 0, 0, PRESSURE_NONE },
        { 1000, 900, 0, 0, PRESSURE_EXPIRED },  { 1000, 939, 0, 0, PRESSURE_EXPIRED },
        { 1000, 941, 0, 0, PRESSURE_COLD },     { 1000, 979, 0, 0, PRESSURE_COLD },
        { 1000, 981, 0, 0, PRESSURE_REFUSE },   { 1000, 5000, 0, 0, PRESSURE_REFUSE },
        { 0, 5000, 0, 0, PRESSURE_NONE },       { 0, 0, -1, 0, PRESSURE_NONE },
        { 0, 0, 9.9, 0, PRESSURE_NONE },        { 0, 0, 10, 0, PRESSURE_EXPIRED },
        { 0, 0, 29.9, 0, PRESSURE_EXPIRED },    { 0, 0, 30, 0, PRESSURE_COLD },
        { 0, 0, 100, 0, PRESSURE_COLD },        { 0, 0, 0, 1, PRESSURE_COLD },
        { 1000, 981, 100, 7, PRESSURE_REFUSE }, { 1000, 100, 100, 0, PRESSURE_COLD },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pressure_state s = { .level = PRESSURE_NONE };
        struct pressure_order order;
        struct pressure_input in = input(1000, cases[i].used_mib, 100);
        in.limit_bytes = cases[i].limit_mib * MIB;
        in.stall_percent = cases[i].stall;
        in.refused = cases[i].refused;
        pressure_decide(&s, &usual, &in, &order);
        if (order.level != cases[i].level)
            fail_msg("case %zu: level %d instead of %d", i, order.level, cases[i].level);
        assert_int_equal(order.changed, cases[i].level != PRESSURE_NONE);
        assert_true(order.refuse_above ==
                    (cases[i].level == PRESSURE_REFUSE ? usual.oversize : UINT64_MAX));
        assert_true(order.why[0] != '\0');
    }
}

static void
test_psi_is_not_looked_at_where_its_limit_is_none(void **state)
{
    (void)state;
    struct pressure_settings set = usual;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(1000, 100, 100);
    set.stall_percent = 0;
    in.stall_percent = 100;
    pressure_decide(&s, &set, &in, &order);
    assert_int_equal(order.level, PRESSURE_NONE);
}

static void
test_a_level_falls_step_by_step_and_only_well_below(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(1000, 985, 500);
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.level, PRESSURE_REFUSE);
    in = input(20000, 960, 500); /* below where it began, but not by three tenths of the margin */
    pressure_decide(&s, &usual, &in, &order);
    in.now_ms = 40000;
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.level, PRESSURE_REFUSE);
    int last = PRESSURE_REFUSE;
    int64_t fell_ms = 0;
    for (int64_t t = 40250; t < 80000; t += 250) {
        in = input(t, 500, 400);
        pressure_decide(&s, &usual, &in, &order);
        assert_true(order.level == last || order.level == last - 1);
        if (order.level != last && fell_ms)
            assert_true(t - fell_ms >= 5000);
        fell_ms = order.level != last ? t : fell_ms;
        last = order.level;
    }
    assert_int_equal(last, PRESSURE_NONE);
}

static void
test_expired_data_that_is_not_enough_is_followed_by_cold(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    for (int64_t t = 1000; t <= 3750; t += 250) {
        struct pressure_input in = input(t, 910, 500);
        pressure_decide(&s, &usual, &in, &order);
        assert_int_equal(order.level, PRESSURE_EXPIRED);
        assert_true(order.trim && !order.evict);
    }
    struct pressure_input in = input(4000, 910, 500);
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.level, PRESSURE_COLD);
    assert_true(order.evict);
}

static void
test_refusals_that_go_on_refuse_large_values(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(0, 0, 500);
    in.limit_bytes = 0;
    for (int64_t t = 1000; t <= 6000; t += 250) {
        in.now_ms = t;
        in.refused++;
        pressure_decide(&s, &usual, &in, &order);
    }
    assert_int_equal(order.level, PRESSURE_REFUSE);
    uint64_t lowest = order.soft_bytes;
    assert_true(lowest >= 125 * MIB && lowest < 500 * MIB);
    for (int64_t t = 6250; t <= 120000; t += 250) {
        in.now_ms = t;
        in.data_bytes = order.soft_bytes && order.soft_bytes < 500 * MIB ? order.soft_bytes
                                                                         : 500 * MIB;
        pressure_decide(&s, &usual, &in, &order);
    }
    assert_int_equal(order.level, PRESSURE_NONE);
    assert_int_equal(order.soft_bytes, 0); /* nobody limits us any more */
}

static void
test_steps_are_small_and_end_at_the_floor(void **state)
{
    (void)state;
    struct pressure_settings set = usual;
    set.max_bytes = UINT64_C(400) * MIB;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    uint64_t before = set.max_bytes;
    for (int64_t t = 1000; t < 30000; t += 250) {
        struct pressure_input in = input(t, 990, 0);
        in.data_bytes = before; /* another process holds the rest */
        pressure_decide(&s, &set, &in, &order);
        assert_true(before - order.soft_bytes <= set.max_bytes / 20 + 1);
        assert_true(order.soft_bytes >= 100 * MIB);
        before = order.soft_bytes;
    }
    assert_true(order.soft_bytes <= 100 * MIB + 1);
}

static void
test_data_may_grow_by_what_is_free_and_no_further(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(1000, 300, 200);
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.soft_bytes / MIB, 705); /* (850 - 300 + 200) * 16 / 17 */
    struct pressure_settings set = usual;
    set.max_bytes = UINT64_C(500) * MIB; /* what is configured is less: nothing to add */
    s = (struct pressure_state){ .level = PRESSURE_NONE };
    pressure_decide(&s, &set, &in, &order);
    assert_int_equal(order.soft_bytes, 0);
}

static void
test_a_full_cache_keeps_its_limit(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    for (int64_t t = 1000; t < 1000000; t += 1000) {
        struct pressure_input in = input(t, 848, 741);
        in.held_bytes += 30 * MIB; /* of which a part is free */
        pressure_decide(&s, &usual, &in, &order);
    }
    assert_true(order.soft_bytes >= 720 * (uint64_t)MIB);
}

static void
test_nobody_looks_while_nothing_happens(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(1000, 300, 200);
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.next_ms, 2000);
    in.now_ms = 2000;
    pressure_decide(&s, &usual, &in, &order);
    assert_true(order.next_ms == INT64_MAX);
    in = input(900000, 300, 200); /* somebody came back */
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.next_ms, 901000);
    /* Under pressure for ever, by somebody else: a while, then no more. */
    int64_t t = 910000;
    for (int looks = 0; order.next_ms != INT64_MAX; looks++) {
        assert_true(looks < 150);
        uint64_t ops = in.ops;
        in = input(t, 1000, 10);
        in.ops = ops;
        pressure_decide(&s, &usual, &in, &order);
        t = order.next_ms;
    }
    assert_int_equal(order.level, PRESSURE_REFUSE);
}

static void
test_it_looks_often_while_memory_fills_fast(void **state)
{
    (void)state;
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct pressure_order order;
    struct pressure_input in = input(1000, 100, 50);
    pressure_decide(&s, &usual, &in, &order);
    in = input(2000, 600, 550); /* 500 MiB a second, 400 left: a quarter is 200 ms */
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.next_ms, 2200);
    in = input(2200, 899, 550);
    pressure_decide(&s, &usual, &in, &order);
    assert_int_equal(order.next_ms, 2250);
}

/* ---- the plant ---- */

struct plant {
    double limit, other, base;
    double data, resident; /* of the cache; what it has freed stays resident for a while */
    double demand, given_back_per_s, overhead;
};

/* `ms` go by: the data grows to its limit and shrinks to it at once, memory comes back slowly. */
static void
plant_run(struct plant *p, int64_t ms, uint64_t soft, bool evict)
{
    double seconds = (double)ms / 1000;
    double top = soft ? (double)soft : 1e18;
    if (p->data < top)
        p->data = p->data + p->demand * seconds < top ? p->data + p->demand * seconds : top;
    else if (evict || p->demand > 0)
        p->data = top;
    double want = p->data * p->overhead;
    double given = p->given_back_per_s * seconds;
    p->resident = want > p->resident           ? want
                  : p->resident - given > want ? p->resident - given
                                               : want;
}

struct run {
    int raises; /* level from none to some */
    int turns;  /* times the limit changed its direction by more than 2 % */
    double peak;
    int level;
    double data;
};

static struct run
plant_drive(struct plant *p, const struct pressure_settings *set, int64_t from_ms, int64_t to_ms,
            struct pressure_state *s, void (*others)(struct plant *p, int64_t now_ms))
{
    struct run r = { .raises = 0 };
    struct pressure_order order;
    double extreme = 0;
    int direction = 0;
    for (int64_t t = from_ms; t < to_ms;) {
        if (others)
            others(p, t);
        double used = p->base + p->other + p->resident;
        r.peak = used > r.peak ? used : r.peak;
        int before = s->level;
        struct pressure_input in = { .now_ms = t,
                                     .limit_bytes = (uint64_t)p->limit,
                                     .used_bytes = (uint64_t)used,
                                     .stall_percent = 0,
                                     .data_bytes = (uint64_t)p->data,
                                     .held_bytes = (uint64_t)p->resident,
                                     .ops = (uint64_t)t };
        pressure_decide(s, set, &in, &order);
        r.raises += before == PRESSURE_NONE && s->level > PRESSURE_NONE;
        double soft = (double)order.soft_bytes;
        if (extreme == 0)
            extreme = soft;
        if (direction >= 0 && soft < extreme * 0.98) {
            r.turns += direction > 0;
            direction = -1;
            extreme = soft;
        } else if (direction <= 0 && soft > extreme * 1.02) {
            r.turns += direction < 0;
            direction = 1;
            extreme = soft;
        } else if ((direction >= 0 && soft > extreme) || (direction <= 0 && soft < extreme)) {
            extreme = soft;
        }
        int64_t next_ms = order.next_ms < to_ms ? order.next_ms : to_ms;
        plant_run(p, next_ms - t, order.soft_bytes, order.evict);
        t = next_ms;
    }
    r.level = s->level;
    r.data = p->data;
    return r;
}

static void
test_filling_stops_below_the_limit_at_any_rate(void **state)
{
    (void)state;
    static const double rates[] = { 1, 10, 50, 100, 300, 600 };
    static const double limits[] = { 100, 1000, 16000 };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        for (size_t j = 0; j < sizeof limits / sizeof limits[0]; j++) {
            struct plant p = { .limit = limits[j] * MIB,
                               .base = 10.0 * MIB,
                               .demand = rates[i] * MIB,
                               .given_back_per_s = 50.0 * MIB,
                               .overhead = 1.05 };
            struct pressure_state s = { .level = PRESSURE_NONE };
            struct run r = plant_drive(&p, &usual, 1000, 600000, &s, NULL);
            if (r.peak >= p.limit || r.turns > 1 || r.level != PRESSURE_NONE || r.raises > 1)
                fail_msg("%.0f MiB/s into %.0f MiB: peak %.1f, %d turns, level %d, %d raises",
                         rates[i], limits[j], r.peak / MIB, r.turns, r.level, r.raises);
        }
}

/* Takes 400 MiB within ten seconds, keeps them for a minute, gives them back. */
static void
other_comes_and_goes(struct plant *p, int64_t now_ms)
{
    if (now_ms < 100000 || now_ms > 170000)
        p->other = 0;
    else
        p->other = now_ms < 110000 ? (double)(now_ms - 100000) / 10000 * 400 * MIB : 400.0 * MIB;
}

static void
test_another_process_is_made_room_for_and_room_is_regained(void **state)
{
    (void)state;
    struct plant p = { .limit = 1000.0 * MIB,
                       .base = 10.0 * MIB,
                       .demand = 30.0 * MIB,
                       .given_back_per_s = 100.0 * MIB,
                       .overhead = 1.06 };
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct run r = plant_drive(&p, &usual, 1000, 100000, &s, other_comes_and_goes);
    double before = r.data;
    r = plant_drive(&p, &usual, 100000, 170000, &s, other_comes_and_goes);
    assert_true(r.peak < p.limit * 1.0);
    assert_int_equal(r.level, PRESSURE_NONE); /* there is room for both by now */
    assert_true(r.data < before - 300.0 * MIB && r.data > before - 500.0 * MIB);
    assert_true(r.raises <= 2 && r.turns <= 2);
    r = plant_drive(&p, &usual, 170000, 400000, &s, other_comes_and_goes);
    assert_true(r.data > before * 0.97);
    assert_int_equal(r.raises, 0);
    assert_int_equal(r.turns, 0);
}

static void
test_memory_that_comes_back_slowly_does_not_empty_the_cache(void **state)
{
    (void)state;
    struct plant p = { .limit = 1000.0 * MIB,
                       .base = 10.0 * MIB,
                       .other = 150.0 * MIB,
                       .data = 800.0 * MIB,
                       .resident = 800.0 * MIB,
                       .demand = 5.0 * MIB,
                       .given_back_per_s = 10.0 * MIB, /* arenas empty slowly */
                       .overhead = 1.0 };
    struct pressure_state s = { .level = PRESSURE_NONE };
    struct run r = plant_drive(&p, &usual, 1000, 300000, &s, NULL);
    assert_int_equal(r.level, PRESSURE_NONE);
    assert_true(r.turns <= 3);
    assert_true(r.data > 600.0 * MIB);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_give_levels),
        cmocka_unit_test(test_psi_is_not_looked_at_where_its_limit_is_none),
        cmocka_unit_test(test_a_level_falls_step_by_step_and_only_well_below),
        cmocka_unit_test(test_expired_data_that_is_not_enough_is_followed_by_cold),
        cmocka_unit_test(test_refusals_that_go_on_refuse_large_values),
        cmocka_unit_test(test_steps_are_small_and_end_at_the_floor),
        cmocka_unit_test(test_data_may_grow_by_what_is_free_and_no_further),
        cmocka_unit_test(test_a_full_cache_keeps_its_limit),
        cmocka_unit_test(test_nobody_looks_while_nothing_happens),
        cmocka_unit_test(test_it_looks_often_while_memory_fills_fast),
        cmocka_unit_test(test_filling_stops_below_the_limit_at_any_rate),
        cmocka_unit_test(test_another_process_is_made_room_for_and_room_is_regained),
        cmocka_unit_test(test_memory_that_comes_back_slowly_does_not_empty_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
