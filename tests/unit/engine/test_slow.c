/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the cache tells of that took long beside its calls: with a limit of a nanosecond everything
 * is slow, so each kind of work must be told of, and of nothing without a limit or below it. The
 * clock creeps where a duration is taken by the simulated one.
 */
#include "api/api.h"
#include "support/durable.h"
#include "support/unit.h"

struct heard {
    _Atomic unsigned count[ATTL_SLOW_KINDS];
    _Atomic int64_t most_ns;
};

static void
hear(void *ud, int what, int64_t took_ns)
{
    struct heard *h = ud;
    assert_true(what >= 0 && what < ATTL_SLOW_KINDS);
    atomic_fetch_add(&h->count[what], 1);
    if (took_ns > atomic_load(&h->most_ns))
        atomic_store(&h->most_ns, took_ns);
}

static unsigned
all_of(const struct heard *h)
{
    unsigned n = 0;
    for (int what = 0; what < ATTL_SLOW_KINDS; what++)
        n += atomic_load(&h->count[what]);
    return n;
}

/* As attl_config_set_slow() before the cache was opened. */
static void
listen_to(attl *cache, struct heard *h)
{
    cache->slow_fn = hear;
    cache->slow_ud = h;
}

static int64_t
clock_of(void *ud)
{
    return sim_now(ud);
}

static attl *
open_small(struct sim *sim, struct heard *h)
{
    char err[256] = "";
    attl *cache;
    attl_config *c = attl_config_new();
    assert_non_null(c);
    sim_init(sim);
    attl_config_set_clock(c, clock_of, sim);
    attl_config_set_slow(NULL, hear, h);
    attl_config_set_slow(c, hear, h);
    static const char *const options[][2] = { { "cache.background", "no" },
                                              { "cache.max_entries", "100" },
                                              { "cache.default_ttl", "0" } };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        ASSERT_STATUS(attl_config_set(c, options[i][0], options[i][1], err, sizeof err), ATTL_OK);
    ASSERT_STATUS(attl_open(&cache, c), ATTL_OK);
    attl_config_free(c);
    return cache;
}

static void
fill(attl *cache, int n)
{
    char key[32];
    for (int i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "key:%d", i);
        put(cache, key, "v", 1000);
    }
}

static void
making_room_and_maintenance_are_told(void **state)
{
    struct sim sim;
    struct heard h = { 0 };
    (void)state;
    attl *cache = open_small(&sim, &h);
    fill(cache, 1000);
    sim_advance(&sim, 5000);
    attl_tick(cache, 0, NULL);
    assert_int_equal(all_of(&h), 0); /* nobody has named a limit */
    attl_slow_limit(cache, INT64_MAX);
    fill(cache, 1000);
    sim_advance(&sim, 5000);
    attl_tick(cache, 0, NULL);
    assert_int_equal(all_of(&h), 0);
    attl_slow_limit(cache, 1);
    fill(cache, 1000);
    assert_true(h.count[ATTL_SLOW_EVICTION] > 0);
    sim_advance(&sim, 5000);
    attl_tick(cache, 0, NULL);
    assert_true(h.count[ATTL_SLOW_EXPIRY] > 0);
    assert_true(h.most_ns > 0);
    unsigned heard = all_of(&h);
    attl_slow_limit(cache, 0);
    fill(cache, 1000);
    assert_int_equal(all_of(&h), heard);
    attl_close(&cache);
}

static void
syncs_and_snapshots_are_told(void **state)
{
    struct durable *d = *state;
    struct heard h = { 0 };
    d->creeps = true;
    durable_open(d, NULL);
    listen_to(d->cache, &h);
    put(d->cache, "before", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    assert_int_equal(all_of(&h), 0);
    attl_slow_limit(d->cache, 1);
    put(d->cache, "a", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    assert_true(h.count[ATTL_SLOW_WAIT] > 0);
    assert_int_equal(h.count[ATTL_SLOW_SYNC], 0);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    assert_int_equal(h.count[ATTL_SLOW_SNAPSHOT], 1);
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "everysec", NULL, 0), ATTL_OK);
    unsigned waited = h.count[ATTL_SLOW_WAIT];
    put(d->cache, "b", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    assert_true(h.count[ATTL_SLOW_SYNC] > 0);
    assert_int_equal(h.count[ATTL_SLOW_WAIT], waited);
    attl_close(&d->cache); /* it tells until then */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_room_and_maintenance_are_told),
        DURABLE_TEST(syncs_and_snapshots_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
