/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Escaping works on runs: the longest stretch that needs nothing is written at once, then one
 * escape. What counts as invisible is base/utf8.h's to say. The unlocked stdio calls are safe
 * because the tool has one thread.
 */
#include "cli/text.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/utf8.h"

enum { TEXT_JSON_RULES = JSON_SHORT | JSON_HALVES, BASE64_BLOCK_BYTES = 768 };

/* An empty slice may have no address, and NULL + 0 is not defined in C. */
static const char *
bytes_of(attl_slice text)
{
    return text.len > 0 ? text.data : "";
}

static void
put(FILE *to, const char *p, size_t len)
{
    if (len > 0)
        (void)fwrite_unlocked(p, 1, len, to); /* the owner looks at ferror() */
}

static void
put_hex(FILE *to, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)fprintf(to, "\\x%02x", (unsigned char)p[i]);
}

/* One byte for the letter of its backslash escape, 0 if it has none. */
static char
escape_letter(char c)
{
    switch (c) {
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\a': return 'a';
    case '\b': return 'b';
    case '"':
    case '\\': return c;
    default: return 0;
    }
}

void
text_quoted(FILE *to, attl_slice text)
{
    const char *p = bytes_of(text);
    size_t run = 0; /* where the part not yet written begins */
    (void)putc_unlocked('"', to);
    for (size_t i = 0, n; i < text.len; i += n) {
        uint32_t code;
        n = utf8_step(p + i, text.len - i, &code);
        char letter = escape_letter(p[i]);
        if (n > 0 && !letter && !utf8_hidden(code))
            continue;
        put(to, p + run, i - run);
        n = n ? n : 1;
        if (letter) {
            char pair[2] = { '\\', letter };
            put(to, pair, 2);
        } else {
            put_hex(to, p + i, n);
        }
        run = i + n;
    }
    put(to, p + run, text.len - run);
    (void)putc_unlocked('"', to);
}

void
text_safe(FILE *to, attl_slice text)
{
    const char *p = bytes_of(text);
    size_t run = 0;
    for (size_t i = 0, n; i < text.len; i += n) {
        uint32_t code;
        n = utf8_step(p + i, text.len - i, &code);
        bool keep = n > 0 && (!utf8_hidden(code) || code == '\n' || code == '\t');
        n = n ? n : 1;
        if (keep)
            continue;
        put(to, p + run, i - run);
        if (p[i] != '\r')
            put_hex(to, p + i, n);
        run = i + n;
    }
    put(to, p + run, text.len - run);
}

void
text_json(FILE *to, attl_slice text)
{
    const char *p = bytes_of(text);
    (void)putc_unlocked('"', to);
    for (size_t i = 0; i < text.len;) {
        attl_slice rest = attl_b(p + i, text.len - i);
        size_t n = json_plain(rest, TEXT_JSON_RULES);
        put(to, p + i, n);
        i += n;
        if (n < rest.len) {
            char escape[JSON_ESCAPE_MAX + 1];
            rest = attl_b(p + i, text.len - i);
            put(to, escape, json_escape_one(rest, TEXT_JSON_RULES, escape, &n));
            i += n;
        }
    }
    (void)putc_unlocked('"', to);
}

void
text_base64(FILE *to, attl_slice bytes)
{
    char text[BASE64_BLOCK_BYTES / 3 * 4];
    const char *p = bytes_of(bytes);
    for (size_t i = 0; i < bytes.len; i += BASE64_BLOCK_BYTES) {
        size_t left = bytes.len - i;
        struct buf block;
        buf_init_fixed(&block, text, sizeof text);
        base64_append(&block, attl_b(p + i, left < BASE64_BLOCK_BYTES ? left : BASE64_BLOCK_BYTES));
        put(to, block.data, block.len);
    }
}
