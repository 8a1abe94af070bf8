/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl/durability.h - the log, snapshots, recovery, rollback and retention. All of it needs a
 * data directory; a cache without one says so. Part of <attl/attl.h>, which is what programs
 * include.
 */
#ifndef ATTL_DURABILITY_H
#define ATTL_DURABILITY_H

#ifndef ATTL_ATTL_H
#error "include <attl/attl.h>, of which this is a part"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * With persist.fsync = no, everysec or always, and a directory in persist.dir, every change is
 * written to a log before the call that made it returns (always: and is durable by then). Opening
 * reads the newest snapshot and the log behind it. `always`: nothing acknowledged is lost.
 * `everysec`: at most the last two seconds are. `no`: the system decides; what survives is a prefix
 * of what was done. An entry never lives longer because of a restart.
 */

/* As attl_open; on failure `err` (may be NULL) receives a sentence. Also returns ATTL_E_IO,
 * ATTL_E_DAMAGED, ATTL_E_LOCKED. Blocks while the data directory is read, unless
 * persist.background_load is set. Since 0.2. */
ATTL_CHECKED int attl_open_dir(attl **ret_cache, const attl_config *config, char *err,
                               size_t err_len);

typedef struct attl_load_progress {
    uint32_t struct_size;
    uint32_t loading; /* 1 until everything has been read; meanwhile changes get ATTL_E_LOADING */
    int32_t status;   /* ATTL_OK, or why loading failed */
    uint32_t reserved;
    uint64_t bytes_done, bytes_total, entries;
    int64_t eta_ms; /* -1: not known yet */
} attl_load_progress;
/* How far loading is. Never blocks. Threads: any. Since 0.2. */
ATTL_API void attl_load_progress_get(attl *cache, attl_load_progress *ret_progress);

/*
 * The log position just behind the calling thread's last change to this cache, 0 if it made none;
 * and the position up to which the promise of persist.fsync holds. A change is safe when the second
 * has reached the first. Without a log both are 0. Never block. Since 0.2.
 */
ATTL_API uint64_t attl_log_position(attl *cache);
ATTL_API uint64_t attl_log_safe(attl *cache);
/*
 * Waits for that: ATTL_OK, ATTL_E_BUSY after timeout_ms (< 0: for ever), ATTL_E_IO if the log
 * cannot be written: the change is made, but it is not durable. Only needed with persist.wait =
 * no; otherwise the calls that change something wait themselves under `always`. Since 0.2.
 */
ATTL_CHECKED int attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms);
/* Makes everything logged so far durable, whatever persist.fsync says. As attl_log_wait. Blocks on
 * the disk. Since 0.2. */
ATTL_CHECKED int attl_log_sync(attl *cache, int64_t timeout_ms);
/* Calls `fn` whenever more has become safe, or never will: from the log's thread, so it may do no
 * more than wake somebody. Since 0.2. */
typedef void (*attl_log_notify_fn)(void *ud);
ATTL_API void attl_config_set_log_notify(attl_config *config, attl_log_notify_fn fn, void *ud);

typedef struct attl_snapshot_info {
    uint32_t struct_size;
    uint32_t valid;     /* 1: it was read back and is whole; 0: not looked at */
    uint64_t lsn;       /* the state before this change                      */
    int64_t created_ms; /* Unix ms                                           */
    uint64_t entries, bytes;
    char name[96];
} attl_snapshot_info;
/*
 * Writes a snapshot of this moment while everything goes on, and waits for it. ret_info may be
 * NULL. ATTL_OK, ATTL_E_BUSY (one is running), ATTL_E_IO, ATTL_E_NOMEM, ATTL_E_UNSUPPORTED (no
 * persist.dir), ATTL_E_LOADING. Blocks on the disk. Since 0.2.
 */
ATTL_CHECKED int attl_snapshot(attl *cache, attl_snapshot_info *ret_info);
/* The same in the background; attl_persist_stats_get() tells how it goes. Since 0.2. */
ATTL_CHECKED int attl_snapshot_start(attl *cache);
/* Calls `fn` for each snapshot of the directory, oldest first. ATTL_OK, ATTL_E_IO,
 * ATTL_E_UNSUPPORTED. Blocks on the disk. Since 0.2. */
typedef void (*attl_snapshot_fn)(void *ud, const attl_snapshot_info *info);
ATTL_CHECKED int attl_snapshot_list(attl *cache, attl_snapshot_fn fn, void *ud);

typedef struct attl_rollback_opts {
    uint32_t struct_size;
    uint32_t dry_run;    /* 1: only count                                            */
    int64_t to_ms;       /* the state at this Unix ms, if > 0; otherwise             */
    uint64_t to_lsn;     /* the state before this change, if > 0; otherwise          */
    const char *to_name; /* the state of this snapshot                               */
} attl_rollback_opts;
typedef struct attl_rollback_report {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t lsn;            /* the state before this change was restored           */
    int64_t time_ms;         /* when that was, as exactly as the log tells; 0: unknown */
    uint64_t entries_before; /* in the cache                                        */
    uint64_t entries_after;
    uint64_t restored;        /* entries that were missing and are back              */
    uint64_t changed;         /* entries that had another value or deadline          */
    uint64_t removed;         /* entries that were not there then                    */
    uint64_t expired;         /* entries of then whose deadline has passed since     */
    char safety_snapshot[96]; /* taken before; roll back to it to undo the rollback */
} attl_rollback_report;
/*
 * Brings the contents back to what they were, as ordinary changes: logged, seen by readers one by
 * one, and undoable. A snapshot is taken first. Changes made meanwhile by others stay. ATTL_OK,
 * ATTL_MISS (the log does not reach back that far: `err` says how far it does), ATTL_E_INVALID,
 * ATTL_E_DAMAGED, ATTL_E_BUSY (another one is running), ATTL_E_FULL, ATTL_E_IO, ATTL_E_NOMEM,
 * ATTL_E_UNSUPPORTED. Blocks on the disk. Since 0.2.
 */
ATTL_CHECKED int attl_rollback(attl *cache, const attl_rollback_opts *opts,
                               attl_rollback_report *ret_report, char *err, size_t err_len);

/* One file that retention looked at. */
typedef void (*attl_retention_fn)(void *ud, const char *name, uint64_t bytes, int goes,
                                  const char *reason);
/* Applies the rules of retention.* now, or with dry_run only tells. `fn` may be NULL. ATTL_OK,
 * ATTL_E_IO, ATTL_E_NOMEM, ATTL_E_UNSUPPORTED. `fn` must not call back into the cache's snapshots.
 * Blocks on the disk. Since 0.2. */
ATTL_CHECKED int attl_retention_run(attl *cache, int dry_run, attl_retention_fn fn, void *ud);

typedef struct attl_persist_stats {
    uint32_t struct_size;
    uint32_t enabled;   /* 1: there is a log                                                */
    uint32_t state;     /* 0 writing, 1 trying for a new segment, 2 in memory only, 3 closed,
                           4 writing again, but what a gap lost is not in a snapshot yet     */
    int32_t last_error; /* negative errno of the last failed write or sync, 0: none since   */
    uint64_t next_lsn, written_lsn, durable_lsn;
    uint64_t log_bytes, log_segments, log_writes, log_syncs, log_frames;
    uint64_t unsynced_bytes, buffer_bytes, buffer_used;
    uint64_t write_errors, sync_errors, delayed_syncs, unlogged_changes;
    uint64_t sync_us_p50, sync_us_p99, sync_us_max;
    int64_t last_sync_ms;
    /* snapshots */
    uint64_t snapshots, snapshot_failures;
    uint64_t snapshot_running, snapshot_entries_done, snapshot_entries_total;
    int64_t last_snapshot_ms; /* Unix ms of its cut; 0: none                                   */
    uint64_t last_snapshot_bytes, last_snapshot_entries, last_snapshot_lsn;
    int64_t last_snapshot_took_ms;
    int32_t last_snapshot_status; /* of the last attempt: ATTL_OK or a failure              */
    uint32_t last_snapshot_verified;
    uint64_t changes_since_snapshot;
    uint64_t snapshot_copied_bytes; /* index tables copied for the running or last one        */
    /* recovery */
    uint64_t replay_bytes; /* of log that a restart would read                            */
    int64_t replay_ms;     /* and about how long that would take                          */
    uint64_t recovered_entries, recovered_frames, recovered_lost_frames;
    int64_t recovery_ms;
    uint64_t disk_bytes; /* of all our files                                               */
    /* Since 0.4. The last interval of changes that the log may not have: `to` is 0 while it
     * lasts, `from` if there was none. A snapshot has them once `state` is 0 again. */
    uint64_t log_gap_from, log_gap_to, log_gap_changes; /* LSNs; how many                  */
    int64_t log_gap_from_ms, log_gap_to_ms;             /* Unix ms                         */
    uint64_t disk_free_bytes, disk_total_bytes, disk_low_bytes; /* 0: not known            */
    uint64_t reserve_bytes, reserve_released;
} attl_persist_stats;
/* Fills *ret_stats (struct_size must be set). Never blocks on the disk. Since 0.2. */
ATTL_API void attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats);

/*
 * Files are read again in the background (scrub.*), because a disk may change what it was given:
 * every snapshot, and every segment of the log that is not written to any more. A damaged file is
 * set aside; if a start would have needed it, a fresh snapshot is taken from memory before. A file
 * that the disk fails to read is reported, and left as it is.
 */
typedef struct attl_scrub_report {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t files, bytes;    /* that were read                                         */
    uint64_t damaged, healed; /* files that are damaged; and of those, healed by now    */
    uint64_t unreadable;      /* files that the disk failed to read                     */
    int64_t took_ms;
} attl_scrub_report;
/*
 * Reads everything again now, in the calling thread and without regard to scrub.rate, and heals
 * what is damaged. What cannot be healed at once (a snapshot fails, or another one is running) is
 * tried again in the background, or by attl_tick(). ret_report may be NULL; it is filled in on
 * success, which damage that was found does not change. ATTL_OK; ATTL_E_BUSY: another call runs,
 * too much waits to be healed, or the cache is being closed; ATTL_E_IO: the directory cannot be
 * listed; ATTL_E_NOMEM; ATTL_E_LOADING; ATTL_E_INVALID: inside a transaction; ATTL_E_UNSUPPORTED:
 * there is no data directory. Threads: any. Blocks on the disk. Since 0.4.
 */
ATTL_CHECKED int attl_scrub(attl *cache, attl_scrub_report *ret_report);

typedef struct attl_scrub_stats {
    uint32_t struct_size;
    uint32_t running;                           /* 1: a pass is under way                        */
    uint64_t pass_bytes_done, pass_bytes_total; /* of the one in the background; 0: there is none */
    uint64_t passes;                            /* completed since the cache was opened          */
    int64_t last_pass_ms;                       /* Unix ms of the end of the last one, 0: none   */
    int64_t last_took_ms;
    uint64_t files, bytes;      /* read since the cache was opened                       */
    uint64_t damaged, unhealed; /* files found damaged, also while loading; and those that
                                   still wait to be healed                               */
    uint64_t unreadable;        /* files that the disk failed to read                    */
} attl_scrub_stats;
/* Fills *ret_stats (struct_size must be set); all 0 without a data directory. Never blocks on the
 * disk. Threads: any. Since 0.4. */
ATTL_API void attl_scrub_stats_get(attl *cache, attl_scrub_stats *ret_stats);

/* One file that was found damaged or unreadable. Its texts end with the call that shows it. */
typedef struct attl_damage {
    uint32_t struct_size;
    uint32_t healed;     /* 1: nothing depends on the file any more                       */
    uint32_t unreadable; /* 1: the disk failed to read it; its contents may be all right  */
    uint32_t reserved;
    int64_t found_ms;      /* Unix ms                                                       */
    uint64_t offset;       /* in the file: what is before it is good; 0: not even the begin */
    uint64_t lsn, end_lsn; /* of a segment: changes from lsn up to before end_lsn are concerned */
    const char *file, *lost, *done;
} attl_damage;
typedef void (*attl_damage_fn)(void *ud, const attl_damage *damage);
/* Calls `fn` for the files found damaged or unreadable since the cache was opened, the last eight
 * at most, newest first. ATTL_OK, ATTL_E_UNSUPPORTED (no data directory). Never blocks on the disk.
 * Threads: any. Since 0.4. */
ATTL_API int attl_damage_list(attl *cache, attl_damage_fn fn, void *ud);

#ifdef __cplusplus
}
#endif
#endif
