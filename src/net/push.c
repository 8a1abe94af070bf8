/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two steps. Sorting takes all letters out of the mailbox and appends each, in its final form, to
 * the buffer of its receiver; receivers that got something are put into a list. Settling walks that
 * list and moves each buffer to the output of the connection, which is then sent. Receivers whose
 * connection has to wait stay in the list. A receiver that was marked because something did not fit
 * may have no letter at all: then the worker looks at all its connections, which is rare.
 */
#include "net/push.h"

#include "base/assert.h"
#include "net/exchange.h"

#include <stdlib.h>

static bool
is_marked(const struct receiver *r)
{
    return atomic_load(&r->overrun) || atomic_load(&r->forget);
}

static void
make_ready(struct worker *w, struct receiver *r)
{
    if (r->ready)
        return;
    r->ready = true;
    r->next_ready = w->ready;
    w->ready = receiver_ref(r);
}

struct receiver *
push_receiver(struct worker *w, struct conn *c)
{
    if (!c->receiver)
        c->receiver = receiver_new(c->session.id, w->mailbox, &w->net->exchange->limits, c);
    return c->receiver;
}

void
push_close(struct worker *w, struct conn *c)
{
    struct receiver *r = c->receiver;
    if (!r)
        return;
    atomic_store(&r->closed, true);
    broker_leave(&w->net->exchange->broker, r);
    r->conn = NULL;
    c->receiver = NULL;
    receiver_free(r);
}

size_t
push_waiting_bytes(const struct conn *c)
{
    const struct receiver *r = c->receiver;
    return r ? r->pushes.len : 0;
}

/* ---- letters to pushes ---- */

static void
add_push(struct receiver *r, const struct message *m)
{
    struct buf *out = &r->pushes;
    size_t at = out->len;
    out->max_bytes = atomic_load_explicit(&r->limits->push_bytes, memory_order_relaxed);
    buf_append(out, m->data, m->len);
    if (out->failed)
        atomic_store(&r->overrun, true);
    else if (r->conn->session.proto < 3)
        out->data[at] = '*'; /* before protocol 3 a push is an array */
}

static void
sort_letter(struct worker *w, const struct letter *letter)
{
    struct receiver *r = letter->to;
    size_t bytes = sizeof *letter + (letter->message ? letter->message->len : 0);
    atomic_fetch_sub_explicit(&r->pending_bytes, bytes, memory_order_relaxed);
    if (!r->conn)
        return;
    switch (letter->kind) {
    case LETTER_PUSH: add_push(r, letter->message); break;
    default: break;
    }
    make_ready(w, r);
}

/* Somebody was marked without getting a letter. */
static void
look_at_all(struct worker *w)
{
    for (struct conn *c = w->first; c; c = c->next) {
        struct receiver *r = c->receiver;
        if (r && is_marked(r))
            make_ready(w, r);
    }
}

void
push_sort(struct worker *w)
{
    if (!mailbox_has_news(w->mailbox))
        return;
    if (atomic_exchange(&w->mailbox->attention, false))
        look_at_all(w);
    ASSERT(w->letters.len == 0);
    mailbox_take(w->mailbox, &w->letters);
    for (size_t i = 0; i < w->letters.len; i++) {
        sort_letter(w, &w->letters.items[i]);
        letter_drop(&w->letters.items[i]);
    }
    w->letters.len = 0;
}

/* ---- pushes to output ---- */

void
push_pour(struct conn *c, struct buf *out, size_t unsent)
{
    struct receiver *r = c->receiver;
    (void)unsent;
    buf_append(out, r->pushes.data, r->pushes.len);
    buf_clear(&r->pushes, 0);
}

static void
settle_one(struct worker *w, struct receiver *r)
{
    if (r->conn && !r->conn->dead) {
        lock_acquire(&w->lock);
        conn_push(w, r->conn);
        lock_release(&w->lock);
    }
    if (r->conn && (push_waiting_bytes(r->conn) > 0 || is_marked(r)))
        make_ready(w, r);
    receiver_free(r);
}

void
push_settle(struct worker *w)
{
    push_sort(w);
    struct receiver *next = w->ready;
    w->ready = NULL;
    while (next) {
        struct receiver *r = next;
        next = r->next_ready;
        r->ready = false;
        settle_one(w, r);
    }
}

void
push_end(struct worker *w)
{
    while (w->ready) {
        struct receiver *r = w->ready;
        w->ready = r->next_ready;
        receiver_free(r);
    }
}
