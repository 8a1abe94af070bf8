/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the log from a given LSN on, frame by frame, over all segments, and judging how it ends.
 * Frames carry consecutive LSNs; the first place where the expected frame is not there ends the
 * log. Whether that is a torn tail or damage is decided by evidence: if any later frame (a mark)
 * says that the missing one had been durable, something that was promised is lost.
 * Reading never changes a file; wal_cut() does, once the caller has decided.
 */
#ifndef ATTL_PERSIST_WAL_READER_H
#define ATTL_PERSIST_WAL_READER_H

#include "base/buf.h"
#include "persist/segment.h"
#include "persist/wal_format.h"

enum wal_end {
    WAL_END_CLEAN,   /* nothing but zeros after it, or a gap: what follows was never logged */
    WAL_END_TORN,    /* remains of writes that had not been synced: a crash leaves these    */
    WAL_END_DAMAGED, /* frames that had been durable are missing or wrong, or a segment is a
                        newer program's */
    WAL_END_IO,      /* the disk failed to read: says nothing about the contents             */
    WAL_END_NOMEM,
};

/* Where and how the log ended. */
struct wal_verdict {
    enum wal_end end;
    int error;                   /* negative errno of WAL_END_IO */
    char name[SEGMENT_NAME_MAX]; /* the file in which the end lies; "" if there is none */
    uint64_t offset;             /* in it: everything before is good; 0: not even the header */
    uint64_t next_lsn;           /* the LSN that would follow the last good frame; it can be
                                    smaller than from_lsn. Without any segment it is from_lsn. */
    uint64_t lost_frames;        /* good frames that lie behind the end, as far as they are
                                    readable */
    uint64_t last_lsn;           /* the highest LSN seen behind the end, 0: none */
    uint64_t durable_lsn;        /* the highest durable LSN any mark testified, those behind a gap
                                    behind the end excepted */
    bool gap;                    /* a gap lies directly in front of the end: the segment that
                                    holds next_lsn has to carry the flag */
    char reason[160];            /* a sentence: "checksum of the frame at offset 4711 ..." */
};

struct wal_reader;

/*
 * Starts at the first frame with an LSN >= from_lsn (0: the oldest there is). *ret_reader is NULL
 * on failure. 0, -ENOMEM or what the disk said. If the log begins only after from_lsn, the first
 * frame read has a larger LSN, or next_lsn is larger if there is none: the caller compares. A gap
 * at or before from_lsn is bridged by whatever from_lsn comes from; a later one ends the log.
 */
int wal_reader_open(struct disk *d, const attl_allocator *alloc, uint64_t from_lsn,
                    struct wal_reader **ret_reader);
void wal_reader_close(struct wal_reader **r);
/* True with the next good frame, whose slices are valid until the next call; false at the end. */
bool wal_reader_next(struct wal_reader *r, struct wal_frame *ret_frame);
/* After false: why. Without meaning before. */
const struct wal_verdict *wal_reader_verdict(const struct wal_reader *r);
/* Bytes of log files read so far, and in all, for progress. */
void wal_reader_progress(const struct wal_reader *r, uint64_t *ret_done, uint64_t *ret_total);
/* Name and offset of the frame that wal_reader_next returned last; its segment's gap flag. Only
 * after it has returned one. */
void wal_reader_place(const struct wal_reader *r, const char **ret_name, uint64_t *ret_offset,
                      bool *ret_gap);
/*
 * After the end: goes on behind the damage at the next good frame, if there is one, so that what
 * can be saved is read (`--recover=salvage`). True if reading goes on. What the disk cannot read is
 * passed over up to the next segment.
 */
bool wal_reader_skip_damage(struct wal_reader *r);

/*
 * Makes the log end where `v` says: what lies behind in that file is copied to an aside file and
 * cut off, later segments become asides, everything is synced. What holds neither frames nor
 * remains is removed instead. Afterwards reading the directory ends cleanly at v->next_lsn, and no
 * segment of that LSN or above exists, so that a new one can be created: to be called after every
 * end before writing goes on, also after a clean one. 0 or a negative errno, also if v is about a
 * failure to read; it may be repeated after a failure or crash.
 */
int wal_cut(struct disk *d, const attl_allocator *alloc, const struct wal_verdict *v,
            int64_t now_ms);

#endif
