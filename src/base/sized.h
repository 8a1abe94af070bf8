/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structs of the public header that begin with `uint32_t struct_size` and only grow at their end. A
 * program may have been compiled when they were shorter, or longer, so the library fills what both
 * know, and says in struct_size how much that was. The caller owns both structs.
 */
#ifndef ATTL_BASE_SIZED_H
#define ATTL_BASE_SIZED_H

#include <stdint.h>
#include <string.h>

/* Fills *to, whose struct_size is set, with as much of the `from_bytes` at `from` as it has room
 * for. The struct_size of `from` does not matter. */
static inline void
sized_export(const void *from, size_t from_bytes, void *to)
{
    uint32_t size;
    memcpy(&size, to, sizeof size);
    size = size < from_bytes ? size : (uint32_t)from_bytes;
    memcpy(to, from, size);
    memcpy(to, &size, sizeof size);
}

#endif
