/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of text for a terminal of a certain size, or for a file. Whatever is written beyond the
 * width is cut, and lines beyond the height are dropped, so that a picture never scrolls. Styles
 * are colours on a terminal that has them and nothing elsewhere: what they say must be said by a
 * shape or word too. The FILE is the caller's; its errors are looked at when the output is
 * complete.
 */
#ifndef ATTL_CLI_TOP_SCREEN_H
#define ATTL_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

enum { SCREEN_TEXT_MAX = 512, SCREEN_BAR_MAX = 64 };

enum screen_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

struct screen {
    FILE *to;
    int width;  /* columns */
    int height; /* lines; 0: any number */
    bool live;  /* a terminal that is drawn over: ends of lines are erased */
    bool colour;
    int row, column; /* private: where the next text goes */
};

/* Adds to the line. */
void screen_add(struct screen *s, enum screen_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the line. */
void screen_end(struct screen *s);
/* screen_add, screen_end. */
void screen_line(struct screen *s, enum screen_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "[###...]" of `cells` cells, `part` of them (0 to 1) full; at least one if it is above 0. */
void screen_bar(struct screen *s, enum screen_style style, double part, int cells);
/* Lines that still fit; a large number where any fit. */
int screen_rows_left(const struct screen *s);

#endif
