/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that wait for the disk - SAVE, ATTL.ROLLBACK - run on a thread of their own, one after
 * the other, while their connection waits and the worker serves the others. A job goes from its
 * worker to the thread and back; between the two nobody but the thread touches it, and nobody but
 * the worker ever touches the connection. The thread is started by the first job. aside_push() may
 * be called by any worker.
 */
#ifndef ATTL_NET_ASIDE_H
#define ATTL_NET_ASIDE_H

#include "command/command.h"
#include "os/lock.h"
#include "os/parker.h"
#include "os/thread.h"

enum { ASIDE_JOBS_MAX = 64 /* waiting for the thread; further ones are refused */ };

struct worker;
struct conn;

struct aside_task {
    struct command_job *job; /* owned */
    struct worker *worker;
    struct conn *conn; /* the worker's; NULL once it is closed */
    bool is_parked;    /* it is not on the thread, but waits for this submission: park.h */
    uint64_t submission;
    struct aside_task *next;
};

struct aside_list {
    struct aside_task *first, *last;
    size_t len;
};

struct aside {
    struct lock lock; /* guards `waiting` and starting the thread */
    struct aside_list waiting;
    struct parker parker;
    struct thread thread;
    _Atomic bool stopping;
};

void aside_init(struct aside *a);
/* Lets the running job end; those behind it are dropped. */
void aside_fini(struct aside *a);
/* Takes `job` over for `c`, whose worker is told when it is done; NULL if there is no room. */
struct aside_task *aside_push(struct aside *a, struct worker *w, struct conn *c,
                              struct command_job *job);
void aside_task_free(struct aside_task *task);

void aside_append(struct aside_list *list, struct aside_task *task);
/* The oldest, or NULL. */
struct aside_task *aside_take(struct aside_list *list);
/* Frees all of them. */
void aside_list_clear(struct aside_list *list);

#endif
