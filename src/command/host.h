/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server around the commands: what a command may ask of whoever runs it, as a table of
 * functions. A test, or a program with a listener of its own, fills in what it has; commands live
 * with what is NULL as each member says. The first argument of every function is `ud`.
 */
#ifndef ATTL_COMMAND_HOST_H
#define ATTL_COMMAND_HOST_H

#include "base/buf.h"
#include "command/client_filter.h"
#include "command/track.h"

#include <attl/attl.h>
#include <stdbool.h>

struct access_user;
struct alert;
struct audit;
struct command_job;
struct metric_host;
struct session;

/* Submits what a job waits for: the completion comes back with this `user_data`. As attl_submit_...
 */
typedef int (*command_submit_fn)(struct command_job *job, attl_queue *queue, uint64_t user_data,
                                 uint64_t *ret_id);

/* The server around the commands. Every function may be called from any worker. */
struct command_host {
    void *ud;
    struct audit *audit;          /* the trail; NULL: none. See audited.h */
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
    /* After all settings of one request: what needs them together, or an error. May be NULL. */
    int (*config_settle)(void *ud, char *err, size_t err_len);
    /* Where the value of a setting comes from, see config_origin_text(); NULL: nobody knows. */
    int (*config_origin)(void *ud, const char *name, char *text, size_t len);
    int (*config_rewrite)(void *ud, char *err, size_t err_len);
    /* One call per option and per alias, for CONFIG GET patterns; ends at false. */
    bool (*config_name)(void *ud, size_t index, const char **ret_name);
    /* Fields of a namespace, and removing one, as attl_ns_set and _del; NULL: the cache's alone. */
    int (*ns_set)(void *ud, attl_slice prefix, const attl_ns_field *fields, size_t n, char *err,
                  size_t err_len);
    int (*ns_del)(void *ud, attl_slice prefix);
    void (*stats_reset)(void *ud);
    /* Bytes that one client's queued requests may take, 0 or NULL: any number. */
    size_t (*queue_bytes)(void *ud);
    /* True if `password` is right (constant time), or none is required. *ret_user is then that
     * user, kept for the caller; NULL where there are no users. */
    bool (*auth)(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user);
    bool (*auth_required)(void *ud);
    /*
     * Takes `job` over, to call command_job_work() on a thread that may block, then
     * command_job_reply() and command_job_free() on the caller's. False if there is no room.
     * NULL: the caller may block itself.
     */
    bool (*aside)(void *ud, struct command_job *job);
    /*
     * Publish and subscribe, for the connection whose request is being executed; all NULL where
     * there is no such thing. subscribe and unsubscribe keep session.subscribed: ATTL_OK,
     * ATTL_NOT_SET (nothing to do), or a failure.
     */
    int (*subscribe)(void *ud, enum pubsub_kind kind, attl_slice name);
    int (*unsubscribe)(void *ud, enum pubsub_kind kind, attl_slice name);
    /* Its oldest subscription of that kind; the name lives as long as the subscription. */
    bool (*subscription)(void *ud, enum pubsub_kind kind, attl_slice *ret_name);
    /* How many receive it. */
    size_t (*publish)(void *ud, enum pubsub_kind kind, attl_slice channel, attl_slice payload);
    size_t (*subscribers)(void *ud, enum pubsub_kind kind, attl_slice name);
    /* One call per name that somebody is subscribed to; `fn` must be quick. */
    void (*each_topic)(void *ud, enum pubsub_kind kind, void (*fn)(void *fn_ud, attl_slice name),
                       void *fn_ud);
    size_t (*topics)(void *ud, enum pubsub_kind kind);
    /* Appends what others have sent to the connection so far: it precedes the reply to come. */
    void (*pushes)(void *ud, struct buf *out);
    /* RESET: no subscriptions and no tracking any more. */
    void (*leave)(void *ud);
    /*
     * Calls `submit` with a queue of the caller's, takes `job` over if that is ATTL_OK, and when it
     * is complete calls command_job_complete() and command_job_reply(), or command_job_drop() if
     * the client is gone; then command_job_free(). NULL: nobody can wait.
     */
    int (*park)(void *ud, struct command_job *job, command_submit_fn submit);
    /*
     * CLIENT TRACKING of the same connection. track keeps session.tracking; ATTL_OK, ATTL_MISS
     * (there is no client wish->redirect), or a failure that changed nothing.
     */
    int (*track)(void *ud, const struct tracking_wish *wish);
    void (*untrack)(void *ud);
    bool (*client_exists)(void *ud, uint64_t id);
    /* The prefixes it has registered, in order of their bytes; ends at false. */
    bool (*tracked_prefix)(void *ud, size_t index, attl_slice *ret_prefix);
    /* It is about to read this key, and wants to hear when that changes. */
    void (*track_key)(void *ud, attl_slice key);
    struct alert *alert; /* who is told of incidents; NULL: nobody */
    /* What is known of process, clients and traffic; the rest of *ret, which is zeroed, stays so.
     * NULL: nothing is. */
    void (*metrics)(void *ud, struct metric_host *ret);
    /* Writes a line of the log, as an attl_log_fn does; NULL: there is none. */
    void (*log)(void *ud, int level, const char *event, const char *text);
};

#endif
