/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wheel's arithmetic against a model that knows nothing of digits and masks: a plain array of
 * deadlines. After each random advance every deadline whose tick is over has come due, exactly
 * then, and no other; every one that is left sits where it would be put now; the masks name the
 * slots that hold something; and the next event is the earliest the array has. Time also stands
 * still, and leaps years.
 */
#include "cache/wheel.h"

#include "support/check.h"
#include "support/rng.h"

#include <attl/attl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ITEMS_MAX = 400, TICK_MS = 1 << WHEEL_TICK_SHIFT };

#define START_MS INT64_C(1735689600123) /* 2025 */
#define SECOND_MS INT64_C(1000)
#define DAY_MS (86400 * SECOND_MS)
#define YEAR_MS (365 * DAY_MS)

struct item {
    int64_t deadline_ms;
    int64_t due_tick; /* the tick after which it must come due */
    unsigned slot;
};

struct model {
    struct wheel wheel;
    struct item items[ITEMS_MAX];
    unsigned count;
    uint64_t came_due;
};

static int64_t
tick_of(int64_t ms)
{
    return ms / TICK_MS; /* no time of ours is negative */
}

/* The level by comparing digit after digit, from the top. WHEEL_LEVELS: out of reach. */
static unsigned
naive_level(int64_t a, int64_t b)
{
    unsigned level = 0;
    for (unsigned i = 0; i < 10; i++) {
        int64_t unit = INT64_C(1) << (6 * i);
        if (a / unit % 64 != b / unit % 64)
            level = i;
    }
    return level < WHEEL_LEVELS ? level : WHEEL_LEVELS;
}

static unsigned
naive_slot(const struct model *m, const struct item *it)
{
    unsigned level = naive_level(it->due_tick, m->wheel.tick);
    if (level == WHEEL_LEVELS)
        return WHEEL_NEVER;
    return level * 64 + (unsigned)(it->due_tick / (INT64_C(1) << (6 * level)) % 64);
}

static void
model_put(struct model *m, struct item it)
{
    it.slot = wheel_slot(&m->wheel, it.deadline_ms);
    CHECK(it.slot == naive_slot(m, &it), "deadline %" PRId64 " in slot %u", it.deadline_ms,
          it.slot);
    wheel_mark(&m->wheel, it.slot, true);
    m->items[m->count++] = it;
}

static void
model_add(struct model *m, int64_t deadline_ms)
{
    struct item it = { .deadline_ms = deadline_ms, .due_tick = tick_of(deadline_ms) };
    if (it.due_tick < m->wheel.tick)
        it.due_tick = m->wheel.tick; /* in the past: as soon as the present tick is over */
    model_put(m, it);
}

/* What wheel_next must say: the earliest event of any item. */
static int64_t
naive_next_ms(const struct model *m)
{
    int64_t next_tick = INT64_MAX / TICK_MS;
    for (unsigned i = 0; i < m->count; i++) {
        const struct item *it = &m->items[i];
        if (it->slot == WHEEL_NEVER)
            continue;
        int64_t unit = INT64_C(1) << (it->slot / 64 * 6);
        int64_t tick = it->slot < 64 ? it->due_tick + 1 : it->due_tick / unit * unit;
        next_tick = tick < next_tick ? tick : next_tick;
    }
    return next_tick == INT64_MAX / TICK_MS ? INT64_MAX : next_tick * TICK_MS;
}

static void
model_check(const struct model *m, int64_t now_ms)
{
    uint64_t occupied[WHEEL_LEVELS] = { 0 };
    unsigned next_slot;
    for (unsigned i = 0; i < m->count; i++) {
        const struct item *it = &m->items[i];
        CHECK(it->due_tick >= tick_of(now_ms), "%" PRId64 " is late", it->deadline_ms);
        CHECK(it->slot == naive_slot(m, it), "%" PRId64 " has drifted", it->deadline_ms);
        if (it->slot != WHEEL_NEVER)
            occupied[it->slot / 64] |= UINT64_C(1) << it->slot % 64;
    }
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        CHECK(m->wheel.occupied[level] == occupied[level], "level %u", level);
    CHECK(wheel_next(&m->wheel, &next_slot) == naive_next_ms(m), "slot %u is next", next_slot);
    CHECK((next_slot == WHEEL_NEVER) == (naive_next_ms(m) == INT64_MAX), "slot %u", next_slot);
}

/* A slot's turn: those of level 0 are due and leave, others move to finer slots. */
static void
model_drain(struct model *m, unsigned slot)
{
    struct item held[ITEMS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < m->count;) {
        if (m->items[i].slot != slot) {
            i++;
            continue;
        }
        held[count++] = m->items[i];
        m->items[i] = m->items[--m->count];
    }
    CHECK(count > 0, "empty slot %u came due", slot);
    for (unsigned i = 0; i < count; i++) {
        if (slot >= 64) {
            model_put(m, held[i]);
            CHECK(m->items[m->count - 1].slot < slot / 64 * 64, "not finer than slot %u", slot);
            continue;
        }
        CHECK(held[i].due_tick == m->wheel.tick - 1, "%" PRId64 " came due at tick %" PRId64,
              held[i].deadline_ms, m->wheel.tick);
        m->came_due++;
    }
}

static void
model_advance(struct model *m, int64_t now_ms)
{
    unsigned slot;
    while ((slot = wheel_advance(&m->wheel, now_ms)) != WHEEL_NEVER) {
        CHECK(m->wheel.tick <= tick_of(now_ms), "ahead of time");
        model_drain(m, slot);
    }
    CHECK(m->wheel.tick == tick_of(now_ms), "the wheel stands at %" PRId64, m->wheel.tick);
    model_check(m, now_ms);
}

/* A length of time whose magnitude is anything from nothing to `max_ms`. */
static int64_t
any_ms(struct rng *r, int64_t max_ms)
{
    int64_t ms = (int64_t)(rng_u64(r) >> (1 + rng_below(r, 63)));
    return ms % (max_ms + 1);
}

static void
run_model(uint64_t seed, int64_t start_ms, int64_t life_max_ms, int64_t step_max_ms)
{
    struct model m = { .count = 0 };
    struct rng r = rng_from_seed(seed);
    int64_t now_ms = start_ms;
    uint64_t added = 0;
    wheel_init(&m.wheel, now_ms);
    for (int step = 0; step < 1500; step++) {
        for (uint64_t n = rng_below(&r, 4); n > 0 && m.count < ITEMS_MAX; n--, added++)
            model_add(&m, now_ms + any_ms(&r, life_max_ms) - (rng_one_in(&r, 20) ? TICK_MS : 0));
        model_check(&m, now_ms);
        now_ms += rng_one_in(&r, 5) ? 0 : any_ms(&r, step_max_ms);
        model_advance(&m, now_ms);
    }
    model_advance(&m, now_ms + life_max_ms + 2 * TICK_MS);
    assert_int_equal(m.count, 0);
    assert_int_equal(m.came_due, added);
}

static void
short_lives_come_due_in_their_tick(void **state)
{
    (void)state;
    run_model(1, START_MS, 20 * SECOND_MS, SECOND_MS);
    run_model(2, START_MS, 20 * SECOND_MS, 40 * SECOND_MS);
}

static void
long_lives_cascade_and_come_due_in_their_tick(void **state)
{
    (void)state;
    run_model(3, START_MS, 400 * DAY_MS, 2 * DAY_MS);
    run_model(4, START_MS, 30 * DAY_MS, 60 * SECOND_MS);
    run_model(5, START_MS, 5 * YEAR_MS, YEAR_MS);
}

static void
leaps_of_years_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 20; seed++)
        run_model(seed, START_MS, DAY_MS, 3 * DAY_MS * (int64_t)(seed - 9) * 10);
}

/* Where digits roll over: a life must cross the start of a slot of every level, 2039 included. */
static void
lives_cross_every_boundary_of_the_digits(void **state)
{
    (void)state;
    for (unsigned digits = 1; digits <= 5; digits++) {
        int64_t unit_ms = INT64_C(1) << (WHEEL_TICK_SHIFT + 6 * digits);
        int64_t boundary_ms = (START_MS / unit_ms + 1) * unit_ms;
        for (int64_t before_ms = 1; before_ms <= 3 * TICK_MS; before_ms += 171) {
            struct model m = { .count = 0 };
            wheel_init(&m.wheel, boundary_ms - before_ms);
            model_add(&m, boundary_ms - 1);
            model_add(&m, boundary_ms);
            model_add(&m, boundary_ms + 10 * SECOND_MS);
            model_add(&m, boundary_ms + DAY_MS);
            model_advance(&m, boundary_ms + 10 * SECOND_MS - before_ms);
            model_advance(&m, boundary_ms + 2 * DAY_MS);
            CHECK(m.count == 0, "%u are left at boundary %" PRId64, m.count, boundary_ms);
        }
    }
}

/* To the millisecond: nothing before wheel_next, its slot at wheel_next. */
static void
a_slot_comes_neither_early_nor_late(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(7);
    for (int i = 0; i < 3000; i++) {
        struct wheel w;
        unsigned next_slot;
        int64_t now_ms = START_MS + any_ms(&r, YEAR_MS);
        wheel_init(&w, now_ms);
        int64_t deadline_ms = now_ms + any_ms(&r, YEAR_MS);
        wheel_mark(&w, wheel_slot(&w, deadline_ms), true);
        int64_t next_ms = wheel_next(&w, &next_slot);
        assert_int_equal(next_slot, wheel_slot(&w, deadline_ms));
        if (next_slot < 64)
            assert_in_range(next_ms - deadline_ms, 1, TICK_MS);
        else
            assert_true(next_ms > now_ms && next_ms <= deadline_ms);
        struct wheel before = w;
        assert_int_equal(wheel_advance(&before, next_ms - 1), WHEEL_NEVER);
        assert_int_equal(wheel_advance(&w, next_ms), next_slot);
        assert_int_equal(wheel_advance(&w, next_ms), WHEEL_NEVER);
    }
}

static void
time_may_stand_still_or_be_asked_again(void **state)
{
    (void)state;
    struct wheel w;
    wheel_init(&w, START_MS);
    wheel_mark(&w, wheel_slot(&w, START_MS + 5 * SECOND_MS), true);
    struct wheel before = w;
    for (int i = 0; i < 10; i++)
        assert_int_equal(wheel_advance(&w, START_MS), WHEEL_NEVER);
    assert_int_equal(wheel_advance(&w, START_MS - DAY_MS), WHEEL_NEVER); /* never back */
    assert_memory_equal(&w, &before, sizeof(w));
}

static void
what_never_expires_has_a_slot_that_never_comes(void **state)
{
    (void)state;
    struct wheel w;
    unsigned slot;
    wheel_init(&w, START_MS);
    assert_int_equal(wheel_slot(&w, ATTL_NO_DEADLINE), WHEEL_NEVER);
    for (unsigned bits = WHEEL_TICK_SHIFT + 6 * WHEEL_LEVELS; bits < 62; bits++)
        assert_int_equal(wheel_slot(&w, START_MS + (INT64_C(1) << bits)), WHEEL_NEVER);
    wheel_mark(&w, WHEEL_NEVER, true);
    assert_int_equal(wheel_next(&w, &slot), INT64_MAX);
    assert_int_equal(slot, WHEEL_NEVER);
    assert_int_equal(wheel_advance(&w, START_MS + 1000 * YEAR_MS), WHEEL_NEVER);
    wheel_mark(&w, WHEEL_NEVER, false);
}

static void
past_deadlines_belong_to_the_present_tick(void **state)
{
    (void)state;
    struct wheel w;
    wheel_init(&w, START_MS);
    unsigned present = wheel_slot(&w, START_MS);
    assert_true(present < 64);
    assert_int_equal(wheel_slot(&w, START_MS - 1), present);
    assert_int_equal(wheel_slot(&w, START_MS - YEAR_MS), present);
    assert_int_equal(wheel_slot(&w, 0), present);
}

/* A slot of each level: its turn, and that what belongs to it lies within its span. */
static void
spans_grow_by_64_and_turns_lie_where_deadlines_do(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(11);
    struct wheel w;
    wheel_init(&w, START_MS);
    int64_t span_ms = TICK_MS;
    for (unsigned level = 0; level < WHEEL_LEVELS; level++, span_ms *= 64)
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(wheel_span_ms(level * 64 + i), span_ms);
    for (int round = 0; round < 10000; round++) {
        int64_t life_ms = (int64_t)(rng_u64(&r) >> (20 + rng_below(&r, 40)));
        unsigned slot = wheel_slot(&w, START_MS + life_ms);
        if (slot == WHEEL_NEVER)
            continue;
        int64_t turn_ms = wheel_turn_ms(&w, slot), wide_ms = wheel_span_ms(slot);
        int64_t begins_ms = slot < 64 ? turn_ms - wide_ms
                                      : turn_ms; /* the finest: when it is over */
        assert_true(START_MS + life_ms > begins_ms - TICK_MS);
        assert_true(START_MS + life_ms <= begins_ms + wide_ms);
        wheel_mark(&w, slot, true);
        unsigned next;
        assert_int_equal(wheel_next(&w, &next), turn_ms);
        assert_int_equal(next, slot);
        wheel_mark(&w, slot, false);
    }
    assert_true(wheel_turn_ms(&w, WHEEL_NEVER) == INT64_MAX);
}

static void
marking_is_per_slot(void **state)
{
    (void)state;
    struct wheel w;
    wheel_init(&w, START_MS);
    for (unsigned slot = 0; slot < WHEEL_NEVER; slot++) {
        wheel_mark(&w, slot, true);
        wheel_mark(&w, slot, true);
        for (unsigned level = 0; level < WHEEL_LEVELS; level++)
            assert_int_equal(w.occupied[level],
                             level == slot / 64 ? UINT64_C(1) << slot % 64 : UINT64_C(0));
        wheel_mark(&w, slot, false);
        assert_int_equal(w.occupied[slot / 64], 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lives_come_due_in_their_tick),
        cmocka_unit_test(long_lives_cascade_and_come_due_in_their_tick),
        cmocka_unit_test(leaps_of_years_lose_nothing),
        cmocka_unit_test(lives_cross_every_boundary_of_the_digits),
        cmocka_unit_test(a_slot_comes_neither_early_nor_late),
        cmocka_unit_test(time_may_stand_still_or_be_asked_again),
        cmocka_unit_test(what_never_expires_has_a_slot_that_never_comes),
        cmocka_unit_test(past_deadlines_belong_to_the_present_tick),
        cmocka_unit_test(spans_grow_by_64_and_turns_lie_where_deadlines_do),
        cmocka_unit_test(marking_is_per_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
