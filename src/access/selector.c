/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applying rules to a selector, with Redis 7.2's meaning. Bits say what is allowed now; `rules`
 * remembers how it came to that: a later rule about the same command or category replaces the
 * earlier one, so the list is as long as there are commands at most, and applying it again gives
 * the same bits. A rule that fails has changed nothing.
 */
#include "access/selector.h"

#include "base/assert.h"

#include <strings.h>

enum { ROW_BITS = 64, NAME_BYTES_MAX = 64 };

struct selector *
selector_new(const struct selector_maker *m)
{
    struct selector *s = alloc_zero(&m->alloc, sizeof *s);
    if (s)
        s->all_channels = m->open_channels;
    return s;
}

void
selector_free(const struct selector_maker *m, struct selector *s)
{
    if (!s)
        return;
    words_clear(&s->keys, &m->alloc);
    words_clear(&s->channels, &m->alloc);
    words_clear(&s->first_args, &m->alloc);
    words_clear(&s->rules, &m->alloc);
    alloc_free(&m->alloc, s);
}

struct selector *
selector_copy(const struct selector_maker *m, const struct selector *from)
{
    struct selector *s = selector_new(m);
    if (!s)
        return NULL;
    memcpy(s->commands, from->commands, sizeof s->commands);
    s->from_all = from->from_all;
    s->all_commands = from->all_commands;
    s->all_keys = from->all_keys;
    s->all_channels = from->all_channels;
    if (words_copy(&s->keys, &from->keys, &m->alloc) &&
        words_copy(&s->channels, &from->channels, &m->alloc) &&
        words_copy(&s->first_args, &from->first_args, &m->alloc) &&
        words_copy(&s->rules, &from->rules, &m->alloc))
        return s;
    selector_free(m, s);
    return NULL;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void
set_bit(struct selector *s, size_t row, bool allow)
{
    uint64_t bit = UINT64_C(1) << row % ROW_BITS;
    if (allow) {
        s->commands[row / ROW_BITS] |= bit;
    } else {
        s->commands[row / ROW_BITS] &= ~bit;
        s->all_commands = false;
    }
}

static void
set_all(const struct selector_maker *m, struct selector *s, bool allow)
{
    memset(s->commands, allow ? 0xff : 0, sizeof s->commands);
    s->from_all = s->all_commands = allow;
    words_clear(&s->rules, &m->alloc);
    words_clear(&s->first_args, &m->alloc);
}

/* Whether the remembered `rule` is about `name`, or about a part of it. */
static bool
rule_concerns(const struct word *rule, attl_slice name)
{
    size_t len = rule->len - 1; /* without the sign */
    if (len < name.len || memcmp(rule->text + 1, name.data, name.len) != 0)
        return false;
    return len == name.len || rule->text[1 + name.len] == '|';
}

/* Remembers +name or -name instead of what it replaces. */
static enum rule_result
remember(const struct selector_maker *m, struct selector *s, attl_slice name, bool allow)
{
    char text[NAME_BYTES_MAX + 1];
    if (name.len >= sizeof text)
        return RULE_SYNTAX;
    if (s->rules.len >= ACCESS_RULES_MAX)
        return RULE_TOO_MANY;
    const char *p = name.data;
    text[0] = allow ? '+' : '-';
    for (size_t i = 0; i < name.len; i++)
        text[1 + i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] - 'A' + 'a') : p[i];
    if (!words_add(&s->rules, &m->alloc, 0, attl_b(text, name.len + 1)))
        return RULE_NO_MEMORY;
    attl_slice lower = attl_b(text + 1, name.len);
    for (size_t i = s->rules.len - 1; i-- > 0;)
        if (rule_concerns(s->rules.items[i], lower))
            words_remove(&s->rules, &m->alloc, i);
    return RULE_OK;
}

static void
forget_first_args(const struct selector_maker *m, struct selector *s, size_t row)
{
    for (size_t i = s->first_args.len; i-- > 0;)
        if (s->first_args.items[i]->tag == row)
            words_remove(&s->first_args, &m->alloc, i);
}

/* The command in `row`, with its subcommands. */
static enum rule_result
apply_command(const struct selector_maker *m, struct selector *s, size_t row, bool allow)
{
    enum rule_result result = remember(m, s, attl_s(m->catalog->name(row)), allow);
    if (result != RULE_OK)
        return result;
    forget_first_args(m, s, row);
    for (size_t i = row; i <= row + m->catalog->subs(row); i++)
        set_bit(s, i, allow);
    return RULE_OK;
}

/* +command|word where the command has no subcommands: only with that first argument. */
static enum rule_result
apply_first_arg(const struct selector_maker *m, struct selector *s, size_t row, attl_slice whole)
{
    const char *bar = memrchr(whole.data, '|', whole.len);
    size_t head = (size_t)(bar - (const char *)whole.data) + 1;
    attl_slice word = attl_b(bar + 1, whole.len - head);
    for (size_t i = 0; i < s->first_args.len; i++) {
        const struct word *have = s->first_args.items[i];
        if (have->tag == row && have->len == word.len &&
            strncasecmp(have->text, word.data, word.len) == 0)
            return RULE_OK;
    }
    if (!words_add(&s->first_args, &m->alloc, (uint32_t)row, word))
        return RULE_NO_MEMORY;
    enum rule_result result = remember(m, s, whole, true);
    if (result != RULE_OK)
        words_remove(&s->first_args, &m->alloc, s->first_args.len - 1);
    return result;
}

/* +container|word or +command|word. */
static enum rule_result
apply_part(const struct selector_maker *m, struct selector *s, attl_slice whole)
{
    const char *bar = memrchr(whole.data, '|', whole.len);
    size_t head = (size_t)(bar - (const char *)whole.data);
    size_t row, sub;
    if (!m->catalog->find(attl_b(whole.data, head), &row))
        return RULE_UNKNOWN;
    if (m->catalog->is_sub(row))
        return RULE_FIRST_ARG;
    if (head + 1 == whole.len)
        return RULE_SYNTAX;
    if (m->catalog->subs(row) == 0)
        return apply_first_arg(m, s, row, whole);
    if (!m->catalog->find(whole, &sub))
        return RULE_UNKNOWN;
    return apply_command(m, s, sub, true);
}

static enum rule_result
apply_category(const struct selector_maker *m, struct selector *s, attl_slice name, bool allow)
{
    const char *at = name.data;
    uint32_t bit = catalog_category(m->catalog, attl_b(at + 1, name.len - 1));
    if (!bit)
        return RULE_UNKNOWN;
    enum rule_result result = remember(m, s, name, allow);
    if (result != RULE_OK)
        return result;
    for (size_t row = 0; row < m->catalog->rows(); row++) {
        if (!(m->catalog->categories(row) & bit))
            continue;
        forget_first_args(m, s, row);
        set_bit(s, row, allow);
    }
    return RULE_OK;
}

static enum rule_result
apply_commands(const struct selector_maker *m, struct selector *s, attl_slice rule)
{
    const char *p = rule.data;
    bool allow = p[0] == '+';
    attl_slice name = attl_b(p + 1, rule.len - 1);
    size_t row;
    if (name.len > 0 && p[1] == '@')
        return apply_category(m, s, name, allow);
    if (allow && name.len > 0 && memchr(name.data, '|', name.len))
        return apply_part(m, s, name);
    if (!m->catalog->find(name, &row))
        return RULE_UNKNOWN;
    return apply_command(m, s, row, allow);
}

/* ---- keys and channels ----------------------------------------------------------------------- */

static bool
has_blanks(attl_slice text)
{
    const char *p = text.data;
    for (size_t i = 0; i < text.len; i++)
        if (p[i] == '\0' || p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r'))
            return true;
    return false;
}

/* The kinds in "%RW~pattern" and where the pattern starts; 0 if that is not what it is. */
static unsigned
key_kinds(attl_slice rule, size_t *ret_start)
{
    const char *p = rule.data;
    unsigned kinds = 0;
    if (p[0] == '~') {
        *ret_start = 1;
        return ACCESS_ANY;
    }
    for (size_t i = 1; i < rule.len; i++) {
        unsigned kind = p[i] == 'R' || p[i] == 'r'   ? ACCESS_READ
                        : p[i] == 'W' || p[i] == 'w' ? ACCESS_WRITE
                                                     : 0;
        if (p[i] == '~') {
            *ret_start = i + 1;
            return kinds;
        }
        if (kind == 0 || (kinds & kind))
            return 0;
        kinds |= kind;
    }
    return 0;
}

static enum rule_result
apply_key(const struct selector_maker *m, struct selector *s, attl_slice rule)
{
    size_t start;
    if (s->all_keys)
        return RULE_ALL_KEYS;
    unsigned kinds = key_kinds(rule, &start);
    if (kinds == 0)
        return RULE_SYNTAX;
    attl_slice pattern = attl_b((const char *)rule.data + start, rule.len - start);
    if (has_blanks(pattern))
        return RULE_SYNTAX;
    struct word *have = words_find(&s->keys, pattern);
    if (have) {
        have->tag |= kinds;
        return RULE_OK;
    }
    if (s->keys.len >= ACCESS_PATTERNS_MAX)
        return RULE_TOO_MANY;
    return words_add(&s->keys, &m->alloc, kinds, pattern) ? RULE_OK : RULE_NO_MEMORY;
}

static enum rule_result
apply_channel(const struct selector_maker *m, struct selector *s, attl_slice rule)
{
    attl_slice pattern = attl_b((const char *)rule.data + 1, rule.len - 1);
    if (s->all_channels)
        return RULE_ALL_CHANNELS;
    if (has_blanks(pattern))
        return RULE_SYNTAX;
    if (words_find(&s->channels, pattern))
        return RULE_OK;
    if (s->channels.len >= ACCESS_PATTERNS_MAX)
        return RULE_TOO_MANY;
    return words_add(&s->channels, &m->alloc, 0, pattern) ? RULE_OK : RULE_NO_MEMORY;
}

static void
set_keys(const struct selector_maker *m, struct selector *s, bool all)
{
    s->all_keys = all;
    words_clear(&s->keys, &m->alloc);
}

static void
set_channels(const struct selector_maker *m, struct selector *s, bool all)
{
    s->all_channels = all;
    words_clear(&s->channels, &m->alloc);
}

void
selector_reset_channels(const struct selector_maker *m, struct selector *s)
{
    set_channels(m, s, m->open_channels);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool
rule_is(attl_slice rule, const char *word)
{
    return rule.len == strlen(word) && strncasecmp(rule.data, word, rule.len) == 0;
}

/* The rules that are words, and those that set everything; false if it is none of them. */
static bool
apply_word(const struct selector_maker *m, struct selector *s, attl_slice rule)
{
    static const struct {
        const char *word;
        void (*set)(const struct selector_maker *m, struct selector *s, bool all);
        bool all;
    } words[] = {
        { "allkeys", set_keys, true },    { "~*", set_keys, true },
        { "resetkeys", set_keys, false }, { "allchannels", set_channels, true },
        { "&*", set_channels, true },     { "resetchannels", set_channels, false },
        { "allcommands", set_all, true }, { "+@all", set_all, true },
        { "nocommands", set_all, false }, { "-@all", set_all, false },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!rule_is(rule, words[i].word))
            continue;
        words[i].set(m, s, words[i].all);
        return true;
    }
    return false;
}

enum rule_result
selector_apply(const struct selector_maker *m, struct selector *s, attl_slice rule)
{
    if (rule.len == 0)
        return RULE_OK;
    if (apply_word(m, s, rule))
        return RULE_OK;
    switch (*(const char *)rule.data) {
    case '~':
    case '%': return apply_key(m, s, rule);
    case '&': return apply_channel(m, s, rule);
    case '+':
    case '-': return apply_commands(m, s, rule);
    default: return RULE_SYNTAX;
    }
}
