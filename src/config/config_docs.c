/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of options as documentation: the options part of --help, and docs/config.md. Both say
 * for each option its name, type, default, bounds and meaning, from the row itself;
 * tools/gen_docs.py writes the file and a test compares it with the committed one. Pure functions
 * of the table.
 */
#include "config/config.h"
#include "config/namespace_field.h"

#include "config/option_value.h"

#include <stdio.h>

enum { HELP_INDENT = 6, HELP_COLUMNS = 80 };

static const char *
type_text(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_BOOL] = "yes or no", [OPTION_INT] = "number",     [OPTION_BYTES] = "bytes",
        [OPTION_DURATION] = "time",  [OPTION_DOUBLE] = "decimal", [OPTION_ENUM] = "choice",
        [OPTION_MODE] = "octal",     [OPTION_STRING] = "text",    [OPTION_SECRET] = "secret",
    };
    return names[type];
}

/* The spellings of a choice that are not mere synonyms, separated by `separator`. */
static void
append_choices(const struct option *option, const char *separator, struct buf *out)
{
    const char *between = "";
    for (const struct option_choice *choice = option->choices; choice->text; choice++) {
        if (option_choice_text(option, choice->value) != choice->text)
            continue;
        buf_printf(out, "%s%s", between, choice->text);
        between = separator;
    }
}

static const char *
shown_default(const char *text)
{
    return text[0] ? text : "empty";
}

/* ---- --help ---- */

/* Appends words of `text`, broken before HELP_COLUMNS, each line indented. */
static void
append_wrapped(const char *text, struct buf *out)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > HELP_COLUMNS) {
            buf_append(out, "\n", 1);
            column = 0;
        }
        buf_printf(out, "%*s", column == 0 ? HELP_INDENT : 1, "");
        column += column == 0 ? HELP_INDENT : 1;
        buf_append(out, text, len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    buf_append(out, "\n", 1);
}

/* Behind a line that is `column` bytes long; what does not fit goes into lines of its own. */
static void
append_help_aliases(const struct option *option, size_t column, struct buf *out)
{
    for (size_t i = 0; i < OPTION_ALIASES_MAX && option->aliases[i].name; i++) {
        const struct option_alias *alias = &option->aliases[i];
        if (alias->kind == ALIAS_CLASSIC)
            continue;
        size_t bytes = strlen(alias->name) + 4;
        if (column + bytes > HELP_COLUMNS) {
            buf_append_str(out, "\n    ");
            column = 4;
        }
        buf_printf(out, "  --%s", alias->name);
        column += bytes;
    }
    buf_append(out, "\n", 1);
}

void
config_help_text(struct buf *out)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        const char *standard = option->server_default ? option->server_default
                                                      : option->library_default;
        size_t line = out->len;
        buf_printf(out, "  --%s=", option->name);
        if (option->type == OPTION_ENUM)
            append_choices(option, "|", out);
        else
            buf_append_str(out, option->unit ? option->unit : type_text(option->type));
        buf_printf(out, "  (%s)", shown_default(standard));
        append_help_aliases(option, out->len - line, out);
        append_wrapped(option->text, out);
    }
}

/* ---- docs/config.md ---- */

static const char markdown_head[] =
    "# Settings\n"
    "\n"
    "Generated from `src/config/option_table.c` by `tools/gen_docs.py`; do not edit.\n"
    "\n"
    "Every option has one name, `section.key`, and can be given in five places. A later one\n"
    "wins:\n"
    "\n"
    "1. the default, which differs between a cache opened by a program (libattl) and the\n"
    "   server (attld);\n"
    "2. the settings file, `attld --config settings.toml` or `attl_config_load()`:\n"
    "   `[cache]` and below it `max_memory = \"8GiB\"`;\n"
    "3. the environment: `ATTL_CACHE__MAX_MEMORY=8GiB`, or one of the classic names below;\n"
    "4. the command line: `--cache.max_memory=8GiB`, or a Redis or short name:\n"
    "   `--maxmemory 8gb`;\n"
    "5. run time: `CONFIG SET cache.max_memory 8GiB` or `CONFIG SET maxmemory 8gb`.\n"
    "   `CONFIG REWRITE` keeps such changes in `runtime.toml` in `server.dir`.\n"
    "\n"
    "A program sets options with `attl_config_set()` before `attl_open()`, in its own order:\n"
    "such a value replaces what was there and is replaced by what is read later.\n"
    "`attld --check-config` prints every value with the place it came from. An unknown or\n"
    "repeated setting, a wrong type or a value out of range is an error with its file, line\n"
    "and column, and nothing of that file is applied.\n"
    "\n"
    "Bytes are written `4096`, `64KiB`, `8GiB`, or as Redis does: `8gb` is 8 x 1024^3, `8g` is\n"
    "8 x 1000^3. Times are `500ms`, `30s`, `5m`, `12h`, `7d`; a number without a unit is\n"
    "seconds. Yes and no are also `true`/`false`, `on`/`off`, `1`/`0`; in TOML they are `true`\n"
    "and `false`. In TOML, texts, choices, octal numbers and anything with a unit are quoted.\n"
    "\n"
    "*Changeable* options can be set at run time, the others need a restart. *Later* marks\n"
    "options whose component comes in a later release: they are accepted and shown, and have\n"
    "no effect yet.\n";

static void
append_bounds(const struct option *option, struct buf *out)
{
    char low[OPTION_NAME_MAX], high[OPTION_NAME_MAX];
    struct option_scalar least = { option->min, option->min_real };
    struct option_scalar most = { option->max, option->max_real };
    if (option_format(option, FORM_NATIVE, least, NULL, low, sizeof low) != ATTL_OK ||
        option_format(option, FORM_NATIVE, most, NULL, high, sizeof high) != ATTL_OK)
        return; /* cannot be: bounds are short */
    buf_append_str(out, low);
    if (strcmp(low, high) != 0)
        buf_printf(out, " to %s", high);
    if (option->unit)
        buf_printf(out, " %s", option->unit);
}

static void
append_range(const struct option *option, struct buf *out)
{
    switch (option->type) {
    case OPTION_BOOL: buf_append_str(out, type_text(option->type)); break;
    case OPTION_ENUM: append_choices(option, ", ", out); break;
    case OPTION_STRING:
    case OPTION_SECRET:
        if (option->max == 0)
            buf_append_str(out, "empty");
        else
            buf_printf(out, "%s, up to %d bytes", type_text(option->type), (int)option->max);
        break;
    case OPTION_INT:
    case OPTION_BYTES:
    case OPTION_DURATION:
    case OPTION_DOUBLE:
    case OPTION_MODE: append_bounds(option, out); break;
    }
}

static void
append_default(const struct option *option, struct buf *out)
{
    const char *library = shown_default(option->library_default);
    if (option->flags & OPTION_SERVER || !option->server_default)
        buf_append_str(out, library);
    else
        buf_printf(out, "libattl %s, attld %s", library, shown_default(option->server_default));
}

static void
append_aliases(const struct option *option, struct buf *out)
{
    static const char *const kinds[] = {
        [ALIAS_REDIS] = "Redis", [ALIAS_CLASSIC] = "environment", [ALIAS_SHORT] = "short"
    };
    for (size_t i = 0; i < OPTION_ALIASES_MAX && option->aliases[i].name; i++) {
        const struct option_alias *alias = &option->aliases[i];
        buf_printf(out, "%s`%s` (%s%s)", i > 0 ? ", " : "", alias->name, kinds[alias->kind],
                   alias->form == FORM_MEGABYTES ? ", in MiB" : "");
    }
}

static void
append_row(const struct option *option, struct buf *out)
{
    buf_printf(out, "| `%s` | ", option->name);
    append_default(option, out);
    buf_append_str(out, " | ");
    append_range(option, out);
    buf_append_str(out, " | ");
    append_aliases(option, out);
    buf_printf(out, " | %s%s |\n", option->flags & OPTION_RUNTIME ? "*Changeable.* " : "",
               option->text);
}

void
config_markdown_text(struct buf *out)
{
    const char *section = NULL;
    buf_append_str(out, markdown_head);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_at((enum option_id)id);
        size_t len = (size_t)(strchr(option->name, '.') - option->name) + 1;
        if (!section || strncmp(section, option->name, len) != 0)
            buf_printf(out,
                       "\n## %.*s\n\n| option | default | values | other names | meaning |\n"
                       "|---|---|---|---|---|\n",
                       (int)len - 1, option->name);
        section = option->name;
        append_row(option, out);
    }
    buf_append_str(out, "\n## namespace.\"prefix\"\n\nPolicies by key prefix; `docs/namespaces.md` "
                        "says what they do. In settings.toml a section each, "
                        "`[namespace.\"session:\"]`; at run time `ATTL.NS SET`.\n\n");
    namespace_markdown_text(out);
}
