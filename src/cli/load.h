/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl load`: keys from a file or a pipe into a server, pipelined. A record is a line of JSON or a
 * RESP command; what is refused, by us or by the server, is reported with its number and skipped,
 * unless --strict. Returns an exit status: 0 if every record was taken, 1 if some were refused.
 */
#ifndef ATTL_CLI_LOAD_H
#define ATTL_CLI_LOAD_H

#include "cli/args.h"

enum {
    LOAD_WINDOW = 16384,          /* requests sent and not yet answered */
    LOAD_FLUSH_BYTES = 64 * 1024, /* queued bytes that are worth a system call */
    LOAD_ERRORS_SHOWN = 20
};

int load_run(const struct cli_args *args);

#endif
