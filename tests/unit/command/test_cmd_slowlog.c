/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SLOWLOG, COMMANDLOG and ATTL.SLOWLOG byte for byte, with entries of known durations, and the
 * words they refuse.
 */
#include "command/slowlog.h"

#include "command_support.h"

#include "command/table.h"

#define TYPES "-ERR type should be one of the following: slow, large-request, large-reply\r\n"
#define COUNTS "-ERR count should be greater than or equal to -1\r\n"

static struct clock ticker;

static int
setup_slow(void **state)
{
    static const struct slowlog_limits limits = {
        { 1000, 1 << 20, 1 << 20 }, { 128, 128, 128 }, 3, false, true
    };
    (void)setup(state);
    struct fixture *f = fixture_of(state);
    clock_init(&ticker);
    f->env.slow = slowlog_new(&ticker);
    assert_non_null(f->env.slow);
    slowlog_set_limits(f->env.slow, &limits);
    (void)snprintf(f->session.addr, sizeof f->session.addr, "1.2.3.4:5");
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("save")), 2000);
    f->now_ms += 60000;
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("attl.log|sync")), 5000);
    return 0;
}

static int
teardown_slow(void **state)
{
    slowlog_free(&fixture_of(state)->env.slow);
    return teardown(state);
}

#define SAVED \
    "*6\r\n:0\r\n:1700000000\r\n:2000\r\n*1\r\n$4\r\nsave\r\n$9\r\n1.2.3.4:5\r\n$0\r\n\r\n"
#define SYNCED                                                                                  \
    "*6\r\n:1\r\n:1700000060\r\n:5000\r\n*2\r\n$8\r\nattl.log\r\n$4\r\nsync\r\n$9\r\n1.2.3.4:5" \
    "\r\n$0\r\n\r\n"

static void
the_newest_comes_first(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SLOWLOG LEN", ":2\r\n" }, { "SLOWLOG GET", "*2\r\n" SYNCED SAVED },
               { "SLOWLOG GET 1", "*1\r\n" SYNCED }, { "SLOWLOG GET 0", "*0\r\n" },
               { "SLOWLOG GET -1", "*2\r\n" SYNCED SAVED },
               { "COMMANDLOG GET -1 slow", "*2\r\n" SYNCED SAVED },
               { "COMMANDLOG GET 9 LARGE-REPLY", "*0\r\n" }, { "COMMANDLOG LEN Slow", ":2\r\n" },
               { "COMMANDLOG RESET large-request", OK }, { "COMMANDLOG LEN slow", ":2\r\n" },
               { "COMMANDLOG RESET slow", OK }, { "SLOWLOG LEN", ":0\r\n" },
               { "SLOWLOG RESET", OK });
}

static void
wrong_words_are_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SLOWLOG GET -2", COUNTS }, { "SLOWLOG GET x", COUNTS },
        { "SLOWLOG GET 1 2", "-ERR wrong number of arguments for 'slowlog|get' command\r\n" },
        { "COMMANDLOG GET -2 slow", COUNTS }, { "COMMANDLOG GET 1 quick", TYPES },
        { "COMMANDLOG LEN quick", TYPES }, { "COMMANDLOG RESET ''", TYPES },
        { "ATTL.SLOWLOG x", COUNTS }, { "ATTL.SLOWLOG 1 x", TYPES },
        { "ATTL.SLOWLOG 1 slow x", SYNTAX_ERROR });
}

static void
ours_are_maps_with_a_trace(void **state)
{
    struct fixture *f = fixture_of(state);
    f->session.proto = 3;
    expect(f, "ATTL.SLOWLOG 1",
           "*1\r\n%8\r\n$2\r\nid\r\n:1\r\n$6\r\ntime_s\r\n:1700000060\r\n$11\r\nduration_us\r\n"
           ":5000\r\n$7\r\ncommand\r\n*2\r\n$8\r\nattl.log\r\n$4\r\nsync\r\n$9\r\nclient_id\r\n"
           ":1\r\n$4\r\naddr\r\n$9\r\n1.2.3.4:5\r\n$4\r\nname\r\n$0\r\n\r\n$5\r\ntrace\r\n$0\r\n"
           "\r\n");
    expect(f, "ATTL.SLOWLOG 1 large-request", "*0\r\n");
}

static void
info_counts_them_until_resetstat(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "INFO stats",
                "slowlog_len:2\r\nslowlog_commands_count:2\r\n"
                "slowlog_commands_time_ms_sum:7\r\n"
                "slowlog_commands_time_ms_max:5\r\n");
    expect(f, "CONFIG RESETSTAT", OK);
    expect_part(f, "INFO stats", "slowlog_commands_count:0\r\n"); /* INFO may be slow itself */
}

static void
without_a_slow_log_there_is_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    slowlog_free(&f->env.slow);
    EXPECT_ALL(f, { "SLOWLOG GET", "*0\r\n" }, { "SLOWLOG LEN", ":0\r\n" }, { "SLOWLOG RESET", OK },
               { "COMMANDLOG GET 1 slow", "*0\r\n" }, { "LATENCY LATEST", "*0\r\n" },
               { "LATENCY RESET", ":0\r\n" });
    expect_part(f, "LATENCY DOCTOR", "not monitored here");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_slow, teardown_slow)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_comes_first),
        TEST(wrong_words_are_refused),
        TEST(ours_are_maps_with_a_trace),
        TEST(info_counts_them_until_resetstat),
        TEST(without_a_slow_log_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
