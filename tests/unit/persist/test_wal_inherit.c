/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over: what a killed process wrote and did not sync is durable afterwards, even what the
 * system believes to be so because a sync failed before; segments that are known to be durable are
 * not touched; and every failure on the way is reported.
 */
#include "persist/wal_inherit.h"

#include "support/check.h"
#include "support/wal_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int
setup(void **state)
{
    struct wal_rig *r = malloc(sizeof(*r));
    rig_init(r);
    r->config.segment_bytes = 4096;
    r->config.policy = WAL_POLICY_EVERYSEC;
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

/* The process dies with so many frames written; the last sync, if there was one, had failed. */
static void
die(struct wal_rig *r, int frames, bool sync_failed)
{
    rig_open(r);
    for (int i = 0; i < frames; i++)
        (void)rig_append(r);
    rig_settle(r);
    if (sync_failed) {
        sim_disk_fail(r->disk, SIM_SYNC | SIM_CREATE | SIM_TRUNCATE, 1, -EIO, SIM_FOREVER);
        rig_pass(r, 1000);
        assert_int_equal(rig_stats(r).state, WAL_RETRYING);
    }
    struct sim_disk *left = sim_disk_clone(r->disk, 1);
    sim_disk_kill(left);
    (void)wal_close(&r->wal);
    sim_disk_free(&r->disk);
    r->disk = left;
    r->config.disk = sim_disk_table(left);
}

static void
what_a_killed_process_left_becomes_durable(void **state)
{
    struct wal_rig *r = *state;
    for (int failed = 0; failed < 2; failed++) {
        r->frames = 0;
        die(r, 30, failed == 1);
        assert_int_equal(rig_read(r, NULL, NULL), 30);
        assert_int_equal(rig_read_after_crash(r), 0);
        assert_int_equal(wal_inherit(r->config.disk, &r->config.alloc, 1, 32), 0);
        assert_int_equal(rig_read_after_crash(r), 30);
        sim_disk_drop(r->disk, "wal-0000000000000001.attl");
    }
}

static void
segments_that_are_durable_are_left_alone(void **state)
{
    struct wal_rig *r = *state;
    struct log_end end;
    die(r, 200, false);
    (void)rig_read(r, NULL, &end);
    assert_true(end.segments >= 4);
    uint64_t before = sim_disk_calls(r->disk, SIM_WRITE);
    assert_int_equal(wal_inherit(r->config.disk, &r->config.alloc, end.next_lsn - 1, end.next_lsn),
                     0);
    assert_int_equal(sim_disk_calls(r->disk, SIM_WRITE), before + 1);
    assert_int_equal(wal_inherit(r->config.disk, &r->config.alloc, 0, end.next_lsn), 0);
    assert_int_equal(sim_disk_calls(r->disk, SIM_WRITE), before + 1 + end.segments);
    assert_int_equal(rig_read_after_crash(r), 200);
}

static void *
no_memory(void *ud, size_t bytes)
{
    (void)ud;
    (void)bytes;
    return NULL;
}

static void
every_failure_is_reported(void **state)
{
    struct wal_rig *r = *state;
    static const unsigned kinds[] = { SIM_LIST,  SIM_OPEN, SIM_READ,
                                      SIM_WRITE, SIM_SYNC, SIM_SYNC_DIR };
    die(r, 30, false);
    for (unsigned i = 0; i < 6; i++) {
        sim_disk_fail(r->disk, kinds[i], 1, -EIO, SIM_ONCE);
        assert_int_equal(wal_inherit(r->config.disk, &r->config.alloc, 0, 32), -EIO);
    }
    attl_allocator none = alloc_default();
    none.alloc = no_memory;
    assert_int_equal(wal_inherit(r->config.disk, &none, 0, 32), -ENOMEM);
    char err[200];
    sim_disk_fail(r->disk, SIM_READ, 1, -EIO, SIM_ONCE);
    assert_int_equal(wal_open(&r->config, &r->wal, err, sizeof(err)), 0); /* nothing before LSN 1 */
    assert_int_equal(wal_close(&r->wal), 0);
    r->config.next_lsn = 2;
    assert_int_equal(wal_open(&r->config, &r->wal, err, sizeof(err)), -EIO);
    assert_non_null(strstr(err, "durable"));
}

int
main(void)
{
#define INHERIT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        INHERIT_TEST(what_a_killed_process_left_becomes_durable),
        INHERIT_TEST(segments_that_are_durable_are_left_alone),
        INHERIT_TEST(every_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
