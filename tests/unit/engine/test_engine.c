/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheme of a change, step by step: what is refused is counted under its rule and changes
 * nothing; a change without room makes room and starts over from the lookup, a bounded number of
 * times; deadlines come out right at every edge, with a wall clock that has been set as well; and
 * an earlier deadline wakes whoever would sleep past it.
 */
#include "engine/engine.h"

#include "engine_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const plain[] = { "cache.max_memory",
                                     "0",
                                     "cache.max_entries",
                                     "0",
                                     "cache.default_ttl",
                                     "0",
                                     "validation.mode",
                                     "normal",
                                     "validation.max_ttl",
                                     "3650d",
                                     "cache.background",
                                     "false",
                                     NULL };

static int
setup(void **state)
{
    *state = bench_open(plain, false);
    return 0;
}

static int
teardown(void **state)
{
    bench_close(*state);
    return 0;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static int
deadline(struct bench *b, int64_t ttl_ms, int64_t at_ms, int64_t *ret)
{
    return engine_deadline(&b->engine, reclaim_self(), ttl_ms, at_ms, START_MS, ret);
}

static void
lives_become_deadlines(void **state)
{
    struct bench *b = *state;
    int64_t ms = 77;
    assert_int_equal(deadline(b, 1, 0, &ms), ATTL_OK);
    assert_int_equal(ms, START_MS + 1);
    assert_int_equal(deadline(b, ATTL_TTL_NONE, 0, &ms), ATTL_OK);
    assert_int_equal(ms, ATTL_NO_DEADLINE);
    assert_int_equal(deadline(b, ATTL_TTL_KEEP, 0, &ms), ATTL_OK);
    assert_int_equal(deadline(b, ATTL_TTL_DEFAULT, 0, &ms), ATTL_OK);
    assert_int_equal(ms, ATTL_NO_DEADLINE);
    atomic_store(&b->engine.default_ttl_ms, 5000);
    assert_int_equal(deadline(b, ATTL_TTL_DEFAULT, 0, &ms), ATTL_OK);
    assert_int_equal(ms, START_MS + 5000);
    assert_int_equal(deadline(b, 3650 * DAY_MS, 0, &ms), ATTL_OK);
    assert_int_equal(ms, START_MS + 3650 * DAY_MS);
    assert_int_equal(deadline(b, 3650 * DAY_MS + 1, 0, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(deadline(b, INT64_MAX, 0, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(deadline(b, -3, 0, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(deadline(b, INT64_MIN, 0, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(bench_refused(b, ATTL_E_TTL_RANGE), 4);
}

static void
points_in_time_become_deadlines(void **state)
{
    struct bench *b = *state;
    int64_t ms = 77;
    assert_int_equal(deadline(b, 5, START_MS + 9, &ms), ATTL_OK); /* goes before the life */
    assert_int_equal(ms, START_MS + 9);
    assert_int_equal(deadline(b, 5, START_MS, &ms), ATTL_DELETED);
    assert_int_equal(deadline(b, 5, START_MS - 1, &ms), ATTL_DELETED);
    assert_int_equal(deadline(b, 5, 1, &ms), ATTL_DELETED);
    assert_int_equal(deadline(b, 5, START_MS + 3650 * DAY_MS, &ms), ATTL_OK);
    assert_int_equal(ms, START_MS + 3650 * DAY_MS);
    assert_int_equal(deadline(b, 5, START_MS + 3650 * DAY_MS + 1, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(deadline(b, 5, INT64_MAX, &ms), ATTL_E_TTL_RANGE);
    assert_int_equal(deadline(b, 5, 0, &ms), ATTL_OK); /* 0 is no point in time */
    assert_int_equal(ms, START_MS + 5);
}

static void
relaxed_mode_caps_and_counts(void **state)
{
    struct bench *b = *state;
    int64_t ms = 77;
    atomic_store(&b->engine.rules.mode, VALIDATE_RELAXED);
    atomic_store(&b->engine.rules.max_ttl_ms, DAY_MS);
    static const int64_t lives_ms[] = { DAY_MS + 1, LIMIT_TTL_MS + 1, INT64_MAX };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(deadline(b, lives_ms[i], 0, &ms), ATTL_OK);
        assert_int_equal(ms, START_MS + DAY_MS);
        assert_int_equal(bench_refused(b, ATTL_E_TTL_RANGE), i + 1);
    }
    assert_int_equal(deadline(b, 0, INT64_MAX, &ms), ATTL_OK);
    assert_int_equal(ms, START_MS + DAY_MS);
}

static void
strict_mode_wants_a_life(void **state)
{
    struct bench *b = *state;
    int64_t ms = 77;
    atomic_store(&b->engine.rules.mode, VALIDATE_STRICT);
    assert_int_equal(deadline(b, ATTL_TTL_NONE, 0, &ms), ATTL_E_TTL_REQUIRED);
    assert_int_equal(deadline(b, ATTL_TTL_DEFAULT, 0, &ms), ATTL_E_TTL_REQUIRED);
    assert_int_equal(bench_refused(b, ATTL_E_TTL_REQUIRED), 2);
    assert_int_equal(deadline(b, ATTL_TTL_KEEP, 0, &ms), ATTL_OK);
    atomic_store(&b->engine.default_ttl_ms, 5000);
    assert_int_equal(deadline(b, ATTL_TTL_DEFAULT, 0, &ms), ATTL_OK);
}

/* Points in time are the system's; if its clock has been set, ours differs by the skew. */
static void
a_clock_that_was_set_shifts_points_in_time(void **state)
{
    (void)state;
    struct bench *b = bench_open(plain, true);
    const struct reclaim_reader *self = reclaim_self();
    int64_t wall_ms = clock_wall_us() / 1000, ms = 77;
    for (int direction = -1; direction <= 1; direction++) {
        b->engine.clock.wall_minus_mono_ns += direction * HOUR_MS * 1000000;
        int64_t now_ms = engine_now_ms(&b->engine);
        assert_in_range(engine_skew_ms(&b->engine) + direction * HOUR_MS + 5000, 0, 10000);
        assert_int_equal(engine_deadline(&b->engine, self, 0, wall_ms + DAY_MS, now_ms, &ms),
                         ATTL_OK);
        assert_in_range(ms - now_ms - DAY_MS + 10000, 0,
                        20000); /* a day from now by either clock */
        assert_int_equal(engine_deadline(&b->engine, self, 0, wall_ms - 60000, now_ms, &ms),
                         ATTL_DELETED);
        assert_int_equal(engine_deadline(&b->engine, self, 0, INT64_MAX, now_ms, &ms),
                         ATTL_E_TTL_RANGE);
        assert_int_equal(engine_deadline(&b->engine, self, 0, 1, now_ms, &ms), ATTL_DELETED);
        b->engine.clock.wall_minus_mono_ns -= direction * HOUR_MS * 1000000;
    }
    bench_close(b);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void
refusals_are_counted_under_their_rule(void **state)
{
    struct bench *b = *state;
    const struct reclaim_reader *self = reclaim_self();
    static char key[40000];
    memset(key, 'k', sizeof(key));
    assert_int_equal(bench_set(b, attl_s(""), attl_s("v"), ATTL_NO_DEADLINE), ATTL_E_KEY_EMPTY);
    assert_int_equal(bench_set(b, attl_b(key, sizeof(key)), attl_s("v"), ATTL_NO_DEADLINE),
                     ATTL_E_KEY_LONG);
    assert_int_equal(bench_set(b, attl_s("a\nb"), attl_s("v"), ATTL_NO_DEADLINE),
                     ATTL_E_KEY_CONTROL);
    assert_int_equal(bench_set(b, attl_b("a\0b", 3), attl_s("v"), ATTL_NO_DEADLINE),
                     ATTL_E_KEY_NUL);
    assert_int_equal(engine_check_value(&b->engine, self, UINT64_C(1) << 40), ATTL_E_VALUE_LONG);
    assert_int_equal(engine_check_value(&b->engine, self, 10), ATTL_OK);
    for (int status = ATTL_E_KEY_EMPTY; status >= ATTL_E_VALUE_LONG; status--)
        assert_int_equal(bench_refused(b, status), 1);
    static const int others[] = { ATTL_OK, ATTL_MISS, ATTL_E_FULL, ATTL_E_NOT_INTEGER,
                                  ATTL_E_IMMUTABLE };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(engine_refuse(&b->engine, self, others[i]), others[i]);
    for (unsigned rule = 0; rule < 8; rule++)
        assert_int_equal(bench_counter(b, COUNT_REFUSED_RULE + rule), rule < 5);
    assert_int_equal(cache_items(&b->engine.cache), 0);
}

/* Answers FULL or NOMEM some times, and remembers how often it was asked. */
struct moody {
    struct bench *bench;
    int answer;
    unsigned refusals, calls;
    bool hopeless;
};

static int
moody_change(struct entry *e, void *ud)
{
    struct moody *m = ud;
    lock_assert_held(&e->partition->lock);
    assert_int_equal(e->now_ms, atomic_load(&m->bench->now_ms)); /* also when it is tried again */
    atomic_fetch_add(&m->bench->now_ms, 10);
    m->calls++;
    e->hopeless = m->hopeless;
    return m->calls <= m->refusals ? m->answer : ATTL_NOT_SET;
}

static int
change(struct bench *b, struct moody *m)
{
    m->calls = 0;
    m->bench = b;
    return engine_change(&b->engine, attl_s("key"), moody_change, m);
}

static void
a_change_without_room_is_tried_again_while_room_can_be_made(void **state)
{
    struct bench *b = *state;
    bench_fill(b, 2000, ATTL_NO_DEADLINE);
    struct moody m = { .answer = ATTL_E_FULL, .refusals = 3 };
    uint64_t items = cache_items(&b->engine.cache);
    assert_int_equal(change(b, &m), ATTL_NOT_SET);
    assert_int_equal(m.calls, 4);
    assert_true(cache_items(&b->engine.cache) < items); /* room was made */
    assert_int_equal(bench_counter(b, COUNT_REFUSED_FULL), 0);
    m = (struct moody){ .answer = ATTL_E_NOMEM, .refusals = 1000000 };
    assert_int_equal(change(b, &m), ATTL_E_NOMEM);
    assert_in_range(m.calls, 2, 20); /* no memory is not a matter of patience */
    assert_int_equal(bench_counter(b, COUNT_REFUSED_FULL), 1);
}

static void
what_no_room_can_help_is_given_up_at_once(void **state)
{
    struct bench *b = *state;
    bench_fill(b, 2000, ATTL_NO_DEADLINE);
    struct moody m = { .answer = ATTL_E_FULL, .refusals = 5, .hopeless = true };
    assert_int_equal(change(b, &m), ATTL_E_FULL);
    assert_int_equal(m.calls, 1);
    static const int final[] = { ATTL_E_OVERFLOW, ATTL_E_BUSY, ATTL_E_INVALID, ATTL_MISS,
                                 ATTL_DELETED };
    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
        m = (struct moody){ .answer = final[i], .refusals = 5 };
        assert_int_equal(change(b, &m), final[i]);
        assert_int_equal(m.calls, 1);
    }
    assert_int_equal(cache_items(&b->engine.cache), 2000);
    attl_config *config = bench_config(plain);
    assert_int_equal(attl_config_set(config, "cache.eviction", "noeviction", NULL, 0), ATTL_OK);
    engine_apply_config(&b->engine, config);
    attl_config_free(config);
    m = (struct moody){ .answer = ATTL_E_FULL, .refusals = 5 };
    assert_int_equal(change(b, &m), ATTL_E_FULL); /* nobody may go, nothing is dead */
    assert_int_equal(cache_items(&b->engine.cache), 2000);
}

static void
an_expired_entry_is_not_met_by_a_change(void **state)
{
    struct bench *b = *state;
    struct entry e;
    assert_int_equal(bench_set(b, attl_s("key"), attl_s("v"), START_MS + 10), ATTL_OK);
    atomic_store(&b->now_ms, START_MS + 10);
    engine_entry_init(&b->engine, reclaim_self(), attl_s("key"), &e);
    assert_int_equal(e.now_ms, START_MS + 10);
    assert_int_equal(e.written_deadline_ms, INT64_MAX);
    lock_acquire(&e.partition->lock);
    entry_find(&e);
    lock_release(&e.partition->lock);
    assert_false(e.found);
}

static bool
woken(struct bench *b)
{
    return atomic_exchange(&b->engine.parker.state, 0) == 2;
}

static void
an_earlier_deadline_wakes_the_sleeper(void **state)
{
    struct bench *b = *state;
    b->engine.background = true; /* as if: the thread is not running */
    atomic_store(&b->engine.armed_ms, START_MS + 60 * SECOND_MS);
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("v"), START_MS + 70 * SECOND_MS), ATTL_OK);
    assert_false(woken(b));
    assert_int_equal(bench_set(b, attl_s("b"), attl_s("v"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_false(woken(b));
    assert_int_equal(bench_set(b, attl_s("c"), attl_s("v"), START_MS + 50 * SECOND_MS), ATTL_OK);
    assert_true(woken(b));
    atomic_store(&b->engine.armed_ms, INT64_MIN); /* awake: will look by itself */
    assert_int_equal(bench_set(b, attl_s("d"), attl_s("v"), START_MS + 1), ATTL_OK);
    assert_false(woken(b));
    b->engine.background = false;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void
settings_reach_the_cache(void **state)
{
    (void)state;
    static const char *const options[] = { "cache.max_memory",
                                           "64MiB",
                                           "cache.max_entries",
                                           "1000",
                                           "cache.default_ttl",
                                           "30s",
                                           "cache.eviction",
                                           "volatile-ttl",
                                           "cache.max_pinned",
                                           "8MiB",
                                           "cache.background",
                                           "false",
                                           "validation.mode",
                                           "strict",
                                           NULL };
    struct bench *b = bench_open(options, false);
    const struct attl *a = &b->engine;
    assert_int_equal(atomic_load(&a->cache.max_bytes), 64 << 20);
    assert_int_equal(atomic_load(&a->cache.max_items), 1000);
    assert_int_equal(atomic_load(&a->cache.max_pinned_bytes), 8 << 20);
    assert_int_equal(atomic_load(&a->cache.policy), EVICT_VOLATILE_TTL);
    assert_int_equal(atomic_load(&a->default_ttl_ms), 30000);
    assert_int_equal(atomic_load(&a->rules.mode), VALIDATE_STRICT);
    assert_int_equal(engine_now_ms(a), START_MS);
    assert_int_equal(engine_skew_ms(a), 0);
    engine_log(a, 2, "event", "text");
    assert_int_equal(b->logged, 1);
    bench_close(b);
}

struct stingy {
    int64_t until_refusal;
    int64_t out;
};

static void *
stingy_alloc(void *ud, size_t bytes)
{
    struct stingy *s = ud;
    if (s->until_refusal == 0)
        return NULL;
    s->until_refusal -= s->until_refusal > 0;
    s->out++;
    return malloc(bytes);
}

static void
stingy_free(void *ud, void *ptr)
{
    struct stingy *s = ud;
    s->out -= ptr != NULL;
    free(ptr);
}

static void
any_refused_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    struct stingy s = { 0 };
    attl_allocator a = { stingy_alloc, stingy_free, &s };
    struct attl *engine = NULL;
    int status = ATTL_E_NOMEM;
    assert_int_equal(posix_memalign((void **)&engine, 128, sizeof(*engine)), 0);
    for (int64_t n = 0; status != ATTL_OK; n++) {
        attl_config *config = bench_config(plain);
        attl_config_set_allocator(config, &a);
        s.until_refusal = n;
        status = engine_open(engine, config, NULL, 0);
        attl_config_free(config);
        assert_true(status == ATTL_OK || (status == ATTL_E_NOMEM && n < 50));
        engine_close(engine);
        assert_int_equal(s.out, 0);
    }
    free(engine);
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(lives_become_deadlines),
        BENCH_TEST(points_in_time_become_deadlines),
        BENCH_TEST(relaxed_mode_caps_and_counts),
        BENCH_TEST(strict_mode_wants_a_life),
        cmocka_unit_test(a_clock_that_was_set_shifts_points_in_time),
        BENCH_TEST(refusals_are_counted_under_their_rule),
        BENCH_TEST(a_change_without_room_is_tried_again_while_room_can_be_made),
        BENCH_TEST(what_no_room_can_help_is_given_up_at_once),
        BENCH_TEST(an_expired_entry_is_not_met_by_a_change),
        BENCH_TEST(an_earlier_deadline_wakes_the_sleeper),
        cmocka_unit_test(settings_reach_the_cache),
        cmocka_unit_test(any_refused_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
