/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two text formats: heads, labels and their escapes, numbers without loss, histograms that only
 * rise, and what has no line.
 */
#include "metric_support.h"

static void
a_counter_has_help_type_and_value(void **state)
{
    struct fixture *f = *state;
    f->s.cache.hits = 18446744073709551615u; /* a double would not hold it */
    expect_part(f, METRIC_PROMETHEUS,
                "# HELP attl_hits_total Reads that found a living entry.\n"
                "# TYPE attl_hits_total counter\nattl_hits_total 18446744073709551615\n");
    expect_part(f, METRIC_OPENMETRICS,
                "# HELP attl_hits Reads that found a living entry.\n"
                "# TYPE attl_hits counter\nattl_hits_total 18446744073709551615\n");
}

static void
openmetrics_says_units_and_ends(void **state)
{
    struct fixture *f = *state;
    expect_part(f, METRIC_OPENMETRICS, "# UNIT attl_uptime_seconds seconds\n");
    expect_part(f, METRIC_OPENMETRICS, "# UNIT attl_net_received_bytes bytes\n");
    expect_part(f, METRIC_OPENMETRICS, "# TYPE attl_build info\nattl_build_info{version=\"1.2.3\"");
    expect_part(f, METRIC_PROMETHEUS, "# TYPE attl_build_info gauge\n");
    expect_no_part(f, METRIC_PROMETHEUS, "# UNIT");
    expect_no_part(f, METRIC_PROMETHEUS, "# EOF");
    const char *text = rendered(f, METRIC_OPENMETRICS);
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void
numbers_are_scaled_to_base_units(void **state)
{
    struct fixture *f = *state;
    f->s.cache.expire_lag_ms_max = 1234;
    f->s.log.sync_us_p99 = 250;
    f->s.tuner.duty_permille = 250;
    expect_part(f, METRIC_PROMETHEUS, "\nattl_expiry_lag_max_seconds 1.234\n");
    expect_part(f, METRIC_PROMETHEUS, "\nattl_log_sync_recent_seconds{of=\"p99\"} 0.00025\n");
    expect_part(f, METRIC_PROMETHEUS, "\nattl_reclaim_duty_ratio 0.25\n");
}

static void
what_is_not_known_has_no_line(void **state)
{
    struct fixture *f = *state;
    expect_part(f, METRIC_PROMETHEUS, "\nattl_hit_ratio 0\n");
    f->s.derived.hit_ratio = NAN;
    expect_no_part(f, METRIC_PROMETHEUS, "attl_hit_ratio");
    expect_no_part(f, METRIC_PROMETHEUS, "attl_shard_items{");
    expect_no_part(f, METRIC_PROMETHEUS, "# HELP attl_shard_items Entries by shard.");
}

static void
labels_are_escaped(void **state)
{
    struct fixture *f = *state;
    struct metric_namespace ns = { .item = { { "a\"b\\c\nd" } }, .ns = { .entries = 7 } };
    f->s.namespaces = (struct metric_list){ &ns, 1 };
    expect_part(f, METRIC_PROMETHEUS, "\nattl_namespace_items{namespace=\"a\\\"b\\\\c\\nd\"} 7\n");
}

static void
items_of_a_list_have_a_line_each(void **state)
{
    struct fixture *f = *state;
    struct metric_incident kinds[] = { { { { "memory", "critical" } }, 1, 3, 4.5 },
                                       { { { "latency", "warning" } }, 0, 2, 0 } };
    f->s.kinds = (struct metric_list){ kinds, 2 };
    expect_part(f, METRIC_PROMETHEUS,
                "\nattl_incidents_open{kind=\"memory\",severity=\"critical\"} 1\n"
                "attl_incidents_open{kind=\"latency\",severity=\"warning\"} 0\n");
    expect_part(f, METRIC_PROMETHEUS,
                "\nattl_incident_seconds_total{kind=\"memory\",severity=\"critical\"} 4.5\n");
}

static void
a_histogram_rises_to_its_count(void **state)
{
    struct fixture *f = *state;
    struct metric_latency stage = { .item = { { "read" } },
                                    .histogram = { .unit_s = 1e-9, .sum_s = 0.5 } };
    stage.histogram.counts[histogram_class(200)] = 1;
    stage.histogram.counts[histogram_class(1000)] = 10;
    stage.histogram.counts[HISTOGRAM_CLASSES - 1] = 100;
    f->s.stages = (struct metric_list){ &stage, 1 };
    static const char *const lines[] = { "_bucket{stage=\"read\",le=\"2.56e-07\"} 1\n",
                                         "_bucket{stage=\"read\",le=\"5.12e-07\"} 1\n",
                                         "_bucket{stage=\"read\",le=\"1.024e-06\"} 11\n",
                                         "_bucket{stage=\"read\",le=\"8.589934592\"} 11\n",
                                         "_bucket{stage=\"read\",le=\"+Inf\"} 111\n",
                                         "_sum{stage=\"read\"} 0.5\n",
                                         "_count{stage=\"read\"} 111\n" };
    const char *at = rendered(f, METRIC_PROMETHEUS);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        at = strstr(at, lines[i]);
        if (!at)
            fail_msg("%s is missing or in the wrong place", lines[i]);
    }
}

static void
a_histogram_that_is_not_there_has_no_line(void **state)
{
    struct fixture *f = *state;
    struct metric_latency stage = { .item = { { "queue" } } };
    f->s.stages = (struct metric_list){ &stage, 1 };
    expect_no_part(f, METRIC_PROMETHEUS, "attl_stage_duration_seconds");
}

static void
a_text_that_does_not_fit_fails(void **state)
{
    struct fixture *f = *state;
    for (int format = METRIC_PROMETHEUS; format <= METRIC_JSON; format++) {
        struct buf small;
        buf_init(&small, 1000);
        metric_render((enum metric_format)format, &f->s, &small);
        assert_int_equal(small.failed, BUF_TOO_BIG);
        assert_in_range(small.len, 0, 1000);
        buf_fini(&small);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        METRIC_TEST(a_counter_has_help_type_and_value),
        METRIC_TEST(openmetrics_says_units_and_ends),
        METRIC_TEST(numbers_are_scaled_to_base_units),
        METRIC_TEST(what_is_not_known_has_no_line),
        METRIC_TEST(labels_are_escaped),
        METRIC_TEST(items_of_a_list_have_a_line_each),
        METRIC_TEST(a_histogram_rises_to_its_count),
        METRIC_TEST(a_histogram_that_is_not_there_has_no_line),
        METRIC_TEST(a_text_that_does_not_fit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
