/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An allocator that comes to an end: so many allocations succeed, then none does, and what is still
 * held is known. For one thread; the memory is malloc's, so what was allocated before it was put in
 * place can be freed through it, and is then missing from `live`.
 */
#ifndef ATTL_TESTS_REFUSING_H
#define ATTL_TESTS_REFUSING_H

#include <attl/attl.h>

struct refusing {
    int64_t left; /* allocations that succeed; < 0: all */
    int64_t live; /* allocations that were not freed */
};

/* Hooks on `r`, which the test keeps. */
attl_allocator refusing_hooks(struct refusing *r);

#endif
