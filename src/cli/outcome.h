/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the tool ends. There is one mapping from what happened to an exit status of <sysexits.h>, and
 * one way to say it. All complaints go to standard error, prefixed with the tool's name; standard
 * output carries results only. Nothing here keeps state.
 */
#ifndef ATTL_CLI_OUTCOME_H
#define ATTL_CLI_OUTCOME_H

#include "cli/client.h"

enum { OUTCOME_ERROR_REPLY = 1, OUTCOME_INTERRUPTED = 130 };

/* The exit status for a client_status. */
int outcome_of(int client_status);
/* Says why the client failed and returns the exit status. */
int outcome_client(const struct client *c, int client_status);
/* "attl: ..." and a line feed. */
void outcome_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Flushes standard output; 0, or EX_IOERR with a message if not all of it could be written. */
int outcome_flush(void);

#endif
