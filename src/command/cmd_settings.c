/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.CONFIG: every setting with what CONFIG GET leaves out: where its value comes from, what it
 * would be otherwise, whether it can be changed while the server runs, and what it is for. The rows
 * are those of the option table; values and origins are the host's, which hides secrets. A pattern
 * matches a setting's own name or one of its aliases, so that `maxmemory` finds cache.max_memory.
 * Nothing is kept.
 */
#include "command/commands.h"
#include "base/glob.h"
#include "command/reply.h"
#include "config/option.h"

enum { SETTING_FIELDS = 12, ORIGIN_MAX = 1024 };

static const char *
type_word(enum option_type type)
{
    static const char *const words[] = {
        [OPTION_BOOL] = "bool",   [OPTION_INT] = "int",       [OPTION_BYTES] = "bytes",
        [OPTION_ENUM] = "choice", [OPTION_DURATION] = "time", [OPTION_DOUBLE] = "decimal",
        [OPTION_MODE] = "mode",   [OPTION_STRING] = "string", [OPTION_SECRET] = "secret",
    };
    return words[type];
}

static bool
is_asked_for(const struct request *rq, const struct option *option)
{
    if (rq->argc < 2)
        return true;
    attl_slice pattern = rq->argv[1];
    bool found = glob_match_name(pattern, option->name);
    for (size_t i = 0; i < OPTION_ALIASES_MAX && option->aliases[i].name; i++)
        found |= glob_match_name(pattern, option->aliases[i].name);
    return found;
}

static void
reply_aliases(struct request *rq, const struct option *option)
{
    size_t mark = 0, n = 0;
    resp_bulk_str(rq->out, "aliases");
    mark = rq->out->len;
    for (; n < OPTION_ALIASES_MAX && option->aliases[n].name; n++)
        resp_bulk_str(rq->out, option->aliases[n].name);
    reply_insert_array(rq->out, mark, n);
}

/* Canonical spellings only: the others are there for those who come from elsewhere. */
static void
reply_choices(struct request *rq, const struct option *option)
{
    size_t mark = 0, n = 0;
    resp_bulk_str(rq->out, "choices");
    mark = rq->out->len;
    for (const struct option_choice *c = option->choices; c && c->text; c++) {
        if (strcmp(option_choice_text(option, c->value), c->text) != 0)
            continue;
        resp_bulk_str(rq->out, c->text);
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}

/* In base units: bytes, milliseconds. Null where a range says nothing. */
static void
reply_range(struct request *rq, const struct option *option)
{
    bool real = option->type == OPTION_DOUBLE;
    bool whole = option->type == OPTION_INT || option->type == OPTION_BYTES ||
                 option->type == OPTION_DURATION;
    for (int i = 0; i < 2; i++) {
        resp_bulk_str(rq->out, i == 0 ? "min" : "max");
        if (whole)
            resp_int(rq->out, i == 0 ? option->min : option->max);
        else if (real)
            resp_double(rq->out, rq->s->proto, i == 0 ? option->min_real : option->max_real);
        else
            resp_null(rq->out, rq->s->proto);
    }
}

static void
reply_setting_row(struct request *rq, const struct option *option, const char *value)
{
    const struct command_host *host = rq->env->host;
    char origin[ORIGIN_MAX] = "";
    if (!host->config_origin ||
        host->config_origin(host->ud, option->name, origin, sizeof origin) != ATTL_OK)
        origin[0] = '\0';
    const char *otherwise = option->server_default ? option->server_default
                                                   : option->library_default;
    resp_map(rq->out, rq->s->proto, SETTING_FIELDS);
    reply_field_str(rq, "name", option->name);
    reply_field_str(rq, "value", value);
    reply_field_str(rq, "default", otherwise);
    reply_field_str(rq, "origin", origin);
    reply_field_int(rq, "live", (option->flags & OPTION_RUNTIME) != 0);
    reply_field_str(rq, "type", type_word(option->type));
    reply_field_str(rq, "unit", option->unit ? option->unit : "");
    reply_range(rq, option);
    reply_choices(rq, option);
    reply_aliases(rq, option);
    reply_field_str(rq, "text", option->text);
}

/* ATTL.CONFIG [pattern] */
void
cmd_attl_config(struct request *rq)
{
    const struct command_host *host = rq->env->host;
    char value[OPTION_TEXT_MAX];
    size_t mark = rq->out->len, n = 0;
    if (rq->argc > 2) {
        reply_arity_error(rq);
        return;
    }
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        if (!is_asked_for(rq, option) ||
            host->config_get(host->ud, option->name, value, sizeof value) != ATTL_OK)
            continue; /* a host need not know them all */
        reply_setting_row(rq, option, value);
        n++;
    }
    reply_insert_array(rq->out, mark, n);
}
