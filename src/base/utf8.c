/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sequence is decoded first and its code point judged then: one comparison each finds overlong
 * forms, surrogates and what is too large. Invisible characters that change the direction or order
 * of text count as hidden, since a key made of them could show as another key. Nothing is kept.
 */
#include "base/utf8.h"

enum { ASCII_END = 0x80, CODE_END = 0x110000, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

/* Length that the first byte of a sequence announces, 0 if it cannot begin one. */
static size_t
sequence_length(unsigned char first)
{
    if (first < ASCII_END)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t
utf8_step(const char *p, size_t len, uint32_t *ret_code)
{
    static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = len > 0 ? sequence_length((unsigned char)*p) : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t code = (unsigned char)*p & (n == 1 ? 0x7fU : 0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (c & 0x3f);
    }
    bool surrogate = code >= SURROGATE_FIRST && code <= SURROGATE_LAST;
    if (code < smallest[n] || code >= CODE_END || surrogate)
        return 0;
    *ret_code = code;
    return n;
}

bool
utf8_valid(attl_slice text)
{
    const char *p = text.data;
    uint32_t code;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = utf8_step(p + i, text.len - i, &code);
        if (n == 0)
            return false;
    }
    return true;
}

size_t
utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00U >> n & 0xff) | code); /* n one bits, then a zero bit */
    return n;
}

bool
utf8_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}
