/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of short texts, each with a number: key patterns with their kinds of access, channel
 * patterns, hashed passwords, rules. Lists are short (a few dozen) and read far more often than
 * changed, so they are an array of pointers that is searched from the front. A list belongs to the
 * user it is in; it is changed only while nobody else sees that user.
 */
#ifndef ATTL_ACCESS_WORDS_H
#define ATTL_ACCESS_WORDS_H

#include "base/alloc.h"

#include <stdbool.h>

struct word {
    uint32_t tag; /* what it means is the list's */
    uint32_t len;
    char text[]; /* with a NUL behind it */
};

struct word_list {
    struct word **items;
    size_t len, cap;
};

static inline attl_slice
word_slice(const struct word *w)
{
    return attl_b(w->text, w->len);
}

/* Appends; false on lack of memory, and then nothing has changed. */
bool words_add(struct word_list *w, const attl_allocator *a, uint32_t tag, attl_slice text);
/* The word with exactly this text; NULL if there is none. */
struct word *words_find(const struct word_list *w, attl_slice text);
void words_remove(struct word_list *w, const attl_allocator *a, size_t index);
/* Makes the empty list `to` equal to `from`; false on lack of memory, and then `to` is empty. */
bool words_copy(struct word_list *to, const struct word_list *from, const attl_allocator *a);
void words_clear(struct word_list *w, const attl_allocator *a);

#endif
