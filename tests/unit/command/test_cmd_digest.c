/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests and deletion under a condition.
 */
#include "command_support.h"

static void
equal_values_have_equal_digests(void **state)
{
    struct fixture *f = fixture_of(state);
    char first[64];
    expect(f, "DIGEST missing", NIL);
    expect(f, "MSET a same b same c other", OK);
    run(f, "DIGEST a");
    assert_int_equal(f->out.len, 23);
    memcpy(first, f->out.data, 24);
    expect(f, "DIGEST b", first);
    run(f, "DIGEST c");
    assert_string_not_equal(f->out.data, first);
    assert_int_equal(strspn(first + 5, "0123456789abcdef"), 16);
}

static void
a_digest_is_that_of_xxh3(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET e ''", OK }, { "DIGEST e", "$16\r\n2d06800538d394c2\r\n" });
}

static void
delex_deletes_under_its_condition(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "DELEX k", ":0\r\n" }, { "SET k v", OK }, { "DELEX k IFEQ w", ":0\r\n" },
               { "DELEX k IFNE v", ":0\r\n" }, { "DELEX k IFEQ v", ":1\r\n" },
               { "EXISTS k", ":0\r\n" }, { "SET k v", OK }, { "DELEX k IFNE w", ":1\r\n" },
               { "DELEX k IFNE w", ":0\r\n" }, { "SET k v", OK }, { "DELEX k", ":1\r\n" },
               { "SET e ''", OK }, { "DELEX e IFDEQ 2D06800538D394C2", ":1\r\n" },
               { "SET e ''", OK }, { "DELEX e IFDNE 2d06800538d394c2", ":0\r\n" },
               { "DELEX e IFDNE 2d06800538d394c3", ":1\r\n" });
}

static void
delex_refuses_other_words(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK },
               { "DELEX k FOO v", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE\r\n" },
               { "DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command\r\n" },
               { "DELEX k IFEQ v x", "-ERR wrong number of arguments for 'delex' command\r\n" },
               { "DELEX k IFDEQ zz", "-ERR digest must be exactly 16 hexadecimal characters\r\n" },
               { "EXISTS k", ":1\r\n" });
}

static void
delifeq_compares_and_deletes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "DELIFEQ k v", ":0\r\n" }, { "SET k v", OK }, { "DELIFEQ k w", ":0\r\n" },
               { "DELIFEQ k v", ":1\r\n" }, { "EXISTS k", ":0\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_values_have_equal_digests, setup, teardown),
        cmocka_unit_test_setup_teardown(a_digest_is_that_of_xxh3, setup, teardown),
        cmocka_unit_test_setup_teardown(delex_deletes_under_its_condition, setup, teardown),
        cmocka_unit_test_setup_teardown(delex_refuses_other_words, setup, teardown),
        cmocka_unit_test_setup_teardown(delifeq_compares_and_deletes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
