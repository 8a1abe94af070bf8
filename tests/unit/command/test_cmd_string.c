/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands on one string: what they answer and what they leave behind, lives included. The clock
 * stands still unless a test moves it.
 */
#include "command_support.h"

static void
get_returns_what_set_stored(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "GET k", NIL }, { "SET k value", OK }, { "GET k", "$5\r\nvalue\r\n" },
               { "get k", "$5\r\nvalue\r\n" }, { "SET k ''", OK }, { "GET k", "$0\r\n\r\n" },
               { "GET", "-ERR wrong number of arguments for 'get' command\r\n" },
               { "GET a b", "-ERR wrong number of arguments for 'get' command\r\n" });
    f->session.proto = 3;
    expect(f, "GET missing", "_\r\n");
}

static void
strlen_counts_bytes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "STRLEN k", ":0\r\n" }, { "SET k hello", OK }, { "STRLEN k", ":5\r\n" },
               { "SET k 12345678", OK }, { "STRLEN k", ":8\r\n" });
}

static void
setnx_stores_once(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SETNX k a", ":1\r\n" }, { "SETNX k b", ":0\r\n" }, { "GET k", "$1\r\na\r\n" },
               { "TTL k", ":-1\r\n" });
}

static void
setex_gives_a_life_that_ends(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SETEX k 10 v", OK }, { "TTL k", ":10\r\n" }, { "PSETEX p 1500 v", OK },
               { "PTTL p", ":1500\r\n" });
    f->now_ms += 1499;
    expect(f, "GET p", "$1\r\nv\r\n");
    f->now_ms += 1;
    expect(f, "GET p", NIL);
    f->now_ms += 8500;
    expect(f, "GET k", NIL);
}

static void
setex_refuses_lives_that_are_none(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SETEX k 0 v", "-ERR invalid expire time in 'setex' command\r\n" },
        { "SETEX k -1 v", "-ERR invalid expire time in 'setex' command\r\n" },
        { "PSETEX k 0 v", "-ERR invalid expire time in 'psetex' command\r\n" },
        { "SETEX k x v", NOT_AN_INTEGER },
        { "SETEX k 9223372036854775807 v", "-ERR invalid expire time in 'setex' command\r\n" },
        { "SETEX k 9223372036854775 v", "-ERR invalid expire time in 'setex' command\r\n" },
        { "PSETEX k 9223372036854775807 v", "-ERR invalid expire time in 'psetex' command\r\n" },
        { "EXISTS k", ":0\r\n" });
}

static void
a_life_beyond_the_limit_names_the_rule(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f,
               { "SETEX k 1000000000000 v",
                 "-ERR invalid expire time in 'setex' command (validation.max_ttl)\r\n" },
               { "EXISTS k", ":0\r\n" });
}

static void
getset_returns_the_old_value_and_drops_its_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SETEX k 10 old", OK }, { "GETSET k new", "$3\r\nold\r\n" },
               { "TTL k", ":-1\r\n" }, { "GETSET fresh x", NIL }, { "GET fresh", "$1\r\nx\r\n" });
}

static void
getdel_returns_and_deletes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "GETDEL k", "$1\r\nv\r\n" }, { "GETDEL k", NIL },
               { "EXISTS k", ":0\r\n" });
}

static void
getex_changes_the_life_only_if_asked(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "GETEX k", "$1\r\nv\r\n" }, { "TTL k", ":-1\r\n" },
               { "GETEX k EX 100", "$1\r\nv\r\n" }, { "TTL k", ":100\r\n" },
               { "GETEX k", "$1\r\nv\r\n" }, { "TTL k", ":100\r\n" },
               { "GETEX k PX 1700", "$1\r\nv\r\n" }, { "PTTL k", ":1700\r\n" },
               { "GETEX k PERSIST", "$1\r\nv\r\n" }, { "TTL k", ":-1\r\n" },
               { "GETEX k EXAT 1700000100", "$1\r\nv\r\n" }, { "TTL k", ":100\r\n" },
               { "GETEX k PXAT 1700000000001", "$1\r\nv\r\n" }, { "PTTL k", ":1\r\n" },
               { "GETEX missing EX 5", NIL });
}

static void
getex_with_a_past_deadline_returns_and_deletes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "GETEX k PXAT 1", "$1\r\nv\r\n" }, { "EXISTS k", ":0\r\n" });
}

static void
getex_refuses_wrong_words_and_numbers(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "GETEX k EX", SYNTAX_ERROR },
               { "GETEX k EX 1 PX 1", SYNTAX_ERROR }, { "GETEX k PERSIST EX 1", SYNTAX_ERROR },
               { "GETEX k KEEPTTL", SYNTAX_ERROR }, { "GETEX k NX", SYNTAX_ERROR },
               { "GETEX k EX 0", "-ERR invalid expire time in 'getex' command\r\n" },
               { "GETEX k EX x", NOT_AN_INTEGER }, { "GETEX missing EX 0", NIL },
               { "TTL k", ":-1\r\n" });
}

static void
append_grows_a_value_and_keeps_its_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "APPEND k ab", ":2\r\n" }, { "APPEND k cd", ":4\r\n" },
               { "GET k", "$4\r\nabcd\r\n" }, { "APPEND k ''", ":4\r\n" }, { "SETEX t 10 x", OK },
               { "APPEND t y", ":2\r\n" }, { "TTL t", ":10\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_returns_what_set_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(strlen_counts_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(setnx_stores_once, setup, teardown),
        cmocka_unit_test_setup_teardown(setex_gives_a_life_that_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(setex_refuses_lives_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_life_beyond_the_limit_names_the_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(getset_returns_the_old_value_and_drops_its_life, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(getdel_returns_and_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(getex_changes_the_life_only_if_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(getex_with_a_past_deadline_returns_and_deletes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(getex_refuses_wrong_words_and_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(append_grows_a_value_and_keeps_its_life, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
