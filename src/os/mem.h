/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory from the system. A cache reserves one range of addresses, which costs nothing, and commits
 * arenas of it as it grows; a committed arena can be given back. Commit is where lack of memory
 * shows: it returns false, and the caller answers ATTL_E_NOMEM or evicts.
 */
#ifndef ATTL_OS_MEM_H
#define ATTL_OS_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* The largest range worth asking for (smaller under sanitizers, whose shadow is proportional). */
size_t os_mem_reserve_max(void);
/* `bytes` of inaccessible addresses aligned to `align` (a power of two), or NULL. */
void *os_mem_reserve(size_t bytes, size_t align);
/* Makes a reserved part readable and writable, zeroed; asks for huge pages if `huge`. */
bool os_mem_commit(void *at, size_t bytes, bool huge);
/* Gives a committed part back; it is reserved again. */
bool os_mem_decommit(void *at, size_t bytes);
/* Gives the whole pages in a committed part back, which stays committed; they read as zero. */
bool os_mem_discard(void *at, size_t bytes);
void os_mem_release(void *at, size_t bytes);
/* Zeroed memory of its own, or NULL. */
void *os_mem_map(size_t bytes);
void os_mem_unmap(void *at, size_t bytes);
/* True if the system grants huge pages on request. */
bool os_mem_has_huge_pages(void);
/* Fills `bytes` from the system's random source. */
bool os_mem_random(void *out, size_t bytes);

#endif
