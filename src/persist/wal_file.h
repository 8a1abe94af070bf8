/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The segment that is being written: where it is in the file, what has been handed to the system,
 * and under which name it stands. A segment is made under the name "wal-next.attl" and gets its
 * own when its contents are on disk, so that a file with the name of a segment always begins with a
 * good header, and one that replaces an abandoned file of the same name does so in one step. What
 * is put is gathered into few writes: neighbours in memory as they lie, small pieces by copying.
 *
 * After a failure the file is abandoned, and nothing else is ever done to it. The flusher owns it.
 */
#ifndef ATTL_PERSIST_WAL_FILE_H
#define ATTL_PERSIST_WAL_FILE_H

#include "os/disk.h"
#include "persist/wal_format.h"

struct wal_file {
    struct disk *disk;
    attl_allocator alloc;
    struct disk_file *file; /* NULL: none is open */
    bool named;             /* it has the name of a segment */
    uint64_t first_lsn;
    uint64_t bytes;   /* as allocated */
    uint64_t offset;  /* behind what was put */
    uint64_t written; /* behind what was handed to the system */
    const unsigned char *run;
    size_t run_bytes; /* put and not written: ends at `offset` */
    unsigned char *scratch;
    struct disk_file *next; /* being prepared: allocated, and filled with zeros up to next_filled */
    uint64_t next_bytes, next_filled;
    uint64_t total_bytes; /* written to all segments */
};

bool wal_file_init(struct wal_file *f, const attl_allocator *alloc, struct disk *disk);
/* Closes what is open, and removes what was prepared. */
void wal_file_fini(struct wal_file *f);

/* Begins a segment, in the prepared file if that is large enough. 0 or a negative errno. */
int wal_file_start(struct wal_file *f, const struct wal_segment_header *h);
bool wal_file_has_room(const struct wal_file *f, uint64_t bytes);
/* `data` stays where it is until wal_file_flush() has returned. */
int wal_file_put(struct wal_file *f, const void *data, size_t len);
/* The same for a small piece that does not stay: it is copied. */
int wal_file_copy(struct wal_file *f, const void *data, size_t len);
/* Hands everything that was put to the system. */
int wal_file_flush(struct wal_file *f);
int wal_file_sync(struct wal_file *f);
/* Syncs and gives the segment its name. Flush first. */
int wal_file_publish(struct wal_file *f);
/* Gives back what was not used, if the disk lets it, and closes. */
void wal_file_finish(struct wal_file *f);
/* After a failure: closes; gives back the unused space if the disk lets it. */
void wal_file_abandon(struct wal_file *f);

/*
 * One small step towards a file of `bytes` for the next segment, `zero`: filled with zeros and
 * synced piece by piece. True if there was something to do; *ret_error is 0 or a negative errno.
 */
bool wal_file_prepare(struct wal_file *f, uint64_t bytes, bool zero, int *ret_error);

#endif
