/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection is called and how it starts over. Names come from clients and end in CLIENT
 * LIST, whose fields are separated by spaces, so only printable characters without spaces are let
 * in. The session belongs to the worker that serves its connection; nothing here is shared.
 */
#ifndef ATTL_COMMAND_SESSION_H
#define ATTL_COMMAND_SESSION_H

#include "command/command.h"

/* The version of Redis whose commands we have; clients choose features by it. */
#define COMMAND_REDIS_VERSION "7.2.4"

/* NULL if `name` may be given to a connection (the empty name removes it), else the error to
 * answer. */
const char *session_name_problem(attl_slice name);
/* Sets a name without problem. */
void session_set_name(struct session *s, attl_slice name);
/*
 * The correlation id of the request that is being executed, "" if it has none: printable, without
 * spaces, never NULL. It is the session's, and changes with the next request.
 */
const char *session_trace(const struct session *s);
/* NULL if `id` may be a correlation id, else the error to answer. The empty one may not. */
const char *session_trace_problem(attl_slice id);
/*
 * Gives `s` an id without problem, for all requests that follow, or with `once` for the one behind
 * the request that is being executed. Outside of a request `once` counts that as executed: call
 * session_trace_next() instead.
 */
void session_set_trace(struct session *s, attl_slice id, bool once);
/* Gives the next request that `s` executes an id without problem. */
void session_trace_next(struct session *s, attl_slice id);
void session_clear_trace(struct session *s);
/* The end of a request of a session that has an id. */
void session_trace_used(struct session *s);
/* RESET: protocol 2, no name, replies on. Authentication is the caller's matter. */
void session_reset(struct session *s);
/* Whose it is: "default" until it has authenticated as somebody else. */
static inline const char *
session_user_name(const struct session *s)
{
    return s->user_name[0] ? s->user_name : "default";
}
/* Who gets its invalidations: 0 itself, -1 nobody. */
int64_t session_redirect(const struct session *s);
/* Appends the line of CLIENT LIST for `s`, without a line end. */
void session_describe(const struct session *s, int64_t now_ms, struct buf *out);

#endif
