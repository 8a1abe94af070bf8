/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A progress bar on standard error, drawn in place ten times a second at most and only on a
 * terminal; and the final line, which is always printed. With an unknown total it shows counts
 * without a bar. Progress is told in "done of total" of whatever unit is known (bytes of a file,
 * keys of a server), beside the number of keys.
 */
#ifndef ATTL_CLI_PROGRESS_H
#define ATTL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PROGRESS_LINE_MAX = 256, PROGRESS_INTERVAL_MS = 100, PROGRESS_COUNT_TEXT_MAX = 16 };

struct progress {
    bool shown; /* on a terminal */
    uint64_t total;
    int64_t begin_ns, drawn_ns;
    unsigned skipped; /* updates since the clock was read */
};

void progress_begin(struct progress *p, uint64_t total);
/* Cheap enough for every key. */
void progress_update(struct progress *p, uint64_t done, uint64_t keys);
/* Erases the bar, so that other lines can be printed; the next update draws it again. */
void progress_clear(struct progress *p);
/* Seconds since the beginning, never 0. */
double progress_seconds(const struct progress *p);
/* "1234", "56.7k", "8.90M" ... */
void progress_count_text(double n, char text[PROGRESS_COUNT_TEXT_MAX]);
/* The line for these numbers, pure: a bar if `total` is known, fitting `width` columns. */
void progress_line(char line[PROGRESS_LINE_MAX], int width, uint64_t done, uint64_t total,
                   uint64_t keys, double seconds);

#endif
