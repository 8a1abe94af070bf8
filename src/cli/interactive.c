/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop around the editor. A few words are the tool's own (help, exit, quit, clear, connect);
 * they are a table, and everything not in it is a command for the server. Control-C while a reply
 * is awaited closes the connection: the reply would otherwise come later and be taken for that of
 * the next command.
 */
#include "cli/interactive.h"

#include "cli/args_offline.h"
#include "cli/args_table.h"
#include "cli/catalog.h"
#include "cli/editor.h"
#include "cli/help.h"
#include "cli/history_file.h"
#include "cli/interrupt.h"
#include "cli/offline.h"
#include "cli/oneshot.h"
#include "cli/outcome.h"
#include "cli/render.h"
#include "cli/term.h"
#include "os/clock.h"
#include "protocol/resp_inline.h"

#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>

enum { HOST_MAX = 256, NS_PER_MS = 1000000, OFFLINE_WORDS_MAX = 16 };

struct session_prompt {
    struct cli_args args; /* a copy: connect changes where to */
    char host[HOST_MAX];
    struct client client;
    struct catalog catalog;
    struct editor *editor;
    struct resp_args words;
    bool leave;
};

static void
print_push(void *ud, const struct reply *push)
{
    const struct session_prompt *s = ud;
    (void)oneshot_print(&s->args, push);
}

/* Connects and learns the commands. */
static int
open_session(struct session_prompt *s)
{
    int status = client_connect(&s->client);
    if (status == CLIENT_OK)
        status = catalog_fetch(&s->catalog, &s->client);
    (void)outcome_client(&s->client, status); /* the prompt goes on either way */
    return status;
}

static void
run_help(struct session_prompt *s)
{
    const attl_slice *words = s->words.items + 1;
    if (s->words.len == 1)
        help_prompt(stdout);
    else if (s->words.len == 2 && help_offline(stdout, words[0]))
        return;
    else if (!help_words(stdout, &s->catalog, words, s->words.len - 1))
        help_unknown(stdout, &s->catalog, words[0]);
}

static void
run_leave(struct session_prompt *s)
{
    s->leave = true;
}

static void
run_clear(struct session_prompt *s)
{
    (void)s;
    (void)fputs("\033[H\033[2J", stdout);
}

/* connect HOST [PORT] */
static void
run_connect(struct session_prompt *s)
{
    char port_text[8] = "6411";
    const attl_slice *words = s->words.items;
    bool sane = s->words.len >= 2 && s->words.len <= 3 && words[1].len > 0 &&
                words[1].len < HOST_MAX;
    if (sane && s->words.len == 3)
        sane = snprintf(port_text, sizeof port_text, "%.*s", (int)words[2].len,
                        (const char *)words[2].data) < 7;
    char *end;
    long port = strtol(port_text, &end, 10);
    if (!sane || *end || port < 1 || port > 65535) {
        (void)puts("usage: connect HOST [PORT]");
        return;
    }
    memcpy(s->host, words[1].data, words[1].len);
    s->host[words[1].len] = '\0';
    s->args.server.host = s->host;
    s->args.server.port = (int)port;
    s->args.server.socket_path = NULL;
    client_fini(&s->client);
    client_init(&s->client, &s->args.server);
    s->client.on_push = print_push;
    s->client.push_ud = s;
    (void)open_session(s); /* has said what is wrong, if anything */
}

/* The word as args_parse() knows it. */
static const char *
own_word(attl_slice typed)
{
    const char *word;
    for (size_t i = 0; (word = args_offline_word(i)) != NULL; i++)
        if (strlen(word) == typed.len && strncasecmp(word, typed.data, typed.len) == 0)
            return word;
    return "help";
}

/* wal, snapshot, check: the line is read as if the shell had been given it. */
static void
run_offline(struct session_prompt *s)
{
    char *words[OFFLINE_WORDS_MAX + 1] = { (char *)"attl" };
    size_t n = s->words.len, made = 0;
    struct cli_args args = { .error = "out of memory, or too many words" };
    for (; n <= OFFLINE_WORDS_MAX && made < n; made++) {
        attl_slice word = s->words.items[made];
        if (made == 0) /* own words are taken in any case */
            words[1] = strdup(own_word(word));
        else
            words[made + 1] = strndup(word.data, word.len);
        if (!words[made + 1])
            break;
    }
    if (made < n || !args_parse(&args, (int)n + 1, words, NULL))
        outcome_say("%s", args.error);
    else if (args_is_offline(args.mode))
        (void)offline_run(&args); /* it has said what is wrong; the prompt goes on */
    else
        (void)help_offline(stdout, s->words.items[0]); /* wal --help, or what makes no sense here */
    interrupt_clear();
    args_fini(&args);
    while (made > 0)
        free(words[made--]);
}

static const struct {
    const char *word;
    void (*run)(struct session_prompt *s);
} own_commands[] = {
    { "help", run_help },     { "exit", run_leave },       { "quit", run_leave },
    { "clear", run_clear },   { "connect", run_connect },  { "wal", run_offline },
    { "check", run_offline }, { "snapshot", run_offline },
};

/* True if the words were one of the tool's own commands. */
static bool
run_own(struct session_prompt *s)
{
    attl_slice first = s->words.items[0];
    for (size_t i = 0; i < sizeof own_commands / sizeof own_commands[0]; i++) {
        const char *word = own_commands[i].word;
        if (strlen(word) != first.len || strncasecmp(word, first.data, first.len) != 0)
            continue;
        own_commands[i].run(s);
        return true;
    }
    return false;
}

static void
send_command(struct session_prompt *s)
{
    const struct reply *reply;
    if (!client_connected(&s->client) && open_session(s) != CLIENT_OK)
        return;
    int64_t begin_ns = clock_mono_ns();
    int status = client_call(&s->client, s->words.items, s->words.len, &reply);
    if (status == CLIENT_E_INTERRUPTED) {
        interrupt_clear();
        outcome_say("interrupted; the server may still execute the command");
        return;
    }
    if (status) {
        (void)outcome_client(&s->client, status); /* the prompt goes on */
        return;
    }
    bool plain = s->args.output == OUTPUT_JSON || s->args.output == OUTPUT_RAW;
    if (reply->type == REPLY_ERROR && !plain)
        render_human(stdout, reply,
                     term_has_colour(stdout)); /* here the error is an answer, not a complaint */
    else
        (void)oneshot_print(&s->args, reply);
    int64_t took_ms = (clock_mono_ns() - begin_ns) / NS_PER_MS;
    if (took_ms >= INTERACTIVE_SLOW_MS && !plain)
        (void)printf("(%.2f s)\n", (double)took_ms / 1000);
}

static void
run_line(struct session_prompt *s, attl_slice line)
{
    const char *p = line.data;
    while (line.len > 0 && p[line.len - 1] == ' ')
        line.len--; /* completion leaves one behind */
    /* Splitting writes into the line, and the history wants it whole: two copies. */
    char *text = strndup(line.data, line.len);
    char *copy = strndup(line.data, line.len);
    if (!text || !copy) {
        outcome_say("out of memory");
        goto out;
    }
    resp_args_clear(&s->words);
    if (inline_split(copy, line.len, &s->words) != INLINE_FINE) {
        editor_remember(s->editor, text, false); /* it cannot be told whether it holds a password */
        (void)puts("a quote is not closed");
        goto out;
    }
    if (s->words.len == 0)
        goto out;
    editor_remember(s->editor, text, history_file_keeps(s->words.items, s->words.len));
    if (!run_own(s))
        send_command(s);
out:
    if (copy)
        explicit_bzero(copy, line.len);
    if (text)
        explicit_bzero(text, line.len);
    free(copy);
    free(text);
}

static void
read_lines(struct session_prompt *s)
{
    char prompt[EDITOR_PROMPT_MAX];
    while (!s->leave) {
        attl_slice line;
        bool connected = client_connected(&s->client);
        (void)snprintf(prompt, sizeof prompt, connected ? "%s> " : "not connected (%s)> ",
                       s->client.label);
        int status = editor_read(s->editor, prompt, &line);
        if (status == EDITOR_END) {
            (void)putchar('\n');
            return;
        }
        if (status == EDITOR_INTERRUPTED) {
            interrupt_clear();
            (void)putchar('\n');
            continue;
        }
        run_line(s, line);
        (void)fflush(stdout); /* the editor writes to the same terminal, through its own stream */
    }
}

int
interactive_run(const struct cli_args *args)
{
    char history[HISTORY_PATH_MAX];
    struct session_prompt s = { .args = *args };
    bool has_history = history_file_path(getenv("XDG_STATE_HOME"), getenv("HOME"), history);
    int code = EX_OK;
    client_init(&s.client, &s.args.server);
    s.client.on_push = print_push;
    s.client.push_ud = &s;
    catalog_init(&s.catalog);
    resp_args_init(&s.words);
    interrupt_install();
    s.editor = editor_new(&s.catalog, has_history ? history : NULL);
    if (s.editor) {
        (void)open_session(&s); /* has said what is wrong; the first command tries again */
        read_lines(&s);
        code = outcome_flush();
    } else {
        outcome_say("the terminal cannot be used for editing");
        code = EX_OSERR;
    }
    editor_free(s.editor);
    resp_args_fini(&s.words);
    catalog_fini(&s.catalog);
    client_fini(&s.client);
    return code;
}
