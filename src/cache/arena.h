/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a cache. A region is a reserved range of addresses; it is committed arena by arena (2
 * MiB, one huge page). A pool cuts its arenas into granules and hands out runs of them: one pool
 * for chunks, one for index tables, one for large values, so that short and long lives do not mix.
 * Every byte is accounted for: used by callers, or free inside a committed arena.
 */
#ifndef ATTL_CACHE_ARENA_H
#define ATTL_CACHE_ARENA_H

#include "base/alloc.h"
#include "base/limits.h"
#include "os/lock.h"

#include <stddef.h>

struct chunk;

enum {
    ARENA_WORDS = 32, /* of the free map: at most 2048 granules */
    ARENA_CLASSES = 12,
    ARENA_PAGE_BYTES = LIMIT_CHUNK_MIN_BYTES,
    ARENA_PAGES = LIMIT_ARENA_BYTES / ARENA_PAGE_BYTES,
};

struct arena {
    struct arena *prev, *next; /* in the pool's list of its class */
    uint32_t index;            /* in the region */
    uint16_t free_granules;
    int8_t class;                      /* floor(log2(largest free run)), -1: in no list */
    uint64_t free_map[ARENA_WORDS];    /* bit set: free */
    uint64_t touched_map[ARENA_WORDS]; /* bit set: handed out once, so the system may have given
                                          memory for it */
    struct chunk *chunk_of[];          /* chunk pool only: by 4 KiB page */
};

struct region {
    const attl_allocator *alloc;
    char *base;
    uint32_t arena_max;
    bool huge;
    struct lock lock;
    struct arena **arenas; /* by index */
    uint32_t next_index;
    uint32_t *free_indices; /* stack of given-back indices */
    uint32_t free_count;
    _Atomic uint64_t committed_bytes;
    _Atomic uint64_t refused; /* times the system had no memory */
    /* What the system has given, at most: what is used, and what is free but was used before. Above
     * the maximum (UINT64_MAX: none) what is freed is given back at once, though its arena stays.
     */
    _Atomic uint64_t touched_bytes, touched_max;
    _Atomic int64_t commits_until_failure; /* fault tests: < 0 never */
};

struct arena_pool {
    struct region *region;
    struct lock lock;
    uint32_t granule_bytes;
    bool maps_chunks;
    struct arena *by_class[ARENA_CLASSES];
    uint32_t arenas, empty_arenas;
    struct arena *emptying;          /* takes no allocations: its chunks are being moved away */
    _Atomic uint32_t emptying_index; /* of it, for those without the lock; UINT32_MAX: none */
    _Atomic uint64_t used_bytes;
};

/* Reserves up to `want_bytes` (less if refused). False if not even a small range is to be had. */
bool region_init(struct region *r, const attl_allocator *alloc, size_t want_bytes, bool huge);
void region_fini(struct region *r);

void arena_pool_init(struct arena_pool *p, struct region *r, uint32_t granule_bytes,
                     bool maps_chunks);
/* A run of at least `bytes` (rounded up to granules), uninitialised, or NULL. */
void *arena_pool_alloc(struct arena_pool *p, size_t bytes);
void arena_pool_free(struct arena_pool *p, void *at, size_t bytes);
/* Gives up to `max_arenas` empty arenas beyond `keep` back to the system; returns the bytes. */
size_t arena_pool_trim(struct arena_pool *p, uint32_t keep, uint32_t max_arenas);
/* Gives the memory of free granules back, arena by arena, up to `max_runs` of them; returns the
 * bytes. For when memory is short: whoever gets those granules next pays for the pages anew. */
size_t arena_pool_discard(struct arena_pool *p, unsigned max_runs);
/*
 * If more than a quarter of the pool lies free in pieces, chooses its emptiest arena to be emptied,
 * so that it can be given back. True while there is one: move what arena_pool_is_emptying() says.
 */
bool arena_pool_defragment(struct arena_pool *p);
/* Whether that would find something to do. */
bool arena_pool_is_scattered(struct arena_pool *p);
/* Records that the pages of [at, at+bytes) belong to `c`. */
void arena_pool_map_chunk(struct arena_pool *p, void *at, size_t bytes, struct chunk *c);

/* Addresses of records are offsets in units of eight bytes, counted from 1 because 0 is no address:
 * 36 bits reach 512 GiB. */
static inline uint64_t
region_address(const struct region *r, const void *at)
{
    return (uint64_t)((const char *)at - r->base) / 8 + 1;
}

static inline void *
region_pointer(const struct region *r, uint64_t address)
{
    return r->base + (address - 1) * 8;
}

static inline bool
arena_pool_is_emptying(const struct arena_pool *p, const void *at)
{
    uint32_t index = (uint32_t)((size_t)((const char *)at - p->region->base) / LIMIT_ARENA_BYTES);
    return atomic_load_explicit(&p->emptying_index, memory_order_relaxed) == index;
}

static inline struct chunk *
region_chunk(const struct region *r, uint64_t address)
{
    uint64_t byte = (address - 1) * 8;
    return r->arenas[byte / LIMIT_ARENA_BYTES]
        ->chunk_of[byte % LIMIT_ARENA_BYTES / ARENA_PAGE_BYTES];
}

#endif
