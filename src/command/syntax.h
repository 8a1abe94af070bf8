/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of a command's arguments, as the table has it for people ("key [EX seconds |
 * PERSIST]"), in the nested form COMMAND DOCS has for programs. redis-cli shows its hints from it.
 * The text of the table is the only source, so that both forms always say the same.
 */
#ifndef ATTL_COMMAND_SYNTAX_H
#define ATTL_COMMAND_SYNTAX_H

#include "command/table.h"

/* Writes the array of arguments; `syntax` must not be empty. */
void syntax_reply(struct request *rq, const char *syntax);

#endif
