/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a request that EXEC takes for each of the queued ones. They assume that the request
 * has been resolved and admitted: rq->cmd is its row and its arity fits. Counting and timing are in
 * them, so a command counts the same wherever it runs.
 */
#ifndef ATTL_COMMAND_EXECUTE_H
#define ATTL_COMMAND_EXECUTE_H

#include "command/table.h"

void request_run(struct request *rq);
/* The same for a command that EXEC runs; its time is not EXEC's. */
void request_run_inside(struct request *rq);
/* Counts the reply that starts at `mark` if it is an error. */
void request_count_error(struct request *rq, size_t mark, bool ran);

#endif
