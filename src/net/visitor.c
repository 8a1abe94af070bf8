/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A visitor is a worker that is in no list and has no loop: commands that look at their worker, to
 * walk the clients or to publish, find what they need. Its one connection has no socket. The
 * functions of the host that would bind something to that connection are replaced by refusals,
 * because nobody would ever read what is sent to it.
 */
#include "net/visitor.h"

#include "base/assert.h"
#include "command/audited.h"
#include "net/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct net_visitor {
    struct worker worker;
    struct conn conn;
    size_t index; /* of its counters */
};

static int
refuse_subscription(void *ud, enum pubsub_kind kind, attl_slice name)
{
    (void)ud;
    (void)kind;
    (void)name;
    return ATTL_E_UNSUPPORTED;
}

static int
refuse_tracking(void *ud, const struct tracking_wish *wish)
{
    (void)ud;
    (void)wish;
    return ATTL_E_UNSUPPORTED;
}

/* A place among the counters of the net, or NET_VISITORS_MAX. */
static size_t
take_place(struct net *net)
{
    for (size_t i = 0; i < net->visitors_len; i++) {
        bool free_place = false;
        if (atomic_compare_exchange_strong(&net->visitor_taken[i], &free_place, true))
            return i;
    }
    return NET_VISITORS_MAX;
}

struct net_visitor *
net_visitor_new(struct net *net)
{
    struct net_visitor *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->index = take_place(net);
    if (v->index == NET_VISITORS_MAX) {
        free(v);
        return NULL;
    }
    struct worker *w = &v->worker;
    w->net = net;
    lock_init(&w->lock);
    worker_host_init(w);
    w->host.subscribe = refuse_subscription;
    w->host.track = refuse_tracking;
    w->host.aside = NULL; /* the thread may block */
    w->host.park = NULL;  /* nobody would come back */
    w->env.stats = net->all_stats[net->workers_len + v->index];
    w->env.all_stats = net->all_stats;
    w->env.all_stats_len = net->workers_len + net->visitors_len;
    w->env.loading = true; /* looked at before each command while it is */
    w->current = &v->conn;
    v->conn.session.fd = -1;
    v->conn.session.id = 1 + atomic_fetch_add_explicit(&net->last_id, 1, memory_order_relaxed);
    return v;
}

void
net_visitor_free(struct net_visitor **visitor)
{
    struct net_visitor *v = *visitor;
    if (!v)
        return;
    session_end(&v->conn.session);
    atomic_store(&v->worker.net->visitor_taken[v->index], false);
    free(v);
    *visitor = NULL;
}

struct session *
net_visitor_begin(struct net_visitor *v, const char *addr, const char *name)
{
    struct session *s = &v->conn.session;
    session_end(s);
    int64_t now_ms = clock_now_ms(&v->worker.net->clock);
    *s = (struct session){ .id = s->id,
                           .proto = 3,
                           .authenticated = true,
                           .exempt = true,
                           .created_ms = now_ms,
                           .active_ms = now_ms,
                           .last_command = "NULL",
                           .fd = -1 };
    (void)snprintf(s->addr, sizeof s->addr, "%s", addr); /* cut if it must be */
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    v->conn.auth_failures = 0;
    return s;
}

void
net_visitor_execute(struct net_visitor *v, const attl_slice *argv, size_t argc, struct buf *out)
{
    struct worker *w = &v->worker;
    struct session *s = &v->conn.session;
    ASSERT(s->proto != 0); /* it was begun */
    attl_actor_set(w->net->cache, s->id);
    struct command_env *env =
        net_visitor_enter(v); /* commands that walk the workers let go of it */
    command_execute(env, s, argv, argc, out);
    net_visitor_leave(v);
    ASSERT(!s->waiting);
    s->interrupt = 0;
}

void
net_visitor_end(struct net_visitor *v)
{
    session_end(&v->conn.session);
}

struct command_env *
net_visitor_enter(struct net_visitor *v)
{
    v->worker.now_ms = clock_now_ms(&v->worker.net->clock);
    if (v->worker.env.loading)
        worker_look_at_loading(&v->worker);
    lock_acquire(&v->worker.lock);
    audited_follow(&v->worker.env, LIMIT_LOAD(v->worker.net, audit_spaces));
    return &v->worker.env;
}

void
net_visitor_leave(struct net_visitor *v)
{
    lock_release(&v->worker.lock);
}
