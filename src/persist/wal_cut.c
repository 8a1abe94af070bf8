/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending the log at a given place, so that a crash at any moment leaves either what was there or a
 * log that ends at that place or can be ended there again. Nothing is lost: what is cut off was
 * copied before, under a temporary name that is worthless until the copy is complete and synced,
 * and later segments only change their names. No order among those renames matters, because none of
 * them continues the log. The caller owns the directory.
 */
#include "persist/wal_reader.h"

#include "base/assert.h"
#include "persist/wal_window.h"

#include <errno.h>
#include <stdio.h>

enum { NAME_TRIES = 1000 };

struct cut {
    struct disk *disk;
    const attl_allocator *alloc;
    int64_t now_ms;
    struct store_list list;
};

static bool
name_taken(const struct cut *c, const char *name)
{
    for (size_t i = 0; i < c->list.len; i++)
        if (strcmp(c->list.files[i].name, name) == 0)
            return true;
    return false;
}

/* An aside name nobody has: that of an earlier attempt is never written to again. */
static int
name_aside(const struct cut *c, const char *name, char out[SEGMENT_NAME_MAX])
{
    for (int i = 0; i < NAME_TRIES; i++) {
        aside_name(c->now_ms + i, name, out);
        if (!name_taken(c, out))
            return 0;
    }
    return -EEXIST;
}

/* The end of the last byte from `from` on that is not zero; `from` if there is none. */
static int
contents_end(struct wal_window *w, uint64_t from, uint64_t *ret_end)
{
    *ret_end = from;
    for (uint64_t at = from; at < w->file_bytes;) {
        const unsigned char *in;
        size_t len;
        int rc = wal_window_get(w, at, 1, &in, &len);
        if (rc < 0)
            return rc;
        for (size_t i = len; i > 0; i--)
            if (in[i - 1] != 0) {
                *ret_end = at + i;
                break;
            }
        at += len;
    }
    return 0;
}

static int
copy_range(struct wal_window *w, uint64_t from, uint64_t to, struct disk_file *out)
{
    for (uint64_t at = from; at < to;) {
        const unsigned char *in;
        size_t len;
        int rc = wal_window_get(w, at, 1, &in, &len);
        if (rc < 0)
            return rc;
        len = len < to - at ? len : (size_t)(to - at);
        rc = w->disk->ops->write(w->disk, out, in, len, at - from);
        if (rc < 0)
            return rc;
        at += len;
    }
    return w->disk->ops->sync(w->disk, out);
}

/* Copies bytes from..to of segment `name`, which `w` has open, to an aside file. */
static int
copy_aside(struct cut *c, struct wal_window *w, const char *name, uint64_t from, uint64_t to)
{
    struct disk *d = c->disk;
    char aside[SEGMENT_NAME_MAX];
    char tmp[SEGMENT_NAME_MAX + sizeof ".tmp"];
    int rc = name_aside(c, name, aside);
    if (rc < 0)
        return rc;
    (void)snprintf(tmp, sizeof tmp, "%s.tmp", aside); /* fits by its size */
    struct disk_file *out;
    rc = d->ops->open(d, tmp, DISK_CREATE, &out);
    if (rc == -EEXIST) { /* of an attempt that crashed */
        rc = d->ops->remove(d, tmp);
        if (rc == 0)
            rc = d->ops->open(d, tmp, DISK_CREATE, &out);
    }
    if (rc < 0)
        return rc;
    rc = copy_range(w, from, to, out);
    int closed = d->ops->close(d, out);
    rc = rc < 0 ? rc : closed;
    if (rc == 0)
        rc = d->ops->rename(d, tmp, aside);
    if (rc < 0) {
        (void)d->ops->remove(d, tmp); /* what failed first is what is reported */
        return rc;
    }
    return d->ops->sync_dir(d);
}

/* Cuts `name` to `bytes`, durably. */
static int
shorten(struct disk *d, const char *name, uint64_t bytes)
{
    struct disk_file *f;
    int rc = d->ops->open(d, name, DISK_WRITE, &f);
    if (rc < 0)
        return rc;
    rc = d->ops->truncate(d, f, bytes);
    if (rc == 0)
        rc = d->ops->sync(d, f);
    int closed = d->ops->close(d, f);
    return rc < 0 ? rc : closed;
}

/* The segment in which the log ends, which has frames: they stay, what follows them goes. */
static int
cut_tail(struct cut *c, const struct store_file *file, uint64_t offset)
{
    struct wal_window w;
    int rc = wal_window_open(&w, c->disk, c->alloc, file->name);
    if (rc < 0)
        return rc;
    uint64_t bytes = w.file_bytes, end = 0;
    rc = contents_end(&w, offset < bytes ? offset : bytes, &end);
    if (rc == 0 && end > offset)
        rc = copy_aside(c, &w, file->name, offset, end);
    wal_window_close(&w);
    if (rc == 0 && bytes > offset)
        rc = shorten(c->disk, file->name, offset);
    return rc;
}

/* A segment that is no part of the log: aside with it, or away if it says nothing at all. */
static int
set_aside(struct cut *c, const struct store_file *file)
{
    struct wal_window w;
    struct wal_segment_header header;
    const char *problem = NULL;
    int rc = wal_window_open(&w, c->disk, c->alloc, file->name);
    if (rc < 0)
        return rc;
    rc = wal_window_header(&w, file->lsn, &header, &problem);
    uint64_t from = problem ? 0 : WAL_SEGMENT_HEADER_BYTES, end = 0;
    if (rc == 0)
        rc = contents_end(&w, from, &end);
    wal_window_close(&w);
    if (rc < 0)
        return rc;
    if (end == from)
        return c->disk->ops->remove(c->disk, file->name);
    char aside[SEGMENT_NAME_MAX];
    rc = name_aside(c, file->name, aside);
    return rc < 0 ? rc : c->disk->ops->rename(c->disk, file->name, aside);
}

/* All segments from the one with LSN `lsn` on. */
static int
cut_at(struct cut *c, uint64_t lsn, uint64_t offset)
{
    size_t len;
    const struct store_file *segments = store_list_of(&c->list, STORE_WAL, &len);
    int rc = 0;
    for (size_t i = 0; i < len && rc == 0; i++) {
        if (segments[i].lsn < lsn)
            continue;
        bool stays = segments[i].lsn == lsn && offset > WAL_SEGMENT_HEADER_BYTES;
        rc = stays ? cut_tail(c, &segments[i], offset) : set_aside(c, &segments[i]);
    }
    return rc == 0 ? c->disk->ops->sync_dir(c->disk) : rc;
}

int
wal_cut(struct disk *d, const attl_allocator *alloc, const struct wal_verdict *v, int64_t now_ms)
{
    struct store_file end;
    if (v->end == WAL_END_IO || v->end == WAL_END_NOMEM)
        return v->end == WAL_END_IO ? -EIO : -ENOMEM;
    if (v->name[0] == '\0')
        return 0;
    bool ours = store_name_parse(v->name, &end);
    ASSERT(ours && end.kind == STORE_WAL);
    struct cut c = { .disk = d, .alloc = alloc, .now_ms = now_ms };
    int rc = store_list_init(&c.list, alloc, d);
    if (rc == 0)
        rc = cut_at(&c, end.lsn, v->offset);
    store_list_fini(&c.list);
    return rc;
}
