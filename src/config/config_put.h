/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing into a configuration, for the readers of its sources: files, environment, command line,
 * CONFIG SET. A reader works on a draft, which is a copy, and commits it when everything was fine:
 * so a source is applied as a whole or not at all. config_put() applies one value, subject to the
 * ranks of config.h. Private to src/config and libattl-toml.
 */
#ifndef ATTL_CONFIG_CONFIG_PUT_H
#define ATTL_CONFIG_CONFIG_PUT_H

#include "config/config.h"
#include "config/config_error.h"

/* One value on its way in. */
struct config_put {
    const struct option *option;
    const struct option_alias *alias; /* the name that was used, or NULL for the option's own */
    attl_slice text;
    enum config_origin origin;
    uint8_t file; /* from config_file_index() */
    uint32_t line;
};

/* Parses, checks and stores; a value of a lower rank is checked and dropped. ATTL_OK,
 * ATTL_E_CONFIG, ATTL_E_NOMEM. */
int config_put(attl_config *config, const struct config_put *put, struct config_error err);
/* Finds put->option and put->alias by name. ATTL_OK, or ATTL_E_CONFIG with the nearest name. */
int config_put_find(struct config_put *put, attl_slice name, struct config_error err);
/* Remembers a file's name and returns 1 + its index, or 0 if there is no more room or memory. */
uint8_t config_file_index(attl_config *config, const char *path);
/* Moves the contents of `draft` into `config` and frees the draft. */
void config_commit(attl_config *config, attl_config *draft);

#endif
