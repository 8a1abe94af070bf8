/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and changing users. Everything here works on a version that nobody else has seen yet, so
 * there are no locks; a version that was published is only read, kept and released. Rules that are
 * not about the user itself go to its root selector. A selector in parentheses is made completely
 * before it is added.
 */
#include "access/user.h"

#include "base/assert.h"

#include <strings.h>

bool
user_name_valid(attl_slice name)
{
    const unsigned char *p = name.data;
    if (name.len == 0 || name.len > ACCESS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (p[i] <= ' ' || p[i] == 0x7f)
            return false;
    return true;
}

struct access_user *
user_new(const struct selector_maker *m, attl_slice name, uint64_t id)
{
    ASSERT(user_name_valid(name));
    struct access_user *u = alloc_zero(&m->alloc, sizeof *u);
    if (!u)
        return NULL;
    u->maker = *m;
    atomic_init(&u->references, 1);
    u->id = id;
    memcpy(u->name, name.data, name.len);
    u->selectors[0] = selector_new(m);
    u->selectors_len = 1;
    if (u->selectors[0])
        return u;
    user_free(u);
    return NULL;
}

static void
drop_selectors(struct access_user *u, size_t from)
{
    for (size_t i = from; i < u->selectors_len; i++)
        selector_free(&u->maker, u->selectors[i]);
    u->selectors_len = from;
}

struct access_user *
user_copy(const struct selector_maker *m, const struct access_user *from)
{
    struct access_user *u = user_new(m, attl_s(from->name), from->id);
    if (!u)
        return NULL;
    drop_selectors(u, 0);
    u->enabled = from->enabled;
    u->no_password = from->no_password;
    u->skip_sanitize = from->skip_sanitize;
    bool ok = words_copy(&u->passwords, &from->passwords, &m->alloc);
    for (size_t i = 0; ok && i < from->selectors_len; i++) {
        struct selector *s = selector_copy(m, from->selectors[i]);
        if (s)
            u->selectors[u->selectors_len++] = s;
        ok = s != NULL;
    }
    if (ok)
        return u;
    user_free(u);
    return NULL;
}

struct access_user *
user_keep(struct access_user *u)
{
    atomic_fetch_add_explicit(&u->references, 1, memory_order_relaxed);
    return u;
}

void
user_free(struct access_user *u)
{
    if (!u || atomic_fetch_sub_explicit(&u->references, 1, memory_order_acq_rel) != 1)
        return;
    drop_selectors(u, 0);
    words_clear(&u->passwords, &u->maker.alloc);
    attl_allocator alloc = u->maker.alloc;
    alloc_free(&alloc, u);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool
rule_is(attl_slice rule, const char *word)
{
    return rule.len == strlen(word) && strncasecmp(rule.data, word, rule.len) == 0;
}

/* The hash that ">password", "<password", "#hash" or "!hash" speaks of. */
static enum rule_result
hash_of(attl_slice rule, char hash[PASSWORD_HASH_CHARS])
{
    const char *p = rule.data;
    attl_slice rest = attl_b(p + 1, rule.len - 1);
    if (*p == '>' || *p == '<') {
        password_hash(rest, hash);
        return RULE_OK;
    }
    if (!password_is_hash(rest))
        return RULE_BAD_HASH;
    memcpy(hash, rest.data, PASSWORD_HASH_CHARS);
    return RULE_OK;
}

static enum rule_result
apply_password(struct access_user *u, attl_slice rule)
{
    char hash[PASSWORD_HASH_CHARS];
    enum rule_result result = hash_of(rule, hash);
    if (result != RULE_OK)
        return result;
    attl_slice word = attl_b(hash, sizeof hash);
    bool adds = *(const char *)rule.data == '>' || *(const char *)rule.data == '#';
    size_t at = 0;
    while (at < u->passwords.len && password_differ(u->passwords.items[at]->text, hash))
        at++;
    bool known = at < u->passwords.len;
    if (!adds && !known)
        return RULE_NO_PASSWORD;
    if (!adds) {
        words_remove(&u->passwords, &u->maker.alloc, at);
        return RULE_OK;
    }
    if (!known && u->passwords.len >= ACCESS_PASSWORDS_MAX)
        return RULE_TOO_MANY;
    if (!known && !words_add(&u->passwords, &u->maker.alloc, 0, word))
        return RULE_NO_MEMORY;
    u->no_password = false;
    return RULE_OK;
}

/* A selector from the text inside the parentheses. */
static enum rule_result
apply_selector(struct access_user *u, attl_slice rule)
{
    enum rule_result result = RULE_OK;
    if (u->selectors_len == ACCESS_SELECTORS_MAX)
        return RULE_TOO_MANY;
    struct selector *s = selector_new(&u->maker);
    if (!s)
        return RULE_NO_MEMORY;
    const char *p = (const char *)rule.data + 1;
    const char *end = p + rule.len - 2;
    while (p < end && result == RULE_OK) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        const char *stop = blank ? blank : end;
        result = selector_apply(&u->maker, s, attl_b(p, (size_t)(stop - p)));
        p = stop + 1;
    }
    if (result == RULE_OK)
        u->selectors[u->selectors_len++] = s;
    else
        selector_free(&u->maker, s);
    return result;
}

static void
set_no_password(struct access_user *u, bool on)
{
    u->no_password = on;
    words_clear(&u->passwords, &u->maker.alloc);
}

static void
reset(struct access_user *u)
{
    static const char *const rules[] = { "resetkeys", "-@all" };
    set_no_password(u, false);
    u->enabled = u->skip_sanitize = false;
    drop_selectors(u, 1);
    selector_reset_channels(&u->maker, u->selectors[0]);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        enum rule_result result = selector_apply(&u->maker, u->selectors[0], attl_s(rules[i]));
        ASSERT(result == RULE_OK); /* they only take away */
    }
}

/* The rules that are words; false if it is none of them. */
static bool
apply_word(struct access_user *u, attl_slice rule)
{
    if (rule_is(rule, "on"))
        u->enabled = true;
    else if (rule_is(rule, "off"))
        u->enabled = false;
    else if (rule_is(rule, "nopass"))
        set_no_password(u, true);
    else if (rule_is(rule, "resetpass"))
        set_no_password(u, false);
    else if (rule_is(rule, "skip-sanitize-payload"))
        u->skip_sanitize = true;
    else if (rule_is(rule, "sanitize-payload"))
        u->skip_sanitize = false;
    else if (rule_is(rule, "clearselectors"))
        drop_selectors(u, 1);
    else if (rule_is(rule, "reset"))
        reset(u);
    else
        return false;
    return true;
}

enum rule_result
user_apply(struct access_user *u, attl_slice rule)
{
    const char *p = rule.data;
    if (rule.len == 0 || apply_word(u, rule))
        return RULE_OK;
    if (*p == '>' || *p == '<' || *p == '#' || *p == '!')
        return apply_password(u, rule);
    if (*p == '(' && rule.len >= 2 && p[rule.len - 1] == ')')
        return apply_selector(u, rule);
    return selector_apply(&u->maker, u->selectors[0], rule);
}

static bool
opens(attl_slice word)
{
    const char *p = word.data;
    return word.len > 0 && p[0] == '(' && p[word.len - 1] != ')';
}

static bool
closes(attl_slice word)
{
    return word.len > 0 && ((const char *)word.data)[word.len - 1] == ')';
}

/* How many words the rule at `at` has; 0 if its parenthesis is not closed. */
static size_t
rule_len(const attl_slice *rules, size_t n, size_t at)
{
    if (!opens(rules[at]))
        return 1;
    for (size_t end = at + 1; end < n; end++)
        if (closes(rules[end]))
            return end - at + 1;
    return 0;
}

static enum rule_result
apply_words(struct access_user *u, const attl_slice *words, size_t n)
{
    struct buf text;
    if (n == 1)
        return user_apply(u, words[0]);
    buf_init(&text, ACCESS_RULE_BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&text, i ? " " : "");
        buf_append(&text, words[i].data, words[i].len);
    }
    enum rule_result result = text.failed == BUF_TOO_BIG ? RULE_TOO_MANY
                              : text.failed              ? RULE_NO_MEMORY
                                                         : user_apply(u, buf_slice(&text));
    buf_fini(&text);
    return result;
}

enum rule_result
user_apply_all(struct access_user *u, const attl_slice *rules, size_t n,
               struct rule_place *ret_place)
{
    struct rule_place *p = ret_place;
    for (size_t at = 0; at < n; at += p->n) {
        *p = (struct rule_place){ at, rule_len(rules, n, at) };
        if (p->n == 0)
            return RULE_SYNTAX;
    }
    for (size_t at = 0; at < n; at += p->n) {
        *p = (struct rule_place){ at, rule_len(rules, n, at) };
        enum rule_result result = apply_words(u, rules + at, p->n);
        if (result != RULE_OK)
            return result;
    }
    return RULE_OK;
}

void
user_settle(struct access_user *u)
{
    u->unlimited = false;
    for (size_t i = 0; i < u->selectors_len; i++)
        u->unlimited |= selector_is_unlimited(u->selectors[i]);
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum access_verdict
user_check(const struct access_user *u, const struct access_request *r, size_t *ret_arg)
{
    enum access_verdict worst = ACCESS_NO_COMMAND;
    size_t last_arg = 0;
    for (size_t i = 0; i < u->selectors_len; i++) {
        size_t arg = 0;
        enum access_verdict verdict = selector_check(u->selectors[i], r, &arg);
        if (verdict == ACCESS_ALLOWED)
            return verdict;
        if (verdict > worst || (verdict == worst && arg > last_arg)) {
            worst = verdict;
            last_arg = arg;
        }
    }
    *ret_arg = last_arg;
    return worst;
}

bool
user_allows_channel(const struct access_user *u, attl_slice channel, bool literal)
{
    for (size_t i = 0; i < u->selectors_len; i++)
        if (selector_allows_channel(u->selectors[i], channel, literal))
            return true;
    return false;
}

bool
user_knows(const struct access_user *u, const char hash[PASSWORD_HASH_CHARS])
{
    volatile unsigned known = 0;
    for (size_t i = 0; i < u->passwords.len; i++)
        known |= password_differ(u->passwords.items[i]->text, hash) == 0;
    return known != 0;
}

void
user_describe(const struct access_user *u, struct buf *out)
{
    buf_append_str(out, u->enabled ? "on " : "off ");
    buf_append_str(out, u->no_password ? "nopass " : "");
    buf_append_str(out, u->skip_sanitize ? "skip-sanitize-payload " : "sanitize-payload ");
    for (size_t i = 0; i < u->passwords.len; i++) {
        buf_append_str(out, "#");
        buf_append(out, u->passwords.items[i]->text, u->passwords.items[i]->len);
        buf_append_str(out, " ");
    }
    for (size_t i = 0; i < u->selectors_len; i++) {
        buf_append_str(out, i ? " (" : "");
        selector_describe(u->selectors[i], out);
        buf_append_str(out, i ? ")" : "");
    }
}
