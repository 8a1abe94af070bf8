/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public functions about durability as a program sees them: positions and promises under each
 * policy, waiting and its limits, the notification, lists of snapshots, statistics that agree with
 * what was done, and structs of other releases. What is behind them is tested with the engine.
 */
#include "api/api.h"
#include "engine/store.h"
#include "persist/wal.h"
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
wait_a_little(void)
{
    struct parker parker;
    parker_init(&parker);
    parker_sleep(&parker, 2);
}

/* ---- positions ------------------------------------------------------------------------------- */

static void
a_thread_knows_the_position_of_its_last_change(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    assert_int_equal(attl_log_position(d->cache), 0);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    uint64_t first = attl_log_position(d->cache);
    assert_true(first > 0);
    expect(d->cache, "a", "1"); /* reading moves nothing */
    assert_int_equal(attl_log_position(d->cache), first);
    ASSERT_STATUS(attl_del(d->cache, attl_s("none")), ATTL_MISS);
    assert_int_equal(attl_log_position(d->cache), first);
    put(d->cache, "b", "1", ATTL_TTL_NONE);
    assert_true(attl_log_position(d->cache) > first);
    assert_true(attl_log_safe(d->cache) >= attl_log_position(d->cache)); /* it has waited */
}

struct other {
    struct durable *d;
    uint64_t before, after;
};

static void *
change_elsewhere(void *arg)
{
    struct other *o = arg;
    o->before = attl_log_position(o->d->cache);
    if (attl_set(o->d->cache, attl_s("o"), attl_s("1"), ATTL_TTL_NONE) == ATTL_OK)
        o->after = attl_log_position(o->d->cache);
    return NULL;
}

static void
positions_belong_to_threads(void **state)
{
    struct durable *d = *state;
    pthread_t thread;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    uint64_t mine = attl_log_position(d->cache);
    struct other o = { .d = d };
    assert_int_equal(pthread_create(&thread, NULL, change_elsewhere, &o), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(o.before, 0);
    assert_true(o.after > mine);
    assert_int_equal(attl_log_position(d->cache), mine);
}

/* ---- promises -------------------------------------------------------------------------------- */

static const struct sim_option answered_later[] = { { "persist.wait", "no" }, { NULL, NULL } };

struct gate {
    _Atomic bool shut;
};

static void
hold_syncs(void *ud, enum sim_op op, const char *name)
{
    struct gate *g = ud;
    (void)name;
    while (op == SIM_SYNC && atomic_load(&g->shut))
        wait_a_little();
}

static void
always_is_safe_when_it_is_durable(void **state)
{
    struct durable *d = *state;
    struct gate gate = { false };
    durable_open(d, answered_later);
    sim_disk_set_hook(d->disk, hold_syncs, &gate);
    atomic_store(&gate.shut, true);
    put(d->cache, "a", "1", ATTL_TTL_NONE); /* does not wait */
    uint64_t mine = attl_log_position(d->cache);
    assert_true(attl_log_safe(d->cache) < mine);
    ASSERT_STATUS(attl_log_wait(d->cache, mine, 20), ATTL_E_BUSY);
    ASSERT_STATUS(attl_log_sync(d->cache, 20), ATTL_E_BUSY);
    ASSERT_STATUS(attl_log_wait(d->cache, 0, 0), ATTL_OK);
    atomic_store(&gate.shut, false);
    ASSERT_STATUS(attl_log_wait(d->cache, mine, -1), ATTL_OK);
    assert_true(attl_log_safe(d->cache) >= mine);
    sim_disk_set_hook(d->disk, NULL, NULL);
    durable_crash(d, 1);
    durable_open(d, NULL);
    expect(d->cache, "a", "1");
}

static void
other_policies_promise_less_and_at_once(void **state)
{
    struct durable *d = *state;
    struct gate gate = { false };
    const struct sim_option everysec[] = { { "persist.fsync", "everysec" }, { NULL, NULL } };
    durable_open(d, everysec);
    sim_disk_set_hook(d->disk, hold_syncs, &gate);
    atomic_store(&gate.shut, true);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    assert_true(attl_log_safe(d->cache) >= attl_log_position(d->cache));
    ASSERT_STATUS(attl_log_sync(d->cache, 20), ATTL_E_BUSY); /* durable is something else */
    atomic_store(&gate.shut, false);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    sim_disk_set_hook(d->disk, NULL, NULL);
    durable_crash(d, 1);
    durable_open(d, NULL);
    expect(d->cache, "a", "1");
}

static bool
is_retrying(struct durable *d)
{
    return durable_stats(d).state == WAL_RETRYING;
}

static void
what_will_not_be_durable_is_told(void **state)
{
    struct durable *d = *state;
    durable_open(d, answered_later);
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_wait(d->cache, attl_log_position(d->cache), -1), ATTL_E_IO);
    assert_true(is_retrying(d));
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_E_IO);
    expect(d->cache, "a", "1"); /* the change is made */
}

static void
without_a_log_everything_is_safe(void **state)
{
    struct sim sim;
    (void)state;
    sim_init(&sim);
    attl *cache = sim_open(&sim, NULL);
    put(cache, "a", "1", ATTL_TTL_NONE);
    assert_int_equal(attl_log_position(cache), 0);
    assert_int_equal(attl_log_safe(cache), 0);
    ASSERT_STATUS(attl_log_wait(cache, UINT64_MAX, -1), ATTL_OK);
    ASSERT_STATUS(attl_log_sync(cache, -1), ATTL_OK);
    attl_load_progress p = { .struct_size = sizeof p };
    attl_load_progress_get(cache, &p);
    assert_false(p.loading);
    assert_int_equal(p.status, ATTL_OK);
    attl_persist_stats st = { .struct_size = sizeof st };
    attl_persist_stats_get(cache, &st);
    assert_int_equal(st.enabled, 0);
    sim_close(&cache);
}

/* ---- being told ------------------------------------------------------------------------------ */

static void
count_call(void *ud)
{
    atomic_fetch_add((_Atomic unsigned *)ud, 1);
}

static void
progress_of_the_log_is_notified(void **state)
{
    struct durable *d = *state;
    _Atomic unsigned calls = 0;
    const struct sim_option options[] = { { "persist.fsync", "always" },
                                          { "persist.wait", "no" },
                                          { "cache.default_ttl", "0" },
                                          { NULL, NULL } };
    attl_config *config = sim_config(options);
    config->disk = sim_disk_table(d->disk);
    attl_config_set_log_notify(config, count_call, &calls);
    ASSERT_STATUS(attl_open_dir(&d->cache, config, NULL, 0), ATTL_OK);
    attl_config_free(config);
    unsigned before = atomic_load(&calls);
    assert_true(before > 0); /* it has been loaded */
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_wait(d->cache, attl_log_position(d->cache), -1), ATTL_OK);
    for (int i = 0; i < 5000 && atomic_load(&calls) == before; i++)
        wait_a_little();
    assert_true(atomic_load(&calls) > before);
    attl_close(&d->cache);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

struct listed {
    unsigned count, valid;
    uint64_t last_lsn;
    attl_snapshot_info last;
};

static void
note_snapshot(void *ud, const attl_snapshot_info *info)
{
    struct listed *l = ud;
    assert_true(info->lsn >= l->last_lsn);
    assert_true(info->bytes > 0 && info->created_ms >= SIM_START_MS && info->name[0]);
    l->last_lsn = info->lsn;
    l->count++;
    l->valid += info->valid;
    l->last = *info;
}

static void
snapshots_are_listed_oldest_first(void **state)
{
    struct durable *d = *state;
    attl_snapshot_info taken[3];
    struct listed l = { 0 };
    durable_open(d, NULL);
    ASSERT_STATUS(attl_snapshot_list(d->cache, note_snapshot, &l), ATTL_OK);
    assert_int_equal(l.count, 0);
    for (int i = 0; i < 3; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%d", i);
        put(d->cache, key, "v", ATTL_TTL_NONE);
        taken[i].struct_size = sizeof taken[i];
        ASSERT_STATUS(attl_snapshot(d->cache, &taken[i]), ATTL_OK);
        sim_advance(&d->sim, 10);
    }
    ASSERT_STATUS(attl_snapshot_list(d->cache, note_snapshot, &l), ATTL_OK);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.valid, 3);
    assert_string_equal(l.last.name, taken[2].name);
    assert_int_equal(l.last.entries, 3);
    assert_int_equal(l.last.lsn, taken[2].lsn);
    sim_disk_flip(d->disk, taken[1].name, 20, 1);
    l = (struct listed){ 0 };
    ASSERT_STATUS(attl_snapshot_list(d->cache, note_snapshot, &l), ATTL_OK);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.valid, 2);
    sim_disk_fail(d->disk, SIM_LIST, 1, -EIO, SIM_ONCE);
    ASSERT_STATUS(attl_snapshot_list(d->cache, note_snapshot, &l), ATTL_E_IO);
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void
statistics_agree_with_what_was_done(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    put(d->cache, "b", "1", ATTL_TTL_NONE);
    drop(d->cache, "a");
    attl_persist_stats st = durable_stats(d);
    assert_int_equal(st.enabled, 1);
    assert_int_equal(st.state, WAL_WRITING);
    assert_int_equal(st.last_error, 0);
    assert_int_equal(st.changes_since_snapshot, 3);
    assert_true(st.next_lsn >= 4 && st.durable_lsn == st.next_lsn);
    assert_true(st.log_syncs >= 1 && st.log_frames >= 3 && st.log_bytes > 0);
    assert_int_equal(st.unsynced_bytes, 0);
    assert_true(st.disk_bytes > 0);
    sim_advance(&d->sim, 500);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    st = durable_stats(d);
    assert_int_equal(st.snapshots, 1);
    assert_int_equal(st.last_snapshot_entries, 1);
    assert_true(st.last_snapshot_ms == SIM_START_MS + 500);
    assert_int_equal(st.last_snapshot_verified, 1);
    assert_int_equal(st.changes_since_snapshot, 0);
    attl_stats_reset(d->cache);
    put(d->cache, "c", "1", ATTL_TTL_NONE);
    assert_int_equal(durable_stats(d).changes_since_snapshot, 1);
    durable_kill(d);
    durable_open(d, NULL);
    st = durable_stats(d);
    assert_int_equal(st.recovered_entries, 2);
    assert_int_equal(st.changes_since_snapshot, 1); /* those in the log behind it */
    assert_int_equal(st.snapshots, 0);
    assert_true(st.last_snapshot_ms == SIM_START_MS + 500);
}

static void
structs_of_older_releases_get_what_they_have_room_for(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    struct {
        attl_persist_stats st;
        char guard[8];
    } s;
    memset(&s, 0x5a, sizeof s);
    s.st.struct_size = 16;
    attl_persist_stats_get(d->cache, &s.st);
    assert_int_equal(s.st.struct_size, 16);
    unsigned char *bytes = (unsigned char *)&s;
    for (size_t i = 16; i < sizeof s; i++)
        assert_int_equal(bytes[i], 0x5a);
    attl_snapshot_info info;
    memset(&info, 0x5a, sizeof info);
    info.struct_size = 16;
    ASSERT_STATUS(attl_snapshot(d->cache, &info), ATTL_OK);
    assert_int_equal(info.struct_size, 16);
    assert_int_equal(info.name[0], 0x5a);
    attl_load_progress p;
    memset(&p, 0x5a, sizeof p);
    p.struct_size = 8;
    attl_load_progress_get(d->cache, &p);
    assert_int_equal(p.loading, 0);
    assert_int_equal(p.status, 0x5a5a5a5a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(a_thread_knows_the_position_of_its_last_change),
        DURABLE_TEST(positions_belong_to_threads),
        DURABLE_TEST(always_is_safe_when_it_is_durable),
        DURABLE_TEST(other_policies_promise_less_and_at_once),
        DURABLE_TEST(what_will_not_be_durable_is_told),
        DURABLE_TEST(without_a_log_everything_is_safe),
        DURABLE_TEST(progress_of_the_log_is_notified),
        DURABLE_TEST(snapshots_are_listed_oldest_first),
        DURABLE_TEST(statistics_agree_with_what_was_done),
        DURABLE_TEST(structs_of_older_releases_get_what_they_have_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
