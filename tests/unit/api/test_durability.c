/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the data directory is told of namespaces that are not logged: nothing in the log, some in
 * snapshots, and never an older state after a restart, whatever the settings were in between. And
 * what namespaces refuse that want nothing but the log.
 */
#include "support/durable.h"
#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct sim_option classes[] = {
    { "namespace.none:.durability", "none" },
    { "namespace.snap:.durability", "snapshot" },
    { "namespace.none:logged:.durability", "log" },
    { NULL, NULL },
};

static void
only_what_is_logged_is_in_the_log(void **state)
{
    struct durable *d = *state;
    durable_open(d, classes);
    put(d->cache, "none:1", "a", ATTL_TTL_NONE);
    put(d->cache, "snap:1", "b", ATTL_TTL_NONE);
    put(d->cache, "none:logged:1", "c", ATTL_TTL_NONE);
    put(d->cache, "other", "d", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("none:1"), 5000, 0), ATTL_OK);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("other"), attl_s("none:2"), 0), ATTL_OK);
    attl_slice keys[] = { attl_s("none:3"), attl_s("m") }, values[] = { attl_s("1"), attl_s("2") };
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, NULL), ATTL_OK);
    drop(d->cache, "none:3");
    assert_string_equal(durable_log(d, 1),
                        "PUT none:logged:1=c; PUT other=d; GROUP(DEL other); GROUP(PUT m=2)");
    durable_kill(d);
    durable_open(d, classes);
    expect(d->cache, "none:1", NULL);
    expect(d->cache, "none:2", NULL);
    expect(d->cache, "snap:1", NULL);
    expect(d->cache, "none:logged:1", "c");
    expect(d->cache, "m", "2");
}

static void
snapshots_keep_all_but_what_nobody_keeps(void **state)
{
    struct durable *d = *state;
    durable_open(d, classes);
    put(d->cache, "none:1", "a", ATTL_TTL_NONE);
    put(d->cache, "snap:1", "b", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "snap:1", "later", ATTL_TTL_NONE);
    durable_kill(d);
    durable_open(d, classes);
    expect(d->cache, "none:1", NULL);
    expect(d->cache, "snap:1", "b");
}

static void
what_was_logged_once_does_not_come_back(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL); /* everything is logged */
    put(d->cache, "none:1", "old", ATTL_TTL_NONE);
    put(d->cache, "none:2", "old", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "none:3", "old", ATTL_TTL_NONE);
    durable_kill(d);
    durable_open(d, classes);
    expect(d->cache, "none:1", NULL);
    expect(d->cache, "none:3", NULL);
    put(d->cache, "none:2", "new", ATTL_TTL_NONE);
    drop(d->cache, "none:2");
    durable_kill(d);
    durable_open(d, NULL); /* logged again: the state of then must not be back */
    expect(d->cache, "none:1", NULL);
    expect(d->cache, "none:2", NULL);
    expect(d->cache, "none:3", NULL);
}

static void
durability_cannot_change_under_way(void **state)
{
    struct durable *d = *state;
    char err[256];
    durable_open(d, classes);
    attl_ns_field field = { attl_s("durability"), attl_s("log") };
    ASSERT_STATUS(attl_ns_set(d->cache, attl_s("none:"), &field, 1, err, sizeof err),
                  ATTL_E_IMMUTABLE);
    ASSERT_STATUS(attl_ns_del(d->cache, attl_s("none:")), ATTL_OK);
    put(d->cache, "none:1", "a", ATTL_TTL_NONE); /* the others of its fields are gone, not this */
    assert_string_equal(durable_log(d, 1), "");
}

static void
a_quota_survives_a_restart(void **state)
{
    static const struct sim_option quota[] = { { "namespace.s:.max_entries", "50" },
                                               { NULL, NULL } };
    struct durable *d = *state;
    attl_ns_stats st = { .struct_size = sizeof st };
    durable_open(d, quota);
    for (int i = 0; i < 200; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i);
        put(d->cache, key, "v", ATTL_TTL_NONE);
    }
    attl_tick(d->cache, 0, NULL); /* what the last write has left over */
    ASSERT_STATUS(attl_log_sync(d->cache, 10000),
                  ATTL_OK); /* nobody waits for an eviction's frame */
    durable_kill(d);
    durable_open(d, quota);
    ASSERT_STATUS(attl_ns_stats_get(d->cache, attl_s("s:"), &st), ATTL_OK);
    assert_int_equal(st.counted, 1);
    assert_int_equal(st.entries, 50); /* evictions are logged */
    assert_int_equal(attl_size(d->cache), 50);
    put(d->cache, "s:new", "v", ATTL_TTL_NONE);
    assert_int_equal(attl_size(d->cache), 50); /* although nobody knows who came first */
}

/* ---- while the log cannot be written ---- */

static const struct sim_option strict[] = {
    { "persist.fsync", "everysec" },
    { "persist.on_error", "degrade" },
    { "namespace.strict:.on_disk_error", "reject" },
    { "namespace.strict:loose:.on_disk_error", "degrade" },
    { "namespace.none:.on_disk_error", "reject" },
    { "namespace.none:.durability", "none" },
    { NULL, NULL },
};

static void
lose_the_log(struct durable *d)
{
    sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -ENOSPC, SIM_FOREVER);
    for (int i = 0; durable_stats(d).state != 2; i++) {
        put(d->cache, "other", "lost", ATTL_TTL_NONE);
        assert_true(i < 10000000);
    }
}

static void
find_the_log(struct durable *d)
{
    sim_disk_fail(d->disk, SIM_ANY, 0, 0, SIM_ONCE);
    for (int i = 0; durable_stats(d).state != 0; i++) {
        attl_tick(d->cache, 0, NULL);
        usleep(1000);
        assert_true(i < 10000);
    }
}

static int
set_one(struct durable *d, const char *key)
{
    return attl_set(d->cache, attl_s(key), attl_s("v"), ATTL_TTL_NONE);
}

static void
a_strict_namespace_refuses_what_would_be_in_memory_only(void **state)
{
    struct durable *d = *state;
    durable_open(d, strict);
    put(d->cache, "strict:1", "a", ATTL_TTL_NONE);
    lose_the_log(d);
    ASSERT_STATUS(set_one(d, "strict:2"), ATTL_E_IO);
    ASSERT_STATUS(attl_del(d->cache, attl_s("strict:1")), ATTL_E_IO);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("strict:1"), 5000, 0), ATTL_E_IO);
    ASSERT_STATUS(set_one(d, "strict:loose:1"), ATTL_OK);
    ASSERT_STATUS(set_one(d, "none:1"), ATTL_OK); /* it is never logged */
    ASSERT_STATUS(set_one(d, "other"), ATTL_OK);
    expect(d->cache, "strict:1", "a");
    find_the_log(d);
    ASSERT_STATUS(set_one(d, "strict:2"), ATTL_OK);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_kill(d);
    durable_open(d, strict);
    expect(d->cache, "strict:1", "a");
    expect(d->cache, "strict:2", "v");
    expect(d->cache, "other", "v");
}

static void
a_change_of_several_keys_is_refused_as_a_whole(void **state)
{
    struct durable *d = *state;
    durable_open(d, strict);
    put(d->cache, "strict:1", "a", ATTL_TTL_NONE);
    put(d->cache, "x", "b", ATTL_TTL_NONE);
    lose_the_log(d);
    attl_slice keys[] = { attl_s("y"), attl_s("strict:2") };
    attl_slice values[] = { attl_s("1"), attl_s("2") };
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, NULL), ATTL_E_IO);
    expect(d->cache, "y", NULL);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("x"), attl_s("strict:3"), 0), ATTL_E_IO);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("strict:1"), attl_s("x"), 0), ATTL_E_IO);
    ASSERT_STATUS(attl_copy(d->cache, attl_s("strict:1"), attl_s("copy"), 0), ATTL_OK);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_E_IO);
    uint64_t removed = 0;
    ASSERT_STATUS(attl_ns_flush(d->cache, attl_s("strict:"), &removed), ATTL_E_IO);
    assert_int_equal(removed, 0);
    expect(d->cache, "strict:1", "a");
    expect(d->cache, "x", "b");
    expect(d->cache, "copy", "a");
}

static void
being_strict_can_be_changed_under_way(void **state)
{
    struct durable *d = *state;
    char err[256];
    durable_open(d, strict);
    lose_the_log(d);
    attl_ns_field field = { attl_s("on_disk_error"), attl_s("degrade") };
    ASSERT_STATUS(attl_ns_set(d->cache, attl_s("strict:"), &field, 1, err, sizeof err), ATTL_OK);
    ASSERT_STATUS(set_one(d, "strict:1"), ATTL_OK);
    field.value = attl_s("reject");
    ASSERT_STATUS(attl_ns_set(d->cache, attl_s("strict:"), &field, 1, err, sizeof err), ATTL_OK);
    ASSERT_STATUS(set_one(d, "strict:1"), ATTL_E_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(only_what_is_logged_is_in_the_log),
        DURABLE_TEST(snapshots_keep_all_but_what_nobody_keeps),
        DURABLE_TEST(what_was_logged_once_does_not_come_back),
        DURABLE_TEST(durability_cannot_change_under_way),
        DURABLE_TEST(a_quota_survives_a_restart),
        DURABLE_TEST(a_strict_namespace_refuses_what_would_be_in_memory_only),
        DURABLE_TEST(a_change_of_several_keys_is_refused_as_a_whole),
        DURABLE_TEST(being_strict_can_be_changed_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
