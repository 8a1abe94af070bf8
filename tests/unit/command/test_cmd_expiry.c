/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lives: the four EXPIRE commands under every condition, numbers at the ends of their range, and
 * the moment a life ends.
 */
#include "command_support.h"

static void
a_life_ends_to_the_millisecond(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "PEXPIRE k 1000", ":1\r\n" }, { "PTTL k", ":1000\r\n" },
               { "TTL k", ":1\r\n" });
    f->now_ms += 400;
    expect(f, "PTTL k", ":600\r\n");
    expect(f, "TTL k", ":1\r\n");
    f->now_ms += 200;
    expect(f, "TTL k", ":0\r\n");
    f->now_ms += 399;
    expect(f, "EXISTS k", ":1\r\n");
    f->now_ms += 1;
    expect(f, "EXISTS k", ":0\r\n");
    expect(f, "TTL k", ":-2\r\n");
}

static void
conditions_compare_with_the_present_life(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SET k v", OK }, { "EXPIRE k 100 XX", ":0\r\n" }, { "EXPIRE k 100 GT", ":0\r\n" },
        { "EXPIRE k 100 NX", ":1\r\n" }, { "EXPIRE k 200 NX", ":0\r\n" },
        { "EXPIRE k 100 GT", ":0\r\n" }, { "EXPIRE k 101 GT", ":1\r\n" },
        { "EXPIRE k 101 LT", ":0\r\n" }, { "EXPIRE k 50 LT", ":1\r\n" }, { "TTL k", ":50\r\n" },
        { "EXPIRE k 60 XX GT", ":1\r\n" }, { "EXPIRE k 50 XX LT", ":1\r\n" },
        { "PERSIST k", ":1\r\n" }, { "PERSIST k", ":0\r\n" }, { "PERSIST missing", ":0\r\n" },
        { "EXPIRE k 70 LT", ":1\r\n" }, { "TTL k", ":70\r\n" }, { "EXPIRE missing 10", ":0\r\n" });
}

static void
points_in_time_are_unix_time(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "EXPIREAT k 1700000100", ":1\r\n" }, { "TTL k", ":100\r\n" },
               { "EXPIRETIME k", ":1700000100\r\n" }, { "PEXPIREAT k 1700000000400", ":1\r\n" },
               { "PEXPIRETIME k", ":1700000000400\r\n" }, { "EXPIRETIME k", ":1700000000\r\n" },
               { "PERSIST k", ":1\r\n" }, { "EXPIRETIME k", ":-1\r\n" },
               { "PEXPIRETIME missing", ":-2\r\n" }, { "PTTL k", ":-1\r\n" },
               { "PTTL missing", ":-2\r\n" });
}

static void
what_is_past_deletes(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "EXPIRE k 0", ":1\r\n" }, { "EXISTS k", ":0\r\n" },
               { "SET k v", OK }, { "EXPIRE k -1", ":1\r\n" }, { "EXISTS k", ":0\r\n" },
               { "SET k v", OK }, { "PEXPIRE k -9223372036854775808", ":1\r\n" },
               { "EXISTS k", ":0\r\n" }, { "SET k v", OK }, { "EXPIREAT k 1", ":1\r\n" },
               { "EXISTS k", ":0\r\n" }, { "SET k v", OK },
               { "PEXPIREAT k 1700000000000", ":1\r\n" }, { "EXISTS k", ":0\r\n" },
               { "SET k v", OK }, { "EXPIREAT k -1", ":1\r\n" }, { "EXISTS k", ":0\r\n" },
               { "SET k v", OK }, { "EXPIREAT k 0", ":1\r\n" }, { "EXISTS k", ":0\r\n" });
}

static void
a_condition_that_fails_spares_the_key(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET k v", OK }, { "EXPIRE k -1 GT", ":0\r\n" }, { "EXPIRE k -1 XX", ":0\r\n" },
               { "EXISTS k", ":1\r\n" }, { "EXPIRE k 10", ":1\r\n" },
               { "EXPIRE k -1 GT", ":0\r\n" }, { "EXPIRE k -1 NX", ":0\r\n" },
               { "EXPIRE k -1 LT", ":1\r\n" }, { "EXISTS k", ":0\r\n" });
}

static void
numbers_that_overflow_are_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SET k v", OK },
        { "EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n" },
        { "EXPIRE k 9223372036854776", "-ERR invalid expire time in 'expire' command\r\n" },
        { "EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command\r\n" },
        { "EXPIRE k -9223372036854776", "-ERR invalid expire time in 'expire' command\r\n" },
        { "PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command\r\n" },
        { "EXPIREAT k 9223372036854775807", "-ERR invalid expire time in 'expireat' command\r\n" },
        { "EXPIRE missing 9223372036854775807",
          "-ERR invalid expire time in 'expire' command\r\n" },
        { "EXPIRE k x", NOT_AN_INTEGER }, { "PEXPIREAT k 9223372036854775808", NOT_AN_INTEGER },
        { "TTL k", ":-1\r\n" });
}

static void
words_are_checked_before_the_number(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SET k v", OK },
        { "EXPIRE k 1 NX XX",
          "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n" },
        { "EXPIRE k 1 GT NX",
          "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n" },
        { "EXPIRE k 1 LT NX",
          "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n" },
        { "EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible\r\n" },
        { "EXPIRE k 1 XX GT LT", "-ERR GT and LT options at the same time are not compatible\r\n" },
        { "EXPIRE k x FOO", "-ERR Unsupported option FOO\r\n" },
        { "EXPIRE k 1 NX FOO", "-ERR Unsupported option FOO\r\n" },
        { "EXPIRE k 1 nx nx", ":1\r\n" },
        { "EXPIRE k", "-ERR wrong number of arguments for 'expire' command\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_life_ends_to_the_millisecond, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_compare_with_the_present_life, setup, teardown),
        cmocka_unit_test_setup_teardown(points_in_time_are_unix_time, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_past_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_condition_that_fails_spares_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_that_overflow_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(words_are_checked_before_the_number, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
