/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing by hand, since the rule "options end at the first word of a command" fits neither
 * getopt's permutation nor argp, whose -h is help where ours is the host, as in redis-cli. apply()
 * is the one place that knows what an option does; the table knows everything else. Only the
 * password is copied, all other strings stay argv's.
 */
#include "cli/args.h"

#include "cli/args_offline.h"
#include "cli/args_table.h"
#include "cli/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool
args_fail(struct cli_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(args->error, sizeof args->error, format,
                    list); /* a cut sentence is still one */
    va_end(list);
    return false;
}

/* A decimal whole number in min..max. */
static bool
parse_number(const char *z, long min, long max, long *ret_number)
{
    char *end;
    long n = strtol(z, &end, 10);
    if (end == z || *end || n < min || n > max)
        return false;
    *ret_number = n;
    return true;
}

/* The number of a change, decimal or as 0x... in the names of files. */
static bool
parse_lsn(const char *z, uint64_t *ret_lsn)
{
    char *end;
    bool hex = strncmp(z, "0x", 2) == 0;
    if (z[hex ? 2 : 0] < '0') /* strtoull would take blanks and signs */
        return false;
    unsigned long long n = strtoull(z, &end, hex ? 16 : 10);
    if (end == z || *end || n > INT64_MAX)
        return false;
    *ret_lsn = n;
    return true;
}

/* "0.5" to 500. */
static bool
parse_seconds(const char *z, int *ret_ms)
{
    char *end;
    double seconds = strtod(z, &end);
    if (end == z || *end || !(seconds >= 0 && seconds <= ARGS_SECONDS_MAX)) /* NaN fails both */
        return false;
    *ret_ms = (int)(seconds * 1000 + 0.5);
    return true;
}

/* A copy, so that the word on the command line can be overwritten. */
static bool
take_password(struct cli_args *args, char *word)
{
    char *copy = strdup(word);
    if (!copy)
        return args_fail(args, "out of memory");
    memset(word, '*', strlen(word));
    free((char *)args->server.password);
    args->server.password = copy;
    return true;
}

static bool
apply_tls(struct cli_args *args, const struct args_option *o, const char *value)
{
    struct client_options *server = &args->server;
    switch (o->id) {
    case OPT_TLS: server->tls = true; break;
    case OPT_CACERT: server->ca_file = value; break;
    case OPT_CERT: server->cert_file = value; break;
    case OPT_KEY: server->key_file = value; break;
    case OPT_SNI: server->sni = value; break;
    default: /* OPT_INSECURE */ server->insecure = true; break;
    }
    return !value || *value || args_fail(args, "--%s: the value is empty", o->name);
}

/* What only means something together. */
static bool
check_tls(struct cli_args *args)
{
    const struct client_options *server = &args->server;
    bool any = server->ca_file || server->cert_file || server->key_file || server->sni ||
               server->insecure;
    if (any && !server->tls)
        return args_fail(args, "--cacert, --cert, --key, --sni and --insecure need --tls");
    if (server->key_file && !server->cert_file)
        return args_fail(args, "--key needs --cert");
    return true;
}

static bool
apply_server(struct cli_args *args, const struct args_option *o, char *value)
{
    long number;
    switch (o->id) {
    case OPT_HOST:
        args->server.host = value;
        return *value || args_fail(args, "--host: the name is empty");
    case OPT_PORT:
        if (!parse_number(value, 1, 65535, &number))
            return args_fail(args, "--port: '%s' is not a port (1 to 65535)", value);
        args->server.port = (int)number;
        return true;
    case OPT_SOCKET:
        args->server.socket_path = value;
        return *value || args_fail(args, "--socket: the path is empty");
    case OPT_USER: args->server.user = value; return true;
    case OPT_PASSWORD: return take_password(args, value);
    case OPT_TIMEOUT:
        if (!parse_seconds(value, &args->server.timeout_ms))
            return args_fail(args, "--timeout: '%s' is not a number of seconds (0 to %d)", value,
                             ARGS_SECONDS_MAX);
        if (args->server.timeout_ms == 0)
            args->server.timeout_ms = -1;
        return true;
    case OPT_RESP2: args->server.resp2 = true; return true;
    default: return apply_tls(args, o, value);
    }
}

static bool
apply_format(struct cli_args *args, const char *value)
{
    if (strcmp(value, "resp") == 0)
        args->format = FORMAT_RESP;
    else if (strcmp(value, "json") == 0)
        args->format = FORMAT_JSON;
    else
        return args_fail(args, "--format: '%s' is neither resp nor json", value);
    return true;
}

/* Options of wal, snapshot and check. */
static bool
apply_offline(struct cli_args *args, const struct args_option *o, char *value)
{
    struct cli_offline *to = &args->offline;
    switch (o->id) {
    case OPT_FROM:
        return parse_lsn(value, &to->from_lsn) ||
               args_fail(args, "--from: '%s' is not the number of a change", value);
    case OPT_TO:
        return parse_lsn(value, &to->to_lsn) ||
               args_fail(args, "--to: '%s' is not the number of a change", value);
    case OPT_LIMIT:
        return (parse_lsn(value, &to->limit) && to->limit > 0) ||
               args_fail(args, "--limit: '%s' is not a whole number above 0", value);
    case OPT_KEYS: to->keys = true; return true;
    case OPT_VALUES: to->values = true; return true;
    case OPT_DRY_RUN: to->dry_run = true; return true;
    case OPT_KEY_FILE: to->key_file = value; return true;
    case OPT_SINCE: to->since = value; return true;
    case OPT_KIND: to->kind = value; return true;
    default: /* OPT_YES */ to->yes = true; return true;
    }
}

static bool
apply(struct cli_args *args, const struct args_option *o, char *value)
{
    switch (o->id) {
    case OPT_JSON: args->output = OUTPUT_JSON; return true;
    case OPT_RAW: args->output = OUTPUT_RAW; return true;
    case OPT_NO_RAW: args->output = OUTPUT_HUMAN; return true;
    case OPT_STDIN: args->last_from_stdin = true; return true;
    case OPT_INTERVAL:
        if (parse_seconds(value, &args->interval_ms) && args->interval_ms > 0)
            return true;
        return args_fail(args, "--interval: '%s' is not a number of seconds above 0", value);
    case OPT_COUNT:
        return parse_number(value, 1, ARGS_COUNT_MAX, &args->count) ||
               args_fail(args, "--count: '%s' is not a whole number above 0", value);
    case OPT_MATCH: args->match = value; return true;
    case OPT_FORMAT: return apply_format(args, value);
    case OPT_STRICT: args->strict = true; return true;
    case OPT_ONCE: args->once = true; return true;
    case OPT_REDACT: args->redact = true; return true;
    case OPT_FROM:
    case OPT_TO:
    case OPT_LIMIT:
    case OPT_KEYS:
    case OPT_VALUES:
    case OPT_DRY_RUN:
    case OPT_KEY_FILE:
    case OPT_SINCE:
    case OPT_KIND:
    case OPT_YES: return apply_offline(args, o, value);
    case OPT_HEALTHCHECK: args->mode = MODE_HEALTHCHECK; return true;
    case OPT_HELP: args->mode = MODE_HELP; return true;
    case OPT_VERSION: args->mode = MODE_VERSION; return true;
    default: return apply_server(args, o, value);
    }
}

static bool
fail_unknown(struct cli_args *args, const char *word, size_t name_len)
{
    struct nearest best;
    nearest_init(&best, attl_b(word + 2, name_len));
    for (size_t i = 0; i < args_option_count; i++)
        nearest_offer(&best, args_options[i].name);
    if (best.name)
        return args_fail(args, "unknown option %.*s; did you mean --%s?", (int)name_len + 2, word,
                         best.name);
    return args_fail(args, "unknown option %.*s; attl --help lists them", (int)name_len + 2, word);
}

/* The words still to be read. */
struct cursor {
    int argc, at;
    char **argv;
    uint64_t seen; /* bit per option of the table */
};

/* --name, --name=value, --name value. */
static bool
parse_long(struct cli_args *args, struct cursor *c)
{
    char *word = c->argv[c->at++];
    char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const struct args_option *o = args_find_long(word + 2, len);
    if (!o)
        return fail_unknown(args, word, len);
    c->seen |= UINT64_C(1) << (o - args_options);
    if (!o->value)
        return equals ? args_fail(args, "--%s takes no value", o->name) : apply(args, o, NULL);
    if (equals)
        return apply(args, o, equals + 1);
    if (c->at == c->argc)
        return args_fail(args, "--%s needs a value: --%s %s", o->name, o->name, o->value);
    return apply(args, o, c->argv[c->at++]);
}

/* -x, -p6411, -p 6411, -xp6411. */
static bool
parse_letters(struct cli_args *args, struct cursor *c)
{
    char *word = c->argv[c->at++];
    for (char *p = word + 1; *p; p++) {
        const struct args_option *o = args_find_letter(*p);
        if (!o)
            return args_fail(args, "unknown option -%c; attl --help lists them", *p);
        c->seen |= UINT64_C(1) << (o - args_options);
        if (!o->value) {
            if (!apply(args, o, NULL))
                return false;
            continue;
        }
        if (p[1])
            return apply(args, o, p + 1);
        if (c->at == c->argc)
            return args_fail(args, "-%c needs a value: -%c %s%s", *p, *p, o->value,
                             o->id == OPT_HOST ? " (for help: attl --help)" : "");
        return apply(args, o, c->argv[c->at++]);
    }
    return true;
}

/* A word after one of the tool's own words that is not an option. */
static bool
take_operand(struct cli_args *args, const char *word)
{
    if (args_is_offline(args->mode))
        return args_offline_take(args, word);
    if (args->mode == MODE_STAT || args->mode == MODE_TOP)
        return args_fail(args, "%s takes no operand, but got '%s'", args->topic, word);
    if (args->file)
        return args_fail(args, "one operand too many: '%s'", word);
    args->file = word;
    return true;
}

/* The word after the tool's own word, or the word that begins a command. */
enum word_result { WORD_TAKEN, WORD_ENDS_OPTIONS, WORD_WRONG };

/* A word that is no option. `own` tells whether one of the tool's words was read before. */
static enum word_result
take_word(struct cli_args *args, const char *word, bool *own)
{
    enum cli_mode mode;
    if (*own)
        return take_operand(args, word) ? WORD_TAKEN : WORD_WRONG;
    if (!args_find_word(word, &mode))
        return WORD_ENDS_OPTIONS;
    *own = true;
    if (mode != MODE_HELP)
        args->topic = word;
    if (args->mode == MODE_INTERACTIVE) /* --help and --version outweigh the word */
        args->mode = mode;
    return WORD_TAKEN;
}

/* Reads up to the first word of a command, or all words after one of the tool's own. */
static bool
parse_words(struct cli_args *args, struct cursor *c, bool *own)
{
    while (c->at < c->argc && !(*own && args->mode == MODE_HELP)) {
        char *word = c->argv[c->at];
        if (strcmp(word, "--") == 0) {
            c->at++;
            return true;
        }
        if (word[0] == '-' && word[1]) {
            if (!(word[1] == '-' ? parse_long(args, c) : parse_letters(args, c)))
                return false;
            continue;
        }
        enum word_result result = take_word(args, word, own);
        if (result != WORD_TAKEN)
            return result == WORD_ENDS_OPTIONS;
        c->at++;
    }
    return true;
}

/* What is left are the words of a command, or the topic of help. */
static bool
take_rest(struct cli_args *args, const struct cursor *c, bool own)
{
    args->argc = c->argc - c->at;
    args->argv = c->argv + c->at;
    for (int i = 0; own && args->mode != MODE_HELP && i < args->argc; i++)
        if (!take_operand(args, args->argv[i]))
            return false;
    if (args->argc > 0 && args->mode == MODE_INTERACTIVE)
        args->mode = MODE_COMMAND;
    return true;
}

/* The options that were given, by option_id instead of by row. */
static uint64_t
seen_ids(const struct cursor *c)
{
    uint64_t ids = 0;
    for (size_t i = 0; i < args_option_count; i++)
        if (c->seen & UINT64_C(1) << i)
            ids |= UINT64_C(1) << args_options[i].id;
    return ids;
}

/* load and dump want a file. */
static bool
check_file(struct cli_args *args)
{
    if ((args->mode == MODE_LOAD || args->mode == MODE_DUMP) && !args->file)
        return args_fail(args, "%s needs a file, or - for standard %s%s",
                         args->mode == MODE_LOAD ? "load" : "dump",
                         args->mode == MODE_LOAD ? "input" : "output",
                         args->mode == MODE_DUMP ? " (the command DUMP: attl -- dump KEY)" : "");
    return true;
}

/* What can only be seen when all words were read. */
static bool
check_whole(struct cli_args *args, const struct cursor *c)
{
    if (args->mode == MODE_HELP || args->mode == MODE_VERSION || args->mode == MODE_HEALTHCHECK)
        return true;
    for (size_t i = 0; i < args_option_count; i++)
        if ((c->seen & UINT64_C(1) << i) && !(args_options[i].modes & 1U << args->mode))
            return args_fail(args, "--%s means nothing here; attl --help says where it belongs",
                             args_options[i].name);
    if (!check_file(args))
        return false;
    if (args->last_from_stdin && args->mode != MODE_COMMAND)
        return args_fail(args, "-x needs a command: attl -x set KEY < FILE");
    return !args_is_offline(args->mode) || args_offline_check(args, seen_ids(c));
}

bool
args_parse(struct cli_args *args, int argc, char **argv, const char *password)
{
    *args = (struct cli_args){
        .server = { .host = "127.0.0.1", .timeout_ms = ARGS_TIMEOUT_DEFAULT_MS },
        .mode = MODE_INTERACTIVE,
        .interval_ms = 1000,
        .offline = { .to_lsn = INT64_MAX },
    };
    struct cursor c = { .argc = argc, .at = argc > 0 ? 1 : 0, .argv = argv };
    bool own = false; /* stat, load, dump or help was read: options may follow it */
    if (!parse_words(args, &c, &own) || !take_rest(args, &c, own) || !check_whole(args, &c))
        return false;
    if (!check_tls(args))
        return false;
    if (args->server.port == 0)
        args->server.port = args->server.tls ? ARGS_TLS_PORT_DEFAULT : ARGS_PORT_DEFAULT;
    if (args->server.password || !password || !*password)
        return true;
    args->server.password = strdup(password);
    return args->server.password || args_fail(args, "out of memory");
}

void
args_fini(struct cli_args *args)
{
    char *password = (char *)args->server.password;
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    args->server.password = NULL;
}
