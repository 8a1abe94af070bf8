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
#include "net/events.h"
#include "net/exchange.h"
#include "net/tracker.h"
#include "protocol/resp_write.h"

#include <stdlib.h>

static bool
is_marked(const struct receiver *r)
{
    return atomic_load(&r->overrun) || atomic_load(&r->forget) || atomic_load(&r->forget_for);
}

static void
make_ready(struct worker *w, struct receiver *r)
{
    if (r->ready)
        return;
    r->ready = true;
    r->next_ready = w->ready;
    w->ready = receiver_keep(r);
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
    tracker_stop(w->net->exchange, r);
    r->conn = NULL;
    c->receiver = NULL;
    receiver_free(r);
}

static size_t
waiting_bytes(const struct receiver *r)
{
    return r->pushes.len + r->keys.len + r->batch.len;
}

size_t
push_waiting_bytes(const struct conn *c)
{
    return c->receiver ? waiting_bytes(c->receiver) : 0;
}

/* ---- letters to pushes ---- */

/* Where pushes go, with its limit. */
static struct buf *
begin_push(struct receiver *r)
{
    r->pushes.max_bytes = atomic_load_explicit(&r->limits->push_bytes, memory_order_relaxed);
    return &r->pushes;
}

static void
add_push(struct receiver *r, const struct message *m)
{
    struct buf *out = begin_push(r);
    size_t at = out->len;
    buf_append(out, m->data, m->len);
    if (out->failed)
        atomic_store(&r->overrun, true);
    else if (r->conn->session.proto < 3)
        out->data[at] = '*'; /* before protocol 3 a push is an array */
}

/* The client that gets our invalidations has gone. */
static void
tell_broken(struct receiver *r)
{
    struct session *s = &r->conn->session;
    s->tracking.flags |= TRACKING_BROKEN;
    if (s->proto < 3)
        return;
    struct buf *out = begin_push(r);
    resp_push(out, 3, 2);
    resp_bulk_str(out, "tracking-redir-broken");
    resp_int(out, (int64_t)s->tracking.redirect);
    if (out->failed)
        atomic_store(&r->overrun, true);
}

/* Whether `r` can be told of keys: before protocol 3 only those that are redirected to it, and only
 * if it listens. */
static bool
can_be_told(const struct receiver *r, bool redirected)
{
    const struct session *s = &r->conn->session;
    return s->proto >= 3 || (redirected && session_is_subscribed(s));
}

/* What stands in front of the keys, or of null. */
static void
begin_invalidation(const struct receiver *r, struct buf *out)
{
    if (r->conn->session.proto >= 3) {
        resp_push(out, 3, 2);
        resp_bulk_str(out, "invalidate");
    } else {
        resp_push(out, 2, 3);
        resp_bulk_str(out, "message");
        resp_bulk_str(out, "__redis__:invalidate");
    }
}

/* Beyond the limit single keys are given up for all. */
static void
add_key(struct receiver *r, const struct message *key, bool redirected, bool batch)
{
    struct buf *out = batch ? &r->batch : &r->keys;
    if (!can_be_told(r, redirected))
        return;
    out->max_bytes = atomic_load_explicit(&r->limits->invalid_bytes, memory_order_relaxed);
    if (!batch) {
        begin_invalidation(r, out);
        resp_array(out, 1);
    }
    resp_bulk(out, attl_b(key->data, key->len));
    r->batch_keys += batch;
    if (out->failed)
        atomic_store(redirected ? &r->forget_for : &r->forget, true);
}

/* A key that `r` tracks: for itself, or for another. */
static void
sort_key(struct receiver *r, const struct letter *letter)
{
    const struct session_tracking *t = &r->conn->session.tracking;
    bool batch = letter->kind == LETTER_BROADCAST;
    if (!(t->flags & TRACKING_ON))
        return;
    if (t->redirect == 0 || t->redirect == r->id)
        add_key(r, letter->message, t->redirect != 0, batch);
    else if (atomic_load(&r->redirect_to->closed))
        tell_broken(r);
    else
        receiver_send(r->redirect_to, batch ? LETTER_REDIRECTED_BROADCAST : LETTER_REDIRECTED,
                      letter->message);
}

static void
sort_letter(struct worker *w, const struct letter *letter)
{
    struct exchange *x = w->net->exchange;
    struct receiver *r = letter->to;
    const struct message *m = letter->message;
    if (letter->kind == LETTER_EVENT) {
        event_publish(&x->broker, (enum keyspace_event)m->tag, attl_b(m->data, m->len),
                      atomic_load_explicit(&x->published, memory_order_relaxed));
        return;
    }
    atomic_fetch_sub_explicit(&r->pending_bytes, sizeof *letter + m->len, memory_order_relaxed);
    if (!r->conn)
        return;
    switch (letter->kind) {
    case LETTER_INVALIDATE:
    case LETTER_BROADCAST: sort_key(r, letter); break;
    case LETTER_REDIRECTED: add_key(r, m, true, false); break;
    case LETTER_REDIRECTED_BROADCAST: add_key(r, m, true, true); break;
    default: add_push(r, m); break;
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
    lock_assert_held(&w->lock);
    if (atomic_exchange(&w->mailbox->attention, false)) {
        look_at_all(w);
        tracked_collect(&w->net->exchange->tracked);
    }
    ASSERT(w->letters.len == 0);
    mailbox_take(w->mailbox, &w->letters);
    for (size_t i = 0; i < w->letters.len; i++) {
        sort_letter(w, &w->letters.items[i]);
        letter_drop(&w->letters.items[i]);
    }
    w->letters.len = 0;
}

/* ---- pushes to output ---- */

/* All keys are void: what is known of single ones is part of that. */
static void
pour_forget(struct receiver *r, struct buf *out)
{
    bool own = atomic_exchange(&r->forget, false) &&
               (r->conn->session.tracking.flags & TRACKING_ON);
    bool redirected = atomic_exchange(&r->forget_for, false);
    buf_clear(&r->keys, 0);
    buf_clear(&r->batch, 0);
    r->batch_keys = 0;
    if (!(own && can_be_told(r, false)) && !(redirected && can_be_told(r, true)))
        return;
    begin_invalidation(r, out);
    resp_null(out, r->conn->session.proto);
}

static void
pour_keys(struct receiver *r, struct buf *out)
{
    buf_append(out, r->keys.data, r->keys.len);
    buf_clear(&r->keys, 0);
    if (r->batch_keys == 0)
        return;
    begin_invalidation(r, out);
    resp_array(out, r->batch_keys);
    buf_append(out, r->batch.data, r->batch.len);
    buf_clear(&r->batch, 0);
    r->batch_keys = 0;
}

/* They could be our own or another's: both are told, which is harmless. */
static void
give_up_keys(struct receiver *r)
{
    buf_clear(&r->keys, 0);
    buf_clear(&r->batch, 0);
    r->batch_keys = 0;
    atomic_store(&r->forget, true);
    atomic_store(&r->forget_for, true);
}

void
push_pour(struct conn *c, struct buf *out, size_t unsent)
{
    struct receiver *r = c->receiver;
    buf_append(out, r->pushes.data, r->pushes.len);
    buf_clear(&r->pushes, 0);
    bool forget = atomic_load(&r->forget) || atomic_load(&r->forget_for);
    /* A client that does not read is not told of keys one by one: when it reads again it is told to
     * forget them all. That bounds what it can make us keep. */
    if (unsent > atomic_load_explicit(&r->limits->invalid_bytes, memory_order_relaxed)) {
        if (r->keys.len > 0 || r->batch_keys > 0)
            give_up_keys(r);
    } else if (forget) {
        pour_forget(r, out);
    } else {
        pour_keys(r, out);
    }
}

/* The mark of a client that redirects is its target's. */
static void
redirect_mark(struct receiver *r)
{
    const struct session_tracking *t = &r->conn->session.tracking;
    if (!(t->flags & TRACKING_ON) || t->redirect == 0 || !atomic_exchange(&r->forget, false))
        return;
    if (t->redirect == r->id)
        atomic_store(&r->forget_for, true);
    else if (atomic_load(&r->redirect_to->closed))
        tell_broken(r);
    else
        receiver_miss(r->redirect_to, LETTER_REDIRECTED);
}

static void
settle_one(struct worker *w, struct receiver *r)
{
    if (r->conn && !r->conn->dead) {
        redirect_mark(r);
        lock_acquire(&w->lock);
        conn_push(w, r->conn);
        lock_release(&w->lock);
    }
    if (r->conn && (waiting_bytes(r) > 0 || is_marked(r)))
        make_ready(w, r);
    receiver_free(r);
}

void
push_settle(struct worker *w)
{
    if (mailbox_has_news(w->mailbox)) {
        lock_acquire(&w->lock);
        push_sort(w);
        lock_release(&w->lock);
    }
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
