/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is asked of slices everywhere: is it this text, what is its next line, can it be shown. The
 * bytes are
 * somebody else's and stay where they are. Inline, because each is a comparison or two.
 */
#ifndef ATTL_BASE_SLICE_H
#define ATTL_BASE_SLICE_H

#include <attl/attl.h>
#include <stdbool.h>

static inline bool
slice_is(attl_slice s, const char *z)
{
    return s.len == strlen(z) && (s.len == 0 || memcmp(s.data, z, s.len) == 0);
}

/* Only visible ASCII, without a space; true of nothing. */
static inline bool
slice_is_printable(attl_slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    for (size_t i = 0; i < s.len; i++)
        if (p[i] < '!' || p[i] > '~')
            return false;
    return true;
}

/* Takes a line from the front of *rest, without its line feed or carriage return and line feed;
 * false if nothing is left. */
static inline bool
slice_take_line(attl_slice *rest, attl_slice *ret_line)
{
    if (rest->len == 0)
        return false;
    const char *at = (const char *)rest->data;
    const char *feed = (const char *)memchr(at, '\n', rest->len);
    size_t len = feed ? (size_t)(feed - at) : rest->len;
    size_t used = feed ? len + 1 : len;
    *ret_line = attl_b(at, len > 0 && at[len - 1] == '\r' ? len - 1 : len);
    *rest = attl_b(at + used, rest->len - used);
    return true;
}

#endif
