/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network side of attld: listeners, and worker threads that serve connections. Each worker
 * has its own event loop and its own connections, any worker serves any key, and a connection
 * stays with its worker for life. This header is all the server sees; nothing in it may be called
 * after net_close(). Limits may be changed at any time from any thread and hold from the next
 * turn of each loop on.
 */
#ifndef ATTL_NET_NET_H
#define ATTL_NET_NET_H

#include "base/buf.h"
#include "command/command.h"
#include "command/slowlog.h"
#include "os/socket.h"

#include <attl/attl.h>
#include <stdbool.h>

enum {
    NET_WORKERS_MAX = 256,
    NET_BULK_MAX_BYTES = 512 * 1024 * 1024, /* longest argument */
    NET_LISTENERS_MAX = 32,
    NET_GROUP_REQUESTS = 64,          /* requests parsed and prefetched before they run         */
    NET_GROUP_KEYS = 128,             /* keys fetched ahead in one group                        */
    NET_READ_BYTES = 64 * 1024,       /* one connection's share of a turn                       */
    NET_BULK_READ_BYTES = 256 * 1024, /* the same while a large bulk arrives                    */
    NET_SEND_BYTES = 256 * 1024,      /* replies gathered before they are sent, about           */
    NET_TURN_OUTPUT_BYTES = 4096 * 1024, /* replies one connection may send in a turn, about      */
    NET_PAUSE_BYTES = 64 << 20, /* unsent replies above which a client is not read from, at most */
    NET_TURN_MS = 2, /* behind the beginning of a turn, about: then a scan is a connection's last */
    NET_ACCEPTS_PER_TURN = 16,
    NET_HANDOVERS_MAX = 256,          /* new connections waiting for one worker                 */
    NET_RESERVED_CLIENTS = 16,        /* above max_clients, for the unix socket: administrators */
    NET_SWEEP_MS = 1000,              /* how exactly timeouts are kept                          */
    NET_STRANGER_TIMEOUT_MS = 60000,  /* to authenticate, where a password is required          */
    NET_STUCK_OUTPUT_MS = 60000,      /* without reading a byte of what we owe                  */
    NET_PARKED_MAX = 16384,           /* connections of one worker that wait for a completion   */
    NET_AUTH_FAILURES_MAX = 16,       /* wrong passwords in one connection                      */
    NET_COMPLAINT_INTERVAL_MS = 60000 /* between two log lines about strangers                  */
};

struct net;
struct exchange;
struct ssl_ctx_st;

/* What a host function finds in its `ud`: the server's own pointer, and who is asking. */
struct net_caller {
    void *ud;
    struct worker *worker;
};

struct net_limits {
    uint64_t max_clients;
    int64_t timeout_ms;    /* 0: none */
    int keepalive_s;       /* 0: none */
    uint64_t query_bytes;  /* unfinished requests of one client */
    uint64_t output_bytes; /* unsent replies of one client */
    uint64_t memory_bytes; /* both, of all clients; 0: no limit */
    uint64_t bulk_bytes;   /* longest argument */
    bool auth_required;
    uint64_t push_bytes;       /* unread messages of one subscriber */
    uint64_t invalid_bytes;    /* invalidations that wait for one client */
    uint64_t tracked_keys;     /* 0: no limit */
    uint32_t published_events; /* enum notify_flag */
    int64_t shed_target_ms;    /* 0: no load is shed */
    int64_t shed_max_delay_ms;
    bool untimed;      /* no call of a command is timed */
    bool audit_spaces; /* some namespace says what of it the audit trail records */
    int64_t tls_handshake_ms;
    uint64_t tls_handshakes; /* in progress at once */
    bool tls_user;           /* the name in a client's certificate is its user */
    struct slowlog_limits slow;
};

struct net_settings {
    unsigned workers;
    unsigned visitors; /* that there may be at a time, see visitor.h */
    attl *cache;
    struct exchange *exchange; /* for as many workers; outlives the net; NULL: one of its own */
    /*
     * Functions for commands; `ud` of each call is a net_caller whose `ud` is this host's.
     * each_client, kill_clients and all behind `aside` are the net's own and ignored here.
     */
    struct command_host host;
    struct access *access; /* the users, who outlive the net; NULL: limits.auth_required */
    attl_log_fn log;       /* may be NULL */
    void *log_ud;
    struct net_limits limits;
    const char *bind;      /* names or addresses, separated by blanks */
    uint16_t port;         /* 0: no TCP */
    uint16_t tls_port;     /* 0: no TLS */
    const char *unix_path; /* "": none */
    unsigned unix_mode;
    int backlog;
};

/* Sums over all workers since the start; `clients` and `buffered_bytes` are now. */
struct net_counters {
    uint64_t clients, buffered_bytes;
    uint64_t connections, rejected, requests;
    uint64_t in_bytes, out_bytes;
    uint64_t protocol_errors, foreign;
    uint64_t dropped_query, dropped_output, dropped_memory, timed_out, auth_lockouts, killed;
    uint64_t parked; /* clients whose command waits for a completion, now */
    uint64_t tracking_clients, tracked_keys, tracked_items, tracked_prefixes;
    uint64_t topics[PUBSUB_KINDS];
    uint64_t events_lost;
    uint64_t shed[SHED_CLASSES][SHED_OUTCOMES]; /* requests */
    uint64_t shed_level, wait_ms, wait_p99_ms;  /* now, of the worst worker; of turns so far */
    uint64_t tls_clients, tls_connections, tls_failures;
    uint64_t held, held_failed; /* times that replies waited for the log; replies it failed */
};

/* An exchange for as many workers, made before the cache it hears of and freed after it; its hook
 * for attl_config_set_notice() is exchange_notice(). NULL on lack of memory. */
struct exchange *exchange_new(size_t workers);
void exchange_free(struct exchange **exchange);
void exchange_notice(void *ud, const attl_notice *notice);

/* Listens, without serving yet. NULL with *ret_problem filled. */
struct net *net_open(const struct net_settings *settings, struct socket_problem *ret_problem);
/* Starts the workers; false if threads or descriptors are refused. Then only net_close() makes
 * sense. */
bool net_start(struct net *net);
/* Ends accepting; clients get the replies to what has arrived, for at most `timeout_ms`. */
void net_stop(struct net *net, int64_t timeout_ms);
/* True while a worker is still at it. */
bool net_is_running(struct net *net);
/* Stops at once if need be, and frees everything. NULL is allowed. */
void net_close(struct net **net);

/* The cache took so long for something that LATENCY shows (enum latency_event). Any thread. */
void net_latency(struct net *net, int event, int64_t took_ns);

/* The log has made progress, or never will: for attl_config_set_log_notify(). Any thread. */
void net_log_notify(struct net *net);

/* The context of TLS connections to come: a reference is taken over, that to the one before given
 * back. Before net_start(), and then from any thread. */
void net_set_tls(struct net *net, struct ssl_ctx_st *context);
void net_set_limits(struct net *net, const struct net_limits *limits);
void net_counters_get(struct net *net, struct net_counters *ret_counters);
/* How long the turns of all workers have kept their last request waiting, ms, by class of
 * base/histogram.h, and the sum. Turns that nobody measured were short, and count as 0. */
void net_waits_get(struct net *net, uint64_t *ret_counts, uint64_t *ret_sum_ms);

#endif
