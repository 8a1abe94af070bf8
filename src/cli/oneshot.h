/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One command, or a list of them from a pipe, without a prompt; and the container's health check. A
 * command's reply goes to standard output, an error reply to standard error (in JSON mode both to
 * standard output, as the reader wants one line for each command). Returns exit statuses.
 */
#ifndef ATTL_CLI_ONESHOT_H
#define ATTL_CLI_ONESHOT_H

#include "cli/args.h"
#include "cli/reply_parse.h"

enum { ONESHOT_VALUE_BYTES_MAX = 512 * 1024 * 1024 };

/* attl get k */
int oneshot_run(const struct cli_args *args);
/* echo 'get k' | attl */
int oneshot_pipe(const struct cli_args *args);
/* attl --healthcheck */
int oneshot_healthcheck(const struct cli_args *args);
/* Prints a reply as the options say; the exit status it means (0, or 1 for an error). */
int oneshot_print(const struct cli_args *args, const struct reply *reply);

#endif
