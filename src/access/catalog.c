/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Categories by name. There are two dozen of them and they are looked up when rules are set, never
 * when a command runs, so a loop will do. Pure.
 */
#include "access/catalog.h"

#include <strings.h>

uint32_t
catalog_category(const struct access_catalog *c, attl_slice name)
{
    for (size_t i = 0; i < c->categories_len; i++) {
        const char *own = c->category_names[i];
        if (strlen(own) == name.len && strncasecmp(own, name.data, name.len) == 0)
            return UINT32_C(1) << i;
    }
    return 0;
}
