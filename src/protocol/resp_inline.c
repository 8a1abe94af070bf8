/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Splitting a line into words by the rules of Redis' sdssplitargs: "double quotes" know \n \r \t
 * \b \a and \xHH, 'single quotes' know only \', and a closing quote must be followed by a blank
 * or the end of the line. A reading and a writing pointer move through the same line; the writing
 * one never overtakes. Other protocols are recognised here because they too begin with a line: a
 * browser tricked into posting to this port sends its body after the header, and each line of the
 * body would be a command.
 */
#include "protocol/resp_inline.h"

#include "base/hex.h"

#include <strings.h>

/* What is left to read, and where the present word is being written. */
struct cursor {
    const char *in, *end;
    char *out;
};

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
unescape(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* One escape of a double-quoted word; `in` is behind the backslash and not at the end. */
static void
put_escape(struct cursor *c)
{
    if (*c->in == 'x' && c->end - c->in >= 3) {
        int high = hex_value(c->in[1]);
        int low = hex_value(c->in[2]);
        if (high >= 0 && low >= 0) {
            *c->out++ = (char)(high * 16 + low);
            c->in += 3;
            return;
        }
    }
    *c->out++ = unescape(*c->in++);
}

/* The rest of a quoted part, from behind its opening quote to behind its closing one. */
static bool
put_quoted(struct cursor *c, char quote)
{
    while (c->in < c->end) {
        char ch = *c->in++;
        if (ch == quote)
            return c->in == c->end || is_blank(*c->in);
        if (ch == '\\' && c->in < c->end && quote == '"')
            put_escape(c);
        else if (ch == '\\' && c->in < c->end && *c->in == '\'')
            *c->out++ = *c->in++;
        else
            *c->out++ = ch;
    }
    return false;
}

/* One word; `in` is at its first byte. */
static bool
put_word(struct cursor *c)
{
    while (c->in < c->end && !is_blank(*c->in)) {
        char ch = *c->in++;
        if (ch != '"' && ch != '\'')
            *c->out++ = ch;
        else if (!put_quoted(c, ch))
            return false;
    }
    return true;
}

enum inline_result
inline_split(char *line, size_t len, struct resp_args *args)
{
    /* A NUL is never typed; C programs on either side would see a shorter word than we do. */
    if (memchr(line, '\0', len))
        return INLINE_NUL;
    struct cursor c = { line, line + len, line };
    for (;;) {
        while (c.in < c.end && is_blank(*c.in))
            c.in++;
        if (c.in == c.end)
            return INLINE_FINE;
        char *word = c.out;
        if (!put_word(&c))
            return INLINE_UNBALANCED;
        if (!resp_args_reserve(args, 1))
            return INLINE_NO_MEMORY;
        args->items[args->len++] = attl_b(word, (size_t)(c.out - word));
    }
}

static bool
word_is(attl_slice word, const char *z)
{
    return word.len == strlen(z) && strncasecmp(word.data, z, word.len) == 0;
}

static bool
word_begins(attl_slice word, const char *z)
{
    size_t n = strlen(z);
    return word.len >= n && strncasecmp(word.data, z, n) == 0;
}

static bool
all_digits(attl_slice word)
{
    const char *p = word.data;
    for (size_t i = 0; i < word.len; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return word.len > 0;
}

/* "set KEY FLAGS EXPTIME BYTES [noreply]": the value on the next line would run as a command. */
static bool
is_memcached_store(const attl_slice *words, size_t n)
{
    static const char *const stores[] = { "set", "add", "replace", "append", "prepend", "cas" };
    if (n < 5 || n > 7)
        return false;
    for (size_t i = 2; i < 5; i++)
        if (!all_digits(words[i]))
            return false;
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        if (word_is(words[0], stores[i]))
            return true;
    return false;
}

bool
inline_is_foreign(const attl_slice *words, size_t n)
{
    /* None of these is, or will be, a command of ours. */
    static const char *const first_words[] = {
        "post",  "put",   "patch", "head", "options", "connect", "trace",   "propfind",
        "host:", "proxy", "ehlo",  "helo", "mail",    "rcpt",    "starttls"
    };
    if (n == 0)
        return false;
    for (size_t i = 0; i < sizeof first_words / sizeof *first_words; i++)
        if (word_is(words[0], first_words[i]))
            return true;
    if (word_begins(words[0], "ssh-"))
        return true;
    /* GET and DELETE are told from ours by their last word. */
    if (n >= 2 && word_begins(words[n - 1], "http/"))
        return true;
    return is_memcached_store(words, n);
}
