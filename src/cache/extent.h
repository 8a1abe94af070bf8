/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values too large for a record: a run of pages of their own, from the extent pool up to an arena's
 * size, mapped separately above. The record holds an extent_ref. The records that
 * refer to it own one reference together, each pin another; the last one to go frees the pages, so
 * a slow client delays nobody but itself.
 */
#ifndef ATTL_CACHE_EXTENT_H
#define ATTL_CACHE_EXTENT_H

#include "cache/arena.h"
#include "cache/reclaim.h"

struct extent {
    struct limbo_node limbo;
    struct extent_store *store;
    _Atomic uint32_t refs;   /* one of all its owners together, one per pin */
    _Atomic uint32_t owners; /* records that refer to it: copies share it */
    uint64_t len;            /* of the value */
    uint64_t bytes;          /* taken, header included */
    _Alignas(64) char data[];
};

/* What a record with RECORD_EXTENT holds as its value. */
struct extent_ref {
    struct extent *extent;
    uint64_t len;
};

struct extent_store {
    struct arena_pool *pool;
    _Atomic uint64_t mapped_bytes;
    _Atomic uint64_t used_bytes; /* pool and mapped */
};

void extent_store_init(struct extent_store *s, struct arena_pool *pool);
/* Bytes an extent for a value of `len` takes. */
uint64_t extent_bytes(uint64_t len);
/* An extent for `len` bytes, uninitialised, with one reference; NULL on lack of memory. */
struct extent *extent_new(struct extent_store *s, uint64_t len);
void extent_hold(struct extent *e);
/* One record more refers to it; the caller holds the lock of a partition that has one already. */
void extent_share(struct extent *e);
/* Drops a reference; the last one frees. */
void extent_drop(struct extent *e);
/* The same where no reader can know of it: an extent never published, or a cache being closed. */
void extent_disown(struct extent *e);
/* One record less refers to it; after the last, once no reader can be about to pin it, it is freed.
 */
void extent_retire(struct extent *e, struct limbo *limbo);

#endif
