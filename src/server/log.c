/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Composing log lines. Standard error is unbuffered, so one fwrite is one system call and one
 * line. Escaping is JSON's in both formats: a line break sent by a client shows as \u000a in the
 * text format too, and cannot pretend to be another line; what is not UTF-8 is escaped byte by
 * byte. A line that does not fit is cut at the end of its text. The minute of an event begins with
 * its first line, and what was held back in it is told with the first line after it.
 */
#include "server/log.h"

#include "base/json.h"
#include "os/clock.h"
#include "os/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TIME_TEXT_MAX = 64, HELD_TEXT_MAX = 128, US_PER_MINUTE = 60000000 };

static const char *const level_names[] = { "debug", "info", "warning", "error" };
/* As syslog counts them. */
static const char *const priorities[] = { "<7>", "<6>", "<4>", "<3>" };

void
log_init(struct log *log, int level, bool json)
{
    memset(log, 0, sizeof *log);
    atomic_init(&log->level, level);
    lock_init(&log->lock);
    log->json = json;
}

void
log_set_level(struct log *log, int level)
{
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

void
log_set_rate(struct log *log, uint64_t lines_per_minute)
{
    atomic_store_explicit(&log->rate, lines_per_minute, memory_order_relaxed);
}

static int64_t
now_us(const struct log *log)
{
    return log->wall_us ? log->wall_us(log->wall_ud) : clock_wall_us();
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void
time_text(int64_t at_us, char out[TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm parts;
    char date[TIME_TEXT_MAX / 2];
    if (!gmtime_r(&seconds, &parts) ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        date[0] = '\0';
    (void)snprintf(out, TIME_TEXT_MAX, "%s.%03dZ", date, (int)(at_us / 1000 % 1000)); /* fits */
}

static void
put_json(struct json *j, int level, const char *event, const char *text, int64_t at_us)
{
    char time[TIME_TEXT_MAX];
    const char *trace = trace_get();
    time_text(at_us, time);
    json_open(j, NULL, '{');
    json_put_str(j, "time", time);
    json_put_str(j, "level", level_names[level]);
    json_put_str(j, "event", event);
    if (trace[0])
        json_put_str(j, "trace", trace);
    json_put_str(j, "text", text);
    json_close(j);
}

/* The journal has the time and the level already: `at_us` is -1 for it. */
static void
put_text(struct json *j, int level, const char *event, const char *text, int64_t at_us)
{
    char time[TIME_TEXT_MAX];
    const char *trace = trace_get();
    time_text(at_us, time);
    const char *const parts[] = { at_us < 0 ? "" : time,
                                  at_us < 0 ? "" : " ",
                                  at_us < 0 ? "" : level_names[level],
                                  at_us < 0 ? "" : " ",
                                  event,
                                  trace[0] ? " trace=" : "",
                                  trace,
                                  ": ",
                                  text };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        json_escape(j, attl_s(parts[i]));
}

static void
write_line(struct log *log, int level, const char *event, const char *text, int64_t at_us)
{
    char bytes[LOG_LINE_MAX_BYTES];
    struct buf line;
    struct json j;
    level = level < LOG_DEBUG ? LOG_DEBUG : level > LOG_ERROR ? LOG_ERROR : level;
    buf_init_fixed(&line, bytes, sizeof bytes);
    buf_append_str(&line, atomic_load_explicit(&log->bar, memory_order_relaxed) ? "\r\033[K" : "");
    buf_append_str(&line, log->journal ? priorities[level] : "");
    json_init_cut(&j, &line, log->json ? 0 : JSON_UNQUOTED, 1);
    if (log->json)
        put_json(&j, level, event, text, at_us);
    else
        put_text(&j, level, event, text, log->journal ? -1 : at_us);
    buf_append_str(&line, "\n");                  /* its room was kept */
    (void)fwrite(line.data, 1, line.len, stderr); /* there is nowhere to report it to */
}

/* ---- rates ----------------------------------------------------------------------------------- */

static void
tell_held(struct log *log, const char *name, uint64_t held, int64_t at_us)
{
    char text[HELD_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%" PRIu64 " more lines of %s within a minute (log.rate)",
                   held, name); /* fits */
    write_line(log, LOG_WARNING, "held_back", text, at_us);
}

/* The place of an event. REQUIRES log->lock */
static struct log_event *
place_of(struct log *log, const char *event)
{
    size_t i = 0;
    while (i < LOG_EVENTS_MAX - 1 && log->events[i].name[0] &&
           strncmp(log->events[i].name, event, LOG_EVENT_NAME_MAX - 1) != 0)
        i++;
    struct log_event *e = &log->events[i];
    if (!e->name[0])
        (void)snprintf(e->name, sizeof e->name, "%s",
                       i == LOG_EVENTS_MAX - 1 ? "other_events" : event); /* cut is fine */
    return e;
}

/* The minute of `e` is over; *ret_held lines of it were held back. REQUIRES log->lock */
static bool
minute_over(struct log_event *e, int64_t at_us, uint64_t *ret_held)
{
    if (at_us - e->since_us < US_PER_MINUTE && at_us >= e->since_us)
        return false;
    *ret_held = e->held;
    e->since_us = at_us;
    e->written = e->held = 0;
    return true;
}

/* Whether a line of the event may be written. */
static bool
admit(struct log *log, const char *event, uint64_t rate, int64_t at_us)
{
    uint64_t held = 0;
    lock_acquire(&log->lock);
    struct log_event *e = place_of(log, event);
    (void)minute_over(e, at_us, &held); /* or not */
    bool admitted = e->written < rate;
    e->written += admitted;
    e->held += !admitted;
    lock_release(&log->lock);
    if (held > 0)
        tell_held(log, event, held, at_us);
    if (!admitted)
        atomic_fetch_add_explicit(&log->held, 1, memory_order_relaxed);
    return admitted;
}

/* Tells what was held back of events whose minute is over, or of all. */
static void
tell_all(struct log *log, int64_t at_us, bool over_only)
{
    for (size_t i = 0; i < LOG_EVENTS_MAX; i++) {
        char name[LOG_EVENT_NAME_MAX];
        uint64_t held = 0;
        lock_acquire(&log->lock);
        struct log_event *e = &log->events[i];
        bool used = e->name[0] != '\0';
        if (used && e->held > 0 && !minute_over(e, at_us, &held) && !over_only) {
            held = e->held;
            e->held = 0;
        }
        memcpy(name, e->name, sizeof name);
        lock_release(&log->lock);
        if (!used)
            return;
        if (held > 0)
            tell_held(log, name, held, at_us);
    }
}

void
log_flush(struct log *log)
{
    tell_all(log, now_us(log), false);
}

void
log_write(void *ud, int level, const char *event, const char *text)
{
    struct log *log = ud;
    if (level < atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    int64_t at_us = now_us(log);
    uint64_t rate = atomic_load_explicit(&log->rate, memory_order_relaxed);
    if (rate > 0 && !admit(log, event, rate, at_us))
        return;
    if (rate > 0)
        tell_all(log, at_us, true);
    write_line(log, level, event, text, at_us);
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
