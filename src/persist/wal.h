/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log being written: a ring, one flusher, the segment that is open, and the policy that says
 * when a change counts as safe. The flusher takes whatever frames have come in, gives them LSNs and
 * checksums, writes them with one write and syncs them with one fdatasync: while that lasts the
 * next group gathers, which is all the batching there is. Frames stay in the ring until the
 * policy's promise holds for them, so that after a failed write or sync, when the file can never be
 * trusted again, they are written anew to a fresh segment. Nothing here knows the cache.
 */
#ifndef ATTL_PERSIST_WAL_H
#define ATTL_PERSIST_WAL_H

#include "os/disk.h"
#include "persist/wal_format.h"
#include "persist/wal_ring.h"

enum wal_policy { WAL_POLICY_NO, WAL_POLICY_EVERYSEC, WAL_POLICY_ALWAYS };

/* What to do while the log cannot be written. */
enum wal_on_error {
    WAL_REJECT, /* refuse changes until it can: nothing acknowledged is ever unlogged */
    WAL_DEGRADE /* go on in memory, loudly; the log resumes behind a gap, with a fresh snapshot */
};

enum wal_state {
    WAL_WRITING,
    WAL_RETRYING, /* a new segment is being tried for; frames wait in the ring */
    WAL_DETACHED, /* memory only: frames are dropped (WAL_DEGRADE) */
    WAL_CLOSED
};

struct wal_config {
    struct disk *disk;
    attl_allocator alloc;
    enum wal_policy policy;
    enum wal_on_error on_error;
    uint64_t segment_bytes;
    uint64_t ring_bytes;
    uint64_t next_lsn;    /* of the first frame to be written */
    uint64_t durable_lsn; /* of the reader's verdict; 0: nothing is known */
    uint64_t run_id;
    bool gap;                     /* the first segment starts behind a gap */
    bool thread;                  /* false: the caller runs wal_step() (tests) */
    int64_t (*wall_ms)(void *ud); /* for marks and headers */
    int64_t (*mono_ns)(void *ud); /* for the second of everysec, and latencies */
    /* Called by the flusher when more has become durable, or the state has changed: be quick. */
    void (*notify)(void *ud);
    /* Called by the flusher behind each sync, with how long it took, and whether changes wait for
     * it (WAL_POLICY_ALWAYS). May be NULL. */
    void (*synced)(void *ud, int64_t took_ns, bool waited);
    /* Called by wal_close() if the disk is full, NULL: nobody can help. True: there is more room.
     */
    bool (*make_room)(void *ud);
    void (*log)(void *ud, int level, const char *event, const char *text);
    void *ud;
};

/* Counters and gauges, for INFO and metrics. */
struct wal_stats {
    enum wal_state state;
    uint64_t next_lsn;    /* the LSN the next frame will get */
    uint64_t written_lsn; /* frames below it were handed to the system */
    uint64_t durable_lsn; /* frames below it survive a power loss */
    uint64_t bytes_written, frames_written, groups, syncs, segments;
    uint64_t unsynced_bytes, ring_bytes, ring_used;
    uint64_t write_errors, sync_errors, delayed_syncs;
    uint64_t frames_dropped; /* while detached */
    uint64_t gaps;           /* segments begun behind one: each wants a snapshot */
    uint64_t sync_us_p50, sync_us_p99, sync_us_max; /* of the last thousand or so */
    int64_t last_sync_ms;                           /* Unix ms, 0: never */
    int last_error;                                 /* negative errno, 0: none since it recovered */
    int64_t error_since_ms;
    int latest_error; /* negative errno of the last failure there was, 0: none */
    uint64_t segment_first_lsn, segment_offset;
    uint64_t segment_bytes;   /* the size of the open one's file */
    uint64_t syncing_us;      /* how long the sync that is running has lasted, 0: none is */
    uint64_t slowest_sync_us; /* since somebody took it */
    /* The last interval whose changes the log may not have: from .. to, of which the second is 0
     * while it lasts; from 0: there was none. */
    uint64_t gap_from_lsn, gap_to_lsn, gap_frames;
    int64_t gap_from_ms, gap_to_ms;
};

struct wal;

/*
 * Opens a segment at next_lsn and starts the flusher. 0 or a negative errno, with `err`. What is in
 * the directory already ends at next_lsn (wal_cut()) and is made durable first (wal_inherit()). If
 * the verdict named a gap, so must `gap`: an empty segment that begins at next_lsn is replaced.
 */
int wal_open(const struct wal_config *config, struct wal **ret_wal, char *err, size_t err_len);
/* Flushes and syncs what can be, stops, frees. 0, or the negative errno of what could not be. */
int wal_close(struct wal **w);

/*
 * Whether a change may be made now; called before locks are taken. 0; -EAGAIN if the ring stays
 * nearly full for max_wait_ms; -EIO while changes are refused (WAL_REJECT and the log cannot be
 * written).
 */
int wal_admit(struct wal *w, int64_t max_wait_ms);
/*
 * Appends a change and returns the position just behind it. Called under the lock that orders the
 * change; wal_admit() has left room, so it waits only in the rarest case, and for the flusher
 * alone. `external`: see wal_ring_put(). `ret_lsn`, if not NULL, receives the frame's LSN later.
 */
uint64_t wal_append(struct wal *w, const struct wal_op *op, const struct wal_external *external,
                    _Atomic uint64_t *ret_lsn);
/* The position up to which the policy's promise holds: written, or durable under `always`. */
uint64_t wal_safe_position(const struct wal *w);
uint64_t wal_tail_position(const struct wal *w);
/* Asks for what was appended to be written now instead of in a millisecond or two (`no`,
 * `everysec`; `always` never lingers). For callers that wait with notify instead of wal_wait. */
void wal_hurry(struct wal *w);
/* What has become of `position`, or with `durable` of its being durable whatever the policy: 0 it
 * is there, -EINPROGRESS not yet, -EIO it will not be. Never waits. */
int wal_look(const struct wal *w, bool durable, uint64_t position);
/* False while the log is tried again or given up. */
bool wal_is_writing(const struct wal *w);
/* Asks for everything up to now to be durable; returns the position to look at. */
uint64_t wal_sync_begin(struct wal *w);
/* Waits until wal_safe_position() >= position: 0, -ETIMEDOUT, -EIO if it will not be. */
int wal_wait(struct wal *w, uint64_t position, int64_t timeout_ms);
/* Asks for everything up to now to be durable, whatever the policy, and waits. 0 or as wal_wait. */
int wal_sync(struct wal *w, int64_t timeout_ms);
void wal_set_policy(struct wal *w, enum wal_policy policy);
void wal_set_on_error(struct wal *w, enum wal_on_error on_error);
/* Leaves WAL_DETACHED for a new segment behind a gap, if the disk lets it. 0 or a negative errno.
 */
int wal_reattach(struct wal *w);
/* Closes the present segment and opens the next, so that older ones can be removed. */
int wal_rotate(struct wal *w);
void wal_stats_get(struct wal *w, struct wal_stats *ret);
/* Adds the durations of all syncs so far, us, by class of base/histogram.h, and their sum. */
void wal_sync_latency(struct wal *w, uint64_t *counts, uint64_t *sum_us);
/* The longest sync since the last call, in microseconds. One thread at a time. */
uint64_t wal_take_slowest_sync(struct wal *w);
/* One turn of the flusher, without its thread (config.thread is false). True if it did something.
 */
bool wal_step(struct wal *w);

#endif
