/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of a file as a flat list, between whoever reads a format (TOML today) and the
 * options. The reader knows syntax and positions, config_entries_apply() knows names, types and
 * bounds, so that a reader stays small and everything else is tested without one. Entries borrow
 * their bytes.
 */
#ifndef ATTL_CONFIG_CONFIG_ENTRY_H
#define ATTL_CONFIG_CONFIG_ENTRY_H

#include "config/config.h"
#include "config/config_error.h"

enum config_entry_kind {
    ENTRY_BOOL,
    ENTRY_INT,
    ENTRY_FLOAT,
    ENTRY_STRING,
    ENTRY_SECTION, /* a table without settings: only its name is checked */
    ENTRY_OTHER    /* anything an option cannot be: a list, a date */
};

struct config_entry {
    attl_slice name; /* "section.key" */
    enum config_entry_kind kind;
    const char *kind_text; /* for messages: "a list" */
    attl_slice string;     /* ENTRY_STRING */
    int64_t integer;       /* ENTRY_INT, ENTRY_BOOL */
    double real;           /* ENTRY_FLOAT */
    uint32_t line, column; /* of the name, from 1 */
};

/*
 * Applies all entries of the file at `path` with that origin (CONFIG_FILE, or CONFIG_RUN_TIME for
 * runtime.toml), or none. A message begins with "path:line:column: ". ATTL_OK, ATTL_E_CONFIG,
 * ATTL_E_NOMEM.
 */
int config_entries_apply(attl_config *config, const char *path, enum config_origin origin,
                         const struct config_entry *entries, size_t count, struct config_error err);

#endif
