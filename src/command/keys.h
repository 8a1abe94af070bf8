/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The places of the keys among the words of a request: the arguments first, first + step, ... of
 * which there are n. Computed from the table and, for commands with movable keys, from the words.
 * Pure.
 */
#ifndef ATTL_COMMAND_KEYS_H
#define ATTL_COMMAND_KEYS_H

#include "command/table.h"

struct key_range {
    size_t first, n, step;
};

/* The arity must fit. n is 0 for commands without keys and for malformed counts. */
struct key_range command_key_range(const struct command *cmd, const attl_slice *argv, size_t argc);

#endif
