/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A submission that a thread of the pool works on: a job and a completion to come, in one piece.
 * What was given up before a thread got to it is not begun; what has begun comes to its end, and
 * its result is dropped if nobody waits for it any more. A task owns its memory until then.
 */
#ifndef ATTL_ENGINE_TASK_H
#define ATTL_ENGINE_TASK_H

#include "engine/pool.h"
#include "engine/submission.h"

struct task {
    struct submission submission; /* first */
    struct pool_job job;
    /* Does the work, and says in *c how it went. */
    void (*work)(struct task *t, attl_completion *c);
};

/* As submission_new(), for `bytes` that begin with a struct task. */
int task_make(attl_queue *q, size_t bytes, uint32_t kind, const struct submission_spec *spec,
              struct task **ret);
/* Hands it to the pool, and its number to the caller. On failure it is gone, and nothing happened.
 */
int task_submit(struct task *t, const struct submission_spec *spec, uint64_t *ret_id);

#endif
