/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys whatever their value: counting, deleting, moving and copying, and where a refused key stops
 * a list.
 */
#include "command_support.h"

static void
lists_are_counted_key_by_key(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSET a 1 b 2", OK }, { "EXISTS a b a missing", ":3\r\n" },
               { "TOUCH a missing", ":1\r\n" }, { "DEL a missing a", ":1\r\n" },
               { "UNLINK b", ":1\r\n" }, { "DBSIZE", ":0\r\n" },
               { "DEL", "-ERR wrong number of arguments for 'del' command\r\n" });
}

static void
type_knows_strings_only(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k 1", OK }, { "TYPE k", "+string\r\n" }, { "TYPE missing", "+none\r\n" });
}

static void
rename_moves_value_and_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET a 1 EX 10", OK }, { "SET b 2", OK }, { "RENAME a b", OK },
               { "GET b", "$1\r\n1\r\n" }, { "TTL b", ":10\r\n" }, { "EXISTS a", ":0\r\n" },
               { "RENAME a b", "-ERR no such key\r\n" }, { "RENAME b b", OK },
               { "RENAME a a", "-ERR no such key\r\n" }, { "GET b", "$1\r\n1\r\n" });
}

static void
renamenx_spares_an_existing_target(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSET a 1 b 2", OK }, { "RENAMENX a b", ":0\r\n" }, { "GET b", "$1\r\n2\r\n" },
               { "RENAMENX a c", ":1\r\n" }, { "GET c", "$1\r\n1\r\n" },
               { "RENAMENX c c", ":0\r\n" }, { "RENAMENX missing x", "-ERR no such key\r\n" },
               { "RENAMENX missing missing", "-ERR no such key\r\n" });
}

static void
copy_keeps_the_source(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET a 1 EX 10", OK }, { "COPY a b", ":1\r\n" }, { "GET b", "$1\r\n1\r\n" },
               { "TTL b", ":10\r\n" }, { "GET a", "$1\r\n1\r\n" }, { "COPY a b", ":0\r\n" },
               { "SET a 2", OK }, { "COPY a b REPLACE", ":1\r\n" }, { "GET b", "$1\r\n2\r\n" },
               { "TTL b", ":-1\r\n" }, { "COPY missing b", ":0\r\n" },
               { "COPY a a", "-ERR source and destination objects are the same\r\n" },
               { "COPY a c DB 0", ":1\r\n" },
               { "COPY a c DB 1", "-ERR DB index is out of range\r\n" },
               { "COPY a c DB x", NOT_AN_INTEGER }, { "COPY a c DB", SYNTAX_ERROR },
               { "COPY a c FOO", SYNTAX_ERROR });
}

static void
a_refused_key_ends_the_list(void **state)
{
    struct fixture *f = fixture_of(state);
    attl_close(&f->cache);
    static const char *const options[] = { "validation.mode", "normal", NULL };
    f->cache = f->env.cache = fixture_cache(f, options);
    expect(f, "MSET a 1 c 3", OK);
    expect_part(f, "DEL a '' c", "(validation.key_empty)\r\n");
    expect(f, "EXISTS a c", ":1\r\n");
    expect_part(f, "GET ''", "-ERR ");
    expect_part(f, "MGET a ''", "-ERR ");
    expect_part(f, "SET '' v", "(validation.key_empty)\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_are_counted_key_by_key, setup, teardown),
        cmocka_unit_test_setup_teardown(type_knows_strings_only, setup, teardown),
        cmocka_unit_test_setup_teardown(rename_moves_value_and_life, setup, teardown),
        cmocka_unit_test_setup_teardown(renamenx_spares_an_existing_target, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_keeps_the_source, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_key_ends_the_list, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
