/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies behind the place where the log ended: good frames, remains, and testimony. The rest of
 * that segment is searched in steps of 8 bytes, then every later segment. Only marks testify: a
 * mark behind the end whose durable LSN is above the expected one proves that something durable is
 * missing. Nothing is changed, and the reader that asks has the window to itself.
 */
#ifndef ATTL_PERSIST_WAL_BEHIND_H
#define ATTL_PERSIST_WAL_BEHIND_H

#include "persist/segment.h"
#include "persist/wal_window.h"

struct wal_behind {
    /* Asked: */
    const struct store_file *segments;
    size_t segments_len;
    size_t segment;  /* in this one, */
    uint64_t offset; /* here, */
    uint64_t lsn;    /* this frame was expected */
    /* Found: */
    uint64_t frames;      /* good frames with that LSN or above */
    uint64_t last_lsn;    /* the highest of them, 0: none */
    uint64_t durable_lsn; /* the highest any mark testifies to */
    bool
        remains; /* anything, up to the next gap, but zeros and an empty segment that begins here */
    bool newer;  /* a segment of a newer version */
    uint64_t gap_lsn;         /* first LSN of the first segment behind a gap, 0: none */
    const char *next_problem; /* what is wrong with the header of the next segment, or NULL */
    /* The first good frame, where reading could go on; first_lsn 0: none. */
    size_t first_segment;
    uint64_t first_offset, first_lsn;
    /* For people, after a failure: where it struck. */
    size_t failed_segment;
};

/* Fills what was found. `w` is open for the segment asked about and may end up at another. 0 or a
 * negative errno, which then holds for failed_segment. */
int wal_behind_search(struct wal_behind *b, struct wal_window *w);

#endif
