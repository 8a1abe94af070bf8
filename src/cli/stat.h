/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl stat`: what a server is doing, a row per interval. On a terminal one row is drawn over the
 * last one; into a file or pipe each row is a line, or a line of JSON. Ends after --count rows or
 * at control-C, with an exit status.
 */
#ifndef ATTL_CLI_STAT_H
#define ATTL_CLI_STAT_H

#include "cli/args.h"

enum { STAT_HEADER_EVERY = 20 }; /* rows, where they are not drawn over each other */

int stat_run(const struct cli_args *args);

#endif
