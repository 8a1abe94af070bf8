/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots, the log and retention: the replies for every outcome of the cache, which is replaced
 * where it touches files, and the honest errors of a cache without a data directory.
 */
#include "command_support.h"

#define NO_DIRECTORY                                                                       \
    "-ERR there is no data directory: start attld with --dir=PATH, or set persist.dir in " \
    "settings.toml\r\n"

struct fake_disk {
    int status;
    int rows;
    int dry_run;
    int64_t last_ms;
};

static struct fake_disk disk;

int __wrap_attl_snapshot(attl *cache, attl_snapshot_info *ret_info);
int __wrap_attl_snapshot_start(attl *cache);
int __wrap_attl_snapshot_list(attl *cache, attl_snapshot_fn fn, void *ud);
int __wrap_attl_retention_run(attl *cache, int dry_run, attl_retention_fn fn, void *ud);
int __wrap_attl_log_sync(attl *cache, int64_t timeout_ms);
void __wrap_attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats);

int
__wrap_attl_snapshot(attl *cache, attl_snapshot_info *ret_info)
{
    (void)cache;
    (void)ret_info;
    return disk.status;
}

int
__wrap_attl_snapshot_start(attl *cache)
{
    (void)cache;
    return disk.status;
}

int
__wrap_attl_snapshot_list(attl *cache, attl_snapshot_fn fn, void *ud)
{
    (void)cache;
    for (int i = 0; i < disk.rows; i++) {
        attl_snapshot_info info = {
            .valid = 1, .lsn = 7, .created_ms = 8, .entries = 9, .bytes = 10
        };
        (void)snprintf(info.name, sizeof info.name, "s%d", i);
        fn(ud, &info);
    }
    return disk.status;
}

int
__wrap_attl_retention_run(attl *cache, int dry_run, attl_retention_fn fn, void *ud)
{
    (void)cache;
    disk.dry_run = dry_run;
    for (int i = 0; i < disk.rows; i++)
        fn(ud, "f", 5, i, i ? "old" : NULL);
    return disk.status;
}

int
__wrap_attl_log_sync(attl *cache, int64_t timeout_ms)
{
    (void)cache;
    assert_true(timeout_ms > 0);
    return disk.status;
}

void
__wrap_attl_persist_stats_get(attl *cache, attl_persist_stats *ret_stats)
{
    (void)cache;
    memset(ret_stats, 0, sizeof *ret_stats);
    ret_stats->last_snapshot_ms = disk.last_ms;
}

static int
setup_disk(void **state)
{
    disk = (struct fake_disk){ .status = ATTL_OK };
    return setup(state);
}

static void
saving_answers_in_redis_words(void **state)
{
    struct fixture *f = fixture_of(state);
    disk.last_ms = 1700000000999;
    EXPECT_ALL(f, { "SAVE", OK }, { "BGSAVE", "+Background saving started\r\n" },
               { "bgsave schedule", "+Background saving started\r\n" },
               { "BGREWRITEAOF", "+Background append only file rewriting started\r\n" },
               { "LASTSAVE", ":1700000000\r\n" }, { "BGSAVE now", SYNTAX_ERROR },
               { "BGSAVE SCHEDULE x", SYNTAX_ERROR });
    disk.status = ATTL_E_BUSY;
    EXPECT_ALL(
        f, { "SAVE", "-ERR Background save already in progress\r\n" },
        { "BGSAVE", "-ERR Background save already in progress\r\n" },
        { "BGREWRITEAOF", "-ERR Background append only file rewriting already in progress\r\n" });
}

static void
failures_say_what_to_do(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const requests[] = {
        "SAVE", "BGSAVE", "BGREWRITEAOF", "SHUTDOWN SAVE", "ATTL.RETENTION", "ATTL.SNAPSHOT LIST"
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        disk.status = ATTL_E_UNSUPPORTED;
        expect(f, requests[i], NO_DIRECTORY);
        disk.status = ATTL_E_IO;
        expect_part(f, requests[i], i == 3 ? "-ERR Errors trying to SHUTDOWN" : "-MISCONF ");
        disk.status = ATTL_E_NOMEM;
        expect_part(f, requests[i], i == 3 ? "-ERR Errors trying to SHUTDOWN" : "-OOM ");
    }
    assert_false(f->shut_down || f->session.close_after_reply);
    disk.status = ATTL_E_BUSY;
    expect_part(f, "ATTL.LOG SYNC", "-BUSY ");
    disk.status = ATTL_E_LOADING;
    expect_part(f, "ATTL.LOG SYNC", "-LOADING ");
    expect_part(f, "INFO errorstats", "errorstat_BUSY:count=1\r\n");
    expect_part(f, "INFO errorstats", "errorstat_MISCONF:count=5\r\n");
}

static void
shutdown_save_ends_after_a_snapshot(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SHUTDOWN SAVE", "");
    assert_true(f->shut_down && f->session.close_after_reply);
}

static void
snapshots_are_listed_as_maps(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.SNAPSHOT LIST", "*0\r\n");
    disk.rows = 2;
    expect_part(
        f, "ATTL.SNAPSHOT LIST",
        "*2\r\n*12\r\n$4\r\nname\r\n$2\r\ns0\r\n$3\r\nlsn\r\n:7\r\n$10\r\ncreated_ms\r\n:8\r\n"
        "$7\r\nentries\r\n:9\r\n$5\r\nbytes\r\n:10\r\n$8\r\nverified\r\n:1\r\n*12\r\n");
    assert_true(reply_is_whole(f));
    f->session.proto = 3;
    expect_part(f, "ATTL.SNAPSHOT LIST", "*2\r\n%6\r\n");
    assert_true(reply_is_whole(f));
    disk.status = ATTL_E_IO; /* half a list is none */
    expect_part(f, "ATTL.SNAPSHOT LIST", "-MISCONF ");
    assert_true(reply_is_whole(f));
}

static void
retention_names_files_and_reasons(void **state)
{
    struct fixture *f = fixture_of(state);
    disk.rows = 2;
    expect(
        f, "ATTL.RETENTION DRYRUN",
        "*2\r\n*8\r\n$4\r\nname\r\n$1\r\nf\r\n$5\r\nbytes\r\n:5\r\n$6\r\naction\r\n$4\r\nkeep\r\n"
        "$6\r\nreason\r\n$0\r\n\r\n*8\r\n$4\r\nname\r\n$1\r\nf\r\n$5\r\nbytes\r\n:5\r\n$6\r\n"
        "action\r\n$6\r\nremove\r\n$6\r\nreason\r\n$3\r\nold\r\n");
    assert_int_equal(disk.dry_run, 1);
    run(f, "ATTL.RETENTION");
    assert_int_equal(disk.dry_run, 0);
    expect(f, "ATTL.RETENTION x", SYNTAX_ERROR);
    expect(f, "ATTL.RETENTION DRYRUN x", SYNTAX_ERROR);
    expect(f, "ATTL.LOG SYNC", OK);
    expect_part(f, "ATTL.LOG HELP", "SYNC");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saving_answers_in_redis_words, setup_disk, teardown),
        cmocka_unit_test_setup_teardown(failures_say_what_to_do, setup_disk, teardown),
        cmocka_unit_test_setup_teardown(shutdown_save_ends_after_a_snapshot, setup_disk, teardown),
        cmocka_unit_test_setup_teardown(snapshots_are_listed_as_maps, setup_disk, teardown),
        cmocka_unit_test_setup_teardown(retention_names_files_and_reasons, setup_disk, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
