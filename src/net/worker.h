/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one thread, one event loop, its connections, and the buffers they share. Inside
 * src/net only. The worker's own thread is the only one that changes its connections, and holds
 * `lock` while it does (once per connection and turn, not per request), so that CLIENT LIST and
 * CLIENT KILL may look at them from another worker. Nobody ever holds the locks of two workers:
 * registry.c lets go of its own first. Counters have one writer and are read by anybody.
 */
#ifndef ATTL_NET_WORKER_H
#define ATTL_NET_WORKER_H

#include "base/histogram.h"
#include "net/aside.h"
#include "net/conn.h"
#include "net/mailbox.h"
#include "net/net.h"
#include "net/pipeline.h"
#include "net/shed.h"
#include "net/visitor.h"
#include "os/clock.h"
#include "os/event.h"
#include "os/lock.h"
#include "os/thread.h"

#include <stdatomic.h>

typedef _Atomic uint64_t counter;

struct worker_counters {
    counter connections, in_bytes, out_bytes, requests;
    counter protocol_errors, foreign;
    counter dropped_query, dropped_output, dropped_memory, timed_out, auth_lockouts, killed;
    counter held, held_failed;
    counter tls_connections, tls_failures;
};

/* A connection that was accepted; its number tells clients apart for ever. */
struct arrival {
    uint64_t id;
    int fd;
    bool tls;
};

/* Connections accepted by another worker for this one. */
struct handover {
    struct lock lock;
    struct arrival items[NET_HANDOVERS_MAX];
    size_t len;
};

/* Where parked connections wait: park.h. */
struct parking {
    enum source source;
    attl_queue *queue; /* NULL until the first */
};

struct worker {
    enum source source; /* of the waker's events */
    struct net *net;
    struct thread thread;
    struct event_loop loop;
    struct event_waker waker;
    struct lock lock; /* guards the list, the connections in it, and their descriptors */
    struct conn *first, *last;
    struct conn *dead;        /* closed in this turn; freed at its end */
    struct conn *current;     /* whose request is being executed */
    _Atomic uint64_t clients; /* connections given to us, those in `handover` included */
    struct handover handover;
    struct lock done_lock;                     /* guards `done` */
    struct aside_list done;                    /* slow commands that have ended */
    struct mailbox *mailbox;                   /* what others have for our connections */
    struct letters letters;                    /* being sorted */
    struct receiver *ready;                    /* those that have something to send */
    struct conn *held_first, *held_last;       /* in order of their log positions */
    struct conn *delayed_first, *delayed_last; /* see delay.h */
    struct shed shed;
    int64_t turn_ms; /* when the last turn began */
    _Atomic unsigned shed_level;
    counter wait_ms;                  /* of the last turn that was measured */
    counter waits[HISTOGRAM_CLASSES]; /* such turns by their waits, ms */
    counter wait_sum_ms;
    counter turns;
    counter parked;
    _Atomic bool hold_armed; /* wake us when the log has news */
    struct parking parking;
    uint64_t log_position; /* behind this thread's last change */
    struct pipeline pipeline;
    char *read_bytes; /* NET_READ_BYTES, for one receive */
    struct buf out;   /* replies of the connection being served */
    int64_t now_ms;   /* Unix ms, read once per turn of the loop */
    int64_t next_sweep_ms;
    bool sweep_wanted; /* some connection has a timeout running */
    int spare_fd;
    struct worker_counters counters;
    struct command_env env;
    struct command_host host;
    struct net_caller caller;
    _Atomic bool running;
    _Atomic uint64_t heartbeat; /* see heartbeat.h */
};

struct listener {
    enum source source;
    int fd;
    bool is_unix, is_tls;
};

/* What the log is told about clients, each at most once per NET_COMPLAINT_INTERVAL_MS. */
enum complaint {
    COMPLAINT_FOREIGN,
    COMPLAINT_QUERY_LIMIT,
    COMPLAINT_OUTPUT_LIMIT,
    COMPLAINT_STUCK,
    COMPLAINT_MEMORY_LIMIT,
    COMPLAINT_AUTH,
    COMPLAINT_REJECTED,
    COMPLAINT_OVERLOAD,
    COMPLAINT_TLS,
    COMPLAINT_COUNT
};

/* The limits as workers read them, each by itself. */
struct shared_limits {
    _Atomic uint64_t max_clients, query_bytes, output_bytes, memory_bytes, bulk_bytes;
    _Atomic int64_t timeout_ms;
    _Atomic int64_t shed_target_ms; /* INT64_MAX: nothing is shed */
    _Atomic int64_t shed_max_delay_ms;
    _Atomic bool auth_required;
    _Atomic bool untimed;
    _Atomic bool audit_spaces;
    _Atomic int64_t tls_handshake_ms;
    _Atomic uint64_t tls_handshakes;
    _Atomic bool tls_user;
};

struct exchange;

struct net {
    attl *cache;
    struct access *access; /* or NULL */
    struct exchange *exchange;
    bool owns_exchange;
    struct command_host host;
    attl_log_fn log;
    void *log_ud;
    struct clock clock;
    struct shared_limits limits;
    struct lock tls_lock; /* guards `tls_context` */
    struct ssl_ctx_st *tls_context;
    _Atomic uint64_t tls_handshaking, tls_clients;
    int keepalive_s;
    struct listener listeners[NET_LISTENERS_MAX];
    size_t listeners_len;
    struct aside aside;
    struct slowlog *slow;
    char *unix_path; /* to be removed at the end, or NULL */
    struct worker *workers;
    size_t workers_len;
    struct command_stats *all_stats[NET_WORKERS_MAX + NET_VISITORS_MAX]; /* workers first */
    size_t visitors_len;
    _Atomic bool visitor_taken[NET_VISITORS_MAX];
    _Atomic uint64_t clients; /* of all workers */
    _Atomic uint64_t last_id; /* of a client */
    _Atomic uint64_t rejected;
    _Atomic uint64_t buffered_bytes;
    _Atomic uint64_t condemned_bytes; /* held by clients already shut down for it */
    _Atomic int64_t complained_ms[COMPLAINT_COUNT];
    _Atomic bool stopping;
    _Atomic int64_t stop_deadline_ms;
    _Atomic uint64_t heartbeat; /* see heartbeat.h */
};

/* Makes zeroed storage a worker of `net` that owns nothing yet; from here on worker_fini() is safe.
 */
void worker_preset(struct worker *w, struct net *net);
/* Gives it memory and descriptors; false if they are refused. */
bool worker_init(struct worker *w);
void worker_fini(struct worker *w);
bool worker_start(struct worker *w, size_t index);
/* Makes the worker look at its handovers, the limits and the order to stop. Any thread. */
void worker_wake(struct worker *w);
/* A command of one of its connections is done on the slow thread. Takes `task` over. Any thread. */
void worker_take_back(struct worker *w, struct aside_task *task);
/* Fills in its host and env, but for the counters. */
void worker_host_init(struct worker *w);
/* While the cache loads, and if loading has failed, requests are answered -LOADING. */
void worker_look_at_loading(struct worker *w);
/* A timeout is running from now on. */
void worker_want_sweep(struct worker *w);

/* Logs `text` unless a complaint of this kind was logged a short while ago, by any worker. */
void net_complain(struct net *net, int64_t now_ms, enum complaint kind, const char *text);

static inline void
counter_add(counter *c, uint64_t n)
{
    uint64_t was = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, was + n, memory_order_relaxed); /* one writer: no locked instruction */
}

/* Closes a connection that broke a rule, counts and mentions it. REQUIRES the worker's lock. */
void conn_drop(struct worker *w, struct conn *c, counter *count, enum complaint kind,
               const char *reason);
/* Whether a stranger may do nothing yet. */
bool net_auth_required(const struct net *net);

#define LIMIT_LOAD(net, name) atomic_load_explicit(&(net)->limits.name, memory_order_relaxed)

#endif
