/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Columns are counted in characters, not bytes: callers hand over text whose characters are one
 * column wide each (top_printable). Every styled piece ends with a reset, so that a cut line cannot
 * colour the next. Nothing is kept besides the position.
 */
#include "cli/top_screen.h"

#include <limits.h>
#include <stdarg.h>

static const char *const codes[] = {
    [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[1;31m",
};

int
screen_rows_left(const struct screen *s)
{
    return s->height > 0 ? s->height - s->row : INT_MAX;
}

static bool
is_dropped(const struct screen *s)
{
    return screen_rows_left(s) <= 0;
}

static bool
continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void
put(struct screen *s, enum screen_style style, const char *text)
{
    if (is_dropped(s) || s->column >= s->width || !*text)
        return;
    size_t len = 0;
    while (text[len] && (s->column < s->width || continues_character(text[len]))) {
        s->column += !continues_character(text[len]);
        len++;
    }
    bool styled = s->colour && style != STYLE_PLAIN;
    (void)fprintf(s->to, "%s%.*s%s", styled ? codes[style] : "", (int)len, text,
                  styled ? "\033[0m" : "");
}

static void put_list(struct screen *s, enum screen_style style, const char *format, va_list list)
    __attribute__((format(printf, 3, 0)));

static void
put_list(struct screen *s, enum screen_style style, const char *format, va_list list)
{
    char text[SCREEN_TEXT_MAX];
    (void)vsnprintf(text, sizeof text, format, list); /* a longer one is cut at the width anyway */
    put(s, style, text);
}

void
screen_add(struct screen *s, enum screen_style style, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    put_list(s, style, format, list);
    va_end(list);
}

void
screen_end(struct screen *s)
{
    if (!is_dropped(s)) {
        bool last = s->live && screen_rows_left(s) == 1; /* a line feed there would scroll */
        (void)fputs(s->live ? "\033[K" : "", s->to);
        (void)fputs(last ? "" : "\n", s->to); /* the terminal adds the carriage return */
    }
    s->row++;
    s->column = 0;
}

void
screen_line(struct screen *s, enum screen_style style, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    put_list(s, style, format, list);
    va_end(list);
    screen_end(s);
}

void
screen_bar(struct screen *s, enum screen_style style, double part, int cells)
{
    char text[SCREEN_BAR_MAX + 3];
    int wanted = cells < 1 ? 1 : cells > SCREEN_BAR_MAX ? SCREEN_BAR_MAX : cells;
    double in = !(part > 0) ? 0 : part > 1 ? 1 : part;
    int full = (int)(in * wanted);
    if (full == 0 && in > 0)
        full = 1;
    text[0] = '[';
    for (int i = 0; i < wanted; i++)
        text[i + 1] = i < full ? '#' : '.';
    text[wanted + 1] = ']';
    text[wanted + 2] = '\0';
    put(s, style, text);
}
