/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a request may be shown to whom. Secrets (passwords, rules of users) are never shown, to
 * nobody. Where redaction is asked for a key shows as a keyed hash, so that equal keys can be told
 * equal without being known, and any other argument as its length. The key of the hash is random
 * and of this process alone; nothing here keeps state.
 */
#ifndef ATTL_COMMAND_REDACT_H
#define ATTL_COMMAND_REDACT_H

#include "base/hash.h"
#include "command/table.h"

enum {
    REDACT_WORD_MAX = 128,                 /* bytes of an argument that are shown, as Redis */
    REDACT_TEXT_MAX = REDACT_WORD_MAX + 48 /* with what is said about the rest */
};

/* Whether argument `i` of a request of `cmd` whose arity fits is one that must not be shown. */
bool redact_is_secret(const struct command *cmd, const attl_slice *argv, size_t argc, size_t i);
/*
 * Argument `i` as it may be shown, in `text`; its length. `hash` NULL: keys and values are shown
 * as they are, the first REDACT_WORD_MAX bytes of them.
 */
size_t redact_argument(const struct request *rq, size_t i, const struct hash_key *hash,
                       char text[REDACT_TEXT_MAX]);

#endif
