/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending is two comparisons and a place in the mailbox. The limits hold for what is in the mailbox
 * here, and for what the worker has made of it there. A mark is set before the worker is told to
 * look, and the worker clears it before it acts on it, so a mark set meanwhile is seen the next
 * time round; an invalidation that is left out because the mark is set already is covered by the
 * "forget everything" that must still follow.
 */
#include "net/receiver.h"

#include "base/assert.h"

#include <stdlib.h>

struct receiver *
receiver_new(uint64_t id, struct mailbox *mailbox, const struct receiver_limits *limits,
             struct conn *conn)
{
    struct receiver *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    atomic_init(&r->refs, 1);
    r->id = id;
    r->mailbox = mailbox;
    r->limits = limits;
    r->conn = conn;
    buf_init(&r->pushes, 0);
    buf_init(&r->keys, 0);
    buf_init(&r->batch, 0);
    return r;
}

void
receiver_free(struct receiver *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    ASSERT(!r->redirect_to && r->prefixes_len == 0); /* its connection has let go of them */
    buf_fini(&r->pushes);
    buf_fini(&r->keys);
    buf_fini(&r->batch);
    free(r);
}

/* What is set when a letter of that kind cannot be put in. */
static _Atomic bool *
mark_of(struct receiver *r, enum letter_kind kind)
{
    switch (kind) {
    case LETTER_INVALIDATE:
    case LETTER_BROADCAST: return &r->forget;
    case LETTER_REDIRECTED:
    case LETTER_REDIRECTED_BROADCAST: return &r->forget_for;
    default: return &r->overrun;
    }
}

void
receiver_miss(struct receiver *r, enum letter_kind kind)
{
    atomic_store(mark_of(r, kind), true);
    mailbox_attend(r->mailbox);
}

void
receiver_forget_all(struct receiver *r)
{
    receiver_miss(r, LETTER_INVALIDATE);
}

void
receiver_send(struct receiver *r, enum letter_kind kind, struct message *message)
{
    if (atomic_load_explicit(&r->closed, memory_order_relaxed))
        return;
    if (atomic_load(mark_of(r, kind)))
        return;
    size_t bytes = sizeof(struct letter) + (message ? message->len : 0);
    uint64_t limit = atomic_load_explicit(kind == LETTER_PUSH ? &r->limits->push_bytes
                                                              : &r->limits->invalid_bytes,
                                          memory_order_relaxed);
    size_t pending = atomic_fetch_add_explicit(&r->pending_bytes, bytes, memory_order_relaxed);
    struct letter letter = { r, message, kind };
    if (pending + bytes <= limit && mailbox_put(r->mailbox, &letter))
        return;
    atomic_fetch_sub_explicit(&r->pending_bytes, bytes, memory_order_relaxed);
    receiver_miss(r, kind);
}
