/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LATENCY HISTOGRAM in Redis' shape, and the section Latencystats. How long a call takes is not
 * ours to say, so times are entered by hand.
 */
#include "command_support.h"

#include "command/stats.h"
#include "command/table.h"

static void
enter(struct fixture *f, const char *command, unsigned calls, int64_t ns)
{
    size_t row = command_index(command_find_full(attl_s(command)));
    for (unsigned i = 0; i < calls; i++)
        if (stats_call(f->env.stats, row))
            stats_timed(f->env.stats, row, ns);
}

static void
calls_are_in_buckets_that_double(void **state)
{
    struct fixture *f = fixture_of(state);
    enter(f, "get", 16, 900);
    enter(f, "get", 16, 30000);
    enter(f, "get", 3, 2000000);
    expect(f, "LATENCY HISTOGRAM get",
           "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:35\r\n$14\r\nhistogram_usec\r\n"
           "*6\r\n:1\r\n:16\r\n:33\r\n:32\r\n:2113\r\n:35\r\n");
    f->session.proto = 3;
    expect(f, "LATENCY HISTOGRAM GET set",
           "%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n:35\r\n$14\r\nhistogram_usec\r\n"
           "%3\r\n:1\r\n:16\r\n:33\r\n:32\r\n:2113\r\n:35\r\n");
}

static void
commands_are_chosen_by_name_or_container(void **state)
{
    struct fixture *f = fixture_of(state);
    enter(f, "config|get", 1, 1500);
    enter(f, "config|set", 1, 1500);
    enter(f, "set", 1, 1500);
    expect_part(f, "LATENCY HISTOGRAM config", "config|get");
    expect_part(f, "LATENCY HISTOGRAM config", "config|set");
    expect_no_part(f, "LATENCY HISTOGRAM config|get", "config|set");
    expect_no_part(f, "LATENCY HISTOGRAM config", "$3\r\nset");
    expect_part(f, "LATENCY HISTOGRAM", "$3\r\nset");
    expect(f, "LATENCY HISTOGRAM nosuch get", "*0\r\n");
}

static void
percentiles_are_in_latencystats(void **state)
{
    struct fixture *f = fixture_of(state);
    enter(f, "get", 1, 1000);
    expect_part(
        f, "INFO latencystats",
        "# Latencystats\r\nlatency_percentiles_usec_get:p50=1.023,p99=1.023,p99.9=1.023\r\n");
    expect_no_part(f, "INFO latencystats", "usec_set");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_are_in_buckets_that_double, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_are_chosen_by_name_or_container, setup, teardown),
        cmocka_unit_test_setup_teardown(percentiles_are_in_latencystats, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
