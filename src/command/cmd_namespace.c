/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.NS: policies by key prefix. The fields and what they mean are the cache's; here are words
 * and replies. A change goes through the host, which keeps the settings that CONFIG REWRITE writes,
 * and without one straight to the cache. FLUSH may take long and is a job, so that no worker waits
 * for it; its removals are acknowledged like any others.
 */
#include "command/audited.h"
#include "command/commands.h"
#include "command/job.h"
#include "command/reply.h"

enum {
    NS_STATS_FIELDS = 7,
    NS_FIELDS_MAX = 32,
    NS_TEXT_MAX = 128,
    NS_ERROR_MAX = 512,
    DURABLE_TIMEOUT_MS = 60000
};

/* ---- LIST, GET and MATCH ---- */

struct prefixes {
    struct buf *out;
    size_t count;
};

static void
list_prefix(void *ud, attl_slice prefix)
{
    struct prefixes *p = ud;
    resp_bulk(p->out, prefix);
    p->count++;
}

/* ATTL.NS LIST */
void
cmd_attl_ns_list(struct request *rq)
{
    size_t mark = rq->out->len;
    struct prefixes p = { rq->out, 0 };
    attl_ns_list(rq->env->cache, list_prefix, &p);
    reply_insert_array(rq->out, mark, p.count);
}

static void
reply_all_fields(struct request *rq)
{
    char value[NS_TEXT_MAX];
    size_t mark = rq->out->len, n = 0;
    const char *name;
    for (; n < NS_FIELDS_MAX && (name = attl_ns_field_name(n)); n++) {
        int status = attl_ns_get(rq->env->cache, rq->argv[2], name, value, sizeof value);
        if (status != ATTL_OK) {
            rq->out->len = mark;
            if (status == ATTL_MISS)
                resp_null(rq->out, rq->s->proto);
            else
                reply_failure(rq, status);
            return;
        }
        reply_field_str(rq, name, value);
    }
    reply_insert_map(rq, mark, n);
}

/* ATTL.NS GET prefix [field] */
void
cmd_attl_ns_get(struct request *rq)
{
    char name[NS_TEXT_MAX], value[NS_TEXT_MAX];
    if (rq->argc > 4) {
        reply_arity_error(rq);
        return;
    }
    if (rq->argc == 3) {
        reply_all_fields(rq);
        return;
    }
    int status = ATTL_E_CONFIG;
    if (arg_text(rq->argv[3], name, sizeof name))
        status = attl_ns_get(rq->env->cache, rq->argv[2], name, value, sizeof value);
    if (status == ATTL_OK)
        resp_bulk_str(rq->out, value);
    else if (status == ATTL_MISS)
        resp_null(rq->out, rq->s->proto);
    else
        resp_errorf(rq->out, "ERR '%.*s' is nothing a namespace has",
                    (int)(rq->argv[3].len < NS_TEXT_MAX ? rq->argv[3].len : NS_TEXT_MAX),
                    rq->argv[3].len ? (const char *)rq->argv[3].data : "");
}

/* ATTL.NS MATCH key */
void
cmd_attl_ns_match(struct request *rq)
{
    char prefix[NS_TEXT_MAX];
    size_t len = 0;
    int status = attl_ns_match(rq->env->cache, rq->argv[2], prefix, sizeof prefix, &len);
    if (status == ATTL_MISS)
        resp_null(rq->out, rq->s->proto);
    else if (!reply_if_failed(rq, status))
        resp_bulk(rq->out, attl_b(prefix, len));
}

/* ATTL.NS STATS prefix */
void
cmd_attl_ns_stats(struct request *rq)
{
    static const char *const counted[] = { "no", "exact", "running" };
    attl_ns_stats st = { .struct_size = sizeof st };
    int status = attl_ns_stats_get(rq->env->cache, rq->argv[2], &st);
    if (status == ATTL_MISS) {
        resp_null(rq->out, rq->s->proto);
        return;
    }
    if (reply_if_failed(rq, status))
        return;
    resp_map(rq->out, rq->s->proto, NS_STATS_FIELDS);
    reply_field_str(rq, "counted", counted[st.counted]);
    reply_field_int(rq, "entries", (int64_t)st.entries);
    reply_field_int(rq, "bytes", (int64_t)st.bytes);
    reply_field_int(rq, "max_entries", (int64_t)st.max_entries);
    reply_field_int(rq, "max_bytes", (int64_t)st.max_bytes);
    reply_field_int(rq, "evicted", (int64_t)st.evicted);
    reply_field_int(rq, "refused", (int64_t)st.refused);
}

/* ---- SET and DEL ---- */

/* ATTL.NS SET prefix field value [field value ...] */
void
cmd_attl_ns_set(struct request *rq)
{
    char err[NS_ERROR_MAX] = "";
    attl_ns_field fields[NS_FIELDS_MAX];
    size_t n = (rq->argc - 3) / 2;
    if ((rq->argc - 3) % 2 != 0 || n > NS_FIELDS_MAX) {
        reply_syntax_error(rq);
        return;
    }
    for (size_t i = 0; i < n; i++)
        fields[i] = (attl_ns_field){ rq->argv[3 + 2 * i], rq->argv[4 + 2 * i] };
    const struct command_host *host = rq->env->host;
    int status = host->ns_set
                     ? host->ns_set(host->ud, rq->argv[2], fields, n, err, sizeof err)
                     : attl_ns_set(rq->env->cache, rq->argv[2], fields, n, err, sizeof err);
    if (status == ATTL_OK) {
        audited_follow(rq->env, true); /* what comes next in this turn may have to be recorded */
        reply_ok(rq);
    } else if (err[0])
        resp_errorf(rq->out, "ERR %s", err);
    else
        reply_failure(rq, status);
}

/* ATTL.NS DEL prefix */
void
cmd_attl_ns_del(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    int status = host->ns_del ? host->ns_del(host->ud, rq->argv[2])
                              : attl_ns_del(rq->env->cache, rq->argv[2]);
    reply_done(rq, status);
}

/* ---- FLUSH ---- */

static void
flush_work(struct command_job *job)
{
    attl *cache = job->cache;
    uint64_t before = attl_log_position(cache);
    job->status = attl_ns_flush(cache, attl_b(job->text, job->rows), &job->removed);
    uint64_t after = attl_log_position(cache);
    if (job->status == ATTL_OK && after != before)
        job->durable_status = attl_log_wait(cache, after, DURABLE_TIMEOUT_MS);
}

static void
flush_reply(struct command_job *job, struct request *rq)
{
    if (job->status < 0)
        reply_job_failure(rq, job->status);
    else if (job->durable_status != ATTL_OK)
        resp_error(rq->out, "MISCONF the log cannot be written: the keys were removed, but that is "
                            "not durable (see attld's log)");
    else
        resp_int(rq->out, (int64_t)job->removed);
}

/* ATTL.NS FLUSH prefix */
void
cmd_attl_ns_flush(struct request *rq)
{
    attl_slice prefix = rq->argv[2];
    if (prefix.len > JOB_TEXT_MAX) {
        resp_errorf(rq->out, "ERR a prefix is at most %d bytes long", JOB_TEXT_MAX);
        return;
    }
    struct command_job *job = request_job(rq, flush_work, flush_reply);
    if (!job)
        return;
    if (prefix.len)
        memcpy(job->text, prefix.data, prefix.len);
    job->rows = prefix.len;
    request_aside(rq, job);
}
