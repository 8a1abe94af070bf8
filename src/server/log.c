/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Composing log lines. Standard error is unbuffered, so one fwrite is one system call and one
 * line. Escaping is JSON's in both formats: a line break sent by a client shows as \n in the text
 * format too, and cannot pretend to be another line. A line that does not fit is cut at the end
 * of its text.
 */
#include "server/log.h"

#include "os/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TIME_TEXT_MAX = 40, ESCAPE_MAX_BYTES = 6, TAIL_BYTES = 4 };

static const char *const level_names[] = { "debug", "info", "warning", "error" };

struct line {
    char bytes[LOG_LINE_MAX_BYTES];
    size_t len;
};

void
log_init(struct log *log, int level, bool json)
{
    atomic_init(&log->level, level);
    atomic_init(&log->bar, false);
    log->json = json;
}

void
log_set_level(struct log *log, int level)
{
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

static void
put(struct line *line, const char *text)
{
    size_t n = strlen(text);
    if (n > sizeof line->bytes - TAIL_BYTES - line->len)
        return;
    memcpy(line->bytes + line->len, text, n);
    line->len += n;
}

static void
put_escaped(struct line *line, const char *text, bool json)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (line->len + ESCAPE_MAX_BYTES > sizeof line->bytes - TAIL_BYTES)
            return;
        char *to = line->bytes + line->len;
        if (json && (*p == '"' || *p == '\\')) {
            to[0] = '\\';
            to[1] = (char)*p;
            line->len += 2;
        } else if (*p < ' ' || *p == 0x7f) {
            line->len += (size_t)snprintf(to, ESCAPE_MAX_BYTES + 1, "\\u%04x", *p);
        } else {
            to[0] = (char)*p;
            line->len++;
        }
    }
}

static void
put_time(struct line *line)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    char date[TIME_TEXT_MAX];
    char milliseconds[TIME_TEXT_MAX];
    if (!gmtime_r(&seconds, &parts) ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return;
    (void)snprintf(milliseconds, sizeof milliseconds, ".%03dZ",
                   (int)(now_us / 1000 % 1000)); /* fits */
    put(line, date);
    put(line, milliseconds);
}

void
log_write(void *ud, int level, const char *event, const char *text)
{
    struct log *log = ud;
    if (level < atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    const char *name = level_names[level < LOG_DEBUG   ? LOG_DEBUG
                                   : level > LOG_ERROR ? LOG_ERROR
                                                       : level];
    struct line line = { .len = 0 };
    put(&line, atomic_load_explicit(&log->bar, memory_order_relaxed) ? "\r\033[K" : "");
    put(&line, log->json ? "{\"time\":\"" : "");
    put_time(&line);
    put(&line, log->json ? "\",\"level\":\"" : " ");
    put(&line, name);
    put(&line, log->json ? "\",\"event\":\"" : " ");
    put(&line, event);
    put(&line, log->json ? "\",\"text\":\"" : ": ");
    put_escaped(&line, text, log->json);
    memcpy(line.bytes + line.len, log->json ? "\"}\n" : "\n", log->json ? 3 : 1);
    line.len += log->json ? 3 : 1;
    (void)fwrite(line.bytes, 1, line.len, stderr); /* there is nowhere to report it to */
}

void
log_writef(struct log *log, int level, const char *event, const char *format, ...)
{
    char text[LOG_LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args); /* cut is fine */
    va_end(args);
    if (n >= 0)
        log_write(log, level, event, text);
}
