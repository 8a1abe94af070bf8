/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals of a daemon, taken by its main thread when it asks for them instead of interrupting
 * anybody. signals_prepare() must run before any thread starts, as threads inherit the mask. No
 * handler is ever installed, so no code has to be safe inside one.
 */
#ifndef ATTL_OS_SIGNAL_H
#define ATTL_OS_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

enum signal_kind {
    SIGNAL_NONE,      /* the time is over */
    SIGNAL_TERMINATE, /* SIGTERM, SIGINT */
    SIGNAL_HANGUP     /* SIGHUP */
};

/* Blocks what signal_wait() takes; ignores SIGPIPE and SIGXFSZ, whose calls report errors anyway.
 */
bool signals_prepare(void);
/* Waits for at most `timeout_ms` (< 0: for ever). */
enum signal_kind signal_wait(int64_t timeout_ms);
/* Asks this process to terminate, as `kill` would. Any thread. */
void signal_terminate_self(void);

#endif
