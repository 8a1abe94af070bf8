/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mode `attl top`: a dashboard in the terminal, from the same commands that anybody can send.
 * It owns the terminal while it runs and gives it back as it was. One thread. Returns the tool's
 * exit status; q and control-C end it with 0.
 */
#ifndef ATTL_CLI_TOP_H
#define ATTL_CLI_TOP_H

#include "cli/args.h"

int top_run(const struct cli_args *args);

#endif
