/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of strings, at the ends of the range of offsets above all.
 */
#include "command_support.h"

static void
getrange_clamps_both_ends(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k HelloWorld", OK }, { "GETRANGE k 0 -1", "$10\r\nHelloWorld\r\n" },
               { "GETRANGE k 0 4", "$5\r\nHello\r\n" }, { "GETRANGE k -5 -1", "$5\r\nWorld\r\n" },
               { "GETRANGE k 5 100", "$5\r\nWorld\r\n" }, { "GETRANGE k -100 2", "$3\r\nHel\r\n" },
               { "GETRANGE k 0 -100", "$1\r\nH\r\n" }, { "GETRANGE k 5 3", "$0\r\n\r\n" },
               { "GETRANGE k 10 10", "$0\r\n\r\n" }, { "GETRANGE k -1 -5", "$0\r\n\r\n" },
               { "GETRANGE missing 0 -1", "$0\r\n\r\n" },
               { "GETRANGE k -9223372036854775808 9223372036854775807", "$10\r\nHelloWorld\r\n" },
               { "GETRANGE k 9223372036854775807 -9223372036854775808", "$0\r\n\r\n" },
               { "SUBSTR k 1 2", "$2\r\nel\r\n" }, { "GETRANGE k x 1", NOT_AN_INTEGER },
               { "GETRANGE k 1 9223372036854775808", NOT_AN_INTEGER });
}

static void
setrange_overwrites_and_pads(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k HelloWorld", OK }, { "SETRANGE k 5 XXX", ":10\r\n" },
               { "GET k", "$10\r\nHelloXXXld\r\n" }, { "SETRANGE k 8 12345", ":13\r\n" },
               { "GET k", "$13\r\nHelloXXX12345\r\n" }, { "SETRANGE k 99 ''", ":13\r\n" },
               { "SETRANGE missing 99 ''", ":0\r\n" }, { "EXISTS missing", ":0\r\n" },
               { "SETEX t 10 ab", OK }, { "SETRANGE t 1 z", ":2\r\n" }, { "TTL t", ":10\r\n" });
    expect(f, "SETRANGE pad 2 x", ":3\r\n");
    run(f, "GET pad");
    assert_int_equal(f->out.len, 9);
    assert_memory_equal(f->out.data, "$3\r\n\0\0x\r\n", 9);
}

static void
offsets_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SETRANGE k -1 x", "-ERR offset is out of range\r\n" },
               { "SETRANGE k 536870912 x",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n" },
               { "SETRANGE k 536870911 xx",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n" },
               { "SETRANGE k 9223372036854775807 x",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n" },
               { "SETRANGE k x x", NOT_AN_INTEGER }, { "EXISTS k", ":0\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(getrange_clamps_both_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(setrange_overwrites_and_pads, setup, teardown),
        cmocka_unit_test_setup_teardown(offsets_that_cannot_be_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
