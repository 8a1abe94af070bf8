/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line as a source of settings. One walk over the words serves both passes: the first
 * finds
 * --config and the like, because the file has to be read before options overrule it, the second
 * applies the options. `--name=value` and `--name value` mean the same; a word that begins with
 * "--" is never taken for a value, and a bool may stand alone. All or nothing: options go to a
 * draft first.
 */
#include "config/config.h"

#include "config/config_put.h"
#include "config/option_value.h"

/* Where the walk stands and what it fills; `draft` is NULL in the first pass. */
struct arg_walk {
    int argc;
    char **argv;
    int next;
    attl_config *draft;
    struct config_command command;
    struct config_error err;
};

enum arg_kind { ARG_OPTION, ARG_CONFIG, ARG_HELP, ARG_VERSION, ARG_CHECK, ARG_DUMP, ARG_METRICS };

static const struct {
    const char *name;
    const char *letter;
    enum arg_kind kind;
} words[] = {
    { "--config", "-c", ARG_CONFIG },   { "--help", "-h", ARG_HELP },
    { "--version", "-v", ARG_VERSION }, { "--check-config", "-t", ARG_CHECK },
    { "--dump-options", "", ARG_DUMP }, { "--dump-metrics", "", ARG_METRICS },
};

static enum arg_kind
arg_kind_of(attl_slice word)
{
    const char *letter = word.data;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *name = words[i].name;
        if (word.len == strlen(name) && memcmp(word.data, name, word.len) == 0)
            return words[i].kind;
        if (word.len == 2 && words[i].letter[0] && memcmp(letter, words[i].letter, 2) == 0)
            return words[i].kind;
    }
    return ARG_OPTION;
}

/* The next word if it can be a value, else NULL; it stays where it is until `next` moves on. */
static const char *
peek_value(const struct arg_walk *walk)
{
    if (walk->next >= walk->argc || strncmp(walk->argv[walk->next], "--", 2) == 0)
        return NULL;
    return walk->argv[walk->next];
}

/* --namespace.PREFIX.field; a prefix with '=' has to go into a file. */
static int
walk_namespace(struct arg_walk *walk, attl_slice prefix, attl_slice field, const char *joined)
{
    char shown[CONFIG_SHOWN_BYTES];
    const char *value = joined ? joined : peek_value(walk);
    if (!value)
        return config_fail(walk->err, "namespace.%s.%.*s needs a value",
                           config_shown(shown, prefix), (int)field.len,
                           field.len ? (const char *)field.data : "");
    if (!joined)
        walk->next++;
    struct namespace_put put = { .prefix = prefix,
                                 .text = attl_s(value),
                                 .origin = CONFIG_COMMAND_LINE };
    if (walk->draft)
        return namespace_list_put_name(walk->draft, &put, field, walk->err);
    return ATTL_OK;
}

/* --section.key and the other names of options; `joined` is what followed '=', or NULL. */
static int
walk_option(struct arg_walk *walk, attl_slice word, const char *joined)
{
    char shown[CONFIG_SHOWN_BYTES];
    const char *p = word.data;
    if (word.len < 3 || p[0] != '-' || p[1] != '-')
        return config_fail(walk->err,
                           "unexpected argument '%s'; options are --section.key=value, the "
                           "settings file is --config FILE",
                           config_shown(shown, word));
    attl_slice prefix, field;
    if (namespace_name_split(attl_b(p + 2, word.len - 2), &prefix, &field))
        return walk_namespace(walk, prefix, field, joined);
    struct config_put put = { .origin = CONFIG_COMMAND_LINE };
    int status = config_put_find(&put, attl_b(p + 2, word.len - 2), walk->err);
    if (status != ATTL_OK)
        return status;
    bool ignored;
    const char *value = joined ? joined : peek_value(walk);
    if (put.option->type == OPTION_BOOL && !joined &&
        !(value && option_parse_bool(attl_s(value), &ignored)))
        value = "yes"; /* the word that follows, if any, is somebody else's */
    else if (!value)
        return config_fail(walk->err, "%s needs a value", config_shown(shown, word));
    else if (!joined)
        walk->next++;
    put.text = attl_s(value);
    return walk->draft ? config_put(walk->draft, &put, walk->err) : ATTL_OK;
}

static int
walk_config_file(struct arg_walk *walk, const char *joined)
{
    const char *value = joined ? joined : peek_value(walk);
    if (!value || value[0] == '\0')
        return config_fail(walk->err, "--config needs the path of a settings file");
    if (!joined)
        walk->next++;
    walk->command.config_path = value;
    return ATTL_OK;
}

/* Takes one argument, with its value if it has one. */
static int
walk_argument(struct arg_walk *walk)
{
    const char *text = walk->argv[walk->next++];
    const char *equals = text[0] == '-' && text[1] == '-' ? strchr(text, '=') : NULL;
    attl_slice word = attl_b(text, equals ? (size_t)(equals - text) : strlen(text));
    const char *joined = equals ? equals + 1 : NULL;
    enum arg_kind kind = arg_kind_of(word);
    if (joined && kind != ARG_OPTION && kind != ARG_CONFIG) {
        char shown[CONFIG_SHOWN_BYTES];
        return config_fail(walk->err, "%s takes no value", config_shown(shown, word));
    }
    switch (kind) {
    case ARG_OPTION: return walk_option(walk, word, joined);
    case ARG_CONFIG: return walk_config_file(walk, joined);
    case ARG_HELP: walk->command.help = true; break;
    case ARG_VERSION: walk->command.version = true; break;
    case ARG_CHECK: walk->command.check_config = true; break;
    case ARG_DUMP: walk->command.dump_options = true; break;
    case ARG_METRICS: walk->command.dump_metrics = true; break;
    }
    return ATTL_OK;
}

static int
walk_all(struct arg_walk *walk)
{
    int status = ATTL_OK;
    if (walk->argc > CONFIG_ARGS_MAX)
        return config_fail(walk->err, "more than %d arguments", CONFIG_ARGS_MAX);
    while (walk->next < walk->argc && status == ATTL_OK)
        status = walk_argument(walk);
    return status;
}

int
config_scan_args(int argc, char **argv, struct config_command *ret_command, char *err,
                 size_t err_len)
{
    struct arg_walk walk = { .argc = argc, .argv = argv, .next = 1, .err = { err, err_len } };
    int status = walk_all(&walk);
    if (status == ATTL_OK)
        *ret_command = walk.command;
    return status;
}

int
config_apply_args(attl_config *config, int argc, char **argv, char *err, size_t err_len)
{
    struct arg_walk walk = { .argc = argc, .argv = argv, .next = 1, .err = { err, err_len } };
    walk.draft = config_copy(config);
    if (!walk.draft)
        return config_fail_memory(walk.err);
    int status = walk_all(&walk);
    if (status == ATTL_OK)
        config_commit(config, walk.draft);
    else
        attl_config_free(walk.draft);
    return status;
}
