/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The window moves to where it is asked to be; what it had of that place already is moved in memory
 * instead of read again, so that a file is read once, front to back. A buffer that had to grow for
 * one large frame is given back with the next ordinary piece. Nothing here judges what it reads
 * beyond saying what a frame or a header suffers from. The reader owns its windows.
 */
#include "persist/wal_window.h"

#include "base/assert.h"

#include <errno.h>

int
wal_window_open(struct wal_window *w, struct disk *d, const attl_allocator *alloc, const char *name)
{
    *w = (struct wal_window){ .disk = d, .alloc = *alloc };
    int rc = d->ops->open(d, name, DISK_READ, &w->file);
    if (rc < 0) {
        w->file = NULL;
        return rc;
    }
    int64_t bytes = d->ops->size(d, w->file);
    if (bytes < 0) {
        wal_window_close(w);
        return (int)bytes;
    }
    w->file_bytes = (uint64_t)bytes;
    return 0;
}

void
wal_window_close(struct wal_window *w)
{
    if (w->file)
        (void)w->disk->ops->close(w->disk, w->file); /* only read from */
    if (w->data)
        alloc_free(&w->alloc, w->data);
    w->file = NULL;
    w->data = NULL;
    w->cap = w->len = 0;
}

/* Makes room for `want` bytes, with what the window has from `offset` on at the front. */
static bool
window_move(struct wal_window *w, uint64_t offset, size_t want)
{
    size_t kept = 0;
    const unsigned char *from = w->data;
    if (offset >= w->start && offset < w->start + w->len) {
        from += offset - w->start;
        kept = w->len - (size_t)(offset - w->start);
    }
    unsigned char *to = w->data;
    bool shrink = w->cap > WAL_PIECE_BYTES && want <= WAL_PIECE_BYTES;
    if (want > w->cap || shrink) {
        to = w->alloc.alloc(w->alloc.ud, want);
        if (!to)
            return false;
        w->cap = want;
    }
    if (kept)
        memmove(to, from, kept);
    if (to != w->data && w->data)
        alloc_free(&w->alloc, w->data);
    w->data = to;
    w->start = offset;
    w->len = kept;
    return true;
}

int
wal_window_get(struct wal_window *w, uint64_t offset, size_t need, const unsigned char **ret_data,
               size_t *ret_len)
{
    ASSERT(offset <= w->file_bytes && need <= w->file_bytes - offset);
    if (offset < w->start || offset + need > w->start + w->len) {
        uint64_t left = w->file_bytes - offset;
        size_t want = need > WAL_PIECE_BYTES ? need : WAL_PIECE_BYTES;
        want = want > left ? (size_t)left : want;
        if (!window_move(w, offset, want))
            return -ENOMEM;
        int64_t got = 0;
        if (w->len < want)
            got = w->disk->ops->read(w->disk, w->file, w->data + w->len, want - w->len,
                                     offset + w->len);
        if (got < 0)
            return (int)got;
        w->len += (size_t)got;
        if (w->len < need)
            return -ENODATA;
    }
    *ret_data = w->data + (offset - w->start);
    *ret_len = w->len - (size_t)(offset - w->start);
    return 0;
}

int
wal_window_header(struct wal_window *w, uint64_t lsn, struct wal_segment_header *ret,
                  const char **ret_problem)
{
    const unsigned char *in;
    size_t len;
    *ret = (struct wal_segment_header){ 0 };
    *ret_problem = "is shorter than a header";
    if (w->file_bytes < WAL_SEGMENT_HEADER_BYTES)
        return 0;
    int rc = wal_window_get(w, 0, WAL_SEGMENT_HEADER_BYTES, &in, &len);
    if (rc < 0)
        return rc;
    if (!wal_segment_header_decode(in, ret))
        *ret_problem = ret->version > WAL_VERSION ? "was written by a newer version"
                                                  : "does not begin with a valid header";
    else
        *ret_problem = ret->first_lsn == lsn ? NULL : "has a header that contradicts its name";
    return 0;
}

int
wal_window_frame(struct wal_window *w, uint64_t offset, uint64_t lsn, struct wal_frame *ret_frame,
                 const char **ret_problem)
{
    uint64_t left = w->file_bytes - offset;
    uint32_t need = WAL_FRAME_HEADER_BYTES;
    /* At most twice: header, then the whole frame. */
    while (left >= need) {
        const unsigned char *in;
        size_t len;
        int rc = wal_window_get(w, offset, need, &in, &len);
        if (rc < 0)
            return rc;
        enum wal_decode d = wal_frame_decode(in, len, ret_frame, &need);
        if (d == WAL_ZERO)
            return WAL_PLACE_OVER;
        if (d == WAL_FRAME && ret_frame->lsn == lsn)
            return WAL_PLACE_FRAME;
        if (d != WAL_NEED_MORE) {
            *ret_problem = d == WAL_FRAME ? "number" : wal_frame_problem(in, len);
            return WAL_PLACE_BAD;
        }
    }
    *ret_problem = "length";
    return left < WAL_FRAME_HEADER_BYTES ? WAL_PLACE_OVER : WAL_PLACE_BAD;
}
