/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of our files in a data directory, and lists of them. A name carries what is needed to
 * put the files in order without opening them; only files whose name and first bytes are ours are
 * ever changed or removed. Nothing here decides anything.
 *
 *   wal-<first LSN, 16 hex digits>.attl          a segment of the log
 *   wal-next.attl                                a segment prepared for later, without a header
 *   snap-<cut LSN, 16 hex>-<Unix ms, 16 hex>.attl  a snapshot: the state before that LSN
 *   <any of ours>.tmp                            being written; worthless after a crash
 *   aside-<Unix ms, 16 hex>-<old name>           damaged, torn or cut off; kept for people
 *
 * Digits are lower-case; a name that we would not write is not ours.
 */
#ifndef ATTL_PERSIST_SEGMENT_H
#define ATTL_PERSIST_SEGMENT_H

#include "os/disk.h"

enum { SEGMENT_NAME_MAX = 96, STORE_FILES_MAX = 1 << 20 };

#define SEGMENT_NEXT_NAME "wal-next.attl"

enum store_kind { STORE_WAL, STORE_SNAPSHOT, STORE_ASIDE, STORE_TEMPORARY };

struct store_file {
    enum store_kind kind; /* wal-next.attl is temporary */
    char name[SEGMENT_NAME_MAX];
    uint64_t lsn;       /* first LSN of a segment, cut LSN of a snapshot; others: of what it was */
    int64_t created_ms; /* snapshots and asides: from the name; others: when last modified */
    uint64_t bytes;
};

struct store_list {
    const attl_allocator *alloc;
    struct store_file *files; /* by kind, then LSN, then created_ms */
    size_t len, cap;
    uint64_t total_bytes;
};

void segment_name(uint64_t first_lsn, char out[SEGMENT_NAME_MAX]);
void snapshot_name(uint64_t cut_lsn, int64_t created_ms, char out[SEGMENT_NAME_MAX]);
/* `name` is one of ours and not temporary; the aside of an aside loses the older time. */
void aside_name(int64_t now_ms, const char *name, char out[SEGMENT_NAME_MAX]);
/* True if the name is one of ours; fills all but `bytes`. created_ms is 0 if the name has none. */
bool store_name_parse(const char *name, struct store_file *ret);

/* Lists our files. 0, -ENOMEM, -E2BIG (over STORE_FILES_MAX) or what the disk said; then the list
 * is empty. Free with store_list_fini(), also on failure. */
int store_list_init(struct store_list *l, const attl_allocator *alloc, struct disk *d);
void store_list_fini(struct store_list *l);
/* The files of one kind: a run of `files`. */
const struct store_file *store_list_of(const struct store_list *l, enum store_kind kind,
                                       size_t *ret_len);

#endif
