/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classes follow from the flags of the table of commands: what neither reads nor writes data is
 * never shed. A request that names more than MANY_WORDS words costs as much as a scan, whatever it
 * does. A request that was put off runs when it is offered for the second time (session.exempt),
 * and one that cannot be offered twice, because it was unquoted in place, runs at once.
 */
#include "command/shed.h"

#include "command/commands.h"
#include "command/reply.h"
#include "command/transaction.h"
#include "os/clock.h"
#include "protocol/resp_write.h"

#include <inttypes.h>

enum { MANY_WORDS = 64, NS_PER_MS = 1000000, DEADLINE_MAX_MS = 3600 * 1000 };

enum shed_class
shed_class_of(const struct command *cmd, size_t argc)
{
    if ((cmd->flags & (CMD_ADMIN | CMD_AT_ONCE | CMD_NO_AUTH)) ||
        !(cmd->flags & (CMD_READONLY | CMD_WRITE)))
        return SHED_NEVER;
    if ((cmd->flags & CMD_WHOLE) || argc > MANY_WORDS)
        return SHED_SCAN;
    return cmd->flags & CMD_WRITE ? SHED_WRITE : SHED_READ;
}

static void
count(struct request *rq, enum shed_class class, enum shed_outcome outcome)
{
    _Atomic uint64_t *counter = &rq->env->shed[class][outcome];
    uint64_t was = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, was + 1, memory_order_relaxed); /* one writer */
}

static bool
is_queueing(const struct session *s)
{
    return s->transaction && s->transaction->queueing;
}

bool
shed_admits(struct request *rq)
{
    struct session *s = rq->s;
    enum shed_class class = shed_class_of(rq->cmd, rq->argc);
    if (!shed_covers(rq->env->shed_level, class) || is_queueing(s))
        return true;
    if (s->throttled) {
        count(rq, class, SHED_REFUSED);
        resp_errorf(rq->out, "THROTTLED overload retry-after-ms=%" PRId64, rq->env->shed_retry_ms);
        return false;
    }
    if (s->exempt || s->exempt_once)
        return true;
    count(rq, class, SHED_PUT_OFF);
    s->interrupt |= SESSION_PUT_OFF;
    s->put_off_class = class;
    return false;
}

bool
shed_is_in_time(struct request *rq)
{
    const struct session *s = rq->s;
    enum shed_class class = shed_class_of(rq->cmd, rq->argc);
    if (class == SHED_NEVER || clock_mono_ns() - s->arrived_ns <= s->deadline_ms * NS_PER_MS)
        return true;
    count(rq, class, SHED_LATE);
    resp_errorf(rq->out, "THROTTLED deadline retry-after-ms=%" PRId64,
                rq->env->shed_level ? rq->env->shed_retry_ms : 0);
    return false;
}

/* ATTL.DEADLINE milliseconds */
void
cmd_attl_deadline(struct request *rq)
{
    struct session *s = rq->s;
    int64_t ms;
    if (!arg_i64(rq, 1, NULL, &ms))
        return;
    if (ms < 0 || ms > DEADLINE_MAX_MS) {
        resp_error(rq->out, "ERR deadline is not between 0 and 3600000 milliseconds");
        return;
    }
    if (s->deadline_ms == 0) /* nobody has taken the time of what arrived with this */
        s->arrived_ns = clock_mono_ns();
    s->deadline_ms = ms;
    s->special = ms ? s->special | SESSION_DEADLINE : s->special & ~(unsigned)SESSION_DEADLINE;
    reply_ok(rq);
}
