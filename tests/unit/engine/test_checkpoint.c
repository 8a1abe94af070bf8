/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots while everything goes on: the state at the cut and nothing later, one at a time, fuzzy
 * when too much would have to be kept, and gone without a trace when the disk fails. The disk's
 * hook runs between the cut and the walk, in the thread that takes the snapshot: what it changes is
 * changed meanwhile. Retention, which snapshots make useful, is tested here, too.
 */
#include "api/api.h"
#include "engine/store.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 300 };

static void
put_all(struct durable *d, const char *value)
{
    char key[8];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%03d", i);
        put(d->cache, key, value, ATTL_TTL_NONE);
    }
}

static void
expect_everywhere(struct durable *d, const char *value)
{
    char key[8];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "k%03d", i);
        expect(d->cache, key, value);
    }
}

/* ---- meanwhile ------------------------------------------------------------------------------- */

struct meanwhile {
    struct durable *d;
    void (*change)(struct durable *d);
    bool done;
};

/* The file is created between the cut and the walk. */
static void
change_meanwhile(void *ud, enum sim_op op, const char *name)
{
    struct meanwhile *m = ud;
    if (op != SIM_CREATE || strncmp(name, "snap-", 5) != 0 || m->done)
        return;
    m->done = true;
    m->change(m->d);
}

static attl_snapshot_info
snapshot_while(struct durable *d, void (*change)(struct durable *d))
{
    struct meanwhile m = { .d = d, .change = change };
    attl_snapshot_info info = { .struct_size = sizeof info };
    sim_disk_set_hook(d->disk, change_meanwhile, &m);
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    sim_disk_set_hook(d->disk, NULL, NULL);
    assert_true(m.done);
    return info;
}

static void *
plain_alloc(void *ud, size_t bytes)
{
    (void)ud;
    return malloc(bytes);
}

static void
plain_free(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

static const attl_allocator plain = { plain_alloc, plain_free, NULL };

static struct snapshot_meta
meta_of(struct durable *d, const char *name)
{
    struct snapshot_meta meta;
    char err[256] = "";
    assert_int_equal(snapshot_verify(sim_disk_table(d->disk), &plain, name, &meta, err, sizeof err),
                     SNAPSHOT_OK);
    return meta;
}

static void
overwrite_all(struct durable *d)
{
    put_all(d, "new");
}

static void
clear_and_write_other(struct durable *d)
{
    ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    put(d->cache, "other", "1", ATTL_TTL_NONE);
}

static void
ask_again(struct durable *d)
{
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_lsn = 1 };
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_BUSY);
    ASSERT_STATUS(attl_rollback(d->cache, &opts, NULL, NULL, 0), ATTL_E_BUSY);
    assert_int_equal(durable_stats(d).snapshot_running, 1);
}

static void
back_to(struct durable *d, const char *name)
{
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_name = name };
    char err[256] = "";
    int status = attl_rollback(d->cache, &opts, NULL, err, sizeof err);
    if (status != ATTL_OK)
        fail_msg("%s: %s", attl_err_name(status), err);
}

static void
a_snapshot_is_the_state_at_its_cut(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put_all(d, "old");
    uint64_t cut = durable_next_lsn(d);
    attl_snapshot_info info = snapshot_while(d, overwrite_all);
    assert_int_equal(info.entries, KEYS);
    assert_true(info.lsn >= cut && info.valid);
    struct snapshot_meta meta = meta_of(d, info.name);
    assert_int_equal(meta.kind, SNAPSHOT_POINT_IN_TIME);
    assert_int_equal(meta.end_lsn, meta.cut_lsn);
    assert_true(durable_stats(d).snapshot_copied_bytes > 0);
    expect_everywhere(d, "new");
    durable_crash(d, 2);
    durable_open(d, NULL);
    expect_everywhere(d, "new");
    back_to(d, info.name);
    expect_everywhere(d, "old");
}

static void
clearing_meanwhile_takes_nothing_out_of_it(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put_all(d, "old");
    attl_snapshot_info info = snapshot_while(d, clear_and_write_other);
    assert_int_equal(meta_of(d, info.name).entries, KEYS);
    assert_int_equal(attl_size(d->cache), 1);
    durable_crash(d, 2);
    durable_open(d, NULL);
    assert_int_equal(attl_size(d->cache), 1);
    expect(d->cache, "other", "1");
    back_to(d, info.name);
    expect_everywhere(d, "old");
    expect(d->cache, "other", NULL);
}

static void
one_at_a_time(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put_all(d, "old");
    (void)snapshot_while(d, ask_again);
    assert_int_equal(durable_stats(d).snapshot_running, 0);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
}

static void
what_has_expired_is_not_in_it(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "short", "1", 1000);
    put(d->cache, "long", "1", 100000);
    sim_advance(&d->sim, 2000);
    attl_snapshot_info info = { .struct_size = sizeof info };
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    assert_int_equal(info.entries, 1);
    assert_true(info.created_ms == SIM_START_MS + 2000);
}

static void
an_empty_cache_has_a_snapshot_too(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    drop(d->cache, "a");
    attl_snapshot_info info = { .struct_size = sizeof info };
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    assert_int_equal(info.entries, 0);
    durable_crash(d, 1);
    durable_open(d, NULL);
    assert_int_equal(attl_size(d->cache), 0);
}

/* ---- fuzzy ----------------------------------------------------------------------------------- */

static void
what_must_be_kept_is_bounded(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put_all(d, "old");
    atomic_store(&d->cache->store->kept_max_bytes, 1);
    attl_snapshot_info info = snapshot_while(d, overwrite_all);
    struct snapshot_meta meta = meta_of(d, info.name);
    assert_int_equal(meta.kind, SNAPSHOT_FUZZY);
    assert_true(meta.end_lsn >= meta.cut_lsn + KEYS);
    put(d->cache, "after", "1", ATTL_TTL_NONE);
    durable_crash(d, 2);
    durable_open(d, NULL);
    expect_everywhere(d, "new");
    expect(d->cache, "after", "1");
    back_to(d, info.name); /* the state at its end: before it there is none */
    expect_everywhere(d, "new");
    expect(d->cache, "after", NULL);
}

static void
overwrite_later(struct durable *d)
{
    sim_advance(&d->sim, 1000);
    put_all(d, "mid");
    sim_advance(&d->sim, 1000);
    put_all(d, "new");
}

static void
a_moment_inside_of_a_fuzzy_snapshot_needs_the_one_before(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put_all(d, "old");
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    sim_advance(&d->sim, 1000);
    atomic_store(&d->cache->store->kept_max_bytes, 1);
    attl_snapshot_info info = snapshot_while(d, overwrite_later);
    assert_int_equal(meta_of(d, info.name).kind, SNAPSHOT_FUZZY);
    atomic_store(&d->cache->store->kept_max_bytes, 0);
    attl_rollback_opts opts = { .struct_size = sizeof opts, .to_ms = SIM_START_MS + 2500 };
    ASSERT_STATUS(attl_rollback(d->cache, &opts, NULL, NULL, 0), ATTL_OK);
    expect_everywhere(d, "mid");
    opts.to_ms = SIM_START_MS + 1500;
    ASSERT_STATUS(attl_rollback(d->cache, &opts, NULL, NULL, 0), ATTL_OK);
    expect_everywhere(d, "old");
}

static void
without_a_log_there_is_no_fuzzy_snapshot(void **state)
{
    struct durable *d = *state;
    const struct sim_option off[] = { { "persist.fsync", "off" }, { NULL, NULL } };
    struct meanwhile m = { .d = d, .change = overwrite_all };
    durable_open(d, off);
    put_all(d, "old");
    atomic_store(&d->cache->store->kept_max_bytes, 1);
    sim_disk_set_hook(d->disk, change_meanwhile, &m);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_E_NOMEM);
    sim_disk_set_hook(d->disk, NULL, NULL);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
    atomic_store(&d->cache->store->kept_max_bytes, 0);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    durable_kill(d);
    durable_open(d, off);
    expect_everywhere(d, "new");
}

/* ---- failures -------------------------------------------------------------------------------- */

static void
a_snapshot_that_fails_leaves_nothing(void **state)
{
    struct durable *d = *state;
    static const enum sim_op ops[] = { SIM_CREATE, SIM_WRITE, SIM_RENAME, SIM_READ };
    durable_open(d, NULL);
    put_all(d, "old");
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        sim_disk_fail(d->disk, ops[i], 1, -ENOSPC, SIM_FOREVER);
        assert_true(attl_snapshot(d->cache, NULL) != ATTL_OK);
        sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
        assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
        attl_persist_stats st = durable_stats(d);
        assert_int_equal(st.snapshot_failures, i + 1);
        assert_int_equal(st.last_snapshot_status, ATTL_E_IO);
        assert_int_equal(st.snapshot_running, 0);
        for (int n = 0; n < 1000 && durable_stats(d).state != WAL_WRITING; n++) {
            struct parker parker;
            parker_init(&parker);
            parker_sleep(&parker, 10);
        }
        put(d->cache, "goes on", "1", ATTL_TTL_NONE);
    }
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    assert_int_equal(durable_stats(d).last_snapshot_status, ATTL_OK);
    expect_everywhere(d, "old");
}

struct gate {
    _Atomic bool reached, open;
};

static void
stop_at_creation(void *ud, enum sim_op op, const char *name)
{
    struct gate *g = ud;
    if (op != SIM_CREATE || strncmp(name, "snap-", 5) != 0)
        return;
    atomic_store(&g->reached, true);
    while (!atomic_load(&g->open))
        (void)clock_mono_ns();
}

static void *
close_it(void *arg)
{
    struct durable *d = arg;
    attl_close(&d->cache);
    return NULL;
}

static void
closing_ends_a_snapshot_in_the_background(void **state)
{
    struct durable *d = *state;
    struct gate gate = { 0 };
    pthread_t closer;
    d->real_time = true;
    durable_open(d, NULL);
    put_all(d, "old");
    sim_disk_set_hook(d->disk, stop_at_creation, &gate);
    ASSERT_STATUS(attl_snapshot_start(d->cache), ATTL_OK);
    while (!atomic_load(&gate.reached))
        (void)clock_mono_ns();
    ASSERT_STATUS(attl_snapshot_start(d->cache), ATTL_E_BUSY);
    struct store *s = d->cache->store;
    assert_int_equal(pthread_create(&closer, NULL, close_it, d), 0);
    while (!atomic_load(&s->stopping))
        (void)clock_mono_ns();
    atomic_store(&gate.open, true);
    assert_int_equal(pthread_join(closer, NULL), 0);
    sim_disk_set_hook(d->disk, NULL, NULL);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 0);
    d->real_time = false;
    durable_open(d, NULL);
    expect_everywhere(d, "old");
}

/* ---- retention ------------------------------------------------------------------------------- */

struct told {
    unsigned files, go;
    uint64_t bytes;
};

static void
note_file(void *ud, const char *name, uint64_t bytes, int goes, const char *reason)
{
    struct told *t = ud;
    assert_true(name[0] != '\0' && reason[0] != '\0');
    t->files++;
    t->go += goes != 0;
    t->bytes += bytes;
}

static void
retention_tells_and_then_does(void **state)
{
    struct durable *d = *state;
    struct told dry = { 0 }, real = { 0 };
    const struct sim_option two[] = { { "retention.snapshots", "2" }, { NULL, NULL } };
    durable_open(d, two);
    for (int i = 0; i < 4; i++) {
        put_all(d, "old");
        ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    }
    ASSERT_STATUS(attl_retention_run(d->cache, 1, note_file, &dry), ATTL_OK);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 4);
    assert_true(dry.go >= 2 && dry.files > 4);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, note_file, &real), ATTL_OK);
    assert_int_equal(real.go, dry.go);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 2);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_OK);
    durable_crash(d, 1);
    durable_open(d, NULL);
    expect_everywhere(d, "old");
}

static void
retention_never_takes_what_recovery_needs(void **state)
{
    struct durable *d = *state;
    const struct sim_option all[] = { { "retention.snapshot_ttl", "1s" },
                                      { "retention.log_ttl", "1s" },
                                      { "retention.snapshots", "1" },
                                      { "retention.disk_budget", "1" },
                                      { NULL, NULL } };
    durable_open(d, all);
    put_all(d, "a");
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put_all(d, "b");
    sim_advance(&d->sim, 1000000);
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_OK);
    assert_int_equal(durable_files(d, "snap-", NULL, 0), 1);
    durable_crash(d, 1);
    durable_open(d, all);
    expect_everywhere(d, "b");
    ASSERT_STATUS(attl_retention_run(d->cache, 0, NULL, NULL), ATTL_OK);
    durable_crash(d, 2);
    durable_open(d, NULL);
    expect_everywhere(d, "b");
}

static void
without_a_directory_there_is_nothing_to_keep(void **state)
{
    struct sim sim;
    (void)state;
    sim_init(&sim);
    attl *cache = sim_open(&sim, NULL);
    ASSERT_STATUS(attl_snapshot(cache, NULL), ATTL_E_UNSUPPORTED);
    ASSERT_STATUS(attl_snapshot_start(cache), ATTL_E_UNSUPPORTED);
    ASSERT_STATUS(attl_snapshot_list(cache, NULL, NULL), ATTL_E_UNSUPPORTED);
    ASSERT_STATUS(attl_retention_run(cache, 0, NULL, NULL), ATTL_E_UNSUPPORTED);
    sim_close(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(a_snapshot_is_the_state_at_its_cut),
        DURABLE_TEST(clearing_meanwhile_takes_nothing_out_of_it),
        DURABLE_TEST(one_at_a_time),
        DURABLE_TEST(what_has_expired_is_not_in_it),
        DURABLE_TEST(an_empty_cache_has_a_snapshot_too),
        DURABLE_TEST(what_must_be_kept_is_bounded),
        DURABLE_TEST(a_moment_inside_of_a_fuzzy_snapshot_needs_the_one_before),
        DURABLE_TEST(without_a_log_there_is_no_fuzzy_snapshot),
        DURABLE_TEST(a_snapshot_that_fails_leaves_nothing),
        DURABLE_TEST(closing_ends_a_snapshot_in_the_background),
        DURABLE_TEST(retention_tells_and_then_does),
        DURABLE_TEST(retention_never_takes_what_recovery_needs),
        DURABLE_TEST(without_a_directory_there_is_nothing_to_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
