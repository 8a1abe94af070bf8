/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each step reads one element: a line, and for the bulk types the bytes after it. An element that
 * is not whole yet is left where it is and read again when more bytes came; only the search for the
 * end of its line is remembered, because a line arriving byte by byte would otherwise be searched n
 * times. Nested aggregates live on an explicit stack: the depth a server may ask for is a constant,
 * not the size of our C stack.
 */
#include "cli/reply_parse.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdlib.h>

enum { NODES_FIRST = 16, VERBATIM_FORMAT_BYTES = 4, CRLF_BYTES = 2 };

/* One element's first line: "<type><text>\r\n". */
struct line {
    char type;
    attl_slice text;
    size_t bytes; /* of the whole line */
};

void
reply_parser_init(struct reply_parser *p)
{
    *p = (struct reply_parser){ .nodes = NULL };
}

void
reply_parser_fini(struct reply_parser *p)
{
    free(p->nodes);
    reply_parser_init(p);
}

void
reply_parser_reset(struct reply_parser *p)
{
    p->count = 0;
    p->pos = 0;
    p->scanned = 0;
    p->depth = 0;
}

/* Appends a node and returns it, or NULL with *ret_status set. */
static struct reply *
node_push(struct reply_parser *p, enum reply_type type, int *ret_status)
{
    if (p->count == REPLY_NODES_MAX) {
        *ret_status = REPLY_E_LIMIT;
        return NULL;
    }
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : NODES_FIRST;
        struct reply *nodes = realloc(p->nodes, cap * sizeof *nodes);
        if (!nodes) {
            *ret_status = REPLY_E_NOMEM;
            return NULL;
        }
        p->nodes = nodes;
        p->cap = cap;
    }
    struct reply *r = &p->nodes[p->count++];
    *r = (struct reply){ .type = type, .span = 1 };
    return r;
}

/* Finds the line at p->pos, which ends at its first line feed; a carriage return must stand before
 * that. */
static int
line_find(struct reply_parser *p, const char *data, size_t len, struct line *ret_line)
{
    size_t from = p->scanned > p->pos ? p->scanned : p->pos;
    const char *end = from < len ? memchr(data + from, '\n', len - from) : NULL;
    if (!end) {
        p->scanned = len;
        return len - p->pos > REPLY_LINE_BYTES_MAX ? REPLY_E_LIMIT : REPLY_MORE;
    }
    size_t bytes = (size_t)(end - (data + p->pos)) + 1;
    if (bytes > REPLY_LINE_BYTES_MAX)
        return REPLY_E_LIMIT;
    if (bytes < 1 + CRLF_BYTES || end[-1] != '\r')
        return REPLY_E_SYNTAX;
    p->scanned = p->pos + bytes -
                 1; /* a bulk that is not whole comes back here: do not search again */
    ret_line->type = data[p->pos];
    ret_line->text = attl_b(data + p->pos + 1, bytes - 1 - CRLF_BYTES);
    ret_line->bytes = bytes;
    return REPLY_DONE;
}

/* A length: -1 (where RESP2 uses it for nil) to `max`. */
static int
length_parse(attl_slice text, int64_t max, int64_t *ret_length)
{
    if (!num_parse_i64(text, ret_length) || *ret_length < -1)
        return REPLY_E_SYNTAX;
    return *ret_length > max ? REPLY_E_LIMIT : REPLY_DONE;
}

static int
nil_push(struct reply_parser *p, const struct line *line)
{
    int status = REPLY_DONE;
    if (node_push(p, REPLY_NIL, &status))
        p->pos += line->bytes;
    return status;
}

/* $ ! = : a length line, that many bytes, CRLF. */
static int
bulk_parse(struct reply_parser *p, const char *data, size_t len, const struct line *line)
{
    int64_t length;
    int status = length_parse(line->text, REPLY_BULK_BYTES_MAX, &length);
    if (status)
        return status;
    if (length < 0)
        return line->type == '$' ? nil_push(p, line) : REPLY_E_SYNTAX;
    size_t at = p->pos + line->bytes;
    size_t n = (size_t)length;
    if (len - at < n + CRLF_BYTES)
        return REPLY_MORE;
    if (data[at + n] != '\r' || data[at + n + 1] != '\n')
        return REPLY_E_SYNTAX;
    size_t skip = 0;
    if (line->type == '=') {
        if (n < VERBATIM_FORMAT_BYTES || data[at + VERBATIM_FORMAT_BYTES - 1] != ':')
            return REPLY_E_SYNTAX;
        skip = VERBATIM_FORMAT_BYTES;
    }
    enum reply_type type = line->type == '$'   ? REPLY_STRING
                           : line->type == '!' ? REPLY_ERROR
                                               : REPLY_VERBATIM;
    struct reply *r = node_push(p, type, &status);
    if (!r)
        return status;
    r->at = at + skip;
    r->text.len = n - skip;
    p->pos = at + n + CRLF_BYTES;
    return REPLY_DONE;
}

static enum reply_type
aggregate_type(char type)
{
    switch (type) {
    case '%': return REPLY_MAP;
    case '~': return REPLY_SET;
    case '>': return REPLY_PUSH;
    default: return REPLY_ARRAY; /* '*'; and '|', whose node is dropped when it is complete */
    }
}

/* * ~ > % | : opens a frame. Even one without children, so that closing it is one piece of code. */
static int
aggregate_parse(struct reply_parser *p, const struct line *line)
{
    int64_t length;
    int status = length_parse(line->text, REPLY_NODES_MAX, &length);
    if (status)
        return status;
    if (length < 0)
        return line->type == '*' ? nil_push(p, line) : REPLY_E_SYNTAX;
    if (p->depth == REPLY_DEPTH_MAX)
        return REPLY_E_DEPTH;
    struct reply *r = node_push(p, aggregate_type(line->type), &status);
    if (!r)
        return status;
    bool pairs = line->type == '%' || line->type == '|';
    r->children = (size_t)length * (pairs ? 2 : 1);
    p->stack[p->depth++] = (struct reply_frame){ .node = p->count - 1,
                                                 .remaining = r->children,
                                                 .attribute = line->type == '|' };
    p->pos += line->bytes;
    return REPLY_DONE;
}

/* The types that are one line. */
static int
scalar_parse(struct reply_parser *p, const struct line *line)
{
    int64_t integer = 0;
    enum reply_type type;
    switch (line->type) {
    case '+': type = REPLY_STATUS; break;
    case '-': type = REPLY_ERROR; break;
    case ',': type = REPLY_DOUBLE; break;
    case '(': type = REPLY_BIGNUM; break;
    case ':':
        type = REPLY_INTEGER;
        if (!num_parse_i64(line->text, &integer))
            return REPLY_E_SYNTAX;
        break;
    case '#':
        type = REPLY_BOOL;
        if (line->text.len != 1 || !memchr("tf", *(const char *)line->text.data, 2))
            return REPLY_E_SYNTAX;
        integer = *(const char *)line->text.data == 't';
        break;
    default: return REPLY_E_SYNTAX;
    }
    int status = REPLY_DONE;
    struct reply *r = node_push(p, type, &status);
    if (!r)
        return status;
    r->integer = integer;
    r->at = p->pos + 1;
    r->text.len = line->text.len;
    p->pos += line->bytes;
    return REPLY_DONE;
}

static int
element_parse(struct reply_parser *p, const char *data, size_t len)
{
    struct line line;
    int status = line_find(p, data, len, &line);
    if (status)
        return status;
    switch (line.type) {
    case '$':
    case '!':
    case '=': return bulk_parse(p, data, len, &line);
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': return aggregate_parse(p, &line);
    case '_': return line.text.len == 0 ? nil_push(p, &line) : REPLY_E_SYNTAX;
    default: return scalar_parse(p, &line);
    }
}

/*
 * An element is complete: closes every frame it was the last child of. True if the whole reply is
 * complete. A finished attribute is not an element: its nodes go, and its parent still waits for
 * the value it describes.
 */
static bool
frames_close(struct reply_parser *p, bool opened)
{
    bool counts = !opened; /* a frame just opened is not complete before its children are */
    for (;;) {
        if (p->depth == 0)
            return counts;
        struct reply_frame *top = &p->stack[p->depth - 1];
        if (counts) {
            ASSERT(top->remaining > 0);
            top->remaining--;
        }
        if (top->remaining > 0)
            return false;
        counts = !top->attribute;
        if (top->attribute)
            p->count = top->node;
        else
            p->nodes[top->node].span = p->count - top->node;
        p->depth--;
        if (!counts)
            return false;
    }
}

int
reply_parse(struct reply_parser *p, const char *data, size_t len, const struct reply **ret_root,
            size_t *ret_used)
{
    if (p->pos == 0)
        p->count =
            0; /* the previous tree ends here; `scanned` stays, the first line may be half read */
    for (;;) {
        size_t depth = p->depth;
        int status = element_parse(p, data, len);
        if (status)
            return status;
        if (frames_close(p, p->depth > depth))
            break;
    }
    ASSERT(p->count > 0 && p->nodes[0].span == p->count);
    for (size_t i = 0; i < p->count; i++)
        p->nodes[i].text.data = data + p->nodes[i].at;
    *ret_root = p->nodes;
    *ret_used = p->pos;
    p->pos = 0;
    p->scanned = 0;
    return REPLY_DONE;
}

const char *
reply_strerror(int status)
{
    switch (status) {
    case REPLY_DONE: return "complete";
    case REPLY_MORE: return "incomplete";
    case REPLY_E_SYNTAX: return "not a RESP reply";
    case REPLY_E_DEPTH: return "nested too deeply";
    case REPLY_E_LIMIT: return "an element is larger than allowed";
    case REPLY_E_NOMEM: return "out of memory";
    default: return "unknown status";
    }
}

bool
reply_is_aggregate(const struct reply *r)
{
    return r->type == REPLY_ARRAY || r->type == REPLY_MAP || r->type == REPLY_SET ||
           r->type == REPLY_PUSH;
}

bool
reply_text_is(const struct reply *r, const char *z)
{
    size_t len = strlen(z);
    return r->text.len == len && memcmp(r->text.data, z, len) == 0;
}
