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
struct receiver;
struct tls;

/* What an event's `ud` points to; the first member of whatever it is. */
enum source { SOURCE_WAKER, SOURCE_LISTENER, SOURCE_CONN, SOURCE_PARKING };

struct conn {
    enum source source;
    unsigned interest; /* what the event loop watches for us */
    bool dead;         /* closed in this turn; events that are still to come are stale */
    bool killed;       /* somebody has shut our socket down */
    bool peer_gone;    /* it will not send any more; looked at only while it is parked */
    bool condemned;    /* ... because it held too much memory */
    bool stalled;      /* `in` holds requests that wait: for room in the output, or for a job */
    bool held;         /* replies in `out` wait for the log; see hold.h */
    bool early;        /* ... and the client has sent more meanwhile */
    bool delayed;      /* its next request was put off; see delay.h */
    unsigned auth_failures;
    struct conn *prev, *next; /* the worker's list in order of arrival, or its list of the dead */
    struct buf in;            /* from the first byte of an unfinished request */
    struct buf out;           /* replies not sent, from `out_sent` on */
    size_t out_sent;
    size_t buffered_bytes;   /* of both, as last reported to the net */
    int64_t out_progress_ms; /* when a byte of `out` was last taken */
    uint64_t log_position;   /* up to which the log must be safe before the next reply; 0: none */
    size_t held_from;        /* offset in `out` of the first reply that is held */
    uint64_t held_replies;
    struct conn *held_prev, *held_next;
    struct conn *delay_prev, *delay_next;
    int64_t delay_due_ms;
    struct receiver *receiver; /* where others put what they have for us; NULL: nobody knows us */
    struct aside_task *task;   /* the command that runs on the slow thread, or is parked; or NULL */
    struct tls *tls;           /* NULL: in the clear */
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
/*
 * Lets a held connection go: its replies are sent, each as an error unless the changes they
 * acknowledge have become `durable`, and what it has sent meanwhile runs.
 */
void conn_release(struct worker *w, struct conn *c, bool durable);
/* Answers the command that ran on the slow thread, or was parked, and goes on with what came behind
 * it. */
void conn_job_done(struct worker *w, struct conn *c, struct command_job *job);
/* Goes on with requests that waited, if they need not wait any more. May close it. */
void conn_go_on(struct worker *w, struct conn *c);
/* Sends what others have put into its receiver, unless replies must come first. May close it. */
void conn_push(struct worker *w, struct conn *c);
/* Ends the connection; its memory lives until the end of the worker's turn. */
void conn_close(struct worker *w, struct conn *c);
/* Closes if a timeout has passed; true if the connection must be looked at again in a while. */
bool conn_check_timeouts(struct worker *w, struct conn *c);

static inline size_t
conn_pending(const struct conn *c)
{
    return c->out.len - c->out_sent;
}

/* Whether its next request must wait for something that is not the client. */
static inline bool
conn_waits(const struct conn *c)
{
    return c->task || c->delayed;
}

/* Whether a reply is still to be sent, or to be made. */
static inline bool
conn_owes(const struct conn *c)
{
    return conn_pending(c) > 0 || c->task;
}

#endif
