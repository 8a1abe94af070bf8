/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control-C. While installed, SIGINT sets a flag instead of ending the process, and waits end
 * early; whoever waits decides what that means (forget the reply, stop the live view, leave a dump
 * unfinished). The flag is the one mutable variable at file scope, as a signal handler can reach
 * nothing else.
 */
#ifndef ATTL_CLI_INTERRUPT_H
#define ATTL_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT (and SIGTERM) set the flag; SIGPIPE is ignored. */
void interrupt_install(void);
bool interrupt_pending(void);
void interrupt_clear(void);

#endif
