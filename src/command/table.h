/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of commands: one row per command and per subcommand, from which dispatch, arity checks,
 * COMMAND, HELP texts, per-command statistics and docs/commands.md all follow. A subcommand's row
 * has the name "container|word" and stands directly below its container's row, so that a
 * container's subcommands are a slice of the table. The table is constant; a row's index identifies
 * it in statistics.
 */
#ifndef ATTL_COMMAND_TABLE_H
#define ATTL_COMMAND_TABLE_H

#include "command/command.h"

enum {
    COMMAND_NAME_MAX = 24,    /* bytes of `name`, padded with zeros */
    COMMAND_TOP_NAME_MAX = 16 /* longest name the dispatcher looks up */
};

/* In the order in which COMMAND INFO prints them. */
enum command_flag {
    CMD_WRITE = 1 << 0,
    CMD_READONLY = 1 << 1,
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_LOADING = 1 << 6, /* may run while env->loading */
    CMD_STALE = 1 << 7,
    CMD_FAST = 1 << 8,
    CMD_NO_AUTH = 1 << 9, /* may run before AUTH */
    CMD_NO_MULTI = 1 << 10,
    CMD_ALLOW_BUSY = 1 << 11,
    CMD_MOVABLEKEYS = 1 << 12, /* the keys follow a count: "numkeys key value ..." */
    CMD_PUBLIC = (1 << 13) - 1,
    /* What follows is not shown to clients. */
    CMD_SUBSCRIBED = 1 << 13, /* may run while subscribed under protocol 2 */
    CMD_WHOLE = 1 << 14,      /* without keys, because all of them are concerned */
    CMD_AT_ONCE = 1 << 15,    /* never queued: it is about the transaction, or ends it */
    CMD_AUDITED = 1 << 16     /* goes into the audit trail, though it is no administration */
};

/* Categories that do not follow from the flags; read, write, admin, fast and slow do. */
enum command_category {
    CAT_KEYSPACE = 1 << 0,
    CAT_STRING = 1 << 1,
    CAT_DANGEROUS = 1 << 2,
    CAT_CONNECTION = 1 << 3,
    CAT_PUBSUB = 1 << 4,
    CAT_TRANSACTION = 1 << 5
};

/* What a command does with its keys, as COMMAND INFO's key specifications say it. */
enum command_access {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_VARIABLE = 1 << 8 /* the flags depend on the arguments */
};

/* Hints for clients that spread requests over servers. */
enum command_tip {
    TIP_NONDETERMINISTIC = 1 << 0,
    TIP_NONDETERMINISTIC_ORDER = 1 << 1,
    TIP_ALL_SHARDS = 1 << 2,
    TIP_MULTI_SHARD = 1 << 3,
    TIP_ALL_NODES = 1 << 4,
    TIP_SPECIAL_REQUEST = 1 << 5,
    TIP_ALL_SUCCEEDED = 1 << 6,
    TIP_AGG_SUM = 1 << 7,
    TIP_AGG_MIN = 1 << 8,
    TIP_SPECIAL_RESPONSE = 1 << 9
};

enum command_group {
    GROUP_STRING,
    GROUP_GENERIC,
    GROUP_CONNECTION,
    GROUP_PUBSUB,
    GROUP_TRANSACTIONS,
    GROUP_SERVER,
    GROUP_CLUSTER,
    GROUP_ATTL,
    GROUP_COUNT
};

/* One request under execution. Lives on the stack of command_execute(). */
struct request {
    struct command_env *env;
    struct session *s;
    const attl_slice *argv;
    size_t argc;
    struct buf *out;
    const struct command *cmd;
};

typedef void command_fn(struct request *rq);

/* Positions of keys among the arguments: every `step`-th from `first` to `last` (< 0: from the
 * end). */
struct command_key_spec {
    int8_t first, last, step;
    uint16_t access;
    uint16_t access_second; /* of the second of two keys with different roles, else 0 */
};

struct command {
    char name[COMMAND_NAME_MAX]; /* lower case; not terminated if it fills the array, which none
                                    does */
    command_fn *run;             /* NULL: a container that needs a subcommand */
    int8_t arity;                /* words with the name; < 0: at least that many */
    uint8_t group;
    uint8_t subs_len; /* rows below this one that are its subcommands */
    uint32_t flags;
    uint16_t cats, tips;
    struct command_key_spec keys;
    const char *since;      /* of Redis, or of attl for our own */
    const char *syntax;     /* the arguments, "" for none */
    const char *summary;    /* one line without a full stop */
    const char *complexity; /* NULL: O(1) */
};

extern const struct command command_table[];
extern const size_t command_table_len;

/* The row of a top-level command, in any case; NULL if there is none. A few nanoseconds. */
const struct command *command_find(attl_slice name);
/* The subcommand `word` of `container`, in any case; NULL if there is none. */
const struct command *command_find_sub(const struct command *container, attl_slice word);
/* By full name, "get" or "config|get". */
const struct command *command_find_full(attl_slice name);

static inline size_t
command_index(const struct command *cmd)
{
    return (size_t)(cmd - command_table);
}

static inline bool
command_arity_fits(const struct command *cmd, size_t argc)
{
    return cmd->arity >= 0 ? argc == (size_t)cmd->arity : argc >= (size_t)-cmd->arity;
}

/* Whether it may have keys among its words. */
static inline bool
command_has_keys(const struct command *cmd)
{
    return cmd->keys.first != 0 || (cmd->flags & CMD_MOVABLEKEYS);
}

/* The subcommand's own word: "get" of "config|get". */
const char *command_word(const struct command *cmd);
bool command_is_sub(const struct command *cmd);

#endif
