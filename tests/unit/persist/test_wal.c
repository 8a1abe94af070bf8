/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log as its users see it, step by step without a thread: what is safe when under each policy,
 * what survives a power loss then, how segments follow each other and what stands in their marks,
 * what is refused while the disk fails and how the log comes back, what is dropped when it is given
 * up, and that closing works in every state.
 */
#include "persist/wal.h"

#include "support/check.h"
#include "persist/segment.h"
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

/* ---- what is safe when ---- */

static void
always_is_safe_when_durable(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    uint64_t end = rig_append(r);
    assert_int_equal(wal_tail_position(r->wal), end);
    assert_int_equal(wal_safe_position(r->wal), 0);
    assert_int_equal(rig_read_after_crash(r), 0);
    assert_int_equal(wal_wait(r->wal, end, 1000), 0);
    assert_int_equal(wal_safe_position(r->wal), end);
    assert_int_equal(rig_read_after_crash(r), 1);
    struct wal_stats s = rig_stats(r);
    assert_int_equal(s.durable_lsn, 3); /* the mark is 1, the frame 2 */
    assert_int_equal(s.ring_used, 0);
    assert_int_equal(s.syncs, 1);
    assert_true(r->notified > 0);
}

static void
everysec_is_safe_when_written_and_durable_a_second_later(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_EVERYSEC);
    uint64_t end = rig_append(r);
    rig_settle(r);
    assert_int_equal(wal_safe_position(r->wal), end);
    assert_int_equal(rig_read(r, NULL, NULL), 1); /* a process that dies leaves it */
    assert_int_equal(rig_read_after_crash(r), 0);
    assert_int_not_equal(rig_stats(r).ring_used, 0); /* it may have to be written again */
    assert_int_not_equal(rig_stats(r).unsynced_bytes, 0);
    rig_pass(r, 999);
    assert_int_equal(rig_stats(r).syncs, 0);
    rig_pass(r, 1);
    assert_int_equal(rig_stats(r).syncs, 1);
    assert_int_equal(rig_read_after_crash(r), 1);
    assert_int_equal(rig_stats(r).ring_used, 0);
    assert_int_equal(rig_stats(r).last_sync_ms, RIG_START_MS + 1000);
    rig_pass(r, 5000);
    assert_int_equal(rig_stats(r).syncs, 1); /* nothing to sync, nothing done */
}

static void
everysec_syncs_early_when_half_the_ring_waits(void **state)
{
    struct wal_rig *r = *state;
    r->config.segment_bytes = 1 << 20;
    open_with(r, WAL_POLICY_EVERYSEC);
    for (int i = 0; i < 90; i++)
        (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(rig_stats(r).syncs, 0);
    for (int i = 0; i < 30; i++)
        (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(rig_stats(r).syncs, 1);
    assert_int_equal(rig_read_after_crash(r), 120);
}

static void
no_never_syncs_unless_it_is_asked(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_NO);
    uint64_t end = rig_append(r);
    rig_settle(r);
    assert_int_equal(wal_safe_position(r->wal), end);
    assert_int_equal(rig_stats(r).ring_used, 0);
    rig_pass(r, 60000);
    assert_int_equal(rig_stats(r).syncs, 0);
    assert_int_equal(rig_read_after_crash(r), 0);
    assert_int_equal(wal_sync(r->wal, 1000), 0);
    assert_int_equal(rig_read_after_crash(r), 1);
    assert_int_equal(wal_sync(r->wal, 1000), 0);
    assert_int_equal(rig_stats(r).syncs, 1);
}

static void
what_no_left_behind_is_synced_with_the_rest(void **state)
{
    struct wal_rig *r = *state;
    r->config.segment_bytes = 1024;
    open_with(r, WAL_POLICY_NO);
    for (int i = 0; i < 100; i++) {
        (void)rig_append(r);
        rig_settle(r);
    }
    assert_true(rig_stats(r).segments > 5);
    assert_true(rig_stats(r).durable_lsn < 100);
    wal_set_policy(r->wal, WAL_POLICY_ALWAYS);
    uint64_t end = rig_append(r);
    assert_int_equal(wal_wait(r->wal, end, 1000), 0);
    assert_int_equal(rig_read_after_crash(r), 101);
}

static void
a_segment_that_a_snapshot_removed_need_not_be_synced(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_NO);
    (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(wal_rotate(r->wal), 0);
    sim_disk_drop(r->disk, "wal-0000000000000001.attl");
    (void)rig_append(r);
    assert_int_equal(wal_sync(r->wal, 1000), 0);
    assert_int_equal(rig_stats(r).sync_errors, 0);
}

static void
waiting_without_a_flusher_that_can_do_it_times_out(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    assert_int_equal(wal_wait(r->wal, 1, 0), -ETIMEDOUT); /* nobody has appended it */
    assert_int_equal(wal_wait(r->wal, 0, 0), 0);
}

/* ---- segments and marks ---- */

static void
segments_follow_each_other_without_a_hole(void **state)
{
    struct wal_rig *r = *state;
    struct log_end end;
    r->config.segment_bytes = 1024;
    open_with(r, WAL_POLICY_EVERYSEC);
    for (int i = 0; i < 300; i++) {
        (void)rig_append(r);
        if (i % 7 == 0)
            rig_settle(r);
    }
    rig_settle(r);
    assert_int_equal(rig_read(r, NULL, &end), 300);
    assert_int_equal(end.segments, rig_stats(r).segments);
    assert_true(end.segments >= 300 * 80 / 1024);
    assert_int_equal(end.next_lsn, rig_stats(r).next_lsn);
    /* All but the last were synced when they were full. */
    assert_true(rig_stats(r).durable_lsn > end.next_lsn - 14);
}

static void
a_frame_larger_than_a_segment_gets_one_of_its_own(void **state)
{
    struct wal_rig *r = *state;
    struct log_end end;
    static char big[100000];
    memset(big, 1, sizeof(big));
    r->config.segment_bytes = 4096;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    uint32_t i = r->frames++;
    struct wal_op op = { .kind = WAL_PUT,
                         .key = attl_b(&i, sizeof(i)),
                         .deadline_ms = ATTL_NO_DEADLINE };
    struct wal_external e = { attl_b(big, sizeof(big)), free, NULL };
    uint64_t position = wal_append(r->wal, &op, &e, NULL);
    assert_int_equal(wal_wait(r->wal, position, 0), 0);
    (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(rig_read(r, NULL, &end), 3);
    assert_int_equal(end.segments, 3);
}

static void
rotating_ends_a_segment_and_an_empty_one_stays(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    assert_int_equal(wal_rotate(r->wal), 0);
    assert_int_equal(rig_stats(r).segments, 1);
    (void)rig_append(r);
    rig_settle(r);
    assert_int_equal(wal_rotate(r->wal), 0);
    assert_int_equal(rig_stats(r).segments, 2);
    assert_int_equal(rig_stats(r).segment_first_lsn, 3);
    size_t len;
    void *data = sim_disk_get(r->disk, "wal-0000000000000001.attl", &len);
    assert_int_equal(len, WAL_SEGMENT_HEADER_BYTES + 40 + 80); /* cut to what was used */
    free(data);
    assert_true(sim_disk_has(r->disk, "wal-0000000000000003.attl"));
    assert_int_equal(rig_read_after_crash(r), 1);
}

struct marks {
    unsigned count;
    int64_t last_ms;
    uint64_t durable_lsn;
};

static void
see_mark(void *ud, const struct wal_frame *f, bool behind_gap)
{
    struct marks *m = ud;
    struct wal_mark mark;
    (void)behind_gap;
    if (f->op.kind != WAL_MARK)
        return;
    assert_true(wal_mark_decode(f->op.value, &mark));
    assert_true(mark.durable_lsn >= m->durable_lsn);
    m->count++;
    m->last_ms = mark.time_ms;
    m->durable_lsn = mark.durable_lsn;
}

static void
marks_tell_the_time_and_what_was_durable(void **state)
{
    struct wal_rig *r = *state;
    struct marks m = { 0 };
    struct log_end end;
    open_with(r, WAL_POLICY_ALWAYS);
    for (int i = 0; i < 40; i++) { /* 2 ms apart: one mark in five */
        (void)rig_append(r);
        rig_pass(r, 2);
    }
    log_scan(r->disk, see_mark, &m, &end);
    assert_in_range(m.count, 8, 9);
    assert_in_range(m.last_ms, RIG_START_MS + 60, RIG_START_MS + 80);
    assert_in_range(m.durable_lsn, 30, 48);
    assert_int_equal(rig_read(r, NULL, NULL), 40);
}

/* ---- a failing disk ---- */

static void
a_failed_sync_is_healed_by_a_new_segment(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    rig_settle(r);
    uint64_t end = rig_append(r);
    sim_disk_fail(r->disk, SIM_SYNC, 1, -EIO, SIM_ONCE);
    assert_int_equal(wal_wait(r->wal, end, 0), 0);
    struct wal_stats s = rig_stats(r);
    assert_int_equal(s.sync_errors, 1);
    assert_int_equal(s.state, WAL_WRITING);
    assert_int_equal(s.last_error, 0);
    assert_int_equal(s.segment_first_lsn, 3);
    assert_int_equal(s.gaps, 0);
    assert_int_equal(rig_read_after_crash(r), 2);
}

static void
changes_are_refused_until_the_disk_is_back(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    assert_int_equal(wal_admit(r->wal, 0), 0);
    uint64_t end = rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    assert_int_equal(wal_wait(r->wal, end, 0), -EIO);
    assert_int_equal(rig_stats(r).state, WAL_RETRYING);
    assert_int_equal(rig_stats(r).last_error, -EIO);
    assert_int_equal(rig_stats(r).error_since_ms, RIG_START_MS);
    assert_string_equal(r->last_event, "wal_retrying");
    assert_int_equal(wal_admit(r->wal, 0), -EIO);
    assert_int_equal(wal_rotate(r->wal), -EIO);
    assert_int_equal(wal_sync(r->wal, 0), -EIO);
    assert_int_equal(wal_reattach(r->wal), -EIO);
    for (int i = 0; i < 10; i++)
        rig_pass(r, 1000);
    uint64_t tries = rig_stats(r).write_errors;
    rig_pass(r, 50);
    assert_int_equal(rig_stats(r).write_errors, tries); /* not yet */
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    rig_pass(r, 1000);
    assert_int_equal(rig_stats(r).state, WAL_WRITING);
    assert_int_equal(rig_stats(r).error_since_ms, 0);
    assert_string_equal(r->last_event, "wal_recovered");
    assert_int_equal(wal_admit(r->wal, 0), 0);
    assert_int_equal(wal_safe_position(r->wal), end);
    assert_int_equal(rig_read_after_crash(r), 1);
}

static void
an_idle_log_finds_out_by_itself_that_the_disk_is_back(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    rig_settle(r);
    sim_disk_fail(r->disk, SIM_CREATE, 1, -ENOSPC, SIM_FOREVER);
    assert_int_equal(wal_rotate(r->wal), -ENOSPC);
    rig_pass(r, 300);
    assert_int_equal(wal_admit(r->wal, 0), -EIO);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    rig_pass(r, 1000);
    assert_int_equal(wal_admit(r->wal, 0), 0);
    assert_int_equal(rig_stats(r).segments, 2);
}

static void
a_full_disk_is_waited_for(void **state)
{
    struct wal_rig *r = *state;
    r->config.segment_bytes = 4096;
    open_with(r, WAL_POLICY_EVERYSEC);
    sim_disk_set_capacity(r->disk, 8000);
    uint32_t refused = 0;
    for (int i = 0; i < 400; i++) {
        if (wal_admit(r->wal, 0) == 0)
            (void)rig_append(r);
        else
            refused++;
        rig_pass(r, 20);
    }
    assert_true(refused > 200);
    assert_int_equal(rig_stats(r).last_error, -ENOSPC);
    sim_disk_set_capacity(r->disk, UINT64_MAX);
    rig_pass(r, 1000);
    assert_int_equal(wal_admit(r->wal, 0), 0);
    (void)rig_append(r);
    assert_int_equal(wal_sync(r->wal, 0), 0);
    assert_int_equal(rig_read_after_crash(r), r->frames);
}

static void
a_full_ring_is_no_place_for_more(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    r->value_bytes = 1000;
    for (int i = 0; i < 12; i++)
        (void)rig_append(r);
    assert_int_not_equal(rig_stats(r).ring_used, 0);
    assert_int_equal(wal_admit(r->wal, 0), 0); /* it takes the flusher's turn */
    assert_int_equal(rig_stats(r).ring_used, 0);
    for (int i = 0; i < 40; i++)
        (void)rig_append(r); /* and so does who was admitted and finds no room */
    rig_settle(r);
    assert_int_equal(rig_read_after_crash(r), 52);
    wal_set_on_error(r->wal, WAL_DEGRADE);
    for (int i = 0; i < 13; i++)
        (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_WRITE | SIM_SYNC, 1, -EIO, SIM_FOREVER);
    assert_int_equal(wal_admit(r->wal, 0), 0); /* given up at once: the ring is half full */
    assert_int_equal(rig_stats(r).state, WAL_DETACHED);
}

/* ---- giving up, and coming back ---- */

static void
what_is_given_up_comes_back_behind_a_gap(void **state)
{
    struct wal_rig *r = *state;
    struct log_end end;
    r->config.on_error = WAL_DEGRADE;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    rig_settle(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    uint64_t position = rig_append(r);
    rig_settle(r);
    assert_int_equal(rig_stats(r).state, WAL_RETRYING);
    assert_int_equal(wal_admit(r->wal, 0), 0); /* goes on */
    assert_int_equal(wal_wait(r->wal, position, 0), -ETIMEDOUT);
    rig_pass(r, 1000);
    rig_pass(r, 1000);
    assert_int_equal(rig_stats(r).state, WAL_DETACHED);
    assert_string_equal(r->last_event, "wal_detached");
    for (int i = 0; i < 500; i++) {
        assert_int_equal(wal_admit(r->wal, 0), 0);
        assert_int_equal(wal_wait(r->wal, rig_append(r), 0), 0);
    }
    rig_settle(r);
    assert_int_equal(wal_sync(r->wal, 0), -EIO);
    assert_int_equal(wal_rotate(r->wal), -EIO);
    assert_int_equal(wal_reattach(r->wal), -EIO); /* the disk is still away */
    assert_int_equal(rig_stats(r).frames_dropped, 501);
    assert_int_equal(wal_safe_position(r->wal), wal_tail_position(r->wal));
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    (void)rig_append(r);
    assert_int_equal(wal_reattach(r->wal), 0);
    assert_int_equal(wal_reattach(r->wal), 0); /* no harm */
    assert_int_equal(rig_stats(r).state, WAL_WRITING);
    assert_int_equal(rig_stats(r).gaps, 1);
    assert_int_equal(wal_wait(r->wal, rig_append(r), 0), 0);
    assert_int_equal(rig_read(r, NULL, &end), r->frames);
    assert_int_equal(end.gaps, 1);
    assert_int_equal(rig_first_behind_gap(r), r->frames - 1);
    assert_int_equal(rig_read_after_crash(r), r->frames);
}

/* Under `no` frames leave the ring when they are written; a later sync cannot be repeated. */
static void
a_sync_that_fails_for_frames_that_are_gone_leaves_a_gap(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_NO);
    (void)rig_append(r);
    rig_settle(r);
    sim_disk_fail(r->disk, SIM_SYNC, 1, -EIO, SIM_ONCE);
    assert_int_equal(wal_sync(r->wal, 0), -EIO);
    assert_int_equal(rig_stats(r).gaps, 1);
    assert_int_equal(r->logged, 3); /* abandoned, a gap, recovered */
    assert_int_equal(rig_stats(r).state, WAL_WRITING);
    (void)rig_append(r);
    assert_int_equal(wal_sync(r->wal, 0), 0);
}

/* ---- opening and closing ---- */

static void
closing_makes_everything_durable_and_cuts(void **state)
{
    struct wal_rig *r = *state;
    for (int policy = WAL_POLICY_NO; policy <= WAL_POLICY_ALWAYS; policy++) {
        open_with(r, (enum wal_policy)policy);
        for (int i = 0; i < 5; i++)
            (void)rig_append(r);
        r->config.next_lsn += 7; /* a mark in front and one at the end */
        assert_int_equal(wal_close(&r->wal), 0);
        assert_null(r->wal);
        assert_int_equal(rig_read_after_crash(r), r->frames);
        assert_false(sim_disk_has(r->disk, SEGMENT_NEXT_NAME));
    }
    assert_int_equal(wal_close(&r->wal), 0); /* nothing is open */
}

static void
closing_says_what_could_not_be_saved(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    rig_settle(r);
    assert_int_equal(wal_close(&r->wal), -EIO);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    open_with(r, WAL_POLICY_ALWAYS); /* again from LSN 1: the empty segment is replaced */
    assert_int_equal(wal_close(&r->wal), 0);
}

static void
closing_tries_once_more(void **state)
{
    struct wal_rig *r = *state;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -EIO, SIM_FOREVER);
    rig_settle(r);
    assert_int_equal(rig_stats(r).state, WAL_RETRYING);
    sim_disk_fail(r->disk, 0, 0, 0, SIM_ONCE);
    assert_int_equal(wal_close(&r->wal), 0);
    assert_int_equal(rig_read_after_crash(r), 1);
}

static void
closing_a_detached_log_says_so(void **state)
{
    struct wal_rig *r = *state;
    r->config.on_error = WAL_DEGRADE;
    open_with(r, WAL_POLICY_ALWAYS);
    (void)rig_append(r);
    sim_disk_fail(r->disk, SIM_MUTATING, 1, -ENOSPC, SIM_FOREVER);
    for (int i = 0; i < 5; i++)
        rig_pass(r, 1000);
    assert_int_equal(rig_stats(r).state, WAL_DETACHED);
    assert_int_equal(wal_close(&r->wal), -ENOSPC);
}

int
main(void)
{
#define WAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WAL_TEST(always_is_safe_when_durable),
        WAL_TEST(everysec_is_safe_when_written_and_durable_a_second_later),
        WAL_TEST(everysec_syncs_early_when_half_the_ring_waits),
        WAL_TEST(no_never_syncs_unless_it_is_asked),
        WAL_TEST(what_no_left_behind_is_synced_with_the_rest),
        WAL_TEST(a_segment_that_a_snapshot_removed_need_not_be_synced),
        WAL_TEST(waiting_without_a_flusher_that_can_do_it_times_out),
        WAL_TEST(segments_follow_each_other_without_a_hole),
        WAL_TEST(a_frame_larger_than_a_segment_gets_one_of_its_own),
        WAL_TEST(rotating_ends_a_segment_and_an_empty_one_stays),
        WAL_TEST(marks_tell_the_time_and_what_was_durable),
        WAL_TEST(a_failed_sync_is_healed_by_a_new_segment),
        WAL_TEST(changes_are_refused_until_the_disk_is_back),
        WAL_TEST(an_idle_log_finds_out_by_itself_that_the_disk_is_back),
        WAL_TEST(a_full_disk_is_waited_for),
        WAL_TEST(a_full_ring_is_no_place_for_more),
        WAL_TEST(what_is_given_up_comes_back_behind_a_gap),
        WAL_TEST(a_sync_that_fails_for_frames_that_are_gone_leaves_a_gap),
        WAL_TEST(closing_makes_everything_durable_and_cuts),
        WAL_TEST(closing_says_what_could_not_be_saved),
        WAL_TEST(closing_tries_once_more),
        WAL_TEST(closing_a_detached_log_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
