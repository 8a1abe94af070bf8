/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection: its session, the bytes of unfinished requests and of unsent replies. An idle
 * connection holds no buffers: input is read into, and replies are gathered in, buffers of the
 * worker, and only what remains at the end of a turn is kept here. Owned by one worker and
 * touched by others only through registry.h. All functions REQUIRE the worker's lock.
 */
#ifndef ATTL_NET_CONN_H
#define ATTL_NET_CONN_H

#include "base/buf.h"
#include "command/command.h"
#include "protocol/resp_parse.h"

struct worker;

/* What an event's `ud` points to; the first member of whatever it is. */
enum source { SOURCE_WAKER, SOURCE_LISTENER, SOURCE_CONN };

struct conn {
    enum source source;
    unsigned interest; /* what the event loop watches for us */
    bool dead;         /* closed in this turn; events that are still to come are stale */
    bool killed;       /* somebody has shut our socket down */
    bool condemned;    /* ... because it held too much memory */
    bool stalled;      /* `in` holds requests that wait for room in the output */
    unsigned auth_failures;
    struct conn *prev, *next; /* the worker's list in order of arrival, or its list of the dead */
    struct buf in;            /* from the first byte of an unfinished request */
    struct buf out;           /* replies not sent, from `out_sent` on */
    size_t out_sent;
    size_t buffered_bytes;   /* of both, as last reported to the net */
    int64_t out_progress_ms; /* when a byte of `out` was last taken */
    struct resp_parser parser;
    struct session session;
};

/* Client number `id` on `fd`, in the worker's list and event loop. NULL on lack of memory: `fd`
 * stays open. */
struct conn *conn_new(struct worker *w, int fd, uint64_t id);
/* Frees a connection that conn_close() has taken out of its list. */
void conn_free(struct conn *c);
/* Serves the events of one turn: sends, reads, runs what arrived, and may close. */
void conn_turn(struct worker *w, struct conn *c, unsigned flags);
/* Serves what has arrived by now and closes once its replies are sent. */
void conn_finish(struct worker *w, struct conn *c);
/* Ends the connection; its memory lives until the end of the worker's turn. */
void conn_close(struct worker *w, struct conn *c);
/* Closes if a timeout has passed; true if the connection must be looked at again in a while. */
bool conn_check_timeouts(struct worker *w, struct conn *c);

static inline size_t
conn_pending(const struct conn *c)
{
    return c->out.len - c->out_sent;
}

#endif
