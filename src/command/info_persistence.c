/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFO persistence. Redis' fields keep their names and mean the nearest thing we have: a snapshot
 * is its RDB, the log is its AOF, and taking a snapshot is what rewrites the log. Our own fields
 * say what those cannot: how far behind the disk is, how long a sync takes, and what a restart
 * would cost. All of it is one reading of the counters, so the lines of one reply fit together.
 */
#include "command/info_lines.h"

#include <inttypes.h>

enum { MS_PER_SECOND = 1000, PERCENT = 100 };

/* attl_persist_stats.state */
enum { LOG_WRITING, LOG_RETRYING, LOG_MEMORY_ONLY, LOG_CLOSED, LOG_BEHIND_GAP, LOG_STATES };

static const char *const log_states[LOG_STATES] = { "writing", "retrying", "memory_only", "closed",
                                                    "behind_gap" };

static void
number(struct info *info, const char *field, uint64_t value)
{
    info_line(info, field, "%" PRIu64, value);
}

static double
percent(uint64_t part, uint64_t whole)
{
    return whole ? PERCENT * (double)part / (double)whole : 0;
}

static void
write_loading(struct info *info)
{
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(info->env->cache, &p);
    info_line(info, "loading", "%d", info->env->loading ? 1 : 0);
    info_line(info, "async_loading", "0");
    if (!info->env->loading)
        return;
    info_fixed(info, "loading_start_time:0\n"); /* unless the host has said it */
    number(info, "loading_total_bytes", p.bytes_total);
    number(info, "loading_loaded_bytes", p.bytes_done);
    info_line(info, "loading_loaded_perc", "%.2f", percent(p.bytes_done, p.bytes_total));
    info_line(info, "loading_eta_seconds", "%" PRId64,
              p.eta_ms < 0 ? INT64_C(-1) : p.eta_ms / MS_PER_SECOND);
    number(info, "loading_loaded_keys", p.entries);
}

static void
write_rdb(struct info *info, const attl_persist_stats *st)
{
    bool running = st->snapshot_running;
    bool failed = st->last_snapshot_status != ATTL_OK;
    int64_t took_s = st->last_snapshot_ms ? st->last_snapshot_took_ms / MS_PER_SECOND : -1;
    number(info, "current_cow_size", running ? st->snapshot_copied_bytes : 0);
    info_fixed(info, "current_cow_size_age:0\n");
    info_line(info, "current_fork_perc", "%.2f",
              running ? percent(st->snapshot_entries_done, st->snapshot_entries_total) : 0.0);
    number(info, "current_save_keys_processed", running ? st->snapshot_entries_done : 0);
    number(info, "current_save_keys_total", running ? st->snapshot_entries_total : 0);
    info_line(info, "rdb_last_save_time", "%" PRId64, st->last_snapshot_ms / MS_PER_SECOND);
    info_line(info, "rdb_last_bgsave_status", "%s", failed ? "err" : "ok");
    info_line(info, "rdb_last_bgsave_time_sec", "%" PRId64, took_s);
    info_line(info, "rdb_current_bgsave_time_sec", "%d", running ? 0 : -1);
    number(info, "rdb_saves", st->snapshots);
    number(info, "rdb_last_cow_size", st->snapshot_copied_bytes);
    info_fixed(info, "rdb_last_load_keys_expired:0\n");
    number(info, "rdb_last_load_keys_loaded", st->recovered_entries);
}

static void
write_aof(struct info *info, const attl_persist_stats *st)
{
    bool running = st->enabled && st->snapshot_running;
    bool failed = st->enabled && st->last_snapshot_status != ATTL_OK;
    bool broken = st->enabled && (st->state == LOG_RETRYING || st->state == LOG_MEMORY_ONLY ||
                                  st->state == LOG_BEHIND_GAP);
    int64_t took_s = st->enabled && st->last_snapshot_ms ? st->last_snapshot_took_ms / MS_PER_SECOND
                                                         : -1;
    info_line(info, "aof_enabled", "%d", st->enabled != 0);
    info_line(info, "aof_rewrite_in_progress", "%d", running);
    info_fixed(info, "aof_rewrite_scheduled:0\n");
    info_line(info, "aof_last_rewrite_time_sec", "%" PRId64, took_s);
    info_line(info, "aof_current_rewrite_time_sec", "%d", running ? 0 : -1);
    info_line(info, "aof_last_bgrewrite_status", "%s", failed ? "err" : "ok");
    number(info, "aof_rewrites", st->enabled ? st->snapshots : 0);
    info_line(info, "aof_last_write_status", "%s", broken ? "err" : "ok");
    number(info, "aof_last_cow_size", st->enabled ? st->snapshot_copied_bytes : 0);
    if (!st->enabled)
        return;
    number(info, "aof_current_size", st->log_bytes);
    number(info, "aof_base_size", st->last_snapshot_bytes);
    info_fixed(info, "aof_pending_rewrite:0\n");
    number(info, "aof_buffer_length", st->buffer_used);
    info_line(info, "aof_pending_bio_fsync", "%d", st->unsynced_bytes > 0);
}

static void
write_log(struct info *info, const attl_persist_stats *st)
{
    info_line(info, "attl_log_state", "%s",
              !st->enabled             ? "off"
              : st->state < LOG_STATES ? log_states[st->state]
                                       : "unknown");
    number(info, "attl_next_lsn", st->next_lsn);
    number(info, "attl_fsync_p50_us", st->sync_us_p50);
    number(info, "attl_fsync_p99_us", st->sync_us_p99);
    number(info, "attl_fsync_max_us", st->sync_us_max);
    number(info, "attl_log_errors", st->write_errors + st->sync_errors);
    info_line(info, "attl_log_last_errno", "%d", -st->last_error);
}

static void
write_snapshot(struct info *info, const attl_persist_stats *st)
{
    const struct command_host *host = info->env->host;
    int64_t age_s = -1;
    if (st->last_snapshot_ms > 0) {
        int64_t age_ms = host->wall_us(host->ud) / 1000 - st->last_snapshot_ms;
        age_s = age_ms > 0 ? age_ms / MS_PER_SECOND : 0;
    }
    info_line(info, "attl_last_snapshot_age_s", "%" PRId64, age_s);
    info_line(info, "attl_replay_estimate_ms", "%" PRId64, st->replay_ms);
    info_line(info, "attl_recovery_ms", "%" PRId64, st->recovery_ms);
}

static void
write_disk(struct info *info, const attl_persist_stats *st)
{
    info_line(info, "attl_log_gap_from_ms", "%" PRId64, st->log_gap_from_ms);
    info_line(info, "attl_log_gap_to_ms", "%" PRId64, st->log_gap_to_ms);
}

void
info_persistence(struct info *info)
{
    attl_persist_stats stats = { .struct_size = sizeof stats };
    attl_persist_stats_get(info->env->cache, &stats);
    write_loading(info);
    write_rdb(info, &stats);
    write_aof(info, &stats);
    write_log(info, &stats);
    write_snapshot(info, &stats);
    write_disk(info, &stats);
    info_scrub(info);
}
