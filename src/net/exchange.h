/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where messages between clients meet: the mailboxes of the workers and the broker of
 * subscriptions. It is made before the cache is opened and freed after the cache is closed, because
 * the cache tells of its changes as long as it lives, while workers come and go: a message for a
 * worker that is not there is dropped. Each part has locks of its own.
 */
#ifndef ATTL_NET_EXCHANGE_H
#define ATTL_NET_EXCHANGE_H

#include "net/broker.h"
#include "net/mailbox.h"
#include "net/receiver.h"

enum {
    EXCHANGE_PUSH_BYTES = 32 << 20, /* what a subscriber may leave unread, unless said otherwise */
    EXCHANGE_INVALID_BYTES = 1024 << 10 /* invalidations on their way to one client */
};

struct exchange {
    struct receiver_limits limits;
    struct broker broker;
    struct mailbox *mailboxes; /* one per worker */
    size_t mailboxes_len;
};

/* NULL on lack of memory. */
struct exchange *exchange_new(size_t workers);
void exchange_free(struct exchange **exchange);

#endif
