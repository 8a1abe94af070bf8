/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading without locks: one key, or many with their memory accesses overlapped. The caller is
 * inside an epoch (reclaim_enter) and stays there while it uses the view; a pin outlives it. No
 * call here takes a lock unless it lost a race many times over.
 */
#ifndef ATTL_CACHE_READ_H
#define ATTL_CACHE_READ_H

#include "cache/cache.h"

/* A value as found. `scratch` backs the values that may change in place. */
struct read_view {
    attl_slice value;
    int64_t deadline_ms; /* from when on a plain read does not find it */
    struct chunk *chunk; /* set by a pinning read: hold until read_unpin */
    struct extent *extent;
    bool has_life;
    uint64_t scratch[RECORD_SCRATCH_WORDS];
    struct life life; /* if has_life, and then: */
    int64_t gone_ms;  /* when it is gone for good */
};

#define READ_TOUCH 1u /* count as a use for eviction */
#define READ_PIN 2u   /* keep values too large for a copy alive beyond the epoch */
#define READ_STALE 4u /* find what is past its hard deadline, or negative, too */
#define READ_GRACE 8u /* values past their hard deadline, but nothing negative */

/* ATTL_OK with *view, ATTL_MISS (with the deadline that had passed, or without one if nothing was
 * there), or ATTL_E_BUSY if pinning would exceed max_pinned_bytes. */
int read_key(struct cache *c, const struct index_key *k, int64_t now_ms, unsigned flags,
             struct read_view *view);
/* Ends a pin on a chunk or an extent (the other is NULL) of `len` bytes. */
void read_unpin(struct cache *c, struct chunk *chunk, struct extent *extent, uint64_t len);
/* Another pin on what the caller has pinned. False: it would exceed max_pinned_bytes. */
bool read_pin_again(struct cache *c, struct chunk *chunk, struct extent *extent, uint64_t len);
/* Starts fetching what reading or changing these n <= LIMIT_BATCH keys will touch. */
void read_prefetch(struct cache *c, const struct index_key *keys, size_t n);

#endif
