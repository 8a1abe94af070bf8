/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One segment file as it is read: a piece of it in memory that moves along. Pieces have 1 MiB, and
 * as much as is asked for where that is more, but never more than the file has left, so that a
 * length that is nonsense costs no memory. Bytes given out are valid until the next call. One
 * thread at a time.
 */
#ifndef ATTL_PERSIST_WAL_WINDOW_H
#define ATTL_PERSIST_WAL_WINDOW_H

#include "os/disk.h"
#include "persist/wal_format.h"

enum { WAL_PIECE_BYTES = 1 << 20 };

struct wal_window {
    struct disk *disk;
    attl_allocator alloc;
    struct disk_file *file; /* NULL: closed */
    uint64_t file_bytes;
    uint64_t start;      /* data[0] is this byte of the file */
    size_t len;          /* so much of it is there */
    unsigned char *data; /* NULL: nothing yet */
    size_t cap;
};

/* 0 or a negative errno; then it is closed. */
int wal_window_open(struct wal_window *w, struct disk *d, const attl_allocator *alloc,
                    const char *name);
/* May be called again, and for a window of zeros. */
void wal_window_close(struct wal_window *w);
/*
 * At least the `need` bytes at `offset`, which lie inside the file; *ret_len says how many are
 * there. 0, -ENOMEM, -ENODATA if the file has become shorter, or what the disk said.
 */
int wal_window_get(struct wal_window *w, uint64_t offset, size_t need,
                   const unsigned char **ret_data, size_t *ret_len);
/*
 * The header of a segment whose name says `lsn`. 0 or a negative errno. *ret_problem is NULL, or
 * says what is wrong; ret->version is larger than WAL_VERSION if it is a newer program's.
 */
int wal_window_header(struct wal_window *w, uint64_t lsn, struct wal_segment_header *ret,
                      const char **ret_problem);

/* What lies where a frame is expected. */
enum wal_place {
    WAL_PLACE_FRAME, /* the frame                                                   */
    WAL_PLACE_OVER,  /* the end of the file, or a length of zero: nothing was written */
    WAL_PLACE_BAD    /* something else                                              */
};

/*
 * The frame with number `lsn` at `offset`. An enum wal_place or a negative errno; *ret_problem says
 * what a bad one suffers from.
 */
int wal_window_frame(struct wal_window *w, uint64_t offset, uint64_t lsn,
                     struct wal_frame *ret_frame, const char **ret_problem);

#endif
