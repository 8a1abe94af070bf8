/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl dump`: every key with its value and deadline to a file or standard output, through SCAN and
 * pipelined GET and PEXPIRETIME. It is not a snapshot: keys written meanwhile may be in it or not,
 * and a value may be newer than another. A file appears under its name only when it is complete.
 * Returns an exit status.
 */
#ifndef ATTL_CLI_DUMP_H
#define ATTL_CLI_DUMP_H

#include "cli/args.h"

enum {
    DUMP_SCAN_COUNT = 2000, /* keys asked for in one SCAN */
    DUMP_WINDOW_MAX = 512,  /* keys whose values are asked for at once */
    DUMP_WINDOW_BYTES = 16 * 1024 *
                        1024, /* the size of reply we aim at, by the values seen so far */
    DUMP_CURSOR_MAX = 32,
    DUMP_PATH_MAX = 4096
};

int dump_run(const struct cli_args *args);

#endif
