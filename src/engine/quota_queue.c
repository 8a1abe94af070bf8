/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue itself. A segment is one kilobyte, small enough that a thousand namespaces with a few
 * entries each cost no more than those entries. One segment is kept while the queue is in use,
 * because a queue at its quota pushes and pops one after the other for ever.
 */
#include "engine/quota_queue.h"

#include "base/alloc.h"

enum { SEGMENT_HASHES = 126 };

struct quota_segment {
    struct quota_segment *next;
    uint64_t hashes[SEGMENT_HASHES];
};

static void
push_locked(struct quota *q, const attl_allocator *alloc, uint64_t hash)
{
    if (!q->last || q->last_at == SEGMENT_HASHES) {
        struct quota_segment *s = alloc_zero(alloc, sizeof(*s));
        if (!s)
            return;
        if (q->last)
            q->last->next = s;
        else
            q->first = s;
        q->last = s;
        q->last_at = 0;
    }
    q->last->hashes[q->last_at++] = hash;
    atomic_fetch_add_explicit(&q->queued, 1, memory_order_relaxed);
}

void
quota_queue_push(struct quota *q, const attl_allocator *alloc, uint64_t hash)
{
    lock_acquire(&q->lock);
    push_locked(q, alloc, hash);
    lock_release(&q->lock);
}

static bool
pop_locked(struct quota *q, const attl_allocator *alloc, uint64_t *ret_hash)
{
    if (atomic_load_explicit(&q->queued, memory_order_relaxed) == 0)
        return false;
    atomic_fetch_sub_explicit(&q->queued, 1, memory_order_relaxed);
    *ret_hash = q->first->hashes[q->first_at++];
    if (q->first == q->last && q->first_at == q->last_at) {
        q->first_at = q->last_at = 0;
    } else if (q->first_at == SEGMENT_HASHES) {
        struct quota_segment *s = q->first;
        q->first = s->next;
        q->first_at = 0;
        alloc_free(alloc, s);
    }
    return true;
}

bool
quota_queue_pop(struct quota *q, const attl_allocator *alloc, uint64_t *ret_hash)
{
    lock_acquire(&q->lock);
    bool any = pop_locked(q, alloc, ret_hash);
    lock_release(&q->lock);
    return any;
}

void
quota_queue_clear(struct quota *q, const attl_allocator *alloc)
{
    lock_acquire(&q->lock);
    while (q->first) {
        struct quota_segment *s = q->first;
        q->first = s->next;
        alloc_free(alloc, s);
    }
    q->last = NULL;
    q->first_at = q->last_at = 0;
    atomic_store_explicit(&q->queued, 0, memory_order_relaxed);
    lock_release(&q->lock);
}
