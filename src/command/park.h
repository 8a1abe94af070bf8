/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that wait for somebody else: their connection is parked while its worker serves the
 * others. The command makes a job, and the host hands it the worker's completion queue to submit
 * something to; the reply is made from the completion. No thread waits. A client that is gone, or
 * will not send anything any more, ends the waiting early.
 */
#ifndef ATTL_COMMAND_PARK_H
#define ATTL_COMMAND_PARK_H

#include "command/job.h"

/*
 * Parks the request's connection until what `submit` submits is complete. Takes the job over.
 * Without a host that can park, or without room, answers with an error.
 */
void request_park(struct request *rq, struct command_job *job, command_submit_fn submit);

#endif
