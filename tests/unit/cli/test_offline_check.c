/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl check` on directories in every state: what a start would do must be what recovery does, the
 * verdict must be the last line, and the exit status must agree with it. Nothing may change.
 */
#include "offline_support.h"

#include "support/wal_log.h"

#include <sysexits.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* Runs the check in both forms; the last line must begin with `verdict`. */
static void
check(struct world *w, int code, const char *verdict)
{
    uint64_t before = world_hash(w);
    world_run(w, code, "check DIR --json");
    char *last = strstr(w->out, "{\"type\":\"verdict\"");
    assert_non_null(last);
    assert_string_equal(strchr(last, '\n'), "\n");
    world_run(w, code, "check DIR");
    assert_int_equal(world_hash(w), before);
    size_t len = strlen(w->out);
    assert_true(len > 0 && w->out[len - 1] == '\n');
    w->out[len - 1] = '\0';
    last = strrchr(w->out, '\n');
    assert_non_null(last);
    if (strncmp(last + 1, verdict, strlen(verdict)) != 0)
        fail_msg("the verdict is '%s', not '%s'", last + 1, verdict);
    w->out[len - 1] = '\n';
}

static void
an_empty_directory_is_fine(void **state)
{
    check(*state, EX_OK, "fine: there is nothing here; a start begins empty");
}

static void
a_directory_that_is_not_there_is_told(void **state)
{
    struct world *w = *state;
    world_run(w, EX_NOINPUT, "check /nonexistent/attl");
    world_says(w, "data directory '/nonexistent/attl' does not exist");
    assert_string_equal(w->out, "");
}

static void
a_whole_directory_is_fine(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_snapshot(w, 15, 15, 3);
    check(w, EX_OK, "fine: 1 snapshots and 2 segments are whole");
    world_shows(w, "A start uses snap-000000000000000f-");
    world_shows(w, " and 5 changes of the log (LSN 15 to 20).\n");
    world_run(w, EX_OK, "check DIR --json");
    world_shows(w, "{\"type\":\"start\",\"result\":\"fine\",\"snapshot\":\"snap-000000000000000f-");
    world_shows(w, "\"from_lsn\":15,\"next_lsn\":21,\"changes\":5,\"end\":\"clean\"");
}

static void
a_log_alone_is_fine(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    check(w, EX_OK, "fine: 0 snapshots and 1 segments are whole");
    world_shows(w, "A start uses no snapshot and 9 changes of the log (LSN 1 to 10).");
}

static void
an_unfinished_write_is_fine(void **state)
{
    struct world *w = *state;
    struct wal_log l;
    wal_log_begin(&l, 1, false);
    wal_log_puts(&l, 5);
    world_log(w, &l);
    world_damage(w, l.name, -1);
    check(w, EX_OK, "fine: 0 snapshots and 1 segments are whole; a start cuts off the remains");
    world_shows(w, "It cuts off the remains of an unfinished write in wal-");
    wal_log_free(&l);
}

static void
damage_that_a_start_meets_is_refused(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    world_snapshot(w, 5, 5, 3);
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    segment_name(11, name);
    world_damage(w, name, 140);
    check(w, EX_DATAERR, "damaged: a start with --recover=strict refuses: in wal-000000000000000b");
    world_shows(w, "--recover=prefix would give up what was logged from there on (8 later changes");
}

static void
damage_that_a_start_does_not_meet_is_told_apart(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_snapshot(w, 15, 15, 3);
    segment_name(1, name);
    world_damage(w, name, 140);
    check(w, EX_DATAERR, "damaged: but not what a start reads: 0 of 1 snapshots, 1 places");
    world_shows(w, "A start uses snap-");
}

static void
a_damaged_snapshot_is_passed_over(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    world_snapshot(w, 5, 5, 3);
    world_snapshot(w, 15, 15, 3);
    world_damage(w, w->snapshot, 200);
    check(w, EX_DATAERR,
          "damaged: 1 of 2 snapshots; a start passes over the newest and uses snap-"
          "0000000000000005-");
    world_shows(w, "1 newer snapshot is not usable, and passed over.");
    world_shows(w, "and 14 changes of the log (LSN 5 to 20).");
}

static void
a_log_that_begins_too_late_is_refused(void **state)
{
    struct world *w = *state;
    world_segment(w, 11, 10, false);
    check(w, EX_DATAERR,
          "damaged: a start with --recover=strict refuses: the log begins with "
          "change 11, but the state is known only before change 1");
    world_snapshot(w, 5, 5, 3);
    check(w, EX_DATAERR,
          "damaged: a start with --recover=strict refuses: the log begins with "
          "change 11, but the state is known only before change 5");
    world_snapshot(w, 11, 11, 3);
    check(w, EX_OK, "fine: 2 snapshots and 1 segments");
}

static void
a_snapshot_that_needs_more_log_than_there_is_is_passed_over(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_snapshot(w, 5, 5, 3);
    world_snapshot(w, 8, 20, 3);
    check(w, EX_OK, "fine: ");
    world_shows(w, "A start uses snap-0000000000000005-");
    world_shows(w, "1 newer snapshot is not usable, and passed over.");
    world_snapshot(w, 8, 10, 3);
    check(w, EX_OK, "fine: ");
    world_shows(w, "A start uses snap-0000000000000008-");
}

static void
other_files_are_listed(void **state)
{
    struct world *w = *state;
    struct wal_log l;
    wal_log_begin(&l, 1, false);
    (void)snprintf(l.name, sizeof l.name, "aside-0000019b7cb0a5ae-wal-0000000000000001.attl");
    world_log(w, &l);
    (void)snprintf(l.name, sizeof l.name, "wal-next.attl");
    world_log(w, &l);
    wal_log_free(&l);
    check(w, EX_OK, "fine: 0 snapshots and 0 segments are whole");
    world_shows(w, "     1 set aside                 64 B\n");
    world_shows(w, "     1 temporary                 64 B\n");
    world_shows(w, "aside-0000019b7cb0a5ae-wal-0000000000000001.attl\n");
    world_run(w, EX_OK, "check DIR --json");
    world_shows(w, "{\"type\":\"temporary\",\"name\":\"wal-next.attl\",\"bytes\":64,");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_empty_directory_is_fine),
        WORLD_TEST(a_directory_that_is_not_there_is_told),
        WORLD_TEST(a_whole_directory_is_fine),
        WORLD_TEST(a_log_alone_is_fine),
        WORLD_TEST(an_unfinished_write_is_fine),
        WORLD_TEST(damage_that_a_start_meets_is_refused),
        WORLD_TEST(damage_that_a_start_does_not_meet_is_told_apart),
        WORLD_TEST(a_damaged_snapshot_is_passed_over),
        WORLD_TEST(a_log_that_begins_too_late_is_refused),
        WORLD_TEST(a_snapshot_that_needs_more_log_than_there_is_is_passed_over),
        WORLD_TEST(other_files_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
