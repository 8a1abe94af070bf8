/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SET with its options. Parsing settles everything that can be wrong before the cache is touched:
 * words first, then the number of a life, then a digest. What has no condition, no old value to
 * return and no absolute deadline takes the cache's plain store; the rest takes the conditional
 * one, which decides, reads the old value and stores in one step.
 */
#include "command/commands.h"
#include "command/condition.h"
#include "command/reply.h"
#include "command/ttl_option.h"

struct set_words {
    uint32_t condition; /* ATTL_SET_*, 0: none */
    attl_slice operand; /* of IFEQ and its like */
    bool get;
    struct ttl_option life;
};

static uint32_t
presence_flag(attl_slice word)
{
    return arg_is(word, "nx") ? ATTL_SET_NX : arg_is(word, "xx") ? ATTL_SET_XX : 0;
}

/* Reads one option at *i; false if it is wrong. */
static bool
set_word(const struct request *rq, size_t *i, struct set_words *w)
{
    attl_slice arg = rq->argv[*i];
    enum ttl_read life = ttl_option_read(rq, i, TTL_WORD_KEEPTTL, &w->life);
    if (life != TTL_READ_OTHER)
        return life == TTL_READ_TAKEN;
    if (arg_is(arg, "get")) {
        w->get = true;
        return true;
    }
    uint32_t presence = presence_flag(arg);
    if (presence) {
        /* Redis takes NX NX; two different conditions are an error. */
        bool fits = w->condition == 0 || w->condition == presence;
        w->condition = presence;
        return fits;
    }
    uint32_t compare = condition_flag(arg);
    if (!compare || w->condition || *i + 1 >= rq->argc)
        return false;
    w->condition = compare;
    w->operand = rq->argv[++*i];
    return true;
}

/* Stores under `opts`, answering OK, or null if a condition failed. */
static void
set_conditionally(struct request *rq, const attl_set_opts *opts)
{
    int st = attl_set_if(rq->env->cache, rq->argv[1], rq->argv[2], opts, NULL, NULL);
    if (reply_if_failed(rq, st))
        return;
    if (st == ATTL_NOT_SET)
        resp_null(rq->out, rq->s->proto);
    else
        reply_ok(rq);
}

/* The same, answering the old value. */
static void
set_and_get(struct request *rq, const attl_set_opts *opts)
{
    attl_value old = ATTL_VALUE_INIT;
    int had_old = 0;
    int st = attl_set_if(rq->env->cache, rq->argv[1], rq->argv[2], opts, &old, &had_old);
    if (!reply_if_failed(rq, st))
        reply_value(rq, &old, had_old != 0);
}

static void
set_plain(struct request *rq, int64_t ttl_ms)
{
    int st = attl_set(rq->env->cache, rq->argv[1], rq->argv[2], ttl_ms);
    if (!reply_if_failed(rq, st))
        reply_ok(rq);
}

static void
set_with_words(struct request *rq)
{
    struct set_words w = { 0, { NULL, 0 }, false, { TTL_WORD_NONE, { NULL, 0 } } };
    for (size_t i = 3; i < rq->argc; i++) {
        if (!set_word(rq, &i, &w)) {
            reply_syntax_error(rq);
            return;
        }
    }
    struct ttl_value life;
    if (!ttl_option_value(rq, &w.life, ATTL_TTL_DEFAULT, &life))
        return;
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = w.condition;
    opts.ttl_ms = life.ttl_ms;
    opts.deadline_ms = life.deadline_ms;
    if (!condition_operand(rq, w.operand, &opts))
        return;
    if (w.get)
        set_and_get(rq, &opts);
    else if (w.condition || life.deadline_ms > 0)
        set_conditionally(rq, &opts);
    else
        set_plain(rq, life.ttl_ms);
}

/*
 * SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET]
 *     [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | KEEPTTL]
 */
void
cmd_set(struct request *rq)
{
    if (rq->argc == 3)
        set_plain(rq, ATTL_TTL_DEFAULT);
    else
        set_with_words(rq);
}
