/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a line. A text is bytes, escaped under JSON_BYTES, so that nothing a client sends can
 * end a line, steer a terminal or be written in two ways. What is longer than the bound is cut, and
 * the number of bytes left out follows, so that a cut text is not taken for a whole one.
 */
#include "audit/record.h"

#include "base/assert.h"
#include "base/hex.h"
#include "base/json.h"

#include <stdio.h>

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define YEAR_0_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_10000_S INT64_C(253402300800)

enum { MORE_BYTES = 64 };

static const char *const words[AUDIT_KINDS] = {
#define AUDIT_KIND(id, word, what) word,
#include "audit/audit_kinds.inc"
#undef AUDIT_KIND
};

static const char *const whats[AUDIT_KINDS] = {
#define AUDIT_KIND(id, word, what) what,
#include "audit/audit_kinds.inc"
#undef AUDIT_KIND
};

static const char *const algs[AUDIT_ALGS] = { "sha256", "hmac-sha256" };

static const char *const names[AUDIT_TEXTS] = { "action", "user",   "addr",  "client", "trace",
                                                "object", "before", "after", "outcome" };

const char *
audit_kind_word(enum audit_kind kind)
{
    return (unsigned)kind < AUDIT_KINDS ? words[kind] : "?";
}

const char *
audit_kind_what(enum audit_kind kind)
{
    return (unsigned)kind < AUDIT_KINDS ? whats[kind] : "?";
}

enum audit_kind
audit_kind_find(attl_slice word)
{
    for (int i = 0; i < AUDIT_KINDS; i++)
        if (strlen(words[i]) == word.len && memcmp(words[i], word.data, word.len) == 0)
            return (enum audit_kind)i;
    return AUDIT_KINDS;
}

const char *
audit_alg_word(enum audit_alg alg)
{
    ASSERT((unsigned)alg < AUDIT_ALGS);
    return algs[alg];
}

const char *
audit_text_name(enum audit_text text)
{
    ASSERT((unsigned)text < AUDIT_TEXTS);
    return names[text];
}

/* Howard Hinnant's civil_from_days: years that begin in March, in cycles of 400. */
static void
date_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468; /* since 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

void
audit_time_format(int64_t time_us, char out[AUDIT_TIME_CHARS + 1])
{
    int64_t us = time_us % US_PER_S, s = time_us / US_PER_S;
    int year, month, day;
    if (us < 0) {
        us += US_PER_S;
        s--;
    }
    s = s < YEAR_0_S ? YEAR_0_S : s >= YEAR_10000_S ? YEAR_10000_S - 1 : s;
    int64_t days = s / S_PER_DAY, left = s % S_PER_DAY;
    if (left < 0) {
        left += S_PER_DAY;
        days--;
    }
    date_of(days, &year, &month, &day);
    int n = snprintf(out, AUDIT_TIME_CHARS + 1, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year % 10000,
                     month % 100, day % 100, (int)(left / 3600) % 100, (int)(left / 60 % 60),
                     (int)(left % 60), (int)us % 1000000);
    ASSERT(n == AUDIT_TIME_CHARS);
}

/* The digits of `shape`'s zeros in `text`, which has its other characters. */
static bool
time_is_plain(const char *text)
{
    static const char shape[] = "0000-00-00T00:00:00.000000Z";
    for (size_t i = 0; i < AUDIT_TIME_CHARS; i++)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    return true;
}

static int
number_at(const char *text, size_t digits)
{
    int n = 0;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (text[i] - '0');
    return n;
}

/* Days since 1970 of a date; the inverse of date_of(). */
static int64_t
days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool
audit_time_parse(attl_slice text, int64_t *ret_time_us)
{
    const char *p = text.data;
    if (text.len < AUDIT_TIME_CHARS || !time_is_plain(p))
        return false;
    int month = number_at(p + 5, 2), day = number_at(p + 8, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    int64_t s = days_of(number_at(p, 4), month, day) * S_PER_DAY + number_at(p + 11, 2) * 3600 +
                number_at(p + 14, 2) * 60 + number_at(p + 17, 2);
    *ret_time_us = s * US_PER_S + number_at(p + 20, 6);
    return true;
}

static void
put_text(struct json *j, const char *name, attl_slice text)
{
    char more[MORE_BYTES];
    size_t len = text.len < AUDIT_TEXT_MAX_BYTES ? text.len : AUDIT_TEXT_MAX_BYTES;
    int n = snprintf(more, sizeof more, "...(%zu bytes more)", text.len - len); /* fits */
    json_open(j, name, '"');
    json_escape(j, attl_b(text.data, len));
    if (text.len > len)
        json_escape(j, attl_b(more, (size_t)n));
    json_close(j);
}

void
audit_record_signed(const struct audit_record *r, enum audit_alg alg, uint64_t seq,
                    const unsigned char prev[AUDIT_HASH_BYTES], struct buf *out)
{
    char time[AUDIT_TIME_CHARS + 1], hash[AUDIT_HASH_CHARS + 1];
    struct json j;
    audit_time_format(r->time_us, time);
    hex_text(hash, prev, AUDIT_HASH_BYTES);
    json_init(&j, out, JSON_BYTES);
    json_open(&j, NULL, '{');
    json_put_u64(&j, "v", AUDIT_VERSION);
    json_put_str(&j, "alg", audit_alg_word(alg));
    json_put_u64(&j, "seq", seq);
    json_put_str(&j, "time", time);
    json_put_str(&j, "kind", audit_kind_word(r->kind));
    for (int i = 0; i < AUDIT_TEXTS; i++) {
        put_text(&j, names[i], r->text[i]);
        if (i == AUDIT_CLIENT_NAME)
            json_put_u64(&j, "id", r->client_id);
    }
    json_put_str(&j, "prev", hash);
}

void
audit_record_finish(const unsigned char hash[AUDIT_HASH_BYTES], struct buf *out)
{
    char text[AUDIT_HASH_CHARS + 1];
    hex_text(text, hash, AUDIT_HASH_BYTES);
    buf_printf(out, ",\"hash\":\"%s\"}\n", text);
}
