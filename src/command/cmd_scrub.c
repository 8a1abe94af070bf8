/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.SCRUB: reading the data directory again now, as a job, because it waits for the disk; and
 * what the passes so far have read and found. INFO has the figures. The findings are copied by the
 * cache, so STATUS never waits.
 */
#include "command/commands.h"
#include "command/info_lines.h"
#include "command/job.h"
#include "command/reply.h"

#include <inttypes.h>

enum { REPORT_FIELDS = 6, STATUS_FIELDS = 12, DAMAGE_FIELDS = 9 };

struct findings {
    struct request *rq;
    size_t n;
};

static void
scrub_work(struct command_job *job)
{
    job->scrub.struct_size = sizeof job->scrub;
    job->status = attl_scrub(job->cache, &job->scrub);
}

static void
scrub_reply(struct command_job *job, struct request *rq)
{
    const attl_scrub_report *r = &job->scrub;
    if (job->status == ATTL_E_BUSY) {
        resp_error(rq->out, "ERR a pass that was asked for is already running");
        return;
    }
    if (job->status < 0) {
        reply_job_failure(rq, job->status);
        return;
    }
    resp_map(rq->out, rq->s->proto, REPORT_FIELDS);
    reply_field_int(rq, "files", (int64_t)r->files);
    reply_field_int(rq, "bytes", (int64_t)r->bytes);
    reply_field_int(rq, "damaged", (int64_t)r->damaged);
    reply_field_int(rq, "healed", (int64_t)r->healed);
    reply_field_int(rq, "unreadable", (int64_t)r->unreadable);
    reply_field_int(rq, "took_ms", r->took_ms);
}

static void
reply_damage(void *ud, const attl_damage *d)
{
    struct findings *f = ud;
    struct request *rq = f->rq;
    f->n++;
    resp_map(rq->out, rq->s->proto, DAMAGE_FIELDS);
    reply_field_str(rq, "file", d->file);
    reply_field_str(rq, "kind", d->unreadable ? "unreadable" : "damaged");
    reply_field_int(rq, "found_ms", d->found_ms);
    reply_field_int(rq, "offset", (int64_t)d->offset);
    reply_field_int(rq, "first_lsn", (int64_t)d->lsn);
    reply_field_int(rq, "end_lsn", (int64_t)d->end_lsn);
    reply_field_int(rq, "healed", d->healed);
    reply_field_str(rq, "lost", d->lost);
    reply_field_str(rq, "done", d->done);
}

static void
reply_status(struct request *rq)
{
    attl_scrub_stats st = { .struct_size = sizeof st };
    attl_scrub_stats_get(rq->env->cache, &st);
    resp_map(rq->out, rq->s->proto, STATUS_FIELDS);
    reply_field_int(rq, "running", st.running);
    reply_field_int(rq, "pass_bytes_done", (int64_t)st.pass_bytes_done);
    reply_field_int(rq, "pass_bytes_total", (int64_t)st.pass_bytes_total);
    reply_field_int(rq, "passes", (int64_t)st.passes);
    reply_field_int(rq, "last_pass_ms", st.last_pass_ms);
    reply_field_int(rq, "last_took_ms", st.last_took_ms);
    reply_field_int(rq, "files", (int64_t)st.files);
    reply_field_int(rq, "bytes", (int64_t)st.bytes);
    reply_field_int(rq, "damaged", (int64_t)st.damaged);
    reply_field_int(rq, "unhealed", (int64_t)st.unhealed);
    reply_field_int(rq, "unreadable", (int64_t)st.unreadable);
    resp_bulk_str(rq->out, "findings");
    struct findings f = { .rq = rq };
    size_t mark = rq->out->len;
    if (attl_damage_list(rq->env->cache, reply_damage, &f) != ATTL_OK)
        f.n = 0; /* without a directory there are none */
    reply_insert_array(rq->out, mark, f.n);
}

/* ATTL.SCRUB NOW|STATUS */
void
cmd_attl_scrub(struct request *rq)
{
    if (arg_is(rq->argv[1], "status")) {
        reply_status(rq);
        return;
    }
    if (!arg_is(rq->argv[1], "now")) {
        reply_syntax_error(rq);
        return;
    }
    struct command_job *job = request_job(rq, scrub_work, scrub_reply);
    if (job)
        request_aside(rq, job);
}

void
info_scrub(struct info *info)
{
    attl_scrub_stats st = { .struct_size = sizeof st };
    attl_scrub_stats_get(info->env->cache, &st);
    info_line(info, "attl_scrub_last_pass_time", "%" PRId64, st.last_pass_ms / 1000);
}
