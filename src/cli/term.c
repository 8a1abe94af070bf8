/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the terminal, and one change to it: keys one by one. Nothing here writes to it, and
 * no terminal library is asked: what the tool prints needs carriage return, erase-to-end-of-line
 * and three colours, which every terminal of today has. No state is kept.
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

int
term_height(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return TERM_HEIGHT_DEFAULT;
    return size.ws_row;
}

void
term_take_keys(struct term_settings *ret_settings)
{
    ret_settings->taken = tcgetattr(STDIN_FILENO, &ret_settings->was) == 0;
    if (!ret_settings->taken)
        return;
    struct termios raw = ret_settings->was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw); /* refused: keys come with a line feed */
}

void
term_give_keys(const struct term_settings *settings)
{
    if (settings->taken)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &settings->was); /* there is no other way */
}
