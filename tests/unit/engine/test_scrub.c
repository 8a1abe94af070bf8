/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the data directory again on a simulated disk: a byte that rots in any region of a
 * snapshot or of a closed segment is found, healed from memory and, after a restart, missed by
 * nobody; a disk that fails to read is told apart from that. The clock is the test's, so rate and
 * interval are exact. Every test ends by opening the directory again.
 */
#include "api/api.h"
#include "engine/control.h"
#include "engine/scrub.h"
#include "os/clock.h"
#include "os/parker.h"
#include "persist/snapshot_format.h"
#include "scrub_support.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is found --------------------------------------------------------------------------- */

static void
whole_files_are_read_and_left_alone(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    unsigned snapshots = durable_files(d, "snap-", NULL, 0);
    unsigned segments = durable_files(d, "wal-0", NULL, 0);
    attl_scrub_report r = rot_scrub(d);
    assert_int_equal(r.files, snapshots + segments - 1); /* the last one is being written */
    assert_true(r.bytes > (uint64_t)KEYS * VALUE_BYTES);
    assert_int_equal(r.damaged + r.healed + r.unreadable, 0);
    attl_scrub_stats st = rot_stats(d);
    assert_int_equal(st.passes, 1);
    assert_int_equal(st.bytes, r.bytes);
    assert_true(st.last_pass_ms == sim_now(&d->sim));
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
    rot_reopen(d);
}

static size_t
bytes_of(struct durable *d, const char *name)
{
    size_t len = 0;
    void *data = sim_disk_get(d->disk, name, &len);
    assert_non_null(data);
    free(data);
    return len;
}

/* A byte in each region, and some at random. */
static uint64_t
region(size_t bytes, unsigned i, uint64_t *rng)
{
    const uint64_t places[] = { 0,
                                9,
                                17,
                                30,
                                41,
                                SNAPSHOT_HEADER_BYTES - 1,
                                SNAPSHOT_HEADER_BYTES,
                                70,
                                80,
                                90,
                                bytes / 3,
                                bytes / 2,
                                bytes - SNAPSHOT_TRAILER_BYTES,
                                bytes - SNAPSHOT_TRAILER_BYTES / 2,
                                bytes - 1 };
    if (i < sizeof places / sizeof places[0])
        return places[i];
    *rng = *rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (*rng >> 16) % bytes;
}

enum { REGIONS = 20 };

static void
flip_and_heal(struct durable *d, const char *name, uint64_t at, bool fresh)
{
    uint64_t before = durable_stats(d).snapshots;
    sim_disk_flip(d->disk, name, at, (uint8_t)(1u << at % 8));
    attl_scrub_report r = rot_scrub(d);
    if (r.damaged != 1 || r.healed != 1)
        fail_msg("%s at %llu: %llu damaged, %llu healed", name, (unsigned long long)at,
                 (unsigned long long)r.damaged, (unsigned long long)r.healed);
    assert_false(sim_disk_has(d->disk, name));
    assert_int_equal(durable_stats(d).snapshots, before + fresh);
    assert_int_equal(rot_stats(d).unhealed, 0);
    assert_int_equal(rot_scrub(d).damaged, 0);
}

static void
rot_in_any_region_of_the_newest_snapshot_is_healed(void **state)
{
    struct durable *d = *state;
    uint64_t rng = test_seed();
    char name[NAME_BYTES];
    rot_populate(d);
    for (unsigned i = 0; i < REGIONS; i++) {
        sim_advance(&d->sim, 1000);
        (void)durable_files(d, "snap-", name, sizeof name);
        flip_and_heal(d, name, region(bytes_of(d, name), i, &rng), true);
    }
    rot_reopen(d);
}

static void
rot_in_an_older_snapshot_needs_no_fresh_one(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    struct rot_list names = rot_names(d, "snap-");
    assert_int_equal(names.n, 2);
    flip_and_heal(d, names.list[0], 200, false);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 1);
    rot_reopen(d);
}

/* Behind the newest snapshot: a start needs it. */
static void
rot_in_any_region_of_a_needed_segment_is_healed(void **state)
{
    struct durable *d = *state;
    uint64_t rng = test_seed();
    rot_populate(d);
    for (unsigned i = 0; i < REGIONS; i++) {
        struct rot_list names = rot_names(d, "wal-0");
        assert_true(names.n >= 2);
        const char *name = names.list[names.n - 2];
        flip_and_heal(d, name, region(bytes_of(d, name), i, &rng), true);
        rot_fill(d, 0, KEYS / 2); /* the same values again: new segments behind the new snapshot */
        assert_true(durable_files(d, "wal-0", NULL, 0) >= 2);
    }
    rot_reopen(d);
}

static void
rot_in_old_history_ends_what_can_be_rolled_back_to(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    struct rot_list names = rot_names(d, "wal-0");
    flip_and_heal(d, names.list[1], 5000, false);
    assert_false(sim_disk_has(d->disk, names.list[0])); /* nothing leads on from there */
    assert_true(sim_disk_has(d->disk, names.list[2]));
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 2);
    struct control_damage c;
    control_observe_damage(d->cache, &c);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.file, names.list[1]);
    assert_true(c.offset > 0 && c.offset <= 5000);
    assert_non_null(strstr(c.lost, "can be read"));
    assert_non_null(strstr(c.done, "reaches back to change"));
    char err[256];
    attl_rollback_opts o = { .struct_size = sizeof o, .to_lsn = 5, .dry_run = 1 };
    ASSERT_STATUS(attl_rollback(d->cache, &o, NULL, err, sizeof err), ATTL_MISS);
    rot_reopen(d);
}

static void
several_files_are_all_healed(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    struct rot_list snapshots = rot_names(d, "snap-"), segments = rot_names(d, "wal-0");
    for (unsigned i = 0; i < snapshots.n; i++)
        sim_disk_flip(d->disk, snapshots.list[i], 300, 1);
    for (unsigned i = 0; i + 1 < segments.n; i++)
        sim_disk_flip(d->disk, segments.list[i], 3000, 1);
    for (int i = 0; i < 3 && rot_scrub(d).damaged > 0; i++) { /* older ones go with a younger one */
    }
    assert_int_equal(rot_stats(d).unhealed, 0);
    assert_int_equal(rot_scrub(d).damaged, 0);
    rot_reopen(d);
}

/* ---- what is not damage ---------------------------------------------------------------------- */

static void
a_disk_that_fails_to_read_is_reported_and_nothing_is_touched(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    unsigned files = durable_files(d, "wal-0", NULL, 0) + durable_files(d, "snap-", NULL, 0);
    sim_disk_fail(d->disk, SIM_READ, 1, -EIO, SIM_ONCE);
    attl_scrub_report r = rot_scrub(d);
    assert_int_equal(r.unreadable, 1);
    assert_int_equal(r.damaged, 0);
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
    struct control_damage c;
    control_observe_damage(d->cache, &c);
    assert_int_equal(c.count + c.unhealed, 0);
    assert_false(control_next_damage(d->cache, 0, &c));
    /* It was the newest: a start has another one now. */
    assert_int_equal(durable_files(d, "wal-0", NULL, 0) + durable_files(d, "snap-", NULL, 0),
                     files + 1);
    rot_reopen(d);
}

static void
every_failing_read_leaves_the_files_alone(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    for (uint64_t nth = 1; nth < ROUNDS_MAX; nth++) {
        attl_scrub_report r = { .struct_size = sizeof r };
        sim_disk_fail(d->disk, SIM_READ | SIM_OPEN | SIM_SIZE, nth, -EIO, SIM_ONCE);
        ASSERT_STATUS(attl_scrub(d->cache, &r), ATTL_OK);
        if (sim_disk_failures(d->disk) == 0)
            break;
        assert_int_equal(r.damaged, 0);
        assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
    }
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    rot_reopen(d);
}

/* What a failed write leaves in front of a gap has never been promised. */
static void
a_gap_in_the_log_is_not_damage(void **state)
{
    struct durable *d = *state;
    static const struct sim_option degrading[] = { { "persist.fsync", "everysec" },
                                                   { "persist.on_error", "degrade" },
                                                   { "persist.buffer", "1MiB" },
                                                   { "retention.enabled", "no" },
                                                   { NULL, NULL } };
    durable_open(d, degrading);
    rot_fill(d, 0, 100);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    for (int i = 0; durable_stats(d).state != 2 && i < ROUNDS_MAX; i++)
        rot_fill(d, 100, 300);
    assert_int_equal(durable_stats(d).state, 2); /* in memory only */
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    for (int i = 0; durable_stats(d).state != 0 && i < ROUNDS_MAX; i++)
        attl_tick(d->cache, 0, NULL);
    rot_fill(d, 300, KEYS);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    attl_scrub_report r = rot_scrub(d);
    assert_true(r.files > 2);
    assert_int_equal(r.damaged + r.unreadable, 0);
    rot_reopen(d);
}

static void
a_file_that_goes_meanwhile_is_passed_over(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    sim_option(d->cache, "scrub.rate", "4096");
    sim_option(d->cache, "scrub.interval", "1s");
    sim_advance(&d->sim, 2000);
    attl_tick(d->cache, 0, NULL); /* a pass has begun */
    struct rot_list names = rot_names(d, "snap-");
    sim_disk_drop(d->disk, names.list[0]);
    for (int i = 0; i < 200 && rot_stats(d).passes == 0; i++) {
        sim_advance(&d->sim, 100000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_int_equal(rot_stats(d).passes, 1);
    assert_int_equal(rot_stats(d).damaged + rot_stats(d).unreadable, 0);
    rot_reopen(d);
}

/* ---- when, and how fast ---------------------------------------------------------------------- */

static void
a_pass_begins_with_the_interval_and_keeps_the_rate(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    sim_option(d->cache, "scrub.rate", "65536");
    sim_option(d->cache, "scrub.interval", "60s");
    uint64_t reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 50000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    sim_advance(&d->sim, 11000);
    int64_t start_ms = sim_now(&d->sim);
    while (rot_stats(d).passes == 0 && sim_now(&d->sim) < start_ms + 3600000) {
        attl_tick(d->cache, 0, NULL);
        sim_advance(&d->sim, 10);
    }
    int64_t took_ms = sim_now(&d->sim) - start_ms;
    uint64_t bytes = rot_stats(d).bytes;
    assert_true(bytes > 300000);
    /* The last piece is not waited for. */
    assert_true(took_ms * 65536 / 1000 >= (int64_t)bytes - SCRUB_STEP_BYTES);
    assert_true(took_ms > 1000 && took_ms * 65536 / 1000 <= (int64_t)bytes * 2);
    reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 50000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    rot_reopen(d);
}

static void
switched_off_it_reads_nothing_by_itself(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    sim_option(d->cache, "scrub.interval", "1s");
    sim_option(d->cache, "scrub.enabled", "no");
    uint64_t reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 100000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    assert_true(rot_scrub(d).files > 0);
}

static void
damage_heals_by_itself_in_the_background(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    rot_populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 1000, 8);
    for (int i = 0; i < 40 && sim_disk_has(d->disk, name); i++) {
        sim_advance(&d->sim, 3600000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_false(sim_disk_has(d->disk, name));
    assert_int_equal(durable_events(d, "scrub_healed"), 1);
    rot_reopen(d);
}

static void
closing_in_the_middle_of_a_pass_is_quick(void **state)
{
    struct durable *d = *state;
    rot_populate(d);
    attl_close(&d->cache);
    d->real_time = true;
    static const struct sim_option slow[] = { { "retention.enabled", "no" },
                                              { "persist.save", "" },
                                              { "scrub.interval", "1s" },
                                              { "scrub.rate", "4096" },
                                              { NULL, NULL } };
    durable_open(d, slow);
    int64_t end_ns = clock_mono_ns() + 8 * INT64_C(1000000000);
    while (rot_stats(d).bytes == 0 && clock_mono_ns() < end_ns) {
        struct parker parker = { 0 };
        parker_sleep(&parker, 5);
    }
    assert_true(rot_stats(d).bytes > 0);
    assert_int_equal(rot_stats(d).running, 1);
    int64_t start_ns = clock_mono_ns();
    attl_close(&d->cache);
    assert_true(clock_mono_ns() - start_ns < INT64_C(3000000000));
    durable_open(d, rot_still);
    rot_expect(d, KEYS);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void
without_a_directory_there_is_nothing_to_read(void **state)
{
    (void)state;
    struct sim sim;
    sim_init(&sim);
    attl *a = sim_open(&sim, NULL);
    attl_scrub_stats st = { .struct_size = sizeof st };
    struct control_damage c;
    ASSERT_STATUS(attl_scrub(a, NULL), ATTL_E_UNSUPPORTED);
    ASSERT_STATUS(attl_damage_list(a, NULL, NULL), ATTL_E_UNSUPPORTED);
    attl_scrub_stats_get(a, &st);
    assert_int_equal(st.passes + st.damaged, 0);
    control_observe_damage(a, &c);
    assert_int_equal(c.count, 0);
    sim_close(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(whole_files_are_read_and_left_alone),
        DURABLE_TEST(rot_in_any_region_of_the_newest_snapshot_is_healed),
        DURABLE_TEST(rot_in_an_older_snapshot_needs_no_fresh_one),
        DURABLE_TEST(rot_in_any_region_of_a_needed_segment_is_healed),
        DURABLE_TEST(rot_in_old_history_ends_what_can_be_rolled_back_to),
        DURABLE_TEST(several_files_are_all_healed),
        DURABLE_TEST(a_disk_that_fails_to_read_is_reported_and_nothing_is_touched),
        DURABLE_TEST(every_failing_read_leaves_the_files_alone),
        DURABLE_TEST(a_gap_in_the_log_is_not_damage),
        DURABLE_TEST(a_file_that_goes_meanwhile_is_passed_over),
        DURABLE_TEST(a_pass_begins_with_the_interval_and_keeps_the_rate),
        DURABLE_TEST(switched_off_it_reads_nothing_by_itself),
        DURABLE_TEST(damage_heals_by_itself_in_the_background),
        DURABLE_TEST(closing_in_the_middle_of_a_pass_is_quick),
        cmocka_unit_test(without_a_directory_there_is_nothing_to_read),
    };
    test_announce("scrub", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
