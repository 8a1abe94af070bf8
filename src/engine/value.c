/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values that own their bytes, and the end of all of them. A block on the heap remembers its
 * allocator in front of its bytes, so that it can be given back when the cache is gone. Pins are
 * made where values are read (api/); nothing is kept here.
 */
#include "engine/value.h"

#include "base/alloc.h"
#include "engine/engine.h"

struct value_block {
    _Alignas(16) attl_allocator alloc;
    _Alignas(16) unsigned char bytes[];
};

void *
value_alloc(const attl_allocator *alloc, size_t len, attl_value *ret)
{
    struct value_block *b = alloc_zero(alloc, sizeof(*b) + len);
    if (!b)
        return NULL;
    b->alloc = *alloc;
    *ret = (attl_value)ATTL_VALUE_INIT;
    ret->data = attl_b(b->bytes, len);
    ret->pin = (void *)((uintptr_t)b | VALUE_PIN_HEAP);
    return b->bytes;
}

bool
value_copy(const attl_allocator *alloc, attl_slice bytes, attl_value *ret)
{
    void *to;
    if (bytes.len <= sizeof(ret->pad)) {
        *ret = (attl_value)ATTL_VALUE_INIT;
        ret->data = attl_b(ret->pad, bytes.len);
        to = ret->pad;
    } else {
        to = value_alloc(alloc, bytes.len, ret);
    }
    if (to && bytes.len > 0)
        memcpy(to, bytes.data, bytes.len);
    return to != NULL;
}

static void
unpin(struct attl *a, uintptr_t pin, size_t len)
{
    if (pin & VALUE_PIN_EXTENT)
        read_unpin(&a->cache, NULL, (struct extent *)(pin & ~VALUE_PIN_EXTENT), len);
    else
        read_unpin(&a->cache, (void *)pin, NULL, len);
    if (atomic_load_explicit(&a->cache.limbo.urgent, memory_order_relaxed))
        parker_wake(&a->parker); /* the last pin on something that is gone: its memory can follow */
}

void
value_release(struct attl *a, attl_value *v)
{
    uintptr_t pin = (uintptr_t)v->pin;
    if (pin & VALUE_PIN_HEAP) {
        struct value_block *b = (struct value_block *)(pin & ~VALUE_PIN_BITS);
        attl_allocator alloc = b->alloc;
        alloc_free(&alloc, b);
    } else if (pin) {
        unpin(a, pin, v->data.len);
    }
    *v = (attl_value)ATTL_VALUE_INIT;
}
