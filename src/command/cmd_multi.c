/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands on several strings. MGET streams the values into the reply in the order of the keys
 * while the cache overlaps their memory accesses. The writers hand all pairs to the cache at once,
 * because only it can make them one change; pairs of short requests are split into keys and values
 * on the stack.
 */
#include "base/assert.h"
#include "command/commands.h"
#include "command/reply.h"
#include "command/ttl_option.h"

#include <stdlib.h>

enum { PAIRS_ON_STACK = 64, PAIRS_MAX = 65536 /* of attl_mset */ };

struct mget {
    struct request *rq;
    size_t start; /* of the values in the output */
    int failure;  /* first status < 0, or 0 */
};

static void
mget_visit(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    struct mget *mget = ud;
    if (i == 0) { /* perhaps once more, if a transaction came in between */
        mget->rq->out->len = mget->start;
        mget->failure = 0;
    }
    if (status == ATTL_OK)
        resp_bulk(mget->rq->out, value);
    else if (status < 0 && mget->failure == 0)
        mget->failure = status;
    else
        resp_null(mget->rq->out, mget->rq->s->proto);
}

/* MGET key [key ...] */
void
cmd_mget(struct request *rq)
{
    size_t mark = rq->out->len;
    struct mget mget = { .rq = rq };
    resp_array(rq->out, rq->argc - 1);
    mget.start = rq->out->len;
    int status =
        attl_mget_at_once(rq->env->cache, rq->argv + 1, rq->argc - 1, mget_visit, &mget, NULL);
    if (status != ATTL_OK)
        mget.failure = status;
    if (mget.failure) {
        /* A key that the validation refuses is the caller's mistake, not a miss: say so. */
        rq->out->len = mark;
        reply_failure(rq, mget.failure);
    }
}

static int
store_split(struct request *rq, size_t first, size_t n, attl_slice *keys, const attl_set_opts *opts)
{
    attl_slice *values = keys + n;
    for (size_t i = 0; i < n; i++) {
        keys[i] = rq->argv[first + 2 * i];
        values[i] = rq->argv[first + 2 * i + 1];
    }
    return attl_mset(rq->env->cache, keys, values, n, opts);
}

/* Stores the n pairs that start at argv[first]; false after answering a failure. */
static bool
store_pairs(struct request *rq, size_t first, size_t n, const attl_set_opts *opts, int *ret_status)
{
    attl_slice stack[2 * PAIRS_ON_STACK];
    ASSERT(n >= 1);
    if (n > PAIRS_MAX) {
        resp_errorf(rq->out, "ERR too many keys in one command, the limit is %d", PAIRS_MAX);
        return false;
    }
    attl_slice *slices = n <= PAIRS_ON_STACK ? stack : malloc(2 * n * sizeof *slices);
    int st = slices ? store_split(rq, first, n, slices, opts) : ATTL_E_NOMEM;
    if (slices != stack)
        free(slices);
    if (reply_if_failed(rq, st))
        return false;
    *ret_status = st;
    return true;
}

/* Stores and answers :1 or :0. */
static void
store_and_count(struct request *rq, size_t first, size_t n, const attl_set_opts *opts)
{
    int st;
    if (store_pairs(rq, first, n, opts, &st))
        reply_done(rq, st);
}

/* MSET key value [key value ...] */
void
cmd_mset(struct request *rq)
{
    if (rq->argc % 2 == 0) {
        reply_arity_error(rq);
        return;
    }
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    int st;
    if (store_pairs(rq, 1, (rq->argc - 1) / 2, &opts, &st))
        reply_ok(rq);
}

/* MSETNX key value [key value ...] */
void
cmd_msetnx(struct request *rq)
{
    if (rq->argc % 2 == 0) {
        reply_arity_error(rq);
        return;
    }
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = ATTL_SET_NX;
    store_and_count(rq, 1, (rq->argc - 1) / 2, &opts);
}

/* Reads the words behind the pairs of MSETEX; false after answering. */
static bool
msetex_words(struct request *rq, size_t i, attl_set_opts *opts)
{
    struct ttl_option life = { TTL_WORD_NONE, { NULL, 0 } };
    for (; i < rq->argc; i++) {
        enum ttl_read read = ttl_option_read(rq, &i, TTL_WORD_KEEPTTL, &life);
        if (read == TTL_READ_TAKEN)
            continue;
        uint32_t flag = arg_is(rq->argv[i], "nx")   ? ATTL_SET_NX
                        : arg_is(rq->argv[i], "xx") ? ATTL_SET_XX
                                                    : 0;
        if (read == TTL_READ_WRONG || !flag || (opts->flags && opts->flags != flag)) {
            reply_syntax_error(rq);
            return false;
        }
        opts->flags = flag;
    }
    struct ttl_value value;
    if (!ttl_option_value(rq, &life, ATTL_TTL_DEFAULT, &value))
        return false;
    opts->ttl_ms = value.ttl_ms;
    opts->deadline_ms = value.deadline_ms;
    return true;
}

/* MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
void
cmd_msetex(struct request *rq)
{
    int64_t pairs;
    if (!arg_i64(rq, 1, "ERR invalid numkeys value", &pairs))
        return;
    if (pairs < 1) {
        resp_error(rq->out, "ERR invalid numkeys value");
        return;
    }
    if ((uint64_t)pairs > (rq->argc - 2) / 2) {
        resp_error(rq->out, "ERR wrong number of key-value pairs");
        return;
    }
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    if (msetex_words(rq, 2 + 2 * (size_t)pairs, &opts))
        store_and_count(rq, 2, (size_t)pairs, &opts);
}
