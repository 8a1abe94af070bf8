/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a start would do, for snapshots in states that are hard to make on a disk: of a newer
 * release, unreadable, vanished. The states are given by hand, the log is a small one on a
 * simulated disk.
 */
#include "cli_support.h"

#include "base/alloc.h"
#include "cli/offline_start.h"
#include "support/wal_log.h"

#include <stdlib.h>
#include <sysexits.h>

enum { SNAPSHOTS = 3 };

/* Snapshots before 3, 5 and 7; changes 1 to 10. */
struct scene {
    struct sim_disk *sim;
    struct offline o;
    struct store_file files[SNAPSHOTS];
    struct read_snapshot states[SNAPSHOTS];
    struct start start;
};

static int
scene_setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    struct wal_log l;
    assert_non_null(s);
    s->sim = sim_disk_new(1);
    wal_log_begin(&l, 1, false);
    wal_log_puts(&l, 10);
    wal_log_store(&l, s->sim);
    wal_log_free(&l);
    s->o = (struct offline){ .alloc = alloc_default(), .disk = sim_disk_table(s->sim) };
    for (int i = 0; i < SNAPSHOTS; i++) {
        uint64_t cut_lsn = 3 + 2 * (uint64_t)i;
        (void)snprintf(s->files[i].name, sizeof s->files[i].name, "snap-%d", i); /* fits */
        s->states[i].meta = (struct snapshot_meta){ .kind = SNAPSHOT_POINT_IN_TIME,
                                                    .cut_lsn = cut_lsn,
                                                    .end_lsn = cut_lsn };
    }
    *state = s;
    return 0;
}

static int
scene_teardown(void **state)
{
    struct scene *s = *state;
    sim_disk_free(&s->sim);
    free(s);
    return 0;
}

/* The snapshot that is used, -1: none. */
static int
judge(struct scene *s, enum start_result result)
{
    assert_int_equal(start_judge(&s->o, s->files, s->states, SNAPSHOTS, &s->start), 0);
    assert_int_equal(s->start.result, result);
    return s->start.base ? (int)(s->start.base - s->files) : -1;
}

static void
the_newest_is_used(void **state)
{
    struct scene *s = *state;
    assert_int_equal(judge(s, START_FINE), 2);
    assert_int_equal(s->start.log.changes, 4);
    assert_int_equal(start_code(&s->start), EX_OK);
}

static void
damaged_and_vanished_ones_are_passed_over(void **state)
{
    struct scene *s = *state;
    s->states[2].result = SNAPSHOT_DAMAGED;
    s->states[1].gone = true;
    s->states[1].result = SNAPSHOT_IO;
    assert_int_equal(judge(s, START_FINE), 0);
    assert_int_equal(s->start.passed_over, 1);
    assert_int_equal(s->start.log.changes, 8);
    s->states[0].result = SNAPSHOT_DAMAGED;
    assert_int_equal(judge(s, START_FINE), -1);
    assert_int_equal(s->start.log.changes, 10);
}

static void
a_newer_releases_is_refused_and_not_passed_over(void **state)
{
    struct scene *s = *state;
    s->states[2].result = SNAPSHOT_NEWER;
    assert_int_equal(judge(s, START_REFUSED), 2);
    assert_int_equal(start_code(&s->start), EX_DATAERR);
    assert_non_null(strstr(s->start.why, "newer release"));
}

static void
what_cannot_be_read_is_not_passed_over(void **state)
{
    struct scene *s = *state;
    s->states[2].result = SNAPSHOT_IO;
    assert_int_equal(judge(s, START_FAILS), 2);
    assert_int_equal(start_code(&s->start), EX_IOERR);
    assert_false(s->start.log_read);
}

static void
changes_behind_a_gap_are_not_used_and_told(void **state)
{
    struct scene *s = *state;
    struct wal_log l;
    wal_log_begin(&l, 20, true);
    wal_log_puts(&l, 5);
    wal_log_store(&l, s->sim);
    wal_log_free(&l);
    assert_int_equal(judge(s, START_FINE), 2);
    assert_non_null(strstr(s->start.why, "the 5 changes behind that are not used"));
    s->states[2].meta.cut_lsn = s->states[2].meta.end_lsn = 20; /* taken behind the gap */
    assert_int_equal(judge(s, START_FINE), 2);
    assert_string_equal(s->start.why, "");
    assert_int_equal(s->start.log.changes, 5);
}

static void
it_is_told_in_sentences(void **state)
{
    struct scene *s = *state;
    struct capture out;
    s->states[2].result = SNAPSHOT_DAMAGED;
    s->states[1].result = SNAPSHOT_IO;
    (void)snprintf(s->states[1].problem, sizeof s->states[1].problem, "the disk failed"); /* fits */
    assert_int_equal(judge(s, START_FAILS), 1);
    capture_begin(&out);
    s->o.out = out.file;
    start_print(&s->o, &s->start);
    s->o.json = true;
    start_print(&s->o, &s->start);
    assert_string_equal(capture_end(&out),
                        "1 newer snapshot is not usable, and passed over.\n"
                        "A start would want snap-1.\n"
                        "It fails: snap-1: the disk failed.\n"
                        "{\"type\":\"start\",\"result\":\"fails\",\"snapshot\":\"snap-1\","
                        "\"passed_over\":1,\"why\":\"snap-1: the disk failed\"}\n");
    capture_free(&out);
}

int
main(void)
{
#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(the_newest_is_used),
        SCENE_TEST(damaged_and_vanished_ones_are_passed_over),
        SCENE_TEST(a_newer_releases_is_refused_and_not_passed_over),
        SCENE_TEST(what_cannot_be_read_is_not_passed_over),
        SCENE_TEST(changes_behind_a_gap_are_not_used_and_told),
        SCENE_TEST(it_is_told_in_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
