/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table behind the command line: every option and every word of the tool with its value, its
 * meaning and where it belongs. The parser, --help and "did you mean" read the same rows, so an
 * option cannot exist without its help. To add one: a row here, an option_id, a case in args.c.
 */
#ifndef ATTL_CLI_ARGS_TABLE_H
#define ATTL_CLI_ARGS_TABLE_H

#include "cli/args.h"

#include <stdio.h>

enum option_id {
    OPT_HOST,
    OPT_PORT,
    OPT_SOCKET,
    OPT_USER,
    OPT_PASSWORD,
    OPT_TIMEOUT,
    OPT_RESP2,
    OPT_TLS,
    OPT_CACERT,
    OPT_CERT,
    OPT_KEY,
    OPT_SNI,
    OPT_INSECURE,
    OPT_JSON,
    OPT_RAW,
    OPT_NO_RAW,
    OPT_STDIN,
    OPT_INTERVAL,
    OPT_COUNT,
    OPT_ONCE,
    OPT_REDACT,
    OPT_MATCH,
    OPT_FORMAT,
    OPT_STRICT,
    OPT_FROM,
    OPT_TO,
    OPT_LIMIT,
    OPT_KEYS,
    OPT_VALUES,
    OPT_DRY_RUN,
    OPT_YES,
    OPT_KEY_FILE,
    OPT_SINCE,
    OPT_KIND,
    OPT_HEALTHCHECK,
    OPT_HELP,
    OPT_VERSION
};

struct args_option {
    const char *name;
    const char *value; /* NULL: takes none */
    const char *help;
    unsigned modes; /* a bit for each cli_mode it belongs to */
    enum option_id id;
    char letter; /* 0: none */
};

extern const struct args_option args_options[];
extern const size_t args_option_count; /* at most 64: the parser keeps a bit for each */

/* NULL if there is no such option. */
const struct args_option *args_find_long(const char *name, size_t len);
const struct args_option *args_find_letter(char letter);
/* True with the mode if `word` is one of the tool's own: stat, load, dump, wal ... */
bool args_find_word(const char *word, enum cli_mode *ret_mode);
/* What --help prints. */
void args_print_help(FILE *to);
/* What `attl help stat` (load, dump ...) prints; false if `topic` is no word of the tool. */
bool args_print_topic(FILE *to, const char *topic);
/* The tool's n-th word that works without a server and at the prompt too, NULL behind the last. */
const char *args_offline_word(size_t n);

#endif
