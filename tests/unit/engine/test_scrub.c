/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the data directory again on a simulated disk: a byte that rots in any region of a
 * snapshot or of a closed segment is found, healed from memory and, after a restart, missed by
 * nobody; a disk that fails to read is told apart from that; and a healing that fails is tried
 * again. The clock is the test's, so rate and interval are exact. Every test ends by opening the
 * directory again.
 */
#include "api/api.h"
#include "engine/control.h"
#include "engine/store.h"
#include "persist/snapshot_format.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 600, VALUE_BYTES = 400, NAME_BYTES = 96, ROUNDS_MAX = 100000 };

/* No retention: what goes, goes by the hand of the scrubber. */
static const struct sim_option still[] = { { "retention.enabled", "no" },
                                           { "persist.save", "" },
                                           { "persist.compress", "no" },
                                           { NULL, NULL } };

static void
value_of(unsigned i, char out[VALUE_BYTES + 1])
{
    memset(out, 'a' + (char)(i % 26), VALUE_BYTES);
    (void)snprintf(out, 16, "%u", i);
    out[strlen(out)] = '.';
    out[VALUE_BYTES] = '\0';
}

static void
fill(struct durable *d, unsigned from, unsigned to)
{
    char key[16], value[VALUE_BYTES + 1];
    for (unsigned i = from; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        value_of(i, value);
        put(d->cache, key, value, ATTL_TTL_NONE);
    }
}

static void
expect_keys(struct durable *d, unsigned to)
{
    char key[16], value[VALUE_BYTES + 1];
    for (unsigned i = 0; i < to; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        value_of(i, value);
        expect(d->cache, key, value);
    }
    assert_int_equal(attl_size(d->cache), to);
}

/* Two snapshots, and closed segments before, between and behind them. */
static void
populate(struct durable *d)
{
    durable_open(d, still);
    fill(d, 0, KEYS / 3);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    fill(d, KEYS / 3, 2 * KEYS / 3);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    fill(d, 2 * KEYS / 3, KEYS);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    assert_true(durable_files(d, "wal-0", NULL, 0) > 3);
}

static attl_scrub_report
scrub(struct durable *d)
{
    attl_scrub_report r = { .struct_size = sizeof r };
    ASSERT_STATUS(attl_scrub(d->cache, &r), ATTL_OK);
    return r;
}

static attl_scrub_stats
stats_of(struct durable *d)
{
    attl_scrub_stats st = { .struct_size = sizeof st };
    attl_scrub_stats_get(d->cache, &st);
    return st;
}

static void
reopen_whole(struct durable *d)
{
    durable_crash(d, 3);
    durable_open(d, still);
    expect_keys(d, KEYS);
    assert_int_equal(scrub(d).damaged, 0);
    attl_close(&d->cache);
    durable_open(d, still);
    expect_keys(d, KEYS);
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

struct names {
    char list[16][NAME_BYTES];
    unsigned n;
    const char *prefix;
};

static void
gather(void *ud, const char *name, uint64_t bytes, int64_t modified_ms)
{
    struct names *names = ud;
    (void)bytes;
    (void)modified_ms;
    if (strncmp(name, names->prefix, strlen(names->prefix)) != 0 || names->n == 16)
        return;
    unsigned at = names->n++;
    for (; at > 0 && strcmp(names->list[at - 1], name) > 0; at--)
        memcpy(names->list[at], names->list[at - 1], NAME_BYTES);
    (void)snprintf(names->list[at], NAME_BYTES, "%s", name);
}

static struct names
names_of(struct durable *d, const char *prefix)
{
    struct names names = { .prefix = prefix };
    struct disk *disk = sim_disk_table(d->disk);
    assert_int_equal(disk->ops->list(disk, gather, &names), 0);
    return names;
}

/* ---- what is found --------------------------------------------------------------------------- */

static void
whole_files_are_read_and_left_alone(void **state)
{
    struct durable *d = *state;
    populate(d);
    unsigned snapshots = durable_files(d, "snap-", NULL, 0);
    unsigned segments = durable_files(d, "wal-0", NULL, 0);
    attl_scrub_report r = scrub(d);
    assert_int_equal(r.files, snapshots + segments - 1); /* the last one is being written */
    assert_true(r.bytes > (uint64_t)KEYS * VALUE_BYTES);
    assert_int_equal(r.damaged + r.healed + r.unreadable, 0);
    attl_scrub_stats st = stats_of(d);
    assert_int_equal(st.passes, 1);
    assert_int_equal(st.bytes, r.bytes);
    assert_true(st.last_pass_ms == sim_now(&d->sim));
    assert_int_equal(durable_files(d, "aside-", NULL, 0), 0);
    reopen_whole(d);
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
    attl_scrub_report r = scrub(d);
    if (r.damaged != 1 || r.healed != 1)
        fail_msg("%s at %llu: %llu damaged, %llu healed", name, (unsigned long long)at,
                 (unsigned long long)r.damaged, (unsigned long long)r.healed);
    assert_false(sim_disk_has(d->disk, name));
    assert_int_equal(durable_stats(d).snapshots, before + fresh);
    assert_int_equal(stats_of(d).unhealed, 0);
    assert_int_equal(scrub(d).damaged, 0);
}

static void
rot_in_any_region_of_the_newest_snapshot_is_healed(void **state)
{
    struct durable *d = *state;
    uint64_t rng = test_seed();
    char name[NAME_BYTES];
    populate(d);
    for (unsigned i = 0; i < REGIONS; i++) {
        sim_advance(&d->sim, 1000);
        (void)durable_files(d, "snap-", name, sizeof name);
        flip_and_heal(d, name, region(bytes_of(d, name), i, &rng), true);
    }
    reopen_whole(d);
}

static void
rot_in_an_older_snapshot_needs_no_fresh_one(void **state)
{
    struct durable *d = *state;
    populate(d);
    struct names names = names_of(d, "snap-");
    assert_int_equal(names.n, 2);
    flip_and_heal(d, names.list[0], 200, false);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 1);
    reopen_whole(d);
}

/* Behind the newest snapshot: a start needs it. */
static void
rot_in_any_region_of_a_needed_segment_is_healed(void **state)
{
    struct durable *d = *state;
    uint64_t rng = test_seed();
    populate(d);
    for (unsigned i = 0; i < REGIONS; i++) {
        struct names names = names_of(d, "wal-0");
        assert_true(names.n >= 2);
        const char *name = names.list[names.n - 2];
        flip_and_heal(d, name, region(bytes_of(d, name), i, &rng), true);
        fill(d, 0, KEYS / 2); /* the same values again: new segments behind the new snapshot */
        assert_true(durable_files(d, "wal-0", NULL, 0) >= 2);
    }
    reopen_whole(d);
}

static void
rot_in_old_history_ends_what_can_be_rolled_back_to(void **state)
{
    struct durable *d = *state;
    populate(d);
    struct names names = names_of(d, "wal-0");
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
    reopen_whole(d);
}

static void
several_files_are_all_healed(void **state)
{
    struct durable *d = *state;
    populate(d);
    struct names snapshots = names_of(d, "snap-"), segments = names_of(d, "wal-0");
    for (unsigned i = 0; i < snapshots.n; i++)
        sim_disk_flip(d->disk, snapshots.list[i], 300, 1);
    for (unsigned i = 0; i + 1 < segments.n; i++)
        sim_disk_flip(d->disk, segments.list[i], 3000, 1);
    for (int i = 0; i < 3 && scrub(d).damaged > 0; i++) { /* older ones go with a younger one */
    }
    assert_int_equal(stats_of(d).unhealed, 0);
    assert_int_equal(scrub(d).damaged, 0);
    reopen_whole(d);
}

/* ---- what is not damage ---------------------------------------------------------------------- */

static void
a_disk_that_fails_to_read_is_reported_and_nothing_is_touched(void **state)
{
    struct durable *d = *state;
    populate(d);
    unsigned files = durable_files(d, "wal-0", NULL, 0) + durable_files(d, "snap-", NULL, 0);
    sim_disk_fail(d->disk, SIM_READ, 1, -EIO, SIM_ONCE);
    attl_scrub_report r = scrub(d);
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
    reopen_whole(d);
}

static void
every_failing_read_leaves_the_files_alone(void **state)
{
    struct durable *d = *state;
    populate(d);
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
    reopen_whole(d);
}

static void
a_file_that_goes_meanwhile_is_passed_over(void **state)
{
    struct durable *d = *state;
    populate(d);
    sim_option(d->cache, "scrub.rate", "4096");
    sim_option(d->cache, "scrub.interval", "1s");
    sim_advance(&d->sim, 2000);
    attl_tick(d->cache, 0, NULL); /* a pass has begun */
    struct names names = names_of(d, "snap-");
    sim_disk_drop(d->disk, names.list[0]);
    for (int i = 0; i < 200 && stats_of(d).passes == 0; i++) {
        sim_advance(&d->sim, 100000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_int_equal(stats_of(d).passes, 1);
    assert_int_equal(stats_of(d).damaged + stats_of(d).unreadable, 0);
    reopen_whole(d);
}

/* ---- healing that fails ---------------------------------------------------------------------- */

static void
heals_in_the_end(struct durable *d, unsigned ops, int error, const char *prefix)
{
    for (uint64_t nth = 1; nth < ROUNDS_MAX; nth++) {
        struct names names = names_of(d, prefix);
        const char *name = names.list[names.n - (strcmp(prefix, "snap-") == 0 ? 1 : 2)];
        sim_advance(&d->sim, 1000);
        sim_disk_flip(d->disk, name, 200, 4);
        sim_disk_fail(d->disk, ops, nth, error, SIM_ONCE);
        attl_scrub_report r = scrub(d);
        bool met = sim_disk_failures(d->disk) > 0;
        sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
        assert_int_equal(r.damaged, 1);
        if (r.healed == 0)
            assert_int_equal(stats_of(d).unhealed, 1);
        for (int i = 0; i < 20 && stats_of(d).unhealed > 0; i++) {
            sim_advance(&d->sim, 61000);
            attl_tick(d->cache, 0, NULL);
        }
        assert_int_equal(stats_of(d).unhealed, 0);
        assert_false(sim_disk_has(d->disk, name));
        if (!met)
            break;
        if (strcmp(prefix, "wal-0") == 0)
            fill(d, 0, KEYS / 2);
    }
}

static void
a_healing_that_fails_is_tried_again(void **state)
{
    struct durable *d = *state;
    populate(d);
    heals_in_the_end(d, SIM_WRITE, -ENOSPC, "snap-");
    heals_in_the_end(d, SIM_SYNC, -EIO, "snap-");
    heals_in_the_end(d, SIM_RENAME | SIM_SYNC_DIR, -EIO, "snap-");
    heals_in_the_end(d, SIM_RENAME | SIM_SYNC_DIR, -EIO, "wal-0");
    reopen_whole(d);
}

static void
nothing_older_is_removed_while_the_newest_is_not_replaced(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    populate(d);
    sim_option(d->cache, "retention.snapshots", "1");
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 200, 4);
    sim_disk_fail(d->disk, SIM_CREATE, 1, -ENOSPC, SIM_FOREVER);
    attl_scrub_report r = scrub(d);
    assert_int_equal(r.damaged, 1);
    assert_int_equal(r.healed, 0);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_OK);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 2);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    durable_crash(d, 9); /* not healed: a start takes the one before */
    durable_open(d, still);
    expect_keys(d, KEYS);
}

/* ---- when, and how fast ---------------------------------------------------------------------- */

static void
a_pass_begins_with_the_interval_and_keeps_the_rate(void **state)
{
    struct durable *d = *state;
    populate(d);
    sim_option(d->cache, "scrub.rate", "65536");
    sim_option(d->cache, "scrub.interval", "60s");
    uint64_t reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 50000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    sim_advance(&d->sim, 11000);
    int64_t start_ms = sim_now(&d->sim);
    while (stats_of(d).passes == 0 && sim_now(&d->sim) < start_ms + 3600000) {
        attl_tick(d->cache, 0, NULL);
        sim_advance(&d->sim, 10);
    }
    int64_t took_ms = sim_now(&d->sim) - start_ms;
    uint64_t bytes = stats_of(d).bytes;
    assert_true(bytes > 300000);
    /* The last piece is not waited for. */
    assert_true(took_ms * 65536 / 1000 >= (int64_t)bytes - SCRUB_STEP_BYTES);
    assert_true(took_ms > 1000 && took_ms * 65536 / 1000 <= (int64_t)bytes * 2);
    reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 50000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    reopen_whole(d);
}

static void
switched_off_it_reads_nothing_by_itself(void **state)
{
    struct durable *d = *state;
    populate(d);
    sim_option(d->cache, "scrub.interval", "1s");
    sim_option(d->cache, "scrub.enabled", "no");
    uint64_t reads = sim_disk_calls(d->disk, SIM_READ);
    sim_advance(&d->sim, 100000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(sim_disk_calls(d->disk, SIM_READ), reads);
    assert_true(scrub(d).files > 0);
}

static void
damage_heals_by_itself_in_the_background(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 1000, 8);
    for (int i = 0; i < 40 && sim_disk_has(d->disk, name); i++) {
        sim_advance(&d->sim, 3600000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_false(sim_disk_has(d->disk, name));
    assert_int_equal(durable_events(d, "scrub_healed"), 1);
    reopen_whole(d);
}

static void
closing_in_the_middle_of_a_pass_is_quick(void **state)
{
    struct durable *d = *state;
    populate(d);
    attl_close(&d->cache);
    d->real_time = true;
    static const struct sim_option slow[] = { { "retention.enabled", "no" },
                                              { "persist.save", "" },
                                              { "scrub.interval", "1s" },
                                              { "scrub.rate", "4096" },
                                              { NULL, NULL } };
    durable_open(d, slow);
    int64_t end_ns = clock_mono_ns() + 8 * INT64_C(1000000000);
    while (stats_of(d).bytes == 0 && clock_mono_ns() < end_ns) {
        struct parker parker = { 0 };
        parker_sleep(&parker, 5);
    }
    assert_true(stats_of(d).bytes > 0);
    assert_int_equal(stats_of(d).running, 1);
    int64_t start_ns = clock_mono_ns();
    attl_close(&d->cache);
    assert_true(clock_mono_ns() - start_ns < INT64_C(3000000000));
    durable_open(d, still);
    expect_keys(d, KEYS);
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

static void
damage_met_while_loading_is_a_finding(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    durable_kill(d);
    sim_disk_flip(d->disk, name, 300, 2);
    durable_open(d, still);
    struct control_damage c;
    control_observe_damage(d->cache, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.unhealed, 0);
    assert_string_equal(c.file, name);
    assert_true(control_next_damage(d->cache, 0, &c));
    assert_false(control_next_damage(d->cache, c.revision, &c));
    expect_keys(d, KEYS);
}

struct open_incidents {
    unsigned n;
    char actions[512], cause[160];
};

static void
see_incident(void *ud, const attl_incident *i)
{
    struct open_incidents *o = ud;
    if (i->kind != ATTL_INCIDENT_CORRUPTION)
        return;
    o->n++;
    (void)snprintf(o->actions, sizeof o->actions, "%s", i->actions);
    (void)snprintf(o->cause, sizeof o->cause, "%s", i->cause);
}

static struct open_incidents
incidents_of(struct durable *d, int open_only)
{
    struct open_incidents o = { 0 };
    ASSERT_STATUS(attl_incidents_list(d->cache, open_only, see_incident, &o), ATTL_OK);
    return o;
}

static void
damage_is_an_incident_until_it_is_healed(void **state)
{
    struct durable *d = *state;
    char name[NAME_BYTES];
    populate(d);
    (void)durable_files(d, "snap-", name, sizeof name);
    sim_disk_flip(d->disk, name, 300, 2);
    sim_disk_fail(d->disk, SIM_CREATE, 1, -ENOSPC, SIM_FOREVER);
    assert_int_equal(scrub(d).healed, 0);
    for (int i = 0; i < 10; i++) {
        sim_advance(&d->sim, 1000);
        attl_tick(d->cache, 0, NULL);
    }
    struct open_incidents o = incidents_of(d, 1);
    assert_int_equal(o.n, 1);
    assert_non_null(strstr(o.cause, name));
    assert_non_null(strstr(o.actions, "tried again"));
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    for (int i = 0; i < 200; i++) {
        sim_advance(&d->sim, 1000);
        attl_tick(d->cache, 0, NULL);
    }
    assert_int_equal(incidents_of(d, 1).n, 0);
    o = incidents_of(d, 0);
    assert_int_equal(o.n, 1);
    assert_non_null(strstr(o.actions, "set the snapshot aside"));
    reopen_whole(d);
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
        DURABLE_TEST(a_file_that_goes_meanwhile_is_passed_over),
        DURABLE_TEST(a_healing_that_fails_is_tried_again),
        DURABLE_TEST(nothing_older_is_removed_while_the_newest_is_not_replaced),
        DURABLE_TEST(a_pass_begins_with_the_interval_and_keeps_the_rate),
        DURABLE_TEST(switched_off_it_reads_nothing_by_itself),
        DURABLE_TEST(damage_heals_by_itself_in_the_background),
        DURABLE_TEST(closing_in_the_middle_of_a_pass_is_quick),
        cmocka_unit_test(without_a_directory_there_is_nothing_to_read),
        DURABLE_TEST(damage_met_while_loading_is_a_finding),
        DURABLE_TEST(damage_is_an_incident_until_it_is_healed),
    };
    test_announce("scrub", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
