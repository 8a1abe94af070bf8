/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layout of help texts. A container (CONFIG) is followed by its subcommands. All texts come from a
 * server, so they go through text_safe() like any
 * other bytes from there. Errors of the FILE are its owner's.
 */
#include "cli/help.h"

#include "cli/args_table.h"
#include "cli/nearest.h"
#include "cli/outcome.h"
#include "cli/text.h"

#include <strings.h>
#include <sysexits.h>

enum { TOPIC_WORDS_MAX = 2 };

static void
put_field(FILE *to, const char *label, const char *text)
{
    if (!*text)
        return;
    (void)fprintf(to, *label ? "  %-11s" : "  %s", label);
    text_safe(to, attl_s(text));
    (void)fputc('\n', to);
}

static void
put_usage(FILE *to, const struct catalog_entry *e)
{
    text_safe(to, attl_s(e->name));
    if (*e->syntax) {
        (void)fputc(' ', to);
        text_safe(to, attl_s(e->syntax));
    }
    (void)fputc('\n', to);
}

static void
put_subcommands(FILE *to, const struct catalog *c, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < c->count; i++) {
        const struct catalog_entry *e = &c->entries[i];
        if (strncmp(e->name, name, len) != 0 || e->name[len] != ' ')
            continue;
        (void)fputs("\n  ", to);
        put_usage(to, e);
        (void)fputs("    ", to);
        text_safe(to, attl_s(e->summary));
        (void)fputc('\n', to);
    }
}

static void
put_entry(FILE *to, const struct catalog *c, const struct catalog_entry *e)
{
    put_usage(to, e);
    put_field(to, "", e->summary);
    put_field(to, "since", e->since);
    put_field(to, "group", e->group);
    put_field(to, "complexity", e->complexity);
    put_subcommands(to, c, e->name);
}

static bool
put_group(FILE *to, const struct catalog *c, attl_slice group)
{
    bool found = false;
    for (size_t i = 0; i < c->count; i++) {
        const struct catalog_entry *e = &c->entries[i];
        if (strlen(e->group) != group.len || strncasecmp(e->group, group.data, group.len) != 0)
            continue;
        found = true;
        (void)fprintf(to, "%-20s ", e->name);
        text_safe(to, attl_s(e->summary));
        (void)fputc('\n', to);
    }
    return found;
}

void
help_unknown(FILE *to, const struct catalog *c, attl_slice word)
{
    struct nearest best;
    nearest_init(&best, word);
    for (size_t i = 0; i < c->count; i++)
        if (!strchr(c->entries[i].name, ' '))
            nearest_offer(&best, c->entries[i].name);
    (void)fputs("no help for ", to);
    text_quoted(to, word);
    if (best.name)
        (void)fprintf(to, "; did you mean %s?", best.name);
    else if (c->count == 0)
        (void)fputs(": the server does not describe its commands (COMMAND DOCS)", to);
    (void)fputc('\n', to);
}

bool
help_words(FILE *to, const struct catalog *c, const attl_slice *words, size_t n)
{
    size_t used;
    const char *first = words[0].data;
    if (words[0].len > 1 && *first == '@' && put_group(to, c, attl_b(first + 1, words[0].len - 1)))
        return true;
    const struct catalog_entry *e = catalog_find(c, words, n, &used);
    if (e)
        put_entry(to, c, e);
    return e != NULL;
}

bool
help_offline(FILE *to, attl_slice word)
{
    const char *own;
    for (size_t i = 0; (own = args_offline_word(i)) != NULL; i++)
        if (strlen(own) == word.len && strncasecmp(own, word.data, word.len) == 0)
            return args_print_topic(to, own);
    return false;
}

void
help_prompt(FILE *to)
{
    (void)fputs("help COMMAND         explain a command of the server: help set, help config get\n"
                "help @GROUP          the commands of a group: help @string, help @server\n"
                "connect HOST [PORT]  talk to another server\n"
                "wal, snapshot, check, audit look at files of a server: help wal\n"
                "clear                clear the screen\n"
                "exit, quit           leave (also control-D)\n"
                "Tab completes. Control-C drops a line, or a reply that does not come.\n"
                "Everything else is sent to the server.\n",
                to);
}

int
help_run(const struct cli_args *args)
{
    attl_slice words[TOPIC_WORDS_MAX];
    size_t n = 0;
    for (; n < (size_t)args->argc && n < TOPIC_WORDS_MAX; n++)
        words[n] = attl_s(args->argv[n]);
    if (args->topic && args_print_topic(stdout, args->topic)) /* attl wal --help */
        return outcome_flush();
    if (n == 0) {
        args_print_help(stdout);
        return outcome_flush();
    }
    if (args_print_topic(stdout, args->argv[0]))
        return outcome_flush();
    struct client client;
    struct catalog catalog;
    client_init(&client, &args->server);
    catalog_init(&catalog);
    int status = client_connect(&client);
    if (status == CLIENT_OK)
        status = catalog_fetch(&catalog, &client);
    int code = outcome_client(&client, status);
    if (status == CLIENT_OK && help_words(stdout, &catalog, words, n)) {
        code = outcome_flush();
    } else if (status == CLIENT_OK) {
        help_unknown(stderr, &catalog, words[0]);
        code = EX_USAGE;
    }
    catalog_fini(&catalog);
    client_fini(&client);
    return code;
}
