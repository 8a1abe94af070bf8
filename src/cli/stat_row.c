/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table says which field of INFO goes where. The items are the one number with two sources, as
 * Redis tells them per database ("db0:keys=7,expires=1") and no line at all for an empty one.
 * Columns have fixed widths that large numbers respect by changing their unit. Nothing is kept
 * between calls.
 */
#include "cli/stat_row.h"

#include "base/num.h"
#include "base/slice.h"
#include "cli/progress.h"

#include <inttypes.h>
#include <stddef.h>

#define NS_PER_S 1e9

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    { "total_commands_processed", offsetof(struct stat_sample, commands) },
    { "keyspace_hits", offsetof(struct stat_sample, hits) },
    { "keyspace_misses", offsetof(struct stat_sample, misses) },
    { "expired_keys", offsetof(struct stat_sample, expired) },
    { "evicted_keys", offsetof(struct stat_sample, evicted) },
    { "connected_clients", offsetof(struct stat_sample, clients) },
    { "used_memory", offsetof(struct stat_sample, memory_bytes) },
    { "maxmemory", offsetof(struct stat_sample, memory_max_bytes) },
    { "attl_expire_lag_ms_sum", offsetof(struct stat_sample, lag_ms_sum) },
};

static bool
slice_begins(attl_slice s, const char *z)
{
    size_t len = strlen(z);
    return s.len >= len && memcmp(s.data, z, len) == 0;
}

/* "db0:keys=7,...": adds to the items. */
static void
take_database(struct stat_sample *sample, attl_slice name, attl_slice value)
{
    int64_t keys;
    const char *p = value.data;
    if (name.len < 3 || !slice_begins(name, "db") || !slice_begins(value, "keys="))
        return;
    const char *comma = memchr(p, ',', value.len);
    size_t len = (comma ? (size_t)(comma - p) : value.len) - strlen("keys=");
    if (num_parse_i64(attl_b(p + strlen("keys="), len), &keys) && keys > 0)
        sample->items += (uint64_t)keys;
}

static void
take_line(struct stat_sample *sample, attl_slice line)
{
    int64_t number;
    const char *p = line.data;
    const char *colon = memchr(p, ':', line.len);
    if (!colon)
        return;
    attl_slice name = attl_b(p, (size_t)(colon - p));
    attl_slice value = attl_b(colon + 1, line.len - name.len - 1);
    if (slice_is(name, "attl_expire_lag_ms_sum"))
        sample->has_lag = true;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!slice_is(name, fields[i].name) || !num_parse_i64(value, &number) || number < 0)
            continue;
        uint64_t n = (uint64_t)number;
        memcpy((char *)sample + fields[i].offset, &n, sizeof n);
        return;
    }
    take_database(sample, name, value);
}

void
stat_sample_parse(struct stat_sample *sample, attl_slice info)
{
    attl_slice line;
    *sample = (struct stat_sample){ .at_ns = sample->at_ns };
    while (slice_take_line(&info, &line))
        if (line.len > 0)
            take_line(sample, line);
}

static double
grown(uint64_t then, uint64_t now)
{
    return (double)(now >= then ? now - then : now);
}

void
stat_row_between(struct stat_row *row, const struct stat_sample *then,
                 const struct stat_sample *now)
{
    double seconds = (double)(now->at_ns - then->at_ns) / NS_PER_S;
    double hits = grown(then->hits, now->hits);
    double lookups = hits + grown(then->misses, now->misses);
    double expired = grown(then->expired, now->expired);
    if (seconds <= 0)
        seconds = 1e-9; /* two samples of one moment: the rates mean nothing, but must be numbers */
    *row = (struct stat_row){
        .commands_per_s = grown(then->commands, now->commands) / seconds,
        .expired_per_s = expired / seconds,
        .evicted_per_s = grown(then->evicted, now->evicted) / seconds,
        .hit_ratio = lookups > 0 ? hits / lookups : -1,
        .lag_ms = -1,
        .items = now->items,
        .clients = now->clients,
        .memory_bytes = now->memory_bytes,
        .memory_max_bytes = now->memory_max_bytes,
    };
    if (now->has_lag && expired > 0)
        row->lag_ms = grown(then->lag_ms_sum, now->lag_ms_sum) / expired;
}

const char *
stat_row_header(void)
{
    return "  ops/s   hit %    items   memory  of max expired/s evicted/s clients  lag ms";
}

void
stat_row_text(const struct stat_row *row, char ret_text[STAT_TEXT_MAX])
{
    char ops[PROGRESS_COUNT_TEXT_MAX], items[PROGRESS_COUNT_TEXT_MAX];
    char memory[PROGRESS_COUNT_TEXT_MAX], expired[PROGRESS_COUNT_TEXT_MAX];
    char evicted[PROGRESS_COUNT_TEXT_MAX], hit[16] = "-", full[16] = "-", lag[24] = "-";
    progress_count_text(row->commands_per_s, ops);
    progress_count_text((double)row->items, items);
    progress_count_text((double)row->memory_bytes, memory);
    progress_count_text(row->expired_per_s, expired);
    progress_count_text(row->evicted_per_s, evicted);
    /* None of these can be cut: ratios are small, and a lag above 10^15 ms is 30,000 years. */
    if (row->hit_ratio >= 0)
        (void)snprintf(hit, sizeof hit, "%.1f", row->hit_ratio * 100);
    if (row->memory_max_bytes > 0)
        (void)snprintf(full, sizeof full, "%.0f %%",
                       (double)row->memory_bytes / (double)row->memory_max_bytes * 100);
    if (row->lag_ms >= 0)
        (void)snprintf(lag, sizeof lag, "%.0f", row->lag_ms);
    (void)snprintf(ret_text, STAT_TEXT_MAX, "%7s %7s %8s %8s %7s %9s %9s %7" PRIu64 " %7s", ops,
                   hit, items, memory, full, expired, evicted, row->clients, lag);
}

/* A number that may be unknown (< 0). */
static void
put_known(FILE *to, const char *name, double n)
{
    if (n < 0)
        (void)fprintf(to, ",\"%s\":null", name);
    else
        (void)fprintf(to, ",\"%s\":%.4f", name, n);
}

void
stat_row_json(FILE *to, const struct stat_row *row, int64_t time_ms)
{
    (void)fprintf(to, "{\"time_ms\":%" PRId64 ",\"commands_per_s\":%.1f", time_ms,
                  row->commands_per_s);
    put_known(to, "hit_ratio", row->hit_ratio);
    (void)fprintf(to, ",\"items\":%" PRIu64 ",\"memory_bytes\":%" PRIu64, row->items,
                  row->memory_bytes);
    (void)fprintf(to, ",\"memory_max_bytes\":%" PRIu64, row->memory_max_bytes);
    (void)fprintf(to, ",\"expired_per_s\":%.1f,\"evicted_per_s\":%.1f", row->expired_per_s,
                  row->evicted_per_s);
    (void)fprintf(to, ",\"clients\":%" PRIu64, row->clients);
    put_known(to, "expire_lag_ms", row->lag_ms);
    (void)fputs("}\n", to);
}
