/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the server says about its commands (COMMAND DOCS), kept in memory for completion, hints and
 * help. The tool has no list of commands of its own, so it is right about every server it talks to,
 * also about newer ones. Names are upper case, a subcommand's is "CONFIG GET"; entries are sorted
 * by name. The catalog owns its strings. A server that does not know COMMAND DOCS gives an empty
 * catalog, which helps nobody and breaks nothing.
 */
#ifndef ATTL_CLI_CATALOG_H
#define ATTL_CLI_CATALOG_H

#include "cli/client.h"

#include <attl/attl.h>

enum { CATALOG_ENTRIES_MAX = 8192, CATALOG_TEXT_BYTES_MAX = 4096, CATALOG_NAME_MAX = 128 };

struct catalog_entry {
    char *name;
    char *summary, *since, *group, *complexity; /* "" if not told */
    char *syntax;                               /* "key value [NX | XX]", "" for no arguments */
};

struct catalog {
    struct catalog_entry *entries;
    size_t count, cap;
};

void catalog_init(struct catalog *c);
void catalog_fini(struct catalog *c);
/* Asks a connected client. A client_status; an error reply leaves the catalog empty and is
 * CLIENT_OK. */
int catalog_fetch(struct catalog *c, struct client *client);
/* Fills an empty catalog from the reply of COMMAND DOCS; false on lack of memory, with the catalog
 * emptied. */
bool catalog_fill(struct catalog *c, const struct reply *docs);
/* The entry for the first two words, else for the first; NULL if none. *ret_words says how many it
 * took. */
const struct catalog_entry *catalog_find(const struct catalog *c, const attl_slice *words, size_t n,
                                         size_t *ret_words);
/* The entry of this name, any case. */
const struct catalog_entry *catalog_find_name(const struct catalog *c, attl_slice name);

#endif
