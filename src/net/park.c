/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a parked command to its reply. The completion's user_data is the task, which is the
 * connection's until one of the two ends: a connection that is closed cancels its submission and
 * forgets the task, and the completion, which comes all the same, finds that nobody is there.
 * Thousands may be released at once; they are answered in portions, so that the lock is let go
 * between any two of them.
 */
#include "net/park.h"

#include <stdlib.h>

enum { REAP_BATCH = 64, CLOSE_WAIT_MS = 1000 };

static bool
open_queue(struct worker *w)
{
    struct parking *p = &w->parking;
    if (p->queue)
        return true;
    if (attl_queue_open(w->net->cache, NET_PARKED_MAX, &p->queue) != ATTL_OK)
        return false;
    p->source = SOURCE_PARKING;
    if (event_loop_add(&w->loop, attl_queue_fd(p->queue), EVENT_READ, p))
        return true;
    attl_queue_close(&p->queue);
    return false;
}

int
park_begin(void *ud, struct command_job *job, command_submit_fn submit)
{
    struct worker *w = ((struct net_caller *)ud)->worker;
    ASSERT(w->current && !w->current->task); /* a waiting connection runs nothing */
    struct aside_task *task = calloc(1, sizeof *task);
    if (!task || !open_queue(w)) {
        free(task);
        return ATTL_E_NOMEM;
    }
    *task = (struct aside_task){ .job = job, .worker = w, .conn = w->current, .is_parked = true };
    int status = submit(job, w->parking.queue, (uint64_t)(uintptr_t)task, &task->submission);
    if (status != ATTL_OK) {
        free(task);
        return status;
    }
    w->current->task = task;
    counter_add(&w->parked, 1);
    return ATTL_OK;
}

void
park_cancel(struct worker *w, const struct aside_task *task)
{
    (void)attl_queue_cancel(w->parking.queue, task->submission); /* or it is complete: as well */
}

static void
answer(struct worker *w, const attl_completion *done)
{
    struct aside_task *task = (struct aside_task *)(uintptr_t)done->user_data;
    lock_acquire(&w->lock);
    struct conn *c = task->conn;
    if (c && !c->killed)
        command_job_complete(task->job, done);
    else
        command_job_drop(task->job, done);
    if (c)
        conn_job_done(w, c, task->job);
    lock_release(&w->lock);
    counter_add(&w->parked, (uint64_t)-1);
    aside_task_free(task);
}

void
park_reap(struct worker *w)
{
    attl_completion done[REAP_BATCH];
    size_t n;
    while (w->parking.queue && (n = attl_queue_reap(w->parking.queue, done, REAP_BATCH)) > 0) {
        for (size_t i = 0; i < n; i++) {
            answer(w, &done[i]);
            attl_value_release(w->net->cache, &done[i].value);
        }
    }
}

void
park_stop(struct worker *w)
{
    if (w->parking.queue)
        attl_queue_shutdown(w->parking.queue);
}

void
park_close(struct worker *w)
{
    if (!w->parking.queue)
        return;
    park_stop(w);
    do {
        park_reap(w);
    } while (attl_queue_wait(w->parking.queue, CLOSE_WAIT_MS) == ATTL_OK);
    attl_queue_close(&w->parking.queue);
}
