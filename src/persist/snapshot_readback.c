/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading back what was written. A full disk, a bad cable or a file system with an error of its own
 * may keep bytes from us although every call succeeded; a snapshot is the one place where there is
 * time to look. The file is walked by its own block headers, and since their checksum is among what
 * is compared, a header that lies ends the walk or fails the comparison. The caller owns the
 * scratch memory and nobody locks.
 */
#include "persist/snapshot_readback.h"

#include "base/assert.h"
#include "os/crc32c.h"

#include <errno.h>

struct readback {
    struct disk *d;
    struct disk_file *file;
    unsigned char *scratch;
    size_t scratch_bytes;
    uint64_t at, end; /* of the blocks */
    struct snapshot_trailer seen;
};

static int
read_next(struct readback *r, void *to, size_t len)
{
    int result = disk_read_exact(r->d, r->file, to, len, r->at);
    r->at += len;
    return result == -ENODATA ? -EBADMSG : result;
}

static int
check_block(struct readback *r, bool compressed)
{
    unsigned char head[SNAPSHOT_BLOCK_HEADER_BYTES], again[SNAPSHOT_BLOCK_HEADER_BYTES];
    struct snapshot_block_head h;
    uint64_t left = r->end - r->at;
    int result = left < sizeof(head) ? -EBADMSG : read_next(r, head, sizeof(head));
    if (result < 0)
        return result;
    if (!snapshot_block_head_decode(head, compressed, (uint32_t)r->seen.blocks, left, &h))
        return -EBADMSG;
    uint32_t crc = 0;
    left = snapshot_padded(h.stored_bytes);
    while (left > 0) {
        size_t n = left < r->scratch_bytes ? (size_t)left : r->scratch_bytes;
        result = read_next(r, r->scratch, n);
        if (result < 0)
            return result;
        crc = crc32c(crc, r->scratch, n);
        left -= n;
    }
    r->seen.blocks++;
    r->seen.entries += h.entries;
    r->seen.blocks_crc = crc32c(r->seen.blocks_crc, head, sizeof(head));
    return snapshot_block_seal(&h, crc, again) == h.crc ? 0 : -EBADMSG;
}

static int
check_file(struct readback *r, const struct snapshot_meta *m, const struct snapshot_trailer *t)
{
    unsigned char got[SNAPSHOT_TRAILER_BYTES], want[SNAPSHOT_TRAILER_BYTES];
    int64_t bytes = r->d->ops->size(r->d, r->file);
    if (bytes < 0 || (uint64_t)bytes != t->file_bytes)
        return bytes < 0 ? (int)bytes : -EBADMSG;
    int result = read_next(r, got, SNAPSHOT_HEADER_BYTES);
    uint32_t header_crc = snapshot_header_encode(m, want);
    ASSERT(header_crc == t->header_crc);
    if (result == 0 && memcmp(got, want, SNAPSHOT_HEADER_BYTES) != 0)
        result = -EBADMSG;
    while (result == 0 && r->at < r->end)
        result = check_block(r, m->compressed);
    if (result == 0)
        result = read_next(r, got, SNAPSHOT_TRAILER_BYTES);
    if (result < 0)
        return result;
    snapshot_trailer_encode(t, want);
    bool same = r->seen.blocks == t->blocks && r->seen.entries == t->entries &&
                r->seen.blocks_crc == t->blocks_crc && memcmp(got, want, sizeof(got)) == 0;
    return same ? 0 : -EBADMSG;
}

int
snapshot_readback(struct disk *d, const char *name, const struct snapshot_meta *m,
                  const struct snapshot_trailer *t, unsigned char *scratch, size_t scratch_bytes)
{
    ASSERT(t->file_bytes >= SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES);
    struct readback r = {
        .d = d,
        .scratch = scratch,
        .scratch_bytes = scratch_bytes,
        .end = t->file_bytes - SNAPSHOT_TRAILER_BYTES,
    };
    int result = d->ops->open(d, name, DISK_READ, &r.file);
    if (result < 0)
        return result;
    result = check_file(&r, m, t);
    int closed = d->ops->close(d, r.file);
    return result < 0 ? result : closed;
}
