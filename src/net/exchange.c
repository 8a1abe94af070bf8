/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hook runs under a partition's lock. It looks a key up, compares a few prefixes, and leaves
 * letters; what takes longer is for workers. The mask of the cache follows what is wanted: nothing
 * at all while no client tracks and no event is published. A change whose maker has read the old
 * mask might be visible to nobody else yet when the first tracker reads, so the mask is followed by
 * a barrier in all threads: either that change is visible then, or its maker sees the new mask.
 */
#include "net/exchange.h"

#include "net/events.h"
#include "os/barrier.h"
#include "os/process.h"

#include <stdlib.h>

struct exchange *
exchange_new(size_t workers)
{
    /* The shards of a table stand on cache lines of their own. */
    struct exchange *x = aligned_alloc(_Alignof(struct exchange), sizeof *x);
    struct mailbox *mailboxes = calloc(workers, sizeof *mailboxes);
    struct exchange_actor *actors =
        aligned_alloc(_Alignof(struct exchange_actor), workers * sizeof *actors);
    if (!x || !mailboxes || !actors) {
        free(x);
        free(mailboxes);
        free(actors);
        return NULL;
    }
    memset(x, 0, sizeof *x);
    memset(actors, 0, workers * sizeof *actors);
    x->actors = actors;
    struct hash_key hash = { .use_siphash = false };
    /* Without randomness names can be made to collide, which costs time and nothing else. */
    (void)process_random(hash.secret, sizeof hash.secret);
    broker_init(&x->broker, &hash);
    tracked_init(&x->tracked, &hash, EXCHANGE_TRACKED_KEYS);
    prefix_init(&x->prefixes);
    lock_init(&x->lock);
    lock_init(&x->mask_lock);
    x->mailboxes = mailboxes;
    x->mailboxes_len = workers;
    for (size_t i = 0; i < workers; i++)
        mailbox_init(&mailboxes[i]);
    atomic_store(&x->limits.push_bytes, EXCHANGE_PUSH_BYTES);
    atomic_store(&x->limits.invalid_bytes, EXCHANGE_INVALID_BYTES);
    return x;
}

void
exchange_free(struct exchange **exchange)
{
    struct exchange *x = *exchange;
    if (!x)
        return;
    for (size_t i = 0; i < x->mailboxes_len; i++)
        mailbox_fini(&x->mailboxes[i]);
    tracked_fini(&x->tracked);
    prefix_fini(&x->prefixes);
    broker_fini(&x->broker);
    free(x->mailboxes);
    free(x->actors);
    free(x);
    *exchange = NULL;
}

/* ---- what the cache is to tell ---- */

static uint32_t
wanted(struct exchange *x)
{
    uint32_t flags = atomic_load(&x->published);
    if (atomic_load(&x->tracking) > 0)
        return ATTL_EV_ALL;
    if (!(flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)))
        return 0;
    return (flags & (NOTIFY_STRING | NOTIFY_NEW) ? ATTL_EV_SET : 0) |
           (flags & NOTIFY_GENERIC ? ATTL_EV_SET | ATTL_EV_EXPIRE | ATTL_EV_DELETED : 0) |
           (flags & NOTIFY_EXPIRED ? ATTL_EV_EXPIRED : 0) |
           (flags & NOTIFY_EVICTED ? ATTL_EV_EVICTED : 0);
}

/* When this returns every change that is not heard of yet is visible to all. */
static void
choose_mask(struct exchange *x)
{
    lock_acquire(&x->mask_lock);
    uint32_t mask = wanted(x);
    if (x->cache && mask != x->mask) {
        attl_notice_mask(x->cache, mask);
        barrier_all_threads(true);
    }
    x->mask = mask;
    lock_release(&x->mask_lock);
}

void
exchange_attach(struct exchange *x, attl *cache)
{
    lock_acquire(&x->mask_lock);
    if (x->cache && x->cache != cache)
        attl_notice_mask(x->cache, 0);
    x->cache = cache;
    x->mask = 0;
    lock_release(&x->mask_lock);
    choose_mask(x);
}

/* ---- trackers ---- */

void
exchange_track(struct exchange *x, struct receiver *r)
{
    lock_acquire(&x->lock);
    r->prev_tracker = NULL;
    r->next_tracker = x->trackers;
    if (x->trackers)
        x->trackers->prev_tracker = r;
    x->trackers = receiver_keep(r);
    atomic_store(&r->tracks, true);
    atomic_fetch_add(&x->tracking, 1);
    lock_release(&x->lock);
    choose_mask(x);
}

void
exchange_untrack(struct exchange *x, struct receiver *r)
{
    lock_acquire(&x->lock);
    if (r->prev_tracker)
        r->prev_tracker->next_tracker = r->next_tracker;
    else
        x->trackers = r->next_tracker;
    if (r->next_tracker)
        r->next_tracker->prev_tracker = r->prev_tracker;
    atomic_store(&r->tracks, false);
    bool last = atomic_fetch_sub(&x->tracking, 1) == 1;
    /* Nobody is left to be told, and the lock keeps others from beginning to read. */
    if (last)
        tracked_drop_all(&x->tracked);
    lock_release(&x->lock);
    receiver_free(r);
    if (last)
        choose_mask(x);
    tracked_collect(&x->tracked);
}

/* ---- the hook ---- */

void
exchange_publish_events(struct exchange *x, uint32_t flags)
{
    atomic_store(&x->published, flags);
    choose_mask(x);
}

void
exchange_act_for(struct exchange *x, size_t worker, const struct session *s)
{
    struct exchange_actor *a = &x->actors[worker];
    atomic_store_explicit(&a->session, s, memory_order_relaxed);
    atomic_store_explicit(&a->id, s->id, memory_order_relaxed);
}

/* The command that is being executed for client `actor`: by this very thread, which is the only one
 * that changes anything on the client's behalf. NULL if there is none. */
static const char *
command_of(const struct exchange *x, uint64_t actor)
{
    for (size_t i = 0; actor != 0 && i < x->mailboxes_len; i++)
        if (atomic_load_explicit(&x->actors[i].id, memory_order_relaxed) == actor)
            return atomic_load_explicit(&x->actors[i].session, memory_order_relaxed)->last_command;
    return NULL;
}

/* The first worker publishes all events, so that they come in one order. */
static void
send_event(struct exchange *x, enum keyspace_event event, attl_slice key)
{
    struct message *m = message_copy(key);
    if (m)
        m->tag = event;
    struct letter letter = { NULL, m, LETTER_EVENT };
    if (!m || !mailbox_put(&x->mailboxes[0], &letter))
        atomic_fetch_add_explicit(&x->events_lost, 1, memory_order_relaxed);
    message_free(m);
}

static void
note_event(struct exchange *x, const attl_notice *notice)
{
    uint32_t flags = atomic_load_explicit(&x->published, memory_order_relaxed);
    if (!(flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) ||
        atomic_load_explicit(&x->broker.subscriptions, memory_order_relaxed) == 0)
        return;
    const char *command = command_of(x, notice->actor);
    enum keyspace_event event = event_of(notice, command, flags);
    if (event_is_of_new_key(notice, command, flags))
        send_event(x, EVENT_NEW, notice->key);
    if (event != EVENT_NONE)
        send_event(x, event, notice->key);
}

/* Emptied first: whoever begins to track behind that has not read anything yet. */
static void
tell_all(struct exchange *x)
{
    lock_acquire(&x->lock);
    tracked_drop_all(&x->tracked);
    for (struct receiver *r = x->trackers; r; r = r->next_tracker)
        receiver_forget_all(r);
    lock_release(&x->lock);
}

void
exchange_notice(void *ud, const attl_notice *notice)
{
    struct exchange *x = ud;
    note_event(x, notice);
    if (atomic_load_explicit(&x->tracking, memory_order_relaxed) == 0)
        return;
    if (notice->kind == ATTL_EV_CLEARED) {
        tell_all(x);
        return;
    }
    tracked_tell(&x->tracked, notice->key, notice->actor);
    prefix_tell(&x->prefixes, notice->key, notice->actor);
}
