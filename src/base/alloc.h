/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allocator of one cache: the caller's hooks, or malloc. It serves bookkeeping only
 * (descriptors, lists, the ghost); entries live in arenas mapped from the system. Every caller
 * handles NULL, and the fault tests fail each allocation in turn.
 */
#ifndef ATTL_BASE_ALLOC_H
#define ATTL_BASE_ALLOC_H

#include <attl/attl.h>

/* malloc and free behind the hook. */
attl_allocator alloc_default(void);
/* `bytes` zeroed bytes, aligned as malloc aligns, or NULL. */
void *alloc_zero(const attl_allocator *a, size_t bytes);
/* The same, aligned to a pair of cache lines (128 bytes); free with alloc_free_line. */
void *alloc_line(const attl_allocator *a, size_t bytes);
void alloc_free(const attl_allocator *a, void *ptr);
void alloc_free_line(const attl_allocator *a, void *ptr);

#endif
