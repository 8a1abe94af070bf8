/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judging the disk. What the log says of its own state is certain, as is a counter of failures that
 * has grown: no noise looks like that, and one failed sync is news even where a new segment has
 * already made it good. How long syncs take is noisy, so a slow one counts for two readings and no
 * more: one alone opens nothing, a disk that hangs again and again does, however the readings fall.
 * Nothing here blocks; the numbers are the keeper's.
 */
#include "control/detect_disk.h"

#include "control/control.h"

#include <errno.h>
#include <inttypes.h>

enum { US_PER_MS = 1000, PERCENT = 100, SLOW_WORSE = 4, LOW_WORSE = 4 };

static const char *
error_text(int error)
{
    return error ? strerror(-error) : "no error";
}

static uint64_t
grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

/* ---- the log ---- */

static void
judge_state(const struct control_disk *d, struct incident_reading *ret)
{
    ret->bad = ret->certain = true;
    ret->worse = d->memory_only;
    ret->value = (double)(d->memory_only ? d->gap_changes : d->log_errors);
    if (d->memory_only)
        incident_because(ret,
                         "the log is given up (%s): %" PRIu64 " changes from %" PRIu64
                         " on are in memory only",
                         error_text(d->log_error), d->gap_changes, d->gap_from_lsn);
    else
        incident_because(ret, "the log cannot be written (%s), %" PRIu64 " failures so far",
                         error_text(d->log_error), d->log_errors);
}

static void
judge_syncs(const struct disk_span *s, struct incident_reading *ret)
{
    if (s->slowest_us <= s->slow_sync_us)
        return;
    ret->bad = true;
    ret->worse = s->slowest_us > SLOW_WORSE * s->slow_sync_us;
    ret->value = (double)s->slowest_us / US_PER_MS;
    ret->limit = (double)s->slow_sync_us / US_PER_MS;
    incident_because(ret,
                     "a sync of the log took %.0f ms, the limit is %.0f ms; 1 %% of the last "
                     "thousand took more than %.1f ms, %" PRIu64 " bytes wait",
                     ret->value, ret->limit, (double)s->now->sync_us_p99 / US_PER_MS,
                     s->now->unsynced_bytes);
}

void
judge_log(const struct disk_span *s, struct incident_reading *ret)
{
    const struct control_disk *d = s->now;
    uint64_t errors = grown(s->before->log_errors, d->log_errors);
    if (!d->has_log)
        return;
    if (d->retrying || d->memory_only) {
        judge_state(d, ret);
    } else if (grown(s->before->segments_gone, d->segments_gone) > 0) {
        ret->bad = ret->certain = true;
        ret->value = (double)d->segments_gone;
        incident_because(ret,
                         "somebody has removed the segment that was being written, %" PRIu64
                         " so far; another was begun, and a snapshot follows",
                         d->segments_gone);
    } else if (d->behind_gap) {
        ret->bad = true;
        ret->value = (double)d->gap_changes;
        incident_because(ret,
                         "the log is written again, but %" PRIu64 " changes between %" PRIu64
                         " and %" PRIu64 " are in no snapshot yet",
                         d->gap_changes, d->gap_from_lsn, d->gap_to_lsn);
    } else if (errors > 0) {
        ret->bad = ret->certain = true;
        ret->value = (double)errors;
        incident_because(ret,
                         "%" PRIu64 " writes or syncs of the log failed (%s); the changes were "
                         "written anew to another segment",
                         errors, error_text(d->latest_error));
    } else {
        judge_syncs(s, ret);
    }
}

/* ---- snapshots and space ---- */

void
judge_snapshots(const struct disk_span *s, struct incident_reading *ret)
{
    const struct control_disk *d = s->now;
    if (d->snapshot_error == 0)
        return;
    ret->bad = true;
    ret->certain = grown(s->before->snapshot_failures, d->snapshot_failures) > 0;
    ret->value = (double)d->snapshot_failures;
    memcpy(ret->request, d->snapshot_trace, sizeof ret->request);
    incident_because(ret,
                     "the last snapshot failed: %s; %" PRIu64 " have failed, %" PRIu64
                     " were taken since the start; the older ones are kept",
                     error_text(d->snapshot_error), d->snapshot_failures, d->snapshots);
}

static double
percent_full(uint64_t free_bytes, uint64_t total_bytes)
{
    if (total_bytes == 0 || free_bytes > total_bytes)
        return PERCENT;
    return PERCENT * (double)(total_bytes - free_bytes) / (double)total_bytes;
}

void
judge_space(const struct disk_span *s, struct incident_reading *ret)
{
    const struct control_disk *d = s->now;
    bool released = d->reserve_wanted && d->reserve_bytes == 0 &&
                    grown(s->before->reserve_released, d->reserve_released) > 0;
    if (!d->space_known || (d->free_bytes >= d->low_bytes && !released))
        return;
    ret->bad = true;
    ret->certain = released;
    ret->worse = d->free_bytes < d->low_bytes / LOW_WORSE;
    ret->value = percent_full(d->free_bytes, d->total_bytes);
    ret->limit = percent_full(d->low_bytes, d->total_bytes);
    incident_because(ret,
                     "%" PRIu64 " of %" PRIu64 " bytes of the disk are free, %" PRIu64
                     " should be; the next segment, a snapshot "
                     "and two minutes of log need %" PRIu64 "%s",
                     d->free_bytes, d->total_bytes, d->low_bytes, d->need_bytes,
                     released ? "; the reserve was released" : "");
}

/* ---- detectors ---- */

void
disk_watch_configure(struct control *c, const attl_config *config)
{
    c->disk.slow_sync_us = config_i64(config, OPT_PERSIST_SLOW_SYNC) * US_PER_MS;
}

/* One reading serves all three. */
static struct disk_span
look(struct control *c, const struct control_numbers *n)
{
    struct disk_watch *w = &c->disk;
    if (w->read_ms != n->now_ms) {
        uint64_t last_us = w->now.slowest_sync_us;
        w->has_before = w->read_ms != 0 && w->now.present;
        w->before = w->has_before ? w->now : (struct control_disk){ 0 };
        control_observe_disk(c->a, &w->now);
        w->held_us = w->now.slowest_sync_us > last_us ? w->now.slowest_sync_us : last_us;
        w->read_ms = n->now_ms;
    }
    return (struct disk_span){ &w->now, &w->before, (uint64_t)w->slow_sync_us, w->held_us };
}

void
detect_log(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct disk_span s = look(c, n);
    if (s.now->present)
        judge_log(&s, ret);
}

void
detect_snapshots(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct disk_span s = look(c, n);
    if (s.now->present)
        judge_snapshots(&s, ret);
}

void
detect_space(struct control *c, const struct control_numbers *n, struct incident_reading *ret)
{
    struct disk_span s = look(c, n);
    if (s.now->present)
        judge_space(&s, ret);
}

/* ---- responses ---- */

static void
want_emergency(struct control *c, enum incident_kind kind, bool on)
{
    unsigned before = c->disk.emergency;
    c->disk.emergency = on ? before | 1u << kind : before & ~(1u << kind);
    if ((before == 0) != (c->disk.emergency == 0))
        control_disk_emergency(c->a, c->disk.emergency != 0);
}

/* The account, when it is over. */
static void
tell_gap(const struct control_disk *d, struct incident *i)
{
    bool was_gap = d->gap_from_lsn > 0 && d->gap_to_ms >= i->since_ms;
    if (!was_gap) {
        incident_did(i, "the log is written again, nothing was left out; next LSN %" PRIu64,
                     d->next_lsn);
        return;
    }
    incident_did(i,
                 "the log is whole again: %" PRIu64 " changes in %" PRIu64 "..%" PRIu64
                 ", Unix ms %" PRId64 "..%" PRId64 ", were not logged, a snapshot holds them",
                 d->gap_changes, d->gap_from_lsn, d->gap_to_lsn, d->gap_from_ms, d->gap_to_ms);
}

void
respond_log(struct control *c, struct incident *i, int level)
{
    const struct control_disk *d = &c->disk.now;
    bool is_full = d->log_error == -ENOSPC;
    if (i->simulated) {
        if (level >= 0)
            incident_did(i, "would try a new segment each second, and remove old files if the disk "
                            "is full");
        return;
    }
    want_emergency(c, INCIDENT_WAL_FAILURE, level >= 0 && is_full);
    if (level < 0)
        tell_gap(d, i);
    else if (level > 0)
        incident_did(i, "level %d: still trying", level);
    else if (d->memory_only)
        incident_did(i, "goes on in memory only; a new segment is tried each second, and a "
                        "snapshot follows");
    else if (d->retrying)
        incident_did(i, "reads go on; a new segment is tried ten times a second to once a second");
    else if (d->log_error || d->log_errors > 0)
        incident_did(i, "the failed file is left alone; a new segment is tried at once");
    if (level >= 0 && is_full)
        incident_did(i, "had everything removed that recovery does not need");
}

void
respond_snapshots(struct control *c, struct incident *i, int level)
{
    if (level < 0)
        return;
    if (i->simulated) {
        incident_did(i, "would take another snapshot");
        return;
    }
    control_disk_snapshot(c->a);
    incident_did(i, "kept the older ones; another is tried after 1 s to 60 s");
}

void
respond_space(struct control *c, struct incident *i, int level)
{
    const struct control_disk *d = &c->disk.now;
    if (i->simulated) {
        if (level >= 0)
            incident_did(i, "would remove everything that recovery does not need");
        return;
    }
    want_emergency(c, INCIDENT_LOW_DISK, level >= 0);
    if (level == 0)
        incident_did(i, "had everything removed that recovery does not need");
    if (level == 0 && d->reserve_released > 0 && d->reserve_bytes == 0)
        incident_did(i, "the reserve was released");
    if (level < 0 && d->reserve_wanted)
        incident_did(i, "the reserve holds %" PRIu64 " bytes", d->reserve_bytes);
}
