/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prompt: reads lines, sends them, prints replies, until the user leaves. A lost connection is
 * told and opened again with the next command; the prompt never ends because a server did. Returns
 * an exit status.
 */
#ifndef ATTL_CLI_INTERACTIVE_H
#define ATTL_CLI_INTERACTIVE_H

#include "cli/args.h"

enum { INTERACTIVE_SLOW_MS = 500 }; /* a command that took longer gets its time printed */

int interactive_run(const struct cli_args *args);

#endif
