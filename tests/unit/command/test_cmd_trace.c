/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Correlation ids: which texts may be one, and which requests carry it. What a request carries is
 * read from the session, as logs and audit do. Each test has a session of its own.
 */
#include "command_support.h"

#include "command/session.h"

static void
an_id_is_for_the_next_request(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "ATTL.TRACE GET", "$0\r\n\r\n" }, { "ATTL.TRACE req-1", OK });
    assert_string_equal(session_trace(&f->session), "req-1");
    EXPECT_ALL(f, { "ATTL.TRACE GET", "$5\r\nreq-1\r\n" }, { "ATTL.TRACE GET", "$0\r\n\r\n" });
    assert_int_equal(f->session.special, 0);
}

static void
a_refused_request_uses_it_up(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.TRACE req-1", OK);
    expect_part(f, "NOSUCH", "-ERR unknown command");
    assert_string_equal(session_trace(&f->session), "");
}

static void
a_sticky_one_stays_until_off_or_reset(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "ATTL.TRACE job:7 sticky", OK }, { "SET k v", OK },
               { "ATTL.TRACE GET", "$5\r\njob:7\r\n" }, { "ATTL.TRACE OFF", OK },
               { "ATTL.TRACE GET", "$0\r\n\r\n" }, { "ATTL.TRACE job:8 STICKY", OK },
               { "RESET", "+RESET\r\n" }, { "ATTL.TRACE GET", "$0\r\n\r\n" });
}

static void
a_transaction_has_the_id_that_came_before_it(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "ATTL.TRACE tx", OK }, { "MULTI", OK }, { "SET k v", "+QUEUED\r\n" });
    assert_string_equal(session_trace(&f->session), "tx");
    expect(f, "EXEC", "*1\r\n+OK\r\n");
    assert_string_equal(session_trace(&f->session), "");
}

static void
what_could_break_a_line_is_no_id(void **state)
{
    struct fixture *f = fixture_of(state);
    char longest[SESSION_TRACE_MAX + 1];
    memset(longest, 'i', sizeof longest);
    assert_null(session_trace_problem(attl_b(longest, SESSION_TRACE_MAX)));
    assert_non_null(session_trace_problem(attl_b(longest, sizeof longest)));
    assert_non_null(session_trace_problem(attl_s("")));
    for (unsigned c = 0; c < 256; c++) {
        char id[1] = { (char)c };
        assert_int_equal(session_trace_problem(attl_b(id, 1)) == NULL, c > ' ' && c <= '~');
    }
    expect_part(f, "ATTL.TRACE a~b", "-ERR a trace id cannot contain");
    expect_part(f, "ATTL.TRACE ''", "-ERR a trace id has 1 to 64 bytes");
    EXPECT_ALL(f, { "ATTL.TRACE a b", SYNTAX_ERROR }, { "ATTL.TRACE a STICKY x", SYNTAX_ERROR });
    assert_string_equal(session_trace(&f->session), "");
}

static void
whoever_executes_for_another_sets_it_for_one_request(void **state)
{
    struct fixture *f = fixture_of(state);
    session_trace_next(&f->session, attl_s("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"));
    expect(f, "SET k v", OK);
    assert_string_equal(session_trace(&f->session), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_id_is_for_the_next_request, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_request_uses_it_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sticky_one_stays_until_off_or_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(a_transaction_has_the_id_that_came_before_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_could_break_a_line_is_no_id, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_executes_for_another_sets_it_for_one_request, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
