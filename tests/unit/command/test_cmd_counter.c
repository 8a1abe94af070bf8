/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers: integers to the ends of their range, decimals as Redis writes them, and values that are
 * neither.
 */
#include "command_support.h"

static void
integers_count_up_and_down(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "INCR n", ":1\r\n" }, { "INCRBY n 10", ":11\r\n" }, { "DECR n", ":10\r\n" },
               { "DECRBY n 15", ":-5\r\n" }, { "DECRBY n -5", ":0\r\n" },
               { "INCRBY n 0", ":0\r\n" }, { "GET n", "$1\r\n0\r\n" }, { "SET t 5 EX 10", OK },
               { "INCR t", ":6\r\n" }, { "TTL t", ":10\r\n" });
}

static void
overflow_changes_nothing(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET n 9223372036854775807", OK },
               { "INCR n", "-ERR increment or decrement would overflow\r\n" },
               { "INCRBY n 9223372036854775807", "-ERR increment or decrement would overflow\r\n" },
               { "GET n", "$19\r\n9223372036854775807\r\n" }, { "SET n -9223372036854775808", OK },
               { "DECR n", "-ERR increment or decrement would overflow\r\n" },
               { "DECRBY n 9223372036854775807", "-ERR increment or decrement would overflow\r\n" },
               { "DECRBY n -9223372036854775808", "-ERR decrement would overflow\r\n" },
               { "GET n", "$20\r\n-9223372036854775808\r\n" });
}

static void
what_is_no_integer_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET s abc", OK }, { "INCR s", NOT_AN_INTEGER }, { "SET s 01", OK },
               { "INCR s", NOT_AN_INTEGER }, { "SET s 1.0", OK }, { "INCR s", NOT_AN_INTEGER },
               { "SET s +1", OK }, { "INCR s", NOT_AN_INTEGER }, { "SET s -0", OK },
               { "INCR s", NOT_AN_INTEGER }, { "SET s 9223372036854775808", OK },
               { "INCR s", NOT_AN_INTEGER }, { "SET s ''", OK }, { "INCR s", NOT_AN_INTEGER },
               { "SET s ~1", OK }, { "INCR s", NOT_AN_INTEGER });
    EXPECT_ALL(f, { "INCRBY n abc", NOT_AN_INTEGER }, { "INCRBY n 1.5", NOT_AN_INTEGER },
               { "DECRBY n 9223372036854775808", NOT_AN_INTEGER }, { "EXISTS n", ":0\r\n" });
}

static void
decimals_are_written_without_needless_digits(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "INCRBYFLOAT f 10.5", "$4\r\n10.5\r\n" },
               { "INCRBYFLOAT f 0.1", "$4\r\n10.6\r\n" }, { "INCRBYFLOAT f -5.6", "$1\r\n5\r\n" },
               { "INCRBYFLOAT f 1e2", "$3\r\n105\r\n" }, { "GET f", "$3\r\n105\r\n" },
               { "INCR f", ":106\r\n" }, { "SET z 0", OK }, { "INCRBYFLOAT z -0.0", "$1\r\n0\r\n" },
               { "SET t 1 EX 10", OK }, { "INCRBYFLOAT t 1.5", "$3\r\n2.5\r\n" },
               { "TTL t", ":10\r\n" });
}

static void
what_is_no_decimal_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "INCRBYFLOAT f abc", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f ''", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f ~1", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f 1~", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f nan", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f 1e5000", "-ERR value is not a valid float\r\n" },
               { "INCRBYFLOAT f inf", "-ERR increment would produce NaN or Infinity\r\n" },
               { "EXISTS f", ":0\r\n" }, { "SET f abc", OK },
               { "INCRBYFLOAT f 1", "-ERR value is not a valid float\r\n" },
               { "GET f", "$3\r\nabc\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_count_up_and_down, setup, teardown),
        cmocka_unit_test_setup_teardown(overflow_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_integer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(decimals_are_written_without_needless_digits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_decimal_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
