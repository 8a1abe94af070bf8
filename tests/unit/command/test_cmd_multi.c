/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several strings at once: order, atomicity of the conditional writers, and lists longer than what
 * fits on the stack.
 */
#include "command_support.h"

static void
mget_answers_in_the_order_of_the_keys(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSET a 1 b 2", OK },
               { "MGET b missing a b", "*4\r\n$1\r\n2\r\n$-1\r\n$1\r\n1\r\n$1\r\n2\r\n" },
               { "MGET", "-ERR wrong number of arguments for 'mget' command\r\n" });
}

static void
mset_replaces_values_and_lives(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET a x EX 10", OK }, { "MSET a 1 b 2 a 3", OK }, { "GET a", "$1\r\n3\r\n" },
               { "TTL a", ":-1\r\n" },
               { "MSET a", "-ERR wrong number of arguments for 'mset' command\r\n" },
               { "MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n" });
}

static void
msetnx_is_all_or_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET b x", OK }, { "MSETNX a 1 b 2", ":0\r\n" }, { "EXISTS a", ":0\r\n" },
               { "MSETNX a 1 c 2", ":1\r\n" }, { "MGET a c", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n" },
               { "MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command\r\n" });
}

static void
msetex_gives_all_keys_one_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSETEX 2 a 1 b 2 EX 10", ":1\r\n" }, { "TTL a", ":10\r\n" },
               { "TTL b", ":10\r\n" }, { "MSETEX 2 a 3 c 4 NX", ":0\r\n" },
               { "EXISTS c", ":0\r\n" }, { "MSETEX 2 a 3 c 4 XX", ":0\r\n" },
               { "GET a", "$1\r\n1\r\n" }, { "MSETEX 2 a 3 b 4 XX KEEPTTL", ":1\r\n" },
               { "TTL a", ":10\r\n" }, { "GET b", "$1\r\n4\r\n" }, { "MSETEX 1 a 5", ":1\r\n" },
               { "TTL a", ":-1\r\n" }, { "MSETEX 2 d 1 e 2 PX 700 NX", ":1\r\n" },
               { "PTTL e", ":700\r\n" });
}

static void
msetex_refuses_wrong_counts_and_words(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSETEX 0 a 1", "-ERR invalid numkeys value\r\n" },
               { "MSETEX x a 1", "-ERR invalid numkeys value\r\n" },
               { "MSETEX -1 a 1", "-ERR invalid numkeys value\r\n" },
               { "MSETEX 2 a 1", "-ERR wrong number of key-value pairs\r\n" },
               { "MSETEX 9223372036854775807 a 1", "-ERR wrong number of key-value pairs\r\n" },
               { "MSETEX 1 a 1 FOO", SYNTAX_ERROR }, { "MSETEX 1 a 1 NX XX", SYNTAX_ERROR },
               { "MSETEX 1 a 1 EX 1 PX 1", SYNTAX_ERROR },
               { "MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command\r\n" },
               { "EXISTS a", ":0\r\n" });
}

/* MSET of n pairs "w0" "w1", "w2" "w3" ... */
static void
run_mset(struct fixture *f, size_t n)
{
    enum { TEXT_MAX = 16 };
    char(*text)[TEXT_MAX] = malloc(2 * n * TEXT_MAX);
    attl_slice *argv = malloc((1 + 2 * n) * sizeof *argv);
    assert_non_null(text);
    assert_non_null(argv);
    argv[0] = attl_s("MSET");
    for (size_t i = 0; i < 2 * n; i++)
        argv[1 + i] = attl_b(text[i], (size_t)snprintf(text[i], TEXT_MAX, "w%zu", i));
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_execute(&f->env, &f->session, argv, 1 + 2 * n, &f->out);
    buf_append(&f->out, "", 1);
    free(argv);
    free(text);
}

static void
long_lists_are_stored_up_to_the_limit(void **state)
{
    struct fixture *f = fixture_of(state);
    run_mset(f, 65537);
    assert_string_equal(f->out.data, "-ERR too many keys in one command, the limit is 65536\r\n");
    expect(f, "DBSIZE", ":0\r\n");
    run_mset(f, 1000);
    assert_string_equal(f->out.data, OK);
    expect(f, "DBSIZE", ":1000\r\n");
    expect(f, "GET w1998", "$5\r\nw1999\r\n");
    run_mset(f, 65536);
    assert_string_equal(f->out.data, OK);
    expect(f, "DBSIZE", ":65536\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mget_answers_in_the_order_of_the_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(mset_replaces_values_and_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(msetnx_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(msetex_gives_all_keys_one_life, setup, teardown),
        cmocka_unit_test_setup_teardown(msetex_refuses_wrong_counts_and_words, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lists_are_stored_up_to_the_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
