/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a snapshot that has just been written is on disk as it was meant. Only bytes are
 * compared, in pieces, with the checksums made while writing: nothing is unpacked, so it takes no
 * memory beyond the caller's and costs about what reading costs. It keeps no state.
 */
#ifndef ATTL_PERSIST_SNAPSHOT_READBACK_H
#define ATTL_PERSIST_SNAPSHOT_READBACK_H

#include "persist/snapshot_format.h"

/* 0 if file `name` is exactly what `m` and `t` describe; -EBADMSG if not; or what the disk said. */
int snapshot_readback(struct disk *d, const char *name, const struct snapshot_meta *m,
                      const struct snapshot_trailer *t, unsigned char *scratch,
                      size_t scratch_bytes);

#endif
