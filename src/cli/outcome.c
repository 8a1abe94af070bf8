/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit statuses. A refused password is an error the server answered with, hence 1. Standard output
 * is looked at once, at the end: a full disk or a closed pipe must not end in status 0.
 */
#include "cli/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

int
outcome_of(int client_status)
{
    switch (client_status) {
    case CLIENT_OK: return EX_OK;
    case CLIENT_E_CONNECT: return EX_UNAVAILABLE;
    case CLIENT_E_REFUSED: return OUTCOME_ERROR_REPLY;
    case CLIENT_E_TIMEOUT: return EX_TEMPFAIL;
    case CLIENT_E_INTERRUPTED: return OUTCOME_INTERRUPTED;
    default: /* the connection broke, or what came was not a reply, or did not fit */
        return EX_IOERR;
    }
}

void
outcome_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("attl: ", stderr); /* where would a failure be reported */
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

int
outcome_client(const struct client *c, int client_status)
{
    if (client_status < 0)
        outcome_say("%s", c->error);
    return outcome_of(client_status);
}

int
outcome_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EX_OK;
    if (errno != EPIPE) /* whoever closed the pipe knows */
        outcome_say("cannot write to standard output: %s", strerror(errno));
    return EX_IOERR;
}
