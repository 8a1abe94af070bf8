/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Escaping works on runs: the longest stretch that needs nothing is written at once, then one
 * escape. Invisible characters that change the direction or order of text count as control
 * characters, since a key made of them could show as another key. The unlocked stdio calls are safe
 * because the tool has one thread.
 */
#include "cli/text.h"

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

/* An empty slice may have no address, and NULL + 0 is not defined in C. */
static const char *
bytes_of(attl_slice text)
{
    return text.len > 0 ? text.data : "";
}

/* Control characters, and those that reorder or hide the text around them. */
static bool
code_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
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
        if (n > 0 && !letter && !code_hidden(code))
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
        bool keep = n > 0 && (!code_hidden(code) || code == '\n' || code == '\t');
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

/* Writes what may not stand in a JSON string as it is: a character of `n` bytes at `p`, or (n = 0)
 * a stray byte. */
static void
put_json_escape(FILE *to, const char *p, size_t n, uint32_t code)
{
    char letter = escape_letter(*p);
    if (n == 0)
        (void)fprintf(to, "\\udc%02x", (unsigned char)*p);
    else if (letter && letter != 'a')
        (void)fprintf(to, "\\%c", letter);
    else
        (void)fprintf(to, "\\u%04x", code);
}

void
text_json(FILE *to, attl_slice text)
{
    const char *p = bytes_of(text);
    size_t run = 0;
    (void)putc_unlocked('"', to);
    for (size_t i = 0, n; i < text.len; i += n) {
        uint32_t code = 0;
        n = utf8_step(p + i, text.len - i, &code);
        if (n > 0 && code != '"' && code != '\\' && !code_hidden(code))
            continue;
        put(to, p + run, i - run);
        put_json_escape(to, p + i, n, code);
        n = n ? n : 1;
        run = i + n;
    }
    put(to, p + run, text.len - run);
    (void)putc_unlocked('"', to);
}
