/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where messages between clients meet: the mailboxes of the workers, the broker of subscriptions,
 * what clients track of the cache, and the hook through which the cache tells of its changes. It is
 * made before the cache is opened and freed after the cache is closed, because the cache tells as
 * long as it lives, while workers come and go: a message for a worker that is not there is dropped.
 * The cache is asked to tell only what somebody wants to hear. Each part has locks of its own; the
 * list of trackers is guarded by `lock`.
 */
#ifndef ATTL_NET_EXCHANGE_H
#define ATTL_NET_EXCHANGE_H

#include "net/broker.h"
#include "net/mailbox.h"
#include "net/net.h"
#include "net/prefix.h"
#include "net/receiver.h"
#include "net/tracked.h"

enum {
    EXCHANGE_PUSH_BYTES = 32 << 20, /* unless said otherwise: what a subscriber may leave unread */
    EXCHANGE_INVALID_BYTES = 1 << 20, /* invalidations on their way to one client */
    EXCHANGE_TRACKED_KEYS = 1000000
};

/* Whose requests a worker executes; the pointer is followed by the worker's own thread only. */
struct exchange_actor {
    _Alignas(64) _Atomic uint64_t id;
    _Atomic(const struct session *) session;
};

struct exchange {
    struct receiver_limits limits;
    struct broker broker;
    struct tracked_table tracked;
    struct prefix_set prefixes;
    struct mailbox *mailboxes; /* one per worker */
    size_t mailboxes_len;
    struct lock lock;           /* guards the list of trackers */
    struct receiver *trackers;  /* references */
    _Atomic size_t tracking;    /* its length */
    struct lock mask_lock;      /* guards `cache`, while its mask is chosen */
    attl *cache;                /* NULL: none to be told by */
    uint32_t mask;              /* ... and what it was last told */
    _Atomic uint32_t published; /* enum notify_flag: which changes are published */
    _Atomic uint64_t events_lost;
    struct exchange_actor *actors; /* one per worker */
};

/* Hears of `cache`, whose hook is exchange_notice(); NULL: of none any more. Making, freeing and
 * the hook are in net.h, for the server. */
void exchange_attach(struct exchange *x, attl *cache);

/* What is published of changes from now on: enum notify_flag. */
void exchange_publish_events(struct exchange *x, uint32_t flags);
/* The calling thread, worker number `worker`, makes its changes on behalf of `s`. */
void exchange_act_for(struct exchange *x, size_t worker, const struct session *s);

/* From now on `r` is told to forget everything when everything goes. When this returns, no change
 * goes unnoticed any more. */
void exchange_track(struct exchange *x, struct receiver *r);
void exchange_untrack(struct exchange *x, struct receiver *r);

#endif
