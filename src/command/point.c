/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading points in the past. Plain numbers from POINT_MS_FROM on are milliseconds: as seconds they
 * would lie in the year 5138. A time must have passed already, because a state that is yet to come
 * cannot be gone back to, and a typo in the year should not read as "now". Days are counted with
 * the proleptic Gregorian calendar, without the system's tables.
 */
#include "command/point.h"

#include "base/num.h"

#include <string.h>

#define POINT_MS_FROM INT64_C(100000000000)
#define AGO_MAX_MS (INT64_C(100000) * 86400000)

enum { MS_PER_SECOND = 1000, SECONDS_PER_DAY = 86400, YEAR_MIN = 1970, YEAR_MAX = 9999 };

struct text {
    const char *p, *end;
};

static bool
is_digit(const struct text *t)
{
    return t->p < t->end && *t->p >= '0' && *t->p <= '9';
}

static bool
take_char(struct text *t, char c)
{
    bool is = t->p < t->end && *t->p == c;
    t->p += is;
    return is;
}

/* Exactly `digits` digits between the two bounds. */
static bool
take_number(struct text *t, int digits, int min, int max, int *ret_number)
{
    int n = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(t))
            return false;
        n = n * 10 + (*t->p++ - '0');
    }
    *ret_number = n;
    return n >= min && n <= max;
}

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
month_days(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t
days_since_1970(int year, int month, int day)
{
    int64_t before = year - 1; /* whole years before this one */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int m = 1; m < month; m++)
        days += month_days(year, m);
    return days + day - 1;
}

/* Up to three digits behind a dot, as milliseconds; none: 0. */
static bool
take_fraction(struct text *t, int *ret_ms)
{
    *ret_ms = 0;
    if (!take_char(t, '.'))
        return true;
    bool any = false;
    for (int weight = 100; weight > 0 && is_digit(t); weight /= 10, any = true)
        *ret_ms += weight * (*t->p++ - '0');
    return any;
}

/* 2026-11-25, as days since 1970. */
static bool
take_day(struct text *t, int64_t *ret_days)
{
    int year, month, day;
    if (!take_number(t, 4, YEAR_MIN, YEAR_MAX, &year) || !take_char(t, '-') ||
        !take_number(t, 2, 1, 12, &month) || !take_char(t, '-') ||
        !take_number(t, 2, 1, month_days(year, month), &day))
        return false;
    *ret_days = days_since_1970(year, month, day);
    return true;
}

/* 15:00:00.123, as milliseconds of a day. */
static bool
take_time(struct text *t, int64_t *ret_ms)
{
    int hour, minute, second, ms;
    if (!take_number(t, 2, 0, 23, &hour) || !take_char(t, ':') ||
        !take_number(t, 2, 0, 59, &minute) || !take_char(t, ':') ||
        !take_number(t, 2, 0, 59, &second) || !take_fraction(t, &ms))
        return false;
    *ret_ms = (int64_t)(hour * 3600 + minute * 60 + second) * MS_PER_SECOND + ms;
    return true;
}

/* 2026-11-25T15:00:00Z, with a blank instead of T and milliseconds if wanted. */
static bool
parse_date(attl_slice text, int64_t *ret_ms)
{
    struct text t = { text.data, (const char *)text.data + text.len };
    int64_t days, ms;
    if (!take_day(&t, &days) || (!take_char(&t, 'T') && !take_char(&t, ' ')) ||
        !take_time(&t, &ms) || !take_char(&t, 'Z') || t.p != t.end)
        return false;
    *ret_ms = days * SECONDS_PER_DAY * MS_PER_SECOND + ms;
    return true;
}

static int64_t
unit_ms(attl_slice unit)
{
    static const struct {
        const char *text;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (unit.len == strlen(units[i].text) && memcmp(unit.data, units[i].text, unit.len) == 0)
            return units[i].ms;
    return 0;
}

/* "5m" of "-5m" as milliseconds. */
static bool
parse_ago(attl_slice text, int64_t *ret_ms)
{
    const char *p = text.data;
    size_t digits = 0;
    while (digits < text.len && p[digits] >= '0' && p[digits] <= '9')
        digits++;
    int64_t n;
    int64_t ms = unit_ms(attl_b(p + digits, text.len - digits));
    if (ms == 0 || !num_parse_i64(attl_b(p, digits), &n) || n <= 0 || n > AGO_MAX_MS / ms)
        return false;
    *ret_ms = n * ms;
    return true;
}

static const char *
parse_time(attl_slice text, int64_t now_ms, struct point *point)
{
    const char *p = text.data;
    int64_t number;
    if (p[0] == '-') {
        if (!parse_ago(attl_b(p + 1, text.len - 1), &number))
            return "that long ago is written like -90s, -5m, -2h or -1d";
        point->at_ms = now_ms - number;
        return point->at_ms > 0 ? NULL : "that is before 1970";
    }
    if (num_parse_i64(text, &number))
        point->at_ms = number < POINT_MS_FROM ? number * MS_PER_SECOND : number;
    else if (!parse_date(text, &point->at_ms))
        return "a time is a number of seconds or milliseconds since 1970, or written like "
               "2026-11-25T15:00:00Z";
    if (point->at_ms > now_ms)
        return "that time is in the future";
    return point->at_ms > 0 ? NULL : "a time must be after 1970";
}

static const char *
parse_lsn(attl_slice text, struct point *point)
{
    int64_t number;
    if (!num_parse_i64(text, &number) || number <= 0)
        return "a position of the log is written like lsn:1234";
    point->lsn = (uint64_t)number;
    return NULL;
}

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static const char *
parse_name(attl_slice text, struct point *point)
{
    const char *p = text.data;
    if (text.len >= sizeof point->name || p[0] == '.')
        return "no snapshot has such a name";
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_char(p[i]))
            return "no snapshot has such a name";
    memcpy(point->name, p, text.len);
    point->name[text.len] = '\0';
    return NULL;
}

const char *
point_parse(attl_slice text, int64_t now_ms, struct point *ret_point)
{
    const char *p = text.data;
    *ret_point = (struct point){ .at_ms = 0 };
    if (text.len == 0)
        return "say a time, lsn:NUMBER or the name of a snapshot";
    if (text.len > 4 && memcmp(p, "lsn:", 4) == 0)
        return parse_lsn(attl_b(p + 4, text.len - 4), ret_point);
    if (p[0] == '-' || (p[0] >= '0' && p[0] <= '9'))
        return parse_time(text, now_ms, ret_point);
    return parse_name(text, ret_point);
}
