/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks: append-only stretches of 4 to 64 KiB that hold records whose deadlines fall into one
 * wheel slot. The descriptor lives outside the data, so that accounting for an overwritten record
 * touches a small dense table and not a cold page. A chunk is open, then sealed, then drained once,
 * then retired until its last reader and its last pin have gone.
 *
 * Locks: `used`, `state` and the links belong to the shard's lock; the drain owns a DRAINING
 * chunk's `drain_offset`. `live_bytes`, `live_items` and `pins` are atomics changed by anybody.
 */
#ifndef ATTL_CACHE_CHUNK_H
#define ATTL_CACHE_CHUNK_H

#include "cache/arena.h"
#include "cache/reclaim.h"

enum chunk_gen { GEN_NEW = 0, GEN_SURVIVOR = 1, GEN_COUNT = 2 };
enum chunk_state {
    CHUNK_FREE,
    CHUNK_OPEN,     /* in its chain's `open` */
    CHUNK_SEALED,   /* in its chain and in the fifo of its generation */
    CHUNK_DRAINING, /* in its chain only: being evicted or cleaned */
    CHUNK_DUE,      /* in the due list, whether or not somebody is draining it */
    CHUNK_RETIRED,  /* in limbo */
};

/* Doubly linked through one of the two link pairs of a chunk. */
struct chunk_list {
    struct chunk *first, *last;
};

struct chunk_link {
    struct chunk *prev, *next;
};

enum chunk_link_kind { LINK_CHAIN = 0, LINK_FIFO = 1 };

struct chunk {
    char *data;
    uint32_t bytes;
    uint32_t used;
    _Atomic uint32_t live_bytes;
    _Atomic uint32_t live_items;
    _Atomic uint32_t pins;
    uint32_t drain_offset;
    uint64_t opened_seq; /* order of birth within the shard: its age for the cleaner */
    int64_t due_ms;      /* while DUE: when its slot's turn came */
    uint16_t slot;
    uint8_t gen;
    _Atomic uint16_t shard; /* these two are also looked at by whoever kills the last record */
    _Atomic uint8_t state;
    struct chunk_link link[2]; /* chain of its wheel slot (or due list); fifo of its generation */
    struct limbo_node limbo;
    struct chunk *free_next;
};

/* Descriptors, in blocks that are kept until the cache is closed. */
struct chunk_store {
    struct arena_pool *pool;
    const attl_allocator *alloc;
    struct lock lock;
    struct chunk *free;
    void *blocks; /* singly linked through their first word */
};

void chunk_store_init(struct chunk_store *s, struct arena_pool *pool, const attl_allocator *alloc);
void chunk_store_fini(struct chunk_store *s);
/* An open chunk of `bytes` (a power of two), or NULL. */
struct chunk *chunk_new(struct chunk_store *s, uint32_t bytes);
/* Returns the memory and the descriptor: nobody may hold a pointer into it any more. */
void chunk_free(struct chunk_store *s, struct chunk *c);

void chunk_list_append(struct chunk_list *l, struct chunk *c, enum chunk_link_kind kind);
void chunk_list_remove(struct chunk_list *l, struct chunk *c, enum chunk_link_kind kind);

#endif
