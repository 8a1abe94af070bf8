/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscriptions of the calling connection. The broker knows the truth; the session has the counts,
 * for CLIENT LIST and for the answers, and they change together because only the worker of a
 * connection subscribes or unsubscribes it. Nothing here waits.
 */
#include "net/caller.h"

#include "base/assert.h"
#include "net/exchange.h"
#include "net/push.h"

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
    push_pour(c, out, out->len);
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
}

void
caller_fill_pubsub(struct command_host *host)
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
}
