/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rules must know of the commands: their names, which are subcommands of which, and their
 * categories. The table of commands is of a higher layer, which describes it here as a few
 * functions; a command is identified by the number of its row. Constant, and used by any thread.
 */
#ifndef ATTL_ACCESS_CATALOG_H
#define ATTL_ACCESS_CATALOG_H

#include <attl/attl.h>
#include <stdbool.h>

enum { ACCESS_ROWS_MAX = 1024 };

struct access_catalog {
    size_t (*rows)(void);
    const char *(*name)(size_t row); /* lower case, "config|get" */
    bool (*is_sub)(size_t row);
    size_t (*subs)(size_t row);                     /* so many rows behind it are its subcommands */
    bool (*find)(attl_slice name, size_t *ret_row); /* in any case */
    uint32_t (*categories)(size_t row);             /* bits */
    const char *const *category_names;              /* of bit 0, 1, ... */
    size_t categories_len;
};

/* The bit of the category of that name, in any case; 0 if there is none. */
uint32_t catalog_category(const struct access_catalog *c, attl_slice name);

#endif
