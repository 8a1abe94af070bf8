/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching the cache read its data directory: a bar on a terminal, a log line every few seconds
 * elsewhere, and an exit code if it fails. Workers serve meanwhile and answer -LOADING by
 * themselves; this is for whoever looks at the server from outside. Main thread only.
 */
#ifndef ATTL_SERVER_LOADING_H
#define ATTL_SERVER_LOADING_H

#include "server/log.h"

#include <attl/attl.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOADING_LOOK_MS = 50, LOADING_LINE_MAX = 160 };

struct loading {
    struct log *log;
    attl *cache;
    bool terminal;
    bool told; /* something was said about it, so the end is told too */
    int64_t begin_us, said_us;
};

void loading_begin(struct loading *l, struct log *log, attl *cache);
/* Shows how far it is. False when it has ended; *ret_code is then the exit code if it has failed,
 * and unchanged otherwise. */
bool loading_goes_on(struct loading *l, int *ret_code);
/* Erases the bar. */
void loading_end(struct loading *l);

/* Logs why a data directory could not be opened or read, with advice; the exit code. */
int loading_failure(struct log *log, int status, const char *err);

/* "41 %, 1234567 entries, 12 s left", pure. */
void loading_text(const attl_load_progress *p, char *text, size_t len);
/* The bar with that behind it, pure. */
void loading_bar(const attl_load_progress *p, char *line, size_t len);

#endif
