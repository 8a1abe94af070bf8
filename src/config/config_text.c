/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration as text: single values for CONFIG GET, the TOML of runtime.toml, and the listing
 * of
 * --check-config. What is written as TOML is read back to the same values by config_entry.c. A
 * secret shows up in full only where it has to: in runtime.toml and where the caller asks for it.
 */
#include "config/config.h"

#include "config/option_value.h"

#include <stdio.h>

static const char hidden[] = "********";

static int
render(const attl_config *config, enum option_id id, enum option_form form, unsigned flags,
       char *buf, size_t len)
{
    const struct option *option = option_at(id);
    const struct config_value *value = &config->values[id];
    struct option_scalar scalar = { value->number, value->real };
    if (id == OPT_REDIS_APPENDONLY) /* another name of what persist.fsync says */
        scalar.number = config_i64(config, OPT_PERSIST_FSYNC) != CHOICE_FSYNC_OFF;
    const char *text = value->text;
    if (option->type == OPTION_SECRET && text && !(flags & CONFIG_SHOW_SECRETS))
        text = hidden;
    return option_format(option, form, scalar, text, buf, len);
}

int
config_render(const attl_config *config, enum option_id id, const struct option_alias *alias,
              unsigned flags, char *buf, size_t len)
{
    return render(config, id, alias ? alias->form : FORM_NATIVE, flags, buf, len);
}

int
config_render_name(const attl_config *config, const char *name, unsigned flags, char *buf,
                   size_t len)
{
    const struct option_alias *alias;
    attl_slice prefix, field;
    if (namespace_name_split(attl_s(name), &prefix, &field)) {
        int status = config_ns_get(config, prefix, field, buf, len);
        return status == ATTL_MISS ? ATTL_E_CONFIG : status;
    }
    const struct option *option = option_find_alias(attl_s(name), &alias);
    if (!option)
        return ATTL_E_CONFIG;
    return config_render(config, option_id_of(option), alias, flags, buf, len);
}

int
attl_config_get(const attl_config *config, const char *name, char *buf, size_t len)
{
    if (!config || !name || (!buf && len > 0))
        return ATTL_E_CONFIG;
    return config_render_name(config, name, 0, buf, len);
}

/* The variable an option was read from. */
static void
variable_text(const struct option *option, const struct config_value *value, char *buf, size_t len)
{
    int skip = snprintf(buf, len, "environment ");
    if (skip < 0 || (size_t)skip >= len)
        return;
    buf += skip;
    len -= (size_t)skip;
    if (value->alias > 0 && option->aliases[value->alias - 1].kind == ALIAS_CLASSIC) {
        (void)snprintf(buf, len, "%s", option->aliases[value->alias - 1].name);
        return;
    }
    int section = (int)(strchr(option->name, '.') - option->name);
    (void)snprintf(buf, len, "ATTL_%.*s__%s", section, option->name, option->name + section + 1);
    for (; *buf; buf++)
        if (*buf >= 'a' && *buf <= 'z')
            *buf = (char)(*buf - ('a' - 'A'));
}

void
config_origin_text(const attl_config *config, enum option_id id, char *buf, size_t len)
{
    static const char *const names[] = {
        [CONFIG_DEFAULT] = "default",           [CONFIG_CODE] = "code",
        [CONFIG_FILE] = "settings file",        [CONFIG_ENVIRONMENT] = "environment",
        [CONFIG_COMMAND_LINE] = "command line", [CONFIG_RUN_TIME] = "run time",
    };
    const struct config_value *value = &config->values[id];
    if (value->file > 0) /* cut if it does not fit, here and below */
        (void)snprintf(buf, len, "%s:%u", config->files[value->file - 1], (unsigned)value->line);
    else if (value->origin == CONFIG_ENVIRONMENT)
        variable_text(option_at(id), value, buf, len);
    else
        (void)snprintf(buf, len, "%s", names[value->origin]);
}

/* ---- TOML ---- */

/* A basic string: quotes and backslashes are escaped; control characters never get into a value. */
static void
append_quoted(struct buf *out, const char *text)
{
    buf_append(out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_append(out, "\\", 1);
        buf_append(out, text, 1);
    }
    buf_append(out, "\"", 1);
}

static bool
is_bare(const struct option *option)
{
    return option->type == OPTION_BOOL || option->type == OPTION_INT ||
           option->type == OPTION_DOUBLE;
}

/* `key = value`, without the end of the line. */
static void
append_setting(const attl_config *config, enum option_id id, unsigned flags, struct buf *out)
{
    char value[OPTION_TEXT_MAX];
    const struct option *option = option_at(id);
    if (render(config, id, FORM_NATIVE, flags, value, sizeof value) != ATTL_OK)
        return; /* cannot be: OPTION_TEXT_MAX bytes hold any value */
    const char *text = value;
    if (option->type == OPTION_ENUM) /* the spelling that was set, so that Redis' names survive */
        text = option->choices[config->values[id].number].text;
    buf_printf(out, "%s = ", strchr(option->name, '.') + 1);
    if (is_bare(option))
        buf_append_str(out, text);
    else
        append_quoted(out, text);
}

/* Writes "[section]" where the section of `id` is not that of `*section`. */
static void
append_section(enum option_id id, const char **section, struct buf *out)
{
    const char *name = option_at(id)->name;
    size_t len = (size_t)(strchr(name, '.') - name) + 1;
    if (*section && strncmp(*section, name, len) == 0)
        return;
    buf_printf(out, "%s[%.*s]\n", out->len > 0 ? "\n" : "", (int)len - 1, name);
    *section = name;
}

void
config_runtime_text(const attl_config *config, struct buf *out)
{
    const char *section = NULL;
    buf_append_str(
        out, "# Options changed while the server ran, written by CONFIG REWRITE. Read after the\n"
             "# settings file, the environment and the command line; delete a line to undo it.\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (config->values[id].origin != CONFIG_RUN_TIME)
            continue;
        append_section((enum option_id)id, &section, out);
        append_setting(config, (enum option_id)id, CONFIG_SHOW_SECRETS, out);
        buf_append(out, "\n", 1);
    }
    namespace_list_text(config, CONFIG_RUN_TIME, false, out);
}

void
config_effective_text(const attl_config *config, struct buf *out)
{
    enum { COMMENT_COLUMN = 40 };
    const char *section = NULL;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        char origin[OPTION_ERROR_MAX];
        append_section((enum option_id)id, &section, out);
        size_t start = out->len;
        if (option_at((enum option_id)id)->type == OPTION_SECRET)
            buf_append_str(
                out, "# "); /* what is shown is not the value, so it must not be read as one */
        append_setting(config, (enum option_id)id, 0, out);
        size_t width = out->len - start;
        config_origin_text(config, (enum option_id)id, origin, sizeof origin);
        buf_printf(out, "%*s# %s\n", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 1, "",
                   origin);
    }
    namespace_list_text(config, CONFIG_DEFAULT, true, out);
}
