/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cursor over the line; each step takes what must come next or fails for good, so that the code
 * reads as the format does. Numbers have no leading zeros and hexadecimal digits are lower case,
 * because there must be one way to write each line. Nothing is kept between calls.
 */
#include "audit/parse.h"

#include "base/hex.h"
#include "base/slice.h"

struct cursor {
    const char *at, *end;
    const char *problem; /* NULL: none so far */
};

static bool
failed(struct cursor *c, const char *problem)
{
    if (!c->problem)
        c->problem = problem;
    return false;
}

static bool
take(struct cursor *c, const char *what)
{
    size_t len = strlen(what);
    if (c->problem)
        return false;
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, what, len) != 0)
        return failed(c, "it is not in the form of a line of the trail");
    c->at += len;
    return true;
}

static uint64_t
take_number(struct cursor *c)
{
    uint64_t n = 0;
    const char *start = c->at;
    while (!c->problem && c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        unsigned digit = (unsigned)(*c->at++ - '0');
        if (n > (UINT64_MAX - digit) / 10)
            failed(c, "a number is too large");
        n = n * 10 + digit;
    }
    size_t len = (size_t)(c->at - start);
    if (len == 0 || (len > 1 && *start == '0'))
        failed(c, "a number is not in its only form");
    return n;
}

/* The byte of the escape at `p`, or -1: bytes that stand for themselves have none. */
static int
escaped_byte(const char *p, size_t len)
{
    if (len < 6 || memcmp(p, "\\u00", 4) != 0)
        return -1;
    int high = hex_value_lower(p[4]), low = hex_value_lower(p[5]);
    if (high < 0 || low < 0)
        return -1;
    int byte = high * 16 + low;
    bool plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
    return plain ? -1 : byte;
}

/* A text with the quote behind it. */
static attl_slice
take_text(struct cursor *c)
{
    const char *start = c->at;
    while (!c->problem && c->at < c->end && *c->at != '"') {
        if (*c->at < ' ' || *c->at > '~')
            failed(c, "a text holds a byte that would have been escaped");
        else if (*c->at == '\\' && escaped_byte(c->at, (size_t)(c->end - c->at)) < 0)
            failed(c, "a text holds an escape that is never written");
        else
            c->at += *c->at == '\\' ? 6 : 1;
    }
    attl_slice text = attl_b(start, (size_t)(c->at - start));
    take(c, "\"");
    return text;
}

static void
take_hash(struct cursor *c, unsigned char out[AUDIT_HASH_BYTES])
{
    if (c->problem)
        return;
    if (c->end - c->at < AUDIT_HASH_CHARS) {
        failed(c, "a digest is cut short");
        return;
    }
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        int high = hex_value_lower(c->at[2 * i]), low = hex_value_lower(c->at[2 * i + 1]);
        if (high < 0 || low < 0)
            failed(c, "a digest is not hexadecimal");
        out[i] = (unsigned char)((high & 15) << 4 | (low & 15));
    }
    c->at += AUDIT_HASH_CHARS;
    take(c, "\"");
}

static void
take_alg(struct cursor *c, struct audit_line *ret)
{
    attl_slice word = take_text(c);
    for (int i = 0; i < AUDIT_ALGS; i++) {
        if (!slice_is(word, audit_alg_word((enum audit_alg)i)))
            continue;
        ret->alg = (enum audit_alg)i;
        return;
    }
    failed(c, "its digest is of an unknown kind");
}

const char *
audit_line_parse(attl_slice line, struct audit_line *ret)
{
    struct cursor c = { line.data, NULL, NULL };
    *ret = (struct audit_line){ 0 };
    if (line.len == 0)
        return "it is empty";
    if (line.len > AUDIT_LINE_MAX_BYTES)
        return "it is longer than any line of the trail";
    c.end = c.at + line.len;
    take(&c, "{\"v\":1,\"alg\":\"");
    take_alg(&c, ret);
    take(&c, ",\"seq\":");
    ret->seq = take_number(&c);
    take(&c, ",\"time\":\"");
    ret->time = take_text(&c);
    int64_t time_us;
    if (ret->time.len != AUDIT_TIME_CHARS || !audit_time_parse(ret->time, &time_us))
        failed(&c, "its time is not in its only form");
    take(&c, ",\"kind\":\"");
    ret->kind_word = take_text(&c);
    ret->kind = audit_kind_find(ret->kind_word);
    for (int i = 0; i < AUDIT_TEXTS; i++) {
        take(&c, ",\"");
        take(&c, audit_text_name((enum audit_text)i));
        take(&c, "\":\"");
        ret->text[i] = take_text(&c);
        if (i == AUDIT_CLIENT_NAME && take(&c, ",\"id\":"))
            ret->client_id = take_number(&c);
    }
    take(&c, ",\"prev\":\"");
    take_hash(&c, ret->prev);
    ret->signed_len = (size_t)(c.at - (const char *)line.data);
    take(&c, ",\"hash\":\"");
    take_hash(&c, ret->hash);
    take(&c, "}");
    if (!c.problem && (c.at != c.end || ret->seq == 0))
        failed(&c, "it is not in the form of a line of the trail");
    return c.problem;
}

size_t
audit_text_decode(attl_slice text, char *out)
{
    const char *p = text.data;
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        int byte = p[i] == '\\' ? escaped_byte(p + i, text.len - i) : -1;
        out[n++] = byte < 0 ? p[i] : (char)byte;
        i += byte < 0 ? 1 : 6;
    }
    return n;
}
