/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of the tool. One table of options feeds the parser and --help; each option says
 * in which modes it means something, so that `attl stat --match x` is an error rather than a
 * surprise. Options stand before the command: from the first word of a command on, everything is
 * sent as it is (`attl set k -1`). The result borrows argv.
 */
#ifndef ATTL_CLI_ARGS_H
#define ATTL_CLI_ARGS_H

#include "cli/client.h"

#include <stdbool.h>

enum {
    ARGS_ERROR_MAX = 256,
    ARGS_PORT_DEFAULT = 6411,
    ARGS_TLS_PORT_DEFAULT = 6412,
    ARGS_TIMEOUT_DEFAULT_MS = 30000,
    ARGS_SECONDS_MAX = 86400,
    ARGS_COUNT_MAX = 1000000000,
    ARGS_OPERANDS_MAX = 3
};

enum cli_mode {
    MODE_COMMAND,     /* one-shot: the words are a command */
    MODE_INTERACTIVE, /* no words: a prompt, or commands from a pipe */
    MODE_STAT,
    MODE_TOP,
    MODE_LOAD,
    MODE_DUMP,
    MODE_WAL, /* this and the next two look at a data directory and need no server */
    MODE_SNAPSHOT,
    MODE_CHECK,
    MODE_AUDIT, /* looks at a trail */
    MODE_HELP,  /* attl help [topic]; --help is this without a topic */
    MODE_VERSION,
    MODE_HEALTHCHECK,
    MODE_COUNT
};

enum cli_output { OUTPUT_AUTO, OUTPUT_HUMAN, OUTPUT_RAW, OUTPUT_JSON };
enum cli_format { FORMAT_AUTO, FORMAT_RESP, FORMAT_JSON };

/* What is wanted of a data directory. */
struct cli_offline {
    const struct args_verb *verb; /* set once the words make sense */
    const char *operands[ARGS_OPERANDS_MAX];
    int operand_count;
    const char *dir, *name; /* name: of a snapshot, or NULL */
    uint64_t from_lsn, to_lsn;
    uint64_t limit; /* 0: none */
    bool keys, values, yes, dry_run;
    const char *key_file, *since, *user, *kind; /* audit; NULL: not given */
};

struct cli_args {
    struct client_options server;
    enum cli_mode mode;
    enum cli_output output;
    enum cli_format format;
    bool last_from_stdin;
    bool strict;
    bool once, redact; /* top */
    int interval_ms;
    long count;        /* 0: for ever */
    const char *match; /* NULL: all keys */
    const char *file;  /* load and dump; "-" is stdin or stdout */
    struct cli_offline offline;
    const char *topic; /* the tool's word that --help was asked about, or NULL */
    int argc;          /* the command's words, or those of the topic of help */
    char **argv;
    char error[ARGS_ERROR_MAX];
};

/*
 * False with `error` set if the line makes no sense. `password` is the environment's and yields to
 * -a; the characters of a password on the line are overwritten after they were copied, as other
 * users can read the line.
 */
bool args_parse(struct cli_args *args, int argc, char **argv, const char *password);
void args_fini(struct cli_args *args);

#endif
