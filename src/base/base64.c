/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three bytes to four letters and back. The letter's value is computed from ranges, a table of 256
 * would be no faster here, where JSON around it costs more. Both ways go straight into the buffer.
 */
#include "base/base64.h"

enum { GROUP_BYTES = 3, GROUP_LETTERS = 4 };

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One group of `n` (1 to 3) bytes. */
static void
encode_group(const unsigned char *p, size_t n, char out[GROUP_LETTERS])
{
    unsigned bits = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0U);
    out[0] = letters[bits >> 18];
    out[1] = letters[bits >> 12 & 63];
    out[2] = n > 1 ? letters[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? letters[bits & 63] : '=';
}

void
base64_append(struct buf *to, attl_slice bytes)
{
    const unsigned char *p = bytes.data;
    char *out = buf_reserve(to, (bytes.len + GROUP_BYTES - 1) / GROUP_BYTES * GROUP_LETTERS);
    if (!out)
        return;
    for (size_t i = 0; i < bytes.len; i += GROUP_BYTES) {
        size_t left = bytes.len - i;
        encode_group(p + i, left < GROUP_BYTES ? left : GROUP_BYTES, out);
        out += GROUP_LETTERS;
        to->len += GROUP_LETTERS;
    }
}

static int
letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four letters, of which the last may be padding when `last`; returns the bytes written, 0 if
 * malformed. */
static size_t
decode_group(const char *p, bool last, unsigned char out[GROUP_BYTES])
{
    size_t padding = last ? (size_t)(p[3] == '=') + (p[3] == '=' && p[2] == '=') : 0;
    unsigned bits = 0;
    for (size_t i = 0; i < GROUP_LETTERS; i++) {
        int value = i < GROUP_LETTERS - padding ? letter_value(p[i]) : 0;
        if (value < 0)
            return 0;
        bits = bits << 6 | (unsigned)value;
    }
    out[0] = (unsigned char)(bits >> 16);
    out[1] = (unsigned char)(bits >> 8);
    out[2] = (unsigned char)bits;
    for (size_t i = GROUP_BYTES - padding; i < GROUP_BYTES; i++)
        if (out[i] != 0)
            return 0; /* bits that no encoder leaves there */
    return GROUP_BYTES - padding;
}

bool
base64_decode(struct buf *to, attl_slice text)
{
    const char *p = text.data;
    if (text.len % GROUP_LETTERS != 0)
        return false;
    if (text.len == 0)
        return true;
    char *out = buf_reserve(to, text.len / GROUP_LETTERS * GROUP_BYTES);
    size_t used = 0;
    if (!out)
        return false;
    for (size_t i = 0; i < text.len; i += GROUP_LETTERS) {
        unsigned char group[GROUP_BYTES];
        size_t n = decode_group(p + i, i + GROUP_LETTERS == text.len, group);
        if (n == 0)
            return false;
        memcpy(out + used, group, n);
        used += n;
    }
    to->len += used;
    return true;
}
