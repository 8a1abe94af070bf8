/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages from any thread to the connections of one worker. A letter names its receiver and a
 * message that may be shared with letters to thousands of others; the worker takes all letters of a
 * mailbox at once, at the end of each of its turns. Putting a letter in never waits for the worker
 * and wakes it at most once per sleep. A mailbox is bounded in letters and bytes; when one does not
 * fit, its receiver is marked instead (receiver.h), so that nothing is lost without a word.
 */
#ifndef ATTL_NET_MAILBOX_H
#define ATTL_NET_MAILBOX_H

#include "os/lock.h"

#include <attl/attl.h>

enum {
    MAILBOX_LETTERS_MAX = 1 << 20,
    MAILBOX_KEPT_LETTERS = 4096 /* room that an empty mailbox keeps */
};
#define MAILBOX_BYTES_MAX \
    ((size_t)256 << 20) /* of messages, each counted once per run of letters */

struct receiver;

/* Bytes that never change, shared by reference. */
struct message {
    _Atomic uint32_t refs;
    uint32_t tag; /* whatever the kind of letter wants to know about them */
    size_t len;
    char data[];
};

/* A message with one reference and undefined bytes; NULL on lack of memory. */
struct message *message_new(size_t len);
struct message *message_copy(attl_slice bytes);
/* Gives one reference back, the last of which frees it. NULL is allowed. */
void message_free(struct message *m);

enum letter_kind {
    LETTER_PUSH,                 /* a reply of type push, whole                               */
    LETTER_INVALIDATE,           /* a key that the receiver tracks                            */
    LETTER_BROADCAST,            /* a key with a prefix that the receiver tracks              */
    LETTER_REDIRECTED,           /* a key that another client tracks on this one's behalf     */
    LETTER_REDIRECTED_BROADCAST, /* the same, by prefix                                       */
    LETTER_EVENT                 /* a change of a key, for the worker to publish; to nobody   */
};

struct letter {
    struct receiver *to;     /* a reference, or NULL */
    struct message *message; /* a reference, or NULL */
    enum letter_kind kind;
};

struct letters {
    struct letter *items;
    size_t len, cap;
};

struct mailbox {
    struct lock lock;
    struct letters letters;
    size_t bytes;
    _Atomic size_t waiting; /* letters.len, for those without the lock */
    _Atomic bool awake;     /* the worker will look before it sleeps */
    _Atomic bool attention; /* some receiver is marked: look at all of them */
    void (*wake)(void *ud); /* NULL: nobody takes letters from here (any more) */
    void *wake_ud;
};

void mailbox_init(struct mailbox *m);
/* Drops the letters that nobody took. */
void mailbox_fini(struct mailbox *m);
/* The worker is there from now on, and asleep. */
void mailbox_open(struct mailbox *m, void (*wake)(void *ud), void *ud);
/* Refuses letters and drops those inside. When it returns `wake` is not called any more. */
void mailbox_close(struct mailbox *m);

/* Adds references of its own; false if there is no room, no memory, or nobody there. Any thread. */
bool mailbox_put(struct mailbox *m, const struct letter *letter);
/* A receiver was marked. Any thread. */
void mailbox_attend(struct mailbox *m);

/* ---- for the worker ---- */

/* Exchanges the letters inside for `into`, which is empty but may have room. */
void mailbox_take(struct mailbox *m, struct letters *into);
/* Whether there is something to take, or somebody to look at. */
static inline bool
mailbox_has_news(const struct mailbox *m)
{
    return atomic_load(&m->waiting) > 0 || atomic_load(&m->attention);
}
/* The worker goes to sleep; false if it has to look first. */
bool mailbox_sleep(struct mailbox *m);
static inline void
mailbox_rise(struct mailbox *m)
{
    atomic_store_explicit(&m->awake, true, memory_order_relaxed);
}
void letter_drop(struct letter *letter);
void letters_fini(struct letters *letters);

#endif
