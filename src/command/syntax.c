/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Syntax texts, read by recursive descent: a text is alternatives, an alternative is a sequence of
 * items, an item is a word or a bracket with a text inside. A bracket "[X ...]" behind X repeats X,
 * alone it repeats itself. Words in capitals are tokens and name what follows them. The depth is
 * that of the brackets in the table, which a test bounds; nothing a client sends is ever parsed
 * here.
 */
#include "command/syntax.h"

#include "base/assert.h"
#include "command/reply.h"

enum { ITEMS_MAX = 24, DEPTH_MAX = 4 };
enum argument_flag { ARGUMENT_OPTIONAL = 1 << 0, ARGUMENT_MULTIPLE = 1 << 1 };

struct text {
    const char *p;
    size_t len;
};

struct items {
    size_t n;
    struct text at[ITEMS_MAX];
};

static void argument_reply(struct request *rq, struct text text, unsigned flags, int depth);

/* ---- reading ---- */

static struct text
text_trim(const char *p, const char *end)
{
    while (p < end && *p == ' ')
        p++;
    while (p < end && end[-1] == ' ')
        end--;
    return (struct text){ p, (size_t)(end - p) };
}

/* Splits at `separator` outside of brackets. */
static struct items
text_split(struct text text, char separator)
{
    struct items items = { .n = 0 };
    const char *end = text.p + text.len, *start = text.p;
    int depth = 0;
    for (const char *p = text.p; p <= end; p++) {
        if (p < end)
            depth += (*p == '[') - (*p == ']');
        if (p < end && (*p != separator || depth > 0))
            continue;
        ASSERT(items.n < ITEMS_MAX);
        struct text item = text_trim(start, p);
        if (item.len)
            items.at[items.n++] = item;
        start = p + 1;
    }
    return items;
}

static bool
text_is_bracket(struct text text)
{
    return text.len > 2 && text.p[0] == '[';
}

static bool
text_is_token(struct text text)
{
    return text.len > 0 && text.p[0] >= 'A' && text.p[0] <= 'Z';
}

static bool
text_is(struct text text, const char *word)
{
    return strlen(word) == text.len && memcmp(word, text.p, text.len) == 0;
}

/* What a bracket holds, without a final "..."; *ret_repeats says whether there was one. */
static struct text
text_inside(struct text bracket, bool *ret_repeats)
{
    struct text inside = text_trim(bracket.p + 1, bracket.p + bracket.len - 1);
    bool repeats = inside.len > 4 && memcmp(inside.p + inside.len - 4, " ...", 4) == 0;
    *ret_repeats = repeats;
    return repeats ? (struct text){ inside.p, inside.len - 4 } : inside;
}

/* From the first byte of one item to the last of another. */
static struct text
text_span(struct text first, struct text last)
{
    return (struct text){ first.p, (size_t)(last.p + last.len - first.p) };
}

/* ---- writing ---- */

static const char *
word_type(struct text word)
{
    static const struct {
        const char *word, *type;
    } types[] = {
        { "key", "key" },
        { "newkey", "key" },
        { "source", "key" },
        { "destination", "key" },
        { "seconds", "integer" },
        { "milliseconds", "integer" },
        { "numkeys", "integer" },
        { "count", "integer" },
        { "offset", "integer" },
        { "start", "integer" },
        { "end", "integer" },
        { "index", "integer" },
        { "unix-seconds", "unix-time" },
        { "unix-milliseconds", "unix-time" },
        { "pattern", "pattern" },
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (text_is(word, types[i].word))
            return types[i].type;
    return "string";
}

/* Name, type and what else there is; the caller writes the arguments if there are any. */
static void
argument_head(struct request *rq, struct text name, const char *type, struct text token,
              unsigned flags, bool has_arguments)
{
    resp_map(rq->out, rq->s->proto, 2u + (token.len > 0) + (flags != 0) + has_arguments);
    resp_bulk_str(rq->out, "name");
    resp_bulk(rq->out, attl_b(name.p, name.len));
    reply_field_str(rq, "type", type);
    if (token.len) {
        resp_bulk_str(rq->out, "token");
        resp_bulk(rq->out, attl_b(token.p, token.len));
    }
    if (flags) {
        resp_bulk_str(rq->out, "flags");
        resp_set(rq->out, rq->s->proto, (size_t)__builtin_popcount(flags));
        if (flags & ARGUMENT_OPTIONAL)
            resp_simple(rq->out, "optional");
        if (flags & ARGUMENT_MULTIPLE)
            resp_simple(rq->out, "multiple");
    }
    if (has_arguments)
        resp_bulk_str(rq->out, "arguments");
}

/* If item i is "[X ...]" behind X, the item at which X starts; else i. */
static size_t
repeated_from(const struct items *items, size_t i)
{
    bool repeats = false;
    if (!text_is_bracket(items->at[i]))
        return i;
    struct text inside = text_inside(items->at[i], &repeats);
    for (size_t from = i; repeats && from-- > 0;) {
        struct text before = text_span(items->at[from], items->at[i - 1]);
        if (before.len == inside.len && memcmp(before.p, inside.p, inside.len) == 0)
            return from;
    }
    return i;
}

/* The number of items from i on that form a repeated group with the bracket behind them, or 0. */
static size_t
group_len(const struct items *items, size_t i)
{
    for (size_t end = i + 1; end < items->n; end++)
        if (repeated_from(items, end) == i)
            return end - i;
    return 0;
}

/* Whether item i is a token and the word behind it what it names: "MODULE name". */
static bool
names_its_successor(const struct items *items, size_t i)
{
    if (!text_is_token(items->at[i]) || i + 1 >= items->n)
        return false;
    return !text_is_token(items->at[i + 1]) && !text_is_bracket(items->at[i + 1]);
}

/* The items from `first` on as an array of arguments. */
static void
sequence_reply(struct request *rq, const struct items *items, size_t first, int depth)
{
    size_t mark = rq->out->len, n = 0;
    for (size_t i = first; i < items->n; n++) {
        size_t group = group_len(items, i);
        if (group) {
            struct text repeated = text_span(items->at[i], items->at[i + group - 1]);
            argument_reply(rq, repeated, ARGUMENT_MULTIPLE, depth);
            i += group + 1;
            continue;
        }
        size_t words = names_its_successor(items, i) ? 2 : 1;
        struct text whole = text_span(items->at[i], items->at[i + words - 1]);
        argument_reply(rq, whole, 0, depth);
        i += words;
    }
    reply_insert_array(rq->out, mark, n);
}

/* One of several. */
static void
choice_reply(struct request *rq, const struct items *choices, unsigned flags, int depth)
{
    argument_head(rq, (struct text){ "choice", 6 }, "oneof", (struct text){ NULL, 0 }, flags, true);
    resp_array(rq->out, choices->n);
    for (size_t i = 0; i < choices->n; i++)
        argument_reply(rq, choices->at[i], 0, depth);
}

/* A text without alternatives outside of brackets. */
static void
items_reply(struct request *rq, const struct items *items, unsigned flags, int depth)
{
    struct text none = { NULL, 0 }, first = items->at[0];
    bool token = text_is_token(first);
    if (items->n == 1 && token) {
        argument_head(rq, first, "pure-token", first, flags, false);
    } else if (items->n == 1) {
        argument_head(rq, first, word_type(first), none, flags, false);
    } else if (token && items->n == 2 && !text_is_bracket(items->at[1])) {
        argument_head(rq, items->at[1], word_type(items->at[1]), first, flags, false);
    } else {
        argument_head(rq, first, "block", token ? first : none, flags, true);
        sequence_reply(rq, items, token ? 1 : 0, depth);
    }
}

/* The whole of `text` as one argument. */
static void
argument_reply(struct request *rq, struct text text, unsigned flags, int depth)
{
    ASSERT(depth < DEPTH_MAX);
    struct items items = text_split(text, ' ');
    if (items.n == 1 && text_is_bracket(text)) {
        bool repeats = false;
        struct text inside = text_inside(text, &repeats);
        argument_reply(rq, inside, ARGUMENT_OPTIONAL | (repeats ? ARGUMENT_MULTIPLE : 0),
                       depth + 1);
        return;
    }
    struct items choices = text_split(text, '|');
    if (choices.n > 1)
        choice_reply(rq, &choices, flags, depth);
    else
        items_reply(rq, &items, flags, depth);
}

void
syntax_reply(struct request *rq, const char *syntax)
{
    struct text text = { syntax, strlen(syntax) };
    ASSERT(text.len > 0);
    if (text_split(text, '|').n == 1) {
        struct items items = text_split(text, ' ');
        sequence_reply(rq, &items, 0, 0);
    } else {
        resp_array(rq->out, 1);
        argument_reply(rq, text, 0, 0);
    }
}
