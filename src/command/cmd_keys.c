/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys, whatever their value. DEL and its relatives take the keys one by one: each is its own
 * change, as each is in a pipeline, and the server has fetched their memory beforehand. When the
 * validation refuses a key, the command stops there and says so; the keys before it are done.
 */
#include "command/commands.h"
#include "command/reply.h"

typedef int key_fn(attl *cache, attl_slice key);

/* Answers for how many of the keys `fn` returned ATTL_OK. */
static void
count_keys(struct request *rq, key_fn *fn)
{
    int64_t n = 0;
    for (size_t i = 1; i < rq->argc; i++) {
        int st = fn(rq->env->cache, rq->argv[i]);
        if (reply_if_failed(rq, st))
            return;
        n += st == ATTL_OK;
    }
    resp_int(rq->out, n);
}

/* DEL key [key ...], UNLINK key [key ...] */
void
cmd_del(struct request *rq)
{
    count_keys(rq, attl_del);
}

/* EXISTS key [key ...] */
void
cmd_exists(struct request *rq)
{
    count_keys(rq, attl_exists);
}

/* TOUCH key [key ...] */
void
cmd_touch(struct request *rq)
{
    count_keys(rq, attl_touch);
}

/* TYPE key */
void
cmd_type(struct request *rq)
{
    int st = attl_exists(rq->env->cache, rq->argv[1]);
    if (!reply_if_failed(rq, st))
        resp_simple(rq->out, st == ATTL_OK ? "string" : "none");
}

/* The status of moving argv[1] to argv[2]; a key moved onto itself stays. */
static int
rename_key(struct request *rq, uint32_t flags)
{
    if (!slice_equal(rq->argv[1], rq->argv[2]))
        return attl_rename(rq->env->cache, rq->argv[1], rq->argv[2], flags);
    int st = attl_exists(rq->env->cache, rq->argv[1]);
    return st == ATTL_OK && (flags & ATTL_SET_NX) ? ATTL_NOT_SET : st;
}

/* RENAME key newkey */
void
cmd_rename(struct request *rq)
{
    int st = rename_key(rq, 0);
    if (reply_if_failed(rq, st))
        return;
    if (st == ATTL_MISS)
        resp_error(rq->out, "ERR no such key");
    else
        reply_ok(rq);
}

/* RENAMENX key newkey */
void
cmd_renamenx(struct request *rq)
{
    int st = rename_key(rq, ATTL_SET_NX);
    if (st == ATTL_MISS)
        resp_error(rq->out, "ERR no such key");
    else
        reply_done(rq, st);
}

/* The options of COPY; false after answering. */
static bool
copy_words(struct request *rq, uint32_t *ret_flags)
{
    uint32_t flags = ATTL_SET_NX;
    for (size_t i = 3; i < rq->argc; i++) {
        int64_t db = 0;
        if (arg_is(rq->argv[i], "replace")) {
            flags = 0;
        } else if (arg_is(rq->argv[i], "db") && i + 1 < rq->argc) {
            if (!arg_i64(rq, ++i, NULL, &db))
                return false;
        } else {
            reply_syntax_error(rq);
            return false;
        }
        if (db != 0) {
            resp_error(rq->out, "ERR DB index is out of range");
            return false;
        }
    }
    *ret_flags = flags;
    return true;
}

/* COPY source destination [DB 0] [REPLACE] */
void
cmd_copy(struct request *rq)
{
    uint32_t flags;
    if (!copy_words(rq, &flags))
        return;
    if (slice_equal(rq->argv[1], rq->argv[2])) {
        resp_error(rq->out, "ERR source and destination objects are the same");
        return;
    }
    reply_done(rq, attl_copy(rq->env->cache, rq->argv[1], rq->argv[2], flags));
}
