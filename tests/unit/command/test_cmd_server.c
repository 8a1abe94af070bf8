/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server as a whole, and honest answers about what it does not have.
 */
#include "command_support.h"

static void
flushing_removes_everything(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSET a 1 b 2", OK }, { "DBSIZE", ":2\r\n" }, { "FLUSHALL", OK },
               { "DBSIZE", ":0\r\n" }, { "SET a 1", OK }, { "FLUSHDB ASYNC", OK },
               { "FLUSHALL sync", OK }, { "GET a", NIL }, { "FLUSHALL FOO", SYNTAX_ERROR },
               { "FLUSHDB ASYNC x", SYNTAX_ERROR });
}

static void
shutdown_tells_the_host_and_answers_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SHUTDOWN NOSAVE SAVE", SYNTAX_ERROR);
    expect(f, "SHUTDOWN ABORT NOW", SYNTAX_ERROR);
    expect(f, "SHUTDOWN FOO", SYNTAX_ERROR);
    expect(f, "SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n");
    expect_part(f, "SHUTDOWN SAVE", "-ERR there is no data directory");
    assert_false(f->shut_down);
    expect(f, "SHUTDOWN NOSAVE NOW", "");
    assert_true(f->shut_down && f->session.close_after_reply);
}

static void
what_is_not_there_is_empty(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "MODULE LIST", "*0\r\n" }, { "SLOWLOG GET", "*0\r\n" }, { "SLOWLOG GET 5", "*0\r\n" },
        { "SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n" },
        { "SLOWLOG GET 1 2", "-ERR wrong number of arguments for 'slowlog|get' command\r\n" },
        { "SLOWLOG LEN", ":0\r\n" }, { "SLOWLOG RESET", OK }, { "LATENCY LATEST", "*0\r\n" },
        { "LATENCY HISTORY x", "*0\r\n" }, { "LATENCY RESET a b", ":0\r\n" },
        { "LATENCY HISTOGRAM get", "*0\r\n" }, { "WAIT 1 100", ":0\r\n" },
        { "WAIT x 1", NOT_AN_INTEGER }, { "WAIT 1 -1", "-ERR timeout is negative\r\n" },
        { "WAIT 1 x", "-ERR timeout is not an integer or out of range\r\n" },
        { "CLUSTER INFO", "-ERR This instance has cluster support disabled\r\n" },
        { "CLUSTER HELP", "-ERR This instance has cluster support disabled\r\n" },
        { "READONLY", "-ERR This instance has cluster support disabled\r\n" },
        { "READWRITE", "-ERR This instance has cluster support disabled\r\n" });
    expect_part(f, "LATENCY DOCTOR", "not monitored here");
    expect_part(f, "LOLWUT VERSION 5", "Redis ver. 7.2.4\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flushing_removes_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(shutdown_tells_the_host_and_answers_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_empty, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
