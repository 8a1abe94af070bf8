/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data directory as a whole: what the keeper does by itself, a log that cannot be written and
 * comes back, loading in the background, the lock of the directory. With a simulated clock there is
 * no keeper, and attl_tick() does its work; what is about its thread runs in real time with waits
 * that end early. Every test ends with the question that counts: is all of it there after a
 * restart?
 */
#include "api/api.h"
#include "engine/store.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static void
nap(void)
{
    struct parker parker = { 0 };
    parker_sleep(&parker, 2);
}

typedef bool (*wish_fn)(struct durable *d);

/* Waits until it holds; ticking, if there is no keeper. */
static void
wait_for(struct durable *d, wish_fn wish, const char *what)
{
    int64_t end_ns = clock_mono_ns() + PATIENCE_MS * INT64_C(1000000);
    while (!wish(d)) {
        if (clock_mono_ns() > end_ns)
            fail_msg("waited in vain: %s", what);
        if (!d->real_time)
            attl_tick(d->cache, 0, NULL);
        nap();
    }
}

#define WAIT_FOR(d, wish) wait_for((d), (wish), #wish)

static bool
is_detached(struct durable *d)
{
    return durable_stats(d).state == WAL_DETACHED;
}

static bool
is_retrying(struct durable *d)
{
    return durable_stats(d).state == WAL_RETRYING;
}

static bool
is_writing(struct durable *d)
{
    return durable_stats(d).state == WAL_WRITING;
}

static bool
has_snapshot(struct durable *d)
{
    return durable_stats(d).snapshots > 0;
}

static bool
has_two_snapshots(struct durable *d)
{
    return durable_stats(d).snapshots > 1;
}

/* ---- a log that cannot be written ------------------------------------------------------------ */

static const struct sim_option degrading[] = { { "persist.fsync", "everysec" },
                                               { "persist.on_error", "degrade" },
                                               { NULL, NULL } };

static void
fill_until_detached(struct durable *d)
{
    for (int i = 0; !is_detached(d); i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "u%d", i % 500);
        ASSERT_STATUS(attl_set(d->cache, attl_s(key), attl_s("only in memory"), ATTL_TTL_NONE),
                      ATTL_OK);
        if (i % 100 == 0)
            nap();
        assert_true(i < 10000000);
    }
}

static void
memory_only_comes_back_with_a_snapshot(void **state)
{
    struct durable *d = *state;
    durable_open(d, degrading);
    put(d->cache, "before", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    fill_until_detached(d);
    put(d->cache, "during", "2", ATTL_TTL_NONE);
    drop(d->cache, "before");
    assert_true(durable_stats(d).last_error == -ENOSPC);
    assert_true(attl_log_sync(d->cache, 100) != ATTL_OK);
    for (int i = 0; i < 20; i++)
        attl_tick(d->cache, 0, NULL); /* in vain */
    assert_true(is_detached(d));
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    WAIT_FOR(d, is_writing);
    assert_true(has_snapshot(d)); /* it does not say so earlier */
    assert_true(durable_stats(d).unlogged_changes > 0);
    put(d->cache, "after", "3", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_crash(d, 5);
    durable_open(d, NULL);
    expect(d->cache, "before", NULL);
    expect(d->cache, "during", "2");
    expect(d->cache, "after", "3");
    expect(d->cache, "u0", "only in memory");
    put(d->cache, "later", "4", ATTL_TTL_NONE);
    durable_crash(d, 6);
    durable_open(d, NULL);
    expect(d->cache, "later", "4");
    expect(d->cache, "during", "2");
}

/* Capacity, as a full file system has it: the log's own space is gone as well. */
static void
a_full_disk_that_gets_room_again_loses_nothing(void **state)
{
    struct durable *d = *state;
    durable_open(d, degrading);
    put(d->cache, "before", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    sim_disk_set_capacity(d->disk, 0);
    fill_until_detached(d);
    sim_disk_set_capacity(d->disk, 64 << 20);
    WAIT_FOR(d, has_snapshot);
    put(d->cache, "after", "3", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_crash(d, 5);
    durable_open(d, NULL);
    expect(d->cache, "before", "1");
    expect(d->cache, "after", "3");
    expect(d->cache, "u0", "only in memory");
}

static void
a_snapshot_that_bridges_is_tried_until_it_is_there(void **state)
{
    struct durable *d = *state;
    durable_open(d, degrading);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    fill_until_detached(d);
    /* The segment can be written again; what is read back of the first snapshots cannot be. */
    sim_disk_fail(d->disk, SIM_READ, 1, -EIO, SIM_FOREVER);
    for (int i = 0; i < 5 || durable_stats(d).state != 4; i++) /* behind a gap */
        attl_tick(d->cache, 0, NULL);
    assert_int_equal(durable_stats(d).state, 4);
    assert_true(durable_stats(d).snapshot_failures > 0);
    assert_int_equal(durable_stats(d).snapshots, 0);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    WAIT_FOR(d, has_snapshot);
    put(d->cache, "after", "3", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_crash(d, 5);
    durable_open(d, NULL);
    expect(d->cache, "u0", "only in memory");
    expect(d->cache, "after", "3");
}

/* Under `no` what was written is gone from memory when a sync that somebody asks for fails. */
static void
a_failed_sync_under_no_is_answered_with_a_snapshot(void **state)
{
    struct durable *d = *state;
    const struct sim_option no[] = { { "persist.fsync", "no" }, { NULL, NULL } };
    durable_open(d, no);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_wait(d->cache, attl_log_position(d->cache), -1), ATTL_OK);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_wait(d->cache, attl_log_position(d->cache), -1), ATTL_OK);
    sim_disk_fail(d->disk, SIM_SYNC, 1, -EIO, SIM_ONCE);
    assert_true(attl_log_sync(d->cache, -1) != ATTL_OK);
    WAIT_FOR(d, has_snapshot);
    put(d->cache, "c", "3", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_crash(d, 5);
    durable_open(d, NULL);
    expect(d->cache, "a", "1");
    expect(d->cache, "b", "2");
    expect(d->cache, "c", "3");
}

static void
a_rejecting_log_refuses_changes_and_goes_on(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
    ASSERT_STATUS(attl_set(d->cache, attl_s("a"), attl_s("2"), ATTL_TTL_NONE), ATTL_E_IO);
    WAIT_FOR(d, is_retrying);
    ASSERT_STATUS(attl_set(d->cache, attl_s("b"), attl_s("2"), ATTL_TTL_NONE), ATTL_E_IO);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_E_IO);
    expect(d->cache, "b", NULL); /* refused before it was made */
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_IO);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_IO);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    WAIT_FOR(d, is_writing);
    put(d->cache, "c", "3", ATTL_TTL_NONE);
    durable_crash(d, 5);
    durable_open(d, NULL);
    expect(d->cache, "a", "2"); /* was made, and has become durable in the end */
    expect(d->cache, "b", NULL);
    expect(d->cache, "c", "3");
}

/* The cut waits in the ring for its number when the snapshot has long been given up. */
static void
a_snapshot_may_fail_while_its_cut_is_in_the_ring(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    for (uint64_t nth = 1; nth < 6; nth++) {
        sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, nth, -EIO, SIM_FOREVER);
        int first = attl_snapshot(d->cache, NULL); /* it may have everything it needs */
        assert_true(first == ATTL_OK || first == ATTL_E_IO);
        ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_IO);
        sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
        WAIT_FOR(d, is_writing);
        ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    }
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_IO);
    attl_close(&d->cache); /* and frees what was left */
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    sim_disk_kill(d->disk);
    durable_open(d, NULL);
    expect(d->cache, "a", "1");
}

/* ---- the keeper ------------------------------------------------------------------------------ */

static void
keeper_follows_the_rules_of_save(void **state)
{
    struct durable *d = *state;
    const struct sim_option rules[] = { { "persist.save", "3600 100000 1 3" }, { NULL, NULL } };
    d->real_time = true;
    durable_open(d, rules);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    for (int i = 0; i < 700; i++) /* longer than its second */
        nap();
    assert_int_equal(durable_stats(d).snapshots, 0); /* two changes are not three */
    assert_int_equal(durable_stats(d).changes_since_snapshot, 2);
    put(d->cache, "c", "3", ATTL_TTL_NONE);
    WAIT_FOR(d, has_snapshot);
    assert_int_equal(durable_stats(d).changes_since_snapshot, 0);
    assert_int_equal(durable_stats(d).last_snapshot_entries, 3);
}

static void
keeper_takes_a_snapshot_when_the_log_has_grown(void **state)
{
    struct durable *d = *state;
    const struct sim_option rules[] = { { "persist.snapshot_log_size", "256KiB" }, { NULL, NULL } };
    char value[8000];
    d->real_time = true;
    durable_open(d, rules);
    memset(value, 'v', sizeof value);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 50; i++)
            ASSERT_STATUS(
                attl_set(d->cache, attl_s("k"), attl_b(value, sizeof value), ATTL_TTL_NONE),
                ATTL_OK);
        if (round == 0)
            WAIT_FOR(d, has_snapshot);
        else
            WAIT_FOR(d, has_two_snapshots);
    }
}

static void
snapshots_can_be_started_and_only_one_runs(void **state)
{
    struct durable *d = *state;
    d->real_time = true;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot_start(d->cache), ATTL_OK);
    int again = attl_snapshot_start(d->cache);
    assert_true(again == ATTL_E_BUSY || durable_stats(d).snapshots > 0);
    WAIT_FOR(d, has_snapshot);
}

static void
keeper_removes_what_is_old(void **state)
{
    struct durable *d = *state;
    const struct sim_option rules[] = { { "retention.snapshots", "1" },
                                        { "retention.interval", "100ms" },
                                        { NULL, NULL } };
    d->real_time = true;
    durable_open(d, rules);
    for (int i = 0; i < 3; i++) {
        put(d->cache, "a", "1", ATTL_TTL_NONE);
        ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    }
    for (int i = 0; i < PATIENCE_MS / 2 && durable_files(d, "snap-", NULL, 0) > 1; i++)
        nap();
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 1);
}

static void
without_a_keeper_the_tick_keeps(void **state)
{
    struct durable *d = *state;
    const struct sim_option rules[] = { { "persist.save", "10 2" }, { NULL, NULL } };
    durable_open(d, rules);
    ASSERT_STATUS(attl_snapshot_start(d->cache), ATTL_E_UNSUPPORTED);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    put(d->cache, "b", "1", ATTL_TTL_NONE);
    attl_tick(d->cache, 0, NULL);
    WAIT_FOR(d, has_snapshot); /* there never was one: it is older than ten seconds */
    put(d->cache, "a", "2", ATTL_TTL_NONE);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(durable_stats(d).snapshots, 1);
    sim_advance(&d->sim, 10000);
    attl_tick(d->cache, 0, NULL);
    assert_int_equal(durable_stats(d).snapshots, 2);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void
off_and_on_need_a_restart(void **state)
{
    struct durable *d = *state;
    char err[256] = "";
    durable_open(d, NULL);
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "off", err, sizeof err),
                  ATTL_E_IMMUTABLE);
    assert_non_null(strstr(err, "persist.fsync"));
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "no", err, sizeof err), ATTL_OK);
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "everysec", err, sizeof err), ATTL_OK);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "always", err, sizeof err), ATTL_OK);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    durable_crash(d, 1);
    const struct sim_option off[] = { { "persist.fsync", "off" }, { NULL, NULL } };
    durable_open(d, off);
    expect(d->cache, "a", "1");
    expect(d->cache, "b", "2");
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "always", err, sizeof err),
                  ATTL_E_IMMUTABLE);
}

static void
a_rule_that_makes_no_sense_is_refused(void **state)
{
    struct durable *d = *state;
    char err[256] = "", shown[256];
    durable_open(d, NULL);
    ASSERT_STATUS(attl_option_set(d->cache, "persist.save", "10", err, sizeof err), ATTL_E_CONFIG);
    assert_non_null(strstr(err, "partner"));
    ASSERT_STATUS(attl_option_get(d->cache, "persist.save", shown, sizeof shown), ATTL_OK);
    assert_string_equal(shown, "");
}

static void
a_log_without_a_directory_is_refused(void **state)
{
    (void)state;
    char err[256] = "";
    attl *cache = NULL;
    const struct sim_option options[] = { { "persist.fsync", "always" }, { NULL, NULL } };
    attl_config *config = sim_config(options);
    ASSERT_STATUS(attl_open_dir(&cache, config, err, sizeof err), ATTL_E_CONFIG);
    assert_non_null(strstr(err, "persist.dir"));
    ASSERT_STATUS(attl_open_dir(&cache, config, NULL, 0), ATTL_E_CONFIG);
    assert_null(cache);
    attl_config_free(config);
}

static void
a_directory_belongs_to_one_cache(void **state)
{
    (void)state;
    char path[] = "/tmp/attl-test-XXXXXX", err[512] = "";
    attl *first = NULL, *second = NULL;
    assert_non_null(mkdtemp(path));
    const struct sim_option options[] = { { "persist.fsync", "always" },
                                          { "persist.dir", path },
                                          { "cache.default_ttl", "0" },
                                          { NULL, NULL } };
    attl_config *config = sim_config(options);
    ASSERT_STATUS(attl_open_dir(&first, config, err, sizeof err), ATTL_OK);
    put(first, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_open_dir(&second, config, err, sizeof err), ATTL_E_LOCKED);
    assert_null(second);
    assert_non_null(strstr(err, path));
    attl_close(&first);
    ASSERT_STATUS(attl_open_dir(&second, config, err, sizeof err), ATTL_OK);
    expect(second, "a", "1");
    attl_close(&second);
    attl_config_free(config);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", path);
    assert_int_equal(system(command), 0);
}

/* ---- loading in the background --------------------------------------------------------------- */

struct gate {
    _Atomic bool open;
    _Atomic unsigned waiting;
    _Atomic unsigned free_reads; /* so many are let through first */
};

static void
wait_at_gate(void *ud, enum sim_op op, const char *name)
{
    struct gate *g = ud;
    (void)name;
    if (op != SIM_READ || atomic_load(&g->open))
        return;
    if (atomic_load(&g->free_reads) > 0 && atomic_fetch_sub(&g->free_reads, 1) > 0)
        return;
    atomic_fetch_add(&g->waiting, 1);
    while (!atomic_load(&g->open))
        nap();
    atomic_fetch_sub(&g->waiting, 1);
}

static const struct sim_option in_background[] = { { "persist.background_load", "yes" },
                                                   { NULL, NULL } };

static attl_load_progress
progress_of(struct durable *d)
{
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(d->cache, &p);
    return p;
}

static bool
is_loaded(struct durable *d)
{
    return !progress_of(d).loading;
}

static bool
has_failed(struct durable *d)
{
    return progress_of(d).status != ATTL_OK;
}

static void
fill_log(struct durable *d, int changes)
{
    char key[16], value[1000];
    const struct sim_option no[] = { { "persist.fsync", "no" }, { NULL, NULL } };
    memset(value, 'v', sizeof value);
    durable_open(d, no);
    for (int i = 0; i < changes; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        ASSERT_STATUS(attl_set(d->cache, attl_s(key), attl_b(value, sizeof value), ATTL_TTL_NONE),
                      ATTL_OK);
        if (i == changes / 2)
            ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    }
    attl_close(&d->cache);
}

static void
changes_are_refused_while_it_loads(void **state)
{
    struct durable *d = *state;
    struct gate gate = { .free_reads = 4 };
    int64_t ttl_ms;
    fill_log(d, 3000);
    sim_disk_set_hook(d->disk, wait_at_gate, &gate);
    durable_open(d, in_background);
    while (atomic_load(&gate.waiting) == 0)
        nap();
    attl_load_progress p = progress_of(d);
    assert_true(p.loading);
    assert_true(p.bytes_total > 0 && p.bytes_done <= p.bytes_total);
    attl_slice key = attl_s("k1");
    ASSERT_STATUS(attl_set(d->cache, key, attl_s("v"), ATTL_TTL_NONE), ATTL_E_LOADING);
    ASSERT_STATUS(attl_del(d->cache, key), ATTL_E_LOADING);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_E_LOADING);
    ASSERT_STATUS(attl_mset(d->cache, &key, &key, 1, NULL), ATTL_E_LOADING);
    ASSERT_STATUS(attl_rename(d->cache, key, key, 0), ATTL_E_LOADING);
    ASSERT_STATUS(attl_expire(d->cache, key, 1000, 0), ATTL_E_LOADING);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_LOADING);
    ASSERT_STATUS(attl_snapshot_start(d->cache), ATTL_E_LOADING);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_E_LOADING);
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_lsn = 1 };
    ASSERT_STATUS(attl_rollback(d->cache, &opts, NULL, NULL, 0), ATTL_E_LOADING);
    assert_true(attl_ttl(d->cache, key, &ttl_ms) >=
                0); /* reading is allowed, finds what there is */
    assert_int_equal(attl_log_position(d->cache), 0);
    attl_tick(d->cache, 0, NULL);
    atomic_store(&gate.open, true);
    uint64_t seen = 0;
    while (!is_loaded(d)) {
        p = progress_of(d);
        assert_true(p.bytes_done >= seen);
        seen = p.bytes_done;
        nap();
    }
    assert_int_equal(attl_size(d->cache), 3000);
    put(d->cache, "new", "1", ATTL_TTL_NONE);
    sim_disk_set_hook(d->disk, NULL, NULL);
    durable_crash(d, 1);
    durable_open(d, NULL);
    expect(d->cache, "new", "1");
    assert_int_equal(attl_size(d->cache), 3001);
}

/* Whoever closes in the middle of it finds everything the next time, and no more than that. */
static void
closing_while_it_loads_changes_nothing(void **state)
{
    struct durable *d = *state;
    fill_log(d, 3000);
    for (unsigned free_reads = 0; free_reads < 40; free_reads += 3) {
        struct gate gate = { .free_reads = free_reads };
        sim_disk_set_hook(d->disk, wait_at_gate, &gate);
        durable_open(d, in_background);
        for (int i = 0; i < 50 && atomic_load(&gate.waiting) == 0; i++)
            nap();
        struct store *s = d->cache->store;
        atomic_store(&s->stopping, true); /* as closing will say, before reading goes on */
        atomic_store(&gate.open, true);
        attl_close(&d->cache);
        sim_disk_set_hook(d->disk, NULL, NULL);
        durable_open(d, NULL);
        assert_int_equal(attl_size(d->cache), 3000);
        attl_close(&d->cache);
    }
}

static void
a_load_that_fails_in_the_background_says_so(void **state)
{
    struct durable *d = *state;
    fill_log(d, 100);
    sim_disk_fail(d->disk, SIM_READ, 3, -EIO, SIM_FOREVER);
    durable_open(d, in_background);
    d->real_time = true; /* there is nothing to tick */
    WAIT_FOR(d, has_failed);
    assert_int_equal(progress_of(d).status, ATTL_E_IO);
    ASSERT_STATUS(attl_set(d->cache, attl_s("a"), attl_s("b"), ATTL_TTL_NONE), ATTL_E_LOADING);
    assert_int_equal(durable_events(d, "load_failed"), 1);
    attl_close(&d->cache);
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    d->real_time = false;
    durable_open(d, NULL);
    assert_int_equal(attl_size(d->cache), 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(memory_only_comes_back_with_a_snapshot),
        DURABLE_TEST(a_full_disk_that_gets_room_again_loses_nothing),
        DURABLE_TEST(a_snapshot_that_bridges_is_tried_until_it_is_there),
        DURABLE_TEST(a_failed_sync_under_no_is_answered_with_a_snapshot),
        DURABLE_TEST(a_rejecting_log_refuses_changes_and_goes_on),
        DURABLE_TEST(a_snapshot_may_fail_while_its_cut_is_in_the_ring),
        DURABLE_TEST(keeper_follows_the_rules_of_save),
        DURABLE_TEST(keeper_takes_a_snapshot_when_the_log_has_grown),
        DURABLE_TEST(snapshots_can_be_started_and_only_one_runs),
        DURABLE_TEST(keeper_removes_what_is_old),
        DURABLE_TEST(without_a_keeper_the_tick_keeps),
        DURABLE_TEST(off_and_on_need_a_restart),
        DURABLE_TEST(a_rule_that_makes_no_sense_is_refused),
        DURABLE_TEST(a_log_without_a_directory_is_refused),
        DURABLE_TEST(a_directory_belongs_to_one_cache),
        DURABLE_TEST(changes_are_refused_while_it_loads),
        DURABLE_TEST(closing_while_it_loads_changes_nothing),
        DURABLE_TEST(a_load_that_fails_in_the_background_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
