/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the flat list of a file's settings to a configuration, see config_entry.h. TOML has types,
 * so a quoted number for a port is an error here although the environment, which has none, accepts
 * it. A setting given twice, be it once under its own name and once under an alias, is an error:
 * one of the two is a mistake and we cannot know which. Entries go to a draft, which is committed
 * at the end.
 */
#include "config/config_entry.h"

#include "base/num.h"
#include "config/config_put.h"
#include "config/option_value.h"

#include <stdio.h>

enum { ENTRY_TEXT_MAX = 32 };

/* Adds "path:line:column: " in front of `why`. */
static int
fail_at(const char *path, const struct config_entry *entry, const char *why,
        struct config_error err)
{
    return config_fail(err, "%s:%u:%u: %s", path, (unsigned)entry->line, (unsigned)entry->column,
                       why);
}

static bool
kind_fits(enum option_type type, enum config_entry_kind kind)
{
    switch (type) {
    case OPTION_BOOL: return kind == ENTRY_BOOL;
    case OPTION_INT: return kind == ENTRY_INT;
    case OPTION_BYTES: return kind == ENTRY_INT || kind == ENTRY_STRING;
    case OPTION_DURATION: return kind == ENTRY_INT || kind == ENTRY_FLOAT || kind == ENTRY_STRING;
    case OPTION_DOUBLE: return kind == ENTRY_INT || kind == ENTRY_FLOAT;
    case OPTION_ENUM:
    case OPTION_MODE:
    case OPTION_STRING:
    case OPTION_SECRET: break;
    }
    return kind == ENTRY_STRING;
}

static const char *
kind_expected(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL: return "true or false";
    case OPTION_INT: return "a whole number";
    case OPTION_BYTES: return "a number of bytes or a text like \"8GiB\"";
    case OPTION_DURATION: return "a number of seconds or a text like \"30s\"";
    case OPTION_DOUBLE: return "a number";
    case OPTION_MODE: return "a quoted text like \"0700\"";
    case OPTION_ENUM:
    case OPTION_STRING:
    case OPTION_SECRET: break;
    }
    return "a quoted text";
}

/* The entry's value as the text an option is parsed from; `buf` holds numbers. */
static bool
entry_text(const struct config_entry *entry, char buf[ENTRY_TEXT_MAX], attl_slice *ret_text)
{
    switch (entry->kind) {
    case ENTRY_STRING: *ret_text = entry->string; return true;
    case ENTRY_BOOL: *ret_text = attl_s(entry->integer ? "true" : "false"); return true;
    case ENTRY_INT: *ret_text = attl_b(buf, num_format_i64(buf, entry->integer)); return true;
    case ENTRY_FLOAT:
        if (!(entry->real >= 0 && entry->real <= 1e9)) /* also refuses nan */
            return false;
        option_format_real(entry->real, buf, ENTRY_TEXT_MAX);
        *ret_text = attl_s(buf);
        return true;
    case ENTRY_SECTION:
    case ENTRY_OTHER: break;
    }
    return false;
}

/* Checks what only files have to be checked for, and stores. The message is without a position. */
static int
put_entry(attl_config *draft, struct config_put *put, const struct config_entry *entry,
          struct config_error err)
{
    char number[ENTRY_TEXT_MAX];
    const struct option *option = put->option;
    if (!kind_fits(option->type, entry->kind))
        return config_fail(err, "%s: %s was given, it takes %s", option->name, entry->kind_text,
                           kind_expected(option->type));
    if (put->origin == CONFIG_RUN_TIME && !(option->flags & OPTION_RUNTIME))
        return config_fail(err, "%s cannot be changed at run time; it belongs in settings.toml",
                           option->name);
    if (!entry_text(entry, number, &put->text))
        return config_fail(err, "%s: the number is out of range", option->name);
    return config_put(draft, put, err);
}

/* A section without settings only has to exist. */
static int
check_section(const struct config_entry *entry, struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES];
    if (option_has_section(entry->name) ||
        (entry->name.len == 9 && memcmp(entry->name.data, "namespace", 9) == 0))
        return ATTL_OK;
    return config_fail(err, "unknown section [%s]", config_shown(shown, entry->name));
}

/* Whether the kind stands for what the field is: percentages may be numbers, or texts with a sign,
 * and yes or no is one of the answers to audit. */
static bool
field_kind_fits(enum namespace_field field, enum config_entry_kind kind)
{
    return kind_fits(namespace_field_at(field)->type, kind) ||
           (field == NS_JITTER && kind == ENTRY_STRING) ||
           (field == NS_AUDIT && kind == ENTRY_BOOL);
}

/* A field of [namespace."prefix"], or such a section without any. */
static int
apply_namespace(attl_config *draft, const struct config_put *where,
                const struct config_entry *entry, struct config_error err)
{
    char number[ENTRY_TEXT_MAX];
    attl_slice field;
    struct namespace_put put = { .origin = (uint8_t)where->origin,
                                 .file = where->file,
                                 .line = entry->line,
                                 .field = NS_FIELDS };
    if (entry->kind == ENTRY_SECTION) { /* its name may hold dots */
        (void)namespace_name_split(entry->name, &put.prefix, &field);
        size_t skip = (size_t)((const char *)put.prefix.data - (const char *)entry->name.data);
        put.prefix.len = entry->name.len - skip;
        return namespace_list_put(draft, &put, err);
    }
    if (!namespace_name_split(entry->name, &put.prefix, &field) || field.len == 0)
        return config_fail(
            err, "a namespace is a section of its own: [namespace.\"%.*s\"]",
            (int)(put.prefix.len < CONFIG_SHOWN_BYTES ? put.prefix.len : CONFIG_SHOWN_BYTES),
            (const char *)put.prefix.data);
    enum namespace_field which;
    const struct option *row = namespace_field_find(field, &which);
    if (row && !field_kind_fits(which, entry->kind))
        return config_fail(err, "%s: %s was given, it takes %s", row->name, entry->kind_text,
                           kind_expected(row->type));
    if (row && put.origin == CONFIG_RUN_TIME && !(row->flags & OPTION_RUNTIME))
        return config_fail(err, "%s cannot be changed at run time; it belongs in settings.toml",
                           row->name);
    if (row && !entry_text(entry, number, &put.text))
        return config_fail(err, "%s: the number is out of range", row->name);
    return namespace_list_put_name(draft, &put, field, err);
}

/* One entry; `lines` remembers where each option was set in this file. */
static int
apply_entry(attl_config *draft, struct config_put *put, const struct config_entry *entry,
            uint32_t lines[OPTION_COUNT], struct config_error err)
{
    attl_slice prefix, field;
    if (namespace_name_split(entry->name, &prefix, &field))
        return apply_namespace(draft, put, entry, err);
    if (entry->kind == ENTRY_SECTION)
        return check_section(entry, err);
    int status = config_put_find(put, entry->name, err);
    if (status != ATTL_OK)
        return status;
    enum option_id id = option_id_of(put->option);
    if (lines[id] > 0)
        return config_fail(err, "%s is already set in line %u", put->option->name,
                           (unsigned)lines[id]);
    lines[id] = entry->line;
    put->line = entry->line;
    return put_entry(draft, put, entry, err);
}

static int
apply_entries(attl_config *draft, const char *path, enum config_origin origin,
              const struct config_entry *entries, size_t count, struct config_error err)
{
    uint32_t lines[OPTION_COUNT] = { 0 };
    char why[OPTION_ERROR_MAX];
    uint8_t file = config_file_index(draft, path);
    for (size_t i = 0; i < count; i++) {
        struct config_put put = { .origin = origin, .file = file };
        int status =
            apply_entry(draft, &put, &entries[i], lines, (struct config_error){ why, sizeof why });
        if (status == ATTL_E_NOMEM)
            return config_fail_memory(err);
        if (status != ATTL_OK)
            return fail_at(path, &entries[i], why, err);
    }
    return ATTL_OK;
}

int
config_entries_apply(attl_config *config, const char *path, enum config_origin origin,
                     const struct config_entry *entries, size_t count, struct config_error err)
{
    attl_config *draft = config_copy(config);
    if (!draft)
        return config_fail_memory(err);
    int status = apply_entries(draft, path, origin, entries, count, err);
    if (status == ATTL_OK)
        config_commit(config, draft);
    else
        attl_config_free(draft);
    return status;
}
