/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explaining commands to people: one command, one group, or what can be asked. The texts are the
 * server's own, from the catalog; the same functions serve `attl help get` and `help get` at the
 * prompt. Only help_run() connects; it owns what it opens.
 */
#ifndef ATTL_CLI_HELP_H
#define ATTL_CLI_HELP_H

#include "cli/args.h"
#include "cli/catalog.h"

#include <stdio.h>

/* Explains the command (or @group) that the words name; false, with nothing printed, if there is
 * none. */
bool help_words(FILE *to, const struct catalog *c, const attl_slice *words, size_t n);
/* Says that there is no help for `word`, and which name may have been meant. */
void help_unknown(FILE *to, const struct catalog *c, attl_slice word);
/* Explains a word of the tool that works at the prompt too, as wal; false if it is none. */
bool help_offline(FILE *to, attl_slice word);
/* What the prompt understands. */
void help_prompt(FILE *to);
/* attl help [WORD...]: an exit status. */
int help_run(const struct cli_args *args);

#endif
