/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of loading once, by table: every combination of what is known of a key with what the
 * asker wants has a row that names the verdict. Then back-off, jitter and early renewal at their
 * bounds. Everything is pure, so there is nothing to set up.
 */
#include "engine/flight_rule.h"

#include "base/limits.h"
#include "support/unit.h"

enum { NOW = 100000, LATER = NOW + 1, PAST = NOW - 10 };

#define NEVER ATTL_NO_DEADLINE
#define ANY INT64_MAX

struct row {
    const char *name;
    struct flight_view view;
    int64_t stale_ms;
    enum flight_verdict want;
};

static const struct row rows[] = {
    { "nothing there", { .found = false }, ANY, FLIGHT_WIN },
    { "nothing there, no stale wanted", { .found = false }, -1, FLIGHT_WIN },
    { "nothing there, loading", { .leased = true }, ANY, FLIGHT_WAIT },
    { "nothing there, left alone", { .retry_ms = LATER }, ANY, FLIGHT_WAIT },
    { "nothing there, left alone until now", { .retry_ms = NOW }, ANY, FLIGHT_WIN },
    { "fresh", { .found = true, .fresh_ms = LATER }, ANY, FLIGHT_HIT },
    { "fresh for ever", { .found = true, .fresh_ms = NEVER }, -1, FLIGHT_HIT },
    { "fresh, loading", { .found = true, .fresh_ms = LATER, .leased = true }, ANY, FLIGHT_HIT },
    { "fresh until now", { .found = true, .fresh_ms = NOW }, ANY, FLIGHT_WIN },
    { "older", { .found = true, .fresh_ms = PAST }, ANY, FLIGHT_WIN },
    { "older, loading", { .found = true, .fresh_ms = PAST, .leased = true }, ANY, FLIGHT_STALE },
    { "older, left alone",
      { .found = true, .fresh_ms = PAST, .retry_ms = LATER },
      ANY,
      FLIGHT_STALE },
    { "just young enough", { .found = true, .fresh_ms = PAST, .leased = true }, 10, FLIGHT_STALE },
    { "too old", { .found = true, .fresh_ms = PAST, .leased = true }, 9, FLIGHT_WAIT },
    { "older, but not wanted",
      { .found = true, .fresh_ms = NOW, .leased = true },
      -1,
      FLIGHT_WAIT },
    { "negative", { .found = true, .negative = true, .fresh_ms = LATER }, ANY, FLIGHT_NEGATIVE },
    { "negative, over", { .found = true, .negative = true, .fresh_ms = NOW }, ANY, FLIGHT_WIN },
    { "negative, over, loading",
      { .found = true, .negative = true, .fresh_ms = NOW, .leased = true },
      ANY,
      FLIGHT_WAIT },
};

static void
each_state_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight_wants wants = { .lease_ms = 1000, .stale_ms = rows[i].stale_ms };
        enum flight_verdict got = flight_decide(&rows[i].view, NOW, &wants, 0);
        if (got != rows[i].want)
            fail_msg("%s: verdict %d, not %d", rows[i].name, (int)got, (int)rows[i].want);
    }
}

static void
a_fresh_value_is_renewed_before_its_end_if_wanted(void **state)
{
    (void)state;
    struct flight_view v = { .found = true, .fresh_ms = NOW + 500 };
    struct flight_wants wants = { .early_ms = 500 };
    assert_int_equal(flight_decide(&v, NOW - 1, &wants, 0), FLIGHT_HIT);
    assert_int_equal(flight_decide(&v, NOW, &wants, 0), FLIGHT_WIN);
    v.leased = true;
    assert_int_equal(flight_decide(&v, NOW, &wants, 0), FLIGHT_HIT);
    v.leased = false;
    v.retry_ms = LATER;
    assert_int_equal(flight_decide(&v, NOW, &wants, 0), FLIGHT_HIT);
    v.retry_ms = 0;
    v.fresh_ms = NEVER;
    assert_int_equal(flight_decide(&v, NOW, &wants, 0), FLIGHT_HIT);
}

/* The share of askers that renew at a distance of `n` loads from the end is about e^-n. */
static void
chance_renews_as_xfetch_says(void **state)
{
    (void)state;
    static const unsigned per_mille[] = { 1000, 368, 135, 50, 18 };
    struct flight_view v = { .found = true, .load_ms = 100 };
    struct flight_wants wants = { .early_beta = 100 };
    enum { THROWS = 20000 };
    for (unsigned n = 0; n < sizeof per_mille / sizeof per_mille[0]; n++) {
        v.fresh_ms = NOW + (int64_t)n * 100;
        unsigned early = 0;
        for (uint64_t i = 0; i < THROWS; i++)
            early += flight_is_early(&v, NOW, &wants, flight_dice(i, n));
        unsigned got = early * 1000 / THROWS;
        assert_in_range(got, per_mille[n] * 8 / 10, per_mille[n] * 12 / 10 + 2);
    }
    v.load_ms = 0; /* nobody knows how long it takes */
    v.fresh_ms = NOW + 1;
    assert_false(flight_is_early(&v, NOW, &wants, 1));
}

static void
backoff_doubles_up_to_its_bound(void **state)
{
    (void)state;
    assert_int_equal(flight_backoff_ms(1000, 1), 1000);
    assert_int_equal(flight_backoff_ms(1000, 2), 2000);
    assert_int_equal(flight_backoff_ms(1000, 5), 16000);
    assert_int_equal(flight_backoff_ms(1000, 7), LIMIT_BACKOFF_MS);
    assert_int_equal(flight_backoff_ms(1000, 4000000), LIMIT_BACKOFF_MS);
    assert_int_equal(flight_backoff_ms(LIMIT_TTL_MS, 3), LIMIT_BACKOFF_MS);
    assert_int_equal(flight_backoff_ms(0, 3), 0);
}

static void
jitter_shortens_by_its_part_and_is_repeatable(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t hash = 0; hash < 1000; hash++) {
        int64_t hard = flight_jitter_ms(100000, 20, hash, 7);
        int64_t soft = flight_jitter_ms(50000, 20, hash, 7);
        assert_in_range(hard, 80000, 100000);
        assert_in_range(soft * 2, (uint64_t)hard - 2, (uint64_t)hard + 2);
        assert_int_equal(hard, flight_jitter_ms(100000, 20, hash, 7));
        least = hard < least ? hard : least;
        most = hard > most ? hard : most;
    }
    assert_in_range(least, 80000, 82000);
    assert_in_range(most, 98000, 100000);
    assert_int_equal(flight_jitter_ms(100000, 0, 1, 7), 100000);
    assert_int_equal(flight_jitter_ms(0, 50, 1, 7), 0);
    assert_in_range(flight_jitter_ms(LIMIT_TTL_MS, 100, 1, 7), 0, LIMIT_TTL_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_verdict),
        cmocka_unit_test(a_fresh_value_is_renewed_before_its_end_if_wanted),
        cmocka_unit_test(chance_renews_as_xfetch_says),
        cmocka_unit_test(backoff_doubles_up_to_its_bound),
        cmocka_unit_test(jitter_shortens_by_its_part_and_is_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
