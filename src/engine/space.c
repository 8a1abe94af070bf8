/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at the disk, once per look of the keeper. What is needed is estimated from the last
 * snapshot, the segment size and the smoothed growth of the log, which is bounded by the size at
 * which a snapshot is taken anyway. A reserve that cannot be made is not an error: there is no room
 * for it. The open segment's name is looked up while the log grows, because a file that somebody
 * has removed takes what is written to it along with the process; the answer is another segment and
 * a snapshot.
 */
#include "engine/space.h"

#include "engine/store.h"

#include <errno.h>
#include <stdio.h>

enum {
    NEED_LOG_S = 120,
    RESERVE_SHARE = 100, /* 1 % */
    ROOMY_LOOKS = 3,
    ROOMY_TIMES = 3, /* free space in reserves, beyond what is low, before one is made again */
    RATE_SPAN_S = 8,
    NS_PER_S = 1000000000,
    US_PER_MS = 1000,
};

void
space_configure(struct space *p, const attl_config *config)
{
    atomic_store(&p->reserve_wish_bytes, config_i64(config, OPT_PERSIST_RESERVE));
    atomic_store(&p->low_bytes, config_i64(config, OPT_INCIDENT_LOW_DISK));
    atomic_store(&p->slow_sync_us, config_i64(config, OPT_PERSIST_SLOW_SYNC) * US_PER_MS);
}

uint64_t
space_low_limit(uint64_t limit_bytes, uint64_t need_bytes)
{
    return limit_bytes > need_bytes ? limit_bytes : need_bytes;
}

uint64_t
space_reserve_size(uint64_t wish_bytes, uint64_t total_bytes)
{
    uint64_t share = total_bytes / RESERVE_SHARE;
    return wish_bytes < share ? wish_bytes : share;
}

static uint64_t
low_limit(const struct space *p)
{
    return space_low_limit((uint64_t)atomic_load(&p->low_bytes), atomic_load(&p->need_bytes));
}

/* How fast the log grows, over about RATE_SPAN_S: a look right after another says nothing, and
 * after a long sleep nothing older counts. */
static void
measure_growth(struct space *p, const struct wal_stats *log)
{
    int64_t now_ns = clock_mono_ns();
    double seconds = (double)(now_ns - p->rated_ns) / NS_PER_S;
    if (p->rated_ns && seconds < 1)
        return;
    if (p->rated_ns && log->bytes_written >= p->log_bytes) {
        double rate = (double)(log->bytes_written - p->log_bytes) / seconds;
        double share = seconds < RATE_SPAN_S ? seconds / RATE_SPAN_S : 1;
        p->log_rate += (rate - p->log_rate) * share;
    }
    p->rated_ns = now_ns;
    p->log_bytes = log->bytes_written;
}

static void
measure(struct store *s, const struct wal_stats *log)
{
    struct space *p = &s->space;
    uint64_t free_bytes = 0, total_bytes = 0;
    bool known = s->disk->ops->free_bytes(s->disk, &free_bytes) == 0 &&
                 s->disk->ops->total_bytes(s->disk, &total_bytes) == 0;
    measure_growth(p, log);
    uint64_t growth = (uint64_t)p->log_rate * NEED_LOG_S;
    uint64_t most = atomic_load(&s->snapshot_log_bytes), next = s->wal ? s->segment_bytes : 0;
    growth = most && growth > most ? most : growth;
    atomic_store(&p->free_bytes, free_bytes);
    atomic_store(&p->total_bytes, total_bytes);
    atomic_store(&p->need_bytes, next + atomic_load(&s->last_bytes) + growth);
    atomic_store(&p->known, known);
}

/* ---- the reserve ---- */

bool
space_release(struct store *s)
{
    struct space *p = &s->space;
    if (atomic_load(&p->reserve_bytes) == 0)
        return false;
    int error = s->disk->ops->remove(s->disk, SPACE_RESERVE_NAME);
    if (error == 0)
        error = s->disk->ops->sync_dir(s->disk);
    if (error != 0 && error != -ENOENT)
        return false; /* with the next look */
    store_log(s, 2, "reserve_released", "the disk is full: %llu bytes were kept for that",
              (unsigned long long)atomic_load(&p->reserve_bytes));
    atomic_store(&p->reserve_bytes, 0);
    atomic_fetch_add(&p->reserve_released, 1);
    p->roomy = 0;
    control_wake(s->a);
    return true;
}

/* Makes the file, or takes over one of the right size that an earlier run has left. */
static int
create(struct store *s, uint64_t bytes)
{
    struct disk *d = s->disk;
    struct disk_file *f;
    int error = d->ops->open(d, SPACE_RESERVE_NAME, DISK_WRITE, &f);
    if (error == -ENOENT)
        error = d->ops->open(d, SPACE_RESERVE_NAME, DISK_CREATE, &f);
    if (error)
        return error;
    error = d->ops->allocate(d, f, bytes, false);
    int closed = d->ops->close(d, f);
    error = error ? error : closed;
    if (error)
        (void)d->ops->remove(d, SPACE_RESERVE_NAME); /* half of one is in the way */
    return error;
}

/* One that an earlier run has left is as good. */
static void
adopt(struct store *s)
{
    struct disk_file *f;
    if (s->disk->ops->open(s->disk, SPACE_RESERVE_NAME, DISK_READ, &f) != 0)
        return;
    int64_t bytes = s->disk->ops->size(s->disk, f);
    (void)s->disk->ops->close(s->disk, f); /* it was only looked at */
    if (bytes > 0)
        atomic_store(&s->space.reserve_bytes, (uint64_t)bytes);
}

static void
remake(struct store *s, uint64_t bytes)
{
    struct space *p = &s->space;
    int error = bytes ? create(s, bytes) : s->disk->ops->remove(s->disk, SPACE_RESERVE_NAME);
    if (bytes || error == 0) /* create() leaves all or nothing */
        atomic_store(&p->reserve_bytes, error ? 0 : bytes);
    if (error == 0)
        p->made_for_bytes = atomic_load(&p->reserve_wish_bytes);
    p->roomy = 0;
}

/* What is there stays, unless another size is wished for or it is far too small: the size of some
 * file systems changes all the time. */
static void
keep_reserve(struct store *s, bool is_full, bool is_well)
{
    struct space *p = &s->space;
    int64_t wish_bytes = atomic_load(&p->reserve_wish_bytes);
    uint64_t held = atomic_load(&p->reserve_bytes);
    uint64_t bytes = space_reserve_size((uint64_t)wish_bytes, atomic_load(&p->total_bytes));
    if (is_full) {
        (void)space_release(s); /* or with the next look */
        return;
    }
    if (!atomic_load(&p->known) || !is_well || bytes == held ||
        (held > bytes / 2 && p->made_for_bytes == wish_bytes))
        return;
    bool roomy = atomic_load(&p->free_bytes) + held > low_limit(p) + ROOMY_TIMES * bytes;
    p->roomy = roomy ? p->roomy + 1 : 0;
    if (bytes == 0 || p->roomy >= (atomic_load(&p->reserve_released) ? ROOMY_LOOKS : 1))
        remake(s, bytes);
}

/* ---- the open segment ---- */

enum segment_find { SEGMENT_THERE, SEGMENT_SHORT, SEGMENT_GONE };

/* A segment has its whole size while it is written, so one that is shorter was cut by somebody.
 * What the disk cannot say now it may say at the next look. */
static enum segment_find
find_segment(struct disk *d, const struct wal_stats *log, const char *name)
{
    struct disk_file *f;
    int error = d->ops->open(d, name, DISK_READ, &f);
    if (error)
        return error == -ENOENT ? SEGMENT_GONE : SEGMENT_THERE;
    int64_t bytes = d->ops->size(d, f);
    (void)d->ops->close(d, f); /* it was only looked at */
    return bytes >= 0 && (uint64_t)bytes < log->segment_bytes ? SEGMENT_SHORT : SEGMENT_THERE;
}

static void
note_gone(struct store *s, const char *name, uint64_t from_lsn, uint64_t to_lsn)
{
    struct scrub_finding f = { .kind = STORE_WAL, .lsn = from_lsn, .end_lsn = to_lsn };
    (void)snprintf(f.name, sizeof f.name, "%s", name); /* names fit */
    (void)snprintf(f.lost, sizeof f.lost,
                   "somebody has removed or cut the segment that was being written; changes %llu "
                   "to %llu are in memory only",
                   (unsigned long long)from_lsn, (unsigned long long)to_lsn - 1); /* fits */
    s->space.gone_end_lsn = to_lsn;
    atomic_fetch_add(&s->space.segments_gone, 1);
    store_log(s, 3, "segment_gone", "%s: %s", name, f.lost);
    (void)scrub_note(s, &f); /* without room for it others wait for a snapshot as well */
    atomic_store(&s->snapshot_again, true);
}

/* Between the end of a segment, which is then cut to what it holds, and the news of it are moments
 * in which it seems too short: that must be so twice. */
static bool
is_missed(struct store *s, const struct wal_stats *log, const char *name)
{
    struct space *p = &s->space;
    enum segment_find found = find_segment(s->disk, log, name);
    bool again = found == SEGMENT_SHORT && p->suspect_lsn == log->segment_first_lsn;
    p->suspect_lsn = found == SEGMENT_SHORT && !again ? log->segment_first_lsn : 0;
    if (found == SEGMENT_THERE)
        p->checked_bytes = log->bytes_written;
    return found == SEGMENT_GONE || again;
}

static void
look_for_segment(struct store *s, const struct wal_stats *log)
{
    struct wal_stats now;
    char name[SEGMENT_NAME_MAX];
    if (log->state != WAL_WRITING || log->segment_first_lsn == 0)
        return;
    segment_name(log->segment_first_lsn, name);
    if (!is_missed(s, log, name))
        return;
    wal_stats_get(s->wal, &now);
    if (now.segments != log->segments || now.state != WAL_WRITING)
        return; /* it was another one already; with the next look */
    int error = wal_rotate(s->wal);
    wal_stats_get(s->wal, &now);
    if (error == 0 && now.segment_first_lsn != log->segment_first_lsn)
        note_gone(s, name, log->segment_first_lsn, now.segment_first_lsn);
}

/* ---- the look ---- */

void
space_look(struct store *s)
{
    struct wal_stats log = { 0 };
    if (s->wal)
        wal_stats_get(s->wal, &log);
    if (s->space.rated_ns == 0)
        adopt(s);
    measure(s, &log);
    bool log_full = s->wal && log.last_error == -ENOSPC;
    bool is_full = log_full || atomic_load(&s->snapshot_error) == -ENOSPC;
    bool is_well = log.state == WAL_WRITING && log.last_error == 0 &&
                   log.gaps <= atomic_load(&s->gaps_bridged);
    keep_reserve(s, is_full, is_well);
    if (s->wal && log.bytes_written != s->space.checked_bytes)
        look_for_segment(s, &log);
    s->space.is_low = atomic_load(&s->space.known) &&
                      atomic_load(&s->space.free_bytes) < low_limit(&s->space);
}

/* What the log does not have is in memory only, which ends now. */
static bool
needs_snapshot(struct store *s)
{
    struct wal_stats log;
    wal_stats_get(s->wal, &log);
    bool gap = store_is_behind_gap(s, &log);
    return gap || log.state == WAL_DETACHED || s->space.gone_end_lsn > atomic_load(&s->last_lsn);
}

void
space_close(struct store *s)
{
    struct wal_stats log;
    if (!s->wal || store_is_loading(s))
        return;
    wal_stats_get(s->wal, &log);
    look_for_segment(s, &log);
    if (s->space.suspect_lsn)
        look_for_segment(s, &log); /* nothing is written any more: it will not have changed */
    if (log.state == WAL_DETACHED)
        (void)wal_reattach(s->wal); /* with or without it, the snapshot is what counts */
    if (!needs_snapshot(s))
        return;
    store_log(s, 2, "closing_snapshot", "the log does not have everything: a snapshot will");
    (void)store_snapshot(s, NULL); /* it says so if it fails */
}
