/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What detectors call bad, by table: numbers in, a verdict and a sentence out. Each table walks
 * over the limit from below, because that is where a judgement is wrong by one. The sentences are
 * looked at for the numbers a person needs, and for fitting into a record whatever the numbers are.
 */
#include "control/detect.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static void
expect_verdict(const struct incident_reading *r, const char *want, const char *part)
{
    const char *got = !r->bad ? "good" : r->certain ? "certain" : r->worse ? "worse" : "bad";
    if (strcmp(got, want) != 0)
        fail_msg("%s, not %s: %s", got, want, r->cause);
    if (part && !strstr(r->cause, part))
        fail_msg("\"%s\" does not say \"%s\"", r->cause, part);
    assert_true(strlen(r->cause) < INCIDENT_CAUSE_BYTES - 1); /* nothing was cut */
    assert_int_equal(r->cause[0] != '\0', r->bad);
}

static void
a_span_is_what_came_since(void **state)
{
    (void)state;
    struct control_numbers before = { 0 }, n = {
        .mono_ns = 5 * S, .sets = 700, .hits = 3, .misses = 4, .evicted = 9, .ghost_hits = 2
    };
    assert_true(detect_span(&before, &n).sets == 0); /* there was no reading before */
    before = (struct control_numbers){ .mono_ns = 3 * S, .sets = 500, .evicted = 10, .hits = 1 };
    struct detect_span s = detect_span(&before, &n);
    assert_true(s.seconds > 1.999 && s.seconds < 2.001);
    assert_int_equal(s.sets, 200);
    assert_int_equal(s.reads, 6);
    assert_int_equal(s.evicted, 0); /* counters were reset meanwhile */
    assert_int_equal(s.ghost_hits, 2);
    n.mono_ns = 3 * S; /* another thread was faster */
    assert_int_equal(detect_span(&before, &n).sets, 0);
}

static void
above_a_limit_is_out_of_bounds(void **state)
{
    (void)state;
    static const struct {
        uint64_t used, max_bytes, items, max_items;
        const char *want, *part;
    } cases[] = {
        { 1000, 0, 1000, 0, "good", NULL },
        { 64000, 64000, 640, 640, "good", NULL },
        { 65000, 64000, 640, 640, "good", NULL }, /* 1/64 is left to writers under way */
        { 65001, 64000, 640, 640, "bad", "65001 bytes are held, the limit is 64000" },
        { 80000, 64000, 640, 640, "bad", NULL },
        { 80001, 64000, 640, 640, "worse", NULL },
        { 64000, 64000, 650, 640, "good", NULL },
        { 64000, 64000, 651, 640, "bad", "651 entries are held, the limit is 640" },
        { UINT64_MAX / 2, UINT64_MAX / 4, 0, 0, "worse", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_numbers n = { .used_bytes = cases[i].used,
                                     .max_bytes = cases[i].max_bytes,
                                     .items = cases[i].items,
                                     .max_items = cases[i].max_items };
        struct detect_span s = { 0 };
        judge_bounds(&n, &s, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
what_is_stored_again_and_again_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        uint64_t sets, reads, ghost_hits;
        const char *want;
    } cases[] = {
        { 0, 0, 0, "good" },         { 10, 10, 10, "good" }, /* too few to say */
        { 1000, 400, 249, "good" },  { 1000, 400, 250, "bad" },
        { 1000, 400, 500, "worse" }, { 1000, 10000, 999, "good" }, /* most reads are hits */
        { 1000, 4000, 1000, "bad" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_numbers n = { .used_bytes = UINT64_MAX, .items = UINT64_MAX };
        struct detect_span s = { 1, cases[i].sets, cases[i].reads, 0, cases[i].ghost_hits };
        judge_bounds(&n, &s, &r);
        expect_verdict(&r, cases[i].want, r.bad ? "store again" : NULL);
    }
}

static void
a_cache_that_turns_over_too_fast_evicts_too_much(void **state)
{
    (void)state;
    static const struct {
        uint64_t evicted, items;
        double seconds;
        const char *want, *part;
    } cases[] = {
        { 99, 10, 1, "good", NULL }, /* too few to say */
        { 1000, 60000, 1, "good", NULL },
        { 1001, 60000, 1, "bad", "1001 evictions/s at 2000 sets/s replace all 60000 entries" },
        { 10000, 60000, 10, "good", NULL },
        { 4000, 60000, 1, "bad", "takes about 240000 entries, 23 MiB" },
        { 4001, 60000, 1, "worse", NULL },
        { 1000, 0, 1, "worse", NULL },
        { UINT64_C(1) << 40, UINT64_C(1) << 40, 1, "worse", NULL },
        { 1000, 60000, 0, "good", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_numbers n = { .items = cases[i].items, .used_bytes = cases[i].items * 100 };
        struct detect_span s = { .seconds = cases[i].seconds,
                                 .sets = 2000,
                                 .evicted = cases[i].evicted };
        judge_evictions(&n, &s, 60000, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
latency_is_bad_above_the_limit_or_far_above_the_usual(void **state)
{
    (void)state;
    static const struct {
        uint64_t samples, p99_ns, usual_ns;
        const char *want, *part;
    } cases[] = {
        { 49, 900 * MS, 0, "good", NULL }, /* too few to say */
        { 50, 500 * MS, 0, "good", NULL },
        { 50, 501 * MS, 0, "bad", "limit is 500.000 ms, adaptive.latency_threshold" },
        { 50, 2100 * MS, 0, "worse", NULL },
        { 50, 5 * MS, 1000, "good", NULL }, /* a floor: microseconds are no incident */
        { 50, 5 * MS + 1, 1000, "bad", "from what was usual" },
        { 50, 19 * MS, MS, "good", NULL },
        { 50, 21 * MS, MS, "bad", "more than 21.000 ms; the limit is 20.000 ms" },
        { 50, 84 * MS, MS, "worse", NULL },
        { 50, 499 * MS, 100 * MS, "good", NULL }, /* 20 times that is above the limit */
        { 50, 501 * MS, 100 * MS, "bad", "adaptive.latency_threshold" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct latency_view v = { .samples = cases[i].samples,
                                  .p99_ns = cases[i].p99_ns,
                                  .usual_ns = cases[i].usual_ns,
                                  .limit_ns = 500 * MS,
                                  .factor = 20 };
        judge_latency(&v, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
the_usual_latency_follows_slowly(void **state)
{
    (void)state;
    uint64_t usual_ns = latency_usual(0, 1600);
    assert_int_equal(usual_ns, 1600);
    usual_ns = latency_usual(usual_ns, 160000);
    assert_in_range(usual_ns, 11000, 12000);
    for (int i = 0; i < 200; i++)
        usual_ns = latency_usual(usual_ns, 160000);
    assert_in_range(usual_ns, 150000, 160000);
}

static void
a_step_of_the_clock_is_noticed_at_once(void **state)
{
    (void)state;
    static const struct {
        int64_t before_ms, now_ms;
        const char *want, *part;
    } cases[] = {
        { 0, 0, "good", NULL },
        { 0, 1000, "good", NULL },
        { 0, -1000, "good", NULL },
        { 0, 1001, "certain", "forward by 1.001 s" },
        { 500, -3600000, "certain", "back by 3600.500 s; lives go on" },
        { INT64_C(1) << 45, 0, "certain", "back" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        judge_clock(cases[i].before_ms, cases[i].now_ms, &r);
        expect_verdict(&r, cases[i].want, cases[i].part);
    }
}

static void
a_balancer_is_stuck_after_uneven_looks_without_a_move(void **state)
{
    (void)state;
    struct incident_reading r = { 0 };
    judge_balance(2, 3.0, 1.5, "one partition is too hot", &r);
    expect_verdict(&r, "good", NULL);
    judge_balance(3, 1.51, 1.5, "one partition is too hot", &r);
    expect_verdict(&r, "certain", "1.51 times the mean load, 3 looks in a row");
    assert_false(r.worse);
    assert_non_null(strstr(r.cause, "one partition is too hot"));
    judge_balance(3, 3.01, 1.5, "one partition is too hot", &r);
    assert_true(r.worse);
}

/* A record holds whole lines of printable text, and no more than it has room for. */
static void
damage_is_bad_until_it_is_healed_and_known(void **state)
{
    (void)state;
    static const struct {
        uint64_t count, unhealed, seen;
        bool bad, worse;
        double value;
    } cases[] = {
        { 0, 0, 0, false, false, 0 },
        { 1, 0, 0, true, false, 1 },
        { 1, 0, 1, false, false, 0 },
        { 1, 1, 1, true, true, 1 },
        { 4, 0, 1, true, false, 3 },
        { 4, 2, 1, true, true, 2 },
        { UINT64_MAX, UINT64_MAX, 0, true, true, (double)UINT64_MAX },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_damage d = { .count = cases[i].count,
                                    .unhealed = cases[i].unhealed,
                                    .offset = UINT64_MAX,
                                    .file = "snap-0000000000000001-0000000000000002.attl" };
        judge_damage(&d, cases[i].seen, &r);
        expect_verdict(&r, cases[i].bad ? "certain" : "good",
                       cases[i].bad ? "snap-0000000000000001-0000000000000002.attl is damaged at "
                                      "offset 18446744073709551615"
                                    : NULL);
        assert_true(r.worse == cases[i].worse && r.value == cases[i].value);
    }
}

static void
erasures_are_late_after_a_few_seconds(void **state)
{
    static const struct {
        unsigned late;
        int64_t overdue_ms;
        const char *problem;
        bool bad, worse;
        const char *says;
    } cases[] = {
        { 0, 0, "", false, false, NULL },
        { 1, 10000, "", false, false, NULL },
        { 1, 10001, "", true, false, "they are being removed" },
        { 2, 60000, "2 files cannot be removed", true, false,
          "2 erasures are late, the first, abc, by 60 s with 2 older files left: 2 files cannot" },
        { 1, 3600001, "x", true, true, "by 3600 s" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_reading r = { 0 };
        struct control_erasures e = { .late = cases[i].late,
                                      .overdue_ms = cases[i].overdue_ms,
                                      .within_ms = 3600000,
                                      .files_left = 2,
                                      .id = "abc" };
        (void)snprintf(e.problem, sizeof e.problem, "%s", cases[i].problem);
        judge_erasures(&e, &r);
        assert_int_equal(r.bad, cases[i].bad);
        assert_int_equal(r.worse, cases[i].worse);
        if (cases[i].says && !strstr(r.cause, cases[i].says))
            fail_msg("%s", r.cause);
    }
}

static void
actions_and_causes_are_printable_and_bounded(void **state)
{
    (void)state;
    struct incident i = { 0 };
    incident_did(&i, "first\nline\x01");
    incident_did(&i, "%s", "\xc3\xa4 second");
    assert_string_equal(i.actions, "first?line?\n?? second");
    for (int n = 0; n < 100; n++)
        incident_did(&i, "one more line, number %d", n);
    assert_int_equal(strlen(i.actions), i.actions_len);
    assert_true(i.actions_len < sizeof i.actions);
    assert_true(strncmp(strrchr(i.actions, '\n'), "\none more line, number ", 22) == 0);
    struct incident_reading r = { 0 };
    incident_because(&r, "%s", "a\tb\r\n");
    assert_string_equal(r.cause, "a?b??");
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    incident_because(&r, "%s", longer);
    assert_int_equal(strlen(r.cause), sizeof r.cause - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_is_what_came_since),
        cmocka_unit_test(above_a_limit_is_out_of_bounds),
        cmocka_unit_test(what_is_stored_again_and_again_does_not_fit),
        cmocka_unit_test(a_cache_that_turns_over_too_fast_evicts_too_much),
        cmocka_unit_test(latency_is_bad_above_the_limit_or_far_above_the_usual),
        cmocka_unit_test(the_usual_latency_follows_slowly),
        cmocka_unit_test(a_step_of_the_clock_is_noticed_at_once),
        cmocka_unit_test(a_balancer_is_stuck_after_uneven_looks_without_a_move),
        cmocka_unit_test(damage_is_bad_until_it_is_healed_and_known),
        cmocka_unit_test(erasures_are_late_after_a_few_seconds),
        cmocka_unit_test(actions_and_causes_are_printable_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
