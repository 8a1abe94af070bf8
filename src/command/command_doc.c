/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documentation from the table: docs/commands.md, COMMAND DOCS and the HELP of the containers. All
 * three read the same rows, so that a command cannot be documented differently in two places. In
 * Markdown the bars of a syntax are escaped, because rows of a table are separated by bars as well.
 */
#include "command/command_doc.h"

#include "base/assert.h"
#include "command/commands.h"
#include "command/reply.h"
#include "command/syntax.h"

#include <stdio.h>

enum { UPPER_MAX = COMMAND_NAME_MAX + 1 };

static const char *const group_names[GROUP_COUNT] = {
    [GROUP_STRING] = "string",
    [GROUP_GENERIC] = "generic",
    [GROUP_CONNECTION] = "connection",
    [GROUP_PUBSUB] = "pubsub",
    [GROUP_TRANSACTIONS] = "transactions",
    [GROUP_SERVER] = "server",
    [GROUP_CLUSTER] = "cluster",
    [GROUP_ATTL] = "attl",
};

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_STRING] = "Strings",
    [GROUP_GENERIC] = "Keys",
    [GROUP_CONNECTION] = "Connections",
    [GROUP_PUBSUB] = "Publish and subscribe",
    [GROUP_TRANSACTIONS] = "Transactions",
    [GROUP_SERVER] = "The server",
    [GROUP_CLUSTER] = "Cluster",
    [GROUP_ATTL] = "Our own commands",
};

const char *
command_group_name(enum command_group group)
{
    ASSERT(group < GROUP_COUNT);
    return group_names[group];
}

static char
upper_char(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* "config|get" as "CONFIG GET". */
static void
upper_name(const struct command *cmd, char out[UPPER_MAX])
{
    size_t i = 0;
    for (; cmd->name[i]; i++)
        out[i] = cmd->name[i] == '|' ? ' ' : upper_char(cmd->name[i]);
    out[i] = '\0';
}

/* ---- HELP ---- */

static const struct command *
container_of(const struct command *sub)
{
    while (command_is_sub(sub))
        sub--;
    return sub;
}

/* Two lines of a HELP reply: the word with its arguments, and what it does. */
static void
reply_help_lines(struct buf *out, const struct command *sub)
{
    char word[UPPER_MAX];
    const char *own = command_word(sub);
    size_t i = 0;
    for (; own[i]; i++)
        word[i] = upper_char(own[i]);
    word[i] = '\0';
    buf_printf(out, "+%s%s%s\r\n", word, sub->syntax[0] ? " " : "", sub->syntax);
    buf_printf(out, "+    %s.\r\n", sub->summary);
}

/* CLIENT HELP and its like. */
void
cmd_help(struct request *rq)
{
    const struct command *container = container_of(rq->cmd);
    char name[UPPER_MAX];
    upper_name(container, name);
    resp_array(rq->out, 1 + 2 * (size_t)container->subs_len);
    buf_printf(rq->out, "+%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n", name);
    for (size_t i = 1; i <= container->subs_len; i++)
        reply_help_lines(rq->out, container + i);
}

/* ---- COMMAND DOCS ---- */

static void
reply_doc(struct request *rq, const struct command *cmd)
{
    bool container = cmd->subs_len > 0;
    bool arguments = !container && cmd->syntax[0];
    resp_bulk_str(rq->out, cmd->name);
    resp_map(rq->out, rq->s->proto, container || arguments ? 5 : 4);
    reply_field_str(rq, "summary", cmd->summary);
    reply_field_str(rq, "since", cmd->since);
    reply_field_str(rq, "group", command_group_name(cmd->group));
    reply_field_str(rq, "complexity", cmd->complexity ? cmd->complexity : "O(1)");
    if (arguments) {
        resp_bulk_str(rq->out, "arguments");
        syntax_reply(rq, cmd->syntax);
    }
    if (!container)
        return;
    resp_bulk_str(rq->out, "subcommands");
    resp_map(rq->out, rq->s->proto, cmd->subs_len);
    for (size_t i = 1; i <= cmd->subs_len; i++)
        reply_doc(rq, cmd + i);
}

/* COMMAND DOCS [name ...] */
void
cmd_command_docs(struct request *rq)
{
    size_t mark = rq->out->len, n = 0;
    for (size_t i = 2; i < rq->argc; i++) {
        const struct command *cmd = command_find_full(rq->argv[i]);
        if (cmd) {
            reply_doc(rq, cmd);
            n++;
        }
    }
    for (size_t row = 0; rq->argc == 2 && row < command_table_len; row++) {
        if (!command_is_sub(&command_table[row])) {
            reply_doc(rq, &command_table[row]);
            n++;
        }
    }
    reply_insert_map(rq, mark, n);
}

/* ---- docs/commands.md ---- */

static void
append_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_append(out, "\\", 1);
        buf_append(out, text, 1);
    }
}

static void
append_row(struct buf *out, const struct command *cmd)
{
    char name[UPPER_MAX];
    upper_name(cmd, name);
    buf_append_str(out, "| `");
    buf_append_str(out, name);
    if (cmd->syntax[0] && cmd->subs_len == 0) {
        buf_append_str(out, " ");
        append_escaped(out, cmd->syntax);
    }
    buf_printf(out, "` | %s. | %s | %s |\n", cmd->summary,
               cmd->complexity ? cmd->complexity : "O(1)", cmd->since);
}

static void
append_group(struct buf *out, enum command_group group)
{
    buf_printf(out, "\n## %s\n\n| command | what it does | cost | since |\n|---|---|---|---|\n",
               group_titles[group]);
    for (size_t row = 0; row < command_table_len; row++) {
        const struct command *cmd = &command_table[row];
        bool only_a_container = cmd->subs_len > 0 && !cmd->run;
        if (cmd->group == group && !only_a_container)
            append_row(out, cmd);
    }
}

void
command_docs_markdown(struct buf *out)
{
    buf_append_str(
        out, "<!-- Generated from src/command/table.c by tests/unit/command/test_command_doc.c "
             "(ATTL_UPDATE=1). Do not edit. -->\n\n# Commands of attld\n\n"
             "The column *since* names the version of Redis (or Valkey) that introduced the "
             "command, for ours the version of attl.\n"
             "Words in capitals are written as they are, in any case; `[ ]` is optional, "
             "`|` separates alternatives, `...` repeats. How replies and errors look, and "
             "where they differ from Redis', is in [protocol.md](protocol.md).\n");
    for (size_t group = 0; group < GROUP_COUNT; group++)
        append_group(out, (enum command_group)group);
}
