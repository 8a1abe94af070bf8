/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring has no test for being full: positions are handed out by one addition, and the places
 * that were reserved before say that the slot behind is free. A slot counts once its turn is
 * stored; the reaper stops at the first that is not, so completions come in the order in which
 * they took their positions.
 *
 * Exactly one of "armed" and "raised" holds: at first it is armed; a post that finds it armed
 * disarms and raises; a reap that finds nothing lowers, arms and then looks once more. A post
 * stores its turn before it looks at `armed`, the reaper arms before it looks at the turn, with a
 * full barrier in between on both sides, so one of them sees the other.
 */
#include "engine/completion.h"

#include "base/alloc.h"
#include "engine/engine.h"
#include "engine/feed.h"
#include "engine/submission.h"
#include "engine/value.h"
#include "os/barrier.h"

enum { REAP_BATCH = 256 }; /* places given back at once: submitters need not wait for all */

/* ---- places and references ------------------------------------------------------------------- */

static uint64_t
places_of(uint64_t use)
{
    return use & UINT32_MAX;
}

static uint64_t
refs_of(uint64_t use)
{
    return (use & ~COMPLETION_SHUT) >> 32;
}

int
completion_reserve(attl_queue *q)
{
    uint64_t use = atomic_load_explicit(&q->use, memory_order_relaxed);
    do {
        if (__builtin_expect((use & COMPLETION_SHUT) != 0, 0))
            return ATTL_E_CLOSED;
        if (places_of(use) >= q->capacity)
            return ATTL_E_BUSY;
    } while (!atomic_compare_exchange_weak_explicit(&q->use, &use,
                                                    use + COMPLETION_REF + COMPLETION_PLACE,
                                                    memory_order_acquire, memory_order_relaxed));
    return ATTL_OK;
}

static void queue_free(attl_queue *q);

static void
drop(attl_queue *q, uint64_t what)
{
    uint64_t use = atomic_fetch_sub_explicit(&q->use, what, memory_order_acq_rel) - what;
    if (__builtin_expect(refs_of(use) == 0, 0))
        queue_free(q);
}

void
completion_wake(attl_queue *q)
{
    barrier_full();
    if (atomic_load_explicit(&q->armed, memory_order_relaxed) && atomic_exchange(&q->armed, false))
        wakeup_raise(&q->wakeup);
}

void
completion_unreserve(attl_queue *q)
{
    uint64_t was = atomic_fetch_sub(&q->use, COMPLETION_PLACE);
    if (was & COMPLETION_SHUT) /* it may have been the last that somebody waits for */
        completion_wake(q);
    drop(q, COMPLETION_REF);
}

uint64_t
completion_new_id(attl_queue *q)
{
    return atomic_fetch_add_explicit(&q->last_id, 1, memory_order_relaxed) + 1;
}

/* ---- posting --------------------------------------------------------------------------------- */

void
completion_post_keeping(attl_queue *q, const attl_completion *c, struct completion_keep *keep)
{
    uint64_t position = atomic_fetch_add_explicit(&q->tail, 1, memory_order_acq_rel);
    struct completion_slot *slot = &q->slots[position & q->mask];
    slot->c = *c;
    value_move(&slot->c.value, &c->value);
    slot->c.struct_size = sizeof(slot->c);
    slot->keep = keep;
    atomic_store_explicit(&slot->turn, position + 1, memory_order_release);
    completion_wake(q);
    drop(q, COMPLETION_REF);
}

void
completion_post(attl_queue *q, const attl_completion *c)
{
    completion_post_keeping(q, c, NULL);
}

/* ---- reaping --------------------------------------------------------------------------------- */

static struct completion_slot *
first_filled(attl_queue *q)
{
    struct completion_slot *slot = &q->slots[q->head & q->mask];
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
    return turn == q->head + 1 ? slot : NULL;
}

static void
free_keeps(attl_queue *q)
{
    while (q->keeps) {
        struct completion_keep *keep = q->keeps;
        q->keeps = keep->next;
        alloc_free(&q->alloc, keep);
    }
}

static size_t
take(attl_queue *q, attl_completion *out, size_t max)
{
    size_t n = 0, given_back = 0;
    for (struct completion_slot *slot; n < max && (slot = first_filled(q)); n++, q->head++) {
        out[n] = slot->c;
        value_move(&out[n].value, &slot->c.value);
        if (slot->keep) {
            slot->keep->next = q->keeps;
            q->keeps = slot->keep;
        }
        if (n - given_back == REAP_BATCH) {
            drop(q, REAP_BATCH * COMPLETION_PLACE);
            given_back = n;
        }
    }
    if (n > given_back)
        drop(q, (n - given_back) * COMPLETION_PLACE);
    return n;
}

static struct feed *
feed_of(const attl_queue *q)
{
    return atomic_load_explicit(&q->feed, memory_order_acquire);
}

/* Completions and events, in turns first, so that neither keeps the other waiting for ever. */
static size_t
take_both(attl_queue *q, attl_completion *out, size_t max)
{
    struct feed *f = feed_of(q);
    if (!f)
        return take(q, out, max);
    size_t n = 0;
    q->events_first = !q->events_first;
    if (q->events_first) {
        n = feed_take(f, out, max);
        return n + take(q, out + n, max - n);
    }
    n = take(q, out, max);
    return n + feed_take(f, out + n, max - n);
}

static bool
has_some(attl_queue *q)
{
    struct feed *f = feed_of(q);
    return first_filled(q) || (f && feed_has_some(f));
}

/* Lowers the descriptor and arms, unless something came in meanwhile. */
static bool
rests(attl_queue *q)
{
    if (!atomic_load(&q->armed)) {
        wakeup_lower(&q->wakeup);
        atomic_store(&q->armed, true);
        barrier_full();
    }
    if (!has_some(q))
        return true;
    completion_wake(q);
    return false;
}

size_t
completion_reap(attl_queue *q, attl_completion *out, size_t max)
{
    if (max == 0)
        return 0;
    lock_acquire(&q->reap_lock);
    free_keeps(q);
    size_t n = take_both(q, out, max);
    if (n == 0 && !rests(q))
        n = take_both(q, out, max);
    lock_release(&q->reap_lock);
    return n;
}

/* ATTL_E_BUSY: wait. */
static int
look(attl_queue *q)
{
    int status = ATTL_OK;
    lock_acquire(&q->reap_lock);
    if (rests(q))
        status = ATTL_E_BUSY;
    uint64_t use = atomic_load(&q->use);
    if (status == ATTL_E_BUSY && (use & COMPLETION_SHUT) && places_of(use) == 0)
        status = ATTL_E_CLOSED;
    lock_release(&q->reap_lock);
    return status;
}

int
completion_wait(attl_queue *q, int64_t timeout_ms)
{
    int64_t end_ns = clock_mono_ns() + (timeout_ms > 0 ? timeout_ms * 1000000 : 0);
    for (;;) {
        int status = look(q);
        if (status != ATTL_E_BUSY)
            return status;
        int64_t left_ms = -1;
        if (timeout_ms >= 0) {
            int64_t left_ns = end_ns - clock_mono_ns();
            if (left_ns <= 0)
                return ATTL_E_TIMEOUT;
            left_ms = left_ns / 1000000 + 1;
        }
        wakeup_wait(&q->wakeup, left_ms);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

void
queue_list_init(struct queue_list *l)
{
    lock_init(&l->lock);
    l->first = NULL;
}

/* Nobody uses it any more. */
static void
queue_free(attl_queue *q)
{
    for (struct completion_slot *slot; q->slots && (slot = first_filled(q)); q->head++) {
        value_release(q->cache, &slot->c.value);
        alloc_free(&q->alloc, slot->keep);
    }
    free_keeps(q);
    wakeup_close(&q->wakeup);
    alloc_free(&q->alloc, q->slots);
    alloc_free(&q->alloc, q->open);
    alloc_free(&q->alloc, q->free_slots);
    feed_free(feed_of(q));
    attl_allocator alloc = q->alloc;
    alloc_free_line(&alloc, q);
}

static int
queue_fill(attl_queue *q, uint32_t capacity)
{
    uint64_t size = 1;
    while (size < capacity)
        size *= 2;
    q->capacity = capacity;
    q->mask = size - 1;
    q->slots = alloc_zero(&q->alloc, size * sizeof(*q->slots));
    q->open = alloc_zero(&q->alloc, capacity * sizeof(struct submission *));
    q->free_slots = alloc_zero(&q->alloc, capacity * sizeof(*q->free_slots));
    if (!q->slots || !q->open || !q->free_slots)
        return ATTL_E_NOMEM;
    for (uint32_t i = 0; i < capacity; i++)
        q->free_slots[i] = capacity - 1 - i; /* a stack: the first that is taken is 0 */
    q->free_len = capacity;
    return wakeup_open(&q->wakeup) ? ATTL_OK : ATTL_E_BUSY;
}

int
completion_queue_open(struct attl *a, uint32_t capacity, attl_queue **ret_queue)
{
    if (capacity == 0 || capacity > LIMIT_QUEUE_PLACES)
        return ATTL_E_INVALID;
    attl_queue *q = alloc_line(&a->cache.config.alloc, sizeof(*q));
    if (!q)
        return ATTL_E_NOMEM;
    *q = (attl_queue){ .alloc = a->cache.config.alloc, .cache = a, .wakeup = { -1 } };
    lock_init(&q->reap_lock);
    lock_init(&q->open_lock);
    atomic_init(&q->use, COMPLETION_REF);
    atomic_init(&q->armed, true);
    int status = queue_fill(q, capacity);
    if (status != ATTL_OK) {
        queue_free(q);
        return status;
    }
    struct queue_list *l = &a->queues;
    lock_acquire(&l->lock);
    q->next = l->first;
    if (q->next)
        q->next->prev = q;
    l->first = q;
    lock_release(&l->lock);
    *ret_queue = q;
    return ATTL_OK;
}

void
completion_queue_shutdown(attl_queue *q)
{
    (void)atomic_fetch_or(&q->use, COMPLETION_SHUT);
    submission_abandon_all(q, false);
    feed_stop(q);
    completion_wake(q); /* whoever waits looks whether anything can still come */
}

static void
leave_list(attl_queue *q)
{
    struct queue_list *l = &q->cache->queues;
    lock_acquire(&l->lock);
    *(q->prev ? &q->prev->next : &l->first) = q->next;
    if (q->next)
        q->next->prev = q->prev;
    lock_release(&l->lock);
}

void
completion_queue_close(attl_queue *q)
{
    (void)atomic_fetch_or(&q->use, COMPLETION_SHUT);
    if (q->cache) {
        submission_abandon_all(q, true);
        feed_stop(q);
        leave_list(q);
    }
    drop(q, COMPLETION_REF);
}

/* What only the cache can release is released now, and its completion says so. */
static void
let_go_of_values(attl_queue *q)
{
    lock_acquire(&q->reap_lock);
    for (uint64_t i = q->head;; i++) {
        struct completion_slot *slot = &q->slots[i & q->mask];
        if (atomic_load_explicit(&slot->turn, memory_order_acquire) != i + 1)
            break;
        if (!value_is_pinned(&slot->c.value))
            continue;
        value_release(q->cache, &slot->c.value);
        slot->c.status = ATTL_E_CLOSED;
    }
    q->cache = NULL;
    lock_release(&q->reap_lock);
}

void
queue_list_close(struct attl *a)
{
    while (a->queues.first) {
        attl_queue *q = a->queues.first;
        (void)atomic_fetch_or(&q->use, COMPLETION_SHUT);
        submission_abandon_all(q, true);
        feed_stop(q);
        leave_list(q);
        q->next = q->prev = NULL;
        let_go_of_values(q);
        completion_wake(q);
    }
}
