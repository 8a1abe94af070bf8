/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times, sizes and values as the offline commands write them. Dates are our own arithmetic, so they
 * are compared with the system's over many centuries, and at the edges where the system has no
 * answer with known texts.
 */
#include "cli_support.h"

#include "cli/offline_print.h"

#include <time.h>

static void
times_are_utc(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { 951782399999, "2000-02-28T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 951868800000, "2000-03-01T00:00:00.000Z" },
        { 4107542400000, "2100-03-01T00:00:00.000Z" },
        { 1767323045678, "2026-01-02T03:04:05.678Z" },
        { INT64_MAX, "292278994-08-17T07:12:55.807Z" },
    };
    char text[PRINT_TIME_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_time(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
    print_time(INT64_MIN, text);
    print_deadline(ATTL_NO_DEADLINE, text);
    assert_string_equal(text, "never");
    print_deadline(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void
dates_agree_with_the_systems(void **state)
{
    char text[PRINT_TIME_MAX], expected[PRINT_TIME_MAX];
    (void)state;
    for (int64_t s = -2 * 86400 * 365; s < INT64_C(400) * 365 * 86400; s += 86400 * 13 + 4321) {
        time_t at = (time_t)s;
        struct tm parts;
        assert_non_null(gmtime_r(&at, &parts));
        assert_int_not_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z", &parts),
                             0);
        print_time(s * 1000 + 7, text);
        assert_string_equal(text, expected);
    }
}

static void
sizes_are_short(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.00 KiB" },
        { 1536, "1.50 KiB" },
        { 10239, "10.0 KiB" },
        { 1048575, "1.00 MiB" },
        { 67108864, "64.0 MiB" },
        { UINT64_C(200) << 30, "200 GiB" },
        { UINT64_MAX, "16.0 EiB" },
    };
    char text[PRINT_SIZE_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_size(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
integers_become_their_digits(void **state)
{
    static const unsigned char least[8] = { 0, 0, 0, 0, 0, 0, 0, 0x80 };
    char digits[PRINT_SIZE_MAX];
    (void)state;
    attl_slice value = print_value(attl_b(least, 8), true, digits);
    assert_int_equal(value.len, 20);
    assert_memory_equal(value.data, "-9223372036854775808", 20);
    value = print_value(attl_s("12345678"), false, digits);
    assert_memory_equal(value.data, "12345678", 8);
    value = print_value(attl_s("odd"), true, digits); /* no reader lets that through */
    assert_int_equal(value.len, 3);
}

static void
every_kind_and_end_has_a_name(void **state)
{
    struct wal_verdict v = { .end = WAL_END_CLEAN };
    (void)state;
    for (int kind = WAL_PUT; kind <= WAL_NOTE; kind++)
        assert_string_not_equal(print_kind((enum wal_kind)kind), "?");
    assert_string_equal(print_kind((enum wal_kind)0), "?");
    assert_string_equal(print_kind((enum wal_kind)99), "?");
    assert_string_equal(print_end(&v), "clean");
    v.lost_frames = 1;
    assert_string_equal(print_end(&v), "gap");
    v.end = WAL_END_TORN;
    assert_string_equal(print_end(&v), "torn");
    v.end = WAL_END_DAMAGED;
    assert_string_equal(print_end(&v), "damaged");
    v.end = WAL_END_IO;
    assert_string_equal(print_end(&v), "unreadable");
}

static void
a_verdict_is_a_line(void **state)
{
    struct capture out;
    struct wal_verdict v = { .end = WAL_END_DAMAGED,
                             .name = "wal-x",
                             .offset = 64,
                             .next_lsn = 9,
                             .durable_lsn = 20,
                             .lost_frames = 3,
                             .last_lsn = 14,
                             .reason = "it is \"wrong\"" };
    (void)state;
    capture_begin(&out);
    print_verdict(out.file, false, &v);
    print_verdict(out.file, true, &v);
    assert_string_equal(capture_end(&out),
                        "damaged   wal-x, offset 64, before change 9: it is \"wrong\"; 3 changes "
                        "behind it can be read, up to 14\n"
                        "{\"type\":\"end\",\"end\":\"damaged\",\"segment\":\"wal-x\",\"offset\":64,"
                        "\"next_lsn\":9,\"durable_lsn\":20,\"lost_frames\":3,\"last_lsn\":14,"
                        "\"reason\":\"it is \\\"wrong\\\"\"}\n");
    capture_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_utc),
        cmocka_unit_test(dates_agree_with_the_systems),
        cmocka_unit_test(sizes_are_short),
        cmocka_unit_test(integers_become_their_digits),
        cmocka_unit_test(every_kind_and_end_has_a_name),
        cmocka_unit_test(a_verdict_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
