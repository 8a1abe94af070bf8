/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server may be writing where we read: a piece of the file read before it wrote, and later
 * testimony read after, together look like damage. So an end that is not clean is looked at a
 * second time with a new reader; only if the frame is still not there does the verdict count. A
 * segment that vanishes was removed by the retention rules, and reading goes on with the oldest
 * that is left. Both can happen over and over, so both are counted.
 */
#include "cli/offline_read.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <sysexits.h>

enum { SECOND_LOOKS_MAX = 64, LOOKS_PER_INTERRUPT = 1024 };

/* ---- snapshots ------------------------------------------------------------------------------- */

static enum snapshot_result
open_snapshot(struct offline *o, const char *name, struct snapshot_reader **ret_reader,
              struct read_snapshot *ret)
{
    *ret = (struct read_snapshot){ .result = SNAPSHOT_OK };
    *ret_reader = NULL;
    ret->result = snapshot_reader_open(o->disk, &o->alloc, name, ret_reader, ret->problem,
                                       sizeof ret->problem);
    if (ret->result == SNAPSHOT_OK)
        ret->meta = *snapshot_reader_meta(*ret_reader);
    ret->gone = ret->result != SNAPSHOT_OK && offline_gone(o, name);
    return ret->result;
}

void
read_snapshot_head(struct offline *o, const char *name, struct read_snapshot *ret)
{
    struct snapshot_reader *reader;
    if (open_snapshot(o, name, &reader, ret) == SNAPSHOT_OK)
        snapshot_reader_close(&reader);
}

/* `done` bytes of the file are read. */
static bool
read_block(struct offline *o, struct snapshot_block *b, uint64_t done, read_entry_fn fn, void *ud)
{
    struct snapshot_entry e;
    while (snapshot_block_next(b, &e)) {
        progress_update(&o->progress, o->bytes_before + done, ++o->keys_before);
        if (fn && !fn(ud, &e))
            return false;
    }
    return true;
}

void
read_snapshot_all(struct offline *o, const char *name, read_entry_fn fn, void *ud,
                  struct read_snapshot *ret)
{
    struct snapshot_reader *reader;
    struct snapshot_block block;
    if (open_snapshot(o, name, &reader, ret) != SNAPSHOT_OK)
        return;
    snapshot_block_init(&block);
    while (!ret->stopped && (ret->result = snapshot_reader_next(reader, &block)) == SNAPSHOT_OK) {
        uint64_t done = snapshot_reader_bytes_done(reader);
        ret->stopped = !read_block(o, &block, done, fn, ud) || interrupt_pending();
    }
    if (ret->result == SNAPSHOT_END)
        ret->result = SNAPSHOT_OK;
    if (ret->result != SNAPSHOT_OK)
        (void)snprintf(ret->problem, sizeof ret->problem, "%s",
                       snapshot_reader_problem(reader)); /* cut is fine */
    o->bytes_before += ret->meta.file_bytes;
    snapshot_block_fini(&block);
    snapshot_reader_close(&reader);
}

int
read_snapshot_code(const struct read_snapshot *s)
{
    if (s->gone)
        return EX_NOINPUT;
    switch (s->result) {
    case SNAPSHOT_OK:
    case SNAPSHOT_END: return EX_OK;
    case SNAPSHOT_DAMAGED:
    case SNAPSHOT_NEWER: return EX_DATAERR;
    case SNAPSHOT_IO: return EX_IOERR;
    case SNAPSHOT_NOMEM: break;
    }
    return EX_OSERR;
}

/* ---- the log --------------------------------------------------------------------------------- */

static void
count(struct read_log *l, const struct wal_frame *f)
{
    struct wal_op op;
    size_t offset = 0;
    if (l->frames++ == 0)
        l->first_lsn = f->lsn;
    l->last_lsn = f->lsn;
    l->kinds[f->op.kind]++;
    if (f->op.kind == WAL_GROUP)
        while (wal_op_next(f->op.value, &offset, &op))
            l->changes++;
    else if (f->op.kind != WAL_MARK && f->op.kind != WAL_NOTE)
        l->changes++;
}

static void
show(struct offline *o, const struct read_log *l, const struct wal_reader *reader)
{
    uint64_t done, total;
    wal_reader_progress(reader, &done, &total);
    progress_update(&o->progress, o->bytes_before + done, o->keys_before + l->frames);
}

/* Takes a frame. False: enough. */
static bool
take(struct offline *o, struct read_log *l, const struct wal_reader *reader,
     const struct wal_frame *f)
{
    struct read_place place;
    bool gap;
    wal_reader_place(reader, &place.segment, &place.offset, &gap);
    count(l, f);
    l->stopped = l->frame && !l->frame(l->ud, f, &place);
    show(o, l, reader);
    return !l->stopped && (l->frames % LOOKS_PER_INTERRUPT != 0 || !interrupt_pending());
}

/*
 * A new reader where the old one ended, if the frame is there now, or if the old one's segment has
 * been removed: true, with the first frame taken. The verdict stays as it was otherwise.
 */
static bool
look_again(struct offline *o, struct read_log *l, struct wal_reader **reader)
{
    const struct wal_verdict v = *wal_reader_verdict(*reader);
    bool vanished = v.end == WAL_END_IO && v.error == -ENOENT;
    struct wal_reader *fresh;
    struct wal_frame f;
    uint64_t from_lsn = v.next_lsn > l->from_lsn ? v.next_lsn : l->from_lsn;
    if (!vanished && v.end != WAL_END_TORN && v.end != WAL_END_DAMAGED)
        return false;
    if (wal_reader_open(o->disk, &o->alloc, from_lsn, &fresh) < 0)
        return false;
    if (!wal_reader_next(fresh, &f) || (!vanished && (f.lsn != v.next_lsn || v.next_lsn == 0))) {
        wal_reader_close(&fresh);
        return false;
    }
    wal_reader_close(reader);
    *reader = fresh;
    (void)take(o, l, fresh, &f); /* whether it was enough is in l->stopped */
    return true;
}

int
read_log_run(struct offline *o, struct read_log *l)
{
    struct wal_reader *reader;
    struct wal_frame f;
    unsigned looks = 0;
    int rc = wal_reader_open(o->disk, &o->alloc, l->from_lsn, &reader);
    if (rc < 0)
        return rc;
    for (;;) {
        while (!l->stopped && wal_reader_next(reader, &f))
            if (!take(o, l, reader, &f))
                break;
        if (l->stopped || interrupt_pending())
            break;
        if (looks++ < SECOND_LOOKS_MAX && look_again(o, l, &reader))
            continue;
        l->verdict = *wal_reader_verdict(reader);
        if (!l->end || !l->end(l->ud, &l->verdict) || !wal_reader_skip_damage(reader))
            break;
    }
    wal_reader_close(&reader);
    o->keys_before += l->frames;
    return interrupt_pending() && !l->stopped ? -EINTR : 0;
}
