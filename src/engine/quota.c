/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting and refusing. A change adds to the sums first and takes it back if a quota is passed, so
 * that no number of threads together gets past one. Which namespace an entry weighs on is found
 * again from its key each time, because eight bytes in every record for a number that a change of
 * the policies makes wrong would cost more than a search of some nanoseconds. Making room is in
 * quota_evict.c.
 */
#include "engine/quota.h"

#include "base/alloc.h"
#include "cache/weigh.h"
#include "engine/engine.h"
#include "engine/quota_queue.h"
#include "engine/store.h"

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool
same_prefixes(const struct namespace_set *a, const struct namespace_set *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        attl_slice x = a->items[i].prefix, y = b->items[i].prefix;
        if (x.len != y.len || memcmp(x.data, y.data, x.len) != 0)
            return false;
    }
    return true;
}

static struct quota_block *
block_new(struct attl *a, uint32_t count)
{
    const attl_allocator *alloc = &a->cache.config.alloc;
    struct quota_block *b = alloc_line(alloc, sizeof(*b) + count * sizeof(b->items[0]));
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->alloc = *alloc;
    b->count = count;
    if (++a->quotas.generation == 0)
        a->quotas.generation++;
    b->generation = a->quotas.generation;
    for (uint32_t i = 0; i < count; i++)
        lock_init(&b->items[i].lock);
    return b;
}

/* What happened so far is not forgotten because a neighbour came or went. */
static void
inherit_counters(const struct namespace_set *old, struct namespace_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct namespace *ns = namespace_match(old, set->items[i].prefix);
        if (!ns || ns->prefix.len != set->items[i].prefix.len)
            continue;
        const struct quota *from = &old->quotas->items[namespace_index(old, ns)];
        atomic_store(&set->quotas->items[i].evicted, atomic_load(&from->evicted));
        atomic_store(&set->quotas->items[i].refused, atomic_load(&from->refused));
    }
}

int
quota_block_choose(struct attl *a, const struct namespace_set *old, struct namespace_set *set)
{
    if (!set->has_quota)
        return ATTL_OK;
    if (old && old->quotas && same_prefixes(old, set)) {
        set->quotas = old->quotas;
        atomic_fetch_add(&set->quotas->refs, 1);
        return ATTL_OK;
    }
    set->quotas = block_new(a, set->count);
    if (!set->quotas)
        return ATTL_E_NOMEM;
    if (old && old->quotas)
        inherit_counters(old, set);
    return ATTL_OK;
}

void
quota_block_drop(struct quota_block *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) > 1)
        return;
    attl_allocator alloc = b->alloc;
    for (uint32_t i = 0; i < b->count; i++)
        quota_queue_clear(&b->items[i], &alloc);
    alloc_free_line(&alloc, b);
}

/* ---- changes --------------------------------------------------------------------------------- */

static bool
passes(const struct namespace *ns, const struct cache_weight *w, int64_t entries, int64_t bytes)
{
    if (w->items > 0 && ns->max_entries && !ns->evicts && (uint64_t)entries > ns->max_entries)
        return true;
    if (w->bytes <= 0 || !ns->max_bytes)
        return false;
    /* What is larger than the quota would only push everything else out, and itself. */
    return (uint64_t)w->bytes > ns->max_bytes || (!ns->evicts && (uint64_t)bytes > ns->max_bytes);
}

/* Adds to the sums; false, with nothing added, if that passes a quota that refuses. */
static bool
add(const struct namespace *ns, struct quota_block *b, struct quota *q,
    const struct cache_weight *w)
{
    int64_t entries = atomic_fetch_add_explicit(&q->entries, w->items, memory_order_relaxed);
    int64_t bytes = atomic_fetch_add_explicit(&q->bytes, w->bytes, memory_order_relaxed);
    if (w->may_refuse && passes(ns, w, entries + w->items, bytes + w->bytes)) {
        atomic_fetch_sub_explicit(&q->entries, w->items, memory_order_relaxed);
        atomic_fetch_sub_explicit(&q->bytes, w->bytes, memory_order_relaxed);
        return false;
    }
    if (w->items > 0 && ns->evicts && (ns->max_entries || ns->max_bytes))
        quota_queue_push(q, &b->alloc, w->hash);
    return true;
}

static bool
add_to_set(const struct namespace_set *set, const struct cache_weight *w)
{
    const struct namespace *ns = namespace_match(set, w->key);
    return !ns || add(ns, set->quotas, &set->quotas->items[namespace_index(set, ns)], w);
}

bool
quota_weigh(void *ud, const struct cache_weight *w)
{
    struct attl *a = ud;
    struct reclaim_reader *r = reclaim_self();
    ASSERT(r); /* whoever changes something has one */
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    /* A partition of another generation is counted later, with this change in it. */
    bool mine = set && set->quotas && set->quotas->generation == w->partition->tally;
    bool fine = !mine || add_to_set(set, w);
    reclaim_exit(r);
    return fine;
}

void
quota_cleared(struct attl *a)
{
    const struct namespace_set *set = atomic_load(&a->namespaces);
    struct reclaim_reader *r = reclaim_self();
    if (!set || !r)
        return;
    reclaim_enter(r);
    set = atomic_load(&a->namespaces);
    for (uint32_t i = 0; set && set->quotas && i < set->count; i++) {
        struct quota *q = &set->quotas->items[i];
        atomic_store(&q->entries, 0);
        atomic_store(&q->bytes, 0);
        quota_queue_clear(q, &set->quotas->alloc);
    }
    reclaim_exit(r);
}

bool
quota_same(struct attl *a, attl_slice x, attl_slice y)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r || !atomic_load_explicit(&a->namespaces, memory_order_relaxed))
        return true;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    bool same = !set || namespace_match(set, x) == namespace_match(set, y);
    reclaim_exit(r);
    return same;
}

bool
quota_sums_get(struct attl *a, attl_slice prefix, struct quota_sums *ret_sums)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r)
        return false;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set && set->quotas ? namespace_match(set, prefix) : NULL;
    bool found = ns && ns->prefix.len == prefix.len;
    if (found) {
        const struct quota *q = &set->quotas->items[namespace_index(set, ns)];
        *ret_sums = (struct quota_sums){ .counted = !atomic_load(&a->quotas.counting),
                                         .entries = atomic_load(&q->entries),
                                         .bytes = atomic_load(&q->bytes),
                                         .evicted = atomic_load(&q->evicted),
                                         .refused = atomic_load(&q->refused) };
    }
    reclaim_exit(r);
    return found;
}

/* ---- counting what is there ------------------------------------------------------------------ */

static bool
count_entry(void *ud, const struct cache_weight *w)
{
    (void)add_to_set(ud, w); /* not refused: what is there, is there */
    return true;
}

/* Counts one partition for the set in force. tick_lock is held, or nobody else is there. */
static void
count_partition(struct attl *a, unsigned i)
{
    struct reclaim_reader *r = reclaim_self();
    ASSERT(r);
    reclaim_enter(r);
    struct namespace_set *set = atomic_load(&a->namespaces);
    uint32_t generation = set && set->quotas ? set->quotas->generation : 0;
    if (a->cache.partitions[i].tally != generation) /* nobody else writes it */
        weigh_partition(&a->cache, i, generation, generation ? count_entry : NULL, set);
    reclaim_exit(r);
}

void
quota_begin(struct attl *a)
{
    if (store_is_loading(a->store))
        return;
    while (atomic_load(&a->quotas.counting))
        (void)quota_maintain(a, engine_now_ms(a));
}

void
quota_changed(struct attl *a)
{
    struct namespace_set *set = atomic_load(&a->namespaces);
    struct quota_state *q = &a->quotas;
    uint32_t wanted = set && set->quotas ? set->quotas->generation : 0;
    lock_acquire(&q->lock);
    if (wanted != q->wanted) {
        q->next = 0;
        atomic_store(&q->counting, true);
    }
    q->wanted = wanted;
    atomic_store(&q->active, wanted != 0);
    atomic_store(&q->lowered, wanted != 0);
    lock_release(&q->lock);
}

/* The next partition to count, or the end of it. */
static bool
next_partition(struct attl *a, uint32_t *ret_next)
{
    struct quota_state *q = &a->quotas;
    lock_acquire(&q->lock);
    *ret_next = q->next++;
    bool any = *ret_next < 1u << a->cache.partition_bits;
    if (!any) {
        atomic_store(&q->counting, false);
        atomic_store(&q->lowered, true); /* what is too much is known only now */
    }
    lock_release(&q->lock);
    return any;
}

bool
quota_maintain(struct attl *a, int64_t now_ms)
{
    uint32_t next;
    if (__builtin_expect(atomic_load(&a->quotas.counting), 0)) {
        if (next_partition(a, &next))
            count_partition(a, next);
        return true;
    }
    if (__builtin_expect(!atomic_load(&a->quotas.lowered), 1))
        return false;
    if (quota_relieve_some(a, now_ms))
        return true;
    atomic_store(&a->quotas.lowered, false);
    return false;
}

void
quota_note_refused(struct attl *a, attl_slice key)
{
    struct reclaim_reader *r = reclaim_self();
    if (!r)
        return;
    reclaim_enter(r);
    const struct namespace_set *set = atomic_load(&a->namespaces);
    const struct namespace *ns = set && set->quotas ? namespace_match(set, key) : NULL;
    if (ns)
        atomic_fetch_add_explicit(&set->quotas->items[namespace_index(set, ns)].refused, 1,
                                  memory_order_relaxed);
    reclaim_exit(r);
}
