/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of INFO. Whether a field is there already is found by searching the section's text: a
 * section has a few dozen short lines, and INFO is asked for once a second at most. The title ends
 * with a line end, so every field is preceded by one and "\r\nfield:" finds fields and nothing
 * else.
 */
#include "command/info_lines.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIELD_MAX = 64, VALUE_MAX = 256, UNIT_FACTOR = 1024 };

void
info_title(struct info *info, const char *title)
{
    if (info->text->len)
        buf_append_str(info->text, "\r\n");
    info->section = info->text->len;
    buf_printf(info->text, "# %s\r\n", title);
}

/* Where the value of a field of the present section starts; NULL if there is no such field. */
static const char *
find_field(const struct info *info, const char *field, size_t field_len)
{
    char needle[FIELD_MAX + 4];
    const struct buf *text = info->text;
    int n = snprintf(needle, sizeof needle, "\r\n%.*s:", (int)field_len, field);
    if (text->failed || n < 0 || (size_t)n >= sizeof needle)
        return NULL;
    const char *at =
        memmem(text->data + info->section, text->len - info->section, needle, (size_t)n);
    return at ? at + n : NULL;
}

void
info_line(struct info *info, const char *field, const char *format, ...)
{
    if (find_field(info, field, strlen(field)))
        return;
    char value[VALUE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (n >= 0)
        buf_printf(info->text, "%s:%s\r\n", field, value);
}

void
info_bytes(struct info *info, const char *field, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    char human[FIELD_MAX];
    double scaled = (double)bytes;
    size_t unit = 0;
    while (scaled >= UNIT_FACTOR && units[unit + 1]) {
        scaled /= UNIT_FACTOR;
        unit++;
    }
    info_line(info, field, "%llu", (unsigned long long)bytes);
    int n = snprintf(human, sizeof human, "%s_human", field);
    if (n > 0 && (size_t)n < sizeof human)
        info_line(info, human, unit ? "%.2f%c" : "%.0f%c", scaled, units[unit]);
}

uint64_t
info_number(const struct info *info, const char *field, uint64_t otherwise)
{
    const char *at = find_field(info, field, strlen(field));
    if (!at)
        return otherwise;
    /* Every line has its end, so the digits stop inside the text; they come from a printf of ours.
     */
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

void
info_fixed(struct info *info, const char *lines)
{
    for (const char *line = lines; *line;) {
        const char *end = strchr(line, '\n');
        const char *colon = strchr(line, ':');
        if (!end || !colon || colon > end)
            return;
        if (!find_field(info, line, (size_t)(colon - line)))
            buf_printf(info->text, "%.*s\r\n", (int)(end - line), line);
        line = end + 1;
    }
}
