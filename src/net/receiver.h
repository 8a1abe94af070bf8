/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What other threads may hold of a connection: a counted reference to something that outlives it. A
 * receiver comes into being when its connection first subscribes, tracks keys or is named by
 * another as the target of invalidations; most connections never have one. Its first part may be
 * used by any thread, the second belongs to the worker of the connection, who turns letters into
 * pushes and those into output. A receiver that cannot keep up is marked - to be closed, or to be
 * told to forget all keys - and never waited for.
 */
#ifndef ATTL_NET_RECEIVER_H
#define ATTL_NET_RECEIVER_H

#include "base/buf.h"
#include "net/mailbox.h"

struct conn;
struct subscription;

/* Bytes that may be on their way to one receiver; may be changed at any time. */
struct receiver_limits {
    _Atomic uint64_t push_bytes;    /* above it the client is disconnected */
    _Atomic uint64_t invalid_bytes; /* above it the client is told to forget all keys */
};

struct receiver {
    /* any thread */
    _Atomic uint32_t refs;
    uint64_t id; /* of the client */
    struct mailbox *mailbox;
    const struct receiver_limits *limits;
    _Atomic size_t pending_bytes; /* in the mailbox, of letters to us */
    _Atomic bool closed;          /* the connection has gone */
    _Atomic bool overrun;         /* a push did not fit: to be closed */
    _Atomic bool forget;          /* an invalidation did not fit, or all keys have gone */
    _Atomic bool forget_for;      /* the same of the keys another client tracks on our behalf */
    _Atomic bool tracks;          /* remembers keys, or has prefixes */
    _Atomic bool no_loop;         /* its own changes are not reported to it */
    /* under the broker's lock */
    struct subscription *first, *last;
    size_t subscriptions;
    /* under the lock of the list of trackers */
    struct receiver *next_tracker, *prev_tracker;
    /* the worker's */
    struct conn *conn; /* NULL once it is closed */
    struct receiver *next_ready;
    bool ready;                   /* is in the worker's list */
    struct receiver *redirect_to; /* who gets our invalidations: a reference, or NULL */
    attl_slice *prefixes;         /* owned, in order of their bytes */
    size_t prefixes_len;
    struct buf pushes; /* as they will be sent */
    struct buf keys;   /* invalidations of single keys, as they will be sent */
    struct buf batch;  /* keys of this turn, for one invalidation */
    size_t batch_keys;
};

/* With one reference; NULL on lack of memory. */
struct receiver *receiver_new(uint64_t id, struct mailbox *mailbox,
                              const struct receiver_limits *limits, struct conn *conn);
/* Gives one reference back, the last of which frees it. NULL is allowed. */
void receiver_free(struct receiver *r);

static inline struct receiver *
receiver_keep(struct receiver *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

/* Sends, or marks the receiver if that is impossible. Any thread, never waits. */
void receiver_send(struct receiver *r, enum letter_kind kind, struct message *message);
/* All keys it may have kept are void. */
void receiver_forget_all(struct receiver *r);
/* A letter to it was not delivered for lack of memory: the same mark as if it had not fitted. */
void receiver_miss(struct receiver *r, enum letter_kind kind);

#endif
