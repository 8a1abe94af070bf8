/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was refused: ACL LOG. The newest comes first; a refusal like one of the last few, within a
 * minute, is counted with that instead of filling the list. Bounded by acl.log_max_len, and by
 * DENIAL_TEXT_MAX per text, because a stranger decides what is in it. Any thread; the list has a
 * lock of its own, inside which nothing is called.
 */
#ifndef ATTL_ACCESS_DENIALS_H
#define ATTL_ACCESS_DENIALS_H

#include "base/alloc.h"
#include "os/lock.h"

enum {
    DENIAL_TEXT_MAX = 512,
    DENIAL_NAME_MAX = 128,
    DENIALS_MAX_DEFAULT = 128,
    DENIALS_MAX = 65536,
    DENIAL_LOOK_BACK = 10,
    DENIAL_GROUP_MS = 60000
};

enum denial_reason {
    DENIAL_COMMAND,
    DENIAL_KEY,
    DENIAL_CHANNEL,
    DENIAL_AUTH,
    DENIAL_TLS,
    DENIAL_REASONS
};

struct denial {
    uint64_t id, count;
    enum denial_reason reason;
    bool multi; /* while commands were queued for EXEC */
    int64_t created_ms, updated_ms;
    uint32_t object_len, user_len, client_len;
    char object[DENIAL_NAME_MAX]; /* command, key, channel, or how it wanted to authenticate */
    char user[DENIAL_NAME_MAX];
    char client[DENIAL_TEXT_MAX]; /* CLIENT INFO of the last */
};

struct denials {
    struct lock lock; /* guards all that follows */
    attl_allocator alloc;
    struct denial **items; /* the newest first */
    size_t len, cap, max;
    uint64_t last_id;
    uint64_t totals[DENIAL_REASONS]; /* since the start */
};

struct denial_report {
    enum denial_reason reason;
    bool multi;
    int64_t now_ms;
    attl_slice object, user, client;
};

void denials_init(struct denials *d, const attl_allocator *alloc);
void denials_fini(struct denials *d);
/* Longer texts are cut. On lack of memory the refusal goes unrecorded. */
void denials_add(struct denials *d, const struct denial_report *report);
void denials_set_max(struct denials *d, size_t max);
void denials_clear(struct denials *d);
/* Copies the newest `max` to `to`; how many there were. */
size_t denials_get(struct denials *d, struct denial *to, size_t max);
size_t denials_len(struct denials *d);
/* How often each reason has occurred since the start. */
void denials_totals(struct denials *d, uint64_t totals[DENIAL_REASONS]);

#endif
