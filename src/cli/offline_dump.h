/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl wal dump` and `attl snapshot dump`: a line for each change or entry. Values are kept out
 * unless they are asked for: a dump for looking at is easily pasted where values do not belong. The
 * lines of `snapshot dump --values --json` are what `attl load` reads. Exit statuses.
 */
#ifndef ATTL_CLI_OFFLINE_DUMP_H
#define ATTL_CLI_OFFLINE_DUMP_H

#include "cli/offline.h"

int offline_wal_dump(struct offline *o);
int offline_snapshot_dump(struct offline *o);

#endif
