/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lives. The four EXPIRE commands differ in unit and in whether the number is a duration or a point
 * in time; everything becomes milliseconds before the cache sees it, and a number whose
 * milliseconds do not fit is refused first. Unlike in SET, zero, negative and past are legal here:
 * they delete the key.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/ttl_option.h"

enum { MS_PER_SECOND = 1000, MISSING = -2, ENDLESS = -1 };

static uint32_t
expire_flag(attl_slice arg)
{
    if (arg_is(arg, "nx"))
        return ATTL_EXPIRE_NX;
    if (arg_is(arg, "xx"))
        return ATTL_EXPIRE_XX;
    if (arg_is(arg, "gt"))
        return ATTL_EXPIRE_GT;
    return arg_is(arg, "lt") ? ATTL_EXPIRE_LT : 0;
}

/* The conditions behind the number; false after answering. */
static bool
expire_flags(struct request *rq, uint32_t *ret_flags)
{
    uint32_t flags = 0;
    for (size_t i = 3; i < rq->argc; i++) {
        uint32_t flag = expire_flag(rq->argv[i]);
        if (!flag) {
            attl_slice arg = rq->argv[i];
            resp_errorf(rq->out, "ERR Unsupported option %.*s",
                        (int)(arg.len < 128 ? arg.len : 128),
                        arg.len ? (const char *)arg.data : "");
            return false;
        }
        flags |= flag;
    }
    if ((flags & ATTL_EXPIRE_NX) && flags != ATTL_EXPIRE_NX) {
        resp_error(rq->out, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((flags & ATTL_EXPIRE_GT) && (flags & ATTL_EXPIRE_LT)) {
        resp_error(rq->out, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    *ret_flags = flags;
    return true;
}

/* The number in milliseconds and the conditions; false after answering. */
static bool
expire_args(struct request *rq, bool in_seconds, bool relative, int64_t *ret_ms,
            uint32_t *ret_flags)
{
    int64_t ms;
    if (!expire_flags(rq, ret_flags) || !arg_i64(rq, 2, NULL, &ms))
        return false;
    if ((in_seconds && !ttl_seconds_to_ms(ms, &ms)) || (relative && ttl_overflows(rq, ms))) {
        reply_expire_error(rq);
        return false;
    }
    *ret_ms = ms;
    return true;
}

static void
expire_after(struct request *rq, bool in_seconds)
{
    int64_t ms;
    uint32_t flags;
    if (expire_args(rq, in_seconds, true, &ms, &flags))
        reply_done(rq, attl_expire(rq->env->cache, rq->argv[1], ms, flags));
}

static void
expire_at(struct request *rq, bool in_seconds)
{
    int64_t ms;
    uint32_t flags;
    if (expire_args(rq, in_seconds, false, &ms, &flags))
        reply_done(rq, attl_expire_at(rq->env->cache, rq->argv[1], ms, flags));
}

/* EXPIRE key seconds [NX | XX | GT | LT] */
void
cmd_expire(struct request *rq)
{
    expire_after(rq, true);
}

/* PEXPIRE key milliseconds [NX | XX | GT | LT] */
void
cmd_pexpire(struct request *rq)
{
    expire_after(rq, false);
}

/* EXPIREAT key unix-seconds [NX | XX | GT | LT] */
void
cmd_expireat(struct request *rq)
{
    expire_at(rq, true);
}

/* PEXPIREAT key unix-milliseconds [NX | XX | GT | LT] */
void
cmd_pexpireat(struct request *rq)
{
    expire_at(rq, false);
}

/* Milliseconds as the reply's unit, rounded to the nearest second as Redis rounds. */
static void
reply_life(struct request *rq, int status, int64_t ms, bool in_seconds)
{
    if (reply_if_failed(rq, status))
        return;
    if (status == ATTL_MISS)
        resp_int(rq->out, MISSING);
    else if (ms < 0)
        resp_int(rq->out, ENDLESS);
    else
        resp_int(rq->out, in_seconds ? (ms + MS_PER_SECOND / 2) / MS_PER_SECOND : ms);
}

static void
remaining(struct request *rq, bool in_seconds)
{
    int64_t ttl_ms = 0;
    int st = attl_ttl(rq->env->cache, rq->argv[1], &ttl_ms);
    reply_life(rq, st, ttl_ms, in_seconds);
}

/* TTL key */
void
cmd_ttl(struct request *rq)
{
    remaining(rq, true);
}

/* PTTL key */
void
cmd_pttl(struct request *rq)
{
    remaining(rq, false);
}

static void
end_of_life(struct request *rq, bool in_seconds)
{
    attl_meta meta = ATTL_META_INIT;
    int st = attl_meta_get(rq->env->cache, rq->argv[1], &meta);
    reply_life(rq, st, meta.deadline_ms, in_seconds);
}

/* EXPIRETIME key */
void
cmd_expiretime(struct request *rq)
{
    end_of_life(rq, true);
}

/* PEXPIRETIME key */
void
cmd_pexpiretime(struct request *rq)
{
    end_of_life(rq, false);
}

/* PERSIST key */
void
cmd_persist(struct request *rq)
{
    reply_done(rq, attl_persist(rq->env->cache, rq->argv[1]));
}
