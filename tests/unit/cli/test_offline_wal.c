/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl wal list` and `attl wal verify` on logs that are whole, torn, damaged, or have a gap, and
 * on files that are none. Whatever is found, the directory must be as it was.
 */
#include "offline_support.h"

#include "support/wal_log.h"

#include <sysexits.h>

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static void
segments_are_listed_with_what_their_headers_say(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, true);
    world_run(w, EX_OK, "wal list DIR");
    world_shows(w, "SEGMENT");
    world_shows(w,
                "wal-0000000000000001.attl             1            10  2025-01-01T00:00:00.000Z");
    world_shows(w,
                "wal-000000000000000b.attl            11             -  2025-01-01T00:00:00.000Z");
    world_shows(w, "behind a gap");
    world_shows(w, "2 segments, ");
    world_run(w, EX_OK, "wal list DIR --json");
    world_shows(w, "\"first_lsn\":1,");
    world_shows(w, "\"last_lsn\":10,");
    world_shows(w, "\"gap\":true}\n");
    world_hides(w, "SEGMENT");
}

static void
what_is_no_segment_is_told(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    segment_name(1, name);
    world_damage(w, name, 20);
    segment_name(11, name);
    world_cut(w, name, 30);
    world_run(w, EX_DATAERR, "wal list DIR");
    world_shows(w, "damaged");
    world_run(w, EX_DATAERR, "--json wal list DIR");
    world_shows(w, "\"state\":\"damaged\",\"first_lsn\":11,\"bytes\":30}");
}

static void
an_empty_directory_has_no_log(void **state)
{
    struct world *w = *state;
    world_run(w, EX_OK, "wal list DIR");
    assert_string_equal(w->out, "0 segments, 0 B\n");
    world_run(w, EX_OK, "wal verify DIR");
    world_shows(w, "clean     there is no log");
    world_shows(w, "fine: 0 segments, 0 changes\n");
}

static void
a_whole_log_is_fine(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 11, 10, false);
    uint64_t before = world_hash(w);
    world_run(w, EX_OK, "wal verify DIR");
    world_shows(w, "changes   LSN 1 to 20, 20 frames: put 18, mark 2\n");
    world_shows(w, "clean     wal-000000000000000b.attl, offset ");
    world_shows(w, "fine: 2 segments, 18 changes\n");
    world_run(w, EX_OK, "wal verify --json DIR");
    world_shows(w, "\"frames\":20,\"changes\":18,\"kinds\":{\"put\":18,\"mark\":2}}");
    world_shows(w, "{\"type\":\"verdict\",\"status\":\"fine\",\"exit\":0,");
    assert_int_equal(world_hash(w), before);
}

static void
a_torn_end_is_fine_and_told(void **state)
{
    struct world *w = *state;
    struct wal_log l;
    wal_log_begin(&l, 1, false);
    wal_log_puts(&l, 5);
    world_log(w, &l);
    world_damage(w, l.name, -1);
    world_run(w, EX_OK, "wal verify DIR");
    world_shows(w, "torn      wal-");
    world_shows(w,
                "fine: 1 segments, 4 changes, and an unfinished write, which a start cuts off\n");
    wal_log_free(&l);
}

static void
every_damage_is_found_in_one_run(void **state)
{
    struct world *w = *state;
    char name[SEGMENT_NAME_MAX];
    for (unsigned i = 0; i < 4; i++)
        world_segment(w, 1 + 10 * i, 10, false);
    segment_name(11, name);
    world_damage(w, name, 140);
    segment_name(31, name);
    world_damage(w, name, 140);
    uint64_t before = world_hash(w);
    world_run(w, EX_DATAERR, "wal verify DIR");
    world_shows(w, "damaged   wal-000000000000000b.attl, offset 104, before change 12: ");
    world_shows(w, "damaged   wal-000000000000001f.attl, offset 128, before change 32: ");
    world_shows(w,
                "damaged: 2 damaged places, the first in wal-000000000000000b.attl at offset 104");
    world_run(w, EX_DATAERR, "wal verify DIR --json");
    world_shows(w, "{\"type\":\"verdict\",\"status\":\"damaged\",\"exit\":65,");
    assert_int_equal(world_hash(w), before);
}

static void
a_gap_is_not_damage(void **state)
{
    struct world *w = *state;
    world_segment(w, 1, 10, false);
    world_segment(w, 51, 10, true);
    world_run(w, EX_OK, "wal verify DIR");
    world_shows(w, "gap       wal-");
    world_shows(w, "LSN 1 to 60, 20 frames");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(segments_are_listed_with_what_their_headers_say),
        WORLD_TEST(what_is_no_segment_is_told),
        WORLD_TEST(an_empty_directory_has_no_log),
        WORLD_TEST(a_whole_log_is_fine),
        WORLD_TEST(a_torn_end_is_fine_and_told),
        WORLD_TEST(every_damage_is_found_in_one_run),
        WORLD_TEST(a_gap_is_not_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
