/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line per event on standard error, as text for a person or as JSON for a collector.
 * A line is composed on the stack and written with one call, so that lines of several threads
 * never mix and logging never allocates. Whatever a client had a say in is escaped, an event that
 * repeats is held back above `rate` lines per minute and counted, and a line that belongs to a
 * request has its correlation id. Level and rate may change at any time.
 */
#ifndef ATTL_SERVER_LOG_H
#define ATTL_SERVER_LOG_H

#include "os/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR }; /* the levels of attl_log_fn */
enum { LOG_LINE_MAX_BYTES = 2048, LOG_EVENTS_MAX = 96, LOG_EVENT_NAME_MAX = 40 };

/* How often one event was told in the minute that began at `since_us`. */
struct log_event {
    char name[LOG_EVENT_NAME_MAX]; /* cut if need be; "" for a free place */
    int64_t since_us;
    uint64_t written, held; /* in this minute */
};

struct log {
    _Atomic int level; /* least severe level that is written */
    bool json;
    bool journal;                 /* systemd's: each line begins with its priority */
    _Atomic bool bar;             /* a bar is drawn in the terminal's last line: erase it first */
    _Atomic uint64_t rate;        /* lines per minute and event, 0: any number */
    _Atomic uint64_t held;        /* lines held back so far */
    int64_t (*wall_us)(void *ud); /* the clock, Unix microseconds; NULL: the system's */
    void *wall_ud;
    struct lock lock;                        /* guards `events` */
    struct log_event events[LOG_EVENTS_MAX]; /* the last one is for all that find no place */
};

void log_init(struct log *log, int level, bool json);
void log_set_level(struct log *log, int level);
void log_set_rate(struct log *log, uint64_t lines_per_minute);
/* An attl_log_fn: `ud` is the log, `event` a stable identifier, `text` a sentence. */
void log_write(void *ud, int level, const char *event, const char *text);
void log_writef(struct log *log, int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Says how many lines have been held back and not been told yet: before the end. */
void log_flush(struct log *log);

#endif
