/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading once, over the wire. ATTL.FETCH answers at once unless there is nothing to serve and the
 * client said WAIT: then its connection is parked. Its replies are arrays that begin with a word
 * ("hit", "stale", "win", "neg", "wait"); the others answer OK, or the error LEASELOST. A lease won
 * for a client that has gone is given back.
 */
#include "command/commands.h"
#include "command/park.h"
#include "command/reply.h"
#include "command/ttl_option.h"

enum { META_FIELDS = 5, PERCENT_MAX = 10000 };

/* ---- arguments ------------------------------------------------------------------------------- */

/* The number behind the word at *i; moves *i there. */
static bool
number_behind(struct request *rq, size_t *i, int64_t max, int64_t *ret)
{
    if (*i + 1 >= rq->argc) {
        reply_syntax_error(rq);
        return false;
    }
    *i += 1;
    if (!arg_i64(rq, *i, NULL, ret))
        return false;
    if (*ret >= 0 && *ret <= max)
        return true;
    resp_error(rq->out, "ERR value is out of range");
    return false;
}

static bool
stale_behind(struct request *rq, size_t *i, attl_fetch_opts *opts)
{
    if (*i + 1 < rq->argc && arg_is(rq->argv[*i + 1], "no")) {
        *i += 1;
        opts->flags |= ATTL_FETCH_NO_STALE;
        return true;
    }
    if (!number_behind(rq, i, INT64_MAX, &opts->stale_ms))
        return false;
    if (opts->stale_ms == 0)
        opts->flags |= ATTL_FETCH_NO_STALE; /* 0 is "any" in the options */
    return true;
}

static bool
read_fetch(struct request *rq, attl_fetch_opts *opts, bool *ret_with_meta)
{
    for (size_t i = 2; i < rq->argc; i++) {
        attl_slice word = rq->argv[i];
        int64_t n = 0;
        bool ok = true;
        if (arg_is(word, "lease"))
            ok = number_behind(rq, &i, INT64_MAX, &opts->lease_ms);
        else if (arg_is(word, "wait"))
            ok = number_behind(rq, &i, INT64_MAX, &opts->wait_ms);
        else if (arg_is(word, "stale"))
            ok = stale_behind(rq, &i, opts);
        else if (arg_is(word, "early"))
            ok = number_behind(rq, &i, PERCENT_MAX, &n);
        else if (arg_is(word, "withmeta"))
            *ret_with_meta = true;
        else
            ok = (reply_syntax_error(rq), false);
        if (!ok)
            return false;
        if (n)
            opts->early_beta = (uint32_t)n;
    }
    return true;
}

/* The lives from argument `i` on. */
static bool
read_fill(struct request *rq, size_t i, attl_fill_opts *opts)
{
    struct ttl_option life = { TTL_WORD_NONE, { NULL, 0 } };
    for (; i < rq->argc; i++) {
        attl_slice word = rq->argv[i];
        int64_t n = 0;
        bool ok = true;
        enum ttl_read read = ttl_option_read(rq, &i, TTL_WORD_NONE, &life);
        if (read == TTL_READ_TAKEN)
            continue;
        if (arg_is(word, "soft"))
            ok = number_behind(rq, &i, INT64_MAX, &opts->soft_ms);
        else if (arg_is(word, "grace"))
            ok = number_behind(rq, &i, INT64_MAX, &opts->grace_ms);
        else if (arg_is(word, "jitter"))
            ok = number_behind(rq, &i, 100, &n);
        else
            ok = (reply_syntax_error(rq), false);
        if (!ok)
            return false;
        if (n)
            opts->jitter_percent = (uint32_t)n;
    }
    struct ttl_value value;
    if (life.word == TTL_WORD_EXAT || life.word == TTL_WORD_PXAT) {
        reply_syntax_error(rq);
        return false;
    }
    if (!ttl_option_value(rq, &life, ATTL_TTL_DEFAULT, &value))
        return false;
    opts->ttl_ms = value.ttl_ms;
    return true;
}

static bool
read_token(struct request *rq, uint64_t *ret_token)
{
    int64_t token;
    if (!arg_i64(rq, 2, "ERR the token is not a number", &token))
        return false;
    *ret_token = (uint64_t)token;
    return true;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void
reply_lease(struct request *rq, int status)
{
    if (status == ATTL_E_LEASE_LOST)
        resp_error(rq->out, "LEASELOST the lease has ended, or somebody else has written the key");
    else if (status == ATTL_E_INVALID)
        resp_error(rq->out, "ERR value is out of range");
    else if (status == ATTL_MISS)
        resp_null(rq->out, rq->s->proto);
    else if (!reply_if_failed(rq, status))
        reply_ok(rq);
}

/* What a fetch came to. */
struct fetched {
    attl_slice key;
    int status;
    const attl_value *value; /* data.data is NULL if there is none */
    uint64_t token;
    int64_t lease_end_ms, retry_ms;
    bool with_meta;
};

static int64_t
left_ms(int64_t end_ms, int64_t now_ms)
{
    return end_ms == ATTL_NO_DEADLINE ? -1 : end_ms > now_ms ? end_ms - now_ms : 0;
}

static void
reply_meta(struct request *rq, const struct fetched *f)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    int64_t now_ms = request_now_ms(rq);
    int status = attl_peek(rq->env->cache, f->key, NULL, &info);
    bool there = status == ATTL_OK || status == ATTL_STALE || status == ATTL_NEGATIVE;
    int64_t soft_ms = info.soft_ms == ATTL_NO_DEADLINE ? info.hard_ms : info.soft_ms;
    resp_map(rq->out, rq->s->proto, META_FIELDS);
    reply_field_int(rq, "fresh_ms", there ? left_ms(soft_ms, now_ms) : 0);
    reply_field_int(rq, "ttl_ms", there ? left_ms(info.hard_ms, now_ms) : 0);
    reply_field_int(rq, "load_ms", there ? info.load_ms : 0);
    reply_field_int(rq, "lease_ms", f->token ? left_ms(f->lease_end_ms, now_ms) : 0);
    reply_field_int(rq, "retry_ms", f->retry_ms ? left_ms(f->retry_ms, now_ms) : 0);
}

static void
reply_fetched(struct request *rq, const struct fetched *f)
{
    static const char *const words[] = { [ATTL_OK] = "hit",
                                         [ATTL_MISS] = "wait",
                                         [ATTL_STALE] = "stale",
                                         [ATTL_NEGATIVE] = "neg",
                                         [ATTL_WON] = "win" };
    bool won = f->status == ATTL_WON;
    bool has_value = won || f->status == ATTL_OK || f->status == ATTL_STALE;
    resp_array(rq->out, 1 + won + has_value + f->with_meta);
    resp_bulk_str(rq->out, words[f->status]);
    if (won)
        resp_int(rq->out, (int64_t)f->token);
    if (has_value && f->value->data.data)
        resp_bulk(rq->out, f->value->data);
    else if (has_value)
        resp_null(rq->out, rq->s->proto);
    if (f->with_meta)
        reply_meta(rq, f);
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* True after answering with what there is now; false: nothing, and when the source may be asked. */
static bool
fetch_now(struct request *rq, attl_slice key, const attl_fetch_opts *opts, bool with_meta,
          int64_t *ret_retry_ms)
{
    attl_value value = ATTL_VALUE_INIT;
    attl_lease lease = ATTL_LEASE_INIT;
    int status = attl_fetch(rq->env->cache, key, opts, &value, &lease);
    *ret_retry_ms = lease.retry_ms;
    if (status == ATTL_MISS)
        return false;
    if (status == ATTL_E_INVALID) {
        resp_error(rq->out, "ERR value is out of range");
    } else if (status == ATTL_E_BUSY) {
        resp_error(rq->out, "BUSY too many keys are being loaded, or too many bytes of values are "
                            "in use (cache.max_pinned): try again");
    } else if (!reply_if_failed(rq, status)) {
        struct fetched f = { .key = key,
                             .status = status,
                             .value = &value,
                             .token = lease.token,
                             .lease_end_ms = lease.end_ms,
                             .retry_ms = lease.retry_ms,
                             .with_meta = with_meta };
        reply_fetched(rq, &f);
        attl_value_release(rq->env->cache, &value);
    }
    return true;
}

static attl_slice
key_of(const struct command_job *job)
{
    return attl_b(job->list.data, job->list.len);
}

static int
fetch_submit(struct command_job *job, attl_queue *queue, uint64_t user_data, uint64_t *ret_id)
{
    attl_submit_opts opts = ATTL_SUBMIT_OPTS_INIT;
    opts.user_data = user_data;
    return attl_submit_fetch(queue, key_of(job), &job->fetch, &opts, ret_id);
}

static void
reply_wait(struct request *rq, attl_slice key, int64_t retry_ms, bool with_meta)
{
    struct fetched f = {
        .key = key, .status = ATTL_MISS, .retry_ms = retry_ms, .with_meta = with_meta
    };
    reply_fetched(rq, &f);
}

static void
fetch_reply(struct command_job *job, struct request *rq)
{
    const attl_completion *done = job->done;
    if (done->status == ATTL_E_BUSY) { /* too much is pinned for another pin: read it here */
        int64_t retry_ms;
        if (!fetch_now(rq, key_of(job), &job->fetch, job->with_meta, &retry_ms))
            reply_wait(rq, key_of(job), retry_ms, job->with_meta);
        return;
    }
    int status = done->status;
    if (status == ATTL_E_CANCELED || status == ATTL_E_CLOSED)
        status = ATTL_MISS; /* the client will not ask again, or the server stops */
    if (reply_if_failed(rq, status))
        return;
    struct fetched f = { .key = key_of(job),
                         .status = status,
                         .value = &done->value,
                         .token = done->number,
                         .lease_end_ms = done->deadline_ms,
                         .with_meta = job->with_meta };
    reply_fetched(rq, &f);
}

static void
fetch_dropped(struct command_job *job)
{
    if (job->done->status != ATTL_WON)
        return;
    /* For the next who waits or asks; if it is lost it needs no giving back. */
    int status = attl_renew(job->cache, key_of(job), job->done->number, 0);
    (void)status;
}

/* ATTL.FETCH key [LEASE ms] [WAIT ms] [STALE ms | NO] [EARLY percent] [WITHMETA] */
void
cmd_attl_fetch(struct request *rq)
{
    attl_fetch_opts opts = ATTL_FETCH_OPTS_INIT;
    bool with_meta = false;
    int64_t retry_ms;
    if (!read_fetch(rq, &opts, &with_meta) ||
        fetch_now(rq, rq->argv[1], &opts, with_meta, &retry_ms))
        return;
    if (opts.wait_ms == 0 || !rq->env->host->park) {
        reply_wait(rq, rq->argv[1], retry_ms, with_meta);
        return;
    }
    struct command_job *job = request_job(rq, NULL, fetch_reply);
    if (!job)
        return;
    job->dropped = fetch_dropped;
    job->fetch = opts;
    job->with_meta = with_meta;
    buf_append(&job->list, rq->argv[1].data, rq->argv[1].len);
    if (job->list.failed) {
        reply_failure(rq, ATTL_E_NOMEM);
        command_job_free(job);
        return;
    }
    request_park(rq, job, fetch_submit);
}

/* ---- what the winner says -------------------------------------------------------------------- */

/* ATTL.FILL key token value [EX s | PX ms] [SOFT ms] [GRACE ms] [JITTER percent] */
void
cmd_attl_fill(struct request *rq)
{
    attl_fill_opts opts = ATTL_FILL_OPTS_INIT;
    uint64_t token;
    if (read_token(rq, &token) && read_fill(rq, 4, &opts))
        reply_lease(rq, attl_fill(rq->env->cache, rq->argv[1], token, rq->argv[3], &opts));
}

/* ATTL.KEEP key token [EX s | PX ms] [SOFT ms] [GRACE ms] [JITTER percent] */
void
cmd_attl_keep(struct request *rq)
{
    attl_fill_opts opts = ATTL_FILL_OPTS_INIT;
    uint64_t token;
    if (read_token(rq, &token) && read_fill(rq, 3, &opts))
        reply_lease(rq, attl_keep(rq->env->cache, rq->argv[1], token, &opts));
}

/* NEG with a number, or without one: then it is for the key's namespace to say. */
static bool
negative_behind(struct request *rq, size_t *i, int64_t *ret_negative_ms)
{
    *ret_negative_ms = ATTL_NEGATIVE_DEFAULT;
    if (*i + 1 == rq->argc || arg_is(rq->argv[*i + 1], "backoff"))
        return true;
    return number_behind(rq, i, INT64_MAX, ret_negative_ms);
}

/* ATTL.FAIL key token [NEG [ms]] [BACKOFF ms] */
void
cmd_attl_fail(struct request *rq)
{
    uint64_t token;
    int64_t negative_ms = 0, backoff_ms = 0;
    if (!read_token(rq, &token))
        return;
    for (size_t i = 3; i < rq->argc; i++) {
        attl_slice word = rq->argv[i];
        bool ok = false;
        if (arg_is(word, "neg"))
            ok = negative_behind(rq, &i, &negative_ms);
        else if (arg_is(word, "backoff"))
            ok = number_behind(rq, &i, INT64_MAX, &backoff_ms);
        else
            reply_syntax_error(rq);
        if (!ok)
            return;
    }
    reply_lease(rq, attl_fail(rq->env->cache, rq->argv[1], token, negative_ms, backoff_ms));
}

/* ATTL.RENEW key token ms */
void
cmd_attl_renew(struct request *rq)
{
    uint64_t token;
    int64_t lease_ms;
    if (read_token(rq, &token) && arg_i64(rq, 3, NULL, &lease_ms))
        reply_lease(rq, attl_renew(rq->env->cache, rq->argv[1], token, lease_ms));
}
