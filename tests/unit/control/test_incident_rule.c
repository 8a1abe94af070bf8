/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machine of one kind of incident, by table: a string of readings gives a string of
 * changes. Readings are '.' good, 'b' bad, 'w' worse, 'c' certain, 'a' an acknowledgement before
 * the next reading, '+' ten seconds that pass; changes are '-' none, 'O' opens, 'R' returns, 'E'
 * escalates, 'X' ends. A reading takes a second.
 */
#include "control/incident_rule.h"

#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, WAIT_MS = 10 * SECOND_MS };

/* Opens after 3, ends after 4, escalates after 20 s, comes back within 30 s. */
static const struct incident_rules rules = {
    .open_after = 3, .close_after = 4, .escalate_ms = 20000, .cooldown_ms = 30000
};

static const char letters[] = { [INCIDENT_SAME] = '-',
                                [INCIDENT_OPENS] = 'O',
                                [INCIDENT_RETURNS] = 'R',
                                [INCIDENT_ESCALATES] = 'E',
                                [INCIDENT_ENDS] = 'X' };

static void
check(const char *readings, const char *changes)
{
    struct incident_gauge g = { 0 };
    int64_t now_ms = 1;
    char got[128];
    size_t n = 0;
    for (const char *p = readings; *p; p++) {
        if (*p == '+') {
            now_ms += WAIT_MS;
        } else if (*p == 'a') {
            (void)incident_rule_ack(&g); /* shown by what does not follow */
        } else {
            struct incident_verdict v = { .bad = *p != '.',
                                          .worse = *p == 'w',
                                          .certain = *p == 'c' };
            assert_true(n + 1 < sizeof got);
            got[n++] = letters[incident_rule_step(&g, &rules, v, now_ms)];
            now_ms += SECOND_MS;
        }
    }
    got[n] = '\0';
    if (strcmp(got, changes) != 0)
        fail_msg("readings %s\n  gave     %s\n  expected %s", readings, got, changes);
}

static void
it_opens_after_bad_readings_in_a_row(void **state)
{
    (void)state;
    check("bbb", "--O");
    check("bb.bb.bb.", "---------");
    check("bb.bbb", "-----O");
    check("c", "O");
    check(".....", "-----");
}

static void
it_ends_after_good_readings_in_a_row(void **state)
{
    (void)state;
    check("bbb....", "--O---X");
    check("bbb...b...b....", "--O-----------X");
    check("c....", "O---X");
}

static void
it_escalates_when_it_gets_worse(void **state)
{
    (void)state;
    check("bbbwww", "--O--E");
    check("wwwww", "--O--"); /* counted from its opening */
    check("wwwwww", "--O--E");
    check("bbbwwbwwb", "--O------");
    check("bbbwwwwwwww", "--O--E-----"); /* once: further levels come with time */
    check("cawww", "O--E");              /* who acknowledged knew of something smaller */
}

static void
it_escalates_with_age_to_the_highest_level(void **state)
{
    (void)state;
    check("bbb++b", "--OE");
    check("bbb+b", "--O-");
    check("bbb++b++b++b++b++b", "--OEEE--");
    check("bbba++b++b", "--O--"); /* acknowledged */
    check("bbb++.++b", "--O-E");  /* not on a good reading */
    check("bbb++b....", "--OE---X");
}

static void
what_comes_back_soon_is_the_same(void **state)
{
    (void)state;
    check("c....c", "O---XR");
    check("c....++c", "O---XR");
    check("c....+++c", "O---XO");
    check("c....c....", "O---XR----"); /* it takes more good readings now */
    check("c....c........", "O---XR-------X");
    check("ca....c++b", "O---XRE"); /* the acknowledgement was of the time before */
}

/* However long a signal flaps, and whatever its rhythm, it changes state a few times only. */
static void
a_flapping_signal_does_not_flap(void **state)
{
    (void)state;
    for (unsigned bad = 1; bad < 12; bad++)
        for (unsigned good = 1; good < 12; good++) {
            struct incident_gauge g = { 0 };
            unsigned opened = 0, ended = 0;
            for (unsigned i = 0; i < 10000; i++) {
                struct incident_verdict v = { .bad = i % (bad + good) < bad };
                enum incident_change change =
                    incident_rule_step(&g, &rules, v, (int64_t)i * SECOND_MS);
                opened += change == INCIDENT_OPENS;
                ended += change == INCIDENT_ENDS;
            }
            assert_true(opened <= 1 && ended <= INCIDENT_STUBBORN_MAX);
        }
}

/* Properties that hold for any readings: open and end alternate, levels stay within bounds. */
static void
any_readings_keep_the_order_of_changes(void **state)
{
    (void)state;
    struct rng rng = rng_from_seed(test_seed());
    test_announce("incident_rule", test_seed());
    for (unsigned run = 0; run < 200; run++) {
        struct incident_gauge g = { 0 };
        int64_t now_ms = 1;
        bool open = false;
        for (unsigned i = 0; i < 500; i++) {
            bool bad = rng_below(&rng, 3) > 0;
            struct incident_verdict v = { .bad = bad,
                                          .worse = bad && rng_below(&rng, 2),
                                          .certain = bad && rng_below(&rng, 9) == 0 };
            if (rng_below(&rng, 50) == 0)
                assert_int_equal(incident_rule_ack(&g), open);
            int before = g.level;
            enum incident_change change = incident_rule_step(&g, &rules, v, now_ms);
            assert_true(change != INCIDENT_OPENS || (!open && bad));
            assert_true(change != INCIDENT_RETURNS || (!open && bad && g.times > 1));
            assert_true(change != INCIDENT_ESCALATES || (open && g.level == before + 1));
            assert_true(change != INCIDENT_ENDS || (open && !bad));
            assert_in_range(g.level, 0, INCIDENT_LEVEL_MAX);
            open = (open || change == INCIDENT_OPENS || change == INCIDENT_RETURNS) &&
                   change != INCIDENT_ENDS;
            assert_int_equal(g.open, open);
            assert_int_equal(incident_rule_watches(&g), open || bad);
            now_ms += (int64_t)rng_below(&rng, 30) * SECOND_MS;
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_after_bad_readings_in_a_row),
        cmocka_unit_test(it_ends_after_good_readings_in_a_row),
        cmocka_unit_test(it_escalates_when_it_gets_worse),
        cmocka_unit_test(it_escalates_with_age_to_the_highest_level),
        cmocka_unit_test(what_comes_back_soon_is_the_same),
        cmocka_unit_test(a_flapping_signal_does_not_flap),
        cmocka_unit_test(any_readings_keep_the_order_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
