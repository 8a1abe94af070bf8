/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of a few thousand keys is this? A small table from keys to numbers, for calls that are
 * given lists of keys and have to know what occurs twice. Open addressing, never more than half
 * full; nothing is ever taken out but all at once. Keys are borrowed: who enters one keeps its
 * bytes. Belongs to one thread at a time.
 */
#ifndef ATTL_ENGINE_KEY_INDEX_H
#define ATTL_ENGINE_KEY_INDEX_H

#include "base/alloc.h"
#include "base/assert.h"

#include <stdbool.h>

struct key_slot {
    attl_slice key;
    uint64_t hash;
    size_t number; /* as given, plus one; 0: free */
};

struct key_index {
    attl_allocator alloc;
    struct key_slot *slots;
    size_t cap, len;
};

enum { KEY_INDEX_NONE = -1 };

void key_index_init(struct key_index *x, const attl_allocator *alloc);
/* The number of a key, or KEY_INDEX_NONE. */
int64_t key_index_find(const struct key_index *x, uint64_t hash, attl_slice key);
/* Enters a key that is not there. False, with nothing changed, on lack of memory. */
bool key_index_add(struct key_index *x, uint64_t hash, attl_slice key, size_t number);
void key_index_fini(struct key_index *x);

#endif
