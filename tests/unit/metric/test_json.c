/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON: each family with its kind, unit and samples, text that is escaped whatever its bytes, and
 * histograms with their percentiles. That all of it parses is tested with a real parser, in
 * tests/e2e/test_metrics.py.
 */
#include "metric_support.h"

static void
a_family_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    f->s.cache.deletes = 5;
    f->s.cache.expired = 6;
    expect_part(f, METRIC_JSON,
                "\"attl_removals_total\":{\"type\":\"counter\",\"unit\":\"\",\"help\":\"");
    expect_part(f, METRIC_JSON,
                "\"samples\":[{\"labels\":{\"cause\":\"deleted\"},\"value\":5},"
                "{\"labels\":{\"cause\":\"expired\"},\"value\":6},");
}

static void
what_is_not_known_has_no_sample(void **state)
{
    struct fixture *f = *state;
    f->s.derived.hit_ratio = NAN;
    const char *at = strstr(rendered(f, METRIC_JSON), "\"attl_hit_ratio\":");
    assert_non_null(at);
    at = strstr(at, "\"samples\":");
    assert_memory_equal(at, "\"samples\":[]}", 13);
    expect_no_part(f, METRIC_JSON, ":nan");
}

static void
any_bytes_become_text(void **state)
{
    struct fixture *f = *state;
    struct metric_namespace ns = { .item = { { "q\"\\\n\x01\xff" } } };
    f->s.namespaces = (struct metric_list){ &ns, 1 };
    expect_part(f, METRIC_JSON, "{\"namespace\":\"q\\\"\\\\\\u000a\\u0001\\u00ff\"}");
}

static void
a_histogram_has_percentiles(void **state)
{
    struct fixture *f = *state;
    struct metric_latency stage = { .item = { { "fsync" } },
                                    .histogram = { .unit_s = 1e-6, .sum_s = 2 } };
    stage.histogram.counts[histogram_class(100)] = 99;
    stage.histogram.counts[histogram_class(5000)] = 1;
    f->s.stages = (struct metric_list){ &stage, 1 };
    expect_part(f, METRIC_JSON,
                "{\"labels\":{\"stage\":\"fsync\"},\"count\":100,\"sum\":2,\"p50\":0.000112,"
                "\"p90\":0.000112,\"p99\":0.000112,\"p999\":0.00512,\"buckets\":[[2.56e-07,0],");
    expect_part(f, METRIC_JSON, ",[null,100]]}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        METRIC_TEST(a_family_says_what_it_is),
        METRIC_TEST(what_is_not_known_has_no_sample),
        METRIC_TEST(any_bytes_become_text),
        METRIC_TEST(a_histogram_has_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
