/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two hooks. They count by themselves, because a test asks between two calls what has become of
 * the memory, and no lock is taken: whoever uses threads needs an allocator of another kind.
 * Freeing nothing counts as nothing.
 */
#include "support/refusing.h"

#include <stdlib.h>

static void *
refusing_alloc(void *ud, size_t bytes)
{
    struct refusing *r = ud;
    if (r->left == 0)
        return NULL;
    r->left -= r->left > 0;
    r->live++;
    return malloc(bytes);
}

static void
refusing_free(void *ud, void *ptr)
{
    struct refusing *r = ud;
    r->live -= ptr != NULL;
    free(ptr);
}

attl_allocator
refusing_hooks(struct refusing *r)
{
    return (attl_allocator){ refusing_alloc, refusing_free, r };
}
