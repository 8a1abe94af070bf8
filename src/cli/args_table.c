/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows, in the order of --help. Options of the connection come first, then those of replies,
 * then those of one word each. Everything is constant; nothing is allocated.
 */
#include "cli/args_table.h"

#include <string.h>

#define IN(mode) (1U << (mode))
#define IN_REPLIES (IN(MODE_COMMAND) | IN(MODE_INTERACTIVE))
#define IN_ALL (IN(MODE_COUNT) - 1)

const struct args_option args_options[] = {
    { .name = "host",
      .letter = 'h',
      .value = "HOST",
      .id = OPT_HOST,
      .modes = IN_ALL,
      .help = "server's name or address (127.0.0.1)" },
    { .name = "port",
      .letter = 'p',
      .value = "PORT",
      .id = OPT_PORT,
      .modes = IN_ALL,
      .help = "server's port (6411)" },
    { .name = "socket",
      .letter = 's',
      .value = "PATH",
      .id = OPT_SOCKET,
      .modes = IN_ALL,
      .help = "connect to a unix socket instead" },
    { .name = "user",
      .value = "NAME",
      .id = OPT_USER,
      .modes = IN_ALL,
      .help = "user for AUTH (default)" },
    { .name = "password",
      .letter = 'a',
      .value = "WORD",
      .id = OPT_PASSWORD,
      .modes = IN_ALL,
      .help = "password for AUTH; better: the variable ATTL_PASSWORD" },
    { .name = "timeout",
      .value = "SECONDS",
      .id = OPT_TIMEOUT,
      .modes = IN_ALL,
      .help = "give up after so long without an answer (30; 0: never)" },
    { .name = "resp2", .id = OPT_RESP2, .modes = IN_ALL, .help = "speak RESP2 only" },
    { .name = "json",
      .id = OPT_JSON,
      .modes = IN_REPLIES | IN(MODE_STAT),
      .help = "replies (or statistics) as JSON, one line each" },
    { .name = "raw",
      .id = OPT_RAW,
      .modes = IN_REPLIES,
      .help = "replies as bare bytes; the default when not on a terminal" },
    { .name = "no-raw",
      .id = OPT_NO_RAW,
      .modes = IN_REPLIES,
      .help = "replies for people, also when not on a terminal" },
    { .name = "last-from-stdin",
      .letter = 'x',
      .id = OPT_STDIN,
      .modes = IN_REPLIES,
      .help = "read the command's last word from standard input" },
    { .name = "interval",
      .letter = 'i',
      .value = "SECONDS",
      .id = OPT_INTERVAL,
      .modes = IN(MODE_STAT),
      .help = "stat: time between two lines (1)" },
    { .name = "count",
      .letter = 'n',
      .value = "N",
      .id = OPT_COUNT,
      .modes = IN(MODE_STAT),
      .help = "stat: stop after N lines" },
    { .name = "match",
      .letter = 'm',
      .value = "PATTERN",
      .id = OPT_MATCH,
      .modes = IN(MODE_DUMP),
      .help = "dump: only keys like this (user:*)" },
    { .name = "format",
      .letter = 'f',
      .value = "resp|json",
      .id = OPT_FORMAT,
      .modes = IN(MODE_LOAD) | IN(MODE_DUMP),
      .help = "load, dump: RESP commands or JSON lines" },
    { .name = "strict",
      .id = OPT_STRICT,
      .modes = IN(MODE_LOAD),
      .help = "load: stop at the first line that is refused" },
    { .name = "healthcheck",
      .id = OPT_HEALTHCHECK,
      .modes = IN_ALL,
      .help = "PING the server: exit status 0 if it answers, 1 if not" },
    { .name = "help", .id = OPT_HELP, .modes = IN_ALL, .help = "this text" },
    { .name = "version", .letter = 'V', .id = OPT_VERSION, .modes = IN_ALL, .help = "the version" },
};
const size_t args_option_count = sizeof args_options / sizeof args_options[0];

static const struct {
    const char *word;
    enum cli_mode mode;
    const char *usage;
    const char *text;
} modes[] = {
    { .word = "stat",
      .mode = MODE_STAT,
      .usage = "attl [OPTION...] stat [--interval SECONDS] [--count N] [--json]",
      .text = "Shows what the server does, a line per interval: commands per second, hit ratio,\n"
              "items, memory, expired and evicted per second, clients, and how late expiry is.\n" },
    { .word = "load",
      .mode = MODE_LOAD,
      .usage = "attl [OPTION...] load [--format resp|json] [--strict] FILE",
      .text =
          "Sends keys to the server, pipelined. FILE (- is standard input) holds RESP commands\n"
          "or lines {\"key\":..,\"value\":..,\"deadline_ms\":..}; key_b64 and value_b64 hold\n"
          "base64 where the bytes are not UTF-8. A refused line is reported with its number and\n"
          "skipped; --strict stops there.\n" },
    { .word = "dump",
      .mode = MODE_DUMP,
      .usage = "attl [OPTION...] dump [--format resp|json] [--match PATTERN] FILE",
      .text =
          "Writes every key with its value and deadline to FILE (- is standard output), as JSON\n"
          "lines or as the RESP commands that `attl load` and `redis-cli --pipe` read. Without\n"
          "--format a FILE ending in .resp gets RESP, any other JSON.\n" },
    { .word = "help",
      .mode = MODE_HELP,
      .usage = "attl [OPTION...] help [COMMAND]",
      .text = "Explains a command of the server, or stat, load and dump.\n" },
};
enum { MODE_WORDS = sizeof modes / sizeof modes[0] };

const struct args_option *
args_find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < args_option_count; i++)
        if (strlen(args_options[i].name) == len && memcmp(args_options[i].name, name, len) == 0)
            return &args_options[i];
    return NULL;
}

const struct args_option *
args_find_letter(char letter)
{
    for (size_t i = 0; i < args_option_count; i++)
        if (args_options[i].letter == letter)
            return &args_options[i];
    return NULL;
}

bool
args_find_word(const char *word, enum cli_mode *ret_mode)
{
    for (size_t i = 0; i < MODE_WORDS; i++)
        if (strcmp(word, modes[i].word) == 0) {
            *ret_mode = modes[i].mode;
            return true;
        }
    return false;
}

static void
print_option(FILE *to, const struct args_option *o)
{
    char left[64];
    char letter[5] = "    ";
    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                   o->value ? o->value : "");
    (void)fprintf(to, "  %-27s %s\n", left, o->help);
}

void
args_print_help(FILE *to)
{
    (void)fputs(
        "attl - talk to attld, or to anything that speaks the Redis protocol\n\n"
        "  attl [OPTION...] COMMAND [ARGUMENT...]   one command: attl set greeting hello EX 9\n"
        "  attl [OPTION...]   interactive; or commands from a pipe, one a line\n",
        to);
    for (size_t i = 0; i < MODE_WORDS; i++)
        (void)fprintf(to, "  %s\n", modes[i].usage);
    (void)fputs("\nOptions\n", to);
    for (size_t i = 0; i < args_option_count; i++)
        print_option(to, &args_options[i]);
    (void)fputs(
        "\nA command of the server that is named like one of those words: attl -- dump KEY.\n\n"
        "Exit status: 0 done, 1 the server answered with an error, 64 usage, 69 cannot connect,\n"
        "74 input or output failed, 75 no answer in time.\n",
        to);
}

bool
args_print_topic(FILE *to, const char *topic)
{
    for (size_t i = 0; i < MODE_WORDS; i++)
        if (strcmp(modes[i].word, topic) == 0) {
            (void)fprintf(to, "%s\n\n%s", modes[i].usage, modes[i].text);
            return true;
        }
    return false;
}
