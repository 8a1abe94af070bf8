/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which clients are meant: by CLIENT KILL, and by a change of users that some of them must not
 * survive. Every member that is not zero restricts further. The texts are borrowed for the call.
 */
#ifndef ATTL_COMMAND_CLIENT_FILTER_H
#define ATTL_COMMAND_CLIENT_FILTER_H

#include <attl/attl.h>
#include <stdbool.h>

/* What one can subscribe to. */
enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };

/* Of the types that Redis has, ours are two. */
enum client_type { CLIENT_ANY, CLIENT_NORMAL, CLIENT_PUBSUB, CLIENT_OTHER };

/* What CLIENT KILL selects; a zero member does not restrict. */
struct client_filter {
    enum client_type type;
    uint64_t id;
    const char *addr, *laddr;
    const char *user; /* name */
    /* Selects only subscribers with a subscription for which this is false; NULL: whoever it is. */
    bool (*may_hear)(const void *ud, enum pubsub_kind kind, attl_slice name);
    const void *may_hear_ud;
    int64_t min_age_s;
    bool skip_self;
    uint64_t self_id;
};

#endif
