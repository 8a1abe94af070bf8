/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of the server. Order of opening: the cache, which may fail for lack of memory; the
 * listeners, which may fail for many reasons of the world; the threads. Closing goes the other
 * way: no connection may touch a cache that is closed. A second SIGTERM does not wait for slow
 * clients.
 */
#include "server/server.h"

#include "base/hex.h"
#include "config/notify_flags.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/signal.h"
#include "os/thread.h"
#include "server/audit.h"
#include "server/host.h"
#include "server/loading.h"
#include "server/tls_files.h"
#include "server/users.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

enum {
    ALERT_LAST_MS = 2000,     /* at the end, for what has not been told yet */
    DESCRIPTORS_OF_OURS = 64, /* listeners, event loops, standard streams, files */
    STOP_POLL_MS = 20,
    NS_PER_MS = 1000000
};

static void
slow_limits(const attl_config *c, struct slowlog_limits *ret)
{
    *ret = (struct slowlog_limits){
        .least = { [SLOWLOG_SLOW] = config_i64(c, OPT_LATENCY_SLOWLOG_LOG_SLOWER_THAN),
                   [SLOWLOG_LARGE_REQUEST] =
                       config_i64(c, OPT_LATENCY_COMMANDLOG_REQUEST_LARGER_THAN),
                   [SLOWLOG_LARGE_REPLY] =
                       config_i64(c, OPT_LATENCY_COMMANDLOG_REPLY_LARGER_THAN) },
        .len_max = { [SLOWLOG_SLOW] = (uint64_t)config_i64(c, OPT_LATENCY_SLOWLOG_MAX_LEN),
                     [SLOWLOG_LARGE_REQUEST] =
                         (uint64_t)config_i64(c, OPT_LATENCY_COMMANDLOG_LARGE_REQUEST_MAX_LEN),
                     [SLOWLOG_LARGE_REPLY] =
                         (uint64_t)config_i64(c, OPT_LATENCY_COMMANDLOG_LARGE_REPLY_MAX_LEN) },
        .monitor_ms = config_i64(c, OPT_LATENCY_MONITOR_THRESHOLD),
        .redact = config_bool(c, OPT_LATENCY_SLOWLOG_REDACT),
        .redact_log = config_bool(c, OPT_LOG_REDACT),
    };
}

void
server_limits(const struct server *server, struct net_limits *ret_limits)
{
    const attl_config *c = server->config;
    *ret_limits = (struct net_limits){
        .max_clients = (uint64_t)config_i64(c, OPT_SERVER_MAX_CLIENTS),
        .timeout_ms = config_i64(c, OPT_SERVER_TIMEOUT),
        .keepalive_s = (int)(config_i64(c, OPT_SERVER_TCP_KEEPALIVE) / 1000),
        .query_bytes = (uint64_t)config_i64(c, OPT_SERVER_QUERY_BUFFER_LIMIT),
        .output_bytes = (uint64_t)config_i64(c, OPT_SERVER_OUTPUT_BUFFER_LIMIT),
        .memory_bytes = (uint64_t)config_i64(c, OPT_SERVER_CLIENTS_MEMORY),
        .bulk_bytes = NET_BULK_MAX_BYTES,
        .auth_required = config_str(c, OPT_SERVER_REQUIREPASS)[0] != '\0',
        .push_bytes = (uint64_t)config_i64(c, OPT_PUBSUB_BUFFER_LIMIT),
        .invalid_bytes = (uint64_t)config_i64(c, OPT_TRACKING_PENDING_LIMIT),
        .tracked_keys = (uint64_t)config_i64(c, OPT_TRACKING_TABLE_MAX_KEYS),
        .shed_target_ms = config_bool(c, OPT_SHED_ENABLED) ? config_i64(c, OPT_SHED_TARGET) : 0,
        .shed_max_delay_ms = config_i64(c, OPT_SHED_MAX_DELAY),
        .untimed = !config_bool(c, OPT_METRICS_ENABLED),
        .tls_handshake_ms = config_i64(c, OPT_TLS_HANDSHAKE_TIMEOUT),
        .tls_handshakes = (uint64_t)config_i64(c, OPT_TLS_MAX_HANDSHAKES),
        .tls_user = config_i64(c, OPT_TLS_AUTH_CLIENTS_USER) == CHOICE_TLS_USER_CN,
    };
    slow_limits(c, &ret_limits->slow);
    /* It was found right when it was set. */
    (void)notify_flags_parse(attl_s(config_str(c, OPT_REDIS_NOTIFY_KEYSPACE_EVENTS)),
                             &ret_limits->published_events);
}

/* Lowers max_clients to what the system's limit on descriptors allows, and says so. */
static void
fit_max_clients(struct server *server)
{
    uint64_t wanted = (uint64_t)config_i64(server->config, OPT_SERVER_MAX_CLIENTS);
    uint64_t ours = DESCRIPTORS_OF_OURS + NET_RESERVED_CLIENTS + 4 * (uint64_t)server->workers;
    uint64_t have = process_raise_fd_limit(wanted + ours);
    if (have >= wanted + ours)
        return;
    uint64_t possible = have > ours ? have - ours : 1;
    char text[32];
    char err[OPTION_ERROR_MAX];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)possible); /* 20 digits fit */
    log_writef(&server->log, LOG_WARNING, "fd_limit",
               "the system allows %llu file descriptors: server.max_clients is %s instead of %llu",
               (unsigned long long)have, text, (unsigned long long)wanted);
    if (config_set_run_time(server->config, "server.max_clients", text, NULL, err, sizeof err) !=
        ATTL_OK)
        log_write(&server->log, LOG_ERROR, "fd_limit", err);
}

/* An attl_log_notify_fn. The log's thread waits here at most while `notified` is set or cleared. */
static void
notify_net(void *ud)
{
    struct server *server = ud;
    lock_acquire(&server->notify_lock);
    if (server->notified)
        net_log_notify(server->notified);
    lock_release(&server->notify_lock);
}

static void
set_notified(struct server *server, struct net *net)
{
    lock_acquire(&server->notify_lock);
    server->notified = net;
    lock_release(&server->notify_lock);
}

static int
open_alert(struct server *server)
{
    char text[OPTION_ERROR_MAX] = "";
    struct config_error err = { text, sizeof text };
    int status = alert_open(&server->alert, server->config, log_write, &server->log, err);
    if (status == ATTL_OK)
        return EX_OK;
    log_write(&server->log, LOG_ERROR, "start", text);
    return status == ATTL_E_CONFIG ? EX_CONFIG : EX_OSERR;
}

/* An attl_incident_event_fn. */
static void
tell_incident(void *ud, int event, const attl_incident *i)
{
    struct server *server = ud;
    audit_incident(server, event, i);
    alert_incident(server->alert, event, i);
}

static int
open_cache(struct server *server)
{
    char err[OPTION_ERROR_MAX] = "";
    server->exchange = exchange_new(server->workers);
    if (!server->exchange) {
        log_write(&server->log, LOG_ERROR, "start", "no memory for the workers");
        return EX_OSERR;
    }
    attl_config_set_notice(server->config, exchange_notice, server->exchange);
    attl_config_set_log(server->config, log_write, &server->log);
    attl_config_set_log_notify(server->config, notify_net, server);
    attl_config_set_incident_handler(server->config, tell_incident, server);
    int status = attl_open_dir(&server->cache, server->config, err, sizeof err);
    if (status == ATTL_OK)
        return EX_OK;
    return loading_failure(&server->log, status, err);
}

static int
net_exit_code(int code)
{
    switch (code) {
    case EACCES:
    case EPERM: return EX_NOPERM;
    case ENOENT:
    case ENOTDIR:
    case EROFS: return EX_CANTCREAT;
    case EADDRINUSE:
    case EADDRNOTAVAIL: return EX_UNAVAILABLE;
    case EINVAL: return EX_CONFIG;
    default: return EX_OSERR;
    }
}

static int
open_net(struct server *server)
{
    const attl_config *c = server->config;
    struct net_settings settings = {
        .workers = server->workers,
        .visitors = ADMIN_VISITORS,
        .cache = server->cache,
        .access = server->access,
        .exchange = server->exchange,
        .log = log_write,
        .log_ud = &server->log,
        .bind = config_str(c, OPT_SERVER_BIND),
        .port = (uint16_t)config_i64(c, OPT_SERVER_PORT),
        .tls_port = tls_files_wanted(c) ? (uint16_t)config_i64(c, OPT_SERVER_TLS_PORT)
                                        : (uint16_t)0,
        .unix_path = config_str(c, OPT_SERVER_UNIXSOCKET),
        .unix_mode = (unsigned)config_i64(c, OPT_SERVER_UNIXSOCKETPERM),
        .backlog = (int)config_i64(c, OPT_SERVER_TCP_BACKLOG),
    };
    struct socket_problem problem;
    host_fill(&settings.host, server);
    server_limits(server, &settings.limits);
    server->net = net_open(&settings, &problem);
    if (!server->net) {
        log_write(&server->log, LOG_ERROR, "listen", problem.text);
        return net_exit_code(problem.code);
    }
    set_notified(server, server->net);
    server->tls_serves = settings.tls_port != 0;
    if (server->tls_serves && !tls_files_load(server, problem.text, sizeof problem.text)) {
        log_write(&server->log, LOG_ERROR, "tls", problem.text);
        return EX_CONFIG;
    }
    if (net_start(server->net))
        return EX_OK;
    log_write(&server->log, LOG_ERROR, "start", "the system refuses threads or descriptors");
    return EX_OSERR;
}

/* The HTTP door, unless server.admin_port is 0. Workers run already. */
static int
open_admin(struct server *server)
{
    struct socket_problem problem;
    lock_acquire(&server->config_lock);
    const attl_config *c = server->config;
    struct tls_settings tls = tls_files_admin_settings(c);
    struct admin_settings settings = {
        .net = server->net,
        .cache = server->cache,
        .log = log_write,
        .log_ud = &server->log,
        .bind = config_str(c, OPT_ADMIN_BIND),
        .port = (uint16_t)config_i64(c, OPT_SERVER_ADMIN_PORT),
        .hosts = config_str(c, OPT_ADMIN_HOSTS),
        .dir = config_str(c, OPT_SERVER_DIR),
        .token = config_str(c, OPT_ADMIN_TOKEN),
        .read_token = config_str(c, OPT_ADMIN_READ_TOKEN),
        .metrics_token = config_str(c, OPT_ADMIN_METRICS_TOKEN),
        .read_needs_token = config_str(c, OPT_SERVER_REQUIREPASS)[0] != '\0' ||
                            !config_is_loopback(config_str(c, OPT_ADMIN_BIND)),
        .ui_dir = config_str(c, OPT_ADMIN_UI_DIR),
        .max_connections = (unsigned)config_i64(c, OPT_ADMIN_MAX_CONNECTIONS),
        .max_listeners = (unsigned)config_i64(c, OPT_ADMIN_MAX_LISTENERS),
        .tls = config_bool(c, OPT_ADMIN_TLS) ? &tls : NULL,
    };
    if (settings.port != 0)
        server->admin = admin_open(&settings, &problem);
    if (server->admin && settings.tls)
        tls_files_opened_admin(server);
    lock_release(&server->config_lock);
    if (server->admin || settings.port == 0)
        return EX_OK;
    log_write(&server->log, LOG_ERROR, "listen", problem.text);
    return net_exit_code(problem.code);
}

static void
make_run_id(char out[SERVER_RUN_ID_CHARS + 1])
{
    unsigned char bytes[SERVER_RUN_ID_CHARS / 2] = { 0 };
    /* Without randomness the identifier is a constant: it only tells restarts apart. */
    (void)process_random(bytes, sizeof bytes);
    hex_text(out, bytes, sizeof bytes);
}

/* Workers run already, and one may be executing CONFIG SET. */
static void
announce(struct server *server)
{
    lock_acquire(&server->config_lock);
    const attl_config *c = server->config;
    log_writef(&server->log, LOG_INFO, "ready",
               "attld %s serves on %s port %d with %u threads, pid %ld", attl_version(),
               config_str(c, OPT_SERVER_BIND), (int)config_i64(c, OPT_SERVER_PORT), server->workers,
               process_id());
    if (server->tls_serves)
        log_writef(&server->log, LOG_INFO, "ready", "and with TLS on port %d",
                   (int)config_i64(c, OPT_SERVER_TLS_PORT));
    if (config_str(c, OPT_SERVER_UNIXSOCKET)[0] != '\0')
        log_writef(&server->log, LOG_INFO, "ready", "and on %s",
                   config_str(c, OPT_SERVER_UNIXSOCKET));
    lock_release(&server->config_lock);
}

int
server_open(struct server *server, attl_config *config)
{
    memset(server, 0, sizeof *server);
    server->config = config;
    lock_init(&server->config_lock);
    lock_init(&server->rate_lock);
    lock_init(&server->notify_lock);
    lock_init(&server->audit_lock);
    int64_t format = config_i64(config, OPT_LOG_FORMAT);
    bool journal = process_stderr_is_journal();
    log_init(&server->log, (int)config_i64(config, OPT_LOG_LEVEL),
             format == CHOICE_LOG_FORMAT_JSON ||
                 (format == CHOICE_LOG_FORMAT_AUTO && !journal && !process_stderr_is_terminal()));
    server->log.journal = journal;
    log_set_rate(&server->log, (uint64_t)config_i64(config, OPT_LOG_RATE));
    server->started_us = clock_mono_ns() / 1000;
    server->started_wall_us = clock_wall_us();
    server->rate.since_us = server->rate.last_us = server->started_us;
    server->workers = (unsigned)config_i64(config, OPT_SERVER_THREADS);
    if (server->workers == 0)
        server->workers = thread_cpu_count();
    if (server->workers > NET_WORKERS_MAX)
        server->workers = NET_WORKERS_MAX;
    make_run_id(server->run_id);
    process_umask_private();
    supervise_begin(&server->supervise);
    fit_max_clients(server);
    int code = open_alert(server);
    if (code == EX_OK)
        code = users_begin(server);
    if (code == EX_OK)
        code = open_cache(server);
    if (code == EX_OK)
        code = audit_begin(server);
    if (code == EX_OK)
        code = open_net(server);
    if (code == EX_OK)
        code = open_admin(server);
    return code;
}

/* Clients are served while those who send them here learn that they should not. A second signal
 * ends that. */
static void
wait_unready(struct server *server, int64_t delay_ms)
{
    int64_t end_ns = clock_mono_ns() + delay_ms * NS_PER_MS;
    if (delay_ms > 0)
        log_writef(&server->log, LOG_INFO, "unready", "not ready any more; stopping in %lld ms",
                   (long long)delay_ms);
    for (int64_t left_ms = delay_ms; left_ms > 0; left_ms = (end_ns - clock_mono_ns()) / NS_PER_MS)
        if (signal_wait(left_ms) == SIGNAL_TERMINATE)
            return;
}

static void
stop(struct server *server)
{
    lock_acquire(&server->config_lock);
    int64_t timeout_ms = config_i64(server->config, OPT_SERVER_SHUTDOWN_TIMEOUT);
    int64_t delay_ms = config_i64(server->config, OPT_SERVER_READINESS_DELAY);
    lock_release(&server->config_lock);
    supervise_stopping();
    if (server->admin)
        admin_drain(server->admin);
    wait_unready(server, delay_ms);
    log_write(&server->log, LOG_INFO, "stopping",
              "no new connections; clients get their last replies. A second signal ends at once");
    net_stop(server->net, timeout_ms);
    while (net_is_running(server->net))
        if (signal_wait(STOP_POLL_MS) == SIGNAL_TERMINATE)
            net_stop(server->net, 0);
}

/* SIGHUP: certificates are read again. */
static void
reload(struct server *server)
{
    char err[OPTION_ERROR_MAX] = "";
    if (!tls_files_used(server)) {
        log_write(&server->log, LOG_INFO, "hangup", "SIGHUP has nothing to reload; use CONFIG SET");
        return;
    }
    lock_acquire(&server->config_lock);
    bool loaded = tls_files_load(server, err, sizeof err);
    lock_release(&server->config_lock);
    if (!loaded)
        log_writef(&server->log, LOG_ERROR, "tls", "the certificate stays as it was: %s", err);
}

/* Waits for a signal; true if it was the order to stop. */
static bool
stop_is_ordered(struct server *server, int64_t timeout_ms)
{
    enum signal_kind kind = signal_wait(timeout_ms);
    if (kind == SIGNAL_HANGUP) {
        supervise_reloading(&server->supervise);
        reload(server);
        supervise_reloaded(&server->supervise);
    }
    supervise_look(&server->supervise, server->net);
    return kind == SIGNAL_TERMINATE;
}

int
server_run(struct server *server)
{
    int code = EX_OK;
    bool ordered = false;
    struct loading loading;
    loading_begin(&loading, &server->log, server->cache);
    /* A small directory is read in a millisecond: look soon at first, then less often. */
    int64_t look_ms = 1;
    while (!ordered && loading_goes_on(&loading, &code)) {
        ordered = stop_is_ordered(server, look_ms);
        look_ms = 2 * look_ms < LOADING_LOOK_MS ? 2 * look_ms : LOADING_LOOK_MS;
    }
    loading_end(&loading);
    if (code == EX_OK && !ordered) {
        announce(server);
        supervise_ready(&server->supervise);
        while (!stop_is_ordered(server, supervise_sleep_ms(&server->supervise)))
            continue;
    }
    stop(server);
    return code;
}

void
server_close(struct server *server)
{
    set_notified(server, NULL);
    admin_close(&server->admin);
    net_close(&server->net);
    audit_end(server);
    attl_close(&server->cache);
    exchange_free(&server->exchange);
    alert_close(&server->alert, ALERT_LAST_MS);
    access_free(&server->access);
    explicit_bzero(server->tls_key_pass, sizeof server->tls_key_pass);
    log_flush(&server->log);
    log_write(&server->log, LOG_INFO, "stopped", "bye");
    attl_config_free(server->config);
    server->config = NULL;
}
