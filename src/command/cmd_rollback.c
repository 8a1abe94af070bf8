/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.ROLLBACK: the contents as they were at some moment. The cache does the work; here the moment
 * is read, and the report is shown. The changes it makes are acknowledged like any others: the job
 * waits until the log has them, so that the worker need not know that somebody else wrote for its
 * client.
 */
#include "command/commands.h"
#include "command/job.h"
#include "command/point.h"
#include "command/reply.h"

enum { ROLLBACK_FIELDS = 10, DURABLE_TIMEOUT_MS = 60000 };

static void
rollback_work(struct command_job *job)
{
    attl *cache = job->cache;
    job->to.to_name = job->to_name[0] ? job->to_name : NULL;
    uint64_t before = attl_log_position(cache);
    job->status = attl_rollback(cache, &job->to, &job->report, job->text, sizeof job->text);
    uint64_t after = attl_log_position(cache);
    if (job->status == ATTL_OK && after != before)
        job->durable_status = attl_log_wait(cache, after, DURABLE_TIMEOUT_MS);
}

static void
reply_report(struct request *rq, const struct command_job *job)
{
    const attl_rollback_report *r = &job->report;
    resp_map(rq->out, rq->s->proto, ROLLBACK_FIELDS);
    reply_field_int(rq, "dry_run", job->to.dry_run);
    reply_field_int(rq, "lsn", (int64_t)r->lsn);
    reply_field_int(rq, "time_ms", r->time_ms);
    reply_field_int(rq, "entries_before", (int64_t)r->entries_before);
    reply_field_int(rq, "entries_after", (int64_t)r->entries_after);
    reply_field_int(rq, "restored", (int64_t)r->restored);
    reply_field_int(rq, "changed", (int64_t)r->changed);
    reply_field_int(rq, "removed", (int64_t)r->removed);
    reply_field_int(rq, "expired", (int64_t)r->expired);
    reply_field_str(rq, "safety_snapshot", r->safety_snapshot);
}

static void
rollback_reply(struct command_job *job, struct request *rq)
{
    if (job->status == ATTL_E_BUSY)
        resp_error(rq->out, "BUSY another rollback or snapshot is running, try again");
    else if (job->status == ATTL_E_IO && job->text[0])
        resp_errorf(rq->out, "MISCONF %s", job->text);
    else if (job->status < 0 && job->status != ATTL_E_INVALID && job->status != ATTL_E_DAMAGED)
        reply_job_failure(rq, job->status);
    else if (job->status != ATTL_OK)
        resp_errorf(rq->out, "ERR %s", job->text[0] ? job->text : attl_strerror(job->status));
    else if (job->durable_status != ATTL_OK)
        resp_error(rq->out, "MISCONF the log cannot be written: the contents were rolled back, but "
                            "that is not durable (see attld's log)");
    else
        reply_report(rq, job);
}

/* ATTL.ROLLBACK TO time | lsn:number | snapshot [DRYRUN] */
void
cmd_attl_rollback(struct request *rq)
{
    bool dry_run = rq->argc == 4 && arg_is(rq->argv[3], "dryrun");
    if (!arg_is(rq->argv[1], "to") || rq->argc > 4 || (rq->argc == 4 && !dry_run)) {
        reply_syntax_error(rq);
        return;
    }
    struct point point;
    const char *problem = point_parse(rq->argv[2], request_now_ms(rq), &point);
    if (problem) {
        resp_errorf(rq->out, "ERR %s", problem);
        return;
    }
    struct command_job *job = request_job(rq, rollback_work, rollback_reply);
    if (!job)
        return;
    job->to = (attl_rollback_opts){
        .struct_size = sizeof job->to, .dry_run = dry_run, .to_ms = point.at_ms, .to_lsn = point.lsn
    };
    job->report.struct_size = sizeof job->report;
    memcpy(job->to_name, point.name, sizeof job->to_name);
    request_aside(rq, job);
}
