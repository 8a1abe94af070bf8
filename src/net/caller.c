/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscriptions and tracking of the calling connection. The broker knows the truth; the session has
 * the counts, for CLIENT LIST and for the answers, and they change together because only the worker
 * of a connection subscribes or unsubscribes it. Nothing here waits.
 */
#include "net/caller.h"

#include "base/assert.h"
#include "net/exchange.h"
#include "net/push.h"
#include "net/registry.h"
#include "net/tracker.h"

static struct worker *
worker_of(void *ud)
{
    struct worker *w = ((struct net_caller *)ud)->worker;
    ASSERT(w->current); /* commands run only for a connection */
    return w;
}

static void
count(struct session *s, enum pubsub_kind kind, int by)
{
    s->subscribed[kind] += (size_t)by; /* wraps around to a difference */
    bool any = false;
    for (size_t i = 0; i < PUBSUB_KINDS; i++)
        any |= s->subscribed[i] > 0;
    s->special = any ? s->special | SESSION_SUBSCRIBED : s->special & ~(unsigned)SESSION_SUBSCRIBED;
}

static int
caller_subscribe(void *ud, enum pubsub_kind kind, attl_slice name)
{
    struct worker *w = worker_of(ud);
    struct receiver *r = push_receiver(w, w->current);
    if (!r)
        return ATTL_E_NOMEM;
    int status = broker_subscribe(&w->net->exchange->broker, r, kind, name);
    if (status == ATTL_OK)
        count(&w->current->session, kind, 1);
    return status;
}

static int
caller_unsubscribe(void *ud, enum pubsub_kind kind, attl_slice name)
{
    struct worker *w = worker_of(ud);
    struct receiver *r = w->current->receiver;
    if (!r || broker_unsubscribe(&w->net->exchange->broker, r, kind, name) != ATTL_OK)
        return ATTL_NOT_SET;
    count(&w->current->session, kind, -1);
    return ATTL_OK;
}

static bool
caller_subscription(void *ud, enum pubsub_kind kind, attl_slice *ret_name)
{
    struct worker *w = worker_of(ud);
    struct receiver *r = w->current->receiver;
    return r && broker_subscription(&w->net->exchange->broker, r, kind, ret_name);
}

static size_t
caller_publish(void *ud, enum pubsub_kind kind, attl_slice channel, attl_slice payload)
{
    return broker_publish(&worker_of(ud)->net->exchange->broker, kind, channel, payload);
}

static size_t
caller_subscribers(void *ud, enum pubsub_kind kind, attl_slice name)
{
    return broker_subscribers(&worker_of(ud)->net->exchange->broker, kind, name);
}

static void
caller_each_topic(void *ud, enum pubsub_kind kind, void (*fn)(void *fn_ud, attl_slice name),
                  void *fn_ud)
{
    broker_each(&worker_of(ud)->net->exchange->broker, kind, fn, fn_ud);
}

static size_t
caller_topics(void *ud, enum pubsub_kind kind)
{
    return atomic_load(&worker_of(ud)->net->exchange->broker.topics_of[kind]);
}

static void
caller_pushes(void *ud, struct buf *out)
{
    struct worker *w = worker_of(ud);
    struct conn *c = w->current;
    if (!c->receiver)
        return;
    push_sort(w);
    push_pour(c, out, conn_pending(c));
}

/* ---- tracking ---- */

static void
note_tracking(struct session *s, unsigned flags, uint64_t redirect)
{
    s->tracking = (struct session_tracking){ flags, redirect };
    s->special = flags ? s->special | SESSION_TRACKING : s->special & ~(unsigned)SESSION_TRACKING;
}

static int
caller_track(void *ud, const struct tracking_wish *wish)
{
    struct worker *w = worker_of(ud);
    struct conn *c = w->current;
    struct receiver *r = push_receiver(w, c);
    struct receiver *target = NULL;
    if (!r)
        return ATTL_E_NOMEM;
    if (wish->redirect != 0 && wish->redirect != r->id) {
        int status = registry_receiver(w, wish->redirect, &target);
        if (status != ATTL_OK)
            return status;
    }
    int status = tracker_start(w->net->exchange, r, wish, target);
    if (status == ATTL_OK)
        note_tracking(&c->session, TRACKING_ON | wish->flags, wish->redirect);
    return status;
}

static void
caller_untrack(void *ud)
{
    struct worker *w = worker_of(ud);
    if (w->current->receiver)
        tracker_stop(w->net->exchange, w->current->receiver);
    note_tracking(&w->current->session, 0, 0);
}

static bool
caller_client_exists(void *ud, uint64_t id)
{
    struct worker *w = worker_of(ud);
    return id == w->current->session.id || registry_receiver(w, id, NULL) == ATTL_OK;
}

static bool
caller_tracked_prefix(void *ud, size_t index, attl_slice *ret_prefix)
{
    const struct receiver *r = worker_of(ud)->current->receiver;
    if (!r || index >= r->prefixes_len)
        return false;
    *ret_prefix = r->prefixes[index];
    return true;
}

static void
caller_track_key(void *ud, attl_slice key)
{
    struct worker *w = worker_of(ud);
    tracked_add(&w->net->exchange->tracked, w->current->receiver, key);
}

static void
caller_leave(void *ud)
{
    struct worker *w = worker_of(ud);
    struct session *s = &w->current->session;
    if (w->current->receiver)
        broker_leave(&w->net->exchange->broker, w->current->receiver);
    for (size_t i = 0; i < PUBSUB_KINDS; i++)
        s->subscribed[i] = 0;
    s->special &= ~(unsigned)SESSION_SUBSCRIBED;
    caller_untrack(ud);
}

void
caller_fill(struct command_host *host)
{
    host->subscribe = caller_subscribe;
    host->unsubscribe = caller_unsubscribe;
    host->subscription = caller_subscription;
    host->publish = caller_publish;
    host->subscribers = caller_subscribers;
    host->each_topic = caller_each_topic;
    host->topics = caller_topics;
    host->pushes = caller_pushes;
    host->leave = caller_leave;
    host->track = caller_track;
    host->untrack = caller_untrack;
    host->client_exists = caller_client_exists;
    host->tracked_prefix = caller_tracked_prefix;
    host->track_key = caller_track_key;
}
