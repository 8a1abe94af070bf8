/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linear probing over a power of two. The hash is the cache's, which is secret, so nobody can make
 * keys meet on purpose. Growing enters everything anew; the caller hears of a lack of memory before
 * anything is lost.
 */
#include "engine/key_index.h"

#include <string.h>

enum { FIRST_CAP = 16 };

void
key_index_init(struct key_index *x, const attl_allocator *alloc)
{
    *x = (struct key_index){ .alloc = *alloc };
}

void
key_index_fini(struct key_index *x)
{
    alloc_free(&x->alloc, x->slots);
    x->slots = NULL;
    x->cap = x->len = 0;
}

/* The slot of the key, or the free one where it would be. */
static struct key_slot *
slot_of(const struct key_index *x, uint64_t hash, attl_slice key)
{
    size_t at = (size_t)hash & (x->cap - 1);
    for (;; at = (at + 1) & (x->cap - 1)) {
        struct key_slot *s = &x->slots[at];
        if (!s->number)
            return s;
        if (s->hash == hash && s->key.len == key.len &&
            (key.len == 0 || memcmp(s->key.data, key.data, key.len) == 0))
            return s;
    }
}

int64_t
key_index_find(const struct key_index *x, uint64_t hash, attl_slice key)
{
    return x->cap ? (int64_t)slot_of(x, hash, key)->number - 1 : KEY_INDEX_NONE;
}

static bool
grow(struct key_index *x)
{
    struct key_index larger = { .alloc = x->alloc, .cap = x->cap ? 2 * x->cap : FIRST_CAP };
    larger.slots = alloc_zero(&x->alloc, larger.cap * sizeof(*larger.slots));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < x->cap; i++)
        if (x->slots[i].number)
            *slot_of(&larger, x->slots[i].hash, x->slots[i].key) = x->slots[i];
    larger.len = x->len;
    alloc_free(&x->alloc, x->slots);
    *x = larger;
    return true;
}

bool
key_index_add(struct key_index *x, uint64_t hash, attl_slice key, size_t number)
{
    if (2 * (x->len + 1) > x->cap && !grow(x))
        return false;
    struct key_slot *s = slot_of(x, hash, key);
    ASSERT(!s->number);
    *s = (struct key_slot){ .key = key, .hash = hash, .number = number + 1 };
    x->len++;
    return true;
}
