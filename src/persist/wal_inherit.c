/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file is read and written back in pieces, except those that are all zeros: they are the space
 * behind the frames. Only writing makes pages dirty that the system holds to be clean; a second
 * sync of them would return 0 and do nothing. A power loss on the way finds old bytes or new ones,
 * which are the same. Nobody else uses the directory yet.
 */
#include "persist/wal_inherit.h"

#include "persist/segment.h"

#include <errno.h>
#include <string.h>

enum { PIECE_BYTES = 256 << 10 };

static bool
is_zero(const unsigned char *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static int
write_again(struct disk *d, struct disk_file *f, unsigned char *piece)
{
    int64_t len = PIECE_BYTES;
    for (uint64_t at = 0; len == PIECE_BYTES; at += (uint64_t)len) {
        len = d->ops->read(d, f, piece, PIECE_BYTES, at);
        if (len < 0)
            return (int)len;
        if (is_zero(piece, (size_t)len))
            continue;
        int rc = d->ops->write(d, f, piece, (size_t)len, at);
        if (rc < 0)
            return rc;
    }
    return d->ops->sync(d, f);
}

static int
inherit_one(struct disk *d, const char *name, unsigned char *piece)
{
    struct disk_file *f;
    int rc = d->ops->open(d, name, DISK_WRITE, &f);
    if (rc < 0)
        return rc;
    rc = write_again(d, f, piece);
    (void)d->ops->close(d, f); /* what matters is what the sync said */
    return rc;
}

int
wal_inherit(struct disk *d, const attl_allocator *alloc, uint64_t durable_lsn, uint64_t next_lsn)
{
    struct store_list list;
    size_t len = 0;
    unsigned char *piece = alloc_zero(alloc, PIECE_BYTES);
    if (!piece)
        return -ENOMEM;
    int rc = store_list_init(&list, alloc, d);
    const struct store_file *files = store_list_of(&list, STORE_WAL, &len);
    for (size_t i = 0; rc == 0 && i < len && files[i].lsn < next_lsn; i++) {
        uint64_t end_lsn = i + 1 < len ? files[i + 1].lsn : next_lsn;
        if (end_lsn > durable_lsn)
            rc = inherit_one(d, files[i].name, piece);
    }
    if (rc == 0)
        rc = d->ops->sync_dir(d); /* names are no more durable than contents */
    store_list_fini(&list);
    alloc_free(alloc, piece);
    return rc;
}
