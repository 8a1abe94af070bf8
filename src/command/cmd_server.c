/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server as a whole, and the commands about things it does not have. The latter answer what
 * Redis answers when there is nothing to show - an empty list, zero, "cluster support disabled" -
 * because monitoring tools and client libraries ask as a matter of course and give up on unknown
 * commands. What would need more than an empty answer is an honest error.
 */
#include "command/commands.h"
#include "command/job.h"
#include "command/reply.h"
#include "command/session.h"

#include "base/num.h"

enum { US_PER_SECOND = 1000000 };

/* DBSIZE */
void
cmd_dbsize(struct request *rq)
{
    resp_int(rq->out, (int64_t)attl_size(rq->env->cache));
}

/* FLUSHALL [ASYNC | SYNC], FLUSHDB [ASYNC | SYNC] */
void
cmd_flush(struct request *rq)
{
    bool word_ok = rq->argc == 1 ||
                   (rq->argc == 2 && (arg_is(rq->argv[1], "async") || arg_is(rq->argv[1], "sync")));
    if (!word_ok) {
        reply_syntax_error(rq);
        return;
    }
    int status = attl_clear(rq->env->cache);
    if (status == ATTL_OK)
        reply_ok(rq);
    else
        reply_failure(rq, status);
}

/* TIME */
void
cmd_time(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    int64_t now_us = host->wall_us(host->ud);
    resp_array(rq->out, 2);
    resp_bulk_int(rq->out, now_us / US_PER_SECOND);
    resp_bulk_int(rq->out, now_us % US_PER_SECOND);
}

/* WAIT numreplicas timeout: there are no replicas, and waiting for them would be pointless. */
void
cmd_wait(struct request *rq)
{
    int64_t replicas, timeout_ms;
    if (!arg_i64(rq, 1, NULL, &replicas) ||
        !arg_i64(rq, 2, "ERR timeout is not an integer or out of range", &timeout_ms))
        return;
    if (timeout_ms < 0)
        resp_error(rq->out, "ERR timeout is negative");
    else
        resp_int(rq->out, 0);
}

struct shutdown_words {
    bool save, nosave, abort, other;
};

static bool
shutdown_word(attl_slice arg, struct shutdown_words *w)
{
    if (arg_is(arg, "save"))
        w->save = true;
    else if (arg_is(arg, "nosave"))
        w->nosave = true;
    else if (arg_is(arg, "abort"))
        w->abort = true;
    else if (arg_is(arg, "now") || arg_is(arg, "force"))
        w->other = true;
    else
        return false;
    return true;
}

/*
 * SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: no reply when it succeeds, the connection ends.
 * What the log has not written yet is written either way; SAVE takes a snapshot as well.
 */
void
cmd_shutdown(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    struct shutdown_words w = { false, false, false, false };
    bool right = true;
    for (size_t i = 1; i < rq->argc && right; i++)
        right = shutdown_word(rq->argv[i], &w);
    if (!right || (w.save && w.nosave) || (w.abort && (w.save || w.nosave || w.other))) {
        reply_syntax_error(rq);
        return;
    }
    if (w.abort) {
        resp_error(rq->out, "ERR No shutdown in progress.");
        return;
    }
    if (w.save) {
        persist_save_and_shut_down(rq);
        return;
    }
    rq->s->close_after_reply = true;
    host->shutdown(host->ud);
}

/* CLUSTER ..., READONLY, READWRITE */
void
cmd_cluster(struct request *rq)
{
    resp_error(rq->out, "ERR This instance has cluster support disabled");
}

/* LOLWUT [VERSION version] */
void
cmd_lolwut(struct request *rq)
{
    static const char text[] = "attl " ATTL_VERSION_STRING
                               ": what lives here, lives until its time has come.\n"
                               "Redis ver. " COMMAND_REDIS_VERSION "\n";
    resp_verbatim(rq->out, rq->s->proto, "txt", attl_s(text));
}

/* For a command that lists what this server has none of. */
void
cmd_empty_array(struct request *rq)
{
    resp_array(rq->out, 0);
}
