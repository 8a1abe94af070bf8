/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has subscribed to what. Topics are channels, patterns and shard channels; each has the list
 * of its subscriptions, and each receiver the list of its own, in the order it made them.
 * Publishing looks the channel up, matches the patterns, and puts one shared message into the
 * mailboxes of all who want it. One lock guards everything: it is held for pointers and matching,
 * never for sending. While nobody is subscribed to anything publishing is one load.
 */
#ifndef ATTL_NET_BROKER_H
#define ATTL_NET_BROKER_H

#include "base/hash.h"
#include "command/command.h"
#include "net/receiver.h"

enum {
    BROKER_SUBSCRIPTIONS_PER_CLIENT_MAX = 1 << 18,
    BROKER_SUBSCRIPTIONS_MAX = 1 << 23,
    BROKER_NAME_BYTES_MAX = 1 << 20
};

struct topic;

/* Chained tables that double; what is in them begins with a link. */
struct broker_link {
    struct broker_link *next;
    uint64_t hash;
};

struct broker_table {
    struct broker_link **buckets;
    size_t bits, len;
};

struct broker {
    struct lock lock;
    struct hash_key hash;
    struct broker_table topics, pairs;
    struct topic *first_pattern, *last_pattern;
    _Atomic size_t topics_of[PUBSUB_KINDS];
    _Atomic size_t subscriptions;
};

/* `hash`, with a secret, makes it hard to find names that collide. */
void broker_init(struct broker *b, const struct hash_key *hash);
void broker_fini(struct broker *b);

/* ATTL_OK, ATTL_NOT_SET (it is subscribed), ATTL_E_BUSY (too many), ATTL_E_KEY_LONG, ATTL_E_NOMEM.
 */
int broker_subscribe(struct broker *b, struct receiver *r, enum pubsub_kind kind, attl_slice name);
/* ATTL_OK or ATTL_MISS. */
int broker_unsubscribe(struct broker *b, struct receiver *r, enum pubsub_kind kind,
                       attl_slice name);
/* The oldest subscription of that kind; its name lives as long as the subscription does. */
/* Whether `fn` is true for all its subscriptions; `fn` is called with the broker's lock held. */
bool broker_may_hear(struct broker *b, struct receiver *r,
                     bool (*fn)(const void *ud, enum pubsub_kind kind, attl_slice name),
                     const void *ud);
bool broker_subscription(struct broker *b, struct receiver *r, enum pubsub_kind kind,
                         attl_slice *ret_name);
/* Ends all subscriptions of `r`. */
void broker_leave(struct broker *b, struct receiver *r);
/* To the channel's subscribers and, unless it is a shard channel, those of patterns; how many. */
size_t broker_publish(struct broker *b, enum pubsub_kind kind, attl_slice channel,
                      attl_slice payload);
size_t broker_subscribers(struct broker *b, enum pubsub_kind kind, attl_slice name);
/* One call per topic of that kind, under the broker's lock. */
void broker_each(struct broker *b, enum pubsub_kind kind, void (*fn)(void *ud, attl_slice name),
                 void *ud);

#endif
