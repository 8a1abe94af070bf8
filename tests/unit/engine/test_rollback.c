/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Going back to a change, a time or a snapshot: what comes back, what goes, what is told, what is
 * refused and in which words, and that the snapshot taken before undoes it. A dry run must tell
 * exactly what the real run then does and change nothing. Afterwards the directory recovers to what
 * the rollback has made.
 */
#include "api/api.h"
#include "engine/store.h"
#include "support/durable.h"
#include "support/rng.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
setup(void **state)
{
    int failed = durable_setup(state);
    if (!failed)
        durable_open(*state, NULL);
    return failed;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, durable_teardown)

/* ---- asking ---------------------------------------------------------------------------------- */

static attl_rollback_opts
to_lsn(uint64_t lsn)
{
    return (attl_rollback_opts){ .struct_size = sizeof(attl_rollback_opts), .to_lsn = lsn };
}

static attl_rollback_opts
to_ms(int64_t ms)
{
    return (attl_rollback_opts){ .struct_size = sizeof(attl_rollback_opts), .to_ms = ms };
}

static attl_rollback_opts
to_name(const char *name)
{
    return (attl_rollback_opts){ .struct_size = sizeof(attl_rollback_opts), .to_name = name };
}

static attl_rollback_report
go_back(struct durable *d, attl_rollback_opts opts)
{
    attl_rollback_report report = { .struct_size = sizeof report };
    char err[512] = "";
    int status = attl_rollback(d->cache, &opts, &report, err, sizeof err);
    if (status != ATTL_OK)
        fail_msg("%s: %s", attl_err_name(status), err);
    assert_int_equal(report.entries_after, attl_size(d->cache));
    return report;
}

static attl_rollback_report
ask(struct durable *d, attl_rollback_opts opts)
{
    attl_rollback_report report = { .struct_size = sizeof report };
    opts.dry_run = 1;
    ASSERT_STATUS(attl_rollback(d->cache, &opts, &report, NULL, 0), ATTL_OK);
    assert_string_equal(report.safety_snapshot, "");
    return report;
}

static void
expect_refusal(struct durable *d, attl_rollback_opts opts, int want, const char *says)
{
    char err[512] = "";
    ASSERT_STATUS(attl_rollback(d->cache, &opts, NULL, err, sizeof err), want);
    if (!strstr(err, says))
        fail_msg("\"%s\" does not say \"%s\"", err, says);
}

/* ---- the state of then ----------------------------------------------------------------------- */

static void
to_a_change(void **state)
{
    struct durable *d = *state;
    put(d->cache, "same", "s", ATTL_TTL_NONE);
    put(d->cache, "changed", "1", ATTL_TTL_NONE);
    put(d->cache, "deleted", "1", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "changed", "2", ATTL_TTL_NONE);
    drop(d->cache, "deleted");
    put(d->cache, "newer", "1", ATTL_TTL_NONE);
    put(d->cache, "same", "other", ATTL_TTL_NONE);
    put(d->cache, "same", "s", ATTL_TTL_NONE);
    attl_rollback_report dry = ask(d, to_lsn(lsn));
    expect(d->cache, "changed", "2");
    attl_rollback_report r = go_back(d, to_lsn(lsn));
    expect(d->cache, "same", "s");
    expect(d->cache, "changed", "1");
    expect(d->cache, "deleted", "1");
    expect(d->cache, "newer", NULL);
    assert_int_equal(r.lsn, lsn);
    assert_int_equal(r.restored, 1);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.removed, 1);
    assert_int_equal(r.entries_before, 3);
    assert_int_equal(r.entries_after, 3);
    assert_int_equal(dry.restored, 1);
    assert_int_equal(dry.changed, 1);
    assert_int_equal(dry.removed, 1);
    assert_int_equal(dry.entries_after, 3);
    assert_int_equal(dry.lsn, lsn);
    durable_crash(d, 1);
    durable_open(d, NULL);
    expect(d->cache, "changed", "1");
    expect(d->cache, "deleted", "1");
    expect(d->cache, "newer", NULL);
}

static void
to_a_time(void **state)
{
    struct durable *d = *state;
    for (int i = 0; i < 5; i++) {
        char value[8];
        (void)snprintf(value, sizeof value, "%d", i);
        put(d->cache, "k", value, ATTL_TTL_NONE);
        ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
        sim_advance(&d->sim, 1000);
    }
    attl_rollback_report r = go_back(d, to_ms(SIM_START_MS + 2500));
    expect(d->cache, "k", "2");
    assert_in_range(r.time_ms, SIM_START_MS + 2000, SIM_START_MS + 2500);
    (void)go_back(d, to_ms(SIM_START_MS + 1000)); /* the moment of change 1 itself */
    expect(d->cache, "k", "1");
}

static void
to_a_snapshot_by_name(void **state)
{
    struct durable *d = *state;
    attl_snapshot_info info = { .struct_size = sizeof info };
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "k", "3", ATTL_TTL_NONE);
    (void)go_back(d, to_name(info.name));
    expect(d->cache, "k", "1");
}

static void
to_the_very_beginning(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    attl_rollback_report r = go_back(d, to_lsn(1));
    expect(d->cache, "k", NULL);
    assert_int_equal(r.removed, 1);
}

static void
to_now_changes_nothing(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    attl_rollback_report r = go_back(d, to_lsn(durable_next_lsn(d)));
    assert_int_equal(r.restored + r.changed + r.removed, 0);
    expect(d->cache, "k", "1");
}

static void
over_a_clear(void **state)
{
    struct durable *d = *state;
    char key[8];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        put(d->cache, key, "v", ATTL_TTL_NONE);
    }
    uint64_t lsn = durable_next_lsn(d);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    put(d->cache, "k3", "other", ATTL_TTL_NONE);
    put(d->cache, "newer", "1", ATTL_TTL_NONE);
    attl_rollback_report dry = ask(d, to_lsn(lsn));
    attl_rollback_report r = go_back(d, to_lsn(lsn));
    assert_int_equal(r.restored, 199);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.removed, 1);
    assert_int_equal(dry.restored, r.restored);
    assert_int_equal(dry.entries_after, r.entries_after);
    assert_int_equal(attl_size(d->cache), 200);
    expect(d->cache, "k3", "v");
    (void)go_back(d, to_name(r.safety_snapshot));
    assert_int_equal(attl_size(d->cache), 2);
    expect(d->cache, "k3", "other");
}

static void
deadlines_come_back_and_the_dead_do_not(void **state)
{
    struct durable *d = *state;
    put(d->cache, "short", "1", 1000);
    put(d->cache, "short", "2", 1000);
    put(d->cache, "short", "3", 1000);
    put(d->cache, "long", "1", 100000);
    put(d->cache, "moved", "1", 50000);
    uint64_t lsn = durable_next_lsn(d);
    drop(d->cache, "short");
    drop(d->cache, "long");
    ASSERT_STATUS(attl_persist(d->cache, attl_s("moved")), ATTL_OK);
    sim_advance(&d->sim, 5000);
    attl_rollback_report r = go_back(d, to_lsn(lsn));
    expect(d->cache, "short", NULL);
    expect_ttl(d->cache, "long", 95000);
    expect_ttl(d->cache, "moved", 45000);
    assert_int_equal(r.restored, 1);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.expired, 1);
}

static void
values_of_all_kinds_come_back(void **state)
{
    struct durable *d = *state;
    enum { BYTES = 30000 };
    static char value[BYTES];
    int64_t n;
    memset(value, 'x', sizeof value);
    ASSERT_STATUS(attl_set(d->cache, attl_s("big"), attl_b(value, BYTES), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), 41, ATTL_TTL_NONE, &n), ATTL_OK);
    put(d->cache, "empty", "", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    (void)go_back(d, to_lsn(lsn));
    attl_value seen = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_pin(d->cache, attl_s("big"), &seen), ATTL_OK);
    assert_int_equal(seen.data.len, BYTES);
    assert_memory_equal(seen.data.data, value, BYTES);
    attl_value_release(d->cache, &seen);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), 1, ATTL_TTL_NONE, &n), ATTL_OK);
    assert_int_equal(n, 42);
    expect(d->cache, "empty", "");
}

static void
the_safety_snapshot_undoes_it(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    put(d->cache, "l", "2", 70000);
    attl_rollback_report r = go_back(d, to_lsn(lsn));
    expect(d->cache, "k", "1");
    assert_true(strncmp(r.safety_snapshot, "snap-", 5) == 0);
    attl_rollback_report undone = go_back(d, to_name(r.safety_snapshot));
    expect(d->cache, "k", "2");
    expect(d->cache, "l", "2");
    expect_ttl(d->cache, "l", 70000);
    (void)go_back(d, to_name(undone.safety_snapshot)); /* and redone */
    expect(d->cache, "k", "1");
    expect(d->cache, "l", NULL);
    assert_non_null(strstr(durable_log(d, 0), "NOTE rollback to change"));
}

static void
a_dry_run_changes_nothing(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    uint64_t next = durable_next_lsn(d);
    (void)ask(d, to_lsn(lsn));
    assert_int_equal(durable_next_lsn(d), next);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
    expect(d->cache, "k", "2");
}

static void
a_damaged_base_is_passed_over(void **state)
{
    struct durable *d = *state;
    attl_snapshot_info info = { .struct_size = sizeof info };
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "k", "3", ATTL_TTL_NONE);
    sim_disk_flip(d->disk, info.name, 30, 1);
    (void)go_back(d, to_lsn(lsn));
    expect(d->cache, "k", "2");
    expect_refusal(d, to_name(info.name), ATTL_MISS, "no whole snapshot named");
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void
what_makes_no_sense_is_refused(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    expect_refusal(d, to_lsn(0), ATTL_E_INVALID, "");
    expect_refusal(d, to_lsn(1000), ATTL_E_INVALID, "has not been made yet");
    expect_refusal(d, to_name("snap-nonsense"), ATTL_MISS, "no whole snapshot named snap-nonsense");
    expect_refusal(d, to_ms(SIM_START_MS - 1000), ATTL_MISS, "begins later");
    attl_rollback_opts old = to_lsn(1);
    old.struct_size = 4;
    expect_refusal(d, old, ATTL_E_INVALID, "");
    expect(d->cache, "k", "1");
}

static void
a_log_that_does_not_reach_back_is_a_miss(void **state)
{
    struct durable *d = *state;
    char first[96], value[8000];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 40; i++)
        ASSERT_STATUS(attl_set(d->cache, attl_s("k"), attl_b(value, sizeof value), ATTL_TTL_NONE),
                      ATTL_OK);
    segment_name(1, first);
    sim_disk_drop(d->disk, first);
    expect_refusal(d, to_lsn(2), ATTL_MISS, "does not reach back that far");
    ASSERT_STATUS(attl_exists(d->cache, attl_s("k")), ATTL_OK);
}

static void
without_a_safety_snapshot_nothing_is_changed(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    sim_disk_fail(d->disk, SIM_RENAME, 1, -EIO, SIM_FOREVER);
    expect_refusal(d, to_lsn(lsn), ATTL_E_IO, "nothing was changed");
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    expect(d->cache, "k", "2");
    (void)go_back(d, to_lsn(lsn));
    expect(d->cache, "k", "1");
}

static void
a_failing_read_is_told_and_nothing_is_changed(void **state)
{
    struct durable *d = *state;
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    uint64_t lsn = durable_next_lsn(d);
    put(d->cache, "k", "3", ATTL_TTL_NONE);
    for (uint64_t nth = 1; nth < 200; nth++) {
        attl_rollback_opts opts = to_lsn(lsn);
        opts.dry_run = 1;
        sim_disk_fail(d->disk, SIM_READ | SIM_OPEN | SIM_LIST, nth, -EIO, SIM_ONCE);
        char err[512] = "";
        int status = attl_rollback(d->cache, &opts, NULL, err, sizeof err);
        if (sim_disk_failures(d->disk) == 0) {
            ASSERT_STATUS(status, ATTL_OK);
            return;
        }
        ASSERT_STATUS(status, ATTL_E_IO);
        assert_true(err[0] != '\0');
    }
    fail_msg("it does not end");
}

static void
without_a_directory_there_is_no_way_back(void **state)
{
    struct sim sim;
    char err[128] = "";
    (void)state;
    sim_init(&sim);
    attl *cache = sim_open(&sim, NULL);
    attl_rollback_opts opts = to_lsn(1);
    ASSERT_STATUS(attl_rollback(cache, &opts, NULL, err, sizeof err), ATTL_E_UNSUPPORTED);
    assert_true(err[0] != '\0');
    sim_close(&cache);
}

static void
without_a_log_snapshots_still_lead_back(void **state)
{
    struct durable *d = *state;
    const struct sim_option off[] = { { "persist.fsync", "off" }, { NULL, NULL } };
    attl_snapshot_info info = { .struct_size = sizeof info };
    attl_close(&d->cache);
    sim_disk_free(&d->disk);
    d->disk = sim_disk_new(2);
    durable_open(d, off);
    put(d->cache, "k", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    put(d->cache, "k", "2", ATTL_TTL_NONE);
    put(d->cache, "l", "2", ATTL_TTL_NONE);
    sim_advance(&d->sim, 1000);
    (void)go_back(d, to_name(info.name));
    expect(d->cache, "k", "1");
    expect(d->cache, "l", NULL);
    put(d->cache, "k", "3", ATTL_TTL_NONE);
    (void)go_back(d, to_ms(SIM_START_MS + 500));
    expect(d->cache, "k", "1");
}

/* ---- against a plain table ------------------------------------------------------------------- */

enum { KEYS = 20, MARKS = 12, CHANGES = 40 };

struct mark {
    uint64_t lsn;
    int values[KEYS]; /* 0: absent */
};

static void
compare(struct durable *d, const struct mark *m)
{
    char key[8], value[12];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)snprintf(value, sizeof value, "%d", m->values[i]);
        expect(d->cache, key, m->values[i] ? value : NULL);
    }
}

static void
any_moment_can_be_gone_back_to(void **state)
{
    struct durable *d = *state;
    uint64_t seed = test_seed();
    struct rng rng = rng_from_seed(seed);
    struct mark marks[MARKS] = { { 0 } }, now = { 0 };
    char key[8], value[12];
    int last = 0;
    print_message("# ATTL_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (int m = 0; m < MARKS; m++) {
        for (int c = 0; c < CHANGES; c++) {
            int i = (int)rng_below(&rng, KEYS);
            (void)snprintf(key, sizeof key, "k%d", i);
            now.values[i] = rng_below(&rng, 3) ? ++last : 0;
            (void)snprintf(value, sizeof value, "%d", last);
            if (now.values[i])
                put(d->cache, key, value, ATTL_TTL_NONE);
            else
                drop(d->cache, key);
        }
        if (rng_below(&rng, 4) == 0) {
            ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
            memset(now.values, 0, sizeof now.values);
        }
        if (rng_below(&rng, 3) == 0)
            ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
        marks[m] = now;
        marks[m].lsn = durable_next_lsn(d);
        sim_advance(&d->sim, 100);
    }
    for (int i = 0; i < 2 * MARKS; i++) {
        const struct mark *m = &marks[rng_below(&rng, MARKS)];
        attl_rollback_report dry = ask(d, to_lsn(m->lsn));
        attl_rollback_report r = go_back(d, to_lsn(m->lsn));
        assert_int_equal(dry.restored, r.restored);
        assert_int_equal(dry.changed, r.changed);
        assert_int_equal(dry.removed, r.removed);
        assert_int_equal(dry.entries_after, r.entries_after);
        compare(d, m);
        if (rng_below(&rng, 4) == 0) {
            durable_crash(d, i + 1u);
            durable_open(d, NULL);
            compare(d, m);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(to_a_change),
        TEST(to_a_time),
        TEST(to_a_snapshot_by_name),
        TEST(to_the_very_beginning),
        TEST(to_now_changes_nothing),
        TEST(over_a_clear),
        TEST(deadlines_come_back_and_the_dead_do_not),
        TEST(values_of_all_kinds_come_back),
        TEST(the_safety_snapshot_undoes_it),
        TEST(a_dry_run_changes_nothing),
        TEST(a_damaged_base_is_passed_over),
        TEST(what_makes_no_sense_is_refused),
        TEST(a_log_that_does_not_reach_back_is_a_miss),
        TEST(without_a_safety_snapshot_nothing_is_changed),
        TEST(a_failing_read_is_told_and_nothing_is_changed),
        TEST(without_a_directory_there_is_no_way_back),
        TEST(without_a_log_snapshots_still_lead_back),
        TEST(any_moment_can_be_gone_back_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
