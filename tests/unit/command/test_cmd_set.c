/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SET with its options: every condition on a missing, an equal and a different value, every way to
 * state a life, and the clashes between them.
 */
#include "command_support.h"

static void
conditions_follow_the_table(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v IFEQ v", NIL }, { "SET k v XX", NIL },
               { "SET k v IFDEQ 0000000000000000", NIL }, { "EXISTS k", ":0\r\n" },
               { "SET k v IFNE v", OK }, { "SET k w IFNE v", NIL }, { "SET k w IFNE x", OK },
               { "GET k", "$1\r\nw\r\n" }, { "SET k x IFEQ v", NIL }, { "SET k x IFEQ w", OK },
               { "GET k", "$1\r\nx\r\n" }, { "SET k y NX", NIL }, { "SET k y XX", OK },
               { "GET k", "$1\r\ny\r\n" }, { "SET n 1 NX", OK },
               { "SET m v IFDNE 0123456789abcdef", OK }, { "GET m", "$1\r\nv\r\n" });
}

static void
digest_conditions_compare_the_present_value(void **state)
{
    struct fixture *f = fixture_of(state);
    char request[128], digest[17];
    expect(f, "SET k v", OK);
    run(f, "DIGEST k");
    memcpy(digest, f->out.data + 5, 16);
    digest[16] = '\0';
    (void)snprintf(request, sizeof request, "SET k w IFDNE %s", digest);
    expect(f, request, NIL);
    (void)snprintf(request, sizeof request, "SET k w IFDEQ %s", digest);
    expect(f, request, OK);
    expect(f, request, NIL);
    expect(f, "GET k", "$1\r\nw\r\n");
}

static void
a_malformed_digest_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SET k v", OK },
        { "SET k w IFDEQ 0123", "-ERR digest must be exactly 16 hexadecimal characters\r\n" },
        { "SET k w IFDNE 0123456789abcdeg",
          "-ERR digest must be exactly 16 hexadecimal characters\r\n" },
        { "GET k", "$1\r\nv\r\n" });
}

static void
get_returns_the_old_value_whether_or_not_it_was_replaced(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k a GET", NIL }, { "SET k b GET", "$1\r\na\r\n" },
               { "SET k c NX GET", "$1\r\nb\r\n" }, { "GET k", "$1\r\nb\r\n" },
               { "SET k c IFEQ x GET", "$1\r\nb\r\n" }, { "SET k c GET IFEQ b", "$1\r\nb\r\n" },
               { "GET k", "$1\r\nc\r\n" }, { "SET missing c XX GET", NIL },
               { "EXISTS missing", ":0\r\n" });
}

static void
lives_can_be_stated_in_four_ways(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v EX 100", OK }, { "TTL k", ":100\r\n" }, { "SET k v PX 2500", OK },
               { "PTTL k", ":2500\r\n" }, { "SET k v EXAT 1700000300", OK },
               { "TTL k", ":300\r\n" }, { "SET k v PXAT 1700000000750", OK },
               { "PTTL k", ":750\r\n" }, { "SET k v", OK }, { "TTL k", ":-1\r\n" });
}

static void
keepttl_keeps_and_plain_set_drops_the_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v EX 100", OK }, { "SET k w KEEPTTL", OK }, { "TTL k", ":100\r\n" },
               { "GET k", "$1\r\nw\r\n" }, { "SET k x XX KEEPTTL", OK }, { "TTL k", ":100\r\n" },
               { "SET k y", OK }, { "TTL k", ":-1\r\n" }, { "SET n v KEEPTTL", OK },
               { "TTL n", ":-1\r\n" });
}

static void
a_past_deadline_deletes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "SET k w PXAT 1", OK }, { "EXISTS k", ":0\r\n" },
               { "SET k v", OK }, { "SET k w EXAT 1 GET", "$1\r\nv\r\n" }, { "EXISTS k", ":0\r\n" },
               { "SET new w PXAT 1", OK }, { "EXISTS new", ":0\r\n" }, { "SET k v", OK },
               { "SET k w NX PXAT 1", NIL }, { "GET k", "$1\r\nv\r\n" });
}

static void
a_wrong_life_is_refused_before_the_key_is_touched(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SET k v", OK }, { "SET k w EX 0", "-ERR invalid expire time in 'set' command\r\n" },
        { "SET k w PX -1", "-ERR invalid expire time in 'set' command\r\n" },
        { "SET k w EX 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n" },
        { "SET k w PX 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n" },
        { "SET k w EXAT 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n" },
        { "SET k w EX x", NOT_AN_INTEGER }, { "SET k w EX 1.5", NOT_AN_INTEGER },
        { "SET k w NX EX 0", "-ERR invalid expire time in 'set' command\r\n" },
        { "GET k", "$1\r\nv\r\n" });
}

static void
clashing_and_unknown_words_are_syntax_errors(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v NX XX", SYNTAX_ERROR }, { "SET k v XX NX", SYNTAX_ERROR },
               { "SET k v NX IFEQ x", SYNTAX_ERROR }, { "SET k v IFEQ x IFNE y", SYNTAX_ERROR },
               { "SET k v IFEQ", SYNTAX_ERROR }, { "SET k v IFDEQ", SYNTAX_ERROR },
               { "SET k v EX 1 PX 1", SYNTAX_ERROR }, { "SET k v EX 1 KEEPTTL", SYNTAX_ERROR },
               { "SET k v KEEPTTL PX 1", SYNTAX_ERROR }, { "SET k v EX", SYNTAX_ERROR },
               { "SET k v PERSIST", SYNTAX_ERROR }, { "SET k v FOO", SYNTAX_ERROR },
               { "SET k v NX FOO", SYNTAX_ERROR });
    EXPECT_ALL(f, { "EXISTS k", ":0\r\n" });
}

static void
a_word_may_be_repeated_and_comes_in_any_case(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v nx NX", OK }, { "SET k v get GET", "$1\r\nv\r\n" },
               { "SET k v ex 10 EX 20", OK }, { "TTL k", ":20\r\n" },
               { "SET k v KEEPTTL keepttl", OK }, { "TTL k", ":20\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conditions_follow_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(digest_conditions_compare_the_present_value, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_malformed_digest_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(get_returns_the_old_value_whether_or_not_it_was_replaced,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(lives_can_be_stated_in_four_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(keepttl_keeps_and_plain_set_drops_the_life, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_past_deadline_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_life_is_refused_before_the_key_is_touched, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(clashing_and_unknown_words_are_syntax_errors, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_word_may_be_repeated_and_comes_in_any_case, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
