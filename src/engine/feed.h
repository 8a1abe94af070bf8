/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on a completion queue. A queue that watches has a feed: as many places for events as it
 * has for completions, and a ring of bytes for the events' keys. Writers copy an event into it
 * under the key's partition lock and never wait; what finds no room is counted, per watch, and
 * reported as one event once there is room again, in the place where the events are missing.
 *
 * What is watched is a list in the cache that writers read under any partition's lock and that is
 * changed with all of them locked, so a watch hears of exactly the changes made while it is there.
 */
#ifndef ATTL_ENGINE_FEED_H
#define ATTL_ENGINE_FEED_H

#include "engine/notice.h"
#include "os/lock.h"

#include <attl/attl.h>

struct attl;
struct feed;

/* One attl_watch(). */
struct feed_watch {
    struct feed_watch *next; /* of the cache's list */
    struct feed_watch *peer; /* of its feed's; feed.lock, as is what follows */
    struct feed *feed;
    uint64_t lost;
    bool ended; /* kept until what it has lost is reported */
    uint32_t kinds;
    uint64_t id, user_data;
    size_t prefix_len;
    unsigned char prefix[];
};

/* All watches of one cache. */
struct feed_list {
    struct lock lock; /* who changes the list; before all partitions' */
    struct feed_watch *first;
    unsigned count;
};

void feed_list_init(struct feed_list *l);
/* The notice_fn of NOTICE_SINK_QUEUES; `ud` is the struct attl. */
void feed_tell(void *ud, const struct notice *n);

/* ATTL_OK, ATTL_E_BUSY (too many watches), ATTL_E_NOMEM, ATTL_E_CLOSED (the queue is shut down).
 * Locks all partitions for a moment. */
int feed_watch(attl_queue *q, attl_slice prefix, uint32_t kinds, uint64_t user_data,
               uint64_t *ret_id);
/* What it has been told stays to be reaped. ATTL_OK, ATTL_MISS, ATTL_E_CLOSED. */
int feed_unwatch(attl_queue *q, uint64_t id);
/* Ends all watches of a queue that accepts nothing new any more. */
void feed_stop(attl_queue *q);

/* For the queue's reaper. Keys of the events that the last call took are gone. */
size_t feed_take(struct feed *f, attl_completion *out, size_t max);
/* Whether there may be events. */
bool feed_has_some(const struct feed *f);
/* Nobody watches with it any more. NULL is allowed. */
void feed_free(struct feed *f);

#endif
