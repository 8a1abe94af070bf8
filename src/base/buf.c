/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded growing buffer. Growth doubles up to the maximum, so that appending n bytes one by one
 * costs O(n). A failure is sticky: callers build a whole reply and test once, instead of after each
 * piece.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST_BYTES = 256, BUF_PRINTF_SMALL = 256 };

void
buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){ .max_bytes = max_bytes };
}

void
buf_init_fixed(struct buf *b, char *data, size_t max_bytes)
{
    *b = (struct buf){ .data = data, .cap = max_bytes, .max_bytes = max_bytes };
}

void
buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ .max_bytes = b->max_bytes };
}

static bool
buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    if (cap > b->max_bytes)
        cap = b->max_bytes;
    while (cap < need)
        cap = cap > b->max_bytes / 2 ? b->max_bytes : cap * 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = BUF_NO_MEMORY;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

char *
buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return NULL;
    if (more == 0 && b->data)
        return b->data + b->len;
    more += more == 0 && b->max_bytes > 0; /* an empty buffer has no place to point to yet */
    if (more > b->max_bytes || b->len > b->max_bytes - more) {
        b->failed = BUF_TOO_BIG;
        return NULL;
    }
    if (b->len + more > b->cap && !buf_grow(b, b->len + more))
        return NULL;
    return b->data + b->len;
}

void
buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    char *to = buf_reserve(b, len);
    if (!to)
        return;
    memcpy(to, data, len);
    b->len += len;
}

void
buf_append_str(struct buf *b, const char *z)
{
    buf_append(b, z, strlen(z));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    char small[BUF_PRINTF_SMALL];
    int need = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (need < 0)
        b->failed = BUF_TOO_BIG; /* the C library could not format it at all */
    else if ((size_t)need < sizeof(small))
        buf_append(b, small, (size_t)need);
    else if (buf_reserve(b, (size_t)need + 1)) {
        (void)vsnprintf(b->data + b->len, (size_t)need + 1, format,
                        again); /* measured just above */
        b->len += (size_t)need;
    }
    va_end(again);
}

void
buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

void
buf_clear(struct buf *b, size_t keep_bytes)
{
    if (b->cap > keep_bytes) {
        free(b->data);
        b->data = NULL;
        b->cap = 0;
    }
    b->len = 0;
    b->failed = BUF_FINE;
}
