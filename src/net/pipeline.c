/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups. A group ends where the input does, at NET_GROUP_REQUESTS, or before an inline request:
 * those are unquoted in place, so they must never be parsed twice, while a group that stalls
 * leaves its unexecuted requests to be parsed again. A session that has not authenticated gets
 * groups of one, because whether the next request is within its limits depends on the outcome of
 * this one.
 */
#include "net/pipeline.h"

#include "protocol/resp_write.h"

void
pipeline_init(struct pipeline *p)
{
    resp_args_init(&p->args);
    p->executed = 0;
    p->replies = 0;
}

void
pipeline_fini(struct pipeline *p)
{
    resp_args_fini(&p->args);
}

/* Parses a group from `at` on and returns its size; *ret_result says why it ended. */
static size_t
parse_group(struct pipeline *p, const struct pipeline_job *job, size_t at,
            enum resp_result *ret_result)
{
    struct resp_limits limits = { job->bulk_bytes, job->session->authenticated };
    size_t max = limits.authenticated ? NET_GROUP_REQUESTS : 1;
    size_t n = 0;
    enum resp_result result = RESP_REQUEST;
    resp_args_clear(&p->args);
    while (n < max) {
        if (n > 0 && at < job->len && job->data[at] != '*')
            break;
        size_t first = p->args.len;
        size_t used;
        result = resp_parse(job->parser, job->data + at, job->len - at, &limits, &p->args, &used);
        if (result != RESP_REQUEST)
            break;
        at += used;
        p->requests[n++] = (struct pipeline_request){ first, p->args.len - first, at };
    }
    *ret_result = result;
    return n;
}

/* A single request would wait for its memory here instead of a moment later: no gain. */
static void
prefetch_group(struct pipeline *p, const struct pipeline_job *job, size_t n)
{
    if (n < 2)
        return;
    size_t keys = 0;
    for (size_t i = 0; i < n && keys < NET_GROUP_KEYS; i++) {
        const struct pipeline_request *r = &p->requests[i];
        if (r->argc > 1)
            keys += command_keys(p->args.items + r->first_arg, r->argc, p->keys + keys,
                                 NET_GROUP_KEYS - keys);
    }
    if (keys > 1)
        attl_prefetch(job->env->cache, p->keys, keys);
}

/* A request that may have taken long is the last one if its turn has. */
static bool
goes_on(const struct pipeline_job *job)
{
    struct session *s = job->session;
    if (s->interrupt == SESSION_YIELD && (!job->clock || clock_now_ms(job->clock) < job->until_ms))
        s->interrupt = 0;
    return s->interrupt == 0;
}

/* Executes until the group or the output's share is used up, or others come first; returns how many
 * were executed. `twice`: the first of them may be parsed again. */
static size_t
execute_requests(struct pipeline *p, const struct pipeline_job *job, size_t n, bool twice)
{
    struct session *s = job->session;
    s->exempt_once = !twice;
    for (size_t i = 0; i < n; i++) {
        const struct pipeline_request *r = &p->requests[i];
        if (r->argc == 0)
            continue;
        size_t before = job->out->len;
        command_execute(job->env, s, p->args.items + r->first_arg, r->argc, job->out);
        if (__builtin_expect(s->interrupt & SESSION_PUT_OFF, 0))
            return i;
        s->exempt_once = false;
        p->executed++;
        p->replies += job->out->len > before;
        if (s->close_after_reply || s->waiting || job->out->failed ||
            job->out->len >= job->stop_bytes)
            return i + 1;
        if (__builtin_expect(s->interrupt != 0, 0) && !goes_on(job))
            return i + 1;
    }
    return n;
}

/* The group of `n` that starts at `at`. */
static size_t
execute_group(struct pipeline *p, const struct pipeline_job *job, size_t n, size_t at)
{
    bool twice = at < job->len && job->data[at] == '*';
    if (n > 0)
        command_turn_begin(job->env, p->requests[n - 1].end - at);
    size_t done = execute_requests(p, job, n, twice);
    command_turn_end(job->env);
    return done;
}

/* Why the rest waits. */
static enum pipeline_end
stop_of(struct session *s)
{
    unsigned interrupt = s->interrupt;
    s->interrupt = 0;
    return s->waiting                    ? PIPELINE_WAITING
           : interrupt & SESSION_PUT_OFF ? PIPELINE_PUT_OFF
           : interrupt & SESSION_YIELD   ? PIPELINE_YIELDING
                                         : PIPELINE_STALLED;
}

static enum pipeline_end
end_of(struct pipeline *p, const struct pipeline_job *job, enum resp_result result)
{
    switch (result) {
    case RESP_ERROR:
        p->replies++;
        resp_errorf(job->out, "ERR %s", job->parser->problem);
        return PIPELINE_BROKEN;
    case RESP_FOREIGN: return PIPELINE_FOREIGN;
    case RESP_NO_MEMORY:
        p->replies++;
        resp_error(job->out, "ERR out of memory for this request");
        return PIPELINE_NO_MEMORY;
    case RESP_REQUEST:
    case RESP_MORE: break;
    }
    return PIPELINE_HUNGRY;
}

enum pipeline_end
pipeline_run(struct pipeline *p, const struct pipeline_job *job, size_t *ret_used)
{
    size_t at = 0;
    enum pipeline_end end;
    attl_actor_set(job->env->cache, job->session->id); /* for the ledger and whoever watches */
    for (;;) {
        enum resp_result result;
        size_t n = parse_group(p, job, at, &result);
        prefetch_group(p, job, n);
        size_t done = execute_group(p, job, n, at);
        if (done > 0)
            at = p->requests[done - 1].end;
        if (job->session->close_after_reply) {
            end = PIPELINE_CLOSING;
            break;
        }
        if (job->session->waiting || job->out->failed || job->out->len >= job->stop_bytes ||
            job->session->interrupt) {
            /* Whatever was parsed behind `at` is parsed again when its time has come. */
            resp_parser_fini(job->parser);
            end = stop_of(job->session);
            break;
        }
        if (result != RESP_REQUEST) {
            end = end_of(p, job, result);
            break;
        }
    }
    *ret_used = at;
    return end;
}
