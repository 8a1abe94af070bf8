/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small COMMAND DOCS, as a server would send it, for the tests of catalog, completion and help.
 * It has a container and every kind of argument. The RESP2
 * form is made from it by replacing the maps.
 */
#ifndef ATTL_TESTS_CATALOG_SUPPORT_H
#define ATTL_TESTS_CATALOG_SUPPORT_H

#include "cli/catalog.h"

/* The reply in RESP3; the caller owns the buffer. */
void catalog_docs(struct buf *ret_docs);
/* A catalog made of it. */
void catalog_of_docs(struct catalog *c);

#endif
