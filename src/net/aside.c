/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread for slow commands: it takes the oldest job, works, and gives it back to the worker it
 * came from. One thread is enough, because these commands exclude each other in the cache anyway,
 * and it keeps the number of writers to the disk small. A job whose connection has gone is finished
 * all the same: half a snapshot is of no use to anybody.
 */
#include "net/aside.h"

#include "net/worker.h"

#include <stdlib.h>

void
aside_append(struct aside_list *list, struct aside_task *task)
{
    task->next = NULL;
    if (list->last)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
    list->len++;
}

struct aside_task *
aside_take(struct aside_list *list)
{
    struct aside_task *task = list->first;
    if (!task)
        return NULL;
    list->first = task->next;
    if (!list->first)
        list->last = NULL;
    list->len--;
    task->next = NULL;
    return task;
}

void
aside_task_free(struct aside_task *task)
{
    command_job_free(task->job);
    free(task);
}

void
aside_list_clear(struct aside_list *list)
{
    for (struct aside_task *task = aside_take(list); task; task = aside_take(list))
        aside_task_free(task);
}

void
aside_init(struct aside *a)
{
    lock_init(&a->lock);
    parker_init(&a->parker);
}

void
aside_fini(struct aside *a)
{
    atomic_store(&a->stopping, true);
    parker_wake(&a->parker);
    thread_join(&a->thread);
    aside_list_clear(&a->waiting);
}

static struct aside_task *
next_task(struct aside *a)
{
    lock_acquire(&a->lock);
    struct aside_task *task = aside_take(&a->waiting);
    lock_release(&a->lock);
    return task;
}

static void *
aside_main(void *arg)
{
    struct aside *a = arg;
    while (!atomic_load(&a->stopping)) {
        struct aside_task *task = next_task(a);
        if (!task) {
            parker_sleep(&a->parker, -1);
            continue;
        }
        command_job_work(task->job);
        worker_take_back(task->worker, task);
    }
    return NULL;
}

struct aside_task *
aside_push(struct aside *a, struct worker *w, struct conn *c, struct command_job *job)
{
    struct aside_task *task = malloc(sizeof *task);
    if (!task)
        return NULL;
    *task = (struct aside_task){ .job = job, .worker = w, .conn = c };
    lock_acquire(&a->lock);
    bool fits = a->waiting.len < ASIDE_JOBS_MAX &&
                (a->thread.running || thread_start(&a->thread, "attld-aside", aside_main, a));
    if (fits)
        aside_append(&a->waiting, task);
    lock_release(&a->lock);
    if (!fits) {
        free(task);
        return NULL;
    }
    parker_wake(&a->parker);
    return task;
}
