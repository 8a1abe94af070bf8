/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of the command_host that concern the connection whose request is being executed:
 * subscriptions, tracking, and what others have sent to it. Each finds the connection through its
 * net_caller. They run in the worker's thread under the worker's lock, and keep the session's own
 * record of what they did.
 */
#ifndef ATTL_NET_CALLER_H
#define ATTL_NET_CALLER_H

#include "command/command.h"

void caller_fill(struct command_host *host);

#endif
