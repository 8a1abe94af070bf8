/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which old snapshots and log segments may go: by age, by count and by disk budget. A pure
 * decision over a list of files, so that a table of cases tests it; removing is a separate, slow,
 * resumable walk. Never the newest valid snapshot, never a segment that recovery from it needs, and
 * never a file that is not ours. Snapshots go oldest first, segments only from the old end, so that
 * what is left of the log never has a hole.
 *
 * What a budget or an emergency takes goes in this order: history from its old end (a snapshot,
 * then the segments that only it could use), then what was put aside. A snapshot newer than the
 * newest valid one is left alone, as it may just have been written.
 */
#ifndef ATTL_PERSIST_RETENTION_H
#define ATTL_PERSIST_RETENTION_H

#include "persist/segment.h"

struct retention_rules {
    int64_t snapshot_ttl_ms; /* 0: no bound */
    int64_t wal_ttl_ms;
    int64_t aside_ttl_ms;
    uint64_t snapshots_max; /* by count; 0: no bound, 1: only the newest */
    uint64_t disk_budget;   /* bytes of all our files; 0: none */
    bool emergency;         /* space is short: everything that recovery does not need goes */
    bool nothing_in_use;    /* nobody is writing (at start): no temporary file is needed */
};

/* Without nothing_in_use a temporary file goes when it has not been written to for so long. */
#define RETENTION_TEMPORARY_MS (INT64_C(3600) * 1000)

enum retention_reason {
    RETENTION_KEEP,
    RETENTION_NEEDED, /* kept: recovery needs it, whatever its age */
    RETENTION_AGE,
    RETENTION_COUNT,
    RETENTION_BUDGET,
    RETENTION_EMERGENCY,
    RETENTION_LEFTOVER, /* a temporary file of a run that is over */
};

struct retention_verdict {
    size_t file; /* index into the list */
    enum retention_reason reason;
};

/*
 * Judges every file of `l`. `newest_valid` is the index of the newest snapshot known to be whole
 * (SIZE_MAX: none, then nothing goes but temporary files), `open_lsn` the first LSN of the segment
 * being written (UINT64_MAX: none). `verdicts` has room for l->len; one per file, in order. A file
 * goes if its reason is above RETENTION_NEEDED. wal-next.attl is the flusher's and always stays.
 */
void retention_decide(const struct store_list *l, size_t newest_valid, uint64_t open_lsn,
                      const struct retention_rules *rules, int64_t now_ms,
                      struct retention_verdict *verdicts);
/*
 * Removes up to `max_files` of what goes, in the order above, and syncs the directory. A segment or
 * snapshot whose first bytes are not ours is left alone, and does not count. The number removed, or
 * a negative errno; *ret_bytes what that freed. Where an older segment cannot be removed, younger
 * ones stay; otherwise one failure does not keep the rest. Calling it again goes on.
 */
int64_t retention_apply(struct disk *d, const struct store_list *l,
                        const struct retention_verdict *verdicts, size_t max_files,
                        uint64_t *ret_bytes);
const char *retention_reason_text(enum retention_reason reason);

#endif
