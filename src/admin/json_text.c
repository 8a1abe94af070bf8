/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Escaping and base64. The check for UTF-8 follows the table of well-formed sequences in the
 * Unicode standard: the range of the second byte is what tells overlong forms, surrogates and too
 * large code points. Runs of plain characters are appended at once. Nothing is kept between calls.
 */
#include "admin/json_text.h"

#include "base/assert.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { BASE64_BAD = 64 };

/* The bytes behind a first byte, and what the second may be; false if nothing begins with it. */
static bool
sequence(unsigned char first, size_t *ret_more, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        *ret_more = 1;
    } else if (first >= 0xe0 && first <= 0xef) {
        *ret_more = 2;
        if (first == 0xe0)
            *ret_low = 0xa0;
        if (first == 0xed)
            *ret_high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        *ret_more = 3;
        if (first == 0xf0)
            *ret_low = 0x90;
        if (first == 0xf4)
            *ret_high = 0x8f;
    } else {
        return false;
    }
    return true;
}

bool
json_is_utf8(attl_slice text)
{
    const unsigned char *at = text.data;
    for (size_t i = 0; i < text.len;) {
        size_t more;
        unsigned char low, high;
        if (at[i] < 0x80) {
            i++;
            continue;
        }
        if (!sequence(at[i], &more, &low, &high) || text.len - i <= more)
            return false;
        if (at[i + 1] < low || at[i + 1] > high)
            return false;
        for (size_t k = 2; k <= more; k++)
            if ((at[i + k] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

static bool
is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != 0x7f;
}

static void
escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"': buf_append(out, "\\\"", 2); break;
    case '\\': buf_append(out, "\\\\", 2); break;
    case '\n': buf_append(out, "\\n", 2); break;
    case '\r': buf_append(out, "\\r", 2); break;
    case '\t': buf_append(out, "\\t", 2); break;
    default: buf_printf(out, "\\u%04x", c); break;
    }
}

/* The inside of a string. */
static void
escape_all(struct buf *out, attl_slice text)
{
    const unsigned char *at = text.data;
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(at[i]))
            continue;
        if (i > from)
            buf_append(out, at + from, i - from);
        escape(out, at[i]);
        from = i + 1;
    }
    if (text.len > from)
        buf_append(out, at + from, text.len - from);
}

void
json_text(struct buf *out, attl_slice text)
{
    buf_append(out, "\"", 1);
    escape_all(out, text);
    buf_append(out, "\"", 1);
}

static void
base64(struct buf *out, attl_slice bytes)
{
    const unsigned char *at = bytes.data;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned three = (unsigned)at[i] << 16 | (n > 1 ? (unsigned)at[i + 1] << 8 : 0) |
                         (n > 2 ? (unsigned)at[i + 2] : 0);
        char four[4] = { alphabet[three >> 18], alphabet[three >> 12 & 63],
                         n > 1 ? alphabet[three >> 6 & 63] : '=',
                         n > 2 ? alphabet[three & 63] : '=' };
        buf_append(out, four, sizeof four);
    }
}

void
json_bytes(struct buf *out, attl_slice bytes)
{
    if (json_is_utf8(bytes)) {
        json_text(out, bytes);
        return;
    }
    buf_append_str(out, "{\"base64\":\"");
    base64(out, bytes);
    buf_append_str(out, "\"}");
}

void
json_name(struct buf *out, attl_slice bytes)
{
    if (json_is_utf8(bytes)) {
        json_text(out, bytes);
        return;
    }
    buf_append_str(out, "\"base64:");
    base64(out, bytes);
    buf_append_str(out, "\"");
}

static unsigned
digit_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (unsigned)(at - alphabet) : BASE64_BAD;
}

bool
json_unbase64(attl_slice text, unsigned char *out, size_t *ret_len)
{
    const char *at = text.data;
    size_t len = 0;
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        size_t pad = last && at[i + 3] == '=' ? (at[i + 2] == '=' ? 2 : 1) : 0;
        unsigned four = 0;
        for (size_t k = 0; k < 4; k++) {
            unsigned digit = k < 4 - pad ? digit_of(at[i + k]) : 0;
            if (digit == BASE64_BAD)
                return false;
            four = four << 6 | digit;
        }
        for (size_t k = 0; k < 3 - pad; k++)
            out[len++] = (unsigned char)(four >> (16 - 8 * k));
    }
    *ret_len = len;
    return true;
}
