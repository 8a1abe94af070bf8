/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can come of applying one rule - "+get", "~user:*", ">secret" - and Redis' words for it.
 * Clients and files get the same texts. A result other than RULE_OK means that the rule has changed
 * nothing; what rules before it have changed is for the caller to throw away.
 */
#ifndef ATTL_ACCESS_RULE_H
#define ATTL_ACCESS_RULE_H

enum rule_result {
    RULE_OK,
    RULE_SYNTAX,
    RULE_UNKNOWN,      /* command or category */
    RULE_ALL_KEYS,     /* a pattern behind ~* */
    RULE_ALL_CHANNELS, /* a pattern behind &* */
    RULE_NO_PASSWORD,  /* to remove */
    RULE_BAD_HASH,
    RULE_FIRST_ARG, /* +command|subcommand|word */
    RULE_TOO_MANY,  /* patterns, passwords or selectors */
    RULE_NO_MEMORY
};

const char *rule_text(enum rule_result result);

#endif
