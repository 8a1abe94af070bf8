/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshot files: writing one entry by entry, verifying it, and reading it back block by block. The
 * byte specification is at the head of snapshot_format.c; docs/snapshot-format.md is made from it.
 * A snapshot is the state of the cache just before its cut LSN; deadlines are absolute (Unix ms),
 * so reading it later never prolongs a life. It is written under a temporary name, synced, read
 * back and compared, renamed, and the directory is synced: a snapshot with its final name is whole.
 *
 * Blocks are independent: each has its own checksum and may be decoded by any thread.
 */
#ifndef ATTL_PERSIST_SNAPSHOT_H
#define ATTL_PERSIST_SNAPSHOT_H

#include "persist/life_format.h"
#include "persist/segment.h"

enum snapshot_kind {
    SNAPSHOT_POINT_IN_TIME = 1, /* exactly the state before cut_lsn                         */
    SNAPSHOT_FUZZY = 2          /* needs the log from cut_lsn up to end_lsn to be consistent */
};

enum {
    SNAPSHOT_VERSION = 2,             /* what is written */
    SNAPSHOT_VERSION_OLDEST = 1,      /* that is read */
    SNAPSHOT_BLOCK_BYTES = 256 << 10, /* a block is closed when it has grown to this */
};

struct snapshot_meta {
    uint32_t version;
    enum snapshot_kind kind;
    uint64_t cut_lsn;   /* replay the log from here */
    uint64_t end_lsn;   /* fuzzy: up to here at least; otherwise = cut_lsn */
    int64_t created_ms; /* Unix ms of the cut */
    uint64_t run_id;
    bool compressed;
    /* Known at the end, from the trailer: */
    uint64_t entries;
    uint64_t raw_bytes; /* of keys and values */
    uint64_t file_bytes;
};

struct snapshot_entry {
    attl_slice key, value;
    int64_t deadline_ms; /* Unix ms or ATTL_NO_DEADLINE */
    bool is_integer;     /* the value is an i64, not text */
    bool has_life;
    struct life life; /* if has_life; by the wall clock */
};

/* ---- writing ---- */

struct snapshot_writer;

/* Creates the temporary file; of `meta`, what is known at the beginning counts. 0 or a negative
 * errno (-ENOTSUP: compression is not built in). */
int snapshot_writer_open(struct disk *d, const attl_allocator *alloc,
                         const struct snapshot_meta *meta, struct snapshot_writer **ret_writer);
/* -EINVAL, and nothing has changed, for an entry that no snapshot may hold (a length, a negative
 * deadline, an integer of other than 8 bytes, a life that cannot be); after any other failure there
 * is only close. */
int snapshot_writer_add(struct snapshot_writer *w, const struct snapshot_entry *e);
/* It becomes fuzzy after all: what is added from now on may be from behind the cut. */
void snapshot_writer_relax(struct snapshot_writer *w);
/* Bytes written so far, for progress; any thread may ask. */
uint64_t snapshot_writer_bytes(const struct snapshot_writer *w);
/*
 * Writes the trailer, syncs, reads all of it back and compares checksums and counts, renames to
 * the final name, syncs the directory. `end_lsn` goes into the trailer. 0, with `meta` complete
 * and the name; or a negative errno (-EBADMSG: it did not read back as written), and then the
 * temporary file is gone. Frees the writer either way.
 */
int snapshot_writer_finish(struct snapshot_writer **w, uint64_t end_lsn,
                           struct snapshot_meta *ret_meta, char ret_name[SEGMENT_NAME_MAX]);
/* Gives up: removes the temporary file and frees. NULL is allowed. */
void snapshot_writer_close(struct snapshot_writer **w);

/* ---- reading ---- */

enum snapshot_result {
    SNAPSHOT_OK,
    SNAPSHOT_END,     /* no more blocks: trailer checked                                 */
    SNAPSHOT_DAMAGED, /* not a snapshot, or a checksum, a length or a count is wrong      */
    SNAPSHOT_NEWER,   /* written by a newer release, or packed and we were built without zstd */
    SNAPSHOT_IO,
    SNAPSHOT_NOMEM
};

struct snapshot_reader;
struct zstd_unpacker;

/* A block, decoded: entries are taken from it with snapshot_block_next(). Owns its bytes, which
 * come from the allocator of the first reader that fills it. */
struct snapshot_block {
    attl_allocator alloc;
    struct zstd_unpacker *unpacker;
    unsigned char *raw, *packed;
    size_t raw_cap, packed_cap;
    size_t raw_bytes; /* the entries */
    size_t offset;    /* of the next entry */
    uint32_t entries; /* that it holds */
    uint32_t taken;
};

/* Opens by name and reads header and trailer. The reason of a failure is in `err`. */
enum snapshot_result snapshot_reader_open(struct disk *d, const attl_allocator *alloc,
                                          const char *name, struct snapshot_reader **ret_reader,
                                          char *err, size_t err_len);
void snapshot_reader_close(struct snapshot_reader **r);
/* Complete, and known since it was opened. */
const struct snapshot_meta *snapshot_reader_meta(const struct snapshot_reader *r);
void snapshot_block_init(struct snapshot_block *b);
void snapshot_block_fini(struct snapshot_block *b);
/* Reads the next block into `b`, checks and unpacks it. Any thread, each with a block of its own:
 * only the choice of the block is locked. Blocks come in the order of the file if one thread reads.
 * A result other than SNAPSHOT_OK stays; all of the file was good if every thread has seen
 * SNAPSHOT_END. */
enum snapshot_result snapshot_reader_next(struct snapshot_reader *r, struct snapshot_block *b);
/* After a result other than SNAPSHOT_OK and SNAPSHOT_END: where and what, a sentence. */
const char *snapshot_reader_problem(const struct snapshot_reader *r);
/* Where that is: the offset of the block. */
uint64_t snapshot_reader_at(const struct snapshot_reader *r);
uint64_t snapshot_reader_bytes_done(const struct snapshot_reader *r);
/* The next entry of a block; slices are valid while the block is not refilled. */
bool snapshot_block_next(struct snapshot_block *b, struct snapshot_entry *ret);

/* Reads the whole file and checks everything. */
enum snapshot_result snapshot_verify(struct disk *d, const attl_allocator *alloc, const char *name,
                                     struct snapshot_meta *ret_meta, char *err, size_t err_len);

#endif
