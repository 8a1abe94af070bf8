/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunk descriptors and lists of them. Descriptors are recycled through a free list and never
 * returned before the cache closes, so that a stale descriptor pointer is always a descriptor.
 * Lists are intrusive: a chunk is in at most one list per link kind.
 */
#include "cache/chunk.h"

enum { BLOCK_CHUNKS = 64 };

struct block {
    struct block *next;
    struct chunk chunks[BLOCK_CHUNKS];
};

void
chunk_store_init(struct chunk_store *s, struct arena_pool *pool, const attl_allocator *alloc)
{
    *s = (struct chunk_store){ .pool = pool, .alloc = alloc };
    lock_init(&s->lock);
}

void
chunk_store_fini(struct chunk_store *s)
{
    struct block *b = s->blocks;
    while (b) {
        struct block *next = b->next;
        alloc_free(s->alloc, b);
        b = next;
    }
    s->blocks = NULL;
}

static bool
store_grow(struct chunk_store *s)
{
    struct block *b = alloc_zero(s->alloc, sizeof(*b));
    if (!b)
        return false;
    b->next = s->blocks;
    s->blocks = b;
    for (size_t i = 0; i < BLOCK_CHUNKS; i++) {
        b->chunks[i].free_next = s->free;
        s->free = &b->chunks[i];
    }
    return true;
}

static struct chunk *
descriptor_take(struct chunk_store *s)
{
    lock_acquire(&s->lock);
    struct chunk *c = NULL;
    if (s->free || store_grow(s)) {
        c = s->free;
        s->free = c->free_next;
    }
    lock_release(&s->lock);
    return c;
}

static void
descriptor_give(struct chunk_store *s, struct chunk *c)
{
    lock_acquire(&s->lock);
    c->state = CHUNK_FREE;
    c->free_next = s->free;
    s->free = c;
    lock_release(&s->lock);
}

struct chunk *
chunk_new(struct chunk_store *s, uint32_t bytes)
{
    ASSERT(bytes >= ARENA_PAGE_BYTES && bytes <= LIMIT_CHUNK_MAX_BYTES);
    struct chunk *c = descriptor_take(s);
    if (!c)
        return NULL;
    c->data = arena_pool_alloc(s->pool, bytes);
    if (!c->data) {
        descriptor_give(s, c);
        return NULL;
    }
    ASSERT(c->state == CHUNK_FREE);
    c->bytes = bytes;
    c->used = 0;
    c->drain_offset = 0;
    atomic_store_explicit(&c->live_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&c->live_items, 0, memory_order_relaxed);
    c->state = CHUNK_OPEN;
    c->link[0] = c->link[1] = (struct chunk_link){ NULL, NULL };
    arena_pool_map_chunk(s->pool, c->data, bytes, c);
    return c;
}

void
chunk_free(struct chunk_store *s, struct chunk *c)
{
    ASSERT(c->state == CHUNK_RETIRED);
    ASSERT(atomic_load(&c->live_items) == 0);
    arena_pool_free(s->pool, c->data, c->bytes);
    c->data = NULL;
    descriptor_give(s, c);
}

void
chunk_list_append(struct chunk_list *l, struct chunk *c, enum chunk_link_kind kind)
{
    c->link[kind] = (struct chunk_link){ .prev = l->last, .next = NULL };
    if (l->last)
        l->last->link[kind].next = c;
    else
        l->first = c;
    l->last = c;
}

void
chunk_list_remove(struct chunk_list *l, struct chunk *c, enum chunk_link_kind kind)
{
    struct chunk_link *link = &c->link[kind];
    if (link->prev)
        link->prev->link[kind].next = link->next;
    else
        l->first = link->next;
    if (link->next)
        link->next->link[kind].prev = link->prev;
    else
        l->last = link->prev;
    *link = (struct chunk_link){ NULL, NULL };
}
