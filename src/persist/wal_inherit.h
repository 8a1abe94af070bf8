/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over a log that an earlier process left. What it wrote can be read, but need not be
 * durable: it may have been killed before it synced, or even after a sync had failed, when the
 * system believes that there is nothing left to write. Frames written behind such a log would be
 * worth no more than it is, so its end is written and synced again first, byte for byte the same.
 */
#ifndef ATTL_PERSIST_WAL_INHERIT_H
#define ATTL_PERSIST_WAL_INHERIT_H

#include "os/disk.h"

/*
 * Makes durable what the segments hold below next_lsn. Those that only have frames below
 * durable_lsn, of which marks testify that they are, are left alone. 0 or a negative errno; it may
 * be repeated.
 */
int wal_inherit(struct disk *d, const attl_allocator *alloc, uint64_t durable_lsn,
                uint64_t next_lsn);

#endif
