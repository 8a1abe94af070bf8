/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One list of jobs, one of idle threads, one lock, which is held for a few assignments: jobs take
 * milliseconds, so nothing finer would pay. A thread that finds no job enters the idle list under
 * the lock before it sleeps; whoever brings one takes it from there, so each wake-up goes to a
 * thread that has nothing to do. A job is never run under the lock.
 */
#include "engine/pool.h"

#include "engine/engine.h"

void
pool_init(struct pool *p)
{
    lock_init(&p->lock);
    p->first = p->last = NULL;
    p->idle = NULL;
    p->waiting = p->started = 0;
    atomic_init(&p->closing, false);
}

static struct pool_job *
take_job(struct pool *p)
{
    struct pool_job *job = p->first;
    if (!job)
        return NULL;
    p->first = job->next;
    if (!p->first)
        p->last = NULL;
    p->waiting--;
    job->next = NULL;
    return job;
}

static void
enter_idle(struct pool *p, struct pool_worker *w)
{
    if (w->is_idle)
        return;
    w->is_idle = true;
    w->next_idle = p->idle;
    p->idle = w;
}

static void
leave_idle(struct pool *p, struct pool_worker *w)
{
    struct pool_worker **link = &p->idle;
    while (*link && *link != w)
        link = &(*link)->next_idle;
    if (*link)
        *link = w->next_idle;
    w->is_idle = false;
}

static void *
worker_main(void *arg)
{
    struct pool_worker *w = arg;
    struct pool *p = &w->a->pool;
    for (;;) {
        lock_acquire(&p->lock);
        struct pool_job *job = take_job(p);
        bool ends = !job && atomic_load(&p->closing);
        if (job && w->is_idle) /* it woke by itself */
            leave_idle(p, w);
        else if (!job && !ends)
            enter_idle(p, w);
        lock_release(&p->lock);
        if (ends)
            return NULL;
        if (job)
            job->run(job);
        else
            parker_sleep(&w->parker, -1);
    }
}

/* One thread more, if there may be; it finds its job itself. */
static bool
start_worker(struct attl *a, struct pool *p)
{
    struct pool_worker *w = &p->workers[p->started];
    if (p->started >= atomic_load(&p->threads_max))
        return false;
    w->a = a;
    parker_init(&w->parker);
    if (!thread_start(&w->thread, "attl-pool", worker_main, w))
        return false;
    p->started++;
    return true;
}

static int
enqueue(struct attl *a, struct pool *p, struct pool_job *job)
{
    if (atomic_load(&p->closing))
        return ATTL_E_CLOSED;
    if (p->waiting >= atomic_load(&p->waiting_max))
        return ATTL_E_BUSY;
    if (!p->idle && !start_worker(a, p) && p->started == 0)
        return ATTL_E_NOMEM;
    job->next = NULL;
    *(p->last ? &p->last->next : &p->first) = job;
    p->last = job;
    p->waiting++;
    return ATTL_OK;
}

int
pool_submit(struct attl *a, struct pool_job *job)
{
    struct pool *p = &a->pool;
    lock_acquire(&p->lock);
    int status = enqueue(a, p, job);
    struct pool_worker *w = status == ATTL_OK ? p->idle : NULL;
    if (w)
        leave_idle(p, w);
    lock_release(&p->lock);
    if (w)
        parker_wake(&w->parker);
    return status;
}

bool
pool_is_closing(const struct attl *a)
{
    return atomic_load(&a->pool.closing);
}

void
pool_close(struct attl *a)
{
    struct pool *p = &a->pool;
    lock_acquire(&p->lock);
    atomic_store(&p->closing, true);
    struct pool_job *job = p->first;
    p->first = p->last = NULL;
    p->waiting = 0;
    p->idle = NULL;
    lock_release(&p->lock);
    while (job) {
        struct pool_job *next = job->next;
        job->run(job);
        job = next;
    }
    for (uint32_t i = 0; i < p->started; i++)
        parker_wake(&p->workers[i].parker);
    for (uint32_t i = 0; i < p->started; i++)
        thread_join(&p->workers[i].thread);
}
