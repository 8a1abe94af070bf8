/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making, running and freeing jobs, whatever they do. A host without a thread for them (a test, a
 * program of one thread) gets the same two steps one after the other, so that there is one way to
 * write such a command. A job is one allocation and the list it may have grown.
 */
#include "command/job.h"

#include "command/reply.h"
#include "os/clock.h"
#include "os/trace.h"

#include <stdlib.h>

enum { JOB_LIST_MAX_BYTES = 16 << 20 };

struct command_job *
request_job(struct request *rq, void (*work)(struct command_job *job),
            void (*reply)(struct command_job *job, struct request *rq))
{
    struct command_job *job = calloc(1, sizeof *job);
    if (!job) {
        reply_failure(rq, ATTL_E_NOMEM);
        return NULL;
    }
    job->work = work;
    job->reply = reply;
    job->cmd = rq->cmd;
    job->cache = rq->env->cache;
    job->actor = rq->s->id;
    job->proto = rq->s->proto;
    memcpy(job->trace, rq->s->trace, sizeof job->trace);
    buf_init(&job->list, JOB_LIST_MAX_BYTES);
    return job;
}

void
request_aside(struct request *rq, struct command_job *job)
{
    const struct command_host *host = rq->env->host;
    if (!host->aside) {
        command_job_work(job);
        job->reply(job, rq);
        command_job_free(job);
        return;
    }
    rq->s->waiting = host->aside(host->ud, job);
    if (rq->s->waiting)
        return;
    resp_error(rq->out, "BUSY too many slow commands are waiting, try again");
    command_job_free(job);
}

void
command_job_work(struct command_job *job)
{
    int64_t start_ns = clock_mono_ns();
    attl_actor_set(job->cache, job->actor);
    trace_set(job->trace);
    job->work(job);
    trace_set(NULL);
    job->took_ns = clock_mono_ns() - start_ns;
}

void
command_job_free(struct command_job *job)
{
    buf_fini(&job->list);
    free(job);
}

void
reply_job_failure(struct request *rq, int status)
{
    switch (status) {
    case ATTL_E_UNSUPPORTED:
        resp_error(rq->out, "ERR there is no data directory: start attld with --dir=PATH, or set "
                            "persist.dir in settings.toml");
        break;
    case ATTL_E_BUSY: resp_error(rq->out, "BUSY the log is not keeping up, try again"); break;
    case ATTL_E_IO:
        resp_error(rq->out, "MISCONF a file of the data directory cannot be read or written (see "
                            "attld's log)");
        break;
    default: reply_failure(rq, status); break;
    }
}
