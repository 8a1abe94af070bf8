/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.AUDIT: the state of the trail, its last lines, a verification of all of it, a new file. What
 * reads files is a job, because it waits for the disk. Whoever may look at the trail sees who did
 * what, so that all of it is administration. A server without a trail answers with an error that
 * says how to get one. The trail is the host's.
 */
#include "audit/audit.h"

#include "base/hex.h"
#include "audit/verify.h"
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/job.h"
#include "command/reply.h"

#include <inttypes.h>

enum {
    STATUS_FIELDS = 19,
    VERIFY_FIELDS = 6,
    TAIL_DEFAULT = 10,
    FINDINGS_SHOWN = 100,
    US_PER_MS = 1000
};

/* NULL after answering that there is none. */
static struct audit *
trail_of(struct request *rq)
{
    struct audit *audit = rq->env->host->audit;
    if (!audit)
        resp_error(rq->out, "ERR there is no audit trail: start attld with --audit.mode=on");
    return audit;
}

/* ATTL.AUDIT STATUS */
void
cmd_attl_audit_status(struct request *rq)
{
    struct audit_stats st;
    struct audit *audit = trail_of(rq);
    if (!audit)
        return;
    audit_stats_get(audit, &st);
    resp_map(rq->out, rq->s->proto, STATUS_FIELDS);
    reply_field_str(rq, "state", st.failing ? "failing" : "writing");
    reply_field_str(rq, "dir", st.dir);
    reply_field_str(rq, "digests", st.keyed ? "hmac-sha256" : "sha256");
    reply_field_str(rq, "on_error", st.fail_closed ? "fail_closed" : "fail_open");
    reply_field_str(rq, "fsync", st.sync ? "always" : "no");
    reply_field_int(rq, "lines", (int64_t)st.lines);
    reply_field_int(rq, "waiting", (int64_t)st.waiting);
    reply_field_int(rq, "lost", (int64_t)st.lost);
    reply_field_int(rq, "refused", (int64_t)st.refused);
    reply_field_int(rq, "failures", (int64_t)st.failures);
    reply_field_str(rq, "last_error", st.error);
    reply_field_int(rq, "files", (int64_t)st.files);
    reply_field_int(rq, "oldest_ms", st.oldest_us / US_PER_MS);
    reply_field_int(rq, "bytes", (int64_t)st.bytes);
    reply_field_int(rq, "rotations", (int64_t)st.rotations);
    reply_field_int(rq, "removed", (int64_t)st.removed);
    reply_field_int(rq, "last_seq", (int64_t)st.last_seq);
    reply_field_str(rq, "last_digest", st.last_hash);
    reply_field_str(rq, "writes", st.writes);
}

/* ATTL.AUDIT ROTATE */
void
cmd_attl_audit_rotate(struct request *rq)
{
    struct audit *audit = trail_of(rq);
    if (!audit)
        return;
    audit_rotate(audit);
    reply_ok(rq);
}

/* A text of lines as an array of strings, `max` at most. */
static void
reply_lines(struct request *rq, const struct buf *text, size_t max)
{
    size_t mark = rq->out->len, n = 0, at = 0;
    while (at < text->len && n < max) {
        const char *start = text->data + at;
        const char *nl = memchr(start, '\n', text->len - at);
        size_t len = nl ? (size_t)(nl - start) : text->len - at;
        resp_bulk(rq->out, attl_b(start, len));
        at += len + 1;
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

/* ---- TAIL ---- */

static void
tail_work(struct command_job *job)
{
    int rc = audit_tail(job->audit, job->rows, &job->list);
    job->status = rc == 0 && !job->list.failed ? ATTL_OK : ATTL_E_IO;
}

static void
tail_reply(struct command_job *job, struct request *rq)
{
    if (job->status == ATTL_OK)
        reply_lines(rq, &job->list, job->rows);
    else
        resp_error(rq->out, "ERR the audit trail cannot be read");
}

/* ATTL.AUDIT TAIL [count] */
void
cmd_attl_audit_tail(struct request *rq)
{
    int64_t n = TAIL_DEFAULT;
    struct audit *audit = trail_of(rq);
    if (!audit)
        return;
    if (rq->argc > 3) {
        reply_syntax_error(rq);
        return;
    }
    if (rq->argc == 3 && !arg_i64(rq, 2, NULL, &n))
        return;
    if (n < 1 || n > AUDIT_TAIL_MAX) {
        resp_errorf(rq->out, "ERR count must be between 1 and %d", AUDIT_TAIL_MAX);
        return;
    }
    struct command_job *job = request_job(rq, tail_work, tail_reply);
    if (!job)
        return;
    job->audit = audit;
    job->rows = (size_t)n;
    request_aside(rq, job);
}

/* ---- VERIFY ---- */

static void
note_finding(void *ud, const struct audit_finding *f)
{
    struct command_job *job = ud;
    if (job->rows++ < FINDINGS_SHOWN)
        buf_printf(&job->list, "%s:%" PRIu64 ": %s: %s\n", f->file, f->line,
                   audit_flaw_word(f->flaw), f->text);
}

static void
verify_work(struct command_job *job)
{
    struct audit_verify *v = &job->verify;
    v->found = note_finding;
    v->ud = job;
    job->status = audit_verify_now(job->audit, v) == 0 ? ATTL_OK : ATTL_E_IO;
}

static void
verify_reply(struct command_job *job, struct request *rq)
{
    char hash[AUDIT_HASH_CHARS + 1];
    const struct audit_verify *v = &job->verify;
    if (job->status != ATTL_OK) {
        resp_error(rq->out, "ERR the audit trail cannot be read");
        return;
    }
    hex_text(hash, v->last.hash, AUDIT_HASH_BYTES);
    resp_map(rq->out, rq->s->proto, VERIFY_FIELDS);
    reply_field_str(rq, "verdict", v->findings ? "damaged" : "fine");
    reply_field_int(rq, "lines", (int64_t)v->lines);
    reply_field_int(rq, "files", (int64_t)v->files);
    reply_field_int(rq, "last_seq", (int64_t)v->last.seq);
    reply_field_str(rq, "last_digest", hash);
    resp_bulk_str(rq->out, "findings");
    reply_lines(rq, &job->list, FINDINGS_SHOWN);
}

/* ATTL.AUDIT VERIFY */
void
cmd_attl_audit_verify(struct request *rq)
{
    struct audit *audit = trail_of(rq);
    struct command_job *job = audit ? request_job(rq, verify_work, verify_reply) : NULL;
    if (!job)
        return;
    job->audit = audit;
    request_aside(rq, job);
}

/* ---- INFO ---- */

/* The rest is rows of the table of metrics. */
void
info_audit(struct info *info)
{
    info_line(info, "audit_enabled", "%d", info->env->host->audit != NULL);
}
