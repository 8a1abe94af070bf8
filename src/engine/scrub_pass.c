/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot is read by the reader that a start uses, down to each entry. A segment is closed when
 * a later one has its name, and then it has to hold every change up to the first of that one;
 * unless that stands behind a gap, in front of which a segment may end in the remains of a write
 * that failed: there only testimony, a mark that says that more had been durable, makes damage of
 * it. What cannot be read, or was written by a newer release, says nothing about its contents.
 */
#include "engine/scrub_pass.h"

#include "persist/wal_behind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { REASON_BYTES = 160 };

struct scrub_pass {
    struct store *store;
    struct store_list list;
    const struct store_file *snapshots, *segments;
    size_t snapshots_left, segment, segments_len; /* segment: the next, or the present one */
    uint64_t total_bytes;
    int64_t started_ms;
    struct scrub_counts counts;
    /* a snapshot */
    struct snapshot_reader *reader; /* NULL: none is open */
    struct snapshot_block block;
    /* a segment */
    struct wal_window window;
    bool in_segment;
    uint64_t lsn, offset; /* of the frame that comes next */
};

int
scrub_pass_new(struct store *s, struct scrub_pass **ret_pass)
{
    struct scrub_pass *p = alloc_zero(&s->alloc, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->store = s;
    snapshot_block_init(&p->block);
    int error = store_list_init(&p->list, &s->alloc, s->disk);
    if (error) {
        scrub_pass_free(&p);
        return error;
    }
    p->snapshots = store_list_of(&p->list, STORE_SNAPSHOT, &p->snapshots_left);
    p->segments = store_list_of(&p->list, STORE_WAL, &p->segments_len);
    if (p->segments_len > 0)
        p->segments_len--; /* the last one is not closed */
    for (size_t i = 0; i < p->snapshots_left; i++)
        p->total_bytes += p->snapshots[i].bytes;
    for (size_t i = 0; i < p->segments_len; i++)
        p->total_bytes += p->segments[i].bytes;
    p->started_ms = engine_now_ms(s->a) + engine_skew_ms(s->a);
    *ret_pass = p;
    return 0;
}

void
scrub_pass_free(struct scrub_pass **pass)
{
    struct scrub_pass *p = *pass;
    *pass = NULL;
    if (!p)
        return;
    attl_allocator alloc = p->store->alloc;
    if (p->reader)
        snapshot_reader_close(&p->reader);
    snapshot_block_fini(&p->block);
    wal_window_close(&p->window);
    store_list_fini(&p->list);
    alloc_free(&alloc, p);
}

void
scrub_pass_counts(const struct scrub_pass *p, struct scrub_counts *ret)
{
    *ret = p->counts;
}

uint64_t
scrub_pass_total(const struct scrub_pass *p)
{
    return p->total_bytes;
}

int64_t
scrub_pass_started(const struct scrub_pass *p)
{
    return p->started_ms;
}

/* ---- what was found -------------------------------------------------------------------------- */

static bool
is_gone(struct scrub_pass *p, const char *name)
{
    struct disk *d = p->store->disk;
    struct disk_file *f;
    int error = d->ops->open(d, name, DISK_READ, &f);
    if (error == 0)
        (void)d->ops->close(d, f); /* only opened */
    return error == -ENOENT;
}

/* Notes the finding and heals it. 1, or -EAGAIN if there are too many. */
static int
found(struct scrub_pass *p, struct scrub_finding *f)
{
    struct store *s = p->store;
    if (is_gone(p, f->name))
        return 1;
    p->counts.damaged += !f->unreadable;
    p->counts.unreadable += f->unreadable;
    store_log(s, 3, f->unreadable ? "scrub_unreadable" : "scrub_damage",
              "%s at offset %" PRIu64 ": %s", f->name, f->offset, f->lost);
    if (!scrub_note(s, f))
        return -EAGAIN;
    p->counts.healed += scrub_heal(s, f) == ATTL_OK && !f->unreadable;
    scrub_settle(s, f);
    return 1;
}

static struct scrub_finding
finding_of(const struct store_file *file, uint64_t offset)
{
    struct scrub_finding f = { .kind = file->kind, .offset = offset, .lsn = file->lsn };
    memcpy(f.name, file->name, sizeof f.name);
    return f;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static int
snapshot_found(struct scrub_pass *p, enum snapshot_result result, const char *why)
{
    const struct store_file *file = &p->snapshots[p->snapshots_left - 1];
    struct scrub_finding f = finding_of(file, p->reader ? snapshot_reader_at(p->reader) : 0);
    f.end_lsn = file->lsn;
    f.unreadable = result != SNAPSHOT_DAMAGED;
    if (f.unreadable)
        (void)snprintf(f.lost, sizeof f.lost,
                       "it cannot be read (%s); nothing is known about its contents",
                       why); /* cut is fine */
    else
        (void)snprintf(f.lost, sizeof f.lost,
                       "damaged (%s): the state before change %" PRIu64
                       " can be had from an older snapshot and the log only; nothing that the "
                       "cache holds is lost",
                       why, file->lsn); /* cut is fine */
    return found(p, &f);
}

/* The present snapshot has been read, or cannot be. 1 or a failure. */
static int
snapshot_ended(struct scrub_pass *p, enum snapshot_result result, const char *why)
{
    int rc = 1;
    if (result == SNAPSHOT_NOMEM)
        return -ENOMEM;
    if (result != SNAPSHOT_END)
        rc = snapshot_found(p, result, why);
    if (p->reader)
        snapshot_reader_close(&p->reader);
    snapshot_block_fini(&p->block);
    p->counts.files++;
    p->snapshots_left--;
    return rc;
}

static int
snapshot_step(struct scrub_pass *p)
{
    struct store *s = p->store;
    enum snapshot_result result = SNAPSHOT_OK;
    char why[REASON_BYTES] = "";
    if (!p->reader) {
        result = snapshot_reader_open(s->disk, &s->alloc, p->snapshots[p->snapshots_left - 1].name,
                                      &p->reader, why, sizeof why);
        if (result != SNAPSHOT_OK)
            return snapshot_ended(p, result, why);
        p->counts.bytes += snapshot_reader_bytes_done(p->reader);
    }
    uint64_t before = snapshot_reader_bytes_done(p->reader), done = before;
    while (result == SNAPSHOT_OK && done - before < SCRUB_STEP_BYTES) {
        result = snapshot_reader_next(p->reader, &p->block);
        done = snapshot_reader_bytes_done(p->reader);
    }
    p->counts.bytes += done - before;
    return result == SNAPSHOT_OK ? 1
                                 : snapshot_ended(p, result, snapshot_reader_problem(p->reader));
}

/* ---- segments -------------------------------------------------------------------------------- */

static int
segment_ended(struct scrub_pass *p, int rc)
{
    wal_window_close(&p->window);
    p->in_segment = false;
    p->segment++;
    p->counts.files++;
    return rc;
}

static int
segment_unreadable(struct scrub_pass *p, int error)
{
    if (error == -ENOMEM)
        return error;
    struct scrub_finding f = finding_of(&p->segments[p->segment], p->offset);
    f.end_lsn = p->segments[p->segment + 1].lsn;
    f.unreadable = true;
    (void)snprintf(f.lost, sizeof f.lost,
                   "it cannot be read (%s); nothing is known about its contents",
                   error ? strerror(-error) : "a newer release wrote it"); /* cut is fine */
    return segment_ended(p, found(p, &f));
}

static int
segment_damaged(struct scrub_pass *p, const char *problem, const struct wal_behind *behind)
{
    struct scrub_finding f = finding_of(&p->segments[p->segment], p->offset);
    f.lsn = p->lsn;
    f.end_lsn = p->segments[p->segment + 1].lsn;
    char what[96] = "frames are missing";
    if (problem && p->offset == 0)
        (void)snprintf(what, sizeof what, "it %s", problem); /* cut is fine */
    else if (problem)
        (void)snprintf(what, sizeof what, "the %s of the frame is wrong", problem);
    (void)snprintf(f.lost, sizeof f.lost,
                   "damaged (%s): of the changes %" PRIu64 " up to %" PRIu64 " only %" PRIu64
                   " can be read, and no rollback reaches back beyond %" PRIu64
                   "; nothing that the cache holds is lost",
                   what, f.lsn, f.end_lsn - 1, behind->frames, f.end_lsn); /* cut is fine */
    return segment_ended(p, found(p, &f));
}

/* Whether the next segment stands behind a gap. 0, 1 or a negative errno. */
static int
is_before_gap(struct scrub_pass *p)
{
    struct store *s = p->store;
    const struct store_file *next = &p->segments[p->segment + 1];
    struct wal_window w;
    struct wal_segment_header header;
    const char *problem;
    int rc = wal_window_open(&w, s->disk, &s->alloc, next->name);
    if (rc == 0)
        rc = wal_window_header(&w, next->lsn, &header, &problem);
    wal_window_close(&w);
    return rc < 0 ? rc : !problem && header.gap;
}

/* The expected frame is not there. */
static int
judge_end(struct scrub_pass *p, const char *problem)
{
    struct wal_behind b = {
        .segments = &p->segments[p->segment], .segments_len = 1, .offset = p->offset, .lsn = p->lsn
    };
    int gap = p->offset == 0 ? 0 : is_before_gap(p);
    int rc = gap < 0 ? gap : wal_behind_search(&b, &p->window);
    if (rc < 0)
        return segment_unreadable(p, rc);
    if (gap && b.durable_lsn <= p->lsn)
        return segment_ended(p, 1);
    return segment_damaged(p, problem, &b);
}

/* Opens the segment and reads its header. 1, or as scrub_pass_step(). */
static int
segment_enter(struct scrub_pass *p)
{
    struct store *s = p->store;
    const struct store_file *file = &p->segments[p->segment];
    struct wal_segment_header header;
    const char *problem = NULL;
    p->offset = 0;
    p->lsn = file->lsn;
    p->in_segment = true;
    int rc = wal_window_open(&p->window, s->disk, &s->alloc, file->name);
    if (rc == -ENOENT)
        return segment_ended(p, 1);
    if (rc == 0)
        rc = wal_window_header(&p->window, file->lsn, &header, &problem);
    if (rc < 0 || (problem && header.version > WAL_VERSION))
        return segment_unreadable(p, rc);
    if (problem)
        return judge_end(p, problem);
    p->offset = WAL_SEGMENT_HEADER_BYTES;
    p->counts.bytes += WAL_SEGMENT_HEADER_BYTES;
    return 1;
}

static int
segment_step(struct scrub_pass *p)
{
    int rc = p->in_segment ? 1 : segment_enter(p);
    uint64_t before = p->offset, end_lsn = p->segments[p->segment + 1].lsn;
    struct wal_frame frame;
    const char *problem = NULL;
    if (!p->in_segment)
        return rc;
    rc = WAL_PLACE_FRAME;
    while (p->lsn < end_lsn && p->offset - before < SCRUB_STEP_BYTES) {
        rc = wal_window_frame(&p->window, p->offset, p->lsn, &frame, &problem);
        if (rc != WAL_PLACE_FRAME)
            break;
        p->offset += frame.bytes;
        p->lsn++;
    }
    p->counts.bytes += p->offset - before;
    if (rc < 0)
        return segment_unreadable(p, rc);
    if (rc != WAL_PLACE_FRAME)
        return judge_end(p, rc == WAL_PLACE_BAD ? problem : NULL);
    return p->lsn < end_lsn ? 1 : segment_ended(p, 1);
}

int
scrub_pass_step(struct scrub_pass *p)
{
    if (p->snapshots_left > 0)
        return snapshot_step(p);
    return p->segment < p->segments_len ? segment_step(p) : 0;
}
