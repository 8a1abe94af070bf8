/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose session it is and what that user may do. A session holds a version of its user; before each
 * request one number says whether any user has changed since, and only then is it looked up again.
 * SESSION_RESTRICTED is set for users who may not do everything: without it, and without a change,
 * a request costs one comparison. Called by the worker that serves the session, inside its lock.
 */
#ifndef ATTL_COMMAND_PERMIT_H
#define ATTL_COMMAND_PERMIT_H

#include "access/access.h"
#include "command/table.h"

/* Not 0 if the session's user may have changed, or is not known yet. */
static inline uint64_t
permit_is_stale(const struct request *rq)
{
    const struct access *a = rq->env->access;
    return a ? rq->s->access_seen ^ access_generation(a) : 0;
}

/* Takes the newest version of the session's user; false after answering that it was deleted. */
bool permit_renew(struct request *rq);
/* Whether the user may run the request; answers and records it if not. */
bool permit_admits(struct request *rq);
/* The same for a command that EXEC runs: true, or an error for its place in the reply. */
bool permit_admits_queued(struct request *rq);
/* From now on the session is `user`'s, which it takes over (NULL: the default user's). */
void permit_set_user(struct session *s, struct access_user *user, uint64_t generation);
/* What the words of a command would do. The arity must fit. */
struct access_request permit_request(const struct command *cmd, const attl_slice *argv,
                                     size_t argc);
/* "User bob has no permissions to ..." */
void permit_explain(const struct access_user *u, const struct command *cmd,
                    enum access_verdict verdict, attl_slice object, struct buf *out);
/* Records a refusal for ACL LOG. */
void permit_record(struct request *rq, enum denial_reason reason, attl_slice object,
                   attl_slice user);

#endif
