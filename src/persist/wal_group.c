/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the ring into segments. A turn takes what is complete, seals it in place, and writes it;
 * a frame never spans segments, so where one does not fit the segment is synced, cut and followed
 * by the next. A segment begins with a mark, and so does a group every ten milliseconds: marks give
 * the log its times and testify to what was durable. Marks get LSNs like frames but are not in the
 * ring, so those among frames that may have to be written again are remembered.
 *
 * Under the policy `no` a segment is left without a sync; its LSN goes to the list of those that
 * lag, and whoever later wants durability syncs them first, in order.
 *
 * The flusher alone runs this.
 */
#include "persist/wal_group.h"

#include "base/assert.h"
#include "persist/segment.h"

#include <errno.h>
#include <string.h>

enum { MARK_VALUE_BYTES = 16, MARK_FRAME_BYTES = WAL_FRAME_HEADER_BYTES + MARK_VALUE_BYTES };

static int64_t
wall_ms(const struct wal *w)
{
    return w->config.wall_ms(w->config.ud);
}

/* True while frames are placed that had been placed before. */
static bool
is_repeating(const struct wal *w)
{
    return w->placed.lsn < w->assigned_lsn;
}

/* From now on the next LSN belongs to what is being placed, even if the disk fails on the way. */
static void
assign_lsn(struct wal *w)
{
    if (w->assigned_lsn <= w->placed.lsn)
        w->assigned_lsn = w->placed.lsn + 1;
}

/* ---- marks ---- */

static int
place_mark(struct wal *w, int64_t time_ms)
{
    struct wal_mark mark = { .time_ms = time_ms, .durable_lsn = w->durable.lsn };
    unsigned char value[MARK_VALUE_BYTES], frame[MARK_FRAME_BYTES];
    wal_mark_encode(&mark, value);
    struct wal_op op = { .kind = WAL_MARK,
                         .value = attl_b(value, sizeof(value)),
                         .deadline_ms = ATTL_NO_DEADLINE };
    ASSERT(wal_frame_bytes(&op) == sizeof(frame));
    wal_frame_encode(&op, w->placed.lsn, frame);
    assign_lsn(w);
    int rc = wal_file_copy(&w->file, frame, sizeof(frame));
    if (rc < 0) {
        w->stats.write_errors++;
        return rc;
    }
    w->placed.lsn++;
    w->stats.frames_written++;
    return 0;
}

static int
place_new_mark(struct wal *w)
{
    if (w->marks_len == WAL_MARKS_MAX || is_repeating(w))
        return 0;
    w->last_mark_ms = wall_ms(w);
    w->marks[w->marks_len++] = (struct wal_kept_mark){ w->placed.lsn, w->last_mark_ms };
    return place_mark(w, w->last_mark_ms);
}

/* The mark that had the LSN which comes next, or NULL: then a frame of the ring has it. */
static const struct wal_kept_mark *
mark_to_repeat(const struct wal *w)
{
    for (unsigned i = 0; is_repeating(w) && i < w->marks_len; i++)
        if (w->marks[i].lsn == w->placed.lsn)
            return &w->marks[i];
    return NULL;
}

static bool
mark_is_due(const struct wal *w)
{
    int64_t since_ms = wall_ms(w) - w->last_mark_ms;
    return since_ms >= WAL_MARK_EVERY_MS || since_ms <= -WAL_MARK_EVERY_MS;
}

static void
forget_marks(struct wal *w)
{
    unsigned gone = 0;
    while (gone < w->marks_len && w->marks[gone].lsn < w->kept.lsn)
        gone++;
    if (gone == 0)
        return;
    w->marks_len -= gone;
    memmove(w->marks, w->marks + gone, w->marks_len * sizeof(w->marks[0]));
}

/* ---- syncing ---- */

static void
is_durable(struct wal *w)
{
    w->durable = w->written;
    w->unsynced_since_ns = 0;
}

/* *ret_failed: it was the sync that failed, so what was not durable may be lost. */
static int
sync_by_name(struct disk *d, const char *name, bool *ret_failed)
{
    struct disk_file *file;
    int rc = d->ops->open(d, name, DISK_WRITE, &file);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc; /* a snapshot has made it superfluous */
    rc = d->ops->sync(d, file);
    *ret_failed = rc < 0;
    (void)d->ops->close(d, file); /* what matters is what the sync said */
    return rc;
}

static int
sync_lagging(struct wal *w)
{
    while (w->lagging_len > 0) {
        char name[SEGMENT_NAME_MAX];
        segment_name(w->lagging[0], name);
        int rc = sync_by_name(w->config.disk, name, &w->lost);
        if (rc < 0)
            return rc;
        w->lagging_len--;
        memmove(w->lagging, w->lagging + 1, w->lagging_len * sizeof(w->lagging[0]));
    }
    return 0;
}

static void
measure_sync(struct wal *w, int64_t start_ns)
{
    int64_t end_ns = wal_now_ns(w);
    wal_latency_add(&w->latency, (uint64_t)(end_ns - start_ns) / 1000);
    wal_latency_count(&w->latency_total, (uint64_t)(end_ns - start_ns) / 1000);
    if (w->config.synced)
        w->config.synced(w->config.ud, end_ns - start_ns,
                         atomic_load(&w->policy) == WAL_POLICY_ALWAYS);
    w->stats.syncs++;
    w->stats.last_sync_ms = wall_ms(w);
    uint64_t took_us = (uint64_t)(end_ns - start_ns) / 1000;
    uint64_t slowest_us = atomic_load(&w->slowest_sync_us);
    while (slowest_us < took_us &&
           !atomic_compare_exchange_weak(&w->slowest_sync_us, &slowest_us, took_us))
        ;
    if (w->unsynced_since_ns && end_ns - w->unsynced_since_ns > 2 * WAL_SECOND_NS)
        w->stats.delayed_syncs++;
}

int
wal_group_sync(struct wal *w)
{
    if (w->durable.lsn >= w->written.lsn)
        return 0;
    int64_t start_ns = wal_now_ns(w);
    atomic_store(&w->syncing_since_ns, start_ns);
    int rc = sync_lagging(w);
    if (rc == 0 && w->file.file) {
        rc = wal_file_sync(&w->file);
        w->lost = rc < 0 && w->kept.lsn > w->durable.lsn && w->kept.lsn > w->file.first_lsn;
    }
    atomic_store(&w->syncing_since_ns, 0);
    if (rc < 0) {
        w->stats.sync_errors++;
        return rc;
    }
    measure_sync(w, start_ns);
    is_durable(w);
    return 0;
}

/* ---- what the log does not have ---- */

void
wal_group_begin_gap(struct wal *w, uint64_t from_lsn, uint64_t lost)
{
    struct wal_stats *s = &w->stats;
    w->gap = true;
    if (!w->in_gap) {
        w->in_gap = true;
        w->gap_lost = 0;
        w->gap_dropped_before = s->frames_dropped;
        s->gap_from_lsn = from_lsn;
        s->gap_from_ms = wall_ms(w);
        s->gap_to_lsn = 0;
        s->gap_to_ms = 0;
    }
    w->gap_lost += lost;
    s->gap_frames = w->gap_lost + s->frames_dropped - w->gap_dropped_before;
}

/* A segment behind the gap stands. */
static void
end_gap(struct wal *w)
{
    w->stats.gaps++;
    w->gap = false;
    if (!w->in_gap)
        return; /* the reader had found it */
    w->in_gap = false;
    w->stats.gap_to_lsn = w->file.first_lsn;
    w->stats.gap_to_ms = wall_ms(w);
}

/* ---- segments ---- */

/* Hands over what was placed; a segment without a name gets it, which makes it durable. */
static int
write_placed(struct wal *w)
{
    int rc = wal_file_flush(&w->file);
    if (rc < 0) {
        w->stats.write_errors++;
        return rc;
    }
    bool publish = !w->file.named;
    if (publish) {
        rc = wal_file_publish(&w->file);
        if (rc < 0) {
            w->stats.sync_errors++;
            return rc;
        }
        if (w->gap)
            end_gap(w);
        w->stats.segments++;
    }
    w->written = w->placed;
    if (!w->unsynced_since_ns)
        w->unsynced_since_ns = wal_now_ns(w);
    if (publish && w->lagging_len == 0)
        is_durable(w);
    return 0;
}

static int
start_segment(struct wal *w, uint64_t frame_bytes)
{
    uint64_t needed = WAL_SEGMENT_HEADER_BYTES + MARK_FRAME_BYTES + frame_bytes;
    struct wal_segment_header h = {
        .first_lsn = w->placed.lsn,
        .created_ms = wall_ms(w),
        .run_id = w->config.run_id,
        .file_bytes = needed > w->config.segment_bytes ? needed : w->config.segment_bytes,
        .gap = w->gap,
    };
    w->has_frames = false;
    int rc = wal_file_start(&w->file, &h);
    if (rc < 0) {
        w->stats.write_errors++;
        return rc;
    }
    return place_new_mark(w);
}

static int
end_segment(struct wal *w)
{
    int rc = write_placed(w);
    if (rc < 0)
        return rc;
    if (w->durable.lsn < w->written.lsn) {
        if (atomic_load(&w->policy) != WAL_POLICY_NO || w->lagging_len == WAL_LAGGING_MAX) {
            rc = wal_group_sync(w);
            if (rc < 0)
                return rc;
        } else {
            w->lagging[w->lagging_len++] = w->file.first_lsn;
        }
    }
    wal_file_finish(&w->file);
    wal_group_settle(w);
    return 0;
}

/* So that a frame of `bytes`, and perhaps a mark in front of it, can be put. */
static int
make_room(struct wal *w, uint64_t bytes)
{
    if (wal_file_has_room(&w->file, MARK_FRAME_BYTES + bytes))
        return 0;
    if (w->file.file) {
        int rc = end_segment(w);
        if (rc < 0)
            return rc;
    }
    return start_segment(w, bytes);
}

int
wal_group_rotate(struct wal *w)
{
    if (w->file.file && !w->has_frames)
        return 0;
    if (w->file.file) {
        int rc = end_segment(w);
        if (rc < 0)
            return rc;
    }
    int rc = start_segment(w, 0);
    return rc < 0 ? rc : write_placed(w);
}

/* ---- frames ---- */

static int
put_split(struct wal *w, const struct wal_ring_item *item)
{
    static const unsigned char zeros[WAL_FRAME_ALIGN];
    attl_slice value = item->external->value;
    wal_frame_seal_split(item->frame, item->head_bytes, value, w->placed.lsn);
    int rc = wal_file_put(&w->file, item->frame, item->head_bytes);
    if (rc == 0 && value.len > 0)
        rc = wal_file_put(&w->file, value.data, value.len);
    size_t padding = item->bytes - item->head_bytes - value.len;
    if (rc == 0 && padding > 0)
        rc = wal_file_copy(&w->file, zeros, padding);
    return rc;
}

static int
place_item(struct wal *w, const struct wal_ring_item *item)
{
    int rc;
    assign_lsn(w);
    if (item->external) {
        rc = put_split(w, item);
    } else {
        wal_frame_seal(item->frame, item->bytes, w->placed.lsn);
        rc = wal_file_put(&w->file, item->frame, item->bytes);
    }
    if (rc < 0) {
        w->stats.write_errors++;
        return rc;
    }
    wal_ring_item_tell(item, w->placed.lsn);
    w->placed = (struct wal_point){ item->end, w->placed.lsn + 1 };
    w->stats.frames_written++;
    w->has_frames = true;
    return 0;
}

/* Frames and, between those that had been placed before, their marks. */
static int
place_all(struct wal *w)
{
    struct wal_ring_item item;
    bool marked = false;
    for (uint64_t bytes = 0; is_repeating(w) || bytes < WAL_GROUP_MAX_BYTES;) {
        const struct wal_kept_mark *again = mark_to_repeat(w);
        if (!again && !wal_ring_take(&w->ring, &item))
            return 0;
        int rc = make_room(w, again ? 0 : item.bytes);
        if (rc < 0)
            return rc;
        /* Looked up anew: ending a segment lets go of marks. */
        again = mark_to_repeat(w);
        if (!again && !marked && !is_repeating(w)) {
            marked = true;
            rc = mark_is_due(w) ? place_new_mark(w) : 0;
        }
        if (rc == 0)
            rc = again ? place_mark(w, again->time_ms) : place_item(w, &item);
        if (rc < 0)
            return rc;
        bytes += again ? MARK_FRAME_BYTES : item.bytes;
    }
    return 0;
}

int
wal_group_write(struct wal *w, bool *ret_did)
{
    *ret_did = false;
    int rc = place_all(w);
    if (rc == 0 && !w->file.file && w->failures > 0)
        rc = start_segment(w, 0); /* only a segment proves that the disk is back */
    if (rc < 0)
        return rc;
    if (w->placed.lsn == w->written.lsn && (!w->file.file || w->file.named))
        return 0;
    *ret_did = true;
    w->stats.groups++;
    return write_placed(w);
}

bool
wal_group_drop(struct wal *w)
{
    struct wal_ring_item item;
    uint64_t dropped = 0;
    while (dropped < WAL_GROUP_MAX_BYTES / WAL_FRAME_HEADER_BYTES) {
        if (mark_to_repeat(w)) {
            w->placed.lsn++;
            continue;
        }
        if (!wal_ring_take(&w->ring, &item))
            break;
        wal_ring_item_tell(&item, w->placed.lsn);
        assign_lsn(w);
        w->placed = (struct wal_point){ item.end, w->placed.lsn + 1 };
        dropped++;
    }
    w->stats.frames_dropped += dropped;
    w->stats.gap_frames += w->in_gap ? dropped : 0;
    w->written = w->placed;
    return dropped > 0;
}

/* Whether the abandoned segment has frames that are not in the ring any more and not durable. */
static bool
leaves_some_behind(const struct wal *w)
{
    return w->file.named && w->kept.lsn > w->durable.lsn && w->kept.lsn > w->file.first_lsn;
}

void
wal_group_rewind(struct wal *w)
{
    if (leaves_some_behind(w) && !w->lost) {
        if (w->lagging_len < WAL_LAGGING_MAX)
            w->lagging[w->lagging_len++] = w->file.first_lsn;
        else
            w->lost = true;
    }
    if (w->lost) { /* only a snapshot has them for certain */
        atomic_store(&w->lost_position, w->kept.position);
        wal_group_begin_gap(w, w->durable.lsn, w->kept.lsn - w->durable.lsn);
        w->lagging_len = 0;
        w->lost = false;
    }
    wal_ring_rewind(&w->ring, w->kept.position);
    w->placed = w->written = w->kept;
}

int
wal_group_testify(struct wal *w)
{
    if (w->durable.lsn < w->placed.lsn || !wal_file_has_room(&w->file, MARK_FRAME_BYTES))
        return 0;
    int rc = place_new_mark(w);
    if (rc == 0)
        rc = write_placed(w);
    return rc < 0 ? rc : wal_group_sync(w);
}

/* ---- letting go ---- */

void
wal_group_settle(struct wal *w)
{
    /* After the frames were taken: whoever appended after a change of policy is judged by it. */
    enum wal_policy policy = (enum wal_policy)atomic_load(&w->policy);
    bool is_detached = atomic_load(&w->state) == WAL_DETACHED;
    bool written_is_enough = policy == WAL_POLICY_NO || is_detached;
    struct wal_point keep = written_is_enough ? w->written : w->durable;
    if (keep.lsn > w->kept.lsn) {
        w->kept = keep;
        wal_ring_release(&w->ring, keep.position);
        forget_marks(w);
    }
    wal_flusher_show(w); /* first: who has waited may look at the numbers next */
    bool safe_when_written = policy != WAL_POLICY_ALWAYS || is_detached;
    uint64_t safe = (safe_when_written ? w->written : w->durable).position;
    bool news = false;
    if (safe > atomic_load(&w->safe)) {
        atomic_store(&w->safe, safe);
        news = true;
    }
    if (w->durable.position > atomic_load(&w->durable_position)) {
        atomic_store(&w->durable_position, w->durable.position);
        news = true;
    }
    if (!news)
        return;
    wal_waiters_wake(&w->waiters, false);
    if (w->config.notify)
        w->config.notify(w->config.ud);
}
