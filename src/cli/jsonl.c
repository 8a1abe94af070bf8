/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parser for one flat object, not for JSON: three members, strings and one number. A string
 * without escapes is used where it lies in the line; only others are copied. That, and no tree, is
 * what lets `attl load` keep up with a server that takes millions of keys a second.
 */
#include "cli/jsonl.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/num.h"
#include "base/slice.h"
#include "base/utf8.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdarg.h>

enum { MEMBER_KEY, MEMBER_VALUE, MEMBER_DEADLINE, MEMBERS };
enum { KEEP_BYTES = 1024 * 1024 };

struct cursor {
    struct jsonl *j;
    const char *begin, *p, *end;
};

void
jsonl_init(struct jsonl *j)
{
    buf_init(&j->texts[MEMBER_KEY], JSONL_TEXT_BYTES_MAX);
    buf_init(&j->texts[MEMBER_VALUE], JSONL_TEXT_BYTES_MAX);
    j->error[0] = '\0';
}

void
jsonl_fini(struct jsonl *j)
{
    buf_fini(&j->texts[MEMBER_KEY]);
    buf_fini(&j->texts[MEMBER_VALUE]);
}

static bool fail(struct cursor *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool
fail(struct cursor *c, const char *format, ...)
{
    char what[JSONL_ERROR_MAX - 32];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args); /* a cut sentence is still one */
    va_end(args);
    (void)snprintf(c->j->error, sizeof c->j->error, "column %zu: %s", (size_t)(c->p - c->begin) + 1,
                   what);
    return false;
}

static void
skip_blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r'))
        c->p++;
}

/* Blanks, then `wanted`. */
static bool
expect(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != wanted)
        return fail(c, "expected '%c'", wanted);
    c->p++;
    return true;
}

/* The four hexadecimal digits of \u; `p` is behind the u. */
static bool
read_hex4(struct cursor *c, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    if (c->end - c->p < 4)
        return fail(c, "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; i++, c->p++) {
        int digit = hex_value(*c->p);
        if (digit < 0)
            return fail(c, "\\u needs four hexadecimal digits");
        unit = unit << 4 | (uint32_t)digit;
    }
    *ret_unit = unit;
    return true;
}

/* \uXXXX, a pair of them for code points above 0xffff. */
static bool
read_unicode(struct cursor *c, struct buf *to)
{
    uint32_t code, low;
    char bytes[4];
    if (!read_hex4(c, &code))
        return false;
    if (code >= 0xdc00 && code < 0xe000)
        return fail(c,
                    "half a surrogate pair; use key_b64 or value_b64 for bytes that are not UTF-8");
    if (code >= 0xd800 && code < 0xdc00) {
        if (c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
            return fail(c, "half a surrogate pair");
        c->p += 2;
        if (!read_hex4(c, &low))
            return false;
        if (low < 0xdc00 || low >= 0xe000)
            return fail(c, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
    }
    buf_append(to, bytes, utf8_encode(code, bytes));
    return true;
}

/* One escape; `p` is at the backslash. */
static bool
read_escape(struct cursor *c, struct buf *to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (c->end - c->p < 2)
        return fail(c, "the string does not end");
    char name = c->p[1];
    if (name == 'u') {
        c->p += 2;
        return read_unicode(c, to);
    }
    const char *at = name ? strchr(names, name) : NULL;
    if (!at)
        return fail(c, "no such escape in JSON");
    buf_append(to, values + (at - names), 1);
    c->p += 2;
    return true;
}

/* Moves to the end of the run of plain characters: to a quote or a backslash. */
static bool
skip_plain(struct cursor *c)
{
    uint32_t code;
    while (c->p < c->end && *c->p != '"' && *c->p != '\\') {
        unsigned char first = (unsigned char)*c->p;
        size_t n = first < 0x80 ? 1 : utf8_step(c->p, (size_t)(c->end - c->p), &code);
        if (first < 0x20)
            return fail(c, "a control character in a string must be escaped");
        if (n == 0)
            return fail(c, "not UTF-8; use key_b64 or value_b64 for such bytes");
        c->p += n;
    }
    return c->p < c->end || fail(c, "the string does not end");
}

/* A string; `scratch` is used only if it has escapes. */
static bool
read_string(struct cursor *c, struct buf *scratch, attl_slice *ret_text)
{
    if (!expect(c, '"'))
        return false;
    const char *run = c->p;
    if (!skip_plain(c))
        return false;
    if (*c->p == '"') {
        *ret_text = attl_b(run, (size_t)(c->p++ - run));
        return true;
    }
    buf_clear(scratch, KEEP_BYTES);
    while (*c->p == '\\') {
        buf_append(scratch, run, (size_t)(c->p - run));
        if (!read_escape(c, scratch))
            return false;
        run = c->p;
        if (!skip_plain(c))
            return false;
    }
    buf_append(scratch, run, (size_t)(c->p++ - run));
    *ret_text = buf_slice(scratch);
    return !scratch->failed || fail(c, "longer than %d MiB", JSONL_TEXT_BYTES_MAX >> 20);
}

/* base64 in a string. It never has escapes in practice; where it has, they are resolved first. */
static bool
read_base64(struct cursor *c, struct buf *to, attl_slice *ret_bytes)
{
    struct buf unescaped;
    attl_slice text;
    buf_init(&unescaped, (size_t)JSONL_TEXT_BYTES_MAX / 3 * 4 + 4);
    bool done = read_string(c, &unescaped, &text);
    if (done) {
        buf_clear(to, KEEP_BYTES);
        done = base64_decode(to, text) || fail(c, "not base64 (RFC 4648, with padding)");
        *ret_bytes = buf_slice(to);
    }
    buf_fini(&unescaped);
    return done;
}

static bool
read_deadline(struct cursor *c, int64_t *ret_deadline_ms)
{
    skip_blanks(c);
    const char *from = c->p;
    while (c->p < c->end && *c->p != ',' && *c->p != '}' && *c->p != ' ')
        c->p++;
    size_t len = (size_t)(c->p - from);
    if (len == 4 && memcmp(from, "null", 4) == 0) {
        *ret_deadline_ms = ATTL_NO_DEADLINE;
        return true;
    }
    if (num_parse_i64(attl_b(from, len), ret_deadline_ms) && *ret_deadline_ms > 0)
        return true;
    c->p = from;
    return fail(c, "deadline_ms must be a whole number of Unix milliseconds above 0, or null");
}

/* The value of one member; `seen` has a bit for each that was read before. */
static bool
read_member(struct cursor *c, attl_slice name, struct jsonl_record *r, unsigned *seen)
{
    bool b64 = slice_is(name, "key_b64") || slice_is(name, "value_b64");
    int member = slice_is(name, "key") || slice_is(name, "key_b64")       ? MEMBER_KEY
                 : slice_is(name, "value") || slice_is(name, "value_b64") ? MEMBER_VALUE
                 : slice_is(name, "deadline_ms")                          ? MEMBER_DEADLINE
                                                                          : MEMBERS;
    if (member == MEMBERS)
        return fail(c, "unknown member '%.*s' (key, key_b64, value, value_b64, deadline_ms)",
                    (int)(name.len < 32 ? name.len : 32), (const char *)name.data);
    if (*seen & 1U << member)
        return fail(c, "'%.*s' is given twice", (int)name.len, (const char *)name.data);
    *seen |= 1U << member;
    if (!expect(c, ':'))
        return false;
    if (member == MEMBER_DEADLINE)
        return read_deadline(c, &r->deadline_ms);
    attl_slice *to = member == MEMBER_KEY ? &r->key : &r->value;
    return b64 ? read_base64(c, &c->j->texts[member], to)
               : read_string(c, &c->j->texts[member], to);
}

/* A member's name: those known have no escapes, so there need be no room for unescaping one. */
static bool
read_name(struct cursor *c, attl_slice *ret_name)
{
    if (!expect(c, '"'))
        return false;
    const char *from = c->p;
    if (!skip_plain(c))
        return false;
    *ret_name = attl_b(from, (size_t)(c->p - from));
    return expect(c, '"');
}

bool
jsonl_read(struct jsonl *j, attl_slice line, struct jsonl_record *ret_record)
{
    const char *begin = line.len > 0 ? line.data : ""; /* NULL + 0 is not defined in C */
    struct cursor c = { j, begin, begin, begin + line.len };
    struct jsonl_record r = { .deadline_ms = ATTL_NO_DEADLINE };
    unsigned seen = 0;
    if (!expect(&c, '{'))
        return false;
    for (int i = 0; i < MEMBERS; i++) {
        attl_slice name;
        if (!read_name(&c, &name) || !read_member(&c, name, &r, &seen))
            return false;
        skip_blanks(&c);
        if (c.p == c.end || *c.p != ',')
            break;
        if (i < MEMBERS - 1)
            c.p++; /* a fourth member would be unknown or given twice: its comma is not the '}'
                      expected */
    }
    if (!expect(&c, '}'))
        return false;
    skip_blanks(&c);
    if (c.p != c.end)
        return fail(&c, "something follows the object");
    if (!(seen & 1U << MEMBER_KEY) || !(seen & 1U << MEMBER_VALUE))
        return fail(&c, "the %s is missing", seen & 1U << MEMBER_KEY ? "value" : "key");
    *ret_record = r;
    return true;
}

void
jsonl_write_text(FILE *to, const char *name, attl_slice text)
{
    bool plain = utf8_valid(text);
    (void)fprintf(to, "\"%s%s\":", name, plain ? "" : "_b64");
    if (plain) {
        text_json(to, text);
        return;
    }
    (void)fputc('"', to);
    text_base64(to, text);
    (void)fputc('"', to);
}

void
jsonl_write(FILE *to, const struct jsonl_record *record)
{
    (void)fputc('{', to);
    jsonl_write_text(to, "key", record->key);
    (void)fputc(',', to);
    jsonl_write_text(to, "value", record->value);
    if (record->deadline_ms != ATTL_NO_DEADLINE)
        (void)fprintf(to, ",\"deadline_ms\":%" PRId64, record->deadline_ms);
    (void)fputs("}\n", to);
}
