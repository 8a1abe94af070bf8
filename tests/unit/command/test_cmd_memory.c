/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OBJECT and MEMORY.
 */
#include "command_support.h"

static void
encodings_are_those_redis_would_choose(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "OBJECT ENCODING missing", NIL }, { "SET k 123", OK },
               { "OBJECT ENCODING k", "$3\r\nint\r\n" }, { "SET k 0123", OK },
               { "OBJECT ENCODING k", "$6\r\nembstr\r\n" },
               { "SET k xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", OK },
               { "OBJECT ENCODING k", "$6\r\nembstr\r\n" },
               { "SET k xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", OK },
               { "OBJECT ENCODING k", "$3\r\nraw\r\n" });
}

static void
use_is_counted_and_idle_time_is_not(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "OBJECT FREQ missing", NIL);
    expect(f, "OBJECT IDLETIME missing", NIL);
    expect(f, "SET k v", OK);
    run(f, "OBJECT FREQ k");
    assert_in_range(f->out.data[1], '0', '3');
    expect_part(f, "OBJECT IDLETIME k", "-ERR An LFU maxmemory policy is selected");
    expect(f, "OBJECT REFCOUNT k", ":1\r\n");
    expect(f, "OBJECT REFCOUNT missing", NIL);
}

static void
usage_grows_with_the_value(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "MEMORY USAGE missing", NIL);
    expect(f, "SET k v", OK);
    run(f, "MEMORY USAGE k");
    long small = strtol(f->out.data + 1, NULL, 10);
    expect(f, "SETRANGE k 5000 x", ":5001\r\n");
    run(f, "MEMORY USAGE k SAMPLES 0");
    long large = strtol(f->out.data + 1, NULL, 10);
    assert_in_range(small, 2, 200);
    assert_in_range(large, 5001, 6000);
    expect(f, "MEMORY USAGE k SAMPLES x", NOT_AN_INTEGER);
    expect(f, "MEMORY USAGE k SAMPLES -1", SYNTAX_ERROR);
    expect(f, "MEMORY USAGE k SAMPLES", SYNTAX_ERROR);
    expect(f, "MEMORY USAGE k FOO 1", SYNTAX_ERROR);
}

static void
reports_speak_of_this_cache(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET k v", OK);
    expect_part(f, "MEMORY STATS", "$10\r\nkeys.count\r\n:1\r\n");
    expect_part(f, "MEMORY DOCTOR", "Nothing looks wrong.\n");
    expect_part(f, "MEMORY MALLOC-STATS", "arenas: ");
    expect(f, "MEMORY PURGE", OK);
    expect(f, "GET k", "$1\r\nv\r\n");
    f->session.proto = 3;
    expect_part(f, "MEMORY STATS", "$18\r\ndataset.percentage\r\n,");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(encodings_are_those_redis_would_choose, setup, teardown),
        cmocka_unit_test_setup_teardown(use_is_counted_and_idle_time_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(usage_grows_with_the_value, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_speak_of_this_cache, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
