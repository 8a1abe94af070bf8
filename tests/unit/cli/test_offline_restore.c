/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl snapshot restore`: afterwards `attl check` must say that a start uses the snapshot and
 * nothing behind it, and everything that was there must still be there under another name. What it
 * refuses must leave the directory untouched, and it must be possible to run it again.
 */
#include "offline_support.h"

#include "base/alloc.h"
#include "support/wal_log.h"

#include <sysexits.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* Standard input is no terminal in any test. */
static int
no_terminal(void **state)
{
    (void)state;
    return freopen("/dev/null", "r", stdin) ? 0 : -1;
}

/* The next start uses SNAP and no change. */
static void
starts_with_it(struct world *w)
{
    world_run(w, EX_OK, "check DIR");
    world_shows(w, w->snapshot);
    world_shows(w, " and 0 changes of the log.\n");
}

/* Snapshots before 5, 12 (SNAP), 18 and 21; changes 1 to 30 in three segments. */
static void
three_segments(struct world *w)
{
    char name[SEGMENT_NAME_MAX];
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_segment(w, 21, 10, false);
    world_snapshot(w, 5, 5, 3);
    world_snapshot(w, 12, 12, 3);
    memcpy(name, w->snapshot, sizeof name);
    world_snapshot(w, 18, 18, 3);
    world_snapshot(w, 21, 21, 3);
    memcpy(w->snapshot, name, sizeof name);
}

static void
what_is_behind_it_is_set_aside(void **state)
{
    struct world *w = *state;
    three_segments(w);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    world_shows(w, ", taken 2026-01-02T03:04:05.690Z, 3 entries, before change 12:\n");
    world_shows(w, "  set aside  snap-0000000000000015-");
    world_shows(w, "  set aside  snap-0000000000000012-");
    world_shows(w, "  cut off    wal-000000000000000b.attl from offset 104, change 12, on\n");
    world_shows(w, "  set aside  wal-0000000000000015.attl\n");
    world_hides(w, "wal-0000000000000001");
    world_shows(w, "17 changes of the log are undone (LSN 12 to 30).");
    world_shows(w, "done: the next start begins with snap-000000000000000c-");
    assert_int_equal(world_count(w, "snap-"), 2);
    assert_int_equal(world_count(w, "wal-"), 2);
    assert_int_equal(world_count(w, "aside-"), 4);
    starts_with_it(w);
}

static void
a_dry_run_only_says_so(void **state)
{
    struct world *w = *state;
    three_segments(w);
    uint64_t before = world_hash(w);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --dry-run");
    world_shows(w, "  cut off    wal-000000000000000b.attl from offset 104, change 12, on\n");
    world_hides(w, "done:");
    world_run(w, EX_OK, "snapshot restore DIR SNAP --dry-run --json");
    world_shows(w, "\"cut_lsn\":12,\"keep_lsn\":12,\"undone_changes\":17,\"dry_run\":true}\n");
    world_shows(
        w, "{\"type\":\"step\",\"step\":\"set aside\",\"name\":\"wal-0000000000000015.attl\"}");
    assert_int_equal(world_hash(w), before);
}

static void
without_a_terminal_it_wants_a_yes(void **state)
{
    struct world *w = *state;
    three_segments(w);
    uint64_t before = world_hash(w);
    world_run(w, EX_USAGE, "snapshot restore DIR SNAP");
    world_says(w, "nothing was changed: this needs --yes");
    assert_int_equal(world_hash(w), before);
}

static void
a_second_time_there_is_nothing_to_do(void **state)
{
    struct world *w = *state;
    three_segments(w);
    world_run(w, EX_OK, "snapshot restore DIR SNAP -y");
    uint64_t before = world_hash(w);
    world_run(w, EX_OK, "snapshot restore DIR SNAP");
    world_shows(w, "nothing to do: it is what a start begins with");
    assert_int_equal(world_hash(w), before);
}

static void
a_cut_between_segments_keeps_the_one_before(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_snapshot(w, 11, 11, 3);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    assert_int_equal(world_count(w, "wal-"), 1);
    assert_int_equal(world_count(w, "aside-"), 1);
    starts_with_it(w);
}

static void
segments_that_overlap_are_cut_until_nothing_is_left(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 20, false);
    world_segment(w, 11, 10, false); /* frames 11 to 20 anew, after a failed sync */
    world_snapshot(w, 11, 11, 3);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    assert_int_equal(world_count(w, "wal-"), 1);
    assert_int_equal(world_count(w, "aside-"), 2);
    starts_with_it(w);
}

static void
a_log_that_is_all_newer_goes(void **state)
{
    struct world *w = *state;
    world_segment(w, 21, 10, false);
    world_snapshot(w, 5, 5, 3);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    assert_int_equal(world_count(w, "wal-"), 0);
    starts_with_it(w);
}

static void
a_damaged_log_does_not_hinder(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    three_segments(w);
    segment_name(21, name);
    world_damage(w, name, 140);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    starts_with_it(w);
}

static void
damage_before_the_cut_is_cut_too(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    three_segments(w);
    segment_name(11, name);
    world_damage(w, name, 100); /* change 11 */
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    starts_with_it(w);
}

static void
a_snapshot_written_meanwhile_keeps_the_log_it_needs(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_snapshot(w, 8, 15, 3);
    world_run(w, EX_OK, "snapshot restore DIR SNAP --yes");
    world_shows(w, "before change 15:\n");
    world_run(w, EX_OK, "check DIR");
    world_shows(w, " and 6 changes of the log (LSN 8 to 14).\n");
    world_snapshot(w, 8, 20, 3);
    uint64_t before = world_hash(w);
    world_run(w, EX_DATAERR, "snapshot restore DIR SNAP --yes");
    world_says(w, "needs the changes 8 to 19 of the log, which are not all there");
    assert_int_equal(world_hash(w), before);
}

static void
a_damaged_snapshot_is_refused(void **state)
{
    struct world *w = *state;
    three_segments(w);
    world_damage(w, w->snapshot, 200);
    uint64_t before = world_hash(w);
    world_run(w, EX_DATAERR, "snapshot restore DIR SNAP --yes");
    world_says(w, "cannot be restored: ");
    assert_int_equal(world_hash(w), before);
    world_run(w, EX_NOINPUT, "snapshot restore DIR snap-x --yes");
}

static void
a_directory_in_use_is_refused(void **state)
{
    struct world *w = *state;
    struct os_disk server;
    char err[256];
    attl_allocator alloc = alloc_default();
    three_segments(w);
    assert_int_equal(os_disk_open(&server, &alloc, w->dir, true, err, sizeof err), 0);
    uint64_t before = world_hash(w);
    world_run(w, EX_TEMPFAIL, "snapshot restore DIR SNAP --yes");
    assert_string_not_equal(w->err, "");
    world_run(w, EX_OK, "snapshot restore DIR SNAP --dry-run");
    world_run(w, EX_OK, "check DIR");
    assert_int_equal(world_hash(w), before);
    os_disk_close(&server);
    world_run(w, EX_NOINPUT, "snapshot restore /nonexistent/attl snap-x --yes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_is_behind_it_is_set_aside),
        WORLD_TEST(a_dry_run_only_says_so),
        WORLD_TEST(without_a_terminal_it_wants_a_yes),
        WORLD_TEST(a_second_time_there_is_nothing_to_do),
        WORLD_TEST(a_cut_between_segments_keeps_the_one_before),
        WORLD_TEST(segments_that_overlap_are_cut_until_nothing_is_left),
        WORLD_TEST(a_log_that_is_all_newer_goes),
        WORLD_TEST(a_damaged_log_does_not_hinder),
        WORLD_TEST(damage_before_the_cut_is_cut_too),
        WORLD_TEST(a_snapshot_written_meanwhile_keeps_the_log_it_needs),
        WORLD_TEST(a_damaged_snapshot_is_refused),
        WORLD_TEST(a_directory_in_use_is_refused),
    };
    return cmocka_run_group_tests(tests, no_terminal, NULL);
}
