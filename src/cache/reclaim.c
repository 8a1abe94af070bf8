/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Epoch based reclamation (Fraser, "Practical lock-freedom", 2004), written here rather than taken
 * from liburcu because the thread sanitizer can follow it, because it needs no thread of its own
 * and so never wakes an idle process, and because collecting is a poll that a writer under memory
 * pressure can do itself (docs/decisions/0003). The registry is process-wide and is the library's
 * one global: a list of readers that only grows, whose members are reused after their threads have
 * ended. Its lock is the last in the order, and advancing only ever tries it.
 */
#include "cache/reclaim.h"

#include "os/barrier.h"

#include <pthread.h>
#include <stdlib.h>

enum { EPOCH_FIRST = 2, EPOCHS_TO_WAIT = 2, COLLECT_ROUNDS = 3 };

struct registry {
    _Atomic uint64_t epoch;
    struct lock lock; /* joining and advancing */
    _Atomic(struct reclaim_reader *) readers;
    uint32_t count;
    bool expedited;
    pthread_key_t key;
    bool ready;
};

static struct registry registry = { .epoch = EPOCH_FIRST };
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;
static _Thread_local struct reclaim_reader *self;

static void
reader_leave(void *reader)
{
    struct reclaim_reader *r = reader;
    atomic_store_explicit(&r->epoch, 0, memory_order_release);
    r->nesting = 0;
    r->claim = NULL;
    self = NULL;
    atomic_store_explicit(&r->in_use, false, memory_order_release);
}

static void
registry_init(void)
{
    registry.expedited = barrier_register();
    registry.ready = pthread_key_create(&registry.key, reader_leave) == 0;
}

static struct reclaim_reader *
registry_join(void)
{
    struct reclaim_reader *r = atomic_load_explicit(&registry.readers, memory_order_acquire);
    for (; r; r = r->next) {
        bool unused = false;
        if (atomic_compare_exchange_strong(&r->in_use, &unused, true)) {
            r->life++;
            return r;
        }
    }
    if (posix_memalign((void **)&r, _Alignof(struct reclaim_reader), sizeof(*r)) != 0)
        return NULL;
    *r = (struct reclaim_reader){ .in_use = true, .fence_needed = !registry.expedited };
    lock_acquire(&registry.lock);
    r->index = registry.count++;
    r->next = atomic_load_explicit(&registry.readers, memory_order_relaxed);
    atomic_store_explicit(&registry.readers, r, memory_order_release);
    lock_release(&registry.lock);
    return r;
}

struct reclaim_reader *
reclaim_self(void)
{
    if (__builtin_expect(self != NULL, 1))
        return self;
    if (pthread_once(&registry_once, registry_init) != 0 || !registry.ready)
        return NULL;
    struct reclaim_reader *r = registry_join();
    if (r && pthread_setspecific(registry.key, r) != 0) {
        atomic_store_explicit(&r->in_use, false, memory_order_release);
        return NULL;
    }
    self = r;
    return r;
}

void
reclaim_announce(struct reclaim_reader *r)
{
    uint64_t epoch = atomic_load_explicit(&registry.epoch, memory_order_relaxed);
    atomic_store_explicit(&r->epoch, epoch, memory_order_release);
    if (r->fence_needed)
        barrier_full();
    else
        atomic_signal_fence(memory_order_seq_cst);
}

bool
reclaim_advance(void)
{
    if (!lock_try(&registry.lock))
        return false; /* somebody else is doing it */
    uint64_t epoch = atomic_load(&registry.epoch);
    barrier_all_threads(registry.expedited);
    bool all_here = true;
    struct reclaim_reader *r = atomic_load_explicit(&registry.readers, memory_order_acquire);
    for (; r && all_here; r = r->next) {
        uint64_t seen = atomic_load_explicit(&r->epoch, memory_order_acquire);
        all_here = seen == 0 || seen == epoch;
    }
    if (all_here)
        atomic_store(&registry.epoch, epoch + 1);
    lock_release(&registry.lock);
    return all_here;
}

void
limbo_init(struct limbo *l, void *ud)
{
    *l = (struct limbo){ .ud = ud };
    l->tail = &l->head;
}

static void
limbo_push(struct limbo *l, struct limbo_node *node)
{
    node->next = NULL;
    *l->tail = node;
    l->tail = &node->next;
    atomic_fetch_add_explicit(&l->count, 1, memory_order_relaxed);
}

void
limbo_retire(struct limbo *l, struct limbo_node *node)
{
    lock_acquire(&l->lock);
    node->epoch = atomic_load(&registry.epoch);
    limbo_push(l, node);
    lock_release(&l->lock);
}

/* Takes the nodes whose time has come off the list. */
static struct limbo_node *
limbo_take_ripe(struct limbo *l)
{
    struct limbo_node *first = NULL;
    struct limbo_node **end = &first;
    uint64_t epoch = atomic_load(&registry.epoch);
    lock_acquire(&l->lock);
    while (l->head && l->head->epoch + EPOCHS_TO_WAIT <= epoch) {
        struct limbo_node *node = l->head;
        l->head = node->next;
        *end = node;
        end = &node->next;
        atomic_fetch_sub_explicit(&l->count, 1, memory_order_relaxed);
    }
    *end = NULL;
    if (!l->head)
        l->tail = &l->head;
    lock_release(&l->lock);
    return first;
}

/* Keeps the node if a snapshot may refer to it. */
static bool
limbo_keep_held(struct limbo *l, struct limbo_node *node)
{
    lock_acquire(&l->lock);
    bool keep = l->holding && node->born < limbo_cut(l);
    if (keep) {
        node->next = l->held;
        l->held = node;
        atomic_fetch_add_explicit(&l->held_units, node->bytes, memory_order_relaxed);
    }
    lock_release(&l->lock);
    return keep;
}

static size_t
limbo_release_ripe(struct limbo *l)
{
    size_t released = 0;
    struct limbo_node *node = limbo_take_ripe(l);
    while (node) {
        struct limbo_node *next = node->next;
        uint64_t unpins = atomic_load(&l->unpins);
        if (limbo_keep_held(l, node)) {
            node = next;
            continue;
        }
        if (node->release(l->ud, node)) {
            released++;
        } else {
            lock_acquire(&l->lock);
            node->next = l->pinned;
            l->pinned = node;
            lock_release(&l->lock);
            if (atomic_load(&l->unpins) != unpins)
                atomic_store(&l->recheck_pinned,
                             true); /* the pin may have ended before the node was there */
        }
        node = next;
    }
    return released;
}

/* Puts nodes that were set apart back into the queue; their epochs have long passed. */
static void
limbo_requeue(struct limbo *l, struct limbo_node **list)
{
    lock_assert_held(&l->lock);
    while (*list) {
        struct limbo_node *node = *list;
        *list = node->next;
        node->next = l->head;
        if (!l->head)
            l->tail = &node->next;
        l->head = node;
        atomic_fetch_add_explicit(&l->count, 1, memory_order_relaxed);
    }
}

static void
limbo_requeue_pinned(struct limbo *l)
{
    lock_acquire(&l->lock);
    limbo_requeue(l, &l->pinned);
    lock_release(&l->lock);
}

void
limbo_hold(struct limbo *l)
{
    lock_acquire(&l->lock);
    ASSERT(!l->holding);
    l->holding = true;
    atomic_fetch_add_explicit(&l->cut, 1, memory_order_relaxed);
    lock_release(&l->lock);
}

void
limbo_unhold(struct limbo *l)
{
    lock_acquire(&l->lock);
    l->holding = false;
    limbo_requeue(l, &l->held);
    atomic_store_explicit(&l->held_units, 0, memory_order_relaxed);
    lock_release(&l->lock);
    atomic_store(&l->urgent, true);
}

void
limbo_unpinned(struct limbo *l)
{
    atomic_fetch_add(&l->unpins, 1);
    atomic_store(&l->recheck_pinned, true);
    atomic_store(&l->urgent, true);
}

size_t
limbo_collect(struct limbo *l)
{
    size_t released = 0;
    if (atomic_load(&l->recheck_pinned) && atomic_exchange(&l->recheck_pinned, false))
        limbo_requeue_pinned(l);
    atomic_store_explicit(&l->urgent, false, memory_order_relaxed);
    for (int round = 0; round < COLLECT_ROUNDS; round++) {
        if (atomic_load_explicit(&l->count, memory_order_relaxed) == 0)
            break;
        released += limbo_release_ripe(l);
        if (round + 1 < COLLECT_ROUNDS && !reclaim_advance())
            break;
    }
    return released;
}

void
limbo_fini(struct limbo *l)
{
    limbo_unhold(l);
    limbo_requeue_pinned(l);
    while (l->head) {
        struct limbo_node *node = l->head;
        l->head = node->next;
        (void)node->release(l->ud,
                            node); /* the owner is being closed: pins cannot matter any more */
    }
    l->tail = &l->head;
}
