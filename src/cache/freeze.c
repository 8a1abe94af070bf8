/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying a table before its first change after the cut, walking tables, letting go. The walker
 * holds a partition's lock only to fetch its table: a table that is shared is changed by nobody,
 * and one that has been replaced belongs to the walker alone. Readers keep using either, because
 * they check the partition's reference after use. Rejected: copying pages of 64 buckets as CORE.md
 * sketches; a whole table of a few thousand entries is 10 to 60 KiB, costs a few microseconds once,
 * and needs no bookkeeping per page.
 */
#include "cache/freeze.h"

enum { WALK_BATCH = 32 };

/* ---- clearing -------------------------------------------------------------------------------- */

static uint32_t
table_places(const struct table *t)
{
    return (t->home_count + 1 + t->stash_count) * BUCKET_SLOTS;
}

static uint64_t
place_address(struct table *t, uint32_t i)
{
    return index_address((struct index_pos){ &t->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS });
}

/* Counts the records of a table that a clear took out as dead. */
static void
finish_clear(struct cache *c, struct partition *p)
{
    struct table *t = p->detached;
    p->detached = NULL;
    p->flags &= (uint8_t)~PARTITION_CLEARED;
    uint32_t places = table_places(t);
    for (uint32_t i = 0; i < places; i++) {
        uint64_t address = place_address(t, i);
        if (!address)
            continue;
        struct record *r = region_pointer(&c->region, address);
        struct record_shape shape = record_shape(r);
        if (shape.flags & RECORD_EXTENT) {
            struct extent_ref ref;
            memcpy(&ref, record_value(r, &shape).data, sizeof(ref));
            extent_retire(ref.extent, &c->limbo);
        }
        shard_record_died(region_chunk(&c->region, address), c, shape.bytes);
    }
    if (p->frozen != t)
        index_table_retire(t, &c->limbo);
}

/* Under all locks, so that one moment separates what is cleared from what comes later. */
static void
detach(struct cache *c, struct partition *p)
{
    struct table *t = partition_table(p);
    if (!t)
        return;
    ASSERT(!p->detached); /* one clear at a time, and each finishes what it began */
    struct shard *owner = cache_shard(c, p);
    atomic_fetch_sub_explicit(&owner->items, p->items, memory_order_relaxed);
    atomic_fetch_sub_explicit(&owner->ttl_items, p->ttl_items, memory_order_relaxed);
    p->items = p->ttl_items = p->live_bytes = 0;
    partition_table_set(p, NULL);
    p->detached = t;
    p->flags |= PARTITION_CLEARED;
    if (!(p->flags & PARTITION_SHARED))
        return;
    p->frozen = t;
    p->flags &= (uint8_t)~PARTITION_SHARED;
    atomic_fetch_add_explicit(&c->frozen_bytes, t->bytes, memory_order_relaxed);
}

void
cache_clear(struct cache *c, void (*at)(void *ud), void *ud)
{
    size_t count = (size_t)1 << c->partition_bits;
    lock_acquire(&c->clear_lock);
    cache_lock_all(c);
    for (size_t i = 0; i < count; i++)
        detach(c, &c->partitions[i]);
    if (at)
        at(ud);
    cache_unlock_all(c);
    for (size_t i = 0; i < count; i++) {
        struct partition *p = &c->partitions[i];
        lock_acquire(&p->lock);
        if (p->flags & PARTITION_CLEARED)
            finish_clear(c, p);
        lock_release(&p->lock);
    }
    lock_release(&c->clear_lock);
    (void)limbo_collect(&c->limbo);
}

void
cache_clear_claimed(struct cache *c, void (*at)(void *ud), void *ud)
{
    size_t count = (size_t)1 << c->partition_bits;
    for (size_t i = 0; i < count; i++)
        detach(c, &c->partitions[i]);
    at(ud);
    for (size_t i = 0; i < count; i++)
        if (c->partitions[i].flags & PARTITION_CLEARED)
            finish_clear(c, &c->partitions[i]);
}

/* ---- changing -------------------------------------------------------------------------------- */

bool
freeze_prepare(struct cache *c, struct partition *p)
{
    lock_assert_held(&p->lock);
    if (p->flags & PARTITION_CLEARED)
        finish_clear(c, p);
    if (!(p->flags & PARTITION_SHARED))
        return true;
    struct table *old = partition_table(p);
    if (old) {
        struct table *copy = index_table_copy(&c->table_pool, old);
        if (!copy)
            return false;
        partition_table_set(p, copy);
        p->frozen = old;
        atomic_fetch_add_explicit(&c->frozen_bytes, old->bytes, memory_order_relaxed);
        atomic_fetch_add_explicit(&c->copied_bytes, old->bytes, memory_order_relaxed);
    }
    p->flags &= (uint8_t)~PARTITION_SHARED;
    return true;
}

/* ---- the snapshot ---------------------------------------------------------------------------- */

void
freeze_begin(struct cache *c, void (*at)(void *ud), void *ud)
{
    cache_lock_all(c);
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++) {
        struct partition *p = &c->partitions[i];
        ASSERT(!(p->flags & PARTITION_FROZEN) && !p->frozen);
        p->flags |= PARTITION_FROZEN;
        if (partition_table(p))
            p->flags |= PARTITION_SHARED;
    }
    limbo_hold(&c->limbo);
    if (at)
        at(ud);
    cache_unlock_all(c);
}

static void
let_go(struct cache *c, struct partition *p)
{
    lock_acquire(&p->lock);
    struct table *t = p->frozen;
    p->frozen = NULL;
    p->flags &= (uint8_t) ~(PARTITION_SHARED | PARTITION_FROZEN);
    if (t) {
        atomic_fetch_sub_explicit(&c->frozen_bytes, t->bytes, memory_order_relaxed);
        if (t != p->detached) /* finish_clear() needs it for a moment longer */
            index_table_retire(t, &c->limbo);
    }
    lock_release(&p->lock);
}

static bool
visit(const struct record *r, int64_t now_ms, freeze_fn fn, void *ud)
{
    struct record_shape shape = record_shape(r);
    struct freeze_entry e = { .key = record_key(r, &shape),
                              .value = record_value(r, &shape),
                              .deadline_ms = record_deadline(r, &shape, now_ms),
                              .is_integer = (shape.flags & RECORD_INTEGER) != 0,
                              .has_life = (shape.flags & RECORD_LIFE) != 0 };
    if (e.deadline_ms != ATTL_NO_DEADLINE && e.deadline_ms <= now_ms)
        return true;
    if (e.has_life)
        e.life = record_life(r, &shape);
    if (shape.flags & RECORD_EXTENT) {
        struct extent_ref ref;
        memcpy(&ref, e.value.data, sizeof(ref));
        e.value = attl_b(ref.extent->data, ref.len);
    }
    return fn(ud, &e);
}

/* Records lie anywhere: a batch of them is fetched at once. */
static bool
walk_table(struct cache *c, struct table *t, int64_t now_ms, freeze_fn fn, void *ud)
{
    const struct record *batch[WALK_BATCH];
    uint32_t places = table_places(t);
    for (uint32_t i = 0; i < places;) {
        unsigned n = 0;
        for (; i < places && n < WALK_BATCH; i++) {
            uint64_t address = place_address(t, i);
            if (!address)
                continue;
            batch[n] = region_pointer(&c->region, address);
            __builtin_prefetch(batch[n]);
            __builtin_prefetch((const char *)batch[n] + 64);
            n++;
        }
        for (unsigned j = 0; j < n; j++)
            if (!visit(batch[j], now_ms, fn, ud))
                return false;
    }
    return true;
}

/* The table to walk. NULL: what a partition without one at the cut holds now has come later. */
static struct table *
table_of_cut(struct partition *p)
{
    lock_acquire(&p->lock);
    if (!(p->flags & PARTITION_FROZEN)) /* no cut, or it was given up: now counts */
        p->flags |= PARTITION_FROZEN | (partition_table(p) ? PARTITION_SHARED : 0);
    struct table *t = p->flags & PARTITION_SHARED ? partition_table(p) : p->frozen;
    lock_release(&p->lock);
    return t;
}

bool
freeze_walk(struct cache *c, unsigned i, int64_t now_ms, freeze_fn fn, void *ud)
{
    struct partition *p = &c->partitions[i];
    struct reclaim_reader *self = reclaim_self();
    if (!self)
        return false;
    /* Records that die while a partition is walked without a cut are not held: the epoch does. */
    reclaim_enter(self);
    struct table *t = table_of_cut(p);
    bool whole = !t || walk_table(c, t, now_ms, fn, ud);
    let_go(c, p);
    reclaim_exit(self);
    return whole;
}

void
freeze_relax(struct cache *c)
{
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++)
        let_go(c, &c->partitions[i]);
    limbo_unhold(&c->limbo);
    (void)limbo_collect(&c->limbo);
}

void
freeze_end(struct cache *c)
{
    freeze_relax(c);
}

uint64_t
freeze_kept_bytes(const struct cache *c)
{
    return limbo_held_bytes(&c->limbo) +
           atomic_load_explicit(&c->frozen_bytes, memory_order_relaxed);
}
