/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots, the log and retention. SAVE, BGSAVE, LASTSAVE and BGREWRITEAOF have Redis' words and
 * errors, because backup scripts match on them; rewriting the log is taking a snapshot here, behind
 * which the log is not needed any more. Whatever waits for the disk is a job (job.h), so that no
 * worker ever does.
 */
#include "command/commands.h"
#include "command/job.h"
#include "command/reply.h"

enum { MS_PER_SECOND = 1000, LOG_SYNC_TIMEOUT_MS = 60000, SNAPSHOT_FIELDS = 6, FILE_FIELDS = 4 };

static void
reply_save_failure(struct request *rq, int status, const char *busy)
{
    if (status == ATTL_E_BUSY)
        resp_error(rq->out, busy);
    else
        reply_job_failure(rq, status);
}

/* ---- SAVE ---- */

static void
save_work(struct command_job *job)
{
    job->status = attl_snapshot(job->cache, NULL);
}

static void
save_reply(struct command_job *job, struct request *rq)
{
    if (job->status < 0)
        reply_save_failure(rq, job->status, "ERR Background save already in progress");
    else
        reply_ok(rq);
}

/* SAVE */
void
cmd_save(struct request *rq)
{
    struct command_job *job = request_job(rq, save_work, save_reply);
    if (job)
        request_aside(rq, job);
}

static void
shutdown_reply(struct command_job *job, struct request *rq)
{
    const struct command_host *host = rq->env->host;
    if (job->status == ATTL_E_UNSUPPORTED) {
        reply_job_failure(rq, job->status);
    } else if (job->status < 0) {
        resp_error(rq->out, "ERR Errors trying to SHUTDOWN. Check logs.");
    } else {
        rq->s->close_after_reply = true;
        host->shutdown(host->ud);
    }
}

void
persist_save_and_shut_down(struct request *rq)
{
    struct command_job *job = request_job(rq, save_work, shutdown_reply);
    if (job)
        request_aside(rq, job);
}

/* BGSAVE [SCHEDULE] */
void
cmd_bgsave(struct request *rq)
{
    if (rq->argc > 2 || (rq->argc == 2 && !arg_is(rq->argv[1], "schedule"))) {
        reply_syntax_error(rq);
        return;
    }
    int st = attl_snapshot_start(rq->env->cache);
    if (st < 0)
        reply_save_failure(rq, st, "ERR Background save already in progress");
    else
        resp_simple(rq->out, "Background saving started");
}

/* BGREWRITEAOF */
void
cmd_bgrewriteaof(struct request *rq)
{
    int st = attl_snapshot_start(rq->env->cache);
    if (st < 0)
        reply_save_failure(rq, st, "ERR Background append only file rewriting already in progress");
    else
        resp_simple(rq->out, "Background append only file rewriting started");
}

/* LASTSAVE */
void
cmd_lastsave(struct request *rq)
{
    attl_persist_stats stats = { .struct_size = sizeof stats };
    attl_persist_stats_get(rq->env->cache, &stats);
    resp_int(rq->out, stats.last_snapshot_ms / MS_PER_SECOND);
}

/* ---- lists ---- */

static void
list_field_str(struct buf *list, const char *name, const char *value)
{
    resp_bulk_str(list, name);
    resp_bulk_str(list, value);
}

static void
list_field_int(struct buf *list, const char *name, int64_t value)
{
    resp_bulk_str(list, name);
    resp_int(list, value);
}

/* The rows that the work has left. */
static void
list_reply(struct command_job *job, struct request *rq)
{
    if (job->status < 0 || job->list.failed) {
        reply_job_failure(rq, job->list.failed ? ATTL_E_NOMEM : job->status);
        return;
    }
    resp_array(rq->out, job->rows);
    buf_append(rq->out, job->list.data, job->list.len);
}

static void
list_snapshot(void *ud, const attl_snapshot_info *info)
{
    struct command_job *job = ud;
    struct buf *list = &job->list;
    job->rows++;
    resp_map(list, job->proto, SNAPSHOT_FIELDS);
    list_field_str(list, "name", info->name);
    list_field_int(list, "lsn", (int64_t)info->lsn);
    list_field_int(list, "created_ms", info->created_ms);
    list_field_int(list, "entries", (int64_t)info->entries);
    list_field_int(list, "bytes", (int64_t)info->bytes);
    list_field_int(list, "verified", info->valid);
}

static void
snapshots_work(struct command_job *job)
{
    job->status = attl_snapshot_list(job->cache, list_snapshot, job);
}

/* ATTL.SNAPSHOT LIST */
void
cmd_attl_snapshot_list(struct request *rq)
{
    struct command_job *job = request_job(rq, snapshots_work, list_reply);
    if (job)
        request_aside(rq, job);
}

static void
list_file(void *ud, const char *name, uint64_t bytes, int goes, const char *reason)
{
    struct command_job *job = ud;
    struct buf *list = &job->list;
    job->rows++;
    resp_map(list, job->proto, FILE_FIELDS);
    list_field_str(list, "name", name);
    list_field_int(list, "bytes", (int64_t)bytes);
    list_field_str(list, "action", goes ? "remove" : "keep");
    list_field_str(list, "reason", reason ? reason : "");
}

static void
retention_work(struct command_job *job)
{
    job->status = attl_retention_run(job->cache, job->dry_run, list_file, job);
}

/* ATTL.RETENTION [DRYRUN | REPORT] */
void
cmd_attl_retention(struct request *rq)
{
    bool dry_run = rq->argc == 2 && arg_is(rq->argv[1], "dryrun");
    if (rq->argc == 2 && arg_is(rq->argv[1], "report")) {
        retention_report(rq);
        return;
    }
    if (rq->argc > 2 || (rq->argc == 2 && !dry_run)) {
        reply_syntax_error(rq);
        return;
    }
    struct command_job *job = request_job(rq, retention_work, list_reply);
    if (!job)
        return;
    job->dry_run = dry_run;
    request_aside(rq, job);
}

/* ---- the log ---- */

static void
sync_work(struct command_job *job)
{
    job->status = attl_log_sync(job->cache, LOG_SYNC_TIMEOUT_MS);
}

static void
sync_reply(struct command_job *job, struct request *rq)
{
    if (job->status < 0)
        reply_job_failure(rq, job->status);
    else
        reply_ok(rq);
}

/* ATTL.LOG SYNC */
void
cmd_attl_log_sync(struct request *rq)
{
    struct command_job *job = request_job(rq, sync_work, sync_reply);
    if (job)
        request_aside(rq, job);
}
