/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands: from the words of one request to the bytes of one reply. This layer sees the public API
 * (attl.h) and the protocol writer, no sockets and no threads. A worker calls command_execute() for
 * each request of a pipeline in order; what a command needs from the server around it (the list of
 * clients, shutting down, the settings) it asks of the `command_host`.
 */
#ifndef ATTL_COMMAND_COMMAND_H
#define ATTL_COMMAND_COMMAND_H

#include "base/buf.h"
#include "command/client_filter.h"
#include "command/host.h"
#include "command/track.h"
#include "metric/format.h"
#include "os/trace.h"

#include <attl/attl.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { SESSION_NAME_MAX = 64, SESSION_TRACE_MAX = TRACE_MAX, SESSION_USER_MAX = 64 };
enum session_reply_mode {
    SESSION_REPLY_ON,
    SESSION_REPLY_OFF,
    SESSION_REPLY_SKIP,
    SESSION_REPLY_SKIP_NEXT
};

/* Bits of session.special; most sessions have none, which is one test per request. */
enum session_special {
    SESSION_SUBSCRIBED = 1 << 0,
    SESSION_TRACKING = 1 << 1,  /* tracking.flags is not 0 */
    SESSION_DEADLINE = 1 << 2,  /* deadline_ms is not 0 */
    SESSION_TRACED = 1 << 3,    /* trace is not empty */
    SESSION_RESTRICTED = 1 << 4 /* its user may not do everything */
};

/* Bits of session.interrupt: why the requests behind the last one do not follow at once. */
enum session_interrupt {
    SESSION_PUT_OFF = 1 << 0, /* it has not been executed: offer it again, a while later */
    SESSION_YIELD = 1 << 1    /* it may have taken long: others may have a turn first */
};

/* Of requests, in the order in which they are shed, last to first; see shed.h. */
enum shed_class { SHED_NEVER, SHED_READ, SHED_WRITE, SHED_SCAN, SHED_CLASSES };
enum shed_outcome { SHED_REFUSED, SHED_LATE, SHED_PUT_OFF, SHED_OUTCOMES };

/* One connection as commands see it. Owned by the worker that serves the connection. */
struct session {
    uint64_t id;
    int proto; /* 2 or 3 */
    bool authenticated;
    bool no_evict, no_touch;
    bool close_after_reply;
    bool waiting;      /* the last request has no reply yet: command_job_reply() will make it */
    uint8_t interrupt; /* enum session_interrupt; whoever runs the requests clears it */
    bool throttled;    /* understands -THROTTLED (CLIENT CAPA throttled) */
    bool exempt, exempt_once; /* is not put off; ... until the next request */
    enum shed_class put_off_class;
    int64_t deadline_ms; /* ATTL.DEADLINE: what waited longer is not executed; 0: no matter */
    int64_t arrived_ns;  /* when the requests that run now came in; kept if deadline_ms is set */
    struct transaction *transaction; /* after WATCH or MULTI, else NULL */
    enum session_reply_mode reply_mode;
    char name[SESSION_NAME_MAX + 1];
    char lib_name[SESSION_NAME_MAX + 1];
    char lib_ver[SESSION_NAME_MAX + 1];
    char addr[64]; /* "127.0.0.1:54321" or "unix:PATH" */
    char laddr[64];
    int64_t created_ms, active_ms; /* Unix ms */
    const char *last_command;      /* static text, lower case, "config|get" */
    uint64_t commands;
    uint64_t net_in_bytes, net_out_bytes;
    int fd;
    unsigned special;                /* enum session_special: what makes its requests special */
    bool keep_reply;                 /* the reply in the making is sent whatever reply_mode says */
    size_t subscribed[PUBSUB_KINDS]; /* subscriptions, by kind */
    struct session_tracking tracking;
    char trace[SESSION_TRACE_MAX + 1]; /* correlation id, "" for none; see session_trace() */
    uint8_t trace_left;                /* requests until it goes; 0: it stays */
    struct access_user *user;          /* a version of whose it is, kept; NULL: not looked up yet */
    uint64_t access_seen;              /* the generation of the users when it was; 0: never */
    bool privileged;                   /* the server's own: no user, everything is allowed */
    char user_name[SESSION_USER_MAX + 1]; /* of `user`; "" is the default user */
};

static inline bool
session_is_subscribed(const struct session *s)
{
    return s->special & SESSION_SUBSCRIBED;
}
/* The memory that a session holds for its transaction. */
size_t session_bytes(const struct session *s);
/* The end of a session: ends its transaction. Before the cache is closed; may be called twice. */
void session_end(struct session *s);

struct audit;
struct access;
struct access_user;

/* A command that waits for the disk, on its way to another thread and back. See job.h. */
struct command_job;

static inline bool
session_has_type(const struct session *s, enum client_type type)
{
    return type == CLIENT_ANY || type == (session_is_subscribed(s) ? CLIENT_PUBSUB : CLIENT_NORMAL);
}

/* Shared by all workers; per-command counters are per worker and summed by INFO. */
struct command_env {
    attl *cache;
    struct access *access; /* the users; NULL: anybody may do everything */
    const struct command_host *host;
    struct command_stats *stats; /* of the calling worker; see command_stats_new() */
    bool loading;                /* answer -LOADING to all but a few */
    bool untimed;                /* metrics.enabled is off: no call is timed */
    unsigned shed_level;         /* 0: nothing is shed; to 3, see shed.h */
    uint32_t audit_flags; /* rows with these bits may be audited, see audited.h; 0: none are */
    uint16_t audit_cats;
    bool audit_spaces;     /* some namespace says what of it is recorded: audited_follow() */
    int64_t shed_retry_ms; /* what is refused may come back after that */
    _Atomic uint64_t shed[SHED_CLASSES][SHED_OUTCOMES]; /* counters, of one writer */
    /* Every worker's stats, summed by INFO and cleared by CONFIG RESETSTAT; NULL: only `stats`. */
    struct command_stats *const *all_stats;
    size_t all_stats_len;
    struct slowlog *slow; /* of all workers; NULL: nothing is measured for it */
    uint64_t turn_ticks;  /* when the command before this one ended, if `turn` */
    size_t turn_bytes;    /* no request of the turn has more of words, if `turn` */
    bool turn;            /* commands follow each other without a pause: command_turn_begin() */
    uint64_t inner_ticks; /* of EXEC's time what its commands took */
};

/* Executes one request (argc >= 1) and appends its reply to `out`, as the session's reply mode
 * says. */
void command_execute(struct command_env *env, struct session *s, const attl_slice *argv,
                     size_t argc, struct buf *out);
/*
 * Around calls of command_execute() with next to nothing between them: then one reading of the
 * clock for each is enough for the slow log. `bytes`: no request has more in its words. Not
 * required.
 */
void command_turn_begin(struct command_env *env, size_t bytes);
void command_turn_end(struct command_env *env);
/* The three steps of a job that command_execute() has given to the host; see there. */
void command_job_work(struct command_job *job);
void command_job_reply(struct command_job *job, struct command_env *env, struct session *s,
                       struct buf *out);
void command_job_free(struct command_job *job);
/* For parked jobs: what they wait for is complete. `done` stays the caller's. */
void command_job_complete(struct command_job *job, const attl_completion *done);
void command_job_drop(struct command_job *job, const attl_completion *done);
/*
 * The keys of a request (for prefetching), written to `keys`; returns how many, at most `max`.
 * Requests with unknown commands or wrong arity have none.
 */
size_t command_keys(const attl_slice *argv, size_t argc, attl_slice *keys, size_t max);

/*
 * Everything that is measured, appended to `out` as ATTL.METRICS shows it; out->failed if there was
 * no memory or room. Takes a few milliseconds at most. Any thread that has an env.
 */
void command_metrics(struct command_env *env, enum metric_format format, struct buf *out);

/* Calls, microseconds and failures per command; one per worker, no sharing on the hot path. */
struct command_stats *command_stats_new(void);
void command_stats_free(struct command_stats *stats);

#endif
