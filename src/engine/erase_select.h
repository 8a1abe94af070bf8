/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an erasure is about: keys, prefixes or patterns, copied into one piece of memory. Keys are
 * sorted, so that each entry of a large file costs one binary search; prefixes and patterns are
 * tried one after the other. Patterns are so short that matching them never gives up. Constant once
 * made; whoever made it frees it.
 */
#ifndef ATTL_ENGINE_ERASE_SELECT_H
#define ATTL_ENGINE_ERASE_SELECT_H

#include "base/buf.h"

#include <attl/attl.h>

struct erase_select {
    int kind; /* enum attl_erase_kind */
    size_t len;
    attl_slice names[];
};

/* ATTL_OK, ATTL_E_INVALID (kind, count, a name that is too long or empty where it must not be),
 * ATTL_E_NOMEM. */
int erase_select_new(const attl_allocator *alloc, int kind, const attl_slice *names, size_t len,
                     struct erase_select **ret);
void erase_select_free(const attl_allocator *alloc, struct erase_select *select);
bool erase_select_fits(const struct erase_select *select, attl_slice key);
/* As lines of text that erase_select_parse() reads, names in hexadecimal digits. */
void erase_select_write(const struct erase_select *select, struct buf *out);
/* ATTL_OK, ATTL_E_DAMAGED, ATTL_E_NOMEM. */
int erase_select_parse(const attl_allocator *alloc, attl_slice text, struct erase_select **ret);

#endif
