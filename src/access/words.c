/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of texts. Every word is one allocation that holds its text, so that removing one moves
 * pointers only and a copy is a loop of additions. What is removed is overwritten first: some words
 * are hashes of passwords. Not safe for two threads at once; see words.h for who owns a list.
 */
#include "access/words.h"

#include "base/assert.h"

enum { WORDS_FIRST = 4 };

static void
word_free(struct word *w, const attl_allocator *a)
{
    explicit_bzero(w->text, w->len);
    alloc_free(a, w);
}

static bool
words_grow(struct word_list *w, const attl_allocator *a)
{
    size_t cap = w->cap ? 2 * w->cap : WORDS_FIRST;
    struct word **items = alloc_zero(a, cap * sizeof(struct word *));
    if (!items)
        return false;
    if (w->len)
        memcpy(items, w->items, w->len * sizeof(struct word *));
    alloc_free(a, w->items);
    w->items = items;
    w->cap = cap;
    return true;
}

bool
words_add(struct word_list *w, const attl_allocator *a, uint32_t tag, attl_slice text)
{
    ASSERT(text.len < UINT32_MAX);
    if (w->len == w->cap && !words_grow(w, a))
        return false;
    struct word *item = alloc_zero(a, sizeof *item + text.len + 1);
    if (!item)
        return false;
    item->tag = tag;
    item->len = (uint32_t)text.len;
    if (text.len)
        memcpy(item->text, text.data, text.len);
    w->items[w->len++] = item;
    return true;
}

struct word *
words_find(const struct word_list *w, attl_slice text)
{
    for (size_t i = 0; i < w->len; i++) {
        struct word *item = w->items[i];
        if (item->len == text.len && (text.len == 0 || !memcmp(item->text, text.data, text.len)))
            return item;
    }
    return NULL;
}

void
words_remove(struct word_list *w, const attl_allocator *a, size_t index)
{
    ASSERT(index < w->len);
    word_free(w->items[index], a);
    w->len--;
    for (size_t i = index; i < w->len; i++)
        w->items[i] = w->items[i + 1];
}

bool
words_copy(struct word_list *to, const struct word_list *from, const attl_allocator *a)
{
    ASSERT(to->len == 0);
    for (size_t i = 0; i < from->len; i++) {
        if (!words_add(to, a, from->items[i]->tag, word_slice(from->items[i]))) {
            words_clear(to, a);
            return false;
        }
    }
    return true;
}

void
words_clear(struct word_list *w, const attl_allocator *a)
{
    for (size_t i = 0; i < w->len; i++)
        word_free(w->items[i], a);
    alloc_free(a, w->items);
    *w = (struct word_list){ NULL, 0, 0 };
}
