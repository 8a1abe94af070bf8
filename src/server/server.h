/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server: one cache, one net, one configuration, and the functions commands ask of their
 * host. The main thread owns it and sleeps in server_run(); workers reach it through host.c.
 * `config_lock` guards the configuration once workers run; what they need for every request is in
 * atomics instead.
 */
#ifndef ATTL_SERVER_SERVER_H
#define ATTL_SERVER_SERVER_H

#include "alert/alert.h"
#include "access/access.h"
#include "config/config.h"
#include "admin/admin.h"
#include "net/net.h"
#include "os/lock.h"
#include "server/log.h"
#include "server/supervise.h"

enum { SERVER_RUN_ID_CHARS = 40 };

/* Counters whose rates are shown. */
struct rate_reading {
    uint64_t requests, in_bytes, out_bytes;
    uint64_t hits, misses, sets, expired, evicted;
};

/* Two readings of them, for "per second" without a timer. */
struct rate {
    int64_t since_us, last_us;
    struct rate_reading then, last;
};

struct server {
    attl_config *config; /* owned; under config_lock */
    struct lock config_lock;
    attl *cache;
    struct exchange *exchange; /* of messages between clients; outlives cache and net */
    struct net *net;
    struct admin *admin;     /* NULL: there is none */
    struct lock audit_lock;  /* guards changes of `audit` */
    struct audit *audit;     /* the trail; NULL: none */
    struct lock notify_lock; /* guards `notified` */
    struct net *notified;    /* whom the log's news go to: `net` while it is there */
    struct log log;
    struct alert *alert; /* who is told of incidents; before cache and net, and after them */
    int64_t started_wall_us;
    struct access *access; /* the users; outlives the net */
    int64_t started_us;    /* monotonic */
    char run_id[SERVER_RUN_ID_CHARS + 1];
    struct supervise supervise; /* main thread only */
    unsigned workers;
    bool tls_changed;       /* a setting of TLS, since the files were read; under config_lock */
    bool tls_serves;        /* there is a TLS port; constant after the start */
    bool admin_tls;         /* the HTTP door speaks TLS; constant after the start */
    char tls_key_pass[513]; /* that the context in place was made with; under config_lock */
    struct lock rate_lock;  /* guards the members below */
    struct rate rate;
    struct net_counters base; /* what CONFIG RESETSTAT made the zero of INFO's counters */
};

/* Opens everything and starts the workers. Takes `config` over. The exit code; EX_OK: running. */
int server_open(struct server *server, attl_config *config);
/* Serves until a signal, then gives clients their last replies; or until loading has failed. The
 * exit code. */
int server_run(struct server *server);
void server_close(struct server *server);

/* wiring's parts that host.c uses */
void server_limits(const struct server *server, struct net_limits *ret_limits);

#endif
