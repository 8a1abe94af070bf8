/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion queues for callers: opening, reaping, cancelling, closing. All of it is the engine's
 * (completion.h, submission.h); what is submitted to them is in submit.c. Nothing here keeps state
 * of its own.
 */
#include "api/api.h"

#include "engine/submission.h"

int
attl_queue_open(attl *a, uint32_t capacity, attl_queue **ret_queue)
{
    return completion_queue_open(a, capacity, ret_queue);
}

int
attl_queue_fd(const attl_queue *q)
{
    return q->wakeup.fd;
}

size_t
attl_queue_reap(attl_queue *q, attl_completion *out, size_t max)
{
    return completion_reap(q, out, max);
}

int
attl_queue_wait(attl_queue *q, int64_t timeout_ms)
{
    return completion_wait(q, timeout_ms);
}

int
attl_queue_cancel(attl_queue *q, uint64_t id)
{
    return submission_cancel(q, id);
}

void
attl_queue_shutdown(attl_queue *q)
{
    completion_queue_shutdown(q);
}

void
attl_queue_close(attl_queue **queue)
{
    if (!queue || !*queue)
        return;
    completion_queue_close(*queue);
    *queue = NULL;
}
