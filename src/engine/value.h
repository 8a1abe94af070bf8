/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values handed to callers: what keeps their bytes where they are, and how that ends. A value of up
 * to 32 bytes lies in the struct itself; others pin a chunk or an extent of the cache, or own a
 * block on the heap, which outlives the cache. The low bits of `pin` tell which.
 */
#ifndef ATTL_ENGINE_VALUE_H
#define ATTL_ENGINE_VALUE_H

#include <attl/attl.h>
#include <stdbool.h>

#define VALUE_PIN_EXTENT ((uintptr_t)1)
#define VALUE_PIN_HEAP ((uintptr_t)2)
#define VALUE_PIN_BITS ((uintptr_t)3)

/* Makes *to what *from was, wherever the bytes are. */
static inline void
value_move(attl_value *to, const attl_value *from)
{
    *to = *from;
    if (from->data.data == (const void *)from->pad)
        to->data.data = to->pad;
}

/* True if the cache must be there when it is released. */
static inline bool
value_is_pinned(const attl_value *v)
{
    return v->pin && !((uintptr_t)v->pin & VALUE_PIN_HEAP);
}

/* A value of `len` bytes, aligned to 16, that the caller fills. NULL: no memory. */
void *value_alloc(const attl_allocator *alloc, size_t len, attl_value *ret);
/* A copy of `bytes`. False: no memory. */
bool value_copy(const attl_allocator *alloc, attl_slice bytes, attl_value *ret);
/* Ends its use. `a` may be NULL if it is not pinned. */
void value_release(struct attl *a, attl_value *v);

#endif
