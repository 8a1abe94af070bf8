/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flusher: when to write, when to sync, when to sleep, and what to do when the disk fails.
 *
 * # After a failed write or sync
 *
 * The kernel may have thrown away what it could not write and say "done" the next time, so the file
 * S is closed and never written or synced again. Frames that are still in the ring, from `kept` on
 * (LSN D), are written to a new segment N that begins with D, under the LSNs they had: one LSN
 * never stands for two different changes. N is built under the name wal-next.attl, which recovery
 * ignores, synced, and only then renamed to the name made of D; the directory is synced; only then
 * do its frames count. A successor ends its predecessor at its own first LSN (wal_format.c, rule 3
 * of recovery). What recovery finds, if the power goes
 *
 * - before the rename is durable: S, whose frames below D are durable (policy `no`: written), and
 *   behind them any part of what followed. It reads S up to the first frame that is not whole.
 *   Nothing from D on had been promised as durable, and a process that dies without the power
 *   leaves S as it was written: what `everysec` calls written is there.
 * - after it, if S begins before D: S up to D, then N. What S has from D on does not count.
 * - after it, if S begins with D: N in place of S, in one step. S held nothing that N has not.
 * - after N failed in turn: as above, with N for S; kept is the same or further, and every segment
 *   that ever got a name begins at or before kept, so none can hide behind N.
 * - while the ring is given up (WAL_DEGRADE): S and its predecessors, a prefix. The segment that is
 *   begun on return has a larger first LSN and the flag gap.
 *
 * Under `no` frames leave the ring when they are written. If a sync that somebody asked for fails,
 * they cannot be written again, and S may have a hole: N gets the flag gap, wal_stats counts it,
 * and the server answers with a snapshot. A failed write says nothing about earlier ones: then S
 * only joins the segments that lag, and a later sync opens it by its name.
 *
 * S is also cut to what was handed over, which gives its unused space back; nothing depends on it.
 *
 * A second failure in a row makes the trouble official. WAL_REJECT: the state is RETRYING, changes
 * are refused, and a new segment is tried for every 100 ms to 1 s. WAL_DEGRADE does so three times,
 * or until the ring is half full, then gives up.
 *
 * # Sleep
 *
 * Waking a thread costs its waker 25 us, so producers do it only if the position they have reached
 * is at or behind `wake_at`: 0 while there is nothing to do, a quarter of a megabyte ahead while
 * the flusher gathers (2 ms, not under `always`), never while it is awake. It publishes wake_at,
 * then looks at the tail; a producer moves the tail, then looks at wake_at; both in the one order
 * of all such accesses, so one of them sees the other.
 */
#include "persist/wal_flusher.h"

#include "base/assert.h"
#include "persist/wal_group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LEVEL_INFO = 1, LOG_LEVEL_WARNING = 2, LOG_LEVEL_ERROR = 3 };
enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 1000 };
#define NS_PER_MS INT64_C(1000000)

static enum wal_state
state_of(const struct wal *w)
{
    return (enum wal_state)atomic_load(&w->state);
}

static void
say(struct wal *w, int level, const char *event, const char *what)
{
    char text[160];
    if (!w->config.log)
        return;
    (void)snprintf(text, sizeof(text), "%s (LSN %llu, error %d)", what,
                   (unsigned long long)w->kept.lsn, -w->stats.last_error); /* cut short is fine */
    w->config.log(w->config.ud, level, event, text);
}

void
wal_flusher_show(struct wal *w)
{
    struct wal_stats *s = &w->stats;
    s->state = state_of(w);
    s->next_lsn = w->placed.lsn > w->assigned_lsn ? w->placed.lsn : w->assigned_lsn;
    s->written_lsn = w->written.lsn;
    s->durable_lsn = w->durable.lsn;
    s->bytes_written = w->file.total_bytes;
    s->segment_first_lsn = w->file.file ? w->file.first_lsn : 0;
    s->segment_offset = w->file.file ? w->file.written : 0;
    s->segment_bytes = w->file.file ? w->file.bytes : 0;
    s->unsynced_bytes = w->written.position - w->durable.position;
    s->sync_us_p50 = wal_latency_percentile(&w->latency, 500);
    s->sync_us_p99 = wal_latency_percentile(&w->latency, 990);
    s->sync_us_max = wal_latency_max(&w->latency);
    lock_acquire(&w->shown_lock);
    w->shown = *s;
    lock_release(&w->shown_lock);
}

/* ---- failing and coming back ---- */

static void
enter_state(struct wal *w, enum wal_state state)
{
    if (state_of(w) == state)
        return;
    atomic_store(&w->state, state);
    wal_flusher_show(w);
    wal_waiters_wake(&w->waiters, true);
    if (w->config.notify)
        w->config.notify(w->config.ud);
}

static void
abandon(struct wal *w, int rc)
{
    w->stats.last_error = w->stats.latest_error = rc;
    if (w->stats.error_since_ms == 0)
        w->stats.error_since_ms = w->config.wall_ms(w->config.ud);
    w->failures++;
    bool had_gap = w->gap;
    wal_group_rewind(w);
    wal_file_abandon(&w->file);
    wal_flusher_show(w); /* first: who is told looks at the numbers */
    if (w->gap && !had_gap)
        say(w, LOG_LEVEL_ERROR, "wal_gap", "what was written may be lost, a snapshot is needed");
    if (w->failures == 1)
        say(w, LOG_LEVEL_WARNING, "wal_segment_abandoned", "the disk failed, trying a new segment");
}

static void
recovered(struct wal *w)
{
    if (w->failures == 0)
        return;
    w->failures = 0;
    say(w, LOG_LEVEL_WARNING, "wal_recovered", "the log is being written again");
    w->stats.last_error = 0;
    w->stats.error_since_ms = 0;
    enter_state(w, WAL_WRITING);
}

static bool
is_half_full(const struct wal *w)
{
    return wal_ring_used(&w->ring) > w->ring.size / 2;
}

static void
detach(struct wal *w)
{
    wal_group_begin_gap(w, w->kept.lsn, 0);
    w->lagging_len = 0;
    say(w, LOG_LEVEL_ERROR, "wal_detached", "the log is given up, changes are in memory only");
    enter_state(w, WAL_DETACHED);
}

/* True if the ring must be given up. */
static bool
has_had_enough(const struct wal *w)
{
    return atomic_load(&w->on_error) == WAL_DEGRADE &&
           (w->failures > WAL_RETRIES_MAX || is_half_full(w));
}

static void
retry_later(struct wal *w)
{
    unsigned doublings = w->failures - 2 < 4 ? w->failures - 2 : 4;
    int64_t pause_ms = (int64_t)RETRY_FIRST_MS << doublings;
    if (pause_ms > RETRY_MOST_MS)
        pause_ms = RETRY_MOST_MS;
    w->retry_at_ns = wal_now_ns(w) + pause_ms * NS_PER_MS;
    if (state_of(w) == WAL_WRITING) {
        say(w, LOG_LEVEL_ERROR, "wal_retrying", "no new segment can be written");
        enter_state(w, WAL_RETRYING);
    }
    if (has_had_enough(w))
        detach(w);
}

/* ---- a turn ---- */

static bool
sync_is_due(const struct wal *w)
{
    if (w->durable.lsn >= w->written.lsn)
        return false;
    if (atomic_load(&w->sync_wanted) > w->durable.position)
        return true;
    switch ((enum wal_policy)atomic_load(&w->policy)) {
    case WAL_POLICY_ALWAYS: return true;
    case WAL_POLICY_EVERYSEC:
        return wal_now_ns(w) - w->unsynced_since_ns >= WAL_SECOND_NS || is_half_full(w);
    case WAL_POLICY_NO: break;
    }
    return false;
}

static int
write_and_sync(struct wal *w, bool *ret_did)
{
    int rc = wal_group_write(w, ret_did);
    if (rc < 0 || !sync_is_due(w))
        return rc;
    if (atomic_load(&w->policy) != WAL_POLICY_ALWAYS)
        wal_group_settle(w); /* what was written is safe; do not make it wait */
    *ret_did = true;
    return wal_group_sync(w);
}

/* A first failure is tried again at once, in a new segment; a second is official. */
static bool
turn(struct wal *w)
{
    bool did = false;
    if (state_of(w) == WAL_RETRYING && wal_now_ns(w) < w->retry_at_ns) {
        if (has_had_enough(w))
            detach(w);
        return false;
    }
    int rc = write_and_sync(w, &did);
    if (rc < 0) {
        abandon(w, rc);
        if (w->failures == 1) {
            rc = write_and_sync(w, &did);
            if (rc < 0)
                abandon(w, rc);
        }
        did = true;
    }
    if (rc < 0)
        retry_later(w);
    else
        recovered(w);
    wal_group_settle(w);
    return did;
}

static bool
prepare(struct wal *w)
{
    int rc;
    const struct wal_file *f = &w->file;
    if (state_of(w) != WAL_WRITING || w->failures > 0 || atomic_load(&w->closing) || !f->file ||
        f->offset < w->config.segment_bytes / 2 || wal_now_ns(w) < w->prepare_at_ns)
        return false;
    bool zero = atomic_load(&w->policy) == WAL_POLICY_ALWAYS;
    bool did = wal_file_prepare(&w->file, w->config.segment_bytes, zero, &rc);
    if (rc < 0) /* when the segment is needed, it will be tried again and matter */
        w->prepare_at_ns = wal_now_ns(w) + WAL_SECOND_NS;
    return did;
}

/* ---- what others ask for ---- */

static int
rotate(struct wal *w)
{
    if (state_of(w) != WAL_WRITING || w->failures > 0)
        return -EIO;
    int rc = wal_group_rotate(w);
    if (rc < 0)
        abandon(w, rc);
    wal_group_settle(w);
    return rc;
}

static int
reattach(struct wal *w)
{
    if (state_of(w) != WAL_DETACHED)
        return state_of(w) == WAL_WRITING ? 0 : -EIO;
    (void)wal_group_drop(w);
    wal_group_settle(w);
    int rc = wal_group_rotate(w);
    if (rc < 0) {
        w->stats.last_error = rc;
        wal_group_rewind(w);
        wal_file_abandon(&w->file);
        return rc;
    }
    recovered(w);
    wal_group_settle(w);
    return 0;
}

static bool
answer(struct wal *w)
{
    uint64_t asked = atomic_load(&w->asked);
    if (asked == atomic_load(&w->answered))
        return false;
    w->answer = w->asked_for == WAL_ASK_ROTATE ? rotate(w) : reattach(w);
    atomic_store(&w->answered, asked);
    wal_waiters_wake(&w->waiters, false);
    return true;
}

bool
wal_step(struct wal *w)
{
    bool did = answer(w);
    if (state_of(w) == WAL_DETACHED) {
        if (wal_group_drop(w)) {
            wal_group_settle(w);
            did = true;
        }
        return did;
    }
    did |= turn(w);
    did |= prepare(w);
    return did;
}

/* ---- the thread ---- */

void
wal_flusher_wake(struct wal *w)
{
    parker_wake(&w->parker);
}

static int64_t
ms_until(int64_t now_ns, int64_t then_ns)
{
    return then_ns <= now_ns ? 0 : (then_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
}

/* Milliseconds until something is due by itself; -1: nothing is. */
static int64_t
next_duty_ms(const struct wal *w)
{
    if (state_of(w) == WAL_RETRYING)
        return ms_until(wal_now_ns(w), w->retry_at_ns);
    if (atomic_load(&w->policy) == WAL_POLICY_EVERYSEC && state_of(w) == WAL_WRITING &&
        w->durable.lsn < w->written.lsn)
        return ms_until(wal_now_ns(w), w->unsynced_since_ns + WAL_SECOND_NS);
    return w->failures > 0 && state_of(w) == WAL_WRITING ? 0 : -1;
}

static uint64_t
wake_position(const struct wal *w, bool gather)
{
    if (state_of(w) == WAL_RETRYING) {
        if (atomic_load(&w->on_error) == WAL_REJECT)
            return UINT64_MAX;
        return w->kept.position + w->ring.size / 2 + 1;
    }
    return gather ? w->ring.taken + WAL_GATHER_BYTES : 0;
}

static void
sleep_until_needed(struct wal *w, bool did)
{
    bool at_once = atomic_load(&w->policy) == WAL_POLICY_ALWAYS && state_of(w) == WAL_WRITING;
    bool gather = did && !at_once;
    int64_t ms = at_once && did ? 0 : next_duty_ms(w);
    if (gather && (ms < 0 || ms > WAL_GATHER_MS))
        ms = WAL_GATHER_MS;
    atomic_store(&w->wake_at, wake_position(w, gather));
    uint64_t pending = wal_ring_tail(&w->ring) - w->ring.taken;
    if (pending > 0 && state_of(w) != WAL_RETRYING) {
        bool urgent = !gather || pending >= WAL_GATHER_BYTES || wal_waiters_any(&w->waiters);
        if (!wal_ring_ready(&w->ring))
            ms = 1; /* a frame is being filled, and its producer may have looked already */
        else if (urgent)
            ms = 0;
    }
    if (ms != 0)
        parker_sleep(&w->parker, ms);
    atomic_store(&w->wake_at, UINT64_MAX);
}

void *
wal_flusher_main(void *wal)
{
    struct wal *w = wal;
    while (!atomic_load(&w->closing))
        sleep_until_needed(w, wal_step(w));
    return NULL;
}
