/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options: one table, from which everything that speaks about a setting is derived - settings.toml,
 * the environment, the command line, CONFIG GET and SET, --help and docs/config.md. A row is
 * constant data; what a configuration holds for it lives in config.h. The enum of option_id.h, the
 * rows of option_table.c and nothing else name the options, so adding one is one enumerator and one
 * row. Everything here is immutable and may be used by any thread.
 */
#ifndef ATTL_CONFIG_OPTION_H
#define ATTL_CONFIG_OPTION_H

#include "config/option_choice.h"
#include "config/option_id.h"

#include <attl/attl.h>
#include <stdbool.h>

enum option_type {
    OPTION_BOOL,
    OPTION_INT,
    OPTION_BYTES,    /* int64, 123 or 8GiB or Redis' 8gb */
    OPTION_DURATION, /* int64 milliseconds, 1500ms or 30s or 30 (seconds) */
    OPTION_DOUBLE,
    OPTION_ENUM,
    OPTION_MODE, /* file permission bits, octal text */
    OPTION_STRING,
    OPTION_SECRET /* a string that is shown only on request */
};

enum option_flag {
    OPTION_RUNTIME =
        0x01, /* may be changed while the cache or the server runs; others are immutable */
    OPTION_SERVER = 0x02 /* concerns attld only */
};

/* Where an alias may be used. */
enum option_alias_kind {
    ALIAS_REDIS,   /* a name of Redis: CONFIG GET and SET, command line, settings.toml */
    ALIAS_CLASSIC, /* a name of the environment, CACHE_MAX_ENTRIES */
    ALIAS_SHORT    /* a short spelling for the command line and attl_config_set */
};

/* How values are written under an alias, where it differs from the option itself. */
enum option_form {
    FORM_NATIVE,
    FORM_PLAIN,     /* shown without a unit: bytes, yes/no, octal without the leading 0 */
    FORM_SECONDS,   /* shown as a number of seconds */
    FORM_MEGABYTES, /* a number without a unit means MiB */
    FORM_REDIS      /* an enum shown by the name Redis has for the value */
};

struct option_alias {
    const char *name;
    enum option_alias_kind kind;
    enum option_form form;
};

/* One accepted text of an enum. The first row with a given value is the canonical one. */
struct option_choice {
    const char *text;
    int value;
    const char *redis; /* what FORM_REDIS shows for it; NULL: `text` */
};

enum {
    OPTION_ALIASES_MAX = 4,
    OPTION_NAME_MAX = 48,   /* longest name or alias */
    OPTION_TEXT_MAX = 1024, /* longest value as text, its NUL included */
    OPTION_ERROR_MAX = 512  /* room every message of this folder fits into */
};

struct option {
    const char *name; /* "section.key" */
    enum option_type type;
    unsigned flags;              /* enum option_flag */
    const char *library_default; /* text, as in settings.toml */
    const char *server_default;  /* NULL: the same */
    int64_t min, max; /* in base units; lengths for strings; unused for enums and bools */
    double min_real, max_real;
    const char *unit; /* for numbers with one that the type does not imply, or NULL */
    const struct option_choice *choices;             /* ends with text NULL */
    struct option_alias aliases[OPTION_ALIASES_MAX]; /* ends with name NULL, or is full */
    const char *text; /* one or two sentences, Markdown without a table bar */
};

/* The row of `id`, and the other way round. */
const struct option *option_at(enum option_id id);
enum option_id option_id_of(const struct option *option);
/* The option of that name or alias, in any case; NULL if there is none. */
const struct option *option_find(attl_slice name_or_alias);
/* The same; *ret_alias is the alias that matched, or NULL for the option's own name. */
const struct option *option_find_alias(attl_slice name_or_alias,
                                       const struct option_alias **ret_alias);
/*
 * Names for CONFIG GET patterns: every option's name and every Redis alias, in the order of the
 * table. False when `index` is past the last.
 */
bool option_name_at(size_t index, const char **ret_name);
/* The name or alias nearest to `wrong`, or NULL when none is near enough to be helpful. */
const char *option_nearest(attl_slice wrong);
/* True if some option is called `section`.something. */
bool option_has_section(attl_slice section);
/* The text of an enum's canonical row for `value`; ASSERTs that it exists. */
const char *option_choice_text(const struct option *option, int value);

#endif
