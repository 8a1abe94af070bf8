/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers as text, and the arithmetic of buckets: whatever unit a histogram has, every observation
 * is at or below the end of its bucket, and the infinite one has them all.
 */
#include "metric_support.h"

static void
doubles_are_as_short_as_they_can_be_read_back(void **state)
{
    struct fixture *f = *state;
    static const struct {
        double value;
        const char *text;
    } rows[] = { { 0, "0" },        { 0.1, "0.1" },         { 1.0 / 3, "0.33333333333333331" },
                 { 1e-9, "1e-09" }, { 1234567, "1234567" }, { -2.5, "-2.5" } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&f->out, METRIC_TEXT_MAX_BYTES);
        metric_append_double(&f->out, rows[i].value);
        buf_append(&f->out, "", 1);
        assert_string_equal(f->out.data, rows[i].text);
    }
}

/* One observation of a class is in each bucket whose end is at or above the class's. */
static void
check_class(double unit_s, unsigned class)
{
    struct metric_histogram h = { .unit_s = unit_s };
    uint64_t counts[METRIC_BUCKETS];
    h.counts[class] = 1;
    assert_int_equal(metric_buckets(&h, counts), 1);
    double end_s = (double)(histogram_class_end(class) + 1) * unit_s;
    for (unsigned b = 0; b < METRIC_BUCKETS; b++)
        if (counts[b] != (end_s <= metric_bucket_end_s(b) * (1 + 1e-9)))
            fail_msg("unit %g, class %u, bucket %u: %d", unit_s, class, b, (int)counts[b]);
}

static void
buckets_hold_what_is_at_or_below_their_end(void **state)
{
    (void)state;
    static const double units_s[] = { 1e-9, 1e-6, 1e-3 };
    for (size_t u = 0; u < 3; u++)
        for (unsigned class = 0; class < HISTOGRAM_CLASSES - 1; class ++)
            check_class(units_s[u], class);
}

static void
percentiles_are_ends_of_classes(void **state)
{
    (void)state;
    struct metric_histogram h = { .unit_s = 1e-3 };
    assert_true(metric_percentile_s(&h, 500) == 0);
    h.counts[0] = 9;
    h.counts[histogram_class(3)] = 1;
    assert_true(fabs(metric_percentile_s(&h, 500) - 0.001) < 1e-12);
    assert_true(fabs(metric_percentile_s(&h, 900) - 0.001) < 1e-12);
    assert_true(fabs(metric_percentile_s(&h, 901) - 0.004) < 1e-12);
    assert_true(fabs(metric_percentile_s(&h, 1000) - 0.004) < 1e-12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        METRIC_TEST(doubles_are_as_short_as_they_can_be_read_back),
        METRIC_TEST(buckets_hold_what_is_at_or_below_their_end),
        METRIC_TEST(percentiles_are_ends_of_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
