/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The request parser: a state of three numbers (what was looked at, arguments to come, bytes of
 * the present bulk) and the places of the arguments found. Places are offsets from the request's
 * start, so the caller may move or grow the buffer between two calls; they become slices once,
 * when the request is complete. Lengths go through one function that bounds digits instead of
 * checking for wrap-around. The error texts are Redis', because clients and their test suites
 * match them.
 */
#include "protocol/resp_parse.h"

#include "protocol/resp_inline.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* Nothing longer than 10 digits is a valid count or length, and 10 digits cannot overflow. */
    LENGTH_DIGITS_MAX = 10,
    CRLF_BYTES = 2
};

enum length_result { LENGTH_FINE, LENGTH_MORE, LENGTH_BAD };

void
resp_parser_init(struct resp_parser *p)
{
    p->scanned = 0;
    p->args_left = -1;
    p->bulk_bytes = -1;
    p->spans = NULL;
    p->spans_len = 0;
    p->spans_cap = RESP_SPANS_INLINE;
    p->problem[0] = '\0';
}

void
resp_parser_fini(struct resp_parser *p)
{
    free(p->spans);
    resp_parser_init(p);
}

size_t
resp_parser_bytes(const struct resp_parser *p)
{
    return p->spans ? p->spans_cap * sizeof *p->spans : 0;
}

size_t
resp_parser_missing(const struct resp_parser *p, size_t have)
{
    if (p->bulk_bytes < 0)
        return 0;
    size_t need = p->scanned + (size_t)p->bulk_bytes + CRLF_BYTES;
    return need > have ? need - have : 0;
}

static enum resp_result
fail(struct resp_parser *p, const char *problem)
{
    (void)snprintf(p->problem, sizeof p->problem, "Protocol error: %s", problem); /* ours fit */
    return RESP_ERROR;
}

static enum resp_result
fail_expected(struct resp_parser *p, char expected, char got)
{
    char shown = got >= ' ' && got <= '~' ? got
                                          : '?'; /* it is echoed to the client and to the log */
    (void)snprintf(p->problem, sizeof p->problem, "Protocol error: expected '%c', got '%c'",
                   expected, shown);
    return RESP_ERROR;
}

/*
 * The decimal number at `text`, ended by CR LF; *ret_used is the length of both. No sign, no
 * blanks, no leading zeros: a length has one spelling, and whatever differs was not written by a
 * client library.
 */
static enum length_result
length_parse_any(const char *text, size_t len, int64_t *ret_value, size_t *ret_used)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9)
            break;
        if (i == LENGTH_DIGITS_MAX)
            return LENGTH_BAD;
        value = value * 10 + (int64_t)digit;
    }
    if (i > 1 && text[0] == '0')
        return LENGTH_BAD;
    if (i == len)
        return LENGTH_MORE;
    if (i == 0 || text[i] != '\r')
        return LENGTH_BAD;
    if (i + 1 == len)
        return LENGTH_MORE;
    if (text[i + 1] != '\n')
        return LENGTH_BAD;
    *ret_value = value;
    *ret_used = i + CRLF_BYTES;
    return LENGTH_FINE;
}

/* The same; a single digit, which most counts and lengths are, is read without a loop. */
static inline enum length_result
length_parse(const char *text, size_t len, int64_t *ret_value, size_t *ret_used)
{
    unsigned digit = len > CRLF_BYTES ? (unsigned char)text[0] - (unsigned)'0' : 10;
    if (digit > 9 || text[1] != '\r' || text[2] != '\n')
        return length_parse_any(text, len, ret_value, ret_used);
    *ret_value = (int64_t)digit;
    *ret_used = 1 + CRLF_BYTES;
    return LENGTH_FINE;
}

static struct resp_span *
spans_of(struct resp_parser *p)
{
    return p->spans ? p->spans : p->inline_spans;
}

static bool
spans_grow(struct resp_parser *p)
{
    size_t cap = p->spans_cap * 2;
    struct resp_span *spans = realloc(p->spans, cap * sizeof *spans);
    if (!spans)
        return false;
    if (!p->spans)
        memcpy(spans, p->inline_spans, sizeof p->inline_spans);
    p->spans = spans;
    p->spans_cap = cap;
    return true;
}

/* The request is complete: its places become slices, and the parser is ready for the next one. */
static enum resp_result
finish(struct resp_parser *p, const char *data, struct resp_args *args, size_t *ret_used)
{
    if (!resp_args_reserve(args, p->spans_len))
        return RESP_NO_MEMORY;
    const struct resp_span *spans = spans_of(p);
    for (size_t i = 0; i < p->spans_len; i++)
        args->items[args->len++] = attl_b(data + spans[i].offset, spans[i].len);
    *ret_used = p->scanned;
    if (p->spans)
        free(p->spans);
    resp_parser_init(p);
    return RESP_REQUEST;
}

static enum resp_result
parse_count(struct resp_parser *p, const char *data, size_t len, const struct resp_limits *limits)
{
    int64_t count;
    size_t used;
    switch (length_parse(data + 1, len - 1, &count, &used)) {
    case LENGTH_MORE: return RESP_MORE;
    case LENGTH_BAD: return fail(p, "invalid multibulk length");
    case LENGTH_FINE: break;
    }
    if (count > RESP_ARGS_MAX)
        return fail(p, "invalid multibulk length");
    if (!limits->authenticated && count > RESP_STRANGER_ARGS_MAX)
        return fail(p, "unauthenticated multibulk length");
    p->args_left = count;
    p->scanned = 1 + used;
    return RESP_REQUEST;
}

static enum resp_result
parse_bulk_header(struct resp_parser *p, const char *data, size_t len,
                  const struct resp_limits *limits)
{
    if (p->scanned == len)
        return RESP_MORE;
    const char *at = data + p->scanned;
    if (*at != '$')
        return fail_expected(p, '$', *at);
    int64_t bytes;
    size_t used;
    switch (length_parse(at + 1, len - p->scanned - 1, &bytes, &used)) {
    case LENGTH_MORE: return RESP_MORE;
    case LENGTH_BAD: return fail(p, "invalid bulk length");
    case LENGTH_FINE: break;
    }
    if ((size_t)bytes > limits->max_bulk_bytes || bytes > RESP_BULK_MAX_BYTES)
        return fail(p, "invalid bulk length");
    if (!limits->authenticated && bytes > RESP_STRANGER_BULK_MAX_BYTES)
        return fail(p, "unauthenticated bulk length");
    p->bulk_bytes = bytes;
    p->scanned += 1 + used;
    return RESP_REQUEST;
}

static enum resp_result
parse_bulk(struct resp_parser *p, const char *data, size_t len, const struct resp_limits *limits)
{
    if (p->bulk_bytes < 0) {
        enum resp_result r = parse_bulk_header(p, data, len, limits);
        if (r != RESP_REQUEST)
            return r;
    }
    size_t bytes = (size_t)p->bulk_bytes;
    if (len - p->scanned < bytes + CRLF_BYTES)
        return RESP_MORE;
    /* Redis skips these two bytes unseen; a wrong length then makes data into commands. */
    if (data[p->scanned + bytes] != '\r' || data[p->scanned + bytes + 1] != '\n')
        return fail(p, "expected CRLF after bulk");
    if (p->scanned > UINT32_MAX - bytes)
        return fail(p, "request too big");
    if (p->spans_len == p->spans_cap && !spans_grow(p))
        return RESP_NO_MEMORY;
    spans_of(p)[p->spans_len++] = (struct resp_span){ (uint32_t)p->scanned, (uint32_t)bytes };
    p->scanned += bytes + CRLF_BYTES;
    p->bulk_bytes = -1;
    p->args_left--;
    return RESP_REQUEST;
}

/* A TLS hello, an SNMP packet, a RESP3 reply: whatever it is, its first byte is not a command's. */
static bool
may_begin_inline(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '"' || c == '\'' || c == ' ' ||
           (c >= '\t' && c <= '\r');
}

static enum resp_result
split_line(struct resp_parser *p, char *line, size_t len, const struct resp_limits *limits,
           struct resp_args *args)
{
    size_t before = args->len;
    switch (inline_split(line, len, args)) {
    case INLINE_UNBALANCED: return fail(p, "unbalanced quotes in request");
    case INLINE_NUL: return fail(p, "NUL byte in inline request");
    case INLINE_NO_MEMORY: return RESP_NO_MEMORY;
    case INLINE_FINE: break;
    }
    if (args->len > before && inline_is_foreign(args->items + before, args->len - before))
        return RESP_FOREIGN;
    if (!limits->authenticated && args->len - before > RESP_STRANGER_ARGS_MAX)
        return fail(p, "unauthenticated multibulk length");
    return RESP_REQUEST;
}

static enum resp_result
parse_inline(struct resp_parser *p, char *data, size_t len, const struct resp_limits *limits,
             struct resp_args *args, size_t *ret_used)
{
    if (!may_begin_inline(data[0]))
        return fail_expected(p, '*', data[0]);
    const char *newline = memchr(data + p->scanned, '\n', len - p->scanned);
    size_t line_bytes = newline ? (size_t)(newline - data) : len;
    if (line_bytes > RESP_INLINE_MAX_BYTES)
        return fail(p, "too big inline request");
    if (!newline) {
        p->scanned = len;
        return RESP_MORE;
    }
    size_t before = args->len;
    size_t text_bytes = line_bytes > 0 && data[line_bytes - 1] == '\r' ? line_bytes - 1
                                                                       : line_bytes;
    enum resp_result r = split_line(p, data, text_bytes, limits, args);
    if (r != RESP_REQUEST) {
        args->len = before;
        return r;
    }
    *ret_used = line_bytes + 1;
    resp_parser_init(p);
    return RESP_REQUEST;
}

enum resp_result
resp_parse(struct resp_parser *p, char *data, size_t len, const struct resp_limits *limits,
           struct resp_args *args, size_t *ret_used)
{
    if (p->args_left < 0) {
        if (len == 0)
            return RESP_MORE;
        if (data[0] != '*')
            return parse_inline(p, data, len, limits, args, ret_used);
        enum resp_result r = parse_count(p, data, len, limits);
        if (r != RESP_REQUEST)
            return r;
    }
    while (p->args_left > 0) {
        enum resp_result r = parse_bulk(p, data, len, limits);
        if (r != RESP_REQUEST)
            return r;
    }
    return finish(p, data, args, ret_used);
}
