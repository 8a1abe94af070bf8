/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the terminal is and can do. Colours are used only on a terminal, never with NO_COLOR set or
 * TERM=dumb (https://no-color.org). Stateless: each call asks again, as a window may change its
 * size at any time.
 */
#ifndef ATTL_CLI_TERM_H
#define ATTL_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum { TERM_WIDTH_DEFAULT = 80 };

bool term_is(FILE *stream);
bool term_has_colour(FILE *stream);
/* Columns of the terminal behind `stream`; TERM_WIDTH_DEFAULT if unknown. */
int term_width(FILE *stream);

#endif
