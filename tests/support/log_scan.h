/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second, simple reader of the log, for tests of the writer: it holds whole segments in memory,
 * knows the rules by heart and shares no code with the real reader but the decoding of frames. A
 * segment ends at its successor's first LSN; the log ends where the expected frame is not; behind a
 * gap it goes on, and says so.
 */
#ifndef ATTL_TESTS_LOG_SCAN_H
#define ATTL_TESTS_LOG_SCAN_H

#include "persist/wal_format.h"
#include "sim_disk.h"

struct log_end {
    uint64_t next_lsn;   /* behind the last good frame; 0: there is no segment */
    uint64_t first_lsn;  /* of the first segment */
    uint64_t marked_lsn; /* the highest durable LSN of any mark that was read */
    unsigned segments;   /* that were read */
    unsigned gaps;       /* where changes are missing */
    unsigned flagged;    /* segments that say there may be some in front of them */
};

/* `behind_gap`: changes in front of this frame are missing. */
typedef void (*log_frame_fn)(void *ud, const struct wal_frame *frame, bool behind_gap);

void log_scan(struct sim_disk *s, log_frame_fn fn, void *ud, struct log_end *ret);

#endif
