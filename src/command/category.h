/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The categories of commands: Redis' list in its order, of which we have those that have members
 * here, and "attl" for the commands that only we have. Most follow from a row's flags; the rest is
 * in its `cats`. The same bits are what ACL rules like +@read are about. Constant.
 */
#ifndef ATTL_COMMAND_CATEGORY_H
#define ATTL_COMMAND_CATEGORY_H

#include "access/catalog.h"
#include "command/table.h"

/* The bits of a command's categories; names in command_catalog.category_names. */
uint32_t command_categories(const struct command *cmd);

/* The table as the rules see it. */
extern const struct access_catalog command_catalog;

#endif
