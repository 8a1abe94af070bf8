/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Durability for callers: waiting for the log, snapshots, rollback, retention, and the statistics
 * of all that. Each call checks its arguments and hands the work to the engine's store; a cache
 * without a data directory has none, and then the calls say so. No state is kept here.
 */
#include "api/api.h"

#include "engine/journal.h"
#include "engine/store.h"

#include <errno.h>
#include <stdio.h>

void
attl_config_set_log_notify(attl_config *config, attl_log_notify_fn fn, void *ud)
{
    config->notify_fn = fn;
    config->notify_ud = ud;
}

void
attl_load_progress_get(attl *a, attl_load_progress *ret_progress)
{
    attl_load_progress p = { .status = ATTL_OK, .eta_ms = -1 };
    struct store *s = a->store;
    if (s) {
        p.loading = atomic_load_explicit(&s->loading, memory_order_acquire);
        p.status = atomic_load(&s->load_status);
        p.bytes_done = atomic_load(&s->load_done_bytes);
        p.bytes_total = atomic_load(&s->load_total_bytes);
        p.entries = cache_items(&a->cache);
        int64_t past_ms = (clock_mono_ns() - s->load_started_ns) / 1000000;
        if (p.loading && p.bytes_done > 0 && p.bytes_total >= p.bytes_done)
            p.eta_ms = (int64_t)((double)past_ms * (double)(p.bytes_total - p.bytes_done) /
                                 (double)p.bytes_done);
    }
    sized_export(&p, sizeof p, ret_progress);
}

/* ---- the log --------------------------------------------------------------------------------- */

static struct wal *
wal_of(const attl *a)
{
    struct store *s = a->store;
    return s && !atomic_load_explicit(&s->loading, memory_order_acquire) ? s->wal : NULL;
}

uint64_t
attl_log_position(attl *a)
{
    const struct reclaim_reader *r = reclaim_self();
    return wal_of(a) && r ? cache_mark(&a->cache, r) : 0;
}

uint64_t
attl_log_safe(attl *a)
{
    struct wal *w = wal_of(a);
    if (!w)
        return 0;
    /* Only `always` promises more than that the change is on its way. */
    return atomic_load_explicit(&a->store->always, memory_order_relaxed) ? wal_safe_position(w)
                                                                         : wal_tail_position(w);
}

static int
wait_status(int error)
{
    return error == 0 ? ATTL_OK : error == -ETIMEDOUT ? ATTL_E_BUSY : ATTL_E_IO;
}

int
attl_log_wait(attl *a, uint64_t position, int64_t timeout_ms)
{
    struct wal *w = wal_of(a);
    return w ? wait_status(wal_wait(w, position, timeout_ms)) : ATTL_OK;
}

int
attl_log_sync(attl *a, int64_t timeout_ms)
{
    struct wal *w = wal_of(a);
    return w ? wait_status(wal_sync(w, timeout_ms)) : ATTL_OK;
}

/* ---- snapshots, rollback, retention ---------------------------------------------------------- */

int
attl_snapshot(attl *a, attl_snapshot_info *ret_info)
{
    if (api_is_inside(a))
        return ATTL_E_INVALID;
    return a->store ? store_snapshot(a->store, ret_info) : ATTL_E_UNSUPPORTED;
}

int
attl_snapshot_start(attl *a)
{
    struct store *s = a->store;
    if (!s)
        return ATTL_E_UNSUPPORTED;
    if (atomic_load(&s->loading))
        return ATTL_E_LOADING;
    if (!s->keeper.running)
        return ATTL_E_UNSUPPORTED;
    if (atomic_load(&s->running) || atomic_exchange(&s->snapshot_wanted, true))
        return ATTL_E_BUSY;
    parker_wake(&s->parker);
    return ATTL_OK;
}

int
attl_snapshot_list(attl *a, attl_snapshot_fn fn, void *ud)
{
    struct store *s = a->store;
    struct store_list l;
    if (!s)
        return ATTL_E_UNSUPPORTED;
    int error = store_list_init(&l, &s->alloc, s->disk);
    size_t len = 0;
    const struct store_file *files = error ? NULL : store_list_of(&l, STORE_SNAPSHOT, &len);
    for (size_t i = 0; i < len; i++) {
        attl_snapshot_info info = { .struct_size = sizeof info };
        struct snapshot_meta meta = { .cut_lsn = files[i].lsn,
                                      .created_ms = files[i].created_ms,
                                      .file_bytes = files[i].bytes };
        struct snapshot_reader *reader;
        bool opens = snapshot_reader_open(s->disk, &s->alloc, files[i].name, &reader, NULL, 0) ==
                     SNAPSHOT_OK;
        if (opens)
            meta = *snapshot_reader_meta(reader);
        if (opens)
            snapshot_reader_close(&reader);
        snapshot_info_fill(&info, &meta, files[i].name);
        info.valid = opens;
        fn(ud, &info);
    }
    store_list_fini(&l);
    return store_status(error);
}

int
api_import_rollback_opts(const attl_rollback_opts *from, attl_rollback_opts *to)
{
    if (from->struct_size < sizeof to->struct_size || from->struct_size > sizeof *to)
        return ATTL_E_INVALID;
    memcpy(to, from, from->struct_size);
    return to->to_ms > 0 || to->to_lsn > 0 || to->to_name ? ATTL_OK : ATTL_E_INVALID;
}

int
attl_rollback(attl *a, const attl_rollback_opts *opts, attl_rollback_report *ret_report, char *err,
              size_t err_len)
{
    attl_rollback_opts own = { .struct_size = sizeof own };
    attl_rollback_report report = { .struct_size = sizeof report };
    char own_err[STORE_PROBLEM_BYTES];
    if (!err || err_len == 0) {
        err = own_err;
        err_len = sizeof own_err;
    }
    err[0] = '\0';
    int status = a->store ? api_import_rollback_opts(opts, &own) : ATTL_E_UNSUPPORTED;
    if (api_is_inside(a))
        status = ATTL_E_INVALID;
    if (status == ATTL_OK)
        status = journal_admit(a);
    if (status == ATTL_OK)
        status = store_rollback(a->store, &own, &report, err, err_len);
    if (status != ATTL_OK && err[0] == '\0')
        (void)snprintf(err, err_len, "%s", attl_strerror(status)); /* cut is fine */
    if (status != ATTL_OK || !ret_report)
        return status;
    sized_export(&report, sizeof report, ret_report);
    return ATTL_OK;
}

int
attl_retention_run(attl *a, int dry_run, attl_retention_fn fn, void *ud)
{
    struct store *s = a->store;
    if (!s)
        return ATTL_E_UNSUPPORTED;
    if (api_is_inside(a))
        return ATTL_E_INVALID;
    if (atomic_load(&s->loading))
        return ATTL_E_LOADING;
    return store_retain(s, dry_run != 0, fn, ud);
}

/* ---- statistics ------------------------------------------------------------------------------ */

enum { STATE_BEHIND_GAP = 4 }; /* in attl_persist_stats, after those of the log itself */

static void
log_stats(const struct store *s, attl_persist_stats *st)
{
    struct wal_stats log;
    wal_stats_get(s->wal, &log);
    bool gap = log.gaps > atomic_load(&s->gaps_bridged);
    st->enabled = 1;
    st->state = log.state == WAL_WRITING && gap ? STATE_BEHIND_GAP : (uint32_t)log.state;
    st->last_error = log.last_error;
    st->next_lsn = log.next_lsn;
    st->written_lsn = log.written_lsn;
    st->durable_lsn = log.durable_lsn;
    st->log_bytes = log.bytes_written;
    st->log_segments = log.segments;
    st->log_writes = log.groups;
    st->log_syncs = log.syncs;
    st->log_frames = log.frames_written;
    st->unsynced_bytes = log.unsynced_bytes;
    st->buffer_bytes = log.ring_bytes;
    st->buffer_used = log.ring_used;
    st->write_errors = log.write_errors;
    st->sync_errors = log.sync_errors;
    st->delayed_syncs = log.delayed_syncs;
    st->unlogged_changes = log.frames_dropped;
    st->sync_us_p50 = log.sync_us_p50;
    st->sync_us_p99 = log.sync_us_p99;
    st->sync_us_max = log.sync_us_max;
    st->last_sync_ms = log.last_sync_ms;
    st->log_gap_from = log.gap_from_lsn;
    st->log_gap_to = log.gap_to_lsn;
    st->log_gap_changes = log.gap_frames;
    st->log_gap_from_ms = log.gap_from_ms;
    st->log_gap_to_ms = log.gap_to_ms;
}

static void
disk_stats(const struct store *s, attl_persist_stats *st)
{
    const struct space *p = &s->space;
    if (atomic_load(&p->known)) {
        st->disk_free_bytes = atomic_load(&p->free_bytes);
        st->disk_total_bytes = atomic_load(&p->total_bytes);
        st->disk_low_bytes =
            space_low_limit((uint64_t)atomic_load(&p->low_bytes), atomic_load(&p->need_bytes));
    }
    st->reserve_bytes = atomic_load(&p->reserve_bytes);
    st->reserve_released = atomic_load(&p->reserve_released);
}

static void
store_stats(struct store *s, attl_persist_stats *st)
{
    st->snapshots = atomic_load(&s->snapshots);
    st->snapshot_failures = atomic_load(&s->snapshot_failures);
    st->snapshot_running = atomic_load(&s->snapshot_wanted) || atomic_load(&s->snapshot_starting) ||
                           atomic_load(&s->running);
    st->snapshot_entries_done = atomic_load(&s->running_done);
    st->snapshot_entries_total = atomic_load(&s->running_total);
    st->last_snapshot_ms = atomic_load(&s->last_ms);
    st->last_snapshot_bytes = atomic_load(&s->last_bytes);
    st->last_snapshot_entries = atomic_load(&s->last_entries);
    st->last_snapshot_lsn = atomic_load(&s->last_lsn);
    st->last_snapshot_took_ms = atomic_load(&s->last_took_ms);
    st->last_snapshot_status = atomic_load(&s->last_status);
    st->last_snapshot_verified = st->last_snapshot_ms > 0;
    st->snapshot_copied_bytes = atomic_load(&s->last_copied_bytes);
    st->recovered_entries = atomic_load(&s->recovered_entries);
    st->recovered_frames = atomic_load(&s->recovered_frames);
    st->recovered_lost_frames = atomic_load(&s->recovered_lost_frames);
    st->recovery_ms = atomic_load(&s->recovery_ms);
    st->disk_bytes = atomic_load(&s->disk_bytes) + st->log_bytes;
    st->changes_since_snapshot = store_changes(s);
    uint64_t cut_bytes = atomic_load(&s->last_log_bytes);
    st->replay_bytes = st->last_snapshot_bytes +
                       (st->log_bytes > cut_bytes ? st->log_bytes - cut_bytes : 0);
    uint64_t rate = atomic_load(&s->replay_rate);
    enum { ASSUMED_BYTES_PER_S = 100 << 20 }; /* until this directory has been loaded once */
    st->replay_ms = (int64_t)(st->replay_bytes * 1000 / (rate ? rate : ASSUMED_BYTES_PER_S));
}

void
attl_persist_stats_get(attl *a, attl_persist_stats *ret_stats)
{
    attl_persist_stats st = { .last_snapshot_status = ATTL_OK };
    if (wal_of(a))
        log_stats(a->store, &st);
    if (a->store) {
        store_stats(a->store, &st);
        disk_stats(a->store, &st);
    }
    sized_export(&st, sizeof st, ret_stats);
}
