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
#define IN_OFFLINE (IN(MODE_WAL) | IN(MODE_SNAPSHOT) | IN(MODE_CHECK) | IN(MODE_AUDIT))
#define IN_SERVER (IN_ALL & ~IN_OFFLINE)

const struct args_option args_options[] = {
    { .name = "host",
      .letter = 'h',
      .value = "HOST",
      .id = OPT_HOST,
      .modes = IN_SERVER,
      .help = "server's name or address (127.0.0.1)" },
    { .name = "port",
      .letter = 'p',
      .value = "PORT",
      .id = OPT_PORT,
      .modes = IN_SERVER,
      .help = "server's port (6411)" },
    { .name = "socket",
      .letter = 's',
      .value = "PATH",
      .id = OPT_SOCKET,
      .modes = IN_SERVER,
      .help = "connect to a unix socket instead" },
    { .name = "user",
      .value = "NAME",
      .id = OPT_USER,
      .modes = IN_SERVER | IN(MODE_AUDIT),
      .help = "user for AUTH (default); audit show: only what this user did" },
    { .name = "password",
      .letter = 'a',
      .value = "WORD",
      .id = OPT_PASSWORD,
      .modes = IN_SERVER,
      .help = "password for AUTH; better: the variable ATTL_PASSWORD" },
    { .name = "timeout",
      .value = "SECONDS",
      .id = OPT_TIMEOUT,
      .modes = IN_SERVER,
      .help = "give up after so long without an answer (30; 0: never)" },
    { .name = "tls",
      .id = OPT_TLS,
      .modes = IN_SERVER,
      .help = "encrypt, and check the server's certificate; port 6412 then" },
    { .name = "cacert",
      .value = "FILE",
      .id = OPT_CACERT,
      .modes = IN_SERVER,
      .help = "tls: the authorities to trust, PEM (the system's)" },
    { .name = "cert",
      .value = "FILE",
      .id = OPT_CERT,
      .modes = IN_SERVER,
      .help = "tls: our own certificate, PEM" },
    { .name = "key",
      .value = "FILE",
      .id = OPT_KEY,
      .modes = IN_SERVER,
      .help = "tls: its private key, PEM (in the file of --cert)" },
    { .name = "sni",
      .value = "NAME",
      .id = OPT_SNI,
      .modes = IN_SERVER,
      .help = "tls: the name that the certificate must have (HOST)" },
    { .name = "insecure",
      .id = OPT_INSECURE,
      .modes = IN_SERVER,
      .help = "tls: take any certificate, from anybody" },
    { .name = "resp2", .id = OPT_RESP2, .modes = IN_SERVER, .help = "speak RESP2 only" },
    { .name = "json",
      .id = OPT_JSON,
      .modes = IN_REPLIES | IN(MODE_STAT) | IN_OFFLINE,
      .help = "replies, statistics or files as JSON, one line each" },
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
      .modes = IN(MODE_STAT) | IN(MODE_TOP),
      .help = "stat, top: time between two looks (1)" },
    { .name = "count",
      .letter = 'n',
      .value = "N",
      .id = OPT_COUNT,
      .modes = IN(MODE_STAT) | IN(MODE_TOP),
      .help = "stat, top: stop after N looks" },
    { .name = "once",
      .id = OPT_ONCE,
      .modes = IN(MODE_TOP),
      .help = "top: one picture as plain text, and end" },
    { .name = "redact",
      .id = OPT_REDACT,
      .modes = IN(MODE_TOP),
      .help = "top: show no keys and no arguments" },
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
    { .name = "from",
      .value = "LSN",
      .id = OPT_FROM,
      .modes = IN(MODE_WAL),
      .help = "wal dump: begin with this change" },
    { .name = "to",
      .value = "LSN",
      .id = OPT_TO,
      .modes = IN(MODE_WAL),
      .help = "wal dump: end with this change" },
    { .name = "limit",
      .value = "N",
      .id = OPT_LIMIT,
      .modes = IN(MODE_WAL) | IN(MODE_SNAPSHOT) | IN(MODE_AUDIT),
      .help = "wal dump, snapshot dump, audit show: stop after N" },
    { .name = "keys",
      .id = OPT_KEYS,
      .modes = IN(MODE_WAL) | IN(MODE_SNAPSHOT),
      .help = "wal dump, snapshot dump: nothing but the keys" },
    { .name = "values",
      .id = OPT_VALUES,
      .modes = IN(MODE_WAL) | IN(MODE_SNAPSHOT),
      .help = "wal dump, snapshot dump: values too, not only sizes" },
    { .name = "dry-run",
      .id = OPT_DRY_RUN,
      .modes = IN(MODE_SNAPSHOT),
      .help = "snapshot restore: only say what would be done" },
    { .name = "yes",
      .letter = 'y',
      .id = OPT_YES,
      .modes = IN(MODE_SNAPSHOT),
      .help = "snapshot restore: do not ask" },
    { .name = "key-file",
      .value = "FILE",
      .id = OPT_KEY_FILE,
      .modes = IN(MODE_AUDIT),
      .help = "audit: the server's audit.key_file" },
    { .name = "since",
      .value = "TIME",
      .id = OPT_SINCE,
      .modes = IN(MODE_AUDIT),
      .help = "audit show: from then on, as 2026-11-26 or 2026-11-26T02:47" },
    { .name = "kind",
      .value = "KIND",
      .id = OPT_KIND,
      .modes = IN(MODE_AUDIT),
      .help = "audit show: only this kind: auth, config, incident ..." },
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
    { .word = "top",
      .mode = MODE_TOP,
      .usage = "attl [OPTION...] top [--once] [--interval SECONDS] [--count N] [--redact]",
      .text =
          "A dashboard in the terminal, drawn anew each second: state, rates, memory, the log,\n"
          "open incidents, the load of the shards, the hottest keys and the last slow commands.\n"
          "Not on a terminal, and with --once, it is printed once as plain text.\n\n"
          "  1 to 5, left, right   overview, incidents, shards, hot keys, slow log\n"
          "  up, down              rows of a section\n"
          "  p                     pause\n"
          "  r                     hide keys and arguments, or show them\n"
          "  ?                     the keys\n"
          "  q                     quit\n\n"
          "NO_COLOR is honoured; what colours say is said by signs too.\n" },
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
    { .word = "wal",
      .mode = MODE_WAL,
      .usage = "attl wal list|dump|verify DIR [OPTION...]",
      .text =
          "Looks at the log of changes in the data directory DIR, without a server and also while\n"
          "one is using it. Nothing is changed.\n\n"
          "  attl wal list DIR       its segments: first and last change, when begun, size\n"
          "  attl wal dump DIR       its changes, one a line: number, kind, deadline, size of the\n"
          "                          value, key; with --keys nothing but the keys\n"
          "  attl wal verify DIR     reads all of it, says how it ends and where it is damaged\n\n"
          "Changes are numbered (LSN); numbers are decimal, or as in the names of the files with\n"
          "0x before them. Values are shown with --values only. dump ends where the log ends:\n"
          "what lies behind damage is not shown.\n\n"
          "Exit status: 0 whole, 65 damaged, 66 no such directory, 74 it cannot be read.\n\n"
          "  attl wal dump /var/lib/attl --from 4711 --limit 20\n"
          "  attl wal dump /var/lib/attl --json | jq -r 'select(.kind == \"del\").key'\n" },
    { .word = "snapshot",
      .mode = MODE_SNAPSHOT,
      .usage = "attl snapshot list|verify|dump|restore DIR [NAME] [OPTION...]",
      .text =
          "Looks at the snapshots in the data directory DIR, without a server and, restore\n"
          "excepted, also while one is using it.\n\n"
          "  attl snapshot list DIR            what there is, oldest first\n"
          "  attl snapshot verify DIR [NAME]   reads one, or all, and checks every byte\n"
          "  attl snapshot dump DIR NAME       its entries: deadline, size of the value, key\n"
          "  attl snapshot restore DIR NAME    makes it what the next start begins with\n\n"
          "dump shows values with --values only; with --json too its lines are what `attl load`\n"
          "reads. restore sets later snapshots and the log behind NAME aside: they are renamed\n"
          "aside-..., not removed, but a start does not read them, and the retention rules remove\n"
          "them later. It says what it will do and asks; --yes answers, --dry-run stops there. A\n"
          "directory that a server is using is refused. Interrupted, it may be run again.\n\n"
          "Exit status: 0 done, 65 damaged, 66 no such directory or snapshot, 74 it cannot be\n"
          "read or written, 75 a server is using the directory.\n\n"
          "  attl snapshot dump /var/lib/attl NAME --values --json | attl load -\n"
          "  attl snapshot restore /var/lib/attl NAME --dry-run\n" },
    { .word = "check",
      .mode = MODE_CHECK,
      .usage = "attl check DIR [--json]",
      .text =
          "Reads everything in the data directory DIR and checks it: all snapshots, the whole\n"
          "log. Says what a start would do: from which snapshot and how many changes, how the log\n"
          "ends, whether --recover=strict would refuse it and what would be lost otherwise. The\n"
          "last line is the verdict. Nothing is changed; a server may be using the directory.\n\n"
          "Exit status: 0 fine, 65 damaged, 66 no such directory, 74 it cannot be read.\n\n"
          "  attl check /var/lib/attl && attld --dir /var/lib/attl\n" },
    { .word = "audit",
      .mode = MODE_AUDIT,
      .usage = "attl audit verify|show DIR|FILE [OPTION...]",
      .text =
          "Looks at the audit trail in DIR (the folder audit in the server's directory), or at\n"
          "one file of it, without a server and also while one is writing. Nothing is changed.\n\n"
          "  attl audit verify DIR   checks every line and every link, and names file, line and\n"
          "                          what is wrong: changed, missing, reordered, replaced,\n"
          "                          truncated, missing-file, not-keyed\n"
          "  attl audit show DIR     who did what when, a line each; --json: as it was written\n\n"
          "Without --key-file a trail is checked as far as digests without a key allow: whoever\n"
          "can write the files can make such a trail anew. Of one FILE the neighbours are not\n"
          "known, so that a cut end and missing files are found with DIR only.\n\n"
          "Exit status: 0 whole, 65 damaged, 66 no such directory, or the key is needed, 74 it\n"
          "cannot be read.\n\n"
          "  attl audit verify /var/lib/attl/audit --key-file /etc/attl/audit.key\n"
          "  attl audit show /var/lib/attl/audit --kind config --since 2026-11-01\n" },
    { .word = "help",
      .mode = MODE_HELP,
      .usage = "attl [OPTION...] help [COMMAND]",
      .text = "Explains a command of the server, or one of the words above.\n" },
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

/* The options of one word, without those of the connection. */
static void
print_own_options(FILE *to, enum cli_mode mode)
{
    bool any = false;
    for (size_t i = 0; i < args_option_count; i++) {
        unsigned in = args_options[i].modes;
        if (mode == MODE_HELP || in == IN_ALL || in == IN_SERVER || !(in & IN(mode)))
            continue;
        (void)fputs(any ? "" : "\nOptions\n", to);
        any = true;
        print_option(to, &args_options[i]);
    }
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
        "Exit status: 0 done, 1 the server answered with an error, 64 usage, 65 damaged files,\n"
        "66 no such directory, 69 cannot connect, 74 input or output failed, 75 no answer in\n"
        "time.\n",
        to);
}

bool
args_print_topic(FILE *to, const char *topic)
{
    for (size_t i = 0; i < MODE_WORDS; i++)
        if (strcmp(modes[i].word, topic) == 0) {
            (void)fprintf(to, "%s\n\n%s", modes[i].usage, modes[i].text);
            print_own_options(to, modes[i].mode);
            return true;
        }
    return false;
}

const char *
args_offline_word(size_t n)
{
    for (size_t i = 0; i < MODE_WORDS; i++)
        if ((IN_OFFLINE & IN(modes[i].mode)) && n-- == 0)
            return modes[i].word;
    return NULL;
}
