/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion queues: a bounded ring of completions and a descriptor that is readable while there
 * may be some. Whoever accepts an operation first reserves a place, so that posting its completion
 * later can neither fail nor wait: that is the back-pressure, and it is felt at submission. A
 * reserved place is also a reference: the queue's memory stays until each has been posted or given
 * back, whenever its owner closes it.
 *
 * Posting takes no lock and may be done under any. Reaping is for one thread at a time; a lock sees
 * to it. The descriptor is raised by a post that finds the queue `armed`, and lowered by a reap
 * that finds nothing, which arms it: a busy queue makes no system calls.
 */
#ifndef ATTL_ENGINE_COMPLETION_H
#define ATTL_ENGINE_COMPLETION_H

#include "os/lock.h"
#include "os/wakeup.h"

#include <attl/attl.h>

struct feed;
struct submission;

/* Memory that a completion's key lies in: freed with the queue's allocator when the queue is next
 * reaped. */
struct completion_keep {
    struct completion_keep *next;
    _Alignas(8) unsigned char bytes[];
};

struct completion_slot {
    _Atomic uint64_t turn; /* position + 1 once it is filled */
    struct completion_keep *keep;
    attl_completion c;
};

#define COMPLETION_PLACE UINT64_C(1)
#define COMPLETION_REF (UINT64_C(1) << 32)
#define COMPLETION_SHUT (UINT64_C(1) << 63)

struct attl_queue {
    attl_allocator alloc;
    struct attl *cache; /* NULL: it has been closed */
    uint32_t capacity;
    uint64_t mask;
    struct completion_slot *slots;
    struct wakeup wakeup;
    struct attl_queue *next, *prev; /* of the cache's; queue_list.lock */

    /* Places in use, references (one is the owner's), and whether nothing new is accepted: in one
     * word, so that no submission slips in behind a shutdown. */
    _Alignas(64) _Atomic uint64_t use;
    _Atomic uint64_t tail;
    _Atomic uint64_t last_id;
    _Atomic bool armed; /* the descriptor is lowered */

    _Alignas(64) struct lock reap_lock;
    uint64_t head;
    struct completion_keep *keeps; /* of the last reap */
    bool events_first;             /* takes turns with completions */
    _Atomic(struct feed *) feed; /* feed.h; NULL: it has never watched. Set once, feed_list.lock */

    struct lock open_lock; /* submissions that can be given up: see submission.h */
    struct submission **open;
    uint32_t *free_slots, free_len;
};

/* The queues of one cache. */
struct queue_list {
    struct lock lock;
    struct attl_queue *first;
};

void queue_list_init(struct queue_list *l);
/* The cache is being closed: whatever is open completes with ATTL_E_CLOSED, and the queues can
 * still be reaped, without values that only the cache could release. */
void queue_list_close(struct attl *a);

/* A queue with its memory and descriptor. ATTL_OK, ATTL_E_INVALID, ATTL_E_NOMEM, ATTL_E_BUSY (no
 * descriptor), ATTL_E_CLOSED. */
int completion_queue_open(struct attl *a, uint32_t capacity, attl_queue **ret_queue);
void completion_queue_close(attl_queue *q);
void completion_queue_shutdown(attl_queue *q);
size_t completion_reap(attl_queue *q, attl_completion *out, size_t max);
/* ATTL_OK: there is something to reap; ATTL_E_TIMEOUT; ATTL_E_CLOSED: there never will be. */
int completion_wait(attl_queue *q, int64_t timeout_ms);

/* A place for one completion to come: ATTL_OK, ATTL_E_BUSY (full), ATTL_E_CLOSED. */
int completion_reserve(attl_queue *q);
/* Gives it back unused. */
void completion_unreserve(attl_queue *q);
/* Fills a reserved place, and takes over c->value. Any thread, under any lock; never waits. */
void completion_post(attl_queue *q, const attl_completion *c);
/* The same; `keep` holds the key's bytes and is freed when the queue is reaped the time after. */
void completion_post_keeping(attl_queue *q, const attl_completion *c, struct completion_keep *keep);
/* There may be something to reap that was not posted: makes the descriptor readable. As post. */
void completion_wake(attl_queue *q);
/* A number for a submission that nobody can cancel. */
uint64_t completion_new_id(attl_queue *q);

/* Whether it accepts nothing new. */
static inline bool
completion_is_shut(const attl_queue *q)
{
    return atomic_load(&q->use) & COMPLETION_SHUT;
}

static inline struct attl *
completion_cache(const attl_queue *q)
{
    return q->cache;
}

#endif
