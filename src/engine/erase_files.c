/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of a data directory as an erasure sees them: those of before, which go, and the others,
 * which are read to see that nothing of before is in them. Snapshots and segments are read with the
 * readers of a start, down to each entry and each change of a group. What goes is told by name
 * alone, so that a file whose first bytes are damaged goes too; a start needs none of it once a
 * snapshot that was taken behind the erasure is whole.
 *
 * Counting takes no lock: a file that goes meanwhile has gone.
 */
#include "engine/erase.h"
#include "engine/store.h"
#include "persist/wal_window.h"

#include <errno.h>
#include <stdio.h>

enum { REASON_BYTES = 160 };

struct count {
    struct store *store;
    const struct erase_select *select;
    struct erase_counts *sums;
    bool is_old, is_cut;
};

/* ---- which are old ---- */

static bool
is_before_line(const struct erase_line *line, uint64_t lsn, int64_t created_ms)
{
    return lsn < line->snapshot_lsn ||
           (lsn == line->snapshot_lsn && created_ms < line->snapshot_ms);
}

static bool
is_old(const struct erase_line *line, const struct store_file *f)
{
    switch (f->kind) {
    case STORE_WAL: return f->lsn < line->before_lsn;
    case STORE_SNAPSHOT: return is_before_line(line, f->lsn, f->created_ms);
    case STORE_ASIDE: return f->lsn < line->before_lsn || f->created_ms <= line->snapshot_ms;
    case STORE_TEMPORARY: break;
    }
    return false; /* nobody reads it, and it is removed by name */
}

/* The snapshot that was taken behind the erasure. */
static bool
is_cut(const struct erase_line *line, const struct store_file *f)
{
    return f->kind == STORE_SNAPSHOT && f->lsn == line->snapshot_lsn &&
           f->created_ms == line->snapshot_ms;
}

/* ---- counting ---- */

static void
count_key(struct count *c, attl_slice key, bool is_record)
{
    if (!erase_select_fits(c->select, key))
        return;
    if (c->is_cut)
        c->sums->found++;
    else if (!c->is_old)
        c->sums->fresh++;
    else if (is_record)
        c->sums->records++;
    else
        c->sums->entries++;
}

static int
count_snapshot(struct count *c, const char *name)
{
    struct store *s = c->store;
    struct snapshot_reader *reader;
    struct snapshot_block block;
    struct snapshot_entry e;
    char why[REASON_BYTES];
    enum snapshot_result result =
        snapshot_reader_open(s->disk, &s->alloc, name, &reader, why, sizeof why);
    if (result != SNAPSHOT_OK)
        return result == SNAPSHOT_NOMEM ? -ENOMEM : -EIO;
    snapshot_block_init(&block);
    while (!atomic_load(&s->stopping) &&
           (result = snapshot_reader_next(reader, &block)) == SNAPSHOT_OK)
        while (snapshot_block_next(&block, &e))
            count_key(c, e.key, false);
    snapshot_block_fini(&block);
    snapshot_reader_close(&reader);
    if (result == SNAPSHOT_OK)
        return -ECANCELED;
    return result == SNAPSHOT_END ? 0 : result == SNAPSHOT_NOMEM ? -ENOMEM : -EIO;
}

static void
count_frame(struct count *c, const struct wal_frame *f)
{
    struct wal_op op;
    size_t offset = 0;
    if (f->op.kind == WAL_MARK || f->op.kind == WAL_NOTE)
        return;
    if (f->op.kind != WAL_GROUP) {
        count_key(c, f->op.key, true);
        return;
    }
    while (wal_op_next(f->op.value, &offset, &op))
        count_key(c, op.key, true);
}

/* Up to where no frame is: whether there should be one is not asked here. */
static int
count_frames(struct count *c, struct wal_window *w, uint64_t lsn)
{
    struct wal_segment_header header;
    struct wal_frame frame;
    const char *problem = NULL;
    uint64_t offset = WAL_SEGMENT_HEADER_BYTES;
    int rc = wal_window_header(w, lsn, &header, &problem);
    if (rc == 0 && problem)
        return -EIO;
    while (rc >= 0) {
        if (atomic_load(&c->store->stopping))
            return -ECANCELED;
        rc = wal_window_frame(w, offset, lsn, &frame, &problem);
        if (rc != WAL_PLACE_FRAME)
            return rc < 0 ? rc : 0;
        count_frame(c, &frame);
        offset += frame.bytes;
        lsn++;
    }
    return rc;
}

static int
count_segment(struct count *c, const struct store_file *f)
{
    struct store *s = c->store;
    struct wal_window w;
    int rc = wal_window_open(&w, s->disk, &s->alloc, f->name);
    if (rc == 0)
        rc = count_frames(c, &w, f->lsn);
    wal_window_close(&w);
    return rc;
}

static bool
has_gone(struct store *s, const char *name)
{
    struct disk_file *f;
    int error = s->disk->ops->open(s->disk, name, DISK_READ, &f);
    if (error == 0)
        (void)s->disk->ops->close(s->disk, f); /* it was only looked at */
    return error == -ENOENT;
}

/* 0, or what ends all of it. */
static int
count_file(struct count *c, const struct store_file *f)
{
    int error = 0;
    if (f->kind == STORE_SNAPSHOT)
        error = count_snapshot(c, f->name);
    else if (f->kind == STORE_WAL)
        error = count_segment(c, f);
    if (error == 0 || error == -ENOMEM || error == -ECANCELED)
        return error;
    if (!c->is_old && !has_gone(c->store, f->name))
        c->sums->unreadable = true;
    return 0;
}

int
erase_count(struct store *s, const struct erase_select *select, const struct erase_line *line,
            bool old_too, struct erase_counts *ret)
{
    struct store_list l;
    *ret = (struct erase_counts){ 0 };
    int error = store_list_init(&l, &s->alloc, s->disk);
    for (size_t i = 0; error == 0 && i < l.len; i++) {
        struct count c = { s, select, ret, is_old(line, &l.files[i]), is_cut(line, &l.files[i]) };
        ret->files += c.is_old;
        if (!c.is_old || old_too)
            error = count_file(&c, &l.files[i]);
    }
    store_list_fini(&l);
    return error == -ECANCELED ? ATTL_E_BUSY : store_status(error);
}

/* The file with the smallest name behind `name` that is to be read, or NULL. */
static const struct store_file *
next_file(const struct store_list *l, const struct erase_line *line, const char *name)
{
    const struct store_file *next = NULL;
    for (size_t i = 0; i < l->len; i++) {
        const struct store_file *f = &l->files[i];
        bool is_read = !is_old(line, f) && (f->kind == STORE_SNAPSHOT || f->kind == STORE_WAL);
        if (is_read && strcmp(f->name, name) > 0 && (!next || strcmp(f->name, next->name) < 0))
            next = f;
    }
    return next;
}

int
erase_count_next(struct store *s, const struct erase_select *select, const struct erase_line *line,
                 char name[SEGMENT_NAME_MAX], struct erase_counts *counts, uint64_t *ret_bytes)
{
    struct store_list l;
    int error = store_list_init(&l, &s->alloc, s->disk);
    const struct store_file *f = error == 0 ? next_file(&l, line, name) : NULL;
    int status = error || f ? ATTL_OK : ATTL_MISS;
    if (f) {
        struct count c = { s, select, counts, false, is_cut(line, f) };
        error = count_file(&c, f);
        *ret_bytes = f->bytes;
        (void)snprintf(name, SEGMENT_NAME_MAX, "%s", f->name); /* as long */
    }
    store_list_fini(&l);
    if (error)
        status = error == -ECANCELED ? ATTL_E_BUSY : store_status(error);
    return status;
}

int
erase_left(struct store *s, const struct erase_line *line, uint64_t *ret_files)
{
    struct store_list l;
    int error = store_list_init(&l, &s->alloc, s->disk);
    *ret_files = 0;
    for (size_t i = 0; i < l.len; i++)
        *ret_files += is_old(line, &l.files[i]);
    store_list_fini(&l);
    return store_status(error);
}

/* ---- removing ---- */

/* A start reads nothing older than the line: there is a whole snapshot at or behind it. */
static bool
is_bridged(const struct store *s, const struct erase_line *line)
{
    struct store_file newest;
    return s->newest[0] && store_name_parse(s->newest, &newest) && newest.kind == STORE_SNAPSHOT &&
           !is_before_line(line, newest.lsn, newest.created_ms);
}

static bool
is_leftover(const struct store_file *f)
{
    return f->kind == STORE_TEMPORARY && strcmp(f->name, SEGMENT_NEXT_NAME) != 0;
}

/* From the old end of each kind; a segment that stays keeps the younger ones, so that the log has
 * no hole. */
static int
remove_listed(struct store *s, const struct store_list *l, attl_erasure *r)
{
    struct erase_line line = erase_line_of(r);
    bool log_is_stuck = false;
    int first = 0;
    r->files_left = 0;
    for (size_t i = 0; i < l->len; i++) {
        const struct store_file *f = &l->files[i];
        if (!is_old(&line, f) && !is_leftover(f))
            continue;
        bool stuck = f->kind == STORE_WAL && log_is_stuck;
        int error = stuck ? -EBUSY : s->disk->ops->remove(s->disk, f->name);
        if (error == -ENOENT)
            continue;
        if (error == 0) {
            r->files_removed++;
            r->bytes_removed += f->bytes;
            continue;
        }
        r->files_left++;
        first = first ? first : error;
        log_is_stuck = log_is_stuck || f->kind == STORE_WAL;
    }
    int synced = s->disk->ops->sync_dir(s->disk);
    return first ? first : synced;
}

int
erase_remove(struct store *s, attl_erasure *r)
{
    struct store_list l;
    struct erase_line line = erase_line_of(r);
    if (!is_bridged(s, &line))
        return ATTL_MISS;
    int error = store_list_init(&l, &s->alloc, s->disk);
    if (error == 0)
        error = remove_listed(s, &l, r);
    store_list_fini(&l);
    return store_status(error);
}
