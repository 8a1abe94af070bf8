/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the log being written share: the struct itself, and the steps of a turn. A
 * point is a place in the log seen from both sides, as a position in the ring and as the LSN of the
 * frame that begins there; four of them only move forward, in this order: kept (frames from here on
 * are still in the ring), durable, written, placed. A failure sets placed and written back to kept,
 * and frames get their old LSNs again, so two versions of a frame never differ.
 *
 * The flusher owns everything that is not atomic and not said to be under a lock.
 */
#ifndef ATTL_PERSIST_WAL_FLUSHER_H
#define ATTL_PERSIST_WAL_FLUSHER_H

#include "os/thread.h"
#include "persist/wal.h"
#include "persist/wal_file.h"
#include "persist/wal_latency.h"
#include "persist/wal_wait.h"

enum {
    WAL_MARKS_MAX = 256,  /* marks among the frames that are kept */
    WAL_LAGGING_MAX = 16, /* segments that nobody asked to sync yet */
    WAL_MARK_EVERY_MS = 10,
    WAL_GATHER_MS = 2,
    WAL_RETRIES_MAX = 3, /* attempts at a new segment before WAL_DEGRADE gives up */
};
#define WAL_GATHER_BYTES (UINT64_C(256) << 10)
#define WAL_GROUP_MAX_BYTES (UINT64_C(4) << 20)
#define WAL_SECOND_NS INT64_C(1000000000)

struct wal_point {
    uint64_t position, lsn;
};

/* A mark is not in the ring, so what is needed to write it again is here. */
struct wal_kept_mark {
    uint64_t lsn;
    int64_t time_ms;
};

enum wal_request { WAL_ASK_ROTATE, WAL_ASK_REATTACH };

struct wal {
    struct wal_ring ring;
    /* An append that ends here or behind wakes the flusher. */
    _Alignas(128) _Atomic uint64_t wake_at;
    _Alignas(128) _Atomic uint64_t safe; /* positions, for those who wait */
    _Atomic uint64_t durable_position;
    _Atomic uint64_t
        lost_position; /* changes before it were written, not synced, and may be gone */
    _Atomic uint64_t sync_wanted;
    _Atomic int state, policy, on_error;
    _Atomic int64_t syncing_since_ns; /* 0: no sync is running */
    _Atomic uint64_t slowest_sync_us; /* since somebody took it */
    _Atomic bool closing;
    struct parker parker;
    struct wal_waiters waiters;
    struct wal_config config;
    struct thread thread;

    struct lock ask_lock; /* held by who asks, until he has the answer */
    enum wal_request asked_for;
    int answer;
    _Atomic uint64_t asked, answered;

    struct lock shown_lock;
    struct wal_stats shown;

    /* The flusher's. */
    struct wal_file file;
    struct wal_point placed, written, durable, kept;
    uint64_t assigned_lsn; /* LSNs below were given to frames or marks before */
    struct wal_kept_mark marks[WAL_MARKS_MAX];
    unsigned marks_len;
    int64_t last_mark_ms;
    bool has_frames; /* the present segment has more than a mark */
    bool gap;        /* the next segment begins behind a gap */
    bool lost; /* the sync that failed was that of frames which are not in the ring any more */
    uint64_t lagging[WAL_LAGGING_MAX]; /* first LSNs of finished segments not known durable */
    unsigned lagging_len;
    int64_t unsynced_since_ns; /* when the oldest frame that is not durable was written */
    unsigned failures;         /* in a row */
    int64_t retry_at_ns, prepare_at_ns;
    struct wal_latency latency;
    struct wal_latency_total latency_total;
    bool in_gap; /* stats.gap_... are of an interval that has not ended */
    uint64_t gap_lost, gap_dropped_before;
    struct wal_stats stats;
};

static inline int64_t
wal_now_ns(const struct wal *w)
{
    return w->config.mono_ns(w->config.ud);
}

/* The thread. */
void *wal_flusher_main(void *wal);
void wal_flusher_wake(struct wal *w);
/* Copies the figures to where wal_stats_get() finds them. */
void wal_flusher_show(struct wal *w);

#endif
