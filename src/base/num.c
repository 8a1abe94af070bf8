/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decimal integers, both ways. Arithmetic on the unsigned magnitude, so that INT64_MIN needs no
 * special path and overflow is a comparison, never undefined behaviour. Nothing allocates and
 * nothing depends on the locale.
 */
#include "base/num.h"

enum { DIGITS_MAX = 19 };

bool
num_parse_i64(attl_slice text, int64_t *ret_value)
{
    const unsigned char *p = text.data;
    size_t n = text.len;
    bool negative = n > 0 && p[0] == '-';
    if (negative) {
        p++;
        n--;
    }
    if (n == 0 || n > DIGITS_MAX)
        return false;
    if (p[0] == '0' && (n > 1 || negative))
        return false;
    uint64_t magnitude = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)p[i] - '0';
        if (digit > 9)
            return false;
        magnitude = magnitude * 10 + digit; /* 19 digits cannot wrap 64 bits */
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

size_t
num_format_i64(char out[NUM_TEXT_MAX], int64_t value)
{
    char digits[NUM_TEXT_MAX];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    size_t len = 0;
    if (value < 0)
        out[len++] = '-';
    while (n)
        out[len++] = digits[--n];
    return len;
}

bool
num_add_i64(int64_t a, int64_t b, int64_t *ret_sum)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret_sum = sum;
    return true;
}
