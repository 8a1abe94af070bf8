/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the text of INFO to a line of `attl stat`. A sample is what INFO said at one moment, a row
 * is the difference of two. Pure functions, so that a test can feed them any text. A field that the
 * server does not have stays 0 (or "unknown", where 0 would be a lie), since Redis and attld answer
 * differently.
 */
#ifndef ATTL_CLI_STAT_ROW_H
#define ATTL_CLI_STAT_ROW_H

#include <attl/attl.h>
#include <stdbool.h>
#include <stdio.h>

enum { STAT_TEXT_MAX = 256 };

struct stat_sample {
    int64_t at_ns;
    uint64_t commands, hits, misses, expired, evicted; /* counters */
    uint64_t items, clients, memory_bytes, memory_max_bytes;
    uint64_t lag_ms_sum; /* over the expired items */
    bool has_lag;
};

struct stat_row {
    double commands_per_s, expired_per_s, evicted_per_s;
    double hit_ratio; /* 0 to 1; < 0: there were no lookups */
    double lag_ms;    /* mean, from deadline to reclaim; < 0: nothing expired, or not told */
    uint64_t items, clients, memory_bytes, memory_max_bytes;
};

/* Reads the "field:value" lines of INFO; unknown ones are passed over. */
void stat_sample_parse(struct stat_sample *sample, attl_slice info);
/* What happened from `then` to `now`. A counter that went back was reset: it counts from 0. */
void stat_row_between(struct stat_row *row, const struct stat_sample *then,
                      const struct stat_sample *now);
/* The names above the columns of stat_row_text(). */
const char *stat_row_header(void);
/* A row as columns, without a line feed. */
void stat_row_text(const struct stat_row *row, char ret_text[STAT_TEXT_MAX]);
/* A row as a line of JSON, unknown numbers as null; errors are the FILE's. */
void stat_row_json(FILE *to, const struct stat_row *row, int64_t time_ms);

#endif
