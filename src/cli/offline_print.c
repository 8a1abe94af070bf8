/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dates are computed by hand: the system's tables know time zones, which nobody wants here, and
 * refuse years that a deadline may well have. Names of files are ours and need no escaping; reasons
 * come from our own readers. Nothing here keeps state or allocates.
 */
#include "cli/offline_print.h"

#include "base/num.h"
#include "cli/text.h"

#include <inttypes.h>

enum { MS_PER_S = 1000, S_PER_DAY = 86400, S_PER_HOUR = 3600, S_PER_MINUTE = 60 };
enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 }; /* 400 years; from 0000-03-01 */

/* Floor of a / b, and what is left in *ret_rest. */
static int64_t
divide(int64_t a, int64_t b, int64_t *ret_rest)
{
    int64_t quotient = a / b, rest = a % b;
    if (rest < 0) {
        rest += b;
        quotient--;
    }
    *ret_rest = rest;
    return quotient;
}

/* Years are counted from 1 March, so that the day that some have more is their last. */
static int64_t
date_of(int64_t days, int *ret_month, int *ret_day)
{
    int64_t day;
    int64_t era = divide(days + DAYS_TO_1970, DAYS_PER_ERA, &day);
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153; /* March: 0 */
    *ret_day = (int)(day - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    return year + era * 400 + (month >= 10);
}

void
print_time(int64_t unix_ms, char out[PRINT_TIME_MAX])
{
    int64_t ms, s;
    int month, day;
    int64_t days = divide(divide(unix_ms, MS_PER_S, &ms), S_PER_DAY, &s);
    int64_t year = date_of(days, &month, &day);
    (void)snprintf(out, PRINT_TIME_MAX, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month,
                   day, (int)(s / S_PER_HOUR), (int)(s % S_PER_HOUR / S_PER_MINUTE),
                   (int)(s % S_PER_MINUTE), (int)ms); /* fits with 9 digits of years */
}

void
print_deadline(int64_t unix_ms, char out[PRINT_TIME_MAX])
{
    if (unix_ms == ATTL_NO_DEADLINE)
        (void)snprintf(out, PRINT_TIME_MAX, "never");
    else
        print_time(unix_ms, out);
}

void
print_size(uint64_t bytes, char out[PRINT_SIZE_MAX])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    size_t unit = 0;
    double n = (double)bytes;
    for (; n >= 1023.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        n /= 1024;
    int decimals = unit == 0 ? 0 : n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
    (void)snprintf(out, PRINT_SIZE_MAX, "%.*f %s", decimals, n, units[unit]); /* fits */
}

const char *
print_kind(enum wal_kind kind)
{
    static const char *const names[PRINT_KINDS] = {
        [WAL_PUT] = "put",     [WAL_DEL] = "del",   [WAL_EXPIRE] = "expire", [WAL_CLEAR] = "clear",
        [WAL_EVICT] = "evict", [WAL_MARK] = "mark", [WAL_GROUP] = "group",   [WAL_NOTE] = "note",
    };
    return kind >= WAL_PUT && kind <= WAL_NOTE ? names[kind] : "?";
}

attl_slice
print_value(attl_slice value, bool is_integer, char text[PRINT_SIZE_MAX])
{
    uint64_t bits = 0;
    if (!is_integer || value.len != sizeof bits)
        return value;
    const unsigned char *p = value.data;
    for (size_t i = 0; i < sizeof bits; i++)
        bits |= (uint64_t)p[i] << 8 * i;
    _Static_assert((int)PRINT_SIZE_MAX >= (int)NUM_TEXT_MAX, "the digits fit");
    return attl_b(text, num_format_i64(text, (int64_t)bits));
}

void
print_json_deadline(FILE *to, int64_t unix_ms)
{
    char time[PRINT_TIME_MAX];
    if (unix_ms == ATTL_NO_DEADLINE)
        return;
    print_time(unix_ms, time);
    (void)fprintf(to, ",\"deadline_ms\":%" PRId64 ",\"deadline\":\"%s\"", unix_ms, time);
}

void
print_json_life(FILE *to, const struct life *life)
{
    if (life->soft_ms != ATTL_NO_DEADLINE)
        (void)fprintf(to, ",\"soft_ms\":%" PRId64, life->soft_ms);
    if (life->hard_ms != ATTL_NO_DEADLINE)
        (void)fprintf(to, ",\"hard_ms\":%" PRId64, life->hard_ms);
    if (life->flags & LIFE_NEGATIVE)
        (void)fputs(",\"negative\":true", to);
    if (life->load_ms > 0)
        (void)fprintf(to, ",\"load_ms\":%" PRIu32, life->load_ms);
}

void
print_life(FILE *to, const struct life *life)
{
    char soft[PRINT_TIME_MAX], hard[PRINT_TIME_MAX];
    print_deadline(life->soft_ms, soft);
    print_deadline(life->hard_ms, hard);
    (void)fprintf(to, "  (reload from %s, found until %s%s", soft, hard,
                  life->flags & LIFE_NEGATIVE ? ", negative" : "");
    if (life->load_ms > 0)
        (void)fprintf(to, ", loaded in %" PRIu32 " ms", life->load_ms);
    (void)fputc(')', to);
}

const char *
print_end(const struct wal_verdict *v)
{
    switch (v->end) {
    case WAL_END_CLEAN: return v->lost_frames > 0 ? "gap" : "clean";
    case WAL_END_TORN: return "torn";
    case WAL_END_DAMAGED: return "damaged";
    case WAL_END_IO:
    case WAL_END_NOMEM: break;
    }
    return "unreadable";
}

void
print_verdict(FILE *to, bool json, const struct wal_verdict *v)
{
    if (json) {
        (void)fprintf(to,
                      "{\"type\":\"end\",\"end\":\"%s\",\"segment\":\"%s\",\"offset\":%" PRIu64
                      ",\"next_lsn\":%" PRIu64 ",\"durable_lsn\":%" PRIu64
                      ",\"lost_frames\":%" PRIu64 ",\"last_lsn\":%" PRIu64 ",\"reason\":",
                      print_end(v), v->name, v->offset, v->next_lsn, v->durable_lsn, v->lost_frames,
                      v->last_lsn);
        text_json(to, attl_s(v->reason));
        (void)fputs("}\n", to);
        return;
    }
    (void)fprintf(to, "%-8s  ", print_end(v));
    if (v->name[0])
        (void)fprintf(to, "%s, offset %" PRIu64 ", before change %" PRIu64 ": ", v->name, v->offset,
                      v->next_lsn);
    (void)fputs(v->reason, to);
    if (v->lost_frames > 0)
        (void)fprintf(to, "; %" PRIu64 " changes behind it can be read, up to %" PRIu64,
                      v->lost_frames, v->last_lsn);
    (void)fputc('\n', to);
}
