/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parked connections: their command waits for a completion of the cache, and the worker serves the
 * others meanwhile. Each worker has a completion queue of its own, opened by the first command that
 * wants it, whose descriptor is in the worker's event loop; a worker that parks nobody has none. A
 * parked connection is not read from. Everything here belongs to the worker's thread; where it
 * touches a connection it REQUIRES the worker's lock.
 */
#ifndef ATTL_NET_PARK_H
#define ATTL_NET_PARK_H

#include "net/worker.h"

/* command_host's park. */
int park_begin(void *ud, struct command_job *job, command_submit_fn submit);
/* Ends the waiting of a task: its completion comes soon, if it has not come already. */
void park_cancel(struct worker *w, const struct aside_task *task);
/* Answers those whose completions have come. Takes the worker's lock. */
void park_reap(struct worker *w);
/* Nobody is parked any more, and those who are will soon be answered. */
void park_stop(struct worker *w);
/* When all connections are closed and the thread has ended. */
void park_close(struct worker *w);

#endif
