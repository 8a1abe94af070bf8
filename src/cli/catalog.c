/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading COMMAND DOCS: maps in RESP3, flat arrays of pairs in RESP2, which in pre-order are the
 * same thing. The arguments, a tree, become one line in the notation of the documentation:
 * [optional], a | b, name [name ...]. Recursion is bounded by the depth of a reply.
 */
#include "cli/catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

void
catalog_init(struct catalog *c)
{
    *c = (struct catalog){ .entries = NULL };
}

void
catalog_fini(struct catalog *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct catalog_entry *e = &c->entries[i];
        free(e->name);
        free(e->summary);
        free(e->since);
        free(e->group);
        free(e->complexity);
        free(e->syntax);
    }
    free(c->entries);
    catalog_init(c);
}

static bool
is_pairs(const struct reply *r)
{
    return (r->type == REPLY_MAP || r->type == REPLY_ARRAY) && r->children % 2 == 0;
}

/* The value under `name` in a map, or NULL. */
static const struct reply *
field(const struct reply *map, const char *name)
{
    if (!is_pairs(map))
        return NULL;
    const struct reply *key = map + 1;
    for (size_t i = 0; i < map->children; i += 2) {
        if (reply_text_is(key, name))
            return reply_next(key);
        key = reply_next(reply_next(key));
    }
    return NULL;
}

static char *
text_copy(const struct reply *r)
{
    return r ? strndup(r->text.data, r->text.len) : strdup("");
}

static bool
has_flag(const struct reply *argument, const char *flag)
{
    const struct reply *flags = field(argument, "flags");
    if (!flags || !reply_is_aggregate(flags))
        return false;
    const struct reply *child = flags + 1;
    for (size_t i = 0; i < flags->children; i++, child = reply_next(child))
        if (reply_text_is(child, flag))
            return true;
    return false;
}

static void append_arguments(struct buf *to, const struct reply *list, const char *between);

/* The name of an argument, or of the arguments inside it. */
static void
append_argument_value(struct buf *to, const struct reply *argument, bool one_of)
{
    const struct reply *list = field(argument, "arguments");
    const struct reply *name = field(argument, "display_text");
    if (!name)
        name = field(argument, "name");
    bool angle = one_of && !has_flag(argument, "optional");
    if (angle)
        buf_append_str(to, "<");
    if (list && reply_is_aggregate(list))
        append_arguments(to, list, one_of ? " | " : " ");
    else if (name)
        buf_append(to, name->text.data, name->text.len);
    if (angle)
        buf_append_str(to, ">");
}

/* An argument without its brackets and repetition: "EX seconds", "NX", "<a | b>". */
static void
append_argument_core(struct buf *to, const struct reply *argument)
{
    const struct reply *type = field(argument, "type");
    const struct reply *token = field(argument, "token");
    if (token)
        buf_append(to, token->text.data, token->text.len);
    if (type && reply_text_is(type, "pure-token"))
        return;
    if (token && token->text.len > 0)
        buf_append_str(to, " ");
    append_argument_value(to, argument, type && reply_text_is(type, "oneof"));
}

static void
append_argument(struct buf *to, const struct reply *argument)
{
    bool optional = has_flag(argument, "optional");
    if (optional)
        buf_append_str(to, "[");
    append_argument_core(to, argument);
    if (has_flag(argument, "multiple")) {
        buf_append_str(to, " [");
        append_argument_core(to, argument);
        buf_append_str(to, " ...]");
    }
    if (optional)
        buf_append_str(to, "]");
}

/* Recursion is bounded by the depth of a reply. */
static void
append_arguments(struct buf *to, const struct reply *list, const char *between)
{
    const struct reply *argument = list + 1;
    for (size_t i = 0; i < list->children; i++, argument = reply_next(argument)) {
        if (i > 0)
            buf_append_str(to, between);
        append_argument(to, argument);
    }
}

/* NULL on lack of memory; a syntax longer than the limit is left out. */
static char *
syntax_text(const struct reply *docs)
{
    const struct reply *list = field(docs, "arguments");
    if (!list || !reply_is_aggregate(list))
        return strdup("");
    struct buf text;
    buf_init(&text, CATALOG_TEXT_BYTES_MAX);
    append_arguments(&text, list, " ");
    char *copy = text.failed ? strdup("") : strndup(text.len ? text.data : "", text.len);
    buf_fini(&text);
    return copy;
}

/* "config|get" to "CONFIG GET". */
static char *
name_copy(const struct reply *name)
{
    char *copy = text_copy(name);
    for (char *p = copy; p && *p; p++)
        *p = *p == '|' ? ' ' : (char)toupper((unsigned char)*p);
    return copy;
}

static bool
add_entry(struct catalog *c, const struct reply *name, const struct reply *docs)
{
    if (c->count == CATALOG_ENTRIES_MAX)
        return true; /* more than that is no help to anybody */
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        struct catalog_entry *entries = realloc(c->entries, cap * sizeof *entries);
        if (!entries)
            return false;
        c->entries = entries;
        c->cap = cap;
    }
    struct catalog_entry *e = &c->entries[c->count++];
    e->name = name_copy(name);
    e->summary = text_copy(field(docs, "summary"));
    e->since = text_copy(field(docs, "since"));
    e->group = text_copy(field(docs, "group"));
    e->complexity = text_copy(field(docs, "complexity"));
    e->syntax = syntax_text(docs);
    return e->name && e->summary && e->since && e->group && e->complexity && e->syntax;
}

/* The pairs name, docs of a map, and of its "subcommands". */
static bool
add_entries(struct catalog *c, const struct reply *map, bool top)
{
    if (!is_pairs(map))
        return true;
    const struct reply *name = map + 1;
    for (size_t i = 0; i < map->children; i += 2) {
        const struct reply *docs = reply_next(name);
        const struct reply *subcommands = field(docs, "subcommands");
        if (!add_entry(c, name, docs))
            return false;
        if (top && subcommands && !add_entries(c, subcommands, false))
            return false;
        name = reply_next(docs);
    }
    return true;
}

static int
compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct catalog_entry *)a)->name, ((const struct catalog_entry *)b)->name);
}

bool
catalog_fill(struct catalog *c, const struct reply *docs)
{
    if (!add_entries(c, docs, true)) {
        catalog_fini(c);
        return false;
    }
    if (c->count > 1)
        qsort(c->entries, c->count, sizeof *c->entries, compare_entries);
    return true;
}

int
catalog_fetch(struct catalog *c, struct client *client)
{
    attl_slice words[2] = { attl_s("COMMAND"), attl_s("DOCS") };
    const struct reply *docs;
    int status = client_call(client, words, 2, &docs);
    catalog_fini(c);
    if (status == CLIENT_OK && docs->type != REPLY_ERROR)
        (void)catalog_fill(
            c, docs); /* without memory for it: no help, as with a server that has none */
    return status;
}

const struct catalog_entry *
catalog_find_name(const struct catalog *c, attl_slice name)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *z = c->entries[i].name;
        if (strlen(z) == name.len && strncasecmp(z, name.data, name.len) == 0)
            return &c->entries[i];
    }
    return NULL;
}

const struct catalog_entry *
catalog_find(const struct catalog *c, const attl_slice *words, size_t n, size_t *ret_words)
{
    char both[CATALOG_NAME_MAX];
    if (n >= 2 && words[0].len + words[1].len + 1 <= sizeof both) {
        memcpy(both, words[0].data, words[0].len);
        both[words[0].len] = ' ';
        memcpy(both + words[0].len + 1, words[1].data, words[1].len);
        const struct catalog_entry *e =
            catalog_find_name(c, attl_b(both, words[0].len + words[1].len + 1));
        if (e) {
            *ret_words = 2;
            return e;
        }
    }
    *ret_words = 1;
    return n >= 1 ? catalog_find_name(c, words[0]) : NULL;
}
