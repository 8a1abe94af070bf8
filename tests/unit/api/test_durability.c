/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the data directory is told of namespaces that are not logged: nothing in the log, some in
 * snapshots, and never an older state after a restart, whatever the settings were in between.
 */
#include "support/durable.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DURABLE_TEST(only_what_is_logged_is_in_the_log),
        DURABLE_TEST(snapshots_keep_all_but_what_nobody_keeps),
        DURABLE_TEST(what_was_logged_once_does_not_come_back),
        DURABLE_TEST(durability_cannot_change_under_way),
        DURABLE_TEST(a_quota_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
