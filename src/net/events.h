/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of keys as messages: which event a change is in Redis' words, and its publication on
 * __keyspace@0__:key and __keyevent@0__:event. What the cache tells is less than what Redis knows -
 * a value was set, not that it was appended to - so the command that made the change is asked as
 * well, where one did. Pure but for the broker it publishes to.
 */
#ifndef ATTL_NET_EVENTS_H
#define ATTL_NET_EVENTS_H

#include "config/notify_flags.h"
#include "net/broker.h"

enum keyspace_event {
    EVENT_NONE,
    EVENT_NEW, /* beside, and before, the event of a change */
    EVENT_SET,
    EVENT_SET_EXPIRE, /* two events, "set" and "expire" */
    EVENT_APPEND,
    EVENT_SETRANGE,
    EVENT_INCRBY,
    EVENT_INCRBYFLOAT,
    EVENT_COPY_TO,
    EVENT_RENAME_TO,
    EVENT_RENAME_FROM,
    EVENT_DEL,
    EVENT_EXPIRE,
    EVENT_PERSIST,
    EVENT_EXPIRED,
    EVENT_EVICTED,
    EVENT_COUNT
};

/* The event of a change made by `command` ("set", lower case; NULL: by none), if `flags`, enum
 * notify_flag, want it; else EVENT_NONE. */
enum keyspace_event event_of(const attl_notice *notice, const char *command, uint32_t flags);
/* Whether it is "new" as well, and `flags` want that. */
bool event_is_of_new_key(const attl_notice *notice, const char *command, uint32_t flags);
void event_publish(struct broker *b, enum keyspace_event event, attl_slice key, uint32_t flags);

#endif
