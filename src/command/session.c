/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions as text and by name. The line of CLIENT LIST has the fields of Redis 7.2 in their order;
 * those that have no meaning here (subscriptions, buffers of a kind we do not have)
 * are present with the value that says "none", because tools read fields by name and expect all of
 * them. No text of a client gets into the line unchecked.
 */
#include "command/session.h"

#include "base/assert.h"
#include "base/slice.h"
#include "command/transaction.h"
#include "os/trace.h"

#include <inttypes.h>

enum {
    MS_PER_SECOND = 1000,
    SESSION_FLAGS_MAX = 8,
    TRACE_ONCE_REQUESTS = 2 /* ATTL.TRACE itself and the one behind it */
};

const char *
session_name_problem(attl_slice name)
{
    if (!slice_is_printable(name))
        return "ERR Client names cannot contain spaces, newlines or special characters.";
    if (name.len > SESSION_NAME_MAX)
        return "ERR Client names cannot be longer than 64 bytes.";
    return NULL;
}

void
session_set_name(struct session *s, attl_slice name)
{
    ASSERT(name.len <= SESSION_NAME_MAX);
    if (name.len)
        memcpy(s->name, name.data, name.len);
    s->name[name.len] = '\0';
}

const char *
session_trace(const struct session *s)
{
    return s->trace;
}

const char *
session_trace_problem(attl_slice id)
{
    if (id.len == 0 || id.len > SESSION_TRACE_MAX)
        return "ERR a trace id has 1 to 64 bytes";
    if (!slice_is_printable(id))
        return "ERR a trace id cannot contain spaces, newlines or special characters";
    return NULL;
}

void
session_set_trace(struct session *s, attl_slice id, bool once)
{
    ASSERT(!session_trace_problem(id));
    memcpy(s->trace, id.data, id.len);
    s->trace[id.len] = '\0';
    s->trace_left = once ? TRACE_ONCE_REQUESTS : 0;
    s->special |= SESSION_TRACED;
}

void
session_trace_next(struct session *s, attl_slice id)
{
    session_set_trace(s, id, true);
    s->trace_left = 1;
}

void
session_clear_trace(struct session *s)
{
    s->trace[0] = '\0';
    s->trace_left = 0;
    trace_set(NULL); /* if it was this one it must not outlive the session */
    s->special &= ~(unsigned)SESSION_TRACED;
}

void
session_trace_used(struct session *s)
{
    /* MULTI does not use it up, nor does what is queued: it is meant for the EXEC. */
    if (s->transaction && s->transaction->queueing)
        return;
    if (s->trace_left == 1)
        session_clear_trace(s);
    else if (s->trace_left > 1)
        s->trace_left--;
}

void
session_reset(struct session *s)
{
    s->proto = 2;
    s->name[0] = '\0';
    s->reply_mode = SESSION_REPLY_ON;
    s->no_touch = false;
    s->throttled = false;
    session_clear_trace(s);
    s->deadline_ms = 0;
    s->special &= ~(unsigned)SESSION_DEADLINE;
}

int64_t
session_redirect(const struct session *s)
{
    return s->tracking.flags & TRACKING_ON ? (int64_t)s->tracking.redirect : -1;
}

static int64_t
seconds_since(int64_t then_ms, int64_t now_ms)
{
    return now_ms > then_ms ? (now_ms - then_ms) / MS_PER_SECOND : 0;
}

/* In Redis' order; N stands for none. */
static void
session_flags(const struct session *s, char flags[SESSION_FLAGS_MAX + 1])
{
    size_t n = 0;
    if (session_is_subscribed(s))
        flags[n++] = 'P';
    if (s->tracking.flags & TRACKING_ON)
        flags[n++] = 't';
    if (s->tracking.flags & TRACKING_BROKEN)
        flags[n++] = 'R';
    if (s->tracking.flags & TRACKING_BCAST)
        flags[n++] = 'B';
    bool queueing = s->transaction && s->transaction->queueing;
    if (queueing)
        flags[n++] = 'x';
    if (s->no_evict)
        flags[n++] = 'e';
    if (s->no_touch)
        flags[n++] = 'T';
    if (n == 0)
        flags[n++] = 'N';
    flags[n] = '\0';
}

void
session_describe(const struct session *s, int64_t now_ms, struct buf *out)
{
    char flags[SESSION_FLAGS_MAX + 1];
    const struct transaction *t = s->transaction;
    session_flags(s, flags);
    buf_printf(out,
               "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRId64 " idle=%" PRId64
               " flags=%s db=0 sub=%zu psub=%zu ssub=%zu multi=%" PRId64
               " qbuf=0 qbuf-free=0 argv-mem=0"
               " multi-mem=%zu rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=%s user=%s"
               " redir=%" PRId64 " resp=%d lib-name=%s lib-ver=%s tot-net-in=%" PRIu64
               " tot-net-out=%" PRIu64 " tot-cmds=%" PRIu64 " trace=%s",
               s->id, s->addr, s->laddr, s->fd, s->name, seconds_since(s->created_ms, now_ms),
               seconds_since(s->active_ms, now_ms), flags, s->subscribed[PUBSUB_CHANNEL],
               s->subscribed[PUBSUB_PATTERN], s->subscribed[PUBSUB_SHARD],
               t && t->queueing ? (int64_t)t->len : INT64_C(-1), session_bytes(s),
               s->last_command ? s->last_command : "NULL", session_user_name(s),
               session_redirect(s), s->proto, s->lib_name, s->lib_ver, s->net_in_bytes,
               s->net_out_bytes, s->commands, s->trace);
}
