/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words behind `wal`, `snapshot` and `check`: what each wants, which options it understands,
 * and what makes no sense. One table of verbs feeds the parser, the dispatcher and completion. The
 * result borrows argv, as everything about the command line does.
 */
#ifndef ATTL_CLI_ARGS_OFFLINE_H
#define ATTL_CLI_ARGS_OFFLINE_H

#include "cli/args.h"

struct offline;

struct args_verb {
    const char *word; /* "" for `check`, which has no second word */
    const char *usage;
    int (*run)(struct offline *o); /* an exit status */
    uint64_t options;              /* a bit for each option_id it understands */
    enum cli_mode mode;
    signed char names; /* after DIR: 0 none, 1 one, -1 one or none */
    bool locks;        /* it changes the directory */
};

extern const struct args_verb args_verbs[];
extern const size_t args_verb_count;

/* Sets args->error; false. In args.c. */
bool args_fail(struct cli_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool args_is_offline(enum cli_mode mode);
/* Takes an operand; false if there are too many. */
bool args_offline_take(struct cli_args *args, const char *word);
/* Sets args->offline.verb, dir and name from the operands; false with args->error set. `seen` has a
 * bit for each option_id that was given. */
bool args_offline_check(struct cli_args *args, uint64_t seen);

#endif
