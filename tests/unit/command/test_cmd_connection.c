/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection: greetings, passwords, the protocol version, and how it ends.
 */
#include "command_support.h"

static void
ping_and_echo_answer(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "PING", "+PONG\r\n" }, { "PING hello", "$5\r\nhello\r\n" },
               { "PING a b", "-ERR wrong number of arguments for 'ping' command\r\n" },
               { "ECHO hi", "$2\r\nhi\r\n" },
               { "ECHO", "-ERR wrong number of arguments for 'echo' command\r\n" },
               { "TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n7\r\n" });
}

static void
there_is_one_database(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SELECT 0", OK }, { "SELECT 1", "-ERR DB index is out of range\r\n" },
               { "SELECT -1", "-ERR DB index is out of range\r\n" },
               { "SELECT x", NOT_AN_INTEGER });
}

static void
quit_answers_and_closes(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "QUIT", OK);
    assert_true(f->session.close_after_reply);
}

static void
without_a_password_none_can_be_wrong(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f,
        { "AUTH x", "-ERR AUTH <password> called without any password configured for the "
                    "default user. Are you sure your configuration is correct?\r\n" },
        { "AUTH default x", OK },
        { "AUTH nobody x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n" },
        { "AUTH a b c", SYNTAX_ERROR });
}

static void
a_stranger_may_only_introduce_itself(void **state)
{
    struct fixture *f = fixture_of(state);
    f->password = "secret";
    f->session.authenticated = false;
    expect(f, "GET k", "-NOAUTH Authentication required.\r\n");
    expect(f, "PING", "-NOAUTH Authentication required.\r\n");
    expect_part(f, "HELLO 3", "-NOAUTH HELLO must be called with the client already authenticated");
    assert_int_equal(f->session.proto, 2);
    expect_part(f, "AUTH wrong", "-WRONGPASS ");
    expect_part(f, "AUTH nobody secret", "-WRONGPASS ");
    assert_false(f->session.authenticated);
    expect(f, "AUTH secret", OK);
    expect(f, "GET k", NIL);
    expect(f, "RESET", "+RESET\r\n");
    expect(f, "GET k", "-NOAUTH Authentication required.\r\n");
    expect(f, "AUTH default secret", OK);
    assert_true(f->session.authenticated);
}

static void
hello_reports_and_chooses_the_version(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "HELLO", "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    expect_part(f, "HELLO 3", "%7\r\n$6\r\nserver\r\n");
    assert_int_equal(f->session.proto, 3);
    expect_part(f, "HELLO", "$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n");
    expect_part(f, "HELLO 2 SETNAME me", "$7\r\nmodules\r\n*0\r\n");
    assert_int_equal(f->session.proto, 2);
    assert_string_equal(f->session.name, "me");
}

static void
a_hello_that_fails_changes_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    f->password = "secret";
    f->session.authenticated = false;
    expect_part(f, "HELLO 3 AUTH default wrong SETNAME x", "-WRONGPASS ");
    expect(f, "HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    expect(f, "HELLO x", "-ERR Protocol version is not an integer or out of range\r\n");
    expect(f, "HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n");
    expect(f, "HELLO 3 AUTH a", "-ERR Syntax error in HELLO option 'AUTH'\r\n");
    expect_part(f, "HELLO 3 SETNAME a~b", "-ERR Client names cannot contain spaces");
    assert_int_equal(f->session.proto, 2);
    assert_string_equal(f->session.name, "");
    expect_part(f, "HELLO 3 AUTH default secret SETNAME x", "%7\r\n");
    assert_string_equal(f->session.name, "x");
}

static void
reset_gives_the_first_state_back(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "HELLO 3 SETNAME me");
    run(f, "CLIENT REPLY OFF");
    expect(f, "RESET", "+RESET\r\n");
    assert_int_equal(f->session.proto, 2);
    assert_string_equal(f->session.name, "");
    expect(f, "PING", "+PONG\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ping_and_echo_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_one_database, setup, teardown),
        cmocka_unit_test_setup_teardown(quit_answers_and_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_password_none_can_be_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stranger_may_only_introduce_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(hello_reports_and_chooses_the_version, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_that_fails_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_gives_the_first_state_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
