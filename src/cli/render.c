/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three walks over the same pre-order array. The human form follows redis-cli down to the spaces,
 * because its users read it, and paste it, without thinking; where the value is UTF-8 it stays
 * readable, which redis-cli does not do. The reply is only read.
 */
#include "cli/render.h"

#include "cli/text.h"

#include <ctype.h>

#define COLOUR_RED "\033[31m"
#define COLOUR_DIM "\033[2m"
#define COLOUR_OFF "\033[0m"

static void
put_coloured(FILE *to, const char *colour, const char *z)
{
    if (colour)
        (void)fprintf(to, "%s%s%s", colour, z, COLOUR_OFF);
    else
        (void)fputs(z, to);
}

static void
put_error(FILE *to, const struct reply *r, bool colour)
{
    if (colour)
        (void)fputs(COLOUR_RED, to);
    (void)fputs("(error) ", to);
    text_safe(to, r->text);
    if (colour)
        (void)fputs(COLOUR_OFF, to);
}

/* A text of several lines, without the line feed it may end with: the caller writes one. */
static void
put_lines(FILE *to, attl_slice text)
{
    const char *p = text.data;
    while (text.len > 0 && (p[text.len - 1] == '\n' || p[text.len - 1] == '\r'))
        text.len--;
    text_safe(to, text);
}

/* Everything that is not an aggregate, without a line feed. */
static void
put_scalar(FILE *to, const struct reply *r, bool colour)
{
    switch (r->type) {
    case REPLY_ERROR: put_error(to, r, colour); break;
    case REPLY_INTEGER: (void)fprintf(to, "(integer) %lld", (long long)r->integer); break;
    case REPLY_STRING: text_quoted(to, r->text); break;
    case REPLY_NIL: put_coloured(to, colour ? COLOUR_DIM : NULL, "(nil)"); break;
    case REPLY_DOUBLE:
        (void)fputs("(double) ", to);
        text_safe(to, r->text);
        break;
    case REPLY_BOOL: (void)fputs(r->integer ? "(true)" : "(false)", to); break;
    case REPLY_BIGNUM:
        (void)fputs("(big number) ", to);
        text_safe(to, r->text);
        break;
    default: /* a status or verbatim text */ put_lines(to, r->text); break;
    }
}

static const char *
empty_text(enum reply_type type)
{
    switch (type) {
    case REPLY_MAP: return "(empty hash)\n";
    case REPLY_SET: return "(empty set)\n";
    case REPLY_PUSH: return "(empty push)\n";
    default: return "(empty array)\n";
    }
}

static int
decimal_width(size_t n)
{
    int width = 1;
    for (; n >= 10; n /= 10)
        width++;
    return width;
}

static void human_at(FILE *to, const struct reply *r, bool colour, int indent);
static void json_at(FILE *to, const struct reply *r);

/* Keys are scalars in all replies known; JSON shows any other on one line. */
static void
put_map_key(FILE *to, const struct reply *key, bool colour)
{
    if (reply_is_aggregate(key))
        json_at(to, key);
    else
        put_scalar(to, key, colour);
    (void)fputs(" => ", to);
}

static void
human_children(FILE *to, const struct reply *r, bool colour, int indent)
{
    bool map = r->type == REPLY_MAP;
    char mark = map ? '#' : r->type == REPLY_SET ? '~' : ')';
    size_t entries = map ? r->children / 2 : r->children;
    int width = decimal_width(entries);
    int inner = indent + width + 2; /* the number, its mark, a space */
    const struct reply *child = r + 1;
    for (size_t i = 0; i < entries; i++) {
        /* The first entry stands where the aggregate itself was begun. */
        (void)fprintf(to, "%*s%*zu%c ", i == 0 ? 0 : indent, "", width, i + 1, mark);
        if (map) {
            put_map_key(to, child, colour);
            child = reply_next(child);
        }
        human_at(to, child, colour, inner);
        child = reply_next(child);
    }
}

static void
human_at(FILE *to, const struct reply *r, bool colour, int indent)
{
    if (!reply_is_aggregate(r)) {
        put_scalar(to, r, colour);
        (void)fputc('\n', to);
    } else if (r->children == 0) {
        (void)fputs(empty_text(r->type), to);
    } else {
        human_children(to, r, colour, indent);
    }
}

void
render_human(FILE *to, const struct reply *r, bool colour)
{
    human_at(to, r, colour, 0);
}

void
render_raw(FILE *to, const struct reply *r)
{
    /* Pre-order is the order of printing, so the tree need not be walked. */
    for (size_t i = 0; i < r->span; i++) {
        const struct reply *node = r + i;
        if (reply_is_aggregate(node) && node->children > 0)
            continue;
        if (node->type == REPLY_BOOL)
            (void)fputs(node->integer ? "true" : "false", to);
        else if (node->text.len > 0)
            (void)fwrite(node->text.data, 1, node->text.len, to);
        (void)fputc('\n', to);
    }
}

/* Moves *at over digits; true if there was one. */
static bool
skip_digits(attl_slice text, size_t *at)
{
    const char *p = text.data;
    size_t from = *at;
    while (*at < text.len && isdigit((unsigned char)p[*at]))
        ++*at;
    return *at > from;
}

static bool
byte_is(attl_slice text, size_t at, const char *any_of)
{
    const char *p = text.data;
    return at < text.len && p[at] && strchr(any_of, p[at]);
}

/* Is the text of a double or big number also a number in JSON? "inf", "nan", "01" and "1." are not.
 */
static bool
json_number(attl_slice text)
{
    size_t i = byte_is(text, 0, "-") ? 1 : 0;
    size_t first = i;
    bool fine = skip_digits(text, &i);
    if (fine && i > first + 1 && byte_is(text, first, "0"))
        return false;
    if (fine && byte_is(text, i, ".")) {
        i++;
        fine = skip_digits(text, &i);
    }
    if (fine && byte_is(text, i, "eE")) {
        i++;
        i += byte_is(text, i, "+-") ? 1 : 0;
        fine = skip_digits(text, &i);
    }
    return fine && i == text.len;
}

static void
json_scalar(FILE *to, const struct reply *r)
{
    switch (r->type) {
    case REPLY_ERROR:
        (void)fputs("{\"error\":", to);
        text_json(to, r->text);
        (void)fputc('}', to);
        break;
    case REPLY_INTEGER: (void)fprintf(to, "%lld", (long long)r->integer); break;
    case REPLY_NIL: (void)fputs("null", to); break;
    case REPLY_BOOL: (void)fputs(r->integer ? "true" : "false", to); break;
    case REPLY_DOUBLE:
    case REPLY_BIGNUM:
        if (json_number(r->text))
            (void)fwrite(r->text.data, 1, r->text.len, to);
        else
            text_json(to, r->text);
        break;
    default: text_json(to, r->text); break;
    }
}

/* JSON's names are strings, a map's keys may be anything: only a map keyed by scalars becomes an
 * object. */
static bool
map_is_object(const struct reply *r)
{
    const struct reply *key = r + 1;
    for (size_t i = 0; i < r->children; i += 2) {
        if (reply_is_aggregate(key) || key->type == REPLY_NIL)
            return false;
        key = reply_next(reply_next(key));
    }
    return true;
}

static void
json_object(FILE *to, const struct reply *r)
{
    const struct reply *child = r + 1;
    (void)fputc('{', to);
    for (size_t i = 0; i < r->children; i += 2) {
        if (i > 0)
            (void)fputc(',', to);
        text_json(to,
                  child->text); /* numbers and booleans too: their text is what the server sent */
        (void)fputc(':', to);
        child = reply_next(child);
        json_at(to, child);
        child = reply_next(child);
    }
    (void)fputc('}', to);
}

static void
json_at(FILE *to, const struct reply *r)
{
    if (!reply_is_aggregate(r)) {
        json_scalar(to, r);
        return;
    }
    if (r->type == REPLY_MAP && map_is_object(r)) {
        json_object(to, r);
        return;
    }
    const struct reply *child = r + 1;
    (void)fputc('[', to);
    for (size_t i = 0; i < r->children; i++) {
        if (i > 0)
            (void)fputc(',', to);
        json_at(to, child);
        child = reply_next(child);
    }
    (void)fputc(']', to);
}

void
render_json(FILE *to, const struct reply *r)
{
    json_at(to, r);
    (void)fputc('\n', to);
}
