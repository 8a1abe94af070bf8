/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the door, for the files of src/admin only. What is set while it opens does not
 * change afterwards and is read without a lock; the rest says who may touch it. A visit is one
 * request on its way: it belongs to the door's thread, but for the time between exec_push() and its
 * resumption, when it is the executor's.
 */
#ifndef ATTL_ADMIN_STATE_H
#define ATTL_ADMIN_STATE_H

#include "admin/admin.h"
#include "admin/door_tls.h"
#include "admin/route.h"
#include "os/clock.h"
#include "os/lock.h"
#include "os/parker.h"
#include "os/thread.h"

#include <stdatomic.h>

enum {
    EXEC_WAITING_MAX = 16,
    EVENTS_PERIOD_MS = 1000,
    EVENTS_SOONEST_MS = 100, /* after the one before, for who has just come */
    EVENTS_PENDING_MAX_BYTES = 1 << 20,
    EVENTS_TEXT_MAX_BYTES = 512 << 10,
    DOOR_TIMEOUT_S = 15,
    DOOR_SPARE_CONNECTIONS = 8, /* above the limit, until an idle one has gone */
    DOOR_MEMORY_BYTES = 24 << 10
};

struct MHD_Connection;
struct MHD_Daemon;
struct net_visitor;

enum visit_state { VISIT_NEW, VISIT_BODY, VISIT_WAITING, VISIT_DONE };

struct visit {
    struct admin *admin;
    struct MHD_Connection *connection;
    const struct route *route;
    _Atomic int state; /* enum visit_state */
    struct http_request rq;
    struct http_reply reply;
    struct visit *next; /* in the executor's list */
};

/* Runs what may take long, one after the other. */
struct executor {
    struct lock lock; /* guards the list, `thread` and `stopping` */
    struct visit *first, *last;
    size_t len;
    bool stopping;
    struct parker parker;
    struct thread thread;
};

/* One who listens to events. */
struct listener {
    struct admin *admin;
    struct MHD_Connection *connection;
    struct buf pending; /* not taken yet */
    size_t taken;       /* bytes of it */
    bool suspended, cut;
    struct listener *prev, *next;
};

struct events {
    struct lock lock; /* guards the list and what is in it, `thread` and `stopping` */
    struct listener *first;
    size_t len;
    bool stopping;
    bool stranger; /* somebody has come since the last event */
    struct parker parker;
    struct thread thread;
    uint64_t number;
};

/* One connection, between its requests too. */
struct guest {
    int fd;
    struct door_tls *tls;      /* NULL: none; held */
    bool busy;                 /* a request of it is complete, and being answered */
    struct guest *prev, *next; /* in order of arrival */
};

struct admin {
    attl *cache;
    attl_log_fn log;
    void *log_ud;
    struct guard guard;
    char *texts; /* what the guard's and ui_dir point to */
    char made_token[GUARD_TOKEN_MAX + 1];
    const char *ui_dir;
    unsigned max_listeners;
    struct clock clock;
    struct net_visitor *visitor, *exec_visitor, *event_visitor; /* one per thread */
    struct MHD_Daemon *daemon;
    struct lock tls_lock;                   /* guards `tls` */
    struct door_tls *tls;                   /* of connections to come; NULL: there is no TLS */
    struct guest *first_guest, *last_guest; /* of the door's thread, as what follows */
    size_t guests, guests_max;
    struct executor exec;
    struct events events;
    _Atomic bool draining;
};

/* ---- exec.c ---- */

void exec_init(struct executor *exec);
/* Takes a visit whose connection is suspended; false if there is no room. */
bool exec_push(struct admin *admin, struct visit *visit);
/* Answers what waits with a refusal, lets what runs end, and takes nothing more. */
void exec_stop(struct admin *admin);

/* ---- events.c ---- */

void events_init(struct events *events);
/* A listener for a connection; NULL if there are too many, or no memory. */
struct listener *events_join(struct admin *admin, struct MHD_Connection *connection);
/* Bytes for it: how many; 0 after suspending its connection; < 0 at its end. */
int64_t events_read(struct listener *listener, char *to, size_t max);
void events_leave(struct listener *listener);
void events_stop(struct admin *admin);

/* ---- door.c ---- */

bool door_open(struct admin *admin, int fd, unsigned max_connections);
void door_close(struct admin *admin);
void door_suspend(struct MHD_Connection *connection);
void door_resume(struct MHD_Connection *connection);

#endif
