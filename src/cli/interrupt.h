/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control-C. While installed, SIGINT sets a flag instead of ending the process, and waits end
 * early; whoever waits decides what that means (forget the reply, stop the live view, leave a dump
 * unfinished). The flag is the one mutable variable at file scope, as a signal handler can reach
 * nothing else.
 */
#ifndef ATTL_CLI_INTERRUPT_H
#define ATTL_CLI_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>

/* From now on SIGINT (and SIGTERM) set the flag; SIGPIPE is ignored. */
void interrupt_install(void);
bool interrupt_pending(void);
void interrupt_clear(void);
/*
 * poll(), but without a gap: a signal that came before is seen as well as one that comes while
 * waiting. -1 with EINTR if interrupt_pending().
 */
int interrupt_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

#endif
