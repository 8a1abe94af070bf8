/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool may refuse a job after its submission has become known to others, who may have given it
 * up by then: so a refused task is taken back only if nobody has decided, and otherwise counts as
 * accepted, because its completion is already there. A task's memory is its submission's. No lock
 * is held while a task works.
 */
#include "engine/task.h"

#include "engine/engine.h"

static void
task_run(struct pool_job *job)
{
    struct task *t = (void *)((char *)job - offsetof(struct task, job));
    struct submission *s = &t->submission;
    if (pool_is_closing(s->cache) || !submission_begin(s)) {
        (void)submission_complete_status(s, ATTL_E_CLOSED); /* or it is over, and this is nothing */
        return;
    }
    attl_completion c = { .value = ATTL_VALUE_INIT };
    t->work(t, &c);
    (void)submission_complete(s, &c);
}

int
task_make(attl_queue *q, size_t bytes, uint32_t kind, const struct submission_spec *spec,
          struct task **ret)
{
    struct submission *s;
    ASSERT(bytes >= sizeof(struct task));
    int status = submission_new(q, bytes, kind, spec, &s);
    if (status != ATTL_OK)
        return status;
    *ret = (struct task *)s;
    (*ret)->job.run = task_run;
    return ATTL_OK;
}

int
task_submit(struct task *t, const struct submission_spec *spec, uint64_t *ret_id)
{
    struct submission *s = &t->submission;
    submission_open(s, spec);
    uint64_t id = s->id;
    int status = pool_submit(s->cache, &t->job);
    if (status != ATTL_OK && submission_close(s))
        return status;
    if (ret_id)
        *ret_id = id;
    return ATTL_OK;
}
