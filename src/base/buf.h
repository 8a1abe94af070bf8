/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing byte buffer with a maximum stated at creation. An append that would pass the maximum,
 * or that finds no memory, changes nothing and sets `failed`; later appends do nothing too, so that
 * a writer may append a whole reply and look once at the end. The buffer owns its bytes, but for
 * one on fixed memory.
 */
#ifndef ATTL_BASE_BUF_H
#define ATTL_BASE_BUF_H

#include <attl/attl.h>
#include <stdbool.h>

enum buf_failure { BUF_FINE = 0, BUF_TOO_BIG, BUF_NO_MEMORY };

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max_bytes;
    enum buf_failure failed;
};

void buf_init(struct buf *b, size_t max_bytes);
/* On memory of the caller's, which is all it has: it allocates nothing, and there is no buf_fini().
 */
void buf_init_fixed(struct buf *b, char *data, size_t max_bytes);
void buf_fini(struct buf *b);
/* Makes room for `more` bytes after `len` and returns where they go, or NULL. */
char *buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_str(struct buf *b, const char *z);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empties the buffer, clears `failed`, and gives back memory above `keep_bytes`. */
void buf_clear(struct buf *b, size_t keep_bytes);

static inline attl_slice
buf_slice(const struct buf *b)
{
    return attl_b(b->data, b->len);
}

#endif
