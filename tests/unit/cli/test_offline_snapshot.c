/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl snapshot list` and `attl snapshot verify`. Listing sees only the ends of a file, so that
 * damage in its middle is verification's to find; both tell what the file says about itself.
 */
#include "offline_support.h"

#include "support/wal_log.h"

#include <sysexits.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static void
snapshots_are_listed_oldest_first(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 30, 30, 2);
    world_snapshot(w, 12, 20, 3);
    world_run(w, EX_OK, "snapshot list DIR");
    const char *older = strstr(w->out, "snap-000000000000000c-");
    const char *newer = strstr(w->out, "snap-000000000000001e-");
    assert_true(older && newer && older < newer);
    world_shows(w, "2026-01-02T03:04:05.690Z             3");
    world_shows(w, "ok, needs the log before change 20\n");
    world_shows(w, "2 snapshots, ");
    world_run(w, EX_OK, "snapshot list DIR --json");
    world_shows(w, "\"state\":\"ok\",\"cut_lsn\":12,\"created_ms\":1767323045690,"
                   "\"created\":\"2026-01-02T03:04:05.690Z\",");
    world_shows(w, "\"kind\":\"fuzzy\",\"end_lsn\":20,\"entries\":3,");
    world_shows(w, "\"kind\":\"point-in-time\",\"end_lsn\":30,\"entries\":2,");
    world_hides(w, "SNAPSHOT");
}

static void
no_snapshots_are_fine(void **state)
{
    struct world *w = *state;
    world_run(w, EX_OK, "snapshot list DIR");
    assert_string_equal(w->out, "0 snapshots, 0 B\n");
    world_run(w, EX_OK, "snapshot verify DIR");
    assert_string_equal(w->out, "fine: 0 snapshots, 0 B\n");
}

static void
verification_reads_all_of_them_or_one(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 12, 12, 3);
    world_snapshot(w, 30, 30, 2);
    uint64_t before = world_hash(w);
    world_run(w, EX_OK, "snapshot verify DIR");
    world_shows(w, "fine: 2 snapshots, ");
    world_run(w, EX_OK, "snapshot verify DIR SNAP");
    world_shows(w, "fine: 1 snapshots, ");
    world_run(w, EX_NOINPUT, "snapshot verify DIR snap-x");
    world_says(w, "has no snapshot 'snap-x'; attl snapshot list ");
    assert_int_equal(world_hash(w), before);
}

static void
damage_in_the_middle_is_found_by_verification(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 12, 12, 30);
    world_damage(w, w->snapshot, 200);
    world_run(w, EX_OK, "snapshot list DIR");
    world_snapshot(w, 30, 30, 2);
    world_run(w, EX_DATAERR, "snapshot verify DIR");
    world_shows(w, "  damaged: ");
    world_shows(w, "damaged: 1 of 2 snapshots\n");
    world_run(w, EX_DATAERR, "snapshot verify DIR --json");
    world_shows(w, "\"state\":\"damaged\",\"cut_lsn\":12,");
    world_shows(w, "\"problem\":\"");
    world_run(w, EX_OK, "snapshot verify DIR SNAP");
}

static void
a_cut_file_is_seen_by_the_list(void **state)
{
    struct world *w = *state;
    world_snapshot(w, 12, 12, 30);
    world_cut(w, w->snapshot, 200);
    world_run(w, EX_DATAERR, "snapshot list DIR");
    world_shows(w, "damaged: ");
    world_cut(w, w->snapshot, 0);
    world_run(w, EX_DATAERR, "snapshot list DIR");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(snapshots_are_listed_oldest_first),
        WORLD_TEST(no_snapshots_are_fine),
        WORLD_TEST(verification_reads_all_of_them_or_one),
        WORLD_TEST(damage_in_the_middle_is_found_by_verification),
        WORLD_TEST(a_cut_file_is_seen_by_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
