/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting it together. Listeners come first, so that a port in use is reported before any thread
 * exists; then workers, each complete before the first one runs, as they look at each other when
 * they hand over connections. Stopping is an order every worker carries out for its own
 * connections, with a deadline that may be moved closer while they are at it.
 */
#include "net/net.h"

#include "access/access.h"
#include "net/exchange.h"
#include "net/hold.h"
#include "net/tls.h"
#include "net/worker.h"
#include "os/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_NAME_MAX_BYTES = 256, NET_LOG_WARNING = 2 }; /* a level of attl_log_fn */

static const char *const complaint_events[COMPLAINT_COUNT] = {
    [COMPLAINT_FOREIGN] = "foreign_protocol",
    [COMPLAINT_QUERY_LIMIT] = "client_query_limit",
    [COMPLAINT_OUTPUT_LIMIT] = "client_output_limit",
    [COMPLAINT_STUCK] = "client_stuck",
    [COMPLAINT_MEMORY_LIMIT] = "clients_memory_limit",
    [COMPLAINT_AUTH] = "auth_lockout",
    [COMPLAINT_REJECTED] = "client_rejected",
    [COMPLAINT_OVERLOAD] = "overload",
    [COMPLAINT_TLS] = "tls",
};

void
net_complain(struct net *net, int64_t now_ms, enum complaint kind, const char *text)
{
    _Atomic int64_t *last = &net->complained_ms[kind];
    int64_t last_ms = atomic_load_explicit(last, memory_order_relaxed);
    if (!net->log || (last_ms != 0 && now_ms - last_ms < NET_COMPLAINT_INTERVAL_MS))
        return;
    if (atomic_compare_exchange_strong(last, &last_ms, now_ms))
        net->log(net->log_ud, NET_LOG_WARNING, complaint_events[kind], text);
}

/* ---- listening ---- */

static void
add_listener(struct net *net, int fd, bool is_unix, bool is_tls)
{
    if (!is_unix)
        socket_tune_tcp(fd, net->keepalive_s);
    net->listeners[net->listeners_len++] =
        (struct listener){ SOURCE_LISTENER, fd, is_unix, is_tls };
}

/* Fills in the problem and returns false. */
static bool
fail(struct socket_problem *ret_problem, int code, const char *text)
{
    ret_problem->code = code;
    (void)snprintf(ret_problem->text, sizeof ret_problem->text, "%s", text); /* ours fit */
    return false;
}

static bool
listen_host(struct net *net, const struct net_settings *s, const char *host, bool tls,
            struct socket_problem *ret_problem)
{
    int fds[SOCKET_LISTENERS_PER_NAME_MAX];
    size_t n = socket_listen_tcp(host, tls ? s->tls_port : s->port, s->backlog, fds, ret_problem);
    for (size_t i = 0; i < n; i++) {
        if (net->listeners_len == NET_LISTENERS_MAX)
            socket_close(fds[i]);
        else
            add_listener(net, fds[i], false, tls);
    }
    return n > 0;
}

/*
 * One word of server.bind. Redis' forms are understood: [::1] in brackets, and a minus in front
 * of an address that this machine may lack.
 */
static bool
listen_word(struct net *net, const struct net_settings *s, attl_slice word, bool tls,
            struct socket_problem *ret_problem)
{
    const char *text = word.data;
    size_t len = word.len;
    bool optional = len > 0 && text[0] == '-';
    text += optional;
    len -= optional;
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    char host[HOST_NAME_MAX_BYTES];
    if (len >= sizeof host)
        return fail(ret_problem, ENAMETOOLONG, "a name in server.bind is too long");
    memcpy(host, text, len);
    host[len] = '\0';
    return listen_host(net, s, host, tls, ret_problem) || optional;
}

static bool
listen_tcp(struct net *net, const struct net_settings *s, bool tls,
           struct socket_problem *ret_problem)
{
    const char *at = s->bind;
    while (*at) {
        size_t blanks = strspn(at, " \t,");
        size_t len = strcspn(at + blanks, " \t,");
        if (len > 0 && !listen_word(net, s, attl_b(at + blanks, len), tls, ret_problem))
            return false;
        at += blanks + len;
    }
    return true;
}

static bool
listen_unix(struct net *net, const struct net_settings *s, struct socket_problem *ret_problem)
{
    int fd;
    if (net->listeners_len == NET_LISTENERS_MAX)
        return fail(ret_problem, EMFILE, "too many addresses in server.bind");
    char *path = strdup(s->unix_path);
    if (!path)
        return fail(ret_problem, ENOMEM, "out of memory");
    if (!socket_listen_unix(path, s->unix_mode, s->backlog, &fd, ret_problem)) {
        free(path);
        return false;
    }
    net->unix_path = path;
    add_listener(net, fd, true, false);
    return true;
}

static bool
listen_all(struct net *net, const struct net_settings *s, struct socket_problem *ret_problem)
{
    if (s->port != 0 && !listen_tcp(net, s, false, ret_problem))
        return false;
    if (s->tls_port != 0 && !listen_tcp(net, s, true, ret_problem))
        return false;
    if (s->unix_path[0] != '\0' && !listen_unix(net, s, ret_problem))
        return false;
    return net->listeners_len > 0 ||
           fail(ret_problem, EDESTADDRREQ,
                "nothing to listen on: set server.port or server.unixsocket");
}

/* ---- life ---- */

struct net *
net_open(const struct net_settings *s, struct socket_problem *ret_problem)
{
    struct net *net = calloc(1, sizeof *net);
    struct worker *workers = calloc(s->workers, sizeof *workers);
    if (!net || !workers || s->workers == 0 || s->workers > NET_WORKERS_MAX) {
        free(net);
        free(workers);
        (void)fail(ret_problem, ENOMEM, "no memory for the workers");
        return NULL;
    }
    net->cache = s->cache;
    net->access = s->access;
    net->host = s->host;
    net->log = s->log;
    net->log_ud = s->log_ud;
    net->workers = workers;
    net->keepalive_s = s->limits.keepalive_s;
    clock_init(&net->clock);
    aside_init(&net->aside);
    lock_init(&net->tls_lock);
    net->slow = slowlog_new(&net->clock);
    net->exchange = s->exchange ? s->exchange : exchange_new(s->workers);
    net->owns_exchange = !s->exchange;
    if (!net->exchange || !net->slow) {
        (void)fail(ret_problem, ENOMEM, "no memory for the workers");
        net_close(&net);
        return NULL;
    }
    net_set_limits(net, &s->limits);
    if (s->exchange)
        exchange_attach(net->exchange, net->cache);
    if (!listen_all(net, s, ret_problem)) {
        net_close(&net);
        return NULL;
    }
    net->workers_len = s->workers;
    net->visitors_len = s->visitors < NET_VISITORS_MAX ? s->visitors : NET_VISITORS_MAX;
    for (size_t i = 0; i < net->workers_len; i++)
        worker_preset(&net->workers[i], net);
    return net;
}

/* The counters of visitors, who come and go, stay: what they counted is part of the sum. */
static bool
make_visitor_stats(struct net *net)
{
    for (size_t i = 0; i < net->visitors_len; i++) {
        struct command_stats **stats = &net->all_stats[net->workers_len + i];
        *stats = command_stats_new();
        if (!*stats)
            return false;
    }
    return true;
}

bool
net_start(struct net *net)
{
    if (!make_visitor_stats(net))
        return false;
    for (size_t i = 0; i < net->workers_len; i++) {
        struct worker *w = &net->workers[i];
        if (!worker_init(w))
            return false;
        net->all_stats[i] = w->env.stats;
        w->env.all_stats = net->all_stats;
        w->env.all_stats_len = net->workers_len + net->visitors_len;
    }
    for (size_t i = 0; i < net->workers_len; i++)
        if (!worker_start(&net->workers[i], i))
            return false;
    return true;
}

void
net_stop(struct net *net, int64_t timeout_ms)
{
    atomic_store(&net->stop_deadline_ms, clock_now_ms(&net->clock) + timeout_ms);
    atomic_store_explicit(&net->stopping, true, memory_order_release);
    /* Whoever connects from now on is told at once, instead of waiting in the queue. */
    for (size_t i = 0; i < net->listeners_len; i++)
        socket_shutdown(net->listeners[i].fd);
    for (size_t i = 0; i < net->workers_len; i++)
        worker_wake(&net->workers[i]);
}

bool
net_is_running(struct net *net)
{
    for (size_t i = 0; i < net->workers_len; i++)
        if (atomic_load(&net->workers[i].running))
            return true;
    return false;
}

void
net_close(struct net **net_ptr)
{
    struct net *net = *net_ptr;
    if (!net)
        return;
    net_stop(net, 0);
    for (size_t i = 0; i < net->workers_len; i++)
        thread_join(&net->workers[i].thread);
    aside_fini(&net->aside); /* before the workers it gives back to, after those it takes from */
    for (size_t i = 0; i < net->workers_len; i++)
        worker_fini(&net->workers[i]);
    for (size_t i = 0; i < net->visitors_len; i++)
        command_stats_free(net->all_stats[net->workers_len + i]);
    for (size_t i = 0; i < net->listeners_len; i++)
        socket_close(net->listeners[i].fd);
    if (net->unix_path)
        socket_remove_path(net->unix_path);
    if (net->exchange)
        exchange_attach(net->exchange, NULL);
    if (net->owns_exchange)
        exchange_free(&net->exchange);
    tls_context_free(net->tls_context);
    slowlog_free(&net->slow);
    free(net->unix_path);
    free(net->workers);
    free(net);
    *net_ptr = NULL;
}

void
net_log_notify(struct net *net)
{
    for (size_t i = 0; i < net->workers_len; i++)
        hold_wake(&net->workers[i]);
}

void
net_latency(struct net *net, int event, int64_t took_ns)
{
    if (net->slow)
        latency_note(&net->slow->monitor, (enum latency_event)event,
                     clock_now_ms(&net->clock) / 1000, took_ns / 1000000);
}

/* ---- limits and counters ---- */

/* What says 0 keeps its default, but for the limit on keys, where 0 is none. */
static void
set_exchange_limits(struct exchange *x, const struct net_limits *limits)
{
    if (limits->push_bytes > 0)
        atomic_store(&x->limits.push_bytes, limits->push_bytes);
    if (limits->invalid_bytes > 0)
        atomic_store(&x->limits.invalid_bytes, limits->invalid_bytes);
    atomic_store(&x->tracked.max_keys, limits->tracked_keys);
    exchange_publish_events(x, limits->published_events);
}

static void
count_exchange(struct exchange *x, struct net_counters *ret)
{
    ret->tracking_clients = atomic_load(&x->tracking);
    ret->tracked_keys = atomic_load(&x->tracked.keys);
    ret->tracked_items = atomic_load(&x->tracked.items);
    ret->tracked_prefixes = atomic_load(&x->prefixes.len);
    ret->events_lost = atomic_load(&x->events_lost);
    for (size_t i = 0; i < PUBSUB_KINDS; i++)
        ret->topics[i] = atomic_load(&x->broker.topics_of[i]);
}

bool
net_auth_required(const struct net *net)
{
    return net->access ? access_auth_required(net->access) : LIMIT_LOAD(net, auth_required);
}

void
net_set_tls(struct net *net, struct ssl_ctx_st *context)
{
    lock_acquire(&net->tls_lock);
    struct ssl_ctx_st *before = net->tls_context;
    net->tls_context = context;
    lock_release(&net->tls_lock);
    tls_context_free(before);
}

void
net_set_limits(struct net *net, const struct net_limits *limits)
{
    atomic_store(&net->limits.max_clients, limits->max_clients);
    atomic_store(&net->limits.query_bytes, limits->query_bytes);
    atomic_store(&net->limits.output_bytes, limits->output_bytes);
    atomic_store(&net->limits.memory_bytes, limits->memory_bytes);
    atomic_store(&net->limits.bulk_bytes, limits->bulk_bytes);
    atomic_store(&net->limits.timeout_ms, limits->timeout_ms);
    atomic_store(&net->limits.auth_required, limits->auth_required);
    atomic_store(&net->limits.shed_target_ms,
                 limits->shed_target_ms ? limits->shed_target_ms : INT64_MAX);
    atomic_store(&net->limits.tls_handshake_ms, limits->tls_handshake_ms);
    atomic_store(&net->limits.tls_handshakes, limits->tls_handshakes);
    atomic_store(&net->limits.tls_user, limits->tls_user);
    atomic_store(&net->limits.shed_max_delay_ms, limits->shed_max_delay_ms);
    atomic_store(&net->limits.untimed, limits->untimed);
    atomic_store(&net->limits.audit_spaces, limits->audit_spaces);
    for (size_t i = 0; i < net->listeners_len; i++)
        if (!net->listeners[i].is_unix)
            socket_tune_tcp(net->listeners[i].fd, limits->keepalive_s);
    if (net->exchange)
        set_exchange_limits(net->exchange, limits);
    if (net->slow)
        slowlog_set_limits(net->slow, &limits->slow);
    for (size_t i = 0; i < net->workers_len; i++)
        worker_wake(&net->workers[i]);
}

/* Turns that nobody measured were shorter than the target, and count as if they took no time. */
void
net_waits_get(struct net *net, uint64_t *ret_counts, uint64_t *ret_sum_ms)
{
    uint64_t measured = 0;
    memset(ret_counts, 0, HISTOGRAM_CLASSES * sizeof *ret_counts);
    *ret_sum_ms = 0;
    for (size_t i = 0; i < net->workers_len; i++) {
        struct worker *w = &net->workers[i];
        for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++) {
            uint64_t n = w->waits[class];
            ret_counts[class] += n;
            measured += n;
        }
        ret_counts[0] += w->turns;
        *ret_sum_ms += w->wait_sum_ms;
    }
    ret_counts[0] -= measured < ret_counts[0] ? measured : ret_counts[0];
}

static void
count_shed(struct net *net, struct net_counters *ret)
{
    uint64_t waits[HISTOGRAM_CLASSES], sum_ms;
    for (size_t i = 0; i < net->workers_len; i++) {
        struct worker *w = &net->workers[i];
        for (unsigned class = 0; class < SHED_CLASSES; class ++)
            for (unsigned outcome = 0; outcome < SHED_OUTCOMES; outcome++)
                ret->shed[class][outcome] += w->env.shed[class][outcome];
        ret->shed_level = w->shed_level > ret->shed_level ? w->shed_level : ret->shed_level;
        ret->wait_ms = w->wait_ms > ret->wait_ms ? w->wait_ms : ret->wait_ms;
    }
    net_waits_get(net, waits, &sum_ms);
    ret->wait_p99_ms = histogram_percentile(waits, 990);
}

void
net_counters_get(struct net *net, struct net_counters *ret)
{
    *ret = (struct net_counters){ .clients = atomic_load(&net->clients),
                                  .buffered_bytes = atomic_load(&net->buffered_bytes),
                                  .rejected = atomic_load(&net->rejected) };
    count_exchange(net->exchange, ret);
    for (size_t i = 0; i < net->workers_len; i++) {
        struct worker_counters *c = &net->workers[i].counters;
        ret->connections += c->connections;
        ret->requests += c->requests;
        ret->in_bytes += c->in_bytes;
        ret->out_bytes += c->out_bytes;
        ret->protocol_errors += c->protocol_errors;
        ret->foreign += c->foreign;
        ret->dropped_query += c->dropped_query;
        ret->dropped_output += c->dropped_output;
        ret->dropped_memory += c->dropped_memory;
        ret->timed_out += c->timed_out;
        ret->auth_lockouts += c->auth_lockouts;
        ret->killed += c->killed;
        ret->held += c->held;
        ret->held_failed += c->held_failed;
        ret->parked += net->workers[i].parked;
        ret->tls_connections += c->tls_connections;
        ret->tls_failures += c->tls_failures;
    }
    ret->tls_clients = atomic_load(&net->tls_clients);
    count_shed(net, ret);
}
