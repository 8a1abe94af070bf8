/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may come next on a line being typed: the words that complete it, and the syntax still to be
 * given. Pure functions of the catalog and the text left of the cursor; they know nothing of the
 * editor. Results are written to the caller's storage, or point into the catalog.
 */
#ifndef ATTL_CLI_COMPLETE_H
#define ATTL_CLI_COMPLETE_H

#include "cli/catalog.h"

enum {
    COMPLETE_MAX = 512,
    COMPLETE_WORD_MAX = 64,
    COMPLETE_HINT_MAX = 256,
    COMPLETE_LINE_WORDS_MAX = 32
};

struct completions {
    size_t typed; /* bytes of the last word, which every candidate continues */
    size_t count;
    char words[COMPLETE_MAX][COMPLETE_WORD_MAX]; /* in the case the user types */
};

/*
 * Candidates for the last word of `line`: names of commands, subcommands, and tokens (EX, NX ...)
 * of the arguments. After "help" names of commands again, after wal, snapshot and check their verbs
 * and options. A quoted word has no candidates.
 */
void complete_line(const struct catalog *c, attl_slice line, struct completions *ret);
/* Bytes that all candidates share beyond what is typed. */
size_t complete_common(const struct completions *done);
/* The arguments still to come, "" if nothing is known: after "set k" it is "value [NX | XX] ...".
 */
void complete_hint(const struct catalog *c, attl_slice line, char ret_hint[COMPLETE_HINT_MAX]);

#endif
