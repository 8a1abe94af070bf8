/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reader of RESP3 that writes while it reads. It walks the reply with a stack of what is open and
 * how much of it is missing, so that depth costs a row of a small array and not the C stack. Each
 * length is compared with the bytes that are left before it is used: an aggregate of n elements
 * needs n bytes at least. One call, no state behind it, nothing allocated but by the buf.
 */
#include "admin/json_reply.h"

#include "admin/json_text.h"
#include "base/num.h"
#include "base/slice.h"

enum frame_kind { FRAME_ARRAY, FRAME_MAP };

/* An aggregate that is being written. */
struct frame {
    enum frame_kind kind;
    size_t left; /* elements; of a map, names and values */
};

struct walk {
    struct json *out;
    attl_slice rest;
    struct frame frames[JSON_REPLY_DEPTH_MAX];
    size_t depth;
    enum json_shape shape;
};

/* ---- pieces of the reply ---- */

/* The line at the front, without its type and its end. */
static bool
take_line(struct walk *w, attl_slice *ret_line)
{
    const char *at = w->rest.data;
    const char *end = w->rest.len > 0 ? memchr(at, '\r', w->rest.len) : NULL;
    if (!end || (size_t)(end - at) + 2 > w->rest.len || end[1] != '\n')
        return false;
    *ret_line = attl_b(at, (size_t)(end - at));
    size_t used = ret_line->len + 2;
    w->rest = attl_b(at + used, w->rest.len - used);
    return true;
}

static bool
take_bulk(struct walk *w, attl_slice line, attl_slice *ret_bytes)
{
    int64_t len;
    if (!num_parse_i64(line, &len) || len < 0 || w->rest.len < 2 || (uint64_t)len > w->rest.len - 2)
        return false;
    const char *at = w->rest.data;
    *ret_bytes = attl_b(at, (size_t)len);
    w->rest = attl_b(at + len + 2, w->rest.len - (size_t)len - 2);
    return at[len] == '\r' && at[len + 1] == '\n';
}

/* ---- scalars ---- */

/* A number as JSON has it: so that "007" and "1." of a text stay text. */
static bool
is_number(attl_slice text)
{
    const char *at = text.data;
    size_t i = text.len > 0 && at[0] == '-';
    size_t whole = i;
    while (i < text.len && at[i] >= '0' && at[i] <= '9')
        i++;
    if (i == whole || (at[whole] == '0' && i > whole + 1) || text.len > NUM_TEXT_MAX)
        return false;
    if (i == text.len)
        return true;
    size_t point = i++;
    while (i < text.len && at[i] >= '0' && at[i] <= '9')
        i++;
    return at[point] == '.' && i > point + 1 && i == text.len;
}

static void
put_number_or_text(struct json *out, attl_slice text)
{
    if (is_number(text))
        json_put_raw(out, NULL, text);
    else
        json_put_bytes(out, NULL, text);
}

/* The same with an exponent or without. */
static bool
is_double(attl_slice text)
{
    const char *at = text.data;
    size_t i = 0;
    while (i < text.len && at[i] != 'e' && at[i] != 'E')
        i++;
    if (!is_number(attl_b(at, i)))
        return false;
    if (i == text.len)
        return true;
    i += 1 + (i + 1 < text.len && (at[i + 1] == '+' || at[i + 1] == '-'));
    size_t digits = i;
    while (i < text.len && at[i] >= '0' && at[i] <= '9')
        i++;
    return i > digits && i == text.len;
}

/* A double as RESP3 has it; JSON knows no infinity, and what is no number stays text. */
static void
put_double(struct json *out, attl_slice text)
{
    if (is_double(text))
        json_put_raw(out, NULL, text);
    else
        json_put_bytes(out, NULL, text);
}

void
json_put_error(struct json *out, const char *name, attl_slice text)
{
    const char *at = text.data;
    const char *blank = text.len > 0 ? memchr(at, ' ', text.len) : NULL;
    size_t code = blank ? (size_t)(blank - at) : text.len;
    size_t from = blank ? code + 1 : code;
    json_open(out, name, '{');
    json_put_bytes(out, "code", attl_b(at, code));
    json_put_bytes(out, "message", attl_b(at + from, text.len - from));
    json_close(out);
}

static void
put_error(struct json *out, attl_slice text)
{
    json_open(out, NULL, '{');
    json_put_error(out, "error", text);
    json_close(out);
}

/* ---- texts with a shape ---- */

/* "name", separator, value: a member of the object that is open, or nothing. */
static void
put_member(struct json *out, attl_slice text, char separator)
{
    const char *at = text.data;
    const char *cut = text.len > 0 ? memchr(at, separator, text.len) : NULL;
    if (!cut)
        return;
    size_t name = (size_t)(cut - at);
    json_name_bytes(out, attl_b(at, name));
    put_number_or_text(out, attl_b(cut + 1, text.len - name - 1));
}

static void
put_info(struct json *out, attl_slice text)
{
    attl_slice line;
    bool open = false;
    json_open(out, NULL, '{');
    while (slice_take_line(&text, &line)) {
        const char *at = line.data;
        if (line.len > 2 && at[0] == '#') {
            char lower[32];
            size_t n = line.len - 2 < sizeof lower ? line.len - 2 : sizeof lower;
            for (size_t i = 0; i < n; i++)
                lower[i] = at[2 + i] >= 'A' && at[2 + i] <= 'Z' ? (char)(at[2 + i] + 32)
                                                                : at[2 + i];
            if (open)
                json_close(out);
            json_name_bytes(out, attl_b(lower, n));
            json_open(out, NULL, '{');
            open = true;
        } else if (open) {
            put_member(out, line, ':');
        }
    }
    if (open)
        json_close(out);
    json_close(out);
}

static void
put_words(struct json *out, attl_slice line)
{
    json_open(out, NULL, '{');
    while (line.len > 0) {
        const char *at = line.data;
        const char *blank = memchr(at, ' ', line.len);
        size_t len = blank ? (size_t)(blank - at) : line.len;
        size_t used = blank ? len + 1 : len;
        put_member(out, attl_b(at, len), '=');
        line = attl_b(at + used, line.len - used);
    }
    json_close(out);
}

static void
put_rows(struct json *out, attl_slice text)
{
    attl_slice line;
    json_open(out, NULL, '[');
    while (slice_take_line(&text, &line))
        if (line.len > 0)
            put_words(out, line);
    json_close(out);
}

static void
put_text(struct walk *w, attl_slice text)
{
    if (w->depth > 0 || w->shape == JSON_AS_IS)
        json_put_bytes(w->out, NULL, text);
    else if (w->shape == JSON_INFO)
        put_info(w->out, text);
    else
        put_rows(w->out, text);
}

/* ---- the walk ---- */

static struct frame *
top(struct walk *w)
{
    return w->depth > 0 ? &w->frames[w->depth - 1] : NULL;
}

static bool
at_name(struct walk *w)
{
    const struct frame *f = top(w);
    return f && f->kind == FRAME_MAP && f->left % 2 == 0;
}

/* An element is complete; so may be the aggregates around it. */
static void
close_frames(struct walk *w)
{
    for (struct frame *f = top(w); f; f = top(w)) {
        if (f->left > 0)
            f->left--;
        if (f->left > 0)
            return;
        json_close(w->out);
        w->depth--;
    }
}

static bool
open_frame(struct walk *w, attl_slice line, enum frame_kind kind)
{
    int64_t n;
    if (at_name(w) || !num_parse_i64(line, &n) || n < -1)
        return false;
    if (n < 0) { /* the null array of protocol 2 */
        json_put_null(w->out, NULL);
        close_frames(w);
        return true;
    }
    size_t per = kind == FRAME_MAP ? 2 : 1;
    if (w->depth == JSON_REPLY_DEPTH_MAX || (uint64_t)n > w->rest.len / per)
        return false;
    json_open(w->out, NULL, kind == FRAME_MAP ? '{' : '[');
    if (n == 0) {
        json_close(w->out);
        close_frames(w);
        return true;
    }
    w->frames[w->depth++] = (struct frame){ kind, (size_t)n * per };
    return true;
}

/* A string, a number ... as the name of a member. */
static bool
put_name(struct walk *w, char type, attl_slice line)
{
    attl_slice bytes = line;
    if (type == '$' && !take_bulk(w, line, &bytes))
        return false;
    if (!strchr("$+:,#(", type))
        return false;
    json_name_bytes(w->out, bytes);
    return true;
}

static bool
put_scalar(struct walk *w, char type, attl_slice line)
{
    attl_slice bytes;
    switch (type) {
    case '+': put_text(w, line); return true;
    case '-': put_error(w->out, line); return true;
    case ':':
        if (!is_number(line))
            return false;
        json_put_raw(w->out, NULL, line);
        return true;
    case ',': put_double(w->out, line); return true;
    case '(': json_put_bytes(w->out, NULL, line); return true;
    case '_': json_put_null(w->out, NULL); return true;
    case '#':
        json_put_bool(w->out, NULL, line.len == 1 && *(const char *)line.data == 't');
        return true;
    case '$':
        if (line.len == 2 && memcmp(line.data, "-1", 2) == 0) {
            json_put_null(w->out, NULL);
            return true;
        }
        if (!take_bulk(w, line, &bytes))
            return false;
        put_text(w, bytes);
        return true;
    case '=': /* "txt:" comes first */
        if (!take_bulk(w, line, &bytes) || bytes.len < 4)
            return false;
        put_text(w, attl_b((const char *)bytes.data + 4, bytes.len - 4));
        return true;
    default: return false;
    }
}

static bool
put_element(struct walk *w)
{
    attl_slice line;
    if (w->rest.len == 0)
        return false;
    char type = *(const char *)w->rest.data;
    w->rest = attl_b((const char *)w->rest.data + 1, w->rest.len - 1);
    if (!take_line(w, &line))
        return false;
    bool name = at_name(w);
    if (type == '*' || type == '~' || type == '>')
        return open_frame(w, line, FRAME_ARRAY);
    if (type == '%')
        return open_frame(w, line, FRAME_MAP);
    if (name ? !put_name(w, type, line) : !put_scalar(w, type, line))
        return false;
    close_frames(w);
    return true;
}

bool
json_put_reply(struct json *out, attl_slice resp, enum json_shape shape)
{
    struct walk w = { .out = out, .rest = resp, .shape = shape };
    do {
        if (!put_element(&w))
            return false;
    } while (w.depth > 0);
    return !out->out->failed;
}

bool
json_reply_error(attl_slice resp, attl_slice *ret_text)
{
    struct walk w = { .rest = resp };
    if (resp.len == 0 || *(const char *)resp.data != '-')
        return false;
    w.rest = attl_b((const char *)resp.data + 1, resp.len - 1);
    return take_line(&w, ret_text);
}
