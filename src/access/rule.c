/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts for rules that cannot be applied. They are Redis' own to the byte where Redis has the
 * case, because scripts match on them; the limits are ours. Pure.
 */
#include "access/rule.h"

#include <stddef.h>

const char *
rule_text(enum rule_result result)
{
    switch (result) {
    case RULE_OK: return "";
    case RULE_SYNTAX: return "Syntax error";
    case RULE_UNKNOWN: return "Unknown command or category name in ACL";
    case RULE_ALL_KEYS:
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
               "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case RULE_ALL_CHANNELS:
        return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
               "does not have any effect. Try 'resetchannels' to start with an empty list of "
               "channels";
    case RULE_NO_PASSWORD:
        return "The password you are trying to remove from the user does not exist";
    case RULE_BAD_HASH:
        return "The password hash must be exactly 64 characters and contain only lowercase "
               "hexadecimal characters";
    case RULE_FIRST_ARG: return "Allowing first-arg of a subcommand is not supported";
    case RULE_TOO_MANY: return "Too many patterns, passwords, rules or selectors for one user";
    case RULE_NO_MEMORY: return "Out of memory";
    }
    return NULL;
}
