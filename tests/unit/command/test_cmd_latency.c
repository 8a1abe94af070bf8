/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LATENCY: series as replies, as a drawing and in words. Spikes come from the test, at times of its
 * own.
 */
#include "command/latency.h"

#include "command_support.h"

#include "command/slowlog.h"

static struct clock ticker;

static int
setup_monitor(void **state)
{
    static const struct slowlog_limits limits = {
        { -1, -1, -1 }, { 128, 128, 128 }, 10, false, true
    };
    (void)setup(state);
    struct fixture *f = fixture_of(state);
    clock_init(&ticker);
    f->env.slow = slowlog_new(&ticker);
    assert_non_null(f->env.slow);
    slowlog_set_limits(f->env.slow, &limits);
    return 0;
}

static int
teardown_monitor(void **state)
{
    slowlog_free(&fixture_of(state)->env.slow);
    return teardown(state);
}

static void
spike(struct fixture *f, enum latency_event event, int64_t age_s, int64_t ms)
{
    latency_note(&f->env.slow->monitor, event, START_MS / 1000 - age_s, ms);
}

static void
the_worst_of_a_second_is_kept(void **state)
{
    struct fixture *f = fixture_of(state);
    spike(f, LATENCY_COMMAND, 9, 30);
    spike(f, LATENCY_COMMAND, 9, 20);
    spike(f, LATENCY_COMMAND, 9, 40);
    spike(f, LATENCY_COMMAND, 5, 12);
    spike(f, LATENCY_COMMAND, 4, 9); /* below the threshold */
    EXPECT_ALL(f,
               { "LATENCY HISTORY command",
                 "*2\r\n*2\r\n:1699999991\r\n:40\r\n*2\r\n:1699999995\r\n:12\r\n" },
               { "LATENCY LATEST", "*1\r\n*4\r\n$7\r\ncommand\r\n:1699999995\r\n:12\r\n:40\r\n" },
               { "LATENCY HISTORY nosuch", "*0\r\n" },
               { "LATENCY HISTORY fast-command", "*0\r\n" });
}

static void
resetting_counts_what_there_was(void **state)
{
    struct fixture *f = fixture_of(state);
    spike(f, LATENCY_COMMAND, 1, 11);
    spike(f, LATENCY_EXPIRE_CYCLE, 1, 11);
    spike(f, LATENCY_AOF_WRITE, 1, 11);
    EXPECT_ALL(f, { "LATENCY RESET nosuch", ":0\r\n" },
               { "LATENCY RESET COMMAND nosuch", ":1\r\n" }, { "LATENCY RESET command", ":0\r\n" },
               { "LATENCY RESET", ":2\r\n" }, { "LATENCY LATEST", "*0\r\n" });
}

static void
a_ring_keeps_the_last_160(void **state)
{
    struct fixture *f = fixture_of(state);
    for (int64_t i = 0; i < 200; i++)
        spike(f, LATENCY_COMMAND, 200 - i, 100 + i);
    run(f, "LATENCY HISTORY command");
    assert_memory_equal(f->out.data, "*160\r\n*2\r\n:1699999840\r\n:140\r\n", 29);
}

static void
the_graph_has_a_column_per_spike(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "LATENCY GRAPH command", "-ERR No samples available for event 'command'\r\n");
    expect(f, "LATENCY GRAPH ''", "-ERR No samples available for event ''\r\n");
    spike(f, LATENCY_COMMAND, 7200, 10);
    spike(f, LATENCY_COMMAND, 65, 80);
    spike(f, LATENCY_COMMAND, 12, 45);
    run(f, "LATENCY GRAPH command");
    assert_non_null(
        strstr(f->out.data, "command - high 80 ms, low 10 ms (all time high 80 ms)\n-----"));
    assert_non_null(strstr(f->out.data, "\n # \n | \n |#\n_||\n\n211\nhm2\n  s\n"));
}

static void
the_doctor_speaks_from_figures(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "LATENCY DOCTOR", "Nothing has taken 10 ms or more since");
    spike(f, LATENCY_COMMAND, 20, 20);
    spike(f, LATENCY_COMMAND, 10, 40);
    spike(f, LATENCY_FAST_COMMAND, 10, 15);
    spike(f, LATENCY_AOF_FSYNC_ALWAYS, 10, 15);
    spike(f, LATENCY_EVICTION_CYCLE, 10, 15);
    expect_part(f, "LATENCY DOCTOR",
                "2. command: 2 spikes; of the last 2: average 30 ms, mean deviation 10 ms, one "
                "every 10.0 s. Worst ever 40 ms.\n");
    expect_part(f, "LATENCY DOCTOR", "CONFIG SET slowlog-log-slower-than 10000.");
    expect_part(f, "LATENCY DOCTOR", "server.threads");
    expect_part(f, "LATENCY DOCTOR", "- persist.fsync is ?: ");
    expect_part(f, "LATENCY DOCTOR", "- maxmemory is ");
    expect_no_part(f, "LATENCY DOCTOR", "adaptive.latency_threshold");
    static const struct slowlog_limits off = { { -1, -1, -1 }, { 0 }, 0, false, true };
    slowlog_set_limits(f->env.slow, &off);
    expect(f, "LATENCY RESET", ":4\r\n");
    expect_part(f, "LATENCY DOCTOR", "CONFIG SET latency-monitor-threshold <milliseconds>");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_monitor, teardown_monitor)
    const struct CMUnitTest tests[] = {
        TEST(the_worst_of_a_second_is_kept),  TEST(resetting_counts_what_there_was),
        TEST(a_ring_keeps_the_last_160),      TEST(the_graph_has_a_column_per_spike),
        TEST(the_doctor_speaks_from_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
