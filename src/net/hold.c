/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of held connections, in the order of the positions they wait for, so that looking at its
 * head is enough. A worker that is about to sleep says so in `hold_armed` first and looks at the
 * log afterwards; the log's thread makes its progress visible first and looks at `hold_armed`
 * afterwards. Whichever comes second sees the other, so no connection is forgotten, and a worker
 * that holds nobody costs the log's thread one load. The sweep looks again once a second all the
 * same: a reply that is owed must not hang on one wake-up.
 */
#include "net/hold.h"

#include "base/assert.h"
#include "os/barrier.h"

void
hold_note_changes(struct worker *w, struct conn *c)
{
    uint64_t position = attl_log_position(w->net->cache);
    if (position == w->log_position)
        return;
    w->log_position = position;
    c->log_position = position;
}

bool
hold_is_needed(struct worker *w, struct conn *c)
{
    if (c->log_position == 0)
        return false;
    if (attl_log_safe(w->net->cache) < c->log_position)
        return true;
    c->log_position = 0;
    return false;
}

void
hold_add(struct worker *w, struct conn *c, size_t from, uint64_t replies)
{
    lock_assert_held(&w->lock);
    ASSERT(!c->held && replies > 0);
    c->held = true;
    c->held_from = from;
    c->held_replies = replies;
    /* Positions grow, so the place is at the end, but for changes that were made long before their
     * reply: CLIENT REPLY OFF. */
    struct conn *before = w->held_last;
    while (before && before->log_position > c->log_position)
        before = before->held_prev;
    c->held_prev = before;
    c->held_next = before ? before->held_next : w->held_first;
    *(before ? &before->held_next : &w->held_first) = c;
    *(c->held_next ? &c->held_next->held_prev : &w->held_last) = c;
    counter_add(&w->counters.held, 1);
    worker_want_sweep(w);
}

void
hold_remove(struct worker *w, struct conn *c)
{
    lock_assert_held(&w->lock);
    ASSERT(c->held);
    *(c->held_prev ? &c->held_prev->held_next : &w->held_first) = c->held_next;
    *(c->held_next ? &c->held_next->held_prev : &w->held_last) = c->held_prev;
    c->held = c->early = false;
    c->held_prev = c->held_next = NULL;
    c->log_position = 0;
}

/* What has become of the changes up to `position`: ATTL_OK, ATTL_E_BUSY (wait), or a failure. */
static int
fate(struct worker *w, uint64_t position, uint64_t safe)
{
    return position <= safe ? ATTL_OK : attl_log_wait(w->net->cache, position, 0);
}

/* Each connection that is let go may run what it had sent meanwhile and be held anew, further back:
 * the loop is bounded by what they have sent. */
static void
release_due(struct worker *w)
{
    uint64_t safe = attl_log_safe(w->net->cache);
    while (w->held_first) {
        struct conn *c = w->held_first;
        int status = fate(w, c->log_position, safe);
        if (status == ATTL_E_BUSY)
            return;
        lock_acquire(&w->lock);
        conn_release(w, c, status == ATTL_OK);
        lock_release(&w->lock);
    }
}

void
hold_settle(struct worker *w)
{
    /* Still armed: the log has had no news since we looked. */
    if (!w->held_first || atomic_load_explicit(&w->hold_armed, memory_order_relaxed))
        return;
    atomic_store(&w->hold_armed, true);
    barrier_full();
    release_due(w);
}

void
hold_look_again(struct worker *w)
{
    atomic_store(&w->hold_armed, false);
}

void
hold_wake(struct worker *w)
{
    barrier_full();
    if (atomic_load(&w->hold_armed) && atomic_exchange(&w->hold_armed, false))
        worker_wake(w);
}
