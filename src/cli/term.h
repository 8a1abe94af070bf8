/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the terminal is and can do, and reading single keys from it. Colours are used only on a
 * terminal, never with NO_COLOR set or TERM=dumb (https://no-color.org). Stateless: each call asks
 * again, as a window may change its size at any time.
 */
#ifndef ATTL_CLI_TERM_H
#define ATTL_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

enum { TERM_WIDTH_DEFAULT = 80, TERM_HEIGHT_DEFAULT = 24 };

bool term_is(FILE *stream);
bool term_has_colour(FILE *stream);
/* Columns of the terminal behind `stream`; TERM_WIDTH_DEFAULT if unknown. */
int term_width(FILE *stream);
/* Its lines; TERM_HEIGHT_DEFAULT if unknown. */
int term_height(FILE *stream);

/* How a terminal was set before term_take_keys(). */
struct term_settings {
    struct termios was;
    bool taken;
};

/* Keys of the terminal at standard input come one by one and are not shown; signals stay. Without a
 * terminal there nothing happens. */
void term_take_keys(struct term_settings *ret_settings);
/* As it was. */
void term_give_keys(const struct term_settings *settings);

#endif
