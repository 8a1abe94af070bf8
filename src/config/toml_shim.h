/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TOML text to a list of settings, behind a C interface. The only C++ of the project is on the
 * other side: Debian has no maintained TOML parser in C. toml++ checks all of TOML 1.0 and knows
 * the line and column of everything, which is what good messages need. The list owns its bytes; one
 * thread at a time.
 */
#ifndef ATTL_CONFIG_TOML_SHIM_H
#define ATTL_CONFIG_TOML_SHIM_H

#include <attl/attl.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "config/config_entry.h"

struct toml_list;

/*
 * Parses `text`. On success *ret_list holds the settings in the order of the file. A failure is a
 * message "name:line:column: ..." in `err`. ATTL_OK, ATTL_E_CONFIG, ATTL_E_NOMEM.
 */
int toml_list_new(const char *name, attl_slice text, struct config_error err,
                  struct toml_list **ret_list);
void toml_list_free(struct toml_list *list);
const struct config_entry *toml_list_entries(const struct toml_list *list, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
