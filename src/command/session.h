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
/* Whether `text` could appear in CLIENT LIST: printable, without spaces. */
bool session_text_printable(attl_slice text);
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
