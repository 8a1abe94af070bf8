/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which command is in which category, and the table described for src/access. The names of
 * categories without members - sets, lists, scripts - are there too: rules of Redis that take them
 * away must not fail here. What is derived is derived as in Redis: admin commands are dangerous,
 * what is not fast is slow. Pure.
 */
#include "command/category.h"

/* In Redis' order, which is that of ACL CAT. */
enum category {
    CATEGORY_KEYSPACE,
    CATEGORY_READ,
    CATEGORY_WRITE,
    CATEGORY_SET,
    CATEGORY_SORTEDSET,
    CATEGORY_LIST,
    CATEGORY_HASH,
    CATEGORY_STRING,
    CATEGORY_BITMAP,
    CATEGORY_HYPERLOGLOG,
    CATEGORY_GEO,
    CATEGORY_STREAM,
    CATEGORY_PUBSUB,
    CATEGORY_ADMIN,
    CATEGORY_FAST,
    CATEGORY_SLOW,
    CATEGORY_BLOCKING,
    CATEGORY_DANGEROUS,
    CATEGORY_CONNECTION,
    CATEGORY_TRANSACTION,
    CATEGORY_SCRIPTING,
    CATEGORY_ATTL,
    CATEGORY_COUNT
};

static const char *const names[CATEGORY_COUNT] = {
    "keyspace", "read",        "write",      "set",         "sortedset", "list",  "hash", "string",
    "bitmap",   "hyperloglog", "geo",        "stream",      "pubsub",    "admin", "fast", "slow",
    "blocking", "dangerous",   "connection", "transaction", "scripting", "attl",
};

uint32_t
command_categories(const struct command *cmd)
{
    const struct {
        bool holds;
        enum category category;
    } all[] = {
        { cmd->cats & CAT_KEYSPACE, CATEGORY_KEYSPACE },
        { cmd->flags & CMD_READONLY, CATEGORY_READ },
        { cmd->flags & CMD_WRITE, CATEGORY_WRITE },
        { cmd->cats & CAT_STRING, CATEGORY_STRING },
        { cmd->cats & CAT_PUBSUB, CATEGORY_PUBSUB },
        { cmd->flags & CMD_ADMIN, CATEGORY_ADMIN },
        { cmd->flags & CMD_FAST, CATEGORY_FAST },
        { !(cmd->flags & CMD_FAST), CATEGORY_SLOW },
        { (cmd->cats & CAT_DANGEROUS) || (cmd->flags & CMD_ADMIN), CATEGORY_DANGEROUS },
        { cmd->cats & CAT_CONNECTION, CATEGORY_CONNECTION },
        { cmd->cats & CAT_TRANSACTION, CATEGORY_TRANSACTION },
        { cmd->group == GROUP_ATTL, CATEGORY_ATTL },
    };
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].holds)
            bits |= UINT32_C(1) << all[i].category;
    return bits;
}

/* ---- the table for src/access ---------------------------------------------------------------- */

static const char *
row_name(size_t row)
{
    return command_table[row].name;
}

static bool
row_is_sub(size_t row)
{
    return command_is_sub(&command_table[row]);
}

static size_t
row_subs(size_t row)
{
    return command_table[row].subs_len;
}

static bool
row_find(attl_slice name, size_t *ret_row)
{
    const struct command *cmd = command_find_full(name);
    if (cmd)
        *ret_row = command_index(cmd);
    return cmd != NULL;
}

static uint32_t
row_categories(size_t row)
{
    return command_categories(&command_table[row]);
}

static size_t
row_count(void)
{
    return command_table_len;
}

const struct access_catalog command_catalog = {
    .rows = row_count,
    .name = row_name,
    .is_sub = row_is_sub,
    .subs = row_subs,
    .find = row_find,
    .categories = row_categories,
    .category_names = names,
    .categories_len = CATEGORY_COUNT,
};
