/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data directory of one cache: its log, its snapshots, and the keeper, a thread that loads,
 * takes snapshots when they are due, removes what is old and brings a log back that had failed. The
 * keeper sleeps until something was written; an idle cache does not wake it.
 *
 * `snapshot_lock` admits one snapshot or rollback at a time and is taken before any other lock.
 */
#ifndef ATTL_ENGINE_STORE_H
#define ATTL_ENGINE_STORE_H

#include "engine/engine.h"
#include "engine/erase.h"
#include "engine/scrub.h"
#include "engine/space.h"
#include "persist/retention.h"
#include "persist/snapshot.h"
#include "persist/wal.h"
#include "persist/wal_reader.h"

enum { STORE_SAVE_RULES_MAX = 8, STORE_PROBLEM_BYTES = 512 };

/* persist.save: so many changes in so many seconds. */
struct save_rule {
    int64_t after_ms;
    uint64_t changes;
};

struct store {
    struct attl *a;
    attl_allocator alloc;
    struct os_disk directory;
    struct disk *disk; /* the directory, or what a test has put in its place */
    struct wal *wal;   /* NULL: persist.fsync is off */
    uint64_t run_id;
    uint64_t next_lsn;          /* without a log: the cut of the next snapshot */
    struct wal_verdict log_end; /* as it was found; it is cut there when it is opened */
    bool cuts_log, log_gap;
    uint64_t segment_bytes;
    uint64_t durable_lsn;    /* what the log's marks testified when it was read */
    _Atomic int64_t skew_ms; /* what makes the cache's time the wall clock's */
    _Atomic bool waits;      /* calls wait for the log: persist.wait under always */
    _Atomic bool always;     /* persist.fsync is that */
    bool wait_wanted;        /* persist.wait */
    bool background;
    attl_log_notify_fn notify_fn;
    void *notify_ud;

    /* Loading. */
    _Atomic bool loading;
    _Atomic int load_status;
    _Atomic uint64_t load_done_bytes, load_total_bytes;
    _Atomic int64_t load_started_ns;
    char problem[STORE_PROBLEM_BYTES]; /* of a failed load; read after load_status */

    /* The keeper. */
    struct thread keeper;
    struct parker parker;
    _Atomic bool snapshot_starting; /* the keeper has taken a wish, or looks whether one is due */
    _Atomic bool stopping, snapshot_wanted, idle;
    _Atomic bool snapshot_again; /* the last one failed: another, with the pauses of retrying */
    _Atomic bool claimed;        /* by a snapshot or a rollback, for whom there is one place */
    struct lock snapshot_lock;
    struct lock rules_lock; /* what follows */
    struct save_rule rules[STORE_SAVE_RULES_MAX];
    size_t rules_len;
    struct retention_rules retention;
    _Atomic bool retention_on, compress;
    _Atomic int64_t retention_interval_ms;
    _Atomic uint64_t snapshot_log_bytes;
    struct lock keep_lock; /* who does what the keeper does; before snapshot_lock */
    int64_t next_retention_ns, retry_at_ns, retry_pause_ms;
    uint64_t seen_activity;     /* of log and snapshots, at the keeper's last look */
    uint64_t retained_activity; /* log and snapshots when old files were last looked for */

    /* The last snapshot, and the running one; for statistics, each number by itself. */
    _Atomic bool running;
    _Atomic uint64_t running_done, running_total;
    _Atomic uint64_t snapshots, snapshot_failures;
    _Atomic int64_t last_ms, last_took_ms;
    _Atomic uint64_t last_bytes, last_entries, last_lsn, last_log_bytes;
    _Atomic uint64_t changes_at_last; /* COUNT_CHANGES at the cut */
    _Atomic uint64_t last_copied_bytes;
    _Atomic uint64_t
        kept_max_bytes; /* for a snapshot; 0: by the size of the cache (tests set it) */
    _Atomic int last_status;
    _Atomic int snapshot_error;         /* negative errno of the last attempt, 0: it succeeded */
    char snapshot_trace[TRACE_MAX + 1]; /* of the request that failed last; rules_lock */
    _Atomic uint64_t recovered_entries, recovered_frames, recovered_changes, recovered_lost_frames;
    _Atomic int64_t recovery_ms;
    _Atomic uint64_t
        replay_rate; /* log bytes per second when this directory was loaded, 0: unknown */
    uint64_t told;   /* what the control plane was woken for last: see tell_control(); keep_lock */
    _Atomic uint64_t disk_bytes;
    _Atomic bool behind_gap;       /* the log was given up, and no snapshot has bridged that yet */
    _Atomic uint64_t gaps_bridged; /* of the log's gaps, those in front of a snapshot's cut */
    struct checkpoint *late; /* given up while the log could still write to them; snapshot_lock */
    struct scrub scrub;
    struct erase erase;
    _Atomic uint64_t rollbacks; /* that have changed something */
    struct space space;
    char newest[SEGMENT_NAME_MAX]; /* the newest snapshot known to be whole; snapshot_lock */
};

static inline bool
store_is_loading(const struct store *s)
{
    return s && atomic_load_explicit(&s->loading, memory_order_acquire);
}

/* Changes since the cut of the last snapshot, those that recovery read behind it included. */
uint64_t store_changes(const struct store *s);
/* What the log has lost is in no snapshot yet. Keeps that in mind for those who only look. */
bool store_is_behind_gap(struct store *s, const struct wal_stats *st);
/* True if the settings ask for a data directory. */
bool store_wanted(const attl_config *config);
/* Opens, locks and loads the directory (or starts to, with persist.background_load), opens the log,
 * starts the keeper. On failure nothing is left; `err` says why. */
int store_open(struct attl *a, char *err, size_t err_len);
/* Stops the keeper, writes and syncs what is left of the log. NULL is allowed. */
void store_close(struct store **s);
/* What the keeper does, in the calling thread, if there is no keeper: once, and only what is due.
 */
void store_tick(struct store *s);
void store_apply_config(struct store *s, const attl_config *config);
void store_log(struct store *s, int level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The status that a disk's answer means for a caller. */
int store_status(int error);

/* Reads the newest whole snapshot and the log behind it into the cache. Changes no file but to set
 * damaged snapshots aside. */
int store_load(struct store *s);

/* A snapshot now, in the calling thread. ATTL_OK, ATTL_E_BUSY, ATTL_E_IO ... */
int store_snapshot(struct store *s, attl_snapshot_info *ret_info);
/* The right to take a snapshot or to roll back, and snapshot_lock. False: somebody else has it. */
bool store_claim(struct store *s);
void store_release(struct store *s);
/* The same for who has claimed it. */
int store_snapshot_locked(struct store *s, attl_snapshot_info *ret_info);
/* Frees what failed snapshots had to leave to the log. It has been closed. */
void store_snapshot_fini(struct store *s);
void snapshot_info_fill(attl_snapshot_info *to, const struct snapshot_meta *meta, const char *name);

/* Applies the retention rules. Takes snapshot_lock. */
int store_retain(struct store *s, bool dry_run, attl_retention_fn fn, void *ud);

int store_rollback(struct store *s, const attl_rollback_opts *opts, attl_rollback_report *ret,
                   char *err, size_t err_len);

#endif
