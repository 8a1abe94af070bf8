/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digits from a table, values from ranges. There is no branch on a byte that is written, so that
 * digests of secrets can be. Nothing is kept.
 */
#include "base/hex.h"

void
hex_digits(char *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}

void
hex_text(char *out, const void *bytes, size_t len)
{
    hex_digits(out, bytes, len);
    out[2 * len] = '\0';
}

int
hex_value_lower(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
hex_value(char c)
{
    return hex_value_lower(c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
}
