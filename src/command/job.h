/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that wait for the disk are cut in two: what blocks runs on another thread of the host
 * and sees the cache only; the reply is made afterwards by the connection's own worker, with its
 * session. A job carries everything between the two, because the request's words are gone by then.
 * It belongs to whoever has it: the command until request_aside(), the host afterwards.
 */
#ifndef ATTL_COMMAND_JOB_H
#define ATTL_COMMAND_JOB_H

#include "audit/audit.h"
#include "audit/verify.h"
#include "command/point.h"
#include "command/table.h"

enum { JOB_TEXT_MAX = 512 };

struct command_job {
    void (*work)(struct command_job *job); /* may block; fills in `status` and what belongs to it */
    void (*reply)(struct command_job *job, struct request *rq);
    void (*dropped)(struct command_job *job); /* parked, and the client has gone; may be NULL */
    const struct command *cmd;
    attl *cache;
    uint64_t actor;  /* the client's number */
    int64_t took_ns; /* the work, if it was done */
    char trace[SESSION_TRACE_MAX + 1];
    int proto; /* of the session, which does not change while it waits */
    int status;
    bool dry_run;
    char text[JOB_TEXT_MAX]; /* the sentence of a failure */
    /* rollback */
    attl_rollback_opts to;
    char to_name[POINT_NAME_MAX];
    attl_rollback_report report;
    int durable_status; /* of its changes */
    attl_scrub_report scrub;
    attl_erase_request erase;
    attl_erasure erased;
    attl_keeping keeping;
    struct audit_stats keeping_audit;
    struct audit *audit; /* the trail, and what was found in it */
    struct audit_verify verify;
    /* lists: `rows` maps; of a parked job: its key; a prefix of so many bytes in `text` */
    struct buf list;
    size_t rows;
    uint64_t removed; /* keys */
    /* parked */
    const attl_completion *done; /* during the reply */
    attl_fetch_opts fetch;
    bool with_meta;
};

/* A job of the request's command; NULL after answering that there is no memory. */
struct command_job *request_job(struct request *rq, void (*work)(struct command_job *job),
                                void (*reply)(struct command_job *job, struct request *rq));
/* Lets the host run the job, or runs it if the host has no thread for it. Takes it over. */
void request_aside(struct request *rq, struct command_job *job);

/* The error for a failing status of a job: reply_failure(), and what is particular to files. */
void reply_job_failure(struct request *rq, int status);
/* SHUTDOWN SAVE: a snapshot, and the end if it has succeeded. cmd_persist.c. */
void persist_save_and_shut_down(struct request *rq);

#endif
