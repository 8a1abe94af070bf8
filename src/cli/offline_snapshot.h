/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl snapshot list` and `attl snapshot verify`. Listing reads the first and the last bytes of
 * each file; verifying reads every byte and every entry. The table is shared with `attl check`.
 * Exit statuses; nothing is changed.
 */
#ifndef ATTL_CLI_OFFLINE_SNAPSHOT_H
#define ATTL_CLI_OFFLINE_SNAPSHOT_H

#include "cli/offline_read.h"

int offline_snapshot_list(struct offline *o);
int offline_snapshot_verify(struct offline *o);

/* The line of headings (--json: none). */
void snapshot_print_heading(struct offline *o);
void snapshot_print_row(struct offline *o, const struct store_file *f,
                        const struct read_snapshot *s);
/* The snapshot that NAME on the command line means, among the files of the list; NULL with
 * everything said. */
const struct store_file *snapshot_named(struct offline *o, const struct store_list *list);

#endif
