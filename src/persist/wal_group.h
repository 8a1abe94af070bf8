/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames into segments: the steps of a turn of the flusher that touch the files. Each returns 0 or
 * a negative errno; after an error nothing more may be done but wal_file_abandon() and
 * wal_group_rewind(). None of them decides when it is time, and none tries anything twice. The
 * flusher alone calls them.
 */
#ifndef ATTL_PERSIST_WAL_GROUP_H
#define ATTL_PERSIST_WAL_GROUP_H

#include "persist/wal_flusher.h"

/* Places and writes what is complete in the ring; *ret_did: there was something. */
int wal_group_write(struct wal *w, bool *ret_did);
int wal_group_sync(struct wal *w);
/* Ends the present segment if it has frames, and begins the next, with its name. */
int wal_group_rotate(struct wal *w);
/* Takes what is complete and throws it away; true if there was something. */
bool wal_group_drop(struct wal *w);
/* At the very end: a mark that says that all is durable, so that the next process believes it. */
int wal_group_testify(struct wal *w);
/* After a failure: everything that is kept will be placed again. */
void wal_group_rewind(struct wal *w);
/* Frames from `from_lsn` on may never be in the log, of which `lost` had left the ring. The
 * interval ends with the next segment that is begun behind a gap. */
void wal_group_begin_gap(struct wal *w, uint64_t from_lsn, uint64_t lost);
/* Lets go of frames for which the promise holds, and says so. */
void wal_group_settle(struct wal *w);

#endif
