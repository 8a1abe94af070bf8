/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.TRACE: the caller's own id for what it does, so that a line of a log, an entry of the slow
 * log or of the audit can be found from the request that caused it. The id is text of the client's
 * choice and ends in lines of text, so only printable characters without spaces are let in; a W3C
 * traceparent fits. It belongs to the session, and nothing is looked up by it here.
 */
#include "command/commands.h"
#include "command/reply.h"
#include "command/session.h"

/* ATTL.TRACE id [STICKY] | OFF | GET */
void
cmd_attl_trace(struct request *rq)
{
    attl_slice id = rq->argv[1];
    bool sticky = rq->argc == 3 && arg_is(rq->argv[2], "sticky");
    if (rq->argc > 2 && !sticky) {
        reply_syntax_error(rq);
        return;
    }
    if (rq->argc == 2 && arg_is(id, "get")) {
        resp_bulk_str(rq->out, session_trace(rq->s));
        return;
    }
    if (rq->argc == 2 && arg_is(id, "off")) {
        session_clear_trace(rq->s);
        reply_ok(rq);
        return;
    }
    const char *problem = session_trace_problem(id);
    if (problem) {
        resp_error(rq->out, problem);
        return;
    }
    session_set_trace(rq->s, id, !sticky);
    reply_ok(rq);
}
