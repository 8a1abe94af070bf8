/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's loop: wait, read the clock, serve each event, free the dead. It sleeps without a
 * timeout unless a connection has one running. All workers watch all listeners; the system wakes
 * one, which accepts, and hands the connection over if another worker has fewer. That balances
 * exactly where SO_REUSEPORT balances by chance, works for unix sockets, and costs a wake-up per
 * connection handed over, none per request.
 */
#include "net/worker.h"

#include "command/audited.h"
#include "net/caller.h"
#include "net/delay.h"
#include "net/exchange.h"
#include "net/heartbeat.h"
#include "net/hold.h"
#include "net/push.h"
#include "net/park.h"
#include "net/registry.h"
#include "net/secure.h"
#include "os/socket.h"

#include <stdio.h>
#include <stdlib.h>

static void
locked(struct worker *w, struct conn *c, void (*fn)(struct worker *w, struct conn *c))
{
    lock_acquire(&w->lock);
    fn(w, c);
    lock_release(&w->lock);
}

void
worker_want_sweep(struct worker *w)
{
    if (w->sweep_wanted)
        return;
    w->sweep_wanted = true;
    w->next_sweep_ms = w->now_ms + NET_SWEEP_MS;
}

void
worker_wake(struct worker *w)
{
    event_waker_wake(&w->waker);
}

void
worker_take_back(struct worker *w, struct aside_task *task)
{
    lock_acquire(&w->done_lock);
    aside_append(&w->done, task);
    lock_release(&w->done_lock);
    worker_wake(w);
}

/* ---- new connections ---- */

static void
refuse(struct worker *w, int fd)
{
    static const char text[] = "-ERR max number of clients reached\r\n";
    /* Counted first: whoever reads the line may look at the counters next. */
    atomic_fetch_add_explicit(&w->net->rejected, 1, memory_order_relaxed);
    net_complain(w->net, w->now_ms, COMPLAINT_REJECTED,
                 "a connection was refused: server.max_clients or the system's limit is reached");
    /* A stranger who does not take this line from an empty socket buffer does without it. */
    (void)socket_send(fd, text, sizeof text - 1);
    socket_close_gently(fd);
}

static void
give_up(struct worker *w, int fd)
{
    socket_close(fd);
    atomic_fetch_sub_explicit(&w->clients, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->net->clients, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->net->rejected, 1, memory_order_relaxed);
}

static void
adopt(struct worker *w, struct arrival a)
{
    lock_acquire(&w->lock);
    struct conn *c = conn_new(w, a.fd, a.id);
    bool adopted = c != NULL;
    if (adopted && a.tls && !secure_begin(w, c))
        conn_close(w, c);
    lock_release(&w->lock);
    if (!adopted)
        give_up(w, a.fd);
}

/* The worker with the fewest connections; this one unless another has at least two fewer. */
static struct worker *
choose(struct worker *w)
{
    struct net *net = w->net;
    struct worker *best = w;
    uint64_t fewest = atomic_load_explicit(&w->clients, memory_order_relaxed);
    fewest = fewest > 0 ? fewest - 1 : 0;
    for (size_t i = 0; i < net->workers_len; i++) {
        uint64_t n = atomic_load_explicit(&net->workers[i].clients, memory_order_relaxed);
        if (n < fewest) {
            fewest = n;
            best = &net->workers[i];
        }
    }
    return best;
}

static bool
hand_over(struct worker *to, struct arrival a)
{
    lock_acquire(&to->handover.lock);
    bool fits = to->handover.len < NET_HANDOVERS_MAX;
    if (fits)
        to->handover.items[to->handover.len++] = a;
    lock_release(&to->handover.lock);
    if (fits)
        worker_wake(to);
    return fits;
}

static void
admit(struct worker *w, int fd, const struct listener *l)
{
    struct net *net = w->net;
    uint64_t limit = LIMIT_LOAD(net, max_clients) + (l->is_unix ? NET_RESERVED_CLIENTS : 0);
    if (atomic_fetch_add_explicit(&net->clients, 1, memory_order_relaxed) >= limit) {
        atomic_fetch_sub_explicit(&net->clients, 1, memory_order_relaxed);
        refuse(w, fd);
        return;
    }
    struct arrival a = {
        1 + atomic_fetch_add_explicit(&net->last_id, 1, memory_order_relaxed),
        fd,
        l->is_tls,
    };
    struct worker *to = choose(w);
    atomic_fetch_add_explicit(&to->clients, 1, memory_order_relaxed);
    if (to == w) {
        adopt(w, a);
    } else if (!hand_over(to, a)) {
        atomic_fetch_sub_explicit(&to->clients, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&w->clients, 1, memory_order_relaxed);
        adopt(w, a);
    }
}

/* Out of descriptors: the spare one lets us refuse, or the listener would report for ever. */
static void
refuse_without_fd(struct worker *w, int listener)
{
    socket_close(w->spare_fd);
    int fd = socket_accept(listener);
    if (fd >= 0)
        refuse(w, fd);
    w->spare_fd = socket_spare();
}

static void
accept_some(struct worker *w, const struct listener *l)
{
    for (int i = 0; i < NET_ACCEPTS_PER_TURN; i++) {
        int fd = socket_accept(l->fd);
        if (fd == SOCKET_NO_FDS)
            refuse_without_fd(w, l->fd);
        if (fd < 0)
            return;
        admit(w, fd, l);
    }
}

static void
take_handovers(struct worker *w)
{
    struct arrival items[NET_HANDOVERS_MAX];
    lock_acquire(&w->handover.lock);
    size_t n = w->handover.len;
    memcpy(items, w->handover.items, n * sizeof *items);
    w->handover.len = 0;
    lock_release(&w->handover.lock);
    for (size_t i = 0; i < n; i++)
        adopt(w, items[i]);
}

/* ---- slow commands ---- */

static struct aside_task *
next_done(struct worker *w)
{
    lock_acquire(&w->done_lock);
    struct aside_task *task = aside_take(&w->done);
    lock_release(&w->done_lock);
    return task;
}

static void
take_done(struct worker *w)
{
    for (struct aside_task *task = next_done(w); task; task = next_done(w)) {
        lock_acquire(&w->lock);
        if (task->conn)
            conn_job_done(w, task->conn, task->job);
        lock_release(&w->lock);
        aside_task_free(task);
    }
}

/* command_host's queue_bytes: what is queued has been a request before. */
static size_t
caller_queue_bytes(void *ud)
{
    const struct worker *w = ((const struct net_caller *)ud)->worker;
    return LIMIT_LOAD(w->net, query_bytes);
}

/* command_host's aside. */
static bool
caller_aside(void *ud, struct command_job *job)
{
    struct worker *w = ((struct net_caller *)ud)->worker;
    ASSERT(w->current && !w->current->task); /* a waiting connection runs nothing */
    w->current->task = aside_push(&w->net->aside, w, w->current, job);
    return w->current->task != NULL;
}

/* ---- turns ---- */

static void
free_dead(struct worker *w)
{
    while (w->dead) {
        struct conn *c = w->dead;
        w->dead = c->next;
        conn_free(c);
    }
}

static void
sweep(struct worker *w)
{
    bool again = false;
    lock_acquire(&w->lock);
    for (struct conn *c = w->first, *next; c; c = next) {
        next = c->next; /* closing overwrites it */
        again |= conn_check_timeouts(w, c);
    }
    lock_release(&w->lock);
    hold_look_again(w);
    w->sweep_wanted = again;
    w->next_sweep_ms = w->now_ms + NET_SWEEP_MS;
}

static int
wait_ms(const struct worker *w)
{
    int64_t next_ms = delay_next_ms(w);
    if (w->sweep_wanted && w->next_sweep_ms < next_ms)
        next_ms = w->next_sweep_ms;
    if (next_ms == INT64_MAX)
        return -1;
    int64_t left_ms = next_ms - w->now_ms;
    return left_ms < 0 ? 0 : left_ms > NET_SWEEP_MS ? NET_SWEEP_MS : (int)left_ms;
}

static void
handle(struct worker *w, const struct event *e)
{
    switch (*(const enum source *)e->ud) {
    case SOURCE_WAKER:
        event_waker_drain(&w->waker);
        take_handovers(w);
        take_done(w);
        /* Limits may have changed: the next sweep finds out whether timeouts are running now. */
        if (LIMIT_LOAD(w->net, timeout_ms) > 0 || net_auth_required(w->net))
            worker_want_sweep(w);
        break;
    case SOURCE_LISTENER: accept_some(w, e->ud); break;
    case SOURCE_PARKING: park_reap(w); break;
    case SOURCE_CONN: {
        struct conn *c = e->ud;
        if (c->dead)
            break;
        lock_acquire(&w->lock);
        conn_turn(w, c, e->flags);
        lock_release(&w->lock);
        break;
    }
    }
}

void
worker_look_at_loading(struct worker *w)
{
    attl_load_progress progress = { .struct_size = sizeof progress };
    attl_load_progress_get(w->net->cache, &progress);
    w->env.loading = progress.loading || progress.status != ATTL_OK;
}

static void
turn(struct worker *w, int timeout_ms)
{
    struct event events[EVENTS_PER_WAIT_MAX];
    size_t n = event_loop_wait(&w->loop, events, mailbox_sleep(w->mailbox) ? timeout_ms : 0);
    mailbox_rise(w->mailbox);
    w->now_ms = clock_now_ms(&w->net->clock);
    bool watched = delay_is_watched(w);
    w->env.untimed = LIMIT_LOAD(w->net, untimed);
    audited_follow(&w->env, LIMIT_LOAD(w->net, audit_spaces));
    if (w->env.loading)
        worker_look_at_loading(w);
    for (size_t i = 0; i < n; i++)
        handle(w, &events[i]);
    if (w->sweep_wanted && w->now_ms >= w->next_sweep_ms)
        sweep(w);
    hold_settle(w);
    push_settle(w);
    counter_add(&w->turns, 1);
    if (__builtin_expect(watched, 0))
        delay_measure(w, n > 0);
    if (__builtin_expect(w->delayed_first != NULL, 0))
        delay_settle(w);
    free_dead(w);
    worker_heartbeat(w);
}

/* ---- life ---- */

/* Answers what has arrived, then waits for clients to take their replies, until the deadline. */
static void
finish_clients(struct worker *w)
{
    for (size_t i = 0; i < w->net->listeners_len; i++)
        event_loop_remove(&w->loop, w->net->listeners[i].fd);
    take_handovers(w);
    for (struct conn *c = w->first, *next; c; c = next) {
        next = c->next; /* closing overwrites it */
        locked(w, c, conn_finish);
    }
    park_stop(w);
    hold_settle(w);
    free_dead(w);
    while (w->first) {
        int64_t left_ms = atomic_load(&w->net->stop_deadline_ms) - w->now_ms;
        if (left_ms <= 0)
            break;
        turn(w, left_ms > NET_SWEEP_MS ? NET_SWEEP_MS : (int)left_ms);
    }
    while (w->first)
        locked(w, w->first, conn_close);
    free_dead(w);
}

static void
wake_for_letters(void *ud)
{
    worker_wake(ud);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    mailbox_open(w->mailbox, wake_for_letters, w);
    w->now_ms = w->turn_ms = clock_now_ms(&w->net->clock);
    while (!atomic_load_explicit(&w->net->stopping, memory_order_acquire))
        turn(w, wait_ms(w));
    finish_clients(w);
    mailbox_close(w->mailbox);
    push_end(w);
    atomic_store(&w->running, false);
    return NULL;
}

static bool
caller_auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    struct net_caller *caller = ud;
    struct worker *w = caller->worker;
    if (w->net->host.auth(ud, user, password, ret_user))
        return true;
    struct conn *c = w->current;
    ASSERT(c); /* commands run only for a connection */
    if (++c->auth_failures >= NET_AUTH_FAILURES_MAX) {
        counter_add(&w->counters.auth_lockouts, 1);
        net_complain(w->net, w->now_ms, COMPLAINT_AUTH,
                     "a client was disconnected after too many wrong passwords");
        c->session.close_after_reply = true;
    }
    return false;
}

void
worker_host_init(struct worker *w)
{
    w->caller = (struct net_caller){ w->net->host.ud, w };
    w->host = w->net->host;
    w->host.ud = &w->caller;
    w->host.each_client = registry_each_client;
    w->host.kill_clients = registry_kill_clients;
    w->host.auth = caller_auth;
    w->host.aside = caller_aside;
    caller_fill(&w->host);
    w->host.park = park_begin;
    w->host.queue_bytes = caller_queue_bytes;
    w->env = (struct command_env){
        .cache = w->net->cache,
        .access = w->net->access,
        .host = &w->host,
        .slow = w->net->slow,
    };
    audited_prepare(&w->env);
}

void
worker_preset(struct worker *w, struct net *net)
{
    w->source = SOURCE_WAKER;
    w->net = net;
    if (net->exchange)
        w->mailbox = &net->exchange->mailboxes[w - net->workers];
    w->loop.fd = -1;
    w->waker.fd = -1;
    w->spare_fd = -1;
    lock_init(&w->lock);
    lock_init(&w->handover.lock);
    lock_init(&w->done_lock);
    buf_init(&w->out, LIMIT_LOAD(net, output_bytes));
    pipeline_init(&w->pipeline);
    worker_host_init(w);
    shed_reset(&w->shed);
    worker_look_at_loading(w);
}

bool
worker_init(struct worker *w)
{
    struct net *net = w->net;
    w->env.stats = command_stats_new();
    w->read_bytes = malloc(NET_READ_BYTES);
    w->spare_fd = socket_spare();
    if (!w->env.stats || !w->read_bytes || !event_loop_open(&w->loop) ||
        !event_waker_open(&w->waker))
        return false;
    if (!event_loop_add(&w->loop, w->waker.fd, EVENT_READ, w))
        return false;
    for (size_t i = 0; i < net->listeners_len; i++) {
        struct listener *l = &net->listeners[i];
        if (!event_loop_add(&w->loop, l->fd, EVENT_READ | EVENT_EXCLUSIVE, l))
            return false;
    }
    return true;
}

void
worker_fini(struct worker *w)
{
    thread_join(&w->thread);
    park_close(w);
    for (size_t i = 0; i < w->handover.len; i++)
        socket_close(w->handover.items[i].fd);
    event_waker_close(&w->waker);
    event_loop_close(&w->loop);
    socket_close(w->spare_fd);
    command_stats_free(w->env.stats);
    aside_list_clear(&w->done);
    letters_fini(&w->letters);
    pipeline_fini(&w->pipeline);
    buf_fini(&w->out);
    free(w->read_bytes);
}

bool
worker_start(struct worker *w, size_t index)
{
    char name[16];
    (void)snprintf(name, sizeof name, "attld-net-%zu", index); /* at most 3 digits */
    atomic_store(&w->running, true);
    if (thread_start(&w->thread, name, worker_main, w))
        return true;
    atomic_store(&w->running, false);
    return false;
}
