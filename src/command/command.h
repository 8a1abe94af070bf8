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

#include <attl/attl.h>
#include <stdbool.h>

enum { SESSION_NAME_MAX = 64 };
enum session_reply_mode {
    SESSION_REPLY_ON,
    SESSION_REPLY_OFF,
    SESSION_REPLY_SKIP,
    SESSION_REPLY_SKIP_NEXT
};

/* One connection as commands see it. Owned by the worker that serves the connection. */
struct session {
    uint64_t id;
    int proto; /* 2 or 3 */
    bool authenticated;
    bool no_evict, no_touch;
    bool close_after_reply;
    bool waiting; /* the last request has no reply yet: command_job_reply() will make it */
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
};

/* The memory that a session holds for its transaction. */
size_t session_bytes(const struct session *s);
/* The end of a session: ends its transaction. Before the cache is closed; may be called twice. */
void session_end(struct session *s);

/* A command that waits for the disk, on its way to another thread and back. See job.h. */
struct command_job;

/* What CLIENT KILL selects; a zero member does not restrict. */
struct client_filter {
    uint64_t id;
    const char *addr, *laddr;
    int64_t min_age_s;
    bool skip_self;
    uint64_t self_id;
};

/* The server around the commands. Every function may be called from any worker. */
struct command_host {
    void *ud;
    int64_t (*wall_us)(void *ud); /* Unix microseconds */
    /* One call per connected client, in order of id; the session must not be kept. */
    void (*each_client)(void *ud, void (*fn)(void *fn_ud, const struct session *s), void *fn_ud);
    size_t (*kill_clients)(void *ud, const struct client_filter *filter);
    void (*shutdown)(void *ud);
    /* Appends "field:value\r\n" lines the server knows of (section "server", "clients", "stats"
     * ...). */
    void (*info)(void *ud, const char *section, struct buf *out);
    /* Settings by canonical name or alias; see attl_option_get/set. Server options included. */
    int (*config_get)(void *ud, const char *name, char *value, size_t len);
    int (*config_set)(void *ud, const char *name, const char *value, char *err, size_t err_len);
    int (*config_rewrite)(void *ud, char *err, size_t err_len);
    /* One call per option and per alias, for CONFIG GET patterns; ends at false. */
    bool (*config_name)(void *ud, size_t index, const char **ret_name);
    void (*stats_reset)(void *ud);
    /* Bytes that one client's queued requests may take, 0 or NULL: any number. */
    size_t (*queue_bytes)(void *ud);
    /* True if `password` is right (constant time), or none is required. `user` is "default" or as
     * given. */
    bool (*auth)(void *ud, attl_slice user, attl_slice password);
    bool (*auth_required)(void *ud);
    /*
     * Takes `job` over, to call command_job_work() on a thread that may block, then
     * command_job_reply() and command_job_free() on the caller's. False if there is no room.
     * NULL: the caller may block itself.
     */
    bool (*aside)(void *ud, struct command_job *job);
};

/* Shared by all workers; per-command counters are per worker and summed by INFO. */
struct command_env {
    attl *cache;
    const struct command_host *host;
    struct command_stats *stats; /* of the calling worker; see command_stats_new() */
    bool loading;                /* answer -LOADING to all but a few */
    /* Every worker's stats, summed by INFO and cleared by CONFIG RESETSTAT; NULL: only `stats`. */
    struct command_stats *const *all_stats;
    size_t all_stats_len;
};

/* Executes one request (argc >= 1) and appends its reply to `out`, as the session's reply mode
 * says. */
void command_execute(struct command_env *env, struct session *s, const attl_slice *argv,
                     size_t argc, struct buf *out);
/* The three steps of a job that command_execute() has given to the host; see there. */
void command_job_work(struct command_job *job);
void command_job_reply(struct command_job *job, struct command_env *env, struct session *s,
                       struct buf *out);
void command_job_free(struct command_job *job);
/*
 * The keys of a request (for prefetching), written to `keys`; returns how many, at most `max`.
 * Requests with unknown commands or wrong arity have none.
 */
size_t command_keys(const attl_slice *argv, size_t argc, attl_slice *keys, size_t max);

/* Calls, microseconds and failures per command; one per worker, no sharing on the hot path. */
struct command_stats *command_stats_new(void);
void command_stats_free(struct command_stats *stats);

#endif
