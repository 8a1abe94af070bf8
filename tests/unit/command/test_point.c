/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Points in the past: every form that is documented, and mistakes that must not be taken for
 * another form. The calendar is compared with the C library's over four centuries.
 */
#include "command/point.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define NOW_MS INT64_C(1795618800123) /* 2026-11-25T15:00:00.123Z */

static void
assert_time(const char *text, int64_t at_ms)
{
    struct point p;
    const char *problem = point_parse(attl_s(text), NOW_MS, &p);
    if (problem)
        fail_msg("%s: %s", text, problem);
    assert_int_equal(p.at_ms, at_ms);
    assert_int_equal(p.lsn, 0);
    assert_string_equal(p.name, "");
}

static void
refuses(const char *text, const char *part)
{
    struct point p;
    const char *problem = point_parse(attl_s(text), NOW_MS, &p);
    if (!problem || !strstr(problem, part))
        fail_msg("%s: %s", text, problem ? problem : "accepted");
}

static void
times_are_read_in_every_form(void **state)
{
    (void)state;
    assert_time("1795618800", INT64_C(1795618800000));
    assert_time("1795618800123", INT64_C(1795618800123));
    assert_time("2026-11-25T15:00:00Z", INT64_C(1795618800000));
    assert_time("2026-11-25 15:00:00.12Z", INT64_C(1795618800120));
    assert_time("2024-02-29T23:59:59.999Z", INT64_C(1709251199999));
    assert_time("-90s", NOW_MS - 90000);
    assert_time("-5m", NOW_MS - 300000);
    assert_time("-2h", NOW_MS - 7200000);
    assert_time("-1d", NOW_MS - 86400000);
    assert_time("-250ms", NOW_MS - 250);
}

static void
positions_and_names_are_told_apart(void **state)
{
    (void)state;
    struct point p;
    assert_null(point_parse(attl_s("lsn:1234"), NOW_MS, &p));
    assert_int_equal(p.lsn, 1234);
    assert_int_equal(p.at_ms, 0);
    assert_null(point_parse(attl_s("snap-0000000000000007.attl"), NOW_MS, &p));
    assert_string_equal(p.name, "snap-0000000000000007.attl");
    assert_int_equal(p.at_ms, 0);
}

static void
mistakes_are_named(void **state)
{
    (void)state;
    refuses("", "say a time");
    refuses("1795618801", "in the future");
    refuses("2027-01-01T00:00:00Z", "in the future");
    refuses("0", "after 1970");
    refuses("99999999999999999999", "number of seconds");
    static const char *const dates[] = {
        "2026-13-25T15:00:00Z",
        "2026-11-31T15:00:00Z",
        "2025-02-29T15:00:00Z",
        "2026-00-25T15:00:00Z",
        "2026-11-00T15:00:00Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T15:60:00Z",
        "2026-11-25T15:00:60Z",
        "2026-11-25T15:00:00",
        "2026-11-25T15:00:00.Z",
        "2026-11-25T15:00:00Zx",
        "2026-11-25T15:00:00+01:00",
        "2026-11-25",
        "1969-12-31T00:00:00Z",
        "2026-1-25T15:00:00Z",
        "12 monkeys",
    };
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++)
        refuses(dates[i], "2026-11-25T15:00:00Z");
    refuses("-", "-90s");
    refuses("-5", "-90s");
    refuses("-m", "-90s");
    refuses("-5w", "-90s");
    refuses("-0s", "-90s");
    refuses("--5s", "-90s");
    refuses("-99999999999999999d", "-90s");
    refuses("-36500d", "before 1970");
    refuses("lsn:", "no snapshot"); /* too short to be a position */
    refuses("lsn:x", "lsn:1234");
    refuses("lsn:-1", "lsn:1234");
    refuses("lsn:0", "lsn:1234");
    refuses("../etc/passwd", "no snapshot");
    refuses("a/b", "no snapshot");
    refuses("a\nb", "no snapshot");
    char longest[POINT_NAME_MAX + 1];
    memset(longest, 'n', sizeof longest);
    longest[POINT_NAME_MAX] = '\0';
    refuses(longest, "no snapshot");
}

static void
every_day_is_where_the_c_library_has_it(void **state)
{
    (void)state;
    enum { DAYS = 146097 }; /* the calendar's period */
    for (int64_t day = 1; day < DAYS; day += 1) {
        time_t at = (time_t)(day * 86400 + 3661);
        struct tm parts;
        char text[64];
        struct point p;
        assert_non_null(gmtime_r(&at, &parts));
        assert_true(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
        const char *problem = point_parse(attl_s(text), INT64_MAX, &p);
        if (problem || p.at_ms != (int64_t)at * 1000)
            fail_msg("%s is at %lld: %s", text, (long long)at, problem ? problem : "elsewhere");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(positions_and_names_are_told_apart),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(every_day_is_where_the_c_library_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
