/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The picture of `attl top`: from data, a view and a screen to text, and nothing else, so that a
 * test can look at it. It fits into any size: a narrow screen cuts lines, a low one shows fewer
 * rows of each section. What is bad is marked by a sign and a word as well as by a colour. Pure.
 */
#ifndef ATTL_CLI_TOP_DRAW_H
#define ATTL_CLI_TOP_DRAW_H

#include "cli/top_data.h"
#include "cli/top_screen.h"
#include "cli/top_view.h"

enum { TOP_ROWS_ONCE = 10 }; /* of each section, where the height is any */

struct top_picture {
    const char *label;           /* which server */
    const char *lost;            /* why there is no connection now, NULL if there is one */
    const struct top_data *now;  /* the last look; NULL: none yet */
    const struct top_data *then; /* the look before, NULL: none */
    int64_t wall_ms;
};

void top_draw(struct screen *s, const struct top_picture *p, const struct top_view *v);
/* "5 s", "12 min", "3 h 04 min", "9 d 12 h" */
void top_span_text(int64_t span_s, char text[TOP_WORD_MAX]);

#endif
