/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large values. Page granularity wastes at most half a page on average, 6 % of the smallest extent
 * and nothing to speak of above. A reader takes its reference inside an epoch in which the index
 * still held one, so a plain increment is enough: the index' own reference is dropped two epochs
 * later.
 */
#include "cache/extent.h"

#include "os/mem.h"

enum {
    EXTENT_PAGE_BYTES = 4096,
    EXTENT_POOL_MAX_BYTES = LIMIT_ARENA_BYTES / 2,
    EXTENT_URGENT_BYTES = 64 << 10
};

void
extent_store_init(struct extent_store *s, struct arena_pool *pool)
{
    *s = (struct extent_store){ .pool = pool };
}

uint64_t
extent_bytes(uint64_t len)
{
    return (sizeof(struct extent) + len + EXTENT_PAGE_BYTES - 1) &
           ~(uint64_t)(EXTENT_PAGE_BYTES - 1);
}

struct extent *
extent_new(struct extent_store *s, uint64_t len)
{
    uint64_t bytes = extent_bytes(len);
    bool pooled = bytes <= EXTENT_POOL_MAX_BYTES;
    struct extent *e = pooled ? arena_pool_alloc(s->pool, bytes) : os_mem_map(bytes);
    if (!e && !pooled)
        atomic_fetch_add_explicit(&s->pool->region->refused, 1, memory_order_relaxed);
    if (!e)
        return NULL;
    e->store = s;
    e->len = len;
    e->limbo.born = 0; /* older than any cut, unless its user knows better */
    e->bytes = bytes;
    atomic_store_explicit(&e->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&e->owners, 1, memory_order_relaxed);
    if (!pooled)
        atomic_fetch_add_explicit(&s->pool->region->touched_bytes, bytes, memory_order_relaxed);
    if (!pooled)
        atomic_fetch_add_explicit(&s->mapped_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->used_bytes, bytes, memory_order_relaxed);
    return e;
}

void
extent_hold(struct extent *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void
extent_share(struct extent *e)
{
    atomic_fetch_add_explicit(&e->owners, 1, memory_order_relaxed);
}

static void
extent_free(struct extent *e)
{
    struct extent_store *s = e->store;
    uint64_t bytes = e->bytes;
    atomic_fetch_sub_explicit(&s->used_bytes, bytes, memory_order_relaxed);
    if (bytes <= EXTENT_POOL_MAX_BYTES) {
        arena_pool_free(s->pool, e, bytes);
        return;
    }
    atomic_fetch_sub_explicit(&s->pool->region->touched_bytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&s->mapped_bytes, bytes, memory_order_relaxed);
    os_mem_unmap(e, bytes);
}

void
extent_drop(struct extent *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        extent_free(e);
}

void
extent_disown(struct extent *e)
{
    if (atomic_fetch_sub_explicit(&e->owners, 1, memory_order_acq_rel) == 1)
        extent_drop(e);
}

static bool
extent_release(void *ud, struct limbo_node *node)
{
    (void)ud;
    extent_drop((struct extent *)((char *)node - offsetof(struct extent, limbo)));
    return true;
}

void
extent_retire(struct extent *e, struct limbo *limbo)
{
    if (atomic_fetch_sub_explicit(&e->owners, 1, memory_order_acq_rel) != 1)
        return; /* another record still refers to it */
    bool urgent = e->bytes >= EXTENT_URGENT_BYTES;
    e->limbo.release = extent_release;
    e->limbo.bytes = (uint32_t)(e->bytes / LIMBO_UNIT_BYTES);
    limbo_retire(limbo, &e->limbo); /* from here on it may be gone */
    if (urgent)
        atomic_store_explicit(&limbo->urgent, true, memory_order_relaxed);
}
