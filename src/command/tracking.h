/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CLIENT TRACKING means for the requests of a connection: the keys of commands that only read
 * are made known to the host before the command reads, so that no change is missed. Both functions
 * are called for sessions with SESSION_TRACKING only; whoever executes requests by another way than
 * command_execute() calls them too. They belong to the worker of the connection.
 */
#ifndef ATTL_COMMAND_TRACKING_H
#define ATTL_COMMAND_TRACKING_H

#include "command/table.h"

/* The request is about to run. */
void tracking_before(struct request *rq);
/* The request has run: CLIENT CACHING holds for one. */
void tracking_after(struct request *rq);

#endif
