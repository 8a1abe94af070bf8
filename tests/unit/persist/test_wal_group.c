/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a log remembers of a disk that fails: the interval of changes that it may not have, from the
 * first one that only memory has to the segment behind the gap, how long syncs took, and that the
 * owner is asked for room when the disk is full at the end. Nothing here has a thread: the clock is
 * the test's.
 */
#include "support/unit.h"
#include "support/wal_rig.h"

#include <errno.h>
#include <stdlib.h>

static int
setup(void **state)
{
    struct wal_rig *r = malloc(sizeof *r);
    rig_init(r);
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

static void
open_with(struct wal_rig *r, enum wal_policy policy)
{
    r->config.policy = policy;
    rig_open(r);
}

static bool
make_room(void *ud)
{
    struct wal_rig *r = ud;
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    return true;
}

static void
closing_asks_for_room_on_a_full_disk(void **state)
{
    struct wal_rig *r = *state;
    r->config.make_room = make_room;
    open_with(r, WAL_POLICY_EVERYSEC);
    (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -ENOSPC, SIM_FOREVER);
    assert_int_equal(wal_close(&r->wal), 0);
    assert_int_equal(rig_read_after_crash(r), 1);
}

static void
closing_asks_for_no_room_that_would_not_help(void **state)
{
    struct wal_rig *r = *state;
    r->config.make_room = make_room;
    open_with(r, WAL_POLICY_EVERYSEC);
    (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    assert_int_equal(wal_close(&r->wal), -EIO);
}

/* From the first frame that only memory has up to the segment behind it. */
static void
what_was_not_logged_is_one_interval(void **state)
{
    struct wal_rig *r = *state;
    r->config.on_error = WAL_DEGRADE;
    open_with(r, WAL_POLICY_EVERYSEC);
    (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(wal_sync(r->wal, 0), 0);
    uint64_t first = rig_stats(r).next_lsn;
    assert_int_equal(rig_stats(r).gap_from_lsn, 0);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -ENOSPC, SIM_FOREVER);
    for (int i = 0; i < 5; i++) {
        (void)rig_append(r);
        rig_pass(r, 1000);
    }
    struct wal_stats s = rig_stats(r);
    assert_int_equal(s.state, WAL_DETACHED);
    assert_int_equal(s.latest_error, -ENOSPC);
    assert_int_equal(s.gap_from_lsn, first);
    assert_int_equal(s.gap_to_lsn, 0);
    assert_int_equal(s.gap_frames, 5);
    assert_true(s.gap_from_ms > RIG_START_MS && s.gap_to_ms == 0);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    assert_int_equal(wal_reattach(r->wal), 0);
    s = rig_stats(r);
    assert_int_equal(s.gap_from_lsn, first);
    assert_int_equal(s.gap_to_lsn, s.segment_first_lsn);
    assert_true(s.gap_to_lsn >= first + 5);
    assert_int_equal(s.gap_frames, 5);
    assert_int_equal(s.gap_frames, s.frames_dropped);
    assert_true(s.gap_to_ms >= s.gap_from_ms);
    (void)rig_append(r); /* does not belong to it */
    rig_settle(r);
    assert_int_equal(rig_stats(r).gap_frames, 5);
}

static void
take_a_while(void *ud, enum sim_op op, const char *name)
{
    struct wal_rig *r = ud;
    (void)name;
    if (op != SIM_SYNC)
        return;
    struct wal_stats s = rig_stats(r);
    assert_int_equal(s.syncing_us, 0);
    r->now_ms += 700;
    assert_int_equal(rig_stats(r).syncing_us, 700000);
}

static void
the_slowest_sync_is_kept_until_it_is_taken(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    sim_disk_set_hook(r->disk, take_a_while, r);
    (void)rig_append(r);
    rig_settle(r);
    sim_disk_set_hook(r->disk, NULL, NULL);
    (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(rig_stats(r).syncing_us, 0);
    assert_int_equal(rig_stats(r).slowest_sync_us, 700000);
    assert_int_equal(wal_take_slowest_sync(r->wal), 700000);
    assert_int_equal(wal_take_slowest_sync(r->wal), 0);
}

int
main(void)
{
#define WAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WAL_TEST(closing_asks_for_room_on_a_full_disk),
        WAL_TEST(closing_asks_for_no_room_that_would_not_help),
        WAL_TEST(what_was_not_logged_is_one_interval),
        WAL_TEST(the_slowest_sync_is_kept_until_it_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
