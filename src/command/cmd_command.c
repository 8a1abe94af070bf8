/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COMMAND: the table for clients, in the shape Redis 7 gives it. Clients use it to find the keys of
 * a request and to learn what may be sent where, so flags, categories, tips and key specifications
 * are those of Redis; what follows from the flags (read, write, admin, fast, slow) is derived, not
 * stored. Nothing here changes or keeps anything.
 */
#include "command/category.h"
#include "command/commands.h"
#include "command/keys.h"
#include "command/reply.h"

#include "base/glob.h"

#include <stdio.h>

enum { CATEGORY_NAME_MAX = 16, INFO_FIELDS = 10 };

/* ---- lists of names ---- */

static const char *const flag_names[] = { "write",      "readonly", "denyoom",  "admin",
                                          "pubsub",     "noscript", "loading",  "stale",
                                          "fast",       "no_auth",  "no_multi", "allow_busy",
                                          "movablekeys" };
static const char *const key_names[] = { "RO",     "RW",     "OW",
                                         "RM",     "access", "update",
                                         "insert", "delete", "variable_flags" };
static const char *const tip_names[] = {
    "nondeterministic_output",       "nondeterministic_output_order", "request_policy:all_shards",
    "request_policy:multi_shard",    "request_policy:all_nodes",      "request_policy:special",
    "response_policy:all_succeeded", "response_policy:agg_sum",       "response_policy:agg_min",
    "response_policy:special",
};

/* A set of simple strings: the names of the bits of `bits`. */
static void
reply_bits(struct request *rq, unsigned bits, const char *const *names)
{
    resp_set(rq->out, rq->s->proto, (size_t)__builtin_popcount(bits));
    for (unsigned bit = 0; bits >> bit; bit++)
        if (bits >> bit & 1)
            resp_simple(rq->out, names[bit]);
}

static void
reply_tips(struct request *rq, unsigned tips)
{
    resp_set(rq->out, rq->s->proto, (size_t)__builtin_popcount(tips));
    for (unsigned bit = 0; tips >> bit; bit++)
        if (tips >> bit & 1)
            resp_bulk_str(rq->out, tip_names[bit]);
}

static void
reply_categories(struct request *rq, const struct command *cmd)
{
    uint32_t bits = command_categories(cmd);
    resp_set(rq->out, rq->s->proto, (size_t)__builtin_popcount(bits));
    for (size_t i = 0; bits >> i; i++) {
        char name[CATEGORY_NAME_MAX + 2];
        if (!(bits >> i & 1))
            continue;
        (void)snprintf(name, sizeof name, "@%s", command_catalog.category_names[i]); /* fits */
        resp_simple(rq->out, name);
    }
}

/* ---- key specifications ---- */

static void
reply_begin_search(struct request *rq, int index)
{
    resp_bulk_str(rq->out, "begin_search");
    resp_map(rq->out, rq->s->proto, 2);
    reply_field_str(rq, "type", "index");
    resp_bulk_str(rq->out, "spec");
    resp_map(rq->out, rq->s->proto, 1);
    reply_field_int(rq, "index", index);
}

/* Keys from `index` on: `last` counts from there, < 0 from the end of the request. */
static void
reply_range_spec(struct request *rq, unsigned access, int index, int last, int step)
{
    resp_map(rq->out, rq->s->proto, 3);
    resp_bulk_str(rq->out, "flags");
    reply_bits(rq, access, key_names);
    reply_begin_search(rq, index);
    resp_bulk_str(rq->out, "find_keys");
    resp_map(rq->out, rq->s->proto, 2);
    reply_field_str(rq, "type", "range");
    resp_bulk_str(rq->out, "spec");
    resp_map(rq->out, rq->s->proto, 3);
    reply_field_int(rq, "lastkey", last);
    reply_field_int(rq, "keystep", step);
    reply_field_int(rq, "limit", 0);
}

/* "numkeys key value ...": the count is at argument 1. */
static void
reply_keynum_spec(struct request *rq)
{
    resp_map(rq->out, rq->s->proto, 3);
    resp_bulk_str(rq->out, "flags");
    reply_bits(rq, KEY_OW | KEY_UPDATE, key_names);
    reply_begin_search(rq, 1);
    resp_bulk_str(rq->out, "find_keys");
    resp_map(rq->out, rq->s->proto, 2);
    reply_field_str(rq, "type", "keynum");
    resp_bulk_str(rq->out, "spec");
    resp_map(rq->out, rq->s->proto, 3);
    reply_field_int(rq, "keynumidx", 0);
    reply_field_int(rq, "firstkey", 1);
    reply_field_int(rq, "keystep", 2);
}

static void
reply_key_specs(struct request *rq, const struct command *cmd)
{
    struct command_key_spec keys = cmd->keys;
    bool movable = cmd->flags & CMD_MOVABLEKEYS;
    size_t n = keys.access_second ? 2 : keys.first || movable ? 1 : 0;
    resp_set(rq->out, rq->s->proto, n);
    if (movable)
        reply_keynum_spec(rq);
    else if (n == 1)
        reply_range_spec(rq, keys.access, keys.first,
                         keys.last < 0 ? keys.last : keys.last - keys.first, keys.step);
    if (n < 2)
        return;
    reply_range_spec(rq, keys.access, keys.first, 0, 1);
    reply_range_spec(rq, keys.access_second, keys.first + 1, 0, 1);
}

/* ---- COMMAND ---- */

static void
reply_command(struct request *rq, const struct command *cmd)
{
    resp_array(rq->out, INFO_FIELDS);
    resp_bulk_str(rq->out, cmd->name);
    resp_int(rq->out, cmd->arity);
    reply_bits(rq, cmd->flags & CMD_PUBLIC, flag_names);
    resp_int(rq->out, cmd->keys.first);
    resp_int(rq->out, cmd->keys.last);
    resp_int(rq->out, cmd->keys.step);
    reply_categories(rq, cmd);
    reply_tips(rq, cmd->tips);
    reply_key_specs(rq, cmd);
    resp_set(rq->out, rq->s->proto, cmd->subs_len);
    for (size_t i = 1; i <= cmd->subs_len; i++)
        reply_command(rq, cmd + i);
}

static size_t
count_top(void)
{
    size_t n = 0;
    for (size_t row = 0; row < command_table_len; row++)
        n += !command_is_sub(&command_table[row]);
    return n;
}

/* COMMAND */
void
cmd_command(struct request *rq)
{
    resp_array(rq->out, count_top());
    for (size_t row = 0; row < command_table_len; row++)
        if (!command_is_sub(&command_table[row]))
            reply_command(rq, &command_table[row]);
}

/* COMMAND COUNT */
void
cmd_command_count(struct request *rq)
{
    resp_int(rq->out, (int64_t)count_top());
}

/* COMMAND INFO [name ...] */
void
cmd_command_info(struct request *rq)
{
    if (rq->argc == 2) {
        cmd_command(rq);
        return;
    }
    resp_array(rq->out, rq->argc - 2);
    for (size_t i = 2; i < rq->argc; i++) {
        const struct command *cmd = command_find_full(rq->argv[i]);
        if (cmd)
            reply_command(rq, cmd);
        else
            resp_null(rq->out, rq->s->proto);
    }
}

/* ---- COMMAND LIST ---- */

enum list_filter { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN };

static bool
list_takes(const struct request *rq, const struct command *cmd, enum list_filter filter)
{
    switch (filter) {
    case LIST_ALL: return !command_is_sub(cmd);
    case LIST_MODULE: return false; /* no command comes from a module */
    case LIST_CATEGORY:
        return command_categories(cmd) & catalog_category(&command_catalog, rq->argv[4]);
    case LIST_PATTERN: return glob_match_name(rq->argv[4], cmd->name);
    }
    return false;
}

/* COMMAND LIST [FILTERBY MODULE name | FILTERBY ACLCAT category | FILTERBY PATTERN pattern] */
void
cmd_command_list(struct request *rq)
{
    enum list_filter filter = LIST_ALL;
    bool filtered = rq->argc == 5 && arg_is(rq->argv[2], "filterby");
    if (filtered && arg_is(rq->argv[3], "module"))
        filter = LIST_MODULE;
    else if (filtered && arg_is(rq->argv[3], "aclcat"))
        filter = LIST_CATEGORY;
    else if (filtered && arg_is(rq->argv[3], "pattern"))
        filter = LIST_PATTERN;
    if (rq->argc != 2 && filter == LIST_ALL) {
        reply_syntax_error(rq);
        return;
    }
    size_t mark = rq->out->len, n = 0;
    for (size_t row = 0; row < command_table_len; row++) {
        if (!list_takes(rq, &command_table[row], filter))
            continue;
        resp_bulk_str(rq->out, command_table[row].name);
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

/* ---- COMMAND GETKEYS ---- */

/* The row of the command that starts at `argv`, subcommand included; NULL if there is none. */
static const struct command *
find_command_line(const attl_slice *argv, size_t argc)
{
    const struct command *cmd = command_find(argv[0]);
    if (!cmd || cmd->subs_len == 0 || argc < 2)
        return cmd;
    return command_find_sub(cmd, argv[1]);
}

/* COMMAND GETKEYS command [argument ...] */
void
cmd_command_getkeys(struct request *rq)
{
    const attl_slice *argv = rq->argv + 2;
    size_t argc = rq->argc - 2;
    const struct command *cmd = find_command_line(argv, argc);
    if (!cmd) {
        resp_error(rq->out, "ERR Invalid command specified");
        return;
    }
    if (cmd->keys.first == 0 && !(cmd->flags & CMD_MOVABLEKEYS)) {
        resp_error(rq->out, "ERR The command has no key arguments");
        return;
    }
    if (!command_arity_fits(cmd, argc)) {
        resp_error(rq->out, "ERR Invalid number of arguments specified for command");
        return;
    }
    struct key_range range = command_key_range(cmd, argv, argc);
    if (range.n == 0) {
        resp_error(rq->out, "ERR Invalid arguments specified for command");
        return;
    }
    resp_array(rq->out, range.n);
    for (size_t i = 0; i < range.n; i++)
        resp_bulk(rq->out, argv[range.first + i * range.step]);
}
