/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes of durations: that each duration lies in exactly one, that the classes' ends rise and are
 * right to a fifth, and what a percentile says. The ends are checked by walking them, not against a
 * copied table. Nothing random, no files.
 */
#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
every_class_ends_with_its_own_end(void **state)
{
    (void)state;
    for (unsigned class = 0; class + 1 < HISTOGRAM_CLASSES; class ++) {
        uint64_t end = histogram_class_end(class);
        assert_int_equal(histogram_class(end), class);
        assert_int_equal(histogram_class(end + 1), class + 1);
    }
}

static void
a_class_is_no_wider_than_a_quarter_of_what_it_holds(void **state)
{
    (void)state;
    for (unsigned class = 4; class + 1 < HISTOGRAM_CLASSES; class ++) {
        uint64_t begin = histogram_class_end(class - 1) + 1, end = histogram_class_end(class);
        assert_true(end - begin + 1 <= (begin + 3) / 4);
    }
}

static void
the_last_class_takes_everything_beyond(void **state)
{
    (void)state;
    assert_int_equal(histogram_class(UINT64_MAX), HISTOGRAM_CLASSES - 1);
}

static void
a_percentile_is_the_end_of_the_class_it_falls_into(void **state)
{
    (void)state;
    uint64_t counts[HISTOGRAM_CLASSES] = { 0 };
    assert_int_equal(histogram_percentile(counts, 990), 0);
    counts[histogram_class(100)] = 99;
    counts[histogram_class(5000)] = 1;
    assert_int_equal(histogram_percentile(counts, 500), histogram_class_end(histogram_class(100)));
    assert_int_equal(histogram_percentile(counts, 990), histogram_class_end(histogram_class(100)));
    assert_int_equal(histogram_percentile(counts, 1000),
                     histogram_class_end(histogram_class(5000)));
}

static void
what_came_since_is_right_although_counts_of_32_bits_wrapped(void **state)
{
    (void)state;
    uint64_t before[HISTOGRAM_CLASSES] = { 0 }, now[HISTOGRAM_CLASSES] = { 0 };
    uint64_t since[HISTOGRAM_CLASSES];
    assert_int_equal(histogram_since(now, before, since), 0);
    before[3] = 7;
    now[3] = 9;
    before[5] = UINT32_MAX; /* one counter, which then wraps */
    now[5] = 4;
    before[6] = UINT64_C(3) * UINT32_MAX; /* of three counters one has wrapped */
    now[6] = UINT64_C(2) * UINT32_MAX;
    assert_int_equal(histogram_since(now, before, since), 2 + 5 + 1);
    assert_int_equal(since[3], 2);
    assert_int_equal(since[5], 5);
    assert_int_equal(since[6], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_ends_with_its_own_end),
        cmocka_unit_test(a_class_is_no_wider_than_a_quarter_of_what_it_holds),
        cmocka_unit_test(the_last_class_takes_everything_beyond),
        cmocka_unit_test(what_came_since_is_right_although_counts_of_32_bits_wrapped),
        cmocka_unit_test(a_percentile_is_the_end_of_the_class_it_falls_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
