/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking a selector, and showing it. A check is what a restricted user's every command costs: one
 * bit, then the patterns against each key until one fits. It allocates nothing and changes nothing,
 * so that any number of threads may ask at once. What is shown can be given back to ACL SETUSER.
 */
#include "access/selector.h"

#include "base/glob.h"

#include <strings.h>

enum { BITS_PER_WORD = 64 };

/* ---- asking ---------------------------------------------------------------------------------- */

static bool
allows_first_arg(const struct selector *s, const struct access_request *r)
{
    if (r->argc <= r->words)
        return false;
    attl_slice arg = r->argv[r->words];
    for (size_t i = 0; i < s->first_args.len; i++) {
        const struct word *w = s->first_args.items[i];
        if (w->tag == r->row && w->len == arg.len && strncasecmp(w->text, arg.data, arg.len) == 0)
            return true;
    }
    return false;
}

static bool
allows_command(const struct selector *s, const struct access_request *r)
{
    if (s->all_commands || r->open)
        return true;
    if (s->commands[r->row / BITS_PER_WORD] >> r->row % BITS_PER_WORD & 1)
        return true;
    return s->first_args.len > 0 && allows_first_arg(s, r);
}

static bool
allows_key(const struct selector *s, attl_slice key, unsigned kinds)
{
    for (size_t i = 0; i < s->keys.len; i++) {
        const struct word *pattern = s->keys.items[i];
        if ((pattern->tag & kinds) == kinds && glob_match(word_slice(pattern), key, false))
            return true;
    }
    return false;
}

/* Whether all keys that begin with `prefix` fit the pattern, told from a pattern that is a text and
 * a star: of others it would have to be proved, and no is the safe answer. */
static bool
covers(attl_slice pattern, attl_slice prefix)
{
    const char *text = pattern.data;
    size_t len = pattern.len ? pattern.len - 1 : 0;
    if (pattern.len == 0 || text[len] != '*' || len > prefix.len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (strchr("*?[]\\", text[i])) /* a NUL as well */
            return false;
    return len == 0 || memcmp(text, prefix.data, len) == 0;
}

static bool
allows_prefix(const struct selector *s, attl_slice prefix, unsigned kinds)
{
    for (size_t i = 0; i < s->keys.len; i++) {
        const struct word *pattern = s->keys.items[i];
        if ((pattern->tag & kinds) == kinds && covers(word_slice(pattern), prefix))
            return true;
    }
    return false;
}

static bool
allows_name(const struct selector *s, enum access_form form, attl_slice name, unsigned kinds)
{
    switch (form) {
    case ACCESS_KEYS: return allows_key(s, name, kinds);
    case ACCESS_PREFIXES: return allows_prefix(s, name, kinds);
    case ACCESS_PATTERNS: break;
    }
    return false; /* it is for those who may use all keys */
}

bool
selector_allows_channel(const struct selector *s, attl_slice channel, bool literal)
{
    if (s->all_channels)
        return true;
    if (literal)
        return words_find(&s->channels, channel) != NULL;
    for (size_t i = 0; i < s->channels.len; i++)
        if (glob_match(word_slice(s->channels.items[i]), channel, false))
            return true;
    return false;
}

static enum access_verdict
check_keys(const struct selector *s, const struct access_request *r, size_t *ret_arg)
{
    for (size_t i = 0; i < r->key_n; i++) {
        size_t at = r->key_first + i * r->key_step;
        unsigned kinds = i == 1 && r->key_pair ? r->key_kinds_second : r->key_kinds;
        if (allows_name(s, r->key_form, r->argv[at], kinds))
            continue;
        *ret_arg = at;
        return ACCESS_NO_KEY;
    }
    return ACCESS_ALLOWED;
}

static enum access_verdict
check_channels(const struct selector *s, const struct access_request *r, size_t *ret_arg)
{
    for (size_t i = 0; i < r->channel_n; i++) {
        size_t at = r->channel_first + i;
        if (selector_allows_channel(s, r->argv[at], r->channel_literal))
            continue;
        *ret_arg = at;
        return ACCESS_NO_CHANNEL;
    }
    return ACCESS_ALLOWED;
}

enum access_verdict
selector_check(const struct selector *s, const struct access_request *r, size_t *ret_arg)
{
    enum access_verdict verdict = ACCESS_ALLOWED;
    if (!allows_command(s, r))
        return ACCESS_NO_COMMAND;
    if (!s->all_keys)
        verdict = check_keys(s, r, ret_arg);
    if (verdict == ACCESS_ALLOWED && !s->all_channels)
        verdict = check_channels(s, r, ret_arg);
    return verdict;
}

bool
selector_is_unlimited(const struct selector *s)
{
    return s->all_commands && s->all_keys && s->all_channels;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void
append_words(const struct word_list *w, const char *before, struct buf *out)
{
    for (size_t i = 0; i < w->len; i++) {
        buf_append_str(out, i ? " " : "");
        buf_append_str(out, before);
        buf_append(out, w->items[i]->text, w->items[i]->len);
    }
}

void
selector_describe_commands(const struct selector *s, struct buf *out)
{
    buf_append_str(out, s->from_all ? "+@all" : "-@all");
    if (s->rules.len)
        buf_append_str(out, " ");
    append_words(&s->rules, "", out);
}

void
selector_describe_keys(const struct selector *s, struct buf *out)
{
    static const char *const marks[] = { "", "%R~", "%W~", "~" };
    if (s->all_keys) {
        buf_append_str(out, "~*");
        return;
    }
    for (size_t i = 0; i < s->keys.len; i++) {
        const struct word *pattern = s->keys.items[i];
        buf_append_str(out, i ? " " : "");
        buf_append_str(out, marks[pattern->tag & ACCESS_ANY]);
        buf_append(out, pattern->text, pattern->len);
    }
}

void
selector_describe_channels(const struct selector *s, struct buf *out)
{
    if (s->all_channels)
        buf_append_str(out, "&*");
    else
        append_words(&s->channels, "&", out);
}

void
selector_describe(const struct selector *s, struct buf *out)
{
    if (s->all_keys || s->keys.len) {
        selector_describe_keys(s, out);
        buf_append_str(out, " ");
    }
    if (!s->all_channels)
        buf_append_str(out, "resetchannels ");
    if (s->all_channels || s->channels.len) {
        selector_describe_channels(s, out);
        buf_append_str(out, " ");
    }
    selector_describe_commands(s, out);
}
