/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing replies. A small reply is one reservation of the most it can need and then plain
 * stores: at a pipeline of 64 a whole GET has a quarter of a microsecond, and printf alone would
 * spend it. Lengths go through one digit loop. A reservation that fails has marked the buffer, so
 * each writer just returns; the buffer then holds the replies before this one and nothing of this
 * one.
 */
#include "protocol/resp_write.h"

#include "base/num.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* type byte, digits, CR LF */
enum { HEADER_MAX_BYTES = 1 + NUM_TEXT_MAX + 2, DOUBLE_TEXT_MAX = 32, VERBATIM_KIND_BYTES = 3 };

static char *
put_crlf(char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + 2;
}

static char *
put_header(char *to, char type, int64_t value)
{
    *to++ = type;
    /* Lengths and counts of one digit are the common case by far. */
    if (value >= 0 && value <= 9)
        *to++ = (char)('0' + value);
    else
        to += num_format_i64(to, value);
    return put_crlf(to);
}

static void
header(struct buf *out, char type, int64_t value)
{
    char *at = buf_reserve(out, HEADER_MAX_BYTES);
    if (!at)
        return;
    out->len += (size_t)(put_header(at, type, value) - at);
}

static void
literal(struct buf *out, const char *bytes, size_t len)
{
    char *at = buf_reserve(out, len);
    if (!at)
        return;
    memcpy(at, bytes, len);
    out->len += len;
}

void
resp_simple(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    char *at = buf_reserve(out, len + 3);
    if (!at)
        return;
    *at++ = '+';
    memcpy(at, text, len);
    put_crlf(at + len);
    out->len += len + 3;
}

void
resp_error(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    if (len > RESP_ERROR_MAX_BYTES)
        len = RESP_ERROR_MAX_BYTES;
    char *at = buf_reserve(out, len + 3);
    if (!at)
        return;
    *at++ = '-';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        *at++ = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    put_crlf(at);
    out->len += len + 3;
}

void
resp_errorf(struct buf *out, const char *format, ...)
{
    char text[RESP_ERROR_MAX_BYTES + 1];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* A longer text is cut, which is what resp_error would do; only a broken format fails. */
    resp_error(out, n < 0 ? "ERR internal error while describing an error" : text);
}

void
resp_int(struct buf *out, int64_t value)
{
    header(out, ':', value);
}

void
resp_bulk(struct buf *out, attl_slice bytes)
{
    char *at = buf_reserve(out, HEADER_MAX_BYTES + bytes.len + 2);
    if (!at)
        return;
    char *to = put_header(at, '$', (int64_t)bytes.len);
    if (bytes.len)
        memcpy(to, bytes.data, bytes.len);
    to = put_crlf(to + bytes.len);
    out->len += (size_t)(to - at);
}

void
resp_bulk_str(struct buf *out, const char *z)
{
    resp_bulk(out, attl_s(z));
}

void
resp_bulk_int(struct buf *out, int64_t value)
{
    char digits[NUM_TEXT_MAX];
    size_t len = num_format_i64(digits, value);
    resp_bulk(out, attl_b(digits, len));
}

void
resp_null(struct buf *out, int proto)
{
    if (proto >= 3)
        literal(out, "_\r\n", 3);
    else
        literal(out, "$-1\r\n", 5);
}

void
resp_null_array(struct buf *out, int proto)
{
    if (proto >= 3)
        literal(out, "_\r\n", 3);
    else
        literal(out, "*-1\r\n", 5);
}

void
resp_array(struct buf *out, size_t n)
{
    header(out, '*', (int64_t)n);
}

void
resp_map(struct buf *out, int proto, size_t n)
{
    if (proto >= 3)
        header(out, '%', (int64_t)n);
    else
        header(out, '*', (int64_t)n * 2);
}

void
resp_set(struct buf *out, int proto, size_t n)
{
    header(out, proto >= 3 ? '~' : '*', (int64_t)n);
}

void
resp_push(struct buf *out, int proto, size_t n)
{
    header(out, proto >= 3 ? '>' : '*', (int64_t)n);
}

/* 17 digits always read back equal, but show 0.1 as 0.10000000000000001: take the first that does.
 */
static size_t
double_text(char text[DOUBLE_TEXT_MAX], double d)
{
    if (isnan(d))
        return (size_t)snprintf(text, DOUBLE_TEXT_MAX, "nan");
    if (isinf(d))
        return (size_t)snprintf(text, DOUBLE_TEXT_MAX, d > 0 ? "inf" : "-inf");
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, DOUBLE_TEXT_MAX, "%.*g", digits, d);
        double back = strtod(text, NULL);
        if (back >= d && back <= d)
            break;
    }
    return n > 0 ? (size_t)n : 0;
}

void
resp_double(struct buf *out, int proto, double d)
{
    char text[DOUBLE_TEXT_MAX];
    size_t len = double_text(text, d);
    if (proto < 3) {
        resp_bulk(out, attl_b(text, len));
        return;
    }
    char *at = buf_reserve(out, len + 3);
    if (!at)
        return;
    *at++ = ',';
    memcpy(at, text, len);
    put_crlf(at + len);
    out->len += len + 3;
}

void
resp_bool(struct buf *out, int proto, bool value)
{
    if (proto >= 3)
        literal(out, value ? "#t\r\n" : "#f\r\n", 4);
    else
        literal(out, value ? ":1\r\n" : ":0\r\n", 4);
}

void
resp_verbatim(struct buf *out, int proto, const char *kind, attl_slice text)
{
    if (proto < 3) {
        resp_bulk(out, text);
        return;
    }
    size_t len = VERBATIM_KIND_BYTES + 1 + text.len;
    char *at = buf_reserve(out, HEADER_MAX_BYTES + len + 2);
    if (!at)
        return;
    char *to = put_header(at, '=', (int64_t)len);
    memcpy(to, kind, VERBATIM_KIND_BYTES);
    to += VERBATIM_KIND_BYTES;
    *to++ = ':';
    if (text.len)
        memcpy(to, text.data, text.len);
    to = put_crlf(to + text.len);
    out->len += (size_t)(to - at);
}
