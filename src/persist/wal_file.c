/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing goes through a run: bytes that lie next to each other in memory and will lie next to each
 * other in the file. A piece that continues the run extends it; a small one that does not is copied
 * behind it in the scratch buffer; otherwise the run is written and a new one begins. So a group of
 * ordinary frames is one write straight out of the ring, and a mark in front of it costs a copy,
 * not a system call. The flusher alone calls these functions.
 */
#include "persist/wal_file.h"

#include "base/assert.h"
#include "persist/segment.h"

#include <errno.h>
#include <string.h>

enum {
    SCRATCH_BYTES = 64 << 10,
    COPY_MAX_BYTES = 16 << 10, /* larger pieces are written from where they lie */
    WRITE_MAX_BYTES = 1 << 20,
    FILL_BYTES = 512 << 10, /* zeros per step of preparation: about a millisecond of the disk */
};

bool
wal_file_init(struct wal_file *f, const attl_allocator *alloc, struct disk *disk)
{
    *f = (struct wal_file){ .disk = disk, .alloc = *alloc };
    f->scratch = alloc_zero(alloc, SCRATCH_BYTES);
    return f->scratch != NULL;
}

static void
close_file(struct wal_file *f, struct disk_file **file)
{
    if (*file)
        (void)f->disk->ops->close(f->disk, *file); /* what matters was synced before */
    *file = NULL;
}

static void
discard_next(struct wal_file *f)
{
    close_file(f, &f->next);
    f->next_bytes = f->next_filled = 0;
    (void)f->disk->ops->remove(f->disk,
                               SEGMENT_NEXT_NAME); /* tried again before the name is used */
}

void
wal_file_fini(struct wal_file *f)
{
    close_file(f, &f->file);
    if (f->next)
        discard_next(f);
    if (f->scratch)
        alloc_free(&f->alloc, f->scratch);
    f->scratch = NULL;
}

/* A new file for the next segment, which replaces what a crash or a failure may have left. */
static int
create_next(struct wal_file *f, uint64_t bytes)
{
    int rc = f->disk->ops->open(f->disk, SEGMENT_NEXT_NAME, DISK_CREATE, &f->next);
    if (rc == -EEXIST) {
        rc = f->disk->ops->remove(f->disk, SEGMENT_NEXT_NAME);
        if (rc == 0)
            rc = f->disk->ops->open(f->disk, SEGMENT_NEXT_NAME, DISK_CREATE, &f->next);
    }
    if (rc < 0) {
        f->next = NULL;
        return rc;
    }
    rc = f->disk->ops->allocate(f->disk, f->next, bytes, false);
    if (rc < 0) {
        discard_next(f);
        return rc;
    }
    f->next_bytes = bytes;
    f->next_filled = 0;
    return 0;
}

int
wal_file_start(struct wal_file *f, const struct wal_segment_header *h)
{
    ASSERT(!f->file);
    unsigned char header[WAL_SEGMENT_HEADER_BYTES];
    if (f->next && f->next_bytes < h->file_bytes)
        discard_next(f);
    if (!f->next) {
        int rc = create_next(f, h->file_bytes);
        if (rc < 0)
            return rc;
    }
    f->file = f->next;
    f->next = NULL;
    f->named = false;
    f->first_lsn = h->first_lsn;
    f->bytes = f->next_bytes;
    f->offset = f->written = 0;
    f->run_bytes = 0;
    struct wal_segment_header written = *h;
    written.file_bytes = f->bytes;
    wal_segment_header_encode(&written, header);
    return wal_file_copy(f, header, sizeof(header));
}

bool
wal_file_has_room(const struct wal_file *f, uint64_t bytes)
{
    return f->file && f->offset + bytes <= f->bytes;
}

int
wal_file_flush(struct wal_file *f)
{
    for (size_t done = 0; done < f->run_bytes;) {
        size_t len = f->run_bytes - done < WRITE_MAX_BYTES ? f->run_bytes - done : WRITE_MAX_BYTES;
        int rc = f->disk->ops->write(f->disk, f->file, f->run + done, len, f->written);
        if (rc < 0)
            return rc;
        done += len;
        f->written += len;
        f->total_bytes += len;
    }
    f->run_bytes = 0;
    return 0;
}

/* Copies a piece behind the run, moving the run into the scratch buffer; false if it is too much.
 */
static bool
copy_behind(struct wal_file *f, const void *data, size_t len)
{
    bool there = f->run == f->scratch;
    if (len > COPY_MAX_BYTES || f->run_bytes + len > SCRATCH_BYTES ||
        (!there && f->run_bytes > COPY_MAX_BYTES))
        return false;
    if (!there && f->run_bytes > 0)
        memcpy(f->scratch, f->run, f->run_bytes);
    memcpy(f->scratch + f->run_bytes, data, len);
    f->run = f->scratch;
    f->run_bytes += len;
    return true;
}

int
wal_file_put(struct wal_file *f, const void *data, size_t len)
{
    ASSERT(f->offset + len <= f->bytes);
    f->offset += len;
    if (f->run_bytes > 0 && f->run != f->scratch && f->run + f->run_bytes == data) {
        f->run_bytes += len;
        return f->run_bytes < WRITE_MAX_BYTES ? 0 : wal_file_flush(f);
    }
    if (f->run_bytes > 0 && copy_behind(f, data, len))
        return 0;
    int rc = wal_file_flush(f);
    if (rc < 0)
        return rc;
    f->run = data;
    f->run_bytes = len;
    return 0;
}

int
wal_file_copy(struct wal_file *f, const void *data, size_t len)
{
    ASSERT(len <= COPY_MAX_BYTES && f->offset + len <= f->bytes);
    f->offset += len;
    if (copy_behind(f, data, len))
        return 0;
    int rc = wal_file_flush(f);
    if (rc < 0)
        return rc;
    bool copied = copy_behind(f, data, len);
    ASSERT(copied);
    return 0;
}

int
wal_file_sync(struct wal_file *f)
{
    return f->disk->ops->sync(f->disk, f->file);
}

int
wal_file_publish(struct wal_file *f)
{
    ASSERT(f->run_bytes == 0 && !f->named);
    char name[SEGMENT_NAME_MAX];
    int rc = wal_file_sync(f);
    if (rc < 0)
        return rc;
    segment_name(f->first_lsn, name);
    rc = f->disk->ops->rename(f->disk, SEGMENT_NEXT_NAME, name);
    if (rc < 0)
        return rc;
    f->named = true;
    return f->disk->ops->sync_dir(f->disk);
}

/* Zeros behind the frames read the same as the end of the file, so no promise hangs on the cut. */
static void
cut(struct wal_file *f)
{
    if (f->written < f->bytes)
        (void)f->disk->ops->truncate(f->disk, f->file, f->written);
}

void
wal_file_finish(struct wal_file *f)
{
    ASSERT(f->run_bytes == 0 && f->named);
    cut(f);
    close_file(f, &f->file);
}

void
wal_file_abandon(struct wal_file *f)
{
    if (!f->file)
        return;
    f->run_bytes = 0;
    if (f->named)
        cut(f);
    close_file(f, &f->file);
    if (!f->named)
        (void)f->disk->ops->remove(f->disk, SEGMENT_NEXT_NAME); /* or before the next attempt */
}

/* Writes some more zeros and syncs them. */
static int
fill_next(struct wal_file *f)
{
    uint64_t end = f->next_filled + FILL_BYTES;
    end = end < f->next_bytes ? end : f->next_bytes;
    memset(f->scratch, 0, SCRATCH_BYTES);
    while (f->next_filled < end) {
        uint64_t len = end - f->next_filled < SCRATCH_BYTES ? end - f->next_filled : SCRATCH_BYTES;
        int rc = f->disk->ops->write(f->disk, f->next, f->scratch, len, f->next_filled);
        if (rc < 0)
            return rc;
        f->next_filled += len;
    }
    return f->disk->ops->sync(f->disk, f->next);
}

bool
wal_file_prepare(struct wal_file *f, uint64_t bytes, bool zero, int *ret_error)
{
    ASSERT(f->run_bytes == 0 && (!f->file || f->named)); /* the scratch and the name are free */
    *ret_error = 0;
    if (!f->next) {
        *ret_error = create_next(f, bytes);
        return true;
    }
    if (!zero || f->next_filled == f->next_bytes)
        return false;
    *ret_error = fill_next(f);
    if (*ret_error < 0)
        discard_next(f);
    return true;
}
