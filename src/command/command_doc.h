/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table as text for people: docs/commands.md. The text is a function of the table alone, so
 * that the file in the tree can be compared with it by a test, and renewed by the same test.
 * Nothing is kept between calls.
 */
#ifndef ATTL_COMMAND_COMMAND_DOC_H
#define ATTL_COMMAND_COMMAND_DOC_H

#include "base/buf.h"
#include "command/table.h"

const char *command_group_name(enum command_group group);
/* The whole of docs/commands.md. */
void command_docs_markdown(struct buf *out);

#endif
