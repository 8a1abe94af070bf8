/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLIENT: names, flags, who is listed and who is closed.
 */
#include "command_support.h"

static void
a_connection_has_a_name(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "CLIENT ID", ":1\r\n" }, { "CLIENT GETNAME", NIL }, { "CLIENT SETNAME me", OK },
        { "CLIENT GETNAME", "$2\r\nme\r\n" },
        { "CLIENT SETNAME a~b",
          "-ERR Client names cannot contain spaces, newlines or special characters.\r\n" },
        { "CLIENT GETNAME", "$2\r\nme\r\n" }, { "CLIENT SETNAME ''", OK },
        { "CLIENT GETNAME", NIL },
        { "CLIENT SETNAME nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
          "-ERR Client names cannot be longer than 64 bytes.\r\n" },
        { "CLIENT SETNAME nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", OK });
}

static void
a_library_introduces_itself(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CLIENT SETINFO LIB-NAME redis-py", OK);
    expect(f, "CLIENT SETINFO lib-ver 5.0.1", OK);
    expect(f, "CLIENT SETINFO FOO x", "-ERR Unrecognized option 'FOO'\r\n");
    expect(f, "CLIENT SETINFO LIB-NAME a~b",
           "-ERR lib-name cannot contain spaces, newlines or special characters.\r\n");
    expect_part(f, "CLIENT INFO", " lib-name=redis-py lib-ver=5.0.1 ");
}

static void
flags_are_switched_on_and_off(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CLIENT NO-EVICT on", OK);
    expect(f, "CLIENT NO-TOUCH ON", OK);
    assert_true(f->session.no_evict && f->session.no_touch);
    expect_part(f, "CLIENT INFO", " flags=eT ");
    expect(f, "CLIENT NO-EVICT OFF", OK);
    expect(f, "CLIENT NO-TOUCH off", OK);
    expect(f, "CLIENT NO-TOUCH maybe", SYNTAX_ERROR);
    assert_false(f->session.no_evict || f->session.no_touch);
}

static void
info_describes_this_connection(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "CLIENT INFO",
                "id=1 addr=127.0.0.1:5000 laddr=127.0.0.1:4242 fd=8 name= age=5 ");
    expect_part(f, "CLIENT INFO", " cmd=client|info user=default redir=-1 resp=2 ");
    f->session.proto = 3;
    expect_part(f, "CLIENT INFO", "\r\ntxt:id=1 ");
}

static void
list_shows_the_clients_asked_for(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "CLIENT LIST", "\nid=3 addr=127.0.0.1:5002 ");
    expect_part(f, "CLIENT LIST ID 2 9", "\r\nid=2 ");
    expect_no_part(f, "CLIENT LIST ID 2 9", "id=3 ");
    expect_part(f, "CLIENT LIST TYPE normal", "id=1 ");
    expect(f, "CLIENT LIST TYPE pubsub", "$0\r\n\r\n");
    expect(f, "CLIENT LIST ID 99", "$0\r\n\r\n");
    expect(f, "CLIENT LIST ID x", "-ERR Invalid client ID\r\n");
    expect(f, "CLIENT LIST TYPE x", "-ERR Unknown client type 'x'\r\n");
    expect(f, "CLIENT LIST ID", SYNTAX_ERROR);
    expect(f, "CLIENT LIST FOO", SYNTAX_ERROR);
}

static void
kill_closes_others_through_the_host(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CLIENT KILL 127.0.0.1:5001", OK);
    assert_string_equal(f->killed.addr, "127.0.0.1:5001");
    assert_false(f->session.close_after_reply);
    expect(f, "CLIENT KILL 127.0.0.1:9", "-ERR No such client\r\n");
    expect(f, "CLIENT KILL ID 3", ":1\r\n");
    assert_int_equal(f->killed.id, 3);
    expect(f, "CLIENT KILL ID 3 ADDR 127.0.0.1:5001", ":0\r\n");
    expect(f, "CLIENT KILL LADDR x MAXAGE 7 USER default TYPE normal ID 2", ":1\r\n");
    assert_string_equal(f->killed.laddr, "x");
    assert_int_equal(f->killed.min_age_s, 7);
    f->killed.id = 77;
    expect(f, "CLIENT KILL TYPE pubsub ID 2", ":0\r\n");
    assert_int_equal(f->killed.type, CLIENT_PUBSUB);
}

static void
killing_oneself_ends_after_the_reply(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "CLIENT KILL ID 1", ":0\r\n");
    assert_false(f->session.close_after_reply);
    expect(f, "CLIENT KILL ID 1 SKIPME no", ":1\r\n");
    assert_true(f->session.close_after_reply);
    assert_true(f->killed.skip_self);
    assert_int_equal(f->killed.self_id, 1);
    f->session.close_after_reply = false;
    expect(f, "CLIENT KILL 127.0.0.1:5000", OK);
    assert_true(f->session.close_after_reply);
}

static void
kill_refuses_wrong_words(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n" },
               { "CLIENT KILL ID x", "-ERR client-id should be greater than 0\r\n" },
               { "CLIENT KILL TYPE x", "-ERR Unknown client type 'x'\r\n" },
               { "CLIENT KILL USER x", "-ERR No such user 'x'\r\n" },
               { "CLIENT KILL MAXAGE x", "-ERR maxage is not an integer or out of range\r\n" },
               { "CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0\r\n" },
               { "CLIENT KILL SKIPME x", SYNTAX_ERROR }, { "CLIENT KILL FOO x", SYNTAX_ERROR },
               { "CLIENT KILL ID 1 SKIPME", SYNTAX_ERROR });
}

static void
what_is_not_supported_says_so(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CLIENT PAUSE 100", "-ERR CLIENT PAUSE is not supported by this server\r\n" },
               { "CLIENT UNPAUSE", OK }, { "CLIENT GETREDIR", ":-1\r\n" },
               { "CLIENT UNBLOCK 5", ":0\r\n" }, { "CLIENT UNBLOCK x", NOT_AN_INTEGER },
               { "CLIENT CAPA redirect whatever", OK },
               { "CLIENT NOSUCH", "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n" });
    expect_part(f, "CLIENT HELP",
                "+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    expect_part(f, "CLIENT HELP", "+SETNAME name\r\n+    Name the connection.\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_has_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_library_introduces_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(flags_are_switched_on_and_off, setup, teardown),
        cmocka_unit_test_setup_teardown(info_describes_this_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(list_shows_the_clients_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(kill_closes_others_through_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(killing_oneself_ends_after_the_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(kill_refuses_wrong_words, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_supported_says_so, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
