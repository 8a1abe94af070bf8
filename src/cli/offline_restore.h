/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl snapshot restore`: makes a snapshot what the next start begins with. Nothing is removed:
 * later snapshots are renamed, the log behind the snapshot's cut is renamed or copied, to names
 * that a start does not read. An exit status.
 */
#ifndef ATTL_CLI_OFFLINE_RESTORE_H
#define ATTL_CLI_OFFLINE_RESTORE_H

#include "cli/offline.h"

int offline_restore(struct offline *o);

#endif
