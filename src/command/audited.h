/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that are recorded in the audit trail: which they are, and what is written of them. The
 * choice follows from the rows of the table (administration, danger, AUTH), less what only looks;
 * one test of two masks in command_env, which are 0 without a trail, is all that other commands
 * pay. Secrets never get into a line, values of entries neither, and names of keys as
 * audit.keys says. Everything belongs to the worker that runs the request.
 */
#ifndef ATTL_COMMAND_AUDITED_H
#define ATTL_COMMAND_AUDITED_H

#include "audit/audit.h"
#include "command/table.h"

/* Sets the masks of `env` from its host's trail. */
void audited_prepare(struct command_env *env);
/* The same if it is news that some namespace says what of it is recorded, or that none does. */
static inline void
audited_follow(struct command_env *env, bool spaces)
{
    if (__builtin_expect(env->audit_spaces == spaces, 1))
        return;
    env->audit_spaces = spaces;
    audited_prepare(env);
}
/* Whether a command may have to be recorded: audited_run() says, and runs it. */
static inline bool
audited_is(const struct command_env *env, const struct command *cmd)
{
    return ((cmd->flags & env->audit_flags) | (cmd->cats & env->audit_cats)) != 0;
}

/* Runs the request with `run`, and records it; or refuses it if it must be and cannot be. */
void audited_run(struct request *rq, void (*run)(struct request *rq));
/* A request was refused with the reply that starts at `mark`: records that somebody may not. */
void audited_denied(struct request *rq, size_t mark);
/* A job that began with such a request has ended with the reply that starts at `mark`. */
void audited_job_end(struct request *rq, size_t mark);

/* The kind of lines that a command makes; AUDIT_KINDS: none, it only looks. */
enum audit_kind audited_kind(const struct command *cmd);

#endif
