/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines are cut at blanks; quotes matter only in that a quoted word is a value and is left alone.
 * Tokens are read off the syntax line: they are its upper-case words, so no second description of
 * the arguments is needed. The hint drops an optional part once its token has been typed.
 */
#include "cli/complete.h"

#include "cli/args_offline.h"
#include "cli/args_table.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* A line in words. The last one may be empty: the cursor is behind a blank. */
struct line {
    attl_slice words[COMPLETE_LINE_WORDS_MAX];
    size_t count; /* at least 1; the last is the one being typed */
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* False if the line has more words than anybody needs help with. */
static bool
line_split(attl_slice text, struct line *line)
{
    const char *p = text.data, *end = p + text.len;
    line->count = 0;
    for (;;) {
        while (p < end && is_blank(*p))
            p++;
        const char *from = p;
        char quote = 0;
        for (; p < end && (quote || !is_blank(*p)); p++) {
            if (*p == '\\' && p + 1 < end)
                p++;
            else if (quote ? *p == quote : *p == '"' || *p == '\'')
                quote = quote ? 0 : *p;
        }
        if (line->count == COMPLETE_LINE_WORDS_MAX)
            return false;
        line->words[line->count++] = attl_b(from, (size_t)(p - from));
        if (p == end)
            return true;
    }
}

/* Offers `name` (its first `len` bytes) as a completion of `typed`. */
static void
offer(struct completions *done, attl_slice typed, const char *name, size_t len)
{
    if (len < typed.len || len >= COMPLETE_WORD_MAX || done->count == COMPLETE_MAX)
        return;
    if (strncasecmp(name, typed.data, typed.len) != 0)
        return;
    char *word = done->words[done->count];
    const char *first = typed.data;
    bool lower = typed.len > 0 && islower((unsigned char)first[0]);
    for (size_t i = 0; i < len; i++)
        word[i] = (char)(lower ? tolower((unsigned char)name[i]) : name[i]);
    word[len] = '\0';
    for (size_t i = 0; i < done->count; i++)
        if (strcmp(done->words[i], word) == 0)
            return; /* a token may stand in the syntax twice */
    done->count++;
}

static bool
same_word(attl_slice typed, const char *word)
{
    return strlen(word) == typed.len && strncasecmp(word, typed.data, typed.len) == 0;
}

/* Verbs and options are read in lower case only. */
static void
offer_lower(struct completions *done, attl_slice typed, const char *name)
{
    if (strlen(name) >= typed.len && strncmp(name, typed.data, typed.len) == 0 &&
        done->count < COMPLETE_MAX)
        (void)snprintf(done->words[done->count++], COMPLETE_WORD_MAX, "%s", name); /* fits */
}

/* What may follow wal, snapshot or check: a verb, or an option; false if it is none of them. */
static bool
offer_offline(const struct line *line, struct completions *done)
{
    enum cli_mode mode;
    attl_slice typed = line->words[line->count - 1];
    const char *own, *first = typed.data;
    for (size_t i = 0;; i++) {
        own = args_offline_word(i);
        if (!own)
            return false;
        if (same_word(line->words[0], own))
            break;
    }
    bool known = args_find_word(own, &mode);
    if (known && typed.len > 0 && *first == '-') {
        char name[COMPLETE_WORD_MAX];
        for (size_t i = 0; i < args_option_count; i++) {
            (void)snprintf(name, sizeof name, "--%s", args_options[i].name); /* fits */
            if ((args_options[i].modes & 1U << mode) && args_options[i].id < OPT_HEALTHCHECK)
                offer_lower(done, typed, name);
        }
    } else if (known && line->count == 2) {
        for (size_t i = 0; i < args_verb_count; i++)
            if (args_verbs[i].mode == mode && args_verbs[i].word[0])
                offer_lower(done, typed, args_verbs[i].word);
    }
    return true;
}

/* First words: commands without their subcommands, and the tool's own. */
static void
offer_commands(const struct catalog *c, attl_slice typed, bool own, struct completions *done)
{
    static const char *const own_words[] = { "HELP", "EXIT", "QUIT", "CLEAR", "CONNECT" };
    static const char *const local_words[] = { "WAL", "SNAPSHOT", "CHECK" }; /* have help, too */
    for (size_t i = 0; i < c->count; i++)
        if (!strchr(c->entries[i].name, ' '))
            offer(done, typed, c->entries[i].name, strlen(c->entries[i].name));
    for (size_t i = 0; own && i < sizeof own_words / sizeof own_words[0]; i++)
        offer(done, typed, own_words[i], strlen(own_words[i]));
    for (size_t i = 0; i < sizeof local_words / sizeof local_words[0]; i++)
        offer(done, typed, local_words[i], strlen(local_words[i]));
}

static void
offer_subcommands(const struct catalog *c, attl_slice command, attl_slice typed,
                  struct completions *done)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->entries[i].name;
        const char *space = strchr(name, ' ');
        if (!space || (size_t)(space - name) != command.len ||
            strncasecmp(name, command.data, command.len) != 0)
            continue;
        offer(done, typed, space + 1, strlen(space + 1));
    }
}

/* The upper-case words of a syntax. */
static void
offer_tokens(const char *syntax, attl_slice typed, struct completions *done)
{
    while (*syntax) {
        size_t len = 0;
        bool lower = false;
        while (isalnum((unsigned char)syntax[len]) || syntax[len] == '-' || syntax[len] == '_') {
            lower = lower || islower((unsigned char)syntax[len]);
            len++;
        }
        if (len > 1 && !lower && isupper((unsigned char)*syntax))
            offer(done, typed, syntax, len);
        syntax += len ? len : 1;
    }
}

void
complete_line(const struct catalog *c, attl_slice text, struct completions *ret)
{
    struct line line;
    ret->count = 0;
    ret->typed = 0;
    if (!line_split(text, &line))
        return;
    attl_slice typed = line.words[line.count - 1];
    const char *first = typed.data;
    ret->typed = typed.len;
    if (typed.len > 0 && (*first == '"' || *first == '\''))
        return;
    if (line.count == 1) {
        offer_commands(c, typed, true, ret);
        return;
    }
    if (offer_offline(&line, ret))
        return;
    if (line.words[0].len == 4 && strncasecmp(line.words[0].data, "help", 4) == 0) {
        if (line.count == 2)
            offer_commands(c, typed, false, ret);
        else if (line.count == 3)
            offer_subcommands(c, line.words[1], typed, ret);
        return;
    }
    if (line.count == 2)
        offer_subcommands(c, line.words[0], typed, ret);
    size_t used;
    const struct catalog_entry *e = catalog_find(c, line.words, line.count - 1, &used);
    if (e && ret->count == 0 && line.count > used)
        offer_tokens(e->syntax, typed, ret);
}

size_t
complete_common(const struct completions *done)
{
    if (done->count == 0)
        return 0;
    size_t len = strlen(done->words[0]);
    for (size_t i = 1; i < done->count; i++) {
        size_t same = done->typed;
        while (same < len && done->words[i][same] == done->words[0][same])
            same++;
        len = same < len ? same : len;
    }
    return len - done->typed;
}

/* Length of the part of a syntax that stands at `p`: a word, or everything up to its closing
 * bracket. */
static size_t
part_length(const char *p)
{
    size_t i = 0;
    int depth = 0;
    for (; p[i] && (depth > 0 || p[i] != ' '); i++) {
        depth += p[i] == '[' || p[i] == '<';
        depth -= p[i] == ']' || p[i] == '>';
    }
    return i;
}

/* Does one of the words stand, as a token, in this part? */
static bool
part_has_word(const char *part, size_t len, const attl_slice *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t at = 1; at + words[i].len < len; at++) {
            bool whole = !isalnum((unsigned char)part[at - 1]) &&
                         !isalnum((unsigned char)part[at + words[i].len]);
            if (whole && words[i].len > 0 && isupper((unsigned char)part[at]) &&
                strncasecmp(part + at, words[i].data, words[i].len) == 0)
                return true;
        }
    return false;
}

void
complete_hint(const struct catalog *c, attl_slice text, char ret_hint[COMPLETE_HINT_MAX])
{
    struct line line;
    size_t used, n = 0;
    ret_hint[0] = '\0';
    if (!line_split(text, &line))
        return;
    const struct catalog_entry *e = catalog_find(c, line.words, line.count - 1, &used);
    if (!e)
        return;
    const attl_slice *words = line.words + used;
    size_t given = line.count - 1 - used; /* complete words behind the command */
    size_t skip = given;
    for (const char *p = e->syntax; *p; p += *p == ' ') {
        size_t len = part_length(p);
        bool optional = *p == '[';
        bool done = optional ? part_has_word(p, len, words, given) : skip > 0;
        if (!optional && skip > 0)
            skip--;
        if (!done && n + len + 2 < COMPLETE_HINT_MAX)
            n += (size_t)snprintf(ret_hint + n, COMPLETE_HINT_MAX - n, "%s%.*s", n ? " " : "",
                                  (int)len, p);
        p += len;
    }
}
