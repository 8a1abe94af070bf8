/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INFO persistence: the fields monitoring tools index by, in the states they are read for.
 */
#include "command_support.h"

static attl_persist_stats fake_stats;
static attl_load_progress fake_progress;

void __wrap_attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats);
void __wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress);

void
__wrap_attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats)
{
    (void)cache;
    *ret_stats = fake_stats;
}

void
__wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress)
{
    (void)cache;
    *ret_progress = fake_progress;
}

static int
setup_fakes(void **state)
{
    fake_stats = (attl_persist_stats){ .enabled = 0 };
    fake_progress = (attl_load_progress){ .eta_ms = -1 };
    return setup(state);
}

static void
expect_lines(struct fixture *f, const char *const *lines)
{
    for (; *lines; lines++) {
        char line[80];
        (void)snprintf(line, sizeof line, "\r\n%s\r\n", *lines);
        expect_part(f, "INFO persistence", line);
    }
}

static void
without_a_log_nothing_alarms(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const lines[] = { "loading:0",
                                         "async_loading:0",
                                         "current_cow_size:0",
                                         "rdb_changes_since_last_save:0",
                                         "rdb_bgsave_in_progress:0",
                                         "rdb_last_save_time:0",
                                         "rdb_last_bgsave_status:ok",
                                         "rdb_last_bgsave_time_sec:-1",
                                         "rdb_current_bgsave_time_sec:-1",
                                         "rdb_saves:0",
                                         "rdb_last_load_keys_expired:0",
                                         "aof_enabled:0",
                                         "aof_rewrite_in_progress:0",
                                         "aof_last_rewrite_time_sec:-1",
                                         "aof_last_bgrewrite_status:ok",
                                         "aof_last_write_status:ok",
                                         "aof_delayed_fsync:0",
                                         "attl_log_enabled:0",
                                         "attl_log_state:off",
                                         "attl_last_snapshot_age_s:-1",
                                         NULL };
    expect_lines(f, lines);
    expect_no_part(f, "INFO persistence", "aof_current_size");
    expect_no_part(f, "INFO persistence", "loading_start_time");
}

static void
a_log_in_trouble_shows(void **state)
{
    struct fixture *f = fixture_of(state);
    fake_stats = (attl_persist_stats){ .enabled = 1,
                                       .state = 2,
                                       .last_error = -28,
                                       .next_lsn = 100,
                                       .durable_lsn = 90,
                                       .log_bytes = 4096,
                                       .unsynced_bytes = 512,
                                       .buffer_used = 77,
                                       .write_errors = 2,
                                       .sync_errors = 3,
                                       .delayed_syncs = 4,
                                       .unlogged_changes = 5,
                                       .sync_us_p50 = 11,
                                       .sync_us_p99 = 12,
                                       .sync_us_max = 13,
                                       .replay_bytes = 14,
                                       .replay_ms = 15,
                                       .recovered_entries = 16 };
    static const char *const lines[] = { "aof_enabled:1",
                                         "aof_last_write_status:err",
                                         "aof_current_size:4096",
                                         "aof_buffer_length:77",
                                         "aof_pending_bio_fsync:1",
                                         "aof_delayed_fsync:4",
                                         "attl_log_enabled:1",
                                         "attl_log_state:memory_only",
                                         "attl_log_last_errno:28",
                                         "attl_next_lsn:100",
                                         "attl_durable_lsn:90",
                                         "attl_unsynced_bytes:512",
                                         "attl_fsync_p50_us:11",
                                         "attl_fsync_p99_us:12",
                                         "attl_fsync_max_us:13",
                                         "attl_log_errors:5",
                                         "attl_unlogged_changes:5",
                                         "attl_replay_bytes:14",
                                         "attl_replay_estimate_ms:15",
                                         "attl_recovered_entries:16",
                                         "rdb_last_load_keys_loaded:16",
                                         NULL };
    expect_lines(f, lines);
    fake_stats.state = 0;
    expect_part(f, "INFO persistence", "aof_last_write_status:ok\r\n");
    expect_part(f, "INFO persistence", "attl_log_state:writing\r\n");
    fake_stats.state = 9;
    expect_part(f, "INFO persistence", "attl_log_state:unknown\r\n");
}

static void
snapshots_show_age_and_progress(void **state)
{
    struct fixture *f = fixture_of(state);
    fake_stats = (attl_persist_stats){ .snapshots = 2,
                                       .snapshot_running = 1,
                                       .snapshot_entries_done = 25,
                                       .snapshot_entries_total = 100,
                                       .last_snapshot_ms = START_MS - 90500,
                                       .last_snapshot_took_ms = 2500,
                                       .last_snapshot_bytes = 1000,
                                       .last_snapshot_entries = 10,
                                       .last_snapshot_lsn = 33,
                                       .last_snapshot_verified = 1,
                                       .last_snapshot_status = ATTL_E_IO,
                                       .changes_since_snapshot = 44,
                                       .snapshot_copied_bytes = 55 };
    static const char *const lines[] = { "current_cow_size:55",
                                         "current_fork_perc:25.00",
                                         "current_save_keys_processed:25",
                                         "current_save_keys_total:100",
                                         "rdb_changes_since_last_save:44",
                                         "rdb_bgsave_in_progress:1",
                                         "rdb_last_bgsave_status:err",
                                         "rdb_last_bgsave_time_sec:2",
                                         "rdb_current_bgsave_time_sec:0",
                                         "rdb_saves:2",
                                         "aof_rewrite_in_progress:0",
                                         "attl_last_snapshot_age_s:90",
                                         "attl_last_snapshot_bytes:1000",
                                         "attl_last_snapshot_entries:10",
                                         "attl_last_snapshot_verified:1",
                                         "attl_last_snapshot_lsn:33",
                                         NULL };
    expect_lines(f, lines);
    fake_stats.last_snapshot_ms = START_MS + 5000; /* the wall clock was set back */
    expect_part(f, "INFO persistence", "attl_last_snapshot_age_s:0\r\n");
}

static void
loading_shows_how_far_it_is(void **state)
{
    struct fixture *f = fixture_of(state);
    f->env.loading = true;
    fake_progress = (attl_load_progress){
        .loading = 1, .bytes_done = 50, .bytes_total = 200, .entries = 7, .eta_ms = 3999
    };
    static const char *const lines[] = { "loading:1",
                                         "loading_total_bytes:200",
                                         "loading_loaded_bytes:50",
                                         "loading_loaded_perc:25.00",
                                         "loading_eta_seconds:3",
                                         "loading_loaded_keys:7",
                                         NULL };
    expect_lines(f, lines);
    fake_progress.eta_ms = -1;
    expect_part(f, "INFO persistence", "loading_eta_seconds:-1\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_log_nothing_alarms, setup_fakes, teardown),
        cmocka_unit_test_setup_teardown(a_log_in_trouble_shows, setup_fakes, teardown),
        cmocka_unit_test_setup_teardown(snapshots_show_age_and_progress, setup_fakes, teardown),
        cmocka_unit_test_setup_teardown(loading_shows_how_far_it_is, setup_fakes, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
