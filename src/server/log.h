/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line per event on standard error, as text for a person or as JSON for a collector.
 * A line is composed on the stack and written with one call, so that lines of several threads
 * never mix and logging never allocates. Whatever a client had a say in is escaped. The level may
 * change at any time.
 */
#ifndef ATTL_SERVER_LOG_H
#define ATTL_SERVER_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

enum { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR }; /* the levels of attl_log_fn */
enum { LOG_LINE_MAX_BYTES = 2048 };

struct log {
    _Atomic int level; /* least severe level that is written */
    bool json;
    _Atomic bool bar; /* a bar is drawn in the terminal's last line: erase it first */
};

void log_init(struct log *log, int level, bool json);
void log_set_level(struct log *log, int level);
/* An attl_log_fn: `ud` is the log, `event` a stable identifier, `text` a sentence. */
void log_write(void *ud, int level, const char *event, const char *text);
void log_writef(struct log *log, int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
