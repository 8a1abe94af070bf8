/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl wal list` and `attl wal verify`. The list is made from the names and the first bytes of the
 * files, so it costs nothing however large the log is; verifying reads all of it. Both are exit
 * statuses; nothing is changed.
 */
#ifndef ATTL_CLI_OFFLINE_WAL_H
#define ATTL_CLI_OFFLINE_WAL_H

#include "cli/offline_read.h"

int offline_wal_list(struct offline *o);
int offline_wal_verify(struct offline *o);

/* A row for each segment of the list, under a line of headings (--json: none). An exit status. */
int wal_print_segments(struct offline *o, const struct store_list *list);

/* Everything about the log: its passes over damage and all. */
struct wal_health {
    struct read_log log;
    unsigned damages, torn, gaps, unreadable;
    struct wal_verdict first_damage; /* if damages > 0 */
    int code;                        /* the exit status for it */
};

/* Reads all of it and prints how it ends, every damage included. 0, or an exit status. */
int wal_examine(struct offline *o, struct wal_health *ret);

#endif
