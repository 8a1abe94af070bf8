/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parking a request. What was submitted is complete exactly once, so the job always comes back:
 * with its client (command_job_reply), or without (`dropped`, which gives back what the completion
 * brought, such as a lease). The completion is the host's; nothing here keeps it.
 */
#include "command/park.h"

#include "command/reply.h"

void
request_park(struct request *rq, struct command_job *job, command_submit_fn submit)
{
    const struct command_host *host = rq->env->host;
    int status = host->park ? host->park(host->ud, job, submit) : ATTL_E_UNSUPPORTED;
    rq->s->waiting = status == ATTL_OK;
    if (rq->s->waiting)
        return;
    if (status == ATTL_E_BUSY)
        resp_error(rq->out, "BUSY too many clients wait for values that are being loaded, try "
                            "again");
    else
        reply_failure(rq, status);
    command_job_free(job);
}

void
command_job_complete(struct command_job *job, const attl_completion *done)
{
    job->done = done;
}

void
command_job_drop(struct command_job *job, const attl_completion *done)
{
    job->done = done;
    if (job->dropped)
        job->dropped(job);
}
