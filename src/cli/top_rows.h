/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sections below the head of `attl top`: a heading with a count, and a row for each incident,
 * shard, key or slow command. Each function draws what it is told to and no line more. Pure; the
 * screen cuts what is too wide.
 */
#ifndef ATTL_CLI_TOP_ROWS_H
#define ATTL_CLI_TOP_ROWS_H

#include "cli/top_data.h"
#include "cli/top_screen.h"
#include "cli/top_view.h"

/* Which rows, and how. */
struct top_slice {
    int first, rows;
    int64_t wall_ms;
    bool redact; /* no keys, no arguments */
};

size_t top_rows_count(const struct top_data *d, enum top_section section);
void top_rows_heading(struct screen *s, const struct top_data *d, enum top_section section);
/* "none" if there are no rows at all. */
void top_rows_draw(struct screen *s, const struct top_data *d, enum top_section section,
                   const struct top_slice *part);

#endif
