/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One set of permissions: which commands, which keys for what, which channels. A user has one, its
 * root, and any number of others in parentheses; a command may run if one of them allows all of it.
 * Commands are a bit per row of the table, beside the rules as they were given, so that a check is
 * one test of a bit and ACL LIST shows what was set. Changed only while nobody else sees the user;
 * read by any thread afterwards.
 */
#ifndef ATTL_ACCESS_SELECTOR_H
#define ATTL_ACCESS_SELECTOR_H

#include "access/catalog.h"
#include "access/rule.h"
#include "access/words.h"
#include "base/buf.h"

enum access_kind { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_ANY = 3 };
enum { ACCESS_PATTERNS_MAX = 4096, ACCESS_RULES_MAX = 4096, ACCESS_RULE_BYTES_MAX = 65536 };

struct selector {
    uint64_t commands[ACCESS_ROWS_MAX / 64];
    bool from_all;     /* began with +@all: commands to come are allowed */
    bool all_commands; /* ... and nothing was taken away since */
    bool all_keys, all_channels;
    struct word_list keys;       /* glob patterns; tag: enum access_kind */
    struct word_list channels;   /* glob patterns */
    struct word_list first_args; /* "select|0" allows SELECT 0; tag: row; text: "0" */
    struct word_list rules;      /* "+get", "-@admin" in their order, behind +@all or -@all */
};

/* What a selector is made with: the allocator and the commands there are. */
struct selector_maker {
    attl_allocator alloc;
    const struct access_catalog *catalog;
    bool open_channels; /* new ones allow all channels */
};

/* What the names of a request are: keys; prefixes, each of which stands for all keys that begin
 * with it; or patterns, which may stand for any. */
enum access_form { ACCESS_KEYS, ACCESS_PREFIXES, ACCESS_PATTERNS };

/* What one request would do. */
struct access_request {
    size_t row;
    bool open;              /* for everybody: AUTH and its like */
    size_t words;           /* of the command's own name, 1 or 2 */
    const attl_slice *argv; /* with the name */
    size_t argc;
    size_t key_first, key_n, key_step;
    enum access_form key_form;
    unsigned key_kinds, key_kinds_second; /* of the first and, if `key_pair`, of the second */
    bool key_pair;                        /* two keys that are used differently */
    size_t channel_first, channel_n;
    bool channel_literal; /* they are patterns themselves, and must be allowed as such */
};

/* In the order in which Redis prefers to name them. */
enum access_verdict { ACCESS_ALLOWED, ACCESS_NO_COMMAND, ACCESS_NO_KEY, ACCESS_NO_CHANNEL };

/* Nothing is allowed, but channels if the maker says so. NULL on lack of memory. */
struct selector *selector_new(const struct selector_maker *m);
struct selector *selector_copy(const struct selector_maker *m, const struct selector *from);
void selector_free(const struct selector_maker *m, struct selector *s);

enum rule_result selector_apply(const struct selector_maker *m, struct selector *s,
                                attl_slice rule);
/* Channels as selector_new() makes them. */
void selector_reset_channels(const struct selector_maker *m, struct selector *s);
/* *ret_arg: the argument that is not allowed, for keys and channels. */
enum access_verdict selector_check(const struct selector *s, const struct access_request *r,
                                   size_t *ret_arg);
bool selector_allows_channel(const struct selector *s, attl_slice channel, bool literal);
bool selector_is_unlimited(const struct selector *s);

/* "~* &* +@all" and its parts, as ACL LIST and ACL GETUSER show them. */
void selector_describe(const struct selector *s, struct buf *out);
void selector_describe_commands(const struct selector *s, struct buf *out);
void selector_describe_keys(const struct selector *s, struct buf *out);
void selector_describe_channels(const struct selector *s, struct buf *out);

#endif
