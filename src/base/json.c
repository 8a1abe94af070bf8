/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Elements are written straight away and taken back to `mark` if their end has no room. Room for
 * the closing bracket of each level is never given away, so json_close() needs no test. Once
 * something was left out all that follows is too: a reader sees a beginning, not a selection.
 * Text is appended in runs; ASCII does not go through the decoder of UTF-8.
 */
#include "base/json.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { NUMBER_BYTES = 40 };

void
json_init(struct json *j, struct buf *out, unsigned rules)
{
    *j = (struct json){ .out = out, .rules = rules };
}

void
json_init_cut(struct json *j, struct buf *out, unsigned rules, size_t tail_bytes)
{
    *j = (struct json){ .out = out, .rules = rules, .tail_bytes = tail_bytes, .cuts = true };
}

/* ---- text ---- */

/* Whether the ASCII character stands for itself. */
static bool
is_plain(unsigned char c, unsigned rules)
{
    if (c < ' ' || c == 0x7f)
        return false;
    if (c == '"' || c == '\\')
        return rules & JSON_UNQUOTED;
    return !(rules & JSON_MARKUP) || (c != '<' && c != '>' && c != '&');
}

size_t
json_plain(attl_slice text, unsigned rules)
{
    const char *p = text.data;
    uint32_t code;
    size_t i = 0;
    while (i < text.len) {
        bool ascii = (unsigned char)p[i] < 0x80;
        size_t n = ascii ? 1 : rules & JSON_BYTES ? 0 : utf8_step(p + i, text.len - i, &code);
        if (ascii ? !is_plain((unsigned char)p[i], rules) : n == 0 || utf8_hidden(code))
            break;
        i += n;
    }
    return i;
}

/* The letter of the character's own escape; 0: it has none under these rules. */
static char
letter_of(char c, unsigned rules)
{
    switch (c) {
    case '"':
    case '\\': return rules & JSON_BYTES ? '\0' : c;
    case '\b': return rules & JSON_SHORT ? 'b' : '\0';
    case '\t': return rules & JSON_SHORT ? 't' : '\0';
    case '\n': return rules & JSON_SHORT ? 'n' : '\0';
    case '\r': return rules & JSON_SHORT ? 'r' : '\0';
    default: return '\0';
    }
}

size_t
json_escape_one(attl_slice text, unsigned rules, char out[JSON_ESCAPE_MAX + 1], size_t *ret_used)
{
    const char *p = text.data;
    char letter = letter_of(*p, rules);
    uint32_t code = (unsigned char)*p;
    size_t n = rules & JSON_BYTES ? 0 : utf8_step(p, text.len, &code);
    *ret_used = n > 0 ? n : 1;
    if (letter)
        return (size_t)snprintf(out, JSON_ESCAPE_MAX + 1, "\\%c", letter);
    if (n == 0 && rules & JSON_HALVES)
        code |= 0xdc00;
    return (size_t)snprintf(out, JSON_ESCAPE_MAX + 1, "\\u%04x", (unsigned)code & 0xffff);
}

/* ---- room ---- */

static size_t
room(const struct json *j)
{
    size_t used = j->out->len + j->tail_bytes + j->depth;
    return used < j->out->max_bytes ? j->out->max_bytes - used : 0;
}

/* Nothing, if it has no room. */
static void
put(struct json *j, const void *bytes, size_t len)
{
    if (j->cuts && (j->is_cut || len > room(j)))
        j->is_cut = true;
    else
        buf_append(j->out, bytes, len);
}

/* As much of a run of characters as there is room for. */
static void
put_run(struct json *j, const char *run, size_t len)
{
    size_t fits = j->cuts && len > room(j) ? room(j) : len;
    while (fits > 0 && fits < len && ((unsigned char)run[fits] & 0xc0) == 0x80)
        fits--; /* not the half of a character */
    put(j, run, fits);
    j->is_cut |= fits < len;
}

void
json_escape(struct json *j, attl_slice text)
{
    const char *p = text.data;
    for (size_t i = 0; i < text.len && !j->is_cut && !j->out->failed;) {
        size_t n = json_plain(attl_b(p + i, text.len - i), j->rules);
        if (n > 0) {
            put_run(j, p + i, n);
        } else {
            char escape[JSON_ESCAPE_MAX + 1];
            put(j, escape, json_escape_one(attl_b(p + i, text.len - i), j->rules, escape, &n));
        }
        i += n;
    }
}

/* ---- elements ---- */

static void
put_name(struct json *j, attl_slice name)
{
    put(j, "\"", 1);
    json_escape(j, name);
    put(j, "\":", 2);
}

/* What stands in front of an element; false if there is to be none. */
static bool
begin(struct json *j, const char *name)
{
    if (j->is_cut)
        return false;
    if (!j->named) {
        j->mark = j->out->len;
        put(j, ",", j->more);
        put(j, "\n", j->line);
        j->line = false;
    }
    j->named = false;
    if (name)
        put_name(j, attl_s(name));
    return true;
}

static void
end(struct json *j)
{
    if (j->is_cut)
        j->out->len = j->mark;
    j->more = true;
}

void
json_name(struct json *j, attl_slice name)
{
    if (!begin(j, NULL))
        return;
    put_name(j, name);
    j->named = true;
    if (j->is_cut)
        j->out->len = j->mark;
}

void
json_line(struct json *j)
{
    j->line = true;
}

void
json_open(struct json *j, const char *name, char bracket)
{
    char both[2] = { bracket, bracket == '{' ? '}' : bracket == '[' ? ']' : '"' };
    ASSERT(j->depth < JSON_DEPTH_MAX);
    bool begun = begin(j, name);
    if (j->cuts && room(j) < sizeof both)
        j->is_cut = true;
    put(j, both, 1);
    if (j->is_cut) {
        j->skipped++;
        if (begun)
            j->out->len = j->mark;
        return;
    }
    j->closers[j->depth++] = both[1];
    j->more = false;
}

void
json_close(struct json *j)
{
    if (j->skipped > 0) {
        j->skipped--;
        return;
    }
    ASSERT(j->depth > 0);
    if (j->line)
        put(j, "\n", 1);
    j->line = false;
    buf_append(j->out, &j->closers[--j->depth], 1); /* its room was kept */
    j->more = true;
}

void
json_put_raw(struct json *j, const char *name, attl_slice json)
{
    if (!begin(j, name))
        return;
    put(j, json.data, json.len);
    end(j);
}

void
json_put_text(struct json *j, const char *name, attl_slice text)
{
    json_open(j, name, '"');
    json_escape(j, text);
    json_close(j);
}

void
json_put_str(struct json *j, const char *name, const char *text)
{
    json_put_text(j, name, attl_s(text));
}

void
json_put_i64(struct json *j, const char *name, int64_t value)
{
    char text[NUMBER_BYTES];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    json_put_raw(j, name, attl_b(text, (size_t)n));
}

void
json_put_u64(struct json *j, const char *name, uint64_t value)
{
    char text[NUMBER_BYTES];
    int n = snprintf(text, sizeof text, "%" PRIu64, value);
    json_put_raw(j, name, attl_b(text, (size_t)n));
}

void
json_put_real(struct json *j, const char *name, double value, int digits)
{
    char text[NUMBER_BYTES];
    ASSERT(digits > 0 && digits <= 17);
    int n = snprintf(text, sizeof text, "%.*g", digits, value);
    json_put_raw(j, name, isfinite(value) ? attl_b(text, (size_t)n) : attl_s("null"));
}

void
json_put_bool(struct json *j, const char *name, bool value)
{
    json_put_raw(j, name, attl_s(value ? "true" : "false"));
}

void
json_put_null(struct json *j, const char *name)
{
    json_put_raw(j, name, attl_s("null"));
}
