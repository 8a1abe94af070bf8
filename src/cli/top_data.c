/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map is read the same whether it came as one (RESP3) or as an array of names and values (RESP2).
 * Fields are found by name, so new ones do no harm. Numbers come as integers, doubles or texts and
 * are taken from each. Nothing is allocated and nothing kept.
 */
#include "cli/top_data.h"

#include "base/hex.h"
#include "base/num.h"
#include "base/slice.h"
#include "base/utf8.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 64, PERCENTILE = 99, HUNDRED = 100, ESCAPE_CHARS = 4 };
enum { LATIN_FIRST = 0xa1, LATIN_LAST = 0x24f, SOFT_HYPHEN = 0xad };
#define NS_PER_S 1e9

/* ---- texts ---- */

void
top_printable(char *to, size_t size, attl_slice text)
{
    const char *p = text.data;
    size_t used = 0;
    for (size_t i = 0; i < text.len;) {
        uint32_t code = 0;
        size_t n = utf8_step(p + i, text.len - i, &code);
        bool plain = n == 1 && code >= ' ' && code < 0x7f && code != '\\';
        plain |= n == 2 && code >= LATIN_FIRST && code <= LATIN_LAST && code != SOFT_HYPHEN;
        size_t step = plain ? n : 1;
        size_t chars = plain ? n : ESCAPE_CHARS;
        if (used + chars >= size)
            break;
        if (plain) {
            memcpy(to + used, p + i, n);
        } else {
            to[used] = '\\';
            to[used + 1] = 'x';
            hex_digits(to + used + 2, p + i, 1);
        }
        used += chars;
        i += step;
    }
    if (size > 0)
        to[used] = '\0';
}

/* ---- fields ---- */

static bool
is_list(const struct reply *r)
{
    return r->type == REPLY_ARRAY || r->type == REPLY_SET;
}

static bool
is_pairs(const struct reply *r)
{
    return r->type == REPLY_MAP || (r->type == REPLY_ARRAY && r->children % 2 == 0);
}

/* The value of `name` in a map, NULL if it has none. */
static const struct reply *
field(const struct reply *map, const char *name)
{
    if (!is_pairs(map))
        return NULL;
    const struct reply *at = map + 1;
    for (size_t i = 0; i + 1 < map->children; i += 2) {
        const struct reply *value = reply_next(at);
        if (reply_text_is(at, name))
            return value;
        at = reply_next(value);
    }
    return NULL;
}

static double
number(const struct reply *r)
{
    char text[NUMBER_TEXT_MAX];
    if (!r)
        return 0;
    if (r->type == REPLY_INTEGER || r->type == REPLY_BOOL)
        return (double)r->integer;
    if (reply_is_aggregate(r) || r->type == REPLY_NIL || r->text.len >= sizeof text)
        return 0;
    memcpy(text, r->text.data, r->text.len);
    text[r->text.len] = '\0';
    double n = strtod(text, NULL);
    return isfinite(n) ? n : 0;
}

static int64_t
integer(const struct reply *r)
{
    double n = number(r);
    if (r && r->type == REPLY_INTEGER)
        return r->integer;
    return n > -9e18 && n < 9e18 ? (int64_t)n : 0;
}

static void
take_text(char *to, size_t size, const struct reply *r)
{
    to[0] = '\0';
    if (r && !reply_is_aggregate(r) && r->type != REPLY_NIL && r->type != REPLY_INTEGER)
        top_printable(to, size, r->text);
}

/* ---- INFO ---- */

/* The value behind "name:" in a line of its own, empty if there is none. */
static attl_slice
info_field(attl_slice info, const char *name)
{
    size_t name_len = strlen(name);
    attl_slice line;
    while (slice_take_line(&info, &line)) {
        const char *p = line.data;
        if (line.len > name_len && memcmp(p, name, name_len) == 0 && p[name_len] == ':')
            return attl_b(p + name_len + 1, line.len - name_len - 1);
    }
    return attl_b("", 0);
}

static int64_t
info_number(attl_slice info, const char *name)
{
    int64_t n;
    return num_parse_i64(info_field(info, name), &n) ? n : 0;
}

static void
info_text(attl_slice info, const char *name, char to[TOP_WORD_MAX])
{
    top_printable(to, TOP_WORD_MAX, info_field(info, name));
}

void
top_take_info(struct top_data *d, attl_slice info, int64_t at_ns)
{
    d->sample.at_ns = at_ns;
    stat_sample_parse(&d->sample, info);
    info_text(info, "attl_version", d->version);
    info_text(info, "attl_log_state", d->log_state);
    info_text(info, "tuner_reason", d->pace);
    info_text(info, "cleanup_reason", d->cleanup);
    d->ops_per_s = info_number(info, "instantaneous_ops_per_sec");
    d->uptime_s = info_number(info, "uptime_in_seconds");
    d->unsynced_bytes = info_number(info, "attl_unsynced_bytes");
    d->written_lsn = info_number(info, "attl_written_lsn");
    d->durable_lsn = info_number(info, "attl_durable_lsn");
    d->loading = info_number(info, "loading") != 0;
}

/* ---- the other commands ---- */

void
top_take_health(struct top_data *d, const struct reply *r)
{
    take_text(d->health, sizeof d->health, field(r, "status"));
    const struct reply *problems = field(r, "problems");
    if (problems && is_list(problems) && problems->children > 0)
        take_text(d->problem, sizeof d->problem, problems + 1);
}

void
top_take_incidents(struct top_data *d, const struct reply *r)
{
    if (!is_list(r))
        return;
    d->incidents_all = r->children;
    const struct reply *at = r + 1;
    for (size_t i = 0; i < r->children && d->incidents_len < TOP_INCIDENTS_MAX; i++) {
        struct top_incident *to = &d->incidents[d->incidents_len++];
        take_text(to->kind, sizeof to->kind, field(at, "kind"));
        take_text(to->severity, sizeof to->severity, field(at, "severity"));
        take_text(to->state, sizeof to->state, field(at, "state"));
        take_text(to->cause, sizeof to->cause, field(at, "cause"));
        to->since_ms = integer(field(at, "since_ms"));
        to->simulated = integer(field(at, "simulated")) != 0;
        at = reply_next(at);
    }
}

void
top_take_shards(struct top_data *d, const struct reply *r)
{
    if (!is_list(r))
        return;
    d->shards_all = r->children;
    const struct reply *at = r + 1;
    for (size_t i = 0; i < r->children && d->shards_len < TOP_SHARDS_MAX; i++) {
        d->shards[d->shards_len++] = (struct top_shard){
            .index = integer(field(at, "shard")),
            .keys = integer(field(at, "keys")),
            .bytes = integer(field(at, "bytes")),
            .load = number(field(at, "load_ns_per_second")) / NS_PER_S,
            .of_mean = number(field(at, "load_of_mean")),
        };
        at = reply_next(at);
    }
}

void
top_take_hot(struct top_data *d, const struct reply *r)
{
    if (!is_list(r))
        return;
    const struct reply *at = r + 1;
    for (size_t i = 0; i < r->children && d->hot_len < TOP_HOT_MAX; i++) {
        struct top_hot *to = &d->hot[d->hot_len++];
        take_text(to->key, sizeof to->key, field(at, "key"));
        to->key_bytes = integer(field(at, "key_bytes"));
        to->shard = integer(field(at, "shard"));
        to->reads = number(field(at, "reads_per_second"));
        to->writes = number(field(at, "writes_per_second"));
        to->share = number(field(at, "share"));
        at = reply_next(at);
    }
}

/* [id, when, took, [words], client, name] */
static void
take_slow_entry(struct top_slow *to, const struct reply *entry)
{
    const struct reply *at = entry + 1;
    to->id = integer(at);
    at = reply_next(at);
    to->at_s = integer(at);
    at = reply_next(at);
    to->took_us = integer(at);
    at = reply_next(at);
    if (is_list(at) && at->children > 0) {
        to->words = (int64_t)at->children;
        take_text(to->name, sizeof to->name, at + 1);
        if (at->children > 1)
            take_text(to->rest, sizeof to->rest, reply_next(at + 1));
    }
    if (entry->children > 4)
        take_text(to->client, sizeof to->client, reply_next(at));
}

void
top_take_slow(struct top_data *d, const struct reply *r)
{
    if (!is_list(r))
        return;
    const struct reply *at = r + 1;
    for (size_t i = 0; i < r->children && d->slow_len < TOP_SLOW_MAX; i++) {
        if (is_list(at) && at->children >= 4)
            take_slow_entry(&d->slow[d->slow_len++], at);
        at = reply_next(at);
    }
}

/* ---- latency ---- */

static size_t
class_of(int64_t bound_us)
{
    size_t c = 0;
    while (c + 1 < TOP_LATENCY_CLASSES && (INT64_C(1) << c) < bound_us)
        c++;
    return c;
}

/* {bound: calls up to it}, ascending. */
static void
take_histogram(struct top_data *d, const struct reply *map)
{
    int64_t before = 0;
    const struct reply *at = map + 1;
    for (size_t i = 0; i + 1 < map->children; i += 2) {
        const struct reply *value = reply_next(at);
        int64_t up_to = integer(value);
        if (up_to > before)
            d->latency[class_of(integer(at))] += (uint64_t)(up_to - before);
        before = up_to;
        at = reply_next(value);
    }
}

void
top_take_latency(struct top_data *d, const struct reply *r)
{
    if (!is_pairs(r))
        return;
    const struct reply *at = r + 1;
    for (size_t i = 0; i + 1 < r->children; i += 2) {
        const struct reply *command = reply_next(at);
        const struct reply *map = field(command, "histogram_usec");
        if (map && is_pairs(map))
            take_histogram(d, map);
        at = reply_next(command);
    }
}

int64_t
top_p99_us(const struct top_data *then, const struct top_data *now)
{
    uint64_t counts[TOP_LATENCY_CLASSES], all = 0, seen = 0;
    for (size_t c = 0; c < TOP_LATENCY_CLASSES; c++) {
        uint64_t before = then ? then->latency[c] : 0;
        counts[c] = now->latency[c] >= before ? now->latency[c] - before : now->latency[c];
        all += counts[c];
    }
    for (size_t c = 0; c < TOP_LATENCY_CLASSES && all > 0; c++) {
        seen += counts[c];
        if (seen * HUNDRED >= all * PERCENTILE)
            return INT64_C(1) << c;
    }
    return -1;
}
