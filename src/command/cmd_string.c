/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands on one string, except SET with options (cmd_set.c). GET is the command the whole server
 * is built around: the value is copied once, from where the cache keeps it into the reply. Commands
 * that return an old value pin it just long enough to copy it out.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/ttl_option.h"

static void
visit_bulk(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    resp_bulk(ud, value);
}

/* GET key */
void
cmd_get(struct request *rq)
{
    int st = attl_get_visit(rq->env->cache, rq->argv[1], visit_bulk, rq->out);
    if (st == ATTL_OK)
        return;
    if (!reply_if_failed(rq, st))
        resp_null(rq->out, rq->s->proto);
}

static void
visit_length(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    *(size_t *)ud = value.len;
}

/* STRLEN key */
void
cmd_strlen(struct request *rq)
{
    size_t len = 0;
    int st = attl_get_visit(rq->env->cache, rq->argv[1], visit_length, &len);
    if (!reply_if_failed(rq, st))
        resp_int(rq->out, (int64_t)len);
}

/* SETNX key value */
void
cmd_setnx(struct request *rq)
{
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = ATTL_SET_NX;
    reply_done(rq, attl_set_if(rq->env->cache, rq->argv[1], rq->argv[2], &opts, NULL, NULL));
}

static void
set_with_life(struct request *rq, enum ttl_word unit)
{
    struct ttl_option opt = { unit, rq->argv[2] };
    struct ttl_value life;
    if (!ttl_option_value(rq, &opt, ATTL_TTL_DEFAULT, &life))
        return;
    int st = attl_set(rq->env->cache, rq->argv[1], rq->argv[3], life.ttl_ms);
    if (!reply_if_failed(rq, st))
        reply_ok(rq);
}

/* SETEX key seconds value */
void
cmd_setex(struct request *rq)
{
    set_with_life(rq, TTL_WORD_EX);
}

/* PSETEX key milliseconds value */
void
cmd_psetex(struct request *rq)
{
    set_with_life(rq, TTL_WORD_PX);
}

/* GETSET key value */
void
cmd_getset(struct request *rq)
{
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    attl_value old = ATTL_VALUE_INIT;
    int had_old = 0;
    int st = attl_set_if(rq->env->cache, rq->argv[1], rq->argv[2], &opts, &old, &had_old);
    if (!reply_if_failed(rq, st))
        reply_value(rq, &old, had_old != 0);
}

/* GETDEL key */
void
cmd_getdel(struct request *rq)
{
    attl_value value = ATTL_VALUE_INIT;
    int st = attl_getdel(rq->env->cache, rq->argv[1], &value);
    if (!reply_if_failed(rq, st))
        reply_value(rq, &value, st == ATTL_OK);
}

/* GETEX key [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | PERSIST]
 */
void
cmd_getex(struct request *rq)
{
    struct ttl_option opt = { TTL_WORD_NONE, { NULL, 0 } };
    for (size_t i = 2; i < rq->argc; i++) {
        if (ttl_option_read(rq, &i, TTL_WORD_PERSIST, &opt) != TTL_READ_TAKEN) {
            reply_syntax_error(rq);
            return;
        }
    }
    if (opt.word == TTL_WORD_NONE) {
        cmd_get(rq);
        return;
    }
    struct ttl_value life;
    if (ttl_option_number(rq, &opt, ATTL_TTL_KEEP, &life) != TTL_NUMBER_FINE &&
        attl_exists(rq->env->cache, rq->argv[1]) == ATTL_MISS) {
        /* Redis looks for the key before it looks at the number. */
        resp_null(rq->out, rq->s->proto);
        return;
    }
    if (!ttl_option_value(rq, &opt, ATTL_TTL_KEEP, &life))
        return;
    attl_value value = ATTL_VALUE_INIT;
    int st = attl_getex(rq->env->cache, rq->argv[1], life.ttl_ms, life.deadline_ms, &value);
    if (!reply_if_failed(rq, st))
        reply_value(rq, &value, st != ATTL_MISS);
}

/* APPEND key value */
void
cmd_append(struct request *rq)
{
    uint64_t len = 0;
    int st = attl_append(rq->env->cache, rq->argv[1], rq->argv[2], &len);
    if (!reply_if_failed(rq, st))
        resp_int(rq->out, (int64_t)len);
}
