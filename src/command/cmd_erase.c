/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.ERASE: erasing with a receipt, as a job, because files are read and removed; and the
 * receipts. ATTL.RETENTION REPORT says how long things are kept. Options stand at the end, behind
 * at least one name, so that a key may have the name of an option if it is not the last. Names of
 * keys are never shown again: a receipt has their digest.
 */
#include "audit/audit.h"
#include "command/commands.h"
#include "command/job.h"
#include "command/reply.h"
#include "command/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECEIPT_FIELDS = 24, SHORT_FIELDS = 9, REPORT_FIELDS = 20, US_PER_MS = 1000 };

/* ---- receipts ---- */

static void
reply_receipt(struct request *rq, const attl_erasure *e)
{
    resp_map(rq->out, rq->s->proto, RECEIPT_FIELDS);
    reply_field_str(rq, "id", e->id);
    reply_field_str(rq, "state", attl_erase_state_name(e->state));
    reply_field_str(rq, "kind", attl_erase_kind_name(e->kind));
    reply_field_int(rq, "names", (int64_t)e->names);
    reply_field_str(rq, "subject", e->subject);
    reply_field_str(rq, "who", e->who);
    reply_field_int(rq, "now", e->now);
    reply_field_int(rq, "requested_ms", e->requested_ms);
    reply_field_int(rq, "due_ms", e->due_ms);
    reply_field_int(rq, "done_ms", e->done_ms);
    reply_field_int(rq, "in_memory", (int64_t)e->in_memory);
    reply_field_int(rq, "in_snapshots", (int64_t)e->in_snapshots);
    reply_field_int(rq, "in_log", (int64_t)e->in_log);
    reply_field_int(rq, "files_removed", (int64_t)e->files_removed);
    reply_field_int(rq, "bytes_removed", (int64_t)e->bytes_removed);
    reply_field_int(rq, "files_left", (int64_t)e->files_left);
    reply_field_str(rq, "checked", attl_erase_check_name(e->checked));
    reply_field_int(rq, "found", (int64_t)e->found);
    reply_field_int(rq, "written_again", (int64_t)e->written_again);
    reply_field_int(rq, "before_lsn", (int64_t)e->before_lsn);
    reply_field_int(rq, "intact", e->intact);
    reply_field_str(rq, "problem", e->problem);
    reply_field_str(rq, "note", e->note);
    reply_field_str(rq, "hash", e->hash);
}

struct receipts {
    struct request *rq;
    size_t n;
    bool only_open;
};

static void
show_one(void *ud, const attl_erasure *e)
{
    struct receipts *r = ud;
    bool is_open = e->state == ATTL_ERASE_STARTED || e->state == ATTL_ERASE_PENDING;
    if (r->only_open && !is_open)
        return;
    r->n++;
    reply_receipt(r->rq, e);
}

static void
show_short(void *ud, const attl_erasure *e)
{
    struct receipts *r = ud;
    struct request *rq = r->rq;
    r->n++;
    resp_map(rq->out, rq->s->proto, SHORT_FIELDS);
    reply_field_str(rq, "id", e->id);
    reply_field_str(rq, "state", attl_erase_state_name(e->state));
    reply_field_str(rq, "kind", attl_erase_kind_name(e->kind));
    reply_field_str(rq, "who", e->who);
    reply_field_int(rq, "requested_ms", e->requested_ms);
    reply_field_int(rq, "due_ms", e->due_ms);
    reply_field_int(rq, "done_ms", e->done_ms);
    reply_field_int(rq, "in_memory", (int64_t)e->in_memory);
    reply_field_str(rq, "checked", attl_erase_check_name(e->checked));
}

/* All that `fn` shows, as an array. */
static void
reply_receipts(struct request *rq, bool only_open, attl_erasure_fn fn)
{
    struct receipts r = { .rq = rq, .only_open = only_open };
    size_t mark = rq->out->len;
    int status = attl_erase_list(rq->env->cache, NULL, fn, &r);
    if (status < 0 && status != ATTL_E_UNSUPPORTED)
        reply_failure(rq, status);
    else
        reply_insert_array(rq->out, mark, r.n);
}

/* ATTL.ERASE LIST */
void
cmd_attl_erase_list(struct request *rq)
{
    reply_receipts(rq, false, show_short);
}

/* ATTL.ERASE STATUS [id] */
void
cmd_attl_erase_status(struct request *rq)
{
    struct receipts r = { .rq = rq };
    char id[sizeof((attl_erasure *)0)->id];
    if (rq->argc > 3) {
        reply_syntax_error(rq);
        return;
    }
    if (rq->argc == 2) {
        reply_receipts(rq, true, show_one);
        return;
    }
    int status = arg_text(rq->argv[2], id, sizeof id)
                     ? attl_erase_list(rq->env->cache, id, show_one, &r)
                     : ATTL_MISS;
    if (status == ATTL_E_LOADING)
        reply_failure(rq, status);
    else if (status != ATTL_OK)
        resp_error(rq->out, "ERR no such erasure among the last ones: see erasures.jsonl in the "
                            "data directory");
}

/* ---- erasing ---- */

/* The names lie in the job's list, each behind its length. */
static void
erase_work(struct command_job *job)
{
    attl_slice *names = calloc(job->rows, sizeof *names);
    job->status = names ? ATTL_OK : ATTL_E_NOMEM;
    for (size_t i = 0, at = 0; names && i < job->rows; i++) {
        size_t len;
        memcpy(&len, job->list.data + at, sizeof len);
        at += sizeof len;
        names[i] = attl_b(job->list.data + at, len);
        at += len;
    }
    job->erase.names = names;
    job->erase.names_len = job->rows;
    job->erase.who = job->to_name;
    job->erase.note = job->text[0] ? job->text : NULL;
    job->erased.struct_size = sizeof job->erased;
    if (names)
        job->status = attl_erase(job->cache, &job->erase, &job->erased);
    free(names);
}

static void
reply_dry_run(struct request *rq, const attl_erasure *e)
{
    resp_map(rq->out, rq->s->proto, 5);
    reply_field_int(rq, "dry_run", 1);
    reply_field_int(rq, "in_memory", (int64_t)e->in_memory);
    reply_field_int(rq, "in_snapshots", (int64_t)e->in_snapshots);
    reply_field_int(rq, "in_log", (int64_t)e->in_log);
    reply_field_int(rq, "files", (int64_t)e->files_left);
}

static void
erase_reply(struct command_job *job, struct request *rq)
{
    if (job->status == ATTL_E_BUSY)
        resp_error(rq->out, "BUSY too many erasures are pending, or the server is stopping");
    else if (job->status == ATTL_E_INVALID)
        resp_errorf(rq->out,
                    "ERR 1 to %d names of at most %d bytes together; a prefix or pattern must not "
                    "be empty, and a pattern has at most %d bytes",
                    ATTL_ERASE_NAMES, ATTL_ERASE_NAMES_BYTES, ATTL_ERASE_PATTERN_BYTES);
    else if (job->status == ATTL_E_IO)
        resp_error(rq->out, "MISCONF no receipt can be written, so nothing was erased (see attld's "
                            "log)");
    else if (job->status < 0)
        reply_job_failure(rq, job->status);
    else if (job->erase.dry_run)
        reply_dry_run(rq, &job->erased);
    else
        reply_receipt(rq, &job->erased);
}

/* Takes options from the end; the number of words that are left, at least 3. */
static size_t
take_options(const struct request *rq, attl_erase_request *erase)
{
    size_t argc = rq->argc;
    for (; argc > 3; argc--) {
        attl_slice word = rq->argv[argc - 1];
        if (arg_is(word, "now"))
            erase->now = 1;
        else if (arg_is(word, "dryrun"))
            erase->dry_run = 1;
        else if (arg_is(word, "plain"))
            erase->plain = 1;
        else
            break;
    }
    return argc;
}

static int
kind_of(const struct request *rq)
{
    const char *word = command_word(rq->cmd);
    if (strcmp(word, "key") == 0)
        return ATTL_ERASE_KEY;
    return strcmp(word, "prefix") == 0 ? ATTL_ERASE_PREFIX : ATTL_ERASE_MATCH;
}

/* The operator may have chosen that names stand where no erasure reaches. */
static void
note_trail(struct request *rq, char *note, size_t len)
{
    struct buf shown;
    if (!rq->env->host->audit)
        return;
    buf_init(&shown, SIZE_MAX);
    audit_hide(rq->env->host->audit, attl_s("name"), &shown);
    if (shown.len == 4 && memcmp(shown.data, "name", 4) == 0)
        (void)snprintf(note, len, "audit.keys is plain: names of keys stay in the audit trail");
    buf_fini(&shown);
}

/* ATTL.ERASE KEY key [key ...] | PREFIX prefix .. | MATCH pattern .. [NOW] [PLAIN] [DRYRUN] */
void
cmd_attl_erase(struct request *rq)
{
    struct command_job *job = request_job(rq, erase_work, erase_reply);
    if (!job)
        return;
    job->erase = (attl_erase_request){ .struct_size = sizeof job->erase, .kind = kind_of(rq) };
    size_t argc = take_options(rq, &job->erase);
    for (size_t i = 2; i < argc; i++) {
        buf_append(&job->list, &rq->argv[i].len, sizeof rq->argv[i].len);
        if (rq->argv[i].len)
            buf_append(&job->list, rq->argv[i].data, rq->argv[i].len);
    }
    job->rows = argc - 2;
    (void)snprintf(job->to_name, sizeof job->to_name, "%s", session_user_name(rq->s)); /* cut: ok */
    note_trail(rq, job->text, sizeof job->text);
    if (job->list.failed) {
        reply_failure(rq, ATTL_E_NOMEM);
        command_job_free(job);
        return;
    }
    request_aside(rq, job);
}

/* ---- how long things are kept ---- */

static void
keeping_work(struct command_job *job)
{
    job->keeping.struct_size = sizeof job->keeping;
    job->status = attl_keeping_get(job->cache, &job->keeping);
    job->keeping_audit = (struct audit_stats){ 0 };
    if (job->audit)
        audit_stats_get(job->audit, &job->keeping_audit);
}

static void
keeping_reply(struct command_job *job, struct request *rq)
{
    const attl_keeping *k = &job->keeping;
    if (job->status < 0) {
        reply_job_failure(rq, job->status);
        return;
    }
    resp_map(rq->out, rq->s->proto, REPORT_FIELDS);
    reply_field_int(rq, "retention", k->retention);
    reply_field_int(rq, "snapshots", (int64_t)k->snapshots);
    reply_field_int(rq, "oldest_snapshot_ms", k->oldest_snapshot_ms);
    reply_field_int(rq, "snapshot_ttl_ms", k->snapshot_ttl_ms);
    reply_field_int(rq, "snapshots_max", (int64_t)k->snapshots_max);
    reply_field_int(rq, "segments", (int64_t)k->segments);
    reply_field_int(rq, "oldest_lsn", (int64_t)k->oldest_lsn);
    reply_field_int(rq, "oldest_log_ms", k->oldest_log_ms);
    reply_field_int(rq, "log_ttl_ms", k->log_ttl_ms);
    reply_field_int(rq, "kept_aside", (int64_t)k->asides);
    reply_field_int(rq, "oldest_aside_ms", k->oldest_aside_ms);
    reply_field_int(rq, "bytes", (int64_t)k->bytes);
    reply_field_int(rq, "disk_budget", (int64_t)k->disk_budget);
    reply_field_int(rq, "rollback_reaches_ms", k->rollback_ms);
    reply_field_int(rq, "rollback_reaches_lsn", (int64_t)k->rollback_lsn);
    reply_field_int(rq, "erase_within_ms", k->erase_within_ms);
    reply_field_int(rq, "erasures_pending", (int64_t)k->erasures_open);
    reply_field_int(rq, "audit_files", (int64_t)job->keeping_audit.files);
    reply_field_int(rq, "audit_removed", (int64_t)job->keeping_audit.removed);
    reply_field_int(rq, "oldest_audit_ms", job->keeping_audit.oldest_us / US_PER_MS);
}

/* ATTL.RETENTION REPORT */
void
retention_report(struct request *rq)
{
    struct command_job *job = request_job(rq, keeping_work, keeping_reply);
    if (!job)
        return;
    job->audit = rq->env->host->audit;
    request_aside(rq, job);
}
