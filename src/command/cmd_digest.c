/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests and deletion under a condition. A digest is a version that needs no room in the entry:
 * who read a value can later replace or delete it only if it is still the same. The comparison and
 * the deletion are one step of the cache.
 */
#include "command/commands.h"
#include "command/condition.h"
#include "command/reply.h"

static void
visit_digest(void *ud, attl_slice value, int64_t deadline_ms)
{
    (void)deadline_ms;
    *(uint64_t *)ud = attl_digest(value);
}

/* DIGEST key */
void
cmd_digest(struct request *rq)
{
    uint64_t digest = 0;
    int st = attl_get_visit(rq->env->cache, rq->argv[1], visit_digest, &digest);
    if (reply_if_failed(rq, st))
        return;
    if (st != ATTL_OK) {
        resp_null(rq->out, rq->s->proto);
        return;
    }
    char text[CONDITION_DIGEST_DIGITS];
    condition_digest_text(digest, text);
    resp_bulk(rq->out, attl_b(text, sizeof text));
}

/* DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] */
void
cmd_delex(struct request *rq)
{
    if (rq->argc == 2) {
        reply_done(rq, attl_del(rq->env->cache, rq->argv[1]));
        return;
    }
    if (rq->argc != 4) {
        reply_arity_error(rq);
        return;
    }
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = condition_flag(rq->argv[2]);
    if (!opts.flags) {
        resp_error(rq->out, "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
        return;
    }
    if (condition_operand(rq, rq->argv[3], &opts))
        reply_done(rq, attl_del_if(rq->env->cache, rq->argv[1], &opts));
}

/* DELIFEQ key value */
void
cmd_delifeq(struct request *rq)
{
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = ATTL_SET_IFEQ;
    opts.match = rq->argv[2];
    reply_done(rq, attl_del_if(rq->env->cache, rq->argv[1], &opts));
}
