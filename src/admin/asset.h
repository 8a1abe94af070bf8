/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dashboard's files, as they are in the program. A row of the table is a path below "/", its
 * name, and its bytes, plain and, where that is worth it, compressed. Constant data; the rows are
 * in asset_rows.inc, which the build writes: the dashboard if it could be bundled, else plain.*.
 */
#ifndef ATTL_ADMIN_ASSET_H
#define ATTL_ADMIN_ASSET_H

#include <attl/attl.h>

struct asset {
    const char *path; /* "/" or "/assets/name.js" */
    const char *name; /* of the file: its end says the type */
    const unsigned char *bytes, *end;
    const unsigned char *gzip, *gzip_end; /* NULL: there is no compressed form */
};

extern const struct asset asset_table[];
extern const size_t asset_table_len;

/* NULL if there is none. */
const struct asset *asset_find(const char *path);
/* The type for the end of a name, "text/css; charset=utf-8"; NULL for ends that are not served. */
const char *asset_type(const char *name);

#endif
