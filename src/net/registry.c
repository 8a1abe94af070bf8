/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at other workers' connections. Each worker's list is walked under that worker's lock,
 * for as long as copying its sessions takes; callbacks run on the copies, without any lock. A
 * connection is never closed from here: its socket is shut down, which its own worker notices,
 * and a descriptor in the list cannot be closed and reused meanwhile, because closing happens
 * under the same lock.
 */
#include "net/registry.h"

#include "command/session.h"
#include "net/exchange.h"
#include "net/push.h"
#include "net/receiver.h"
#include "os/socket.h"

#include <stdlib.h>

struct copies {
    struct session *items;
    size_t len, cap;
};

static bool
copies_reserve(struct copies *all, size_t more)
{
    if (all->cap - all->len >= more)
        return true;
    size_t cap = all->len + more;
    struct session *items = realloc(all->items, cap * sizeof *items);
    if (!items)
        return false;
    all->items = items;
    all->cap = cap;
    return true;
}

/* On lack of memory the list is shorter; it is a report, not a promise. */
static void
copy_sessions(struct worker *v, struct copies *all)
{
    lock_acquire(&v->lock);
    size_t n = 0;
    for (const struct conn *c = v->first; c; c = c->next)
        n += !c->killed;
    if (copies_reserve(all, n))
        for (const struct conn *c = v->first; c; c = c->next)
            if (!c->killed)
                all->items[all->len++] = c->session;
    lock_release(&v->lock);
}

static int
by_id(const void *a, const void *b)
{
    const struct session *x = a;
    const struct session *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

void
registry_each_client(void *ud, void (*fn)(void *fn_ud, const struct session *s), void *fn_ud)
{
    struct net_caller *caller = ud;
    struct net *net = caller->worker->net;
    struct copies all = { 0 };
    lock_release(&caller->worker->lock);
    for (size_t i = 0; i < net->workers_len; i++)
        copy_sessions(&net->workers[i], &all);
    if (all.len > 1)
        qsort(all.items, all.len, sizeof *all.items, by_id);
    for (size_t i = 0; i < all.len; i++)
        fn(fn_ud, &all.items[i]);
    free(all.items);
    lock_acquire(&caller->worker->lock);
}

/* Whether it is subscribed to something that it may not hear. REQUIRES its worker's lock. */
static bool
hears_wrongly(const struct client_filter *f, struct worker *v, const struct conn *c)
{
    return c->receiver &&
           !broker_may_hear(&v->net->exchange->broker, c->receiver, f->may_hear, f->may_hear_ud);
}

static bool
selects(const struct client_filter *f, const struct session *s, int64_t now_ms)
{
    if (f->skip_self && s->id == f->self_id)
        return false;
    if (!session_has_type(s, f->type) || (f->id != 0 && s->id != f->id))
        return false;
    if (f->addr && strcmp(f->addr, s->addr) != 0)
        return false;
    if (f->laddr && strcmp(f->laddr, s->laddr) != 0)
        return false;
    if (f->user && strcmp(f->user, session_user_name(s)) != 0)
        return false;
    return f->min_age_s <= 0 || (now_ms - s->created_ms) / 1000 >= f->min_age_s;
}

/* Shuts down the worker's connections that match; the caller's own gets its reply first. */
static size_t
kill_in(struct worker *v, const struct client_filter *filter, int64_t now_ms,
        const struct conn *self)
{
    size_t n = 0;
    lock_acquire(&v->lock);
    for (struct conn *c = v->first; c; c = c->next) {
        if (c->killed || !selects(filter, &c->session, now_ms))
            continue;
        if (filter->may_hear && !hears_wrongly(filter, v, c))
            continue;
        n++;
        if (c == self) {
            c->session.close_after_reply = true;
            continue;
        }
        c->killed = true;
        socket_shutdown(c->session.fd);
    }
    lock_release(&v->lock);
    return n;
}

size_t
registry_kill_clients(void *ud, const struct client_filter *filter)
{
    struct net_caller *caller = ud;
    struct worker *w = caller->worker;
    size_t n = 0;
    lock_release(&w->lock);
    for (size_t i = 0; i < w->net->workers_len; i++)
        n += kill_in(&w->net->workers[i], filter, w->now_ms, w->current);
    lock_acquire(&w->lock);
    counter_add(&w->counters.killed, n);
    return n;
}

/* The connection of `v` with the largest buffers, if they exceed `*largest`. */
static void
find_largest(struct worker *v, size_t *largest, struct worker **ret_worker, uint64_t *ret_id)
{
    lock_acquire(&v->lock);
    for (const struct conn *c = v->first; c; c = c->next) {
        if (c->killed || c->buffered_bytes <= *largest)
            continue;
        *largest = c->buffered_bytes;
        *ret_worker = v;
        *ret_id = c->session.id;
    }
    lock_release(&v->lock);
}

static bool
condemn(struct worker *v, uint64_t id)
{
    bool found = false;
    lock_acquire(&v->lock);
    for (struct conn *c = v->first; c && !found; c = c->next) {
        if (c->session.id != id || c->killed)
            continue;
        found = true;
        c->killed = true;
        c->condemned = true;
        atomic_fetch_add_explicit(&v->net->condemned_bytes, c->buffered_bytes,
                                  memory_order_relaxed);
        socket_shutdown(c->session.fd);
    }
    lock_release(&v->lock);
    return found;
}

void
registry_drop_largest(struct worker *w)
{
    struct net *net = w->net;
    size_t largest = 0;
    struct worker *victim = NULL;
    uint64_t id = 0;
    lock_release(&w->lock);
    for (size_t i = 0; i < net->workers_len; i++)
        find_largest(&net->workers[i], &largest, &victim, &id);
    bool dropped = victim && condemn(victim, id);
    lock_acquire(&w->lock);
    if (!dropped)
        return;
    counter_add(&w->counters.dropped_memory, 1);
    net_complain(
        net, w->now_ms, COMPLAINT_MEMORY_LIMIT,
        "the client with the largest buffers was disconnected: all buffers together reached "
        "server.clients_memory");
}

/* ATTL_MISS: not one of v's. */
static int
receiver_in(struct worker *v, uint64_t id, struct receiver **ret_receiver)
{
    int status = ATTL_MISS;
    lock_acquire(&v->lock);
    struct conn *c = v->first;
    while (c && (c->session.id != id || c->killed))
        c = c->next;
    if (c) {
        struct receiver *r = ret_receiver ? push_receiver(v, c) : NULL;
        status = !ret_receiver || r ? ATTL_OK : ATTL_E_NOMEM;
        if (r)
            *ret_receiver = receiver_keep(r);
    }
    lock_release(&v->lock);
    return status;
}

int
registry_receiver(struct worker *w, uint64_t id, struct receiver **ret_receiver)
{
    struct net *net = w->net;
    int status = ATTL_MISS;
    lock_release(&w->lock);
    for (size_t i = 0; i < net->workers_len && status == ATTL_MISS; i++)
        status = receiver_in(&net->workers[i], id, ret_receiver);
    lock_acquire(&w->lock);
    return status;
}
