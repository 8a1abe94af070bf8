/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three questions to the terminal. Nothing here writes to it, and no terminal library is asked:
 * what the tool prints needs carriage return, erase-to-end-of-line and three colours, which every
 * terminal of today has. No state is kept.
 */
#include "cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool
term_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

bool
term_has_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (no_color && *no_color)
        return false;
    return term_is(stream) && term && *term && strcmp(term, "dumb") != 0;
}

int
term_width(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return TERM_WIDTH_DEFAULT;
    return size.ws_col;
}
