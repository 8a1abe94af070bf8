/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation through the cache's hooks. Aligned blocks are cut out of a larger one and remember
 * where it starts in the word before them, because the hook, like malloc, knows nothing of cache
 * lines. Memory is always zeroed: half-built objects can then be torn down by the ordinary
 * destructor.
 */
#include "base/alloc.h"

#include <stdlib.h>

enum { LINE_BYTES = 128 }; /* two cache lines: adjacent ones are fetched in pairs */

static void *
alloc_libc(void *ud, size_t bytes)
{
    (void)ud;
    return malloc(bytes);
}

static void
free_libc(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

attl_allocator
alloc_default(void)
{
    return (attl_allocator){ .alloc = alloc_libc, .free = free_libc, .ud = NULL };
}

void *
alloc_zero(const attl_allocator *a, size_t bytes)
{
    void *ptr = a->alloc(a->ud, bytes);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

void *
alloc_line(const attl_allocator *a, size_t bytes)
{
    char *whole = a->alloc(a->ud, bytes + LINE_BYTES + sizeof(void *));
    if (!whole)
        return NULL;
    uintptr_t start = (uintptr_t)whole + sizeof(void *);
    char *line = (char *)((start + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
    memcpy(line - sizeof(void *), &whole, sizeof(void *));
    memset(line, 0, bytes);
    return line;
}

void
alloc_free(const attl_allocator *a, void *ptr)
{
    a->free(a->ud, ptr);
}

void
alloc_free_line(const attl_allocator *a, void *ptr)
{
    if (!ptr)
        return;
    void *whole;
    memcpy(&whole, (char *)ptr - sizeof(void *), sizeof(void *));
    a->free(a->ud, whole);
}
