/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the next start of a server would do with a directory: which snapshot it takes, how many
 * changes it repeats, and whether --recover=strict would refuse. It follows the rules of recovery
 * (engine/load.c) without a cache, and changes nothing. The snapshots have been read before; the
 * log is read here, from the chosen snapshot's cut on.
 */
#ifndef ATTL_CLI_OFFLINE_START_H
#define ATTL_CLI_OFFLINE_START_H

#include "cli/offline_read.h"

enum start_result {
    START_FINE,    /* everything that was ever logged since the snapshot is there      */
    START_CUT,     /* the same, but for an unfinished write at the end, which is cut off */
    START_REFUSED, /* strict recovery refuses: something durable is missing            */
    START_FAILS    /* a file cannot be read; trying again may help                      */
};

struct start {
    enum start_result result;
    const struct store_file *base; /* the snapshot, or NULL: the log alone */
    size_t passed_over;            /* newer snapshots that are damaged or unusable */
    struct read_log log;           /* from the snapshot's cut on */
    bool log_read;                 /* else the verdict about it says nothing */
    char why[OFFLINE_TEXT_MAX];    /* a sentence, unless fine */
};

/* `states` are those of the snapshots, oldest first. 0 or a negative errno. */
int start_judge(struct offline *o, const struct store_file *snapshots,
                const struct read_snapshot *states, size_t len, struct start *ret);
void start_print(struct offline *o, const struct start *s);
/* The exit status for it. */
int start_code(const struct start *s);

#endif
