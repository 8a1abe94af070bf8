/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names are Redis', and so is the order on the two channels: keyspace first. A name of a
 * channel that does not fit the buffer on the stack does not exist: keys are far shorter than what
 * subscribers may name. The lists are constant and short enough to be walked.
 */
#include "net/events.h"

#include "base/buf.h"

#include <stdlib.h>

enum { CHANNEL_BYTES_MAX = 1 << 16 };

static const struct {
    const char *name;
    uint32_t flag;
} events[EVENT_COUNT] = {
    [EVENT_NEW] = { "new", NOTIFY_NEW },
    [EVENT_SET] = { "set", NOTIFY_STRING },
    [EVENT_SET_EXPIRE] = { "set", NOTIFY_STRING },
    [EVENT_APPEND] = { "append", NOTIFY_STRING },
    [EVENT_SETRANGE] = { "setrange", NOTIFY_STRING },
    [EVENT_INCRBY] = { "incrby", NOTIFY_STRING },
    [EVENT_INCRBYFLOAT] = { "incrbyfloat", NOTIFY_STRING },
    [EVENT_COPY_TO] = { "copy_to", NOTIFY_GENERIC },
    [EVENT_RENAME_TO] = { "rename_to", NOTIFY_GENERIC },
    [EVENT_RENAME_FROM] = { "rename_from", NOTIFY_GENERIC },
    [EVENT_DEL] = { "del", NOTIFY_GENERIC },
    [EVENT_EXPIRE] = { "expire", NOTIFY_GENERIC },
    [EVENT_PERSIST] = { "persist", NOTIFY_GENERIC },
    [EVENT_EXPIRED] = { "expired", NOTIFY_EXPIRED },
    [EVENT_EVICTED] = { "evicted", NOTIFY_EVICTED },
};

/* What a new value is called after the command that made it. */
static enum keyspace_event
event_of_set(const attl_notice *notice, const char *command)
{
    static const struct {
        const char *command;
        enum keyspace_event event;
    } others[] = {
        { "append", EVENT_APPEND },    { "setrange", EVENT_SETRANGE },
        { "incr", EVENT_INCRBY },      { "decr", EVENT_INCRBY },
        { "incrby", EVENT_INCRBY },    { "decrby", EVENT_INCRBY },
        { "copy", EVENT_COPY_TO },     { "incrbyfloat", EVENT_INCRBYFLOAT },
        { "rename", EVENT_RENAME_TO }, { "renamenx", EVENT_RENAME_TO },
        { "getex", EVENT_EXPIRE },
    };
    static const char *const with_life[] = { "set", "setex", "psetex", "msetex" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(command, others[i].command) == 0)
            return others[i].event;
    for (size_t i = 0; i < sizeof with_life / sizeof with_life[0]; i++)
        if (strcmp(command, with_life[i]) == 0 && notice->deadline_ms != ATTL_NO_DEADLINE)
            return EVENT_SET_EXPIRE;
    return EVENT_SET;
}

static enum keyspace_event
event_of_kind(const attl_notice *notice, const char *command)
{
    switch (notice->kind) {
    case ATTL_EV_SET: return event_of_set(notice, command);
    case ATTL_EV_EXPIRE:
        return notice->deadline_ms == ATTL_NO_DEADLINE ? EVENT_PERSIST : EVENT_EXPIRE;
    case ATTL_EV_DELETED: return strncmp(command, "rename", 6) == 0 ? EVENT_RENAME_FROM : EVENT_DEL;
    case ATTL_EV_EXPIRED: return EVENT_EXPIRED;
    case ATTL_EV_EVICTED: return EVENT_EVICTED;
    default: return EVENT_NONE;
    }
}

enum keyspace_event
event_of(const attl_notice *notice, const char *command, uint32_t flags)
{
    enum keyspace_event event = event_of_kind(notice, command ? command : "");
    if (event == EVENT_SET_EXPIRE && !(flags & NOTIFY_GENERIC))
        event = EVENT_SET;
    if (event == EVENT_SET_EXPIRE && !(flags & NOTIFY_STRING))
        event = EVENT_EXPIRE;
    return events[event].flag & flags ? event : EVENT_NONE;
}

bool
event_is_of_new_key(const attl_notice *notice, const char *command, uint32_t flags)
{
    if (!(flags & NOTIFY_NEW) || notice->kind != ATTL_EV_SET)
        return false;
    /* What these two replace they delete first, in Redis. */
    enum keyspace_event event = event_of_set(notice, command ? command : "");
    return notice->is_new || event == EVENT_RENAME_TO || event == EVENT_COPY_TO;
}

static void
publish_as(struct broker *b, const char *prefix, attl_slice name, attl_slice payload)
{
    struct buf channel;
    buf_init(&channel, CHANNEL_BYTES_MAX);
    buf_append_str(&channel, prefix);
    buf_append(&channel, name.data, name.len);
    /* Without memory for its name the message is lost, which publishing never excluded. */
    if (!channel.failed)
        (void)broker_publish(b, PUBSUB_CHANNEL, buf_slice(&channel), payload);
    buf_fini(&channel);
}

void
event_publish(struct broker *b, enum keyspace_event event, attl_slice key, uint32_t flags)
{
    attl_slice name = attl_s(events[event].name);
    if (flags & NOTIFY_KEYSPACE)
        publish_as(b, "__keyspace@0__:", key, name);
    if (flags & NOTIFY_KEYEVENT)
        publish_as(b, "__keyevent@0__:", name, key);
    if (event == EVENT_SET_EXPIRE)
        event_publish(b, EVENT_EXPIRE, key, flags);
}
