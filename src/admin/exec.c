/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The executor: a thread for requests that may take long, so that probes are answered meanwhile. It
 * takes the oldest and serves it as the door would. One is enough: slow commands exclude each other
 * in the cache anyway, and a queue that is full is a clearer answer than a pile of threads. The
 * thread is started by the first such request.
 */
#include "admin/serve.h"
#include "admin/state.h"

void
exec_init(struct executor *exec)
{
    lock_init(&exec->lock);
    parker_init(&exec->parker);
}

static struct visit *
take(struct executor *exec)
{
    lock_acquire(&exec->lock);
    struct visit *v = exec->first;
    if (v) {
        exec->first = v->next;
        exec->last = exec->first ? exec->last : NULL;
        exec->len--;
    }
    lock_release(&exec->lock);
    return v;
}

/* It is the door's again as soon as its connection is resumed. */
static void
give_back(struct visit *v)
{
    struct MHD_Connection *connection = v->connection;
    atomic_store(&v->state, VISIT_DONE);
    door_resume(connection);
}

static bool
is_stopping(struct executor *exec)
{
    lock_acquire(&exec->lock);
    bool stopping = exec->stopping;
    lock_release(&exec->lock);
    return stopping;
}

static void *
exec_main(void *arg)
{
    struct admin *admin = arg;
    while (!is_stopping(&admin->exec)) {
        struct visit *v = take(&admin->exec);
        if (!v) {
            parker_sleep(&admin->exec.parker, -1);
            continue;
        }
        serve(admin, admin->exec_visitor, v->route, &v->rq, &v->reply);
        give_back(v);
    }
    return NULL;
}

bool
exec_push(struct admin *admin, struct visit *v)
{
    struct executor *exec = &admin->exec;
    lock_acquire(&exec->lock);
    bool fits =
        !exec->stopping && exec->len < EXEC_WAITING_MAX &&
        (exec->thread.running || thread_start(&exec->thread, "attld-admin-run", exec_main, admin));
    if (fits) {
        v->next = NULL;
        *(exec->last ? &exec->last->next : &exec->first) = v;
        exec->last = v;
        exec->len++;
    }
    lock_release(&exec->lock);
    if (fits)
        parker_wake(&exec->parker);
    return fits;
}

void
exec_stop(struct admin *admin)
{
    struct executor *exec = &admin->exec;
    lock_acquire(&exec->lock);
    exec->stopping = true;
    lock_release(&exec->lock);
    parker_wake(&exec->parker);
    thread_join(&exec->thread);
    for (struct visit *v = take(exec); v; v = take(exec)) {
        http_refuse(&v->reply, 503, "stopping", "the server is stopping");
        v->reply.close = true;
        give_back(v);
    }
}
