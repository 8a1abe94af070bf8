/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas of namespaces: what a full one does, that only its own entries pay for it, and that the
 * sums are exact whatever happens to entries, which a random run compares with a walk over all of
 * them. One thread and a simulated clock; threads are in tests/concurrent/test_namespaces.c.
 */
#include "support/rng.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000)

static attl_ns_stats
stats_of(attl *cache, const char *prefix)
{
    attl_ns_stats st = { .struct_size = sizeof st };
    ASSERT_STATUS(attl_ns_stats_get(cache, attl_s(prefix), &st), ATTL_OK);
    return st;
}

static void
put_n(attl *cache, const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s%d", prefix, i);
        put(cache, key, "value", ATTL_TTL_NONE);
    }
}

struct tally {
    const char *prefix;
    uint64_t entries;
};

static void
count_prefix(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct tally *t = ud;
    (void)value;
    (void)deadline_ms;
    t->entries += key.len >= strlen(t->prefix) &&
                  memcmp(key.data, t->prefix, strlen(t->prefix)) == 0;
}

static uint64_t
live_of(attl *cache, const char *prefix)
{
    struct tally t = { prefix, 0 };
    uint64_t cursor = 0;
    while (attl_scan(cache, &cursor, 100, count_prefix, &t) == ATTL_OK)
        ;
    return t.entries;
}

static void
a_full_namespace_evicts_its_own(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    put_n(c, "other:", 0, 500);
    set_policy(c, "s:", "max_entries", "100");
    put_n(c, "s:", 0, 1000);
    attl_ns_stats st = stats_of(c, "s:");
    assert_int_equal(st.counted, 1);
    assert_int_equal(st.entries, 100);
    assert_int_equal(st.evicted, 900);
    assert_int_equal(st.refused, 0);
    assert_int_equal(live_of(c, "s:"), 100);
    assert_int_equal(live_of(c, "other:"), 500);
    expect(c, "s:999", "value"); /* what came last is there */
    expect(c, "s:0", NULL);
}

static void
what_is_used_stays_longer(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    int kept = 0;
    set_policy(c, "s:", "max_entries", "100");
    put_n(c, "s:", 0, 100);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 10; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "s:%d", i);
            ASSERT_STATUS(attl_touch(c, attl_s(key)), ATTL_OK);
        }
        put_n(c, "s:", 100 + round * 50, 150 + round * 50);
    }
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i);
        kept += attl_exists(c, attl_s(key)) == ATTL_OK;
    }
    assert_int_equal(kept, 10);
    assert_int_equal(stats_of(c, "s:").entries, 100);
}

static void
without_eviction_a_full_namespace_refuses(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    set_policy(c, "s:", "max_entries", "10");
    set_policy(c, "s:", "eviction", "none");
    put_n(c, "s:", 0, 9);
    put(c, "s:9", "v", SECOND);
    ASSERT_STATUS(attl_set(c, attl_s("s:10"), attl_s("v"), ATTL_TTL_NONE), ATTL_E_QUOTA);
    put(c, "s:0", "another value", ATTL_TTL_NONE); /* is no new entry */
    put(c, "t:0", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_copy(c, attl_s("t:0"), attl_s("s:10"), 0), ATTL_E_QUOTA);
    ASSERT_STATUS(attl_rename(c, attl_s("t:0"), attl_s("s:10"), 0), ATTL_E_QUOTA);
    ASSERT_STATUS(attl_rename(c, attl_s("s:1"), attl_s("s:10"), 0), ATTL_OK); /* one for one */
    ASSERT_STATUS(attl_rename(c, attl_s("s:10"), attl_s("s:1"), 0), ATTL_OK);
    attl_slice keys[] = { attl_s("s:1"), attl_s("s:11"), attl_s("s:12") };
    attl_slice values[] = { attl_s("a"), attl_s("b"), attl_s("c") };
    ASSERT_STATUS(attl_mset(c, keys, values, 3, NULL), ATTL_E_QUOTA);
    expect(c, "s:1", "value"); /* all or nothing */
    assert_int_equal(stats_of(c, "s:").entries, 10);
    assert_int_equal(stats_of(c, "s:").refused, 4);
    sim_advance(&f->sim, 2 * SECOND);
    put(c, "s:10", "v", ATTL_TTL_NONE); /* what has expired makes room without a tick */
    assert_int_equal(stats_of(c, "s:").entries, 10);
    drop(c, "s:10");
    assert_int_equal(stats_of(c, "s:").entries, 9);
    put(c, "s:11", "v", ATTL_TTL_NONE);
}

static void
bytes_have_a_quota_too(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    char big[20000];
    memset(big, 'x', sizeof big);
    set_policy(c, "s:", "max_bytes", "64KiB");
    for (int i = 0; i < 40; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i);
        ASSERT_STATUS(attl_set(c, attl_s(key), attl_b(big, 1000 + (size_t)i * 400), ATTL_TTL_NONE),
                      ATTL_OK);
        assert_true(stats_of(c, "s:").bytes <= 64 << 10);
        expect(c, "t", NULL);
    }
    assert_true(stats_of(c, "s:").entries >= 2);
    set_policy(c, "s:", "max_bytes", "16KiB");
    attl_tick(c, 0, NULL);
    assert_true(stats_of(c, "s:").bytes <= 16 << 10);
    ASSERT_STATUS(attl_set(c, attl_s("s:big"), attl_b(big, sizeof big), ATTL_TTL_NONE),
                  ATTL_E_QUOTA); /* would not fit into an empty one */
    set_policy(c, "s:", "eviction", "none");
    ASSERT_STATUS(attl_ns_flush(c, attl_s("s:"), NULL), ATTL_OK);
    assert_int_equal(stats_of(c, "s:").bytes, 0);
    ASSERT_STATUS(attl_set(c, attl_s("s:1"), attl_b(big, 7000), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_set(c, attl_s("s:2"), attl_b(big, 7000), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_append(c, attl_s("s:1"), attl_b(big, 3000), NULL), ATTL_E_QUOTA);
    ASSERT_STATUS(attl_append(c, attl_s("s:1"), attl_b(big, 1000), NULL), ATTL_OK);
}

static void
a_quota_for_what_is_there_already_counts_it(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    put_n(c, "s:", 0, 5000);
    put_n(c, "s:x:", 0, 300);
    set_policy(c, "s:", "ttl_max", "1h");
    assert_int_equal(stats_of(c, "s:").counted, 0);
    set_policy(c, "s:", "max_entries", "10000");
    assert_int_equal(stats_of(c, "s:").counted, 1);
    assert_int_equal(stats_of(c, "s:").entries, 5300);
    set_policy(c, "s:x:", "ttl_max", "1h"); /* takes its entries out of the other's sum */
    assert_int_equal(stats_of(c, "s:").entries, 5000);
    assert_int_equal(stats_of(c, "s:x:").entries, 300);
    set_policy(c, "s:", "max_entries", "1000");
    attl_tick(c, 0, NULL);
    assert_int_equal(stats_of(c, "s:").entries, 1000);
    assert_int_equal(live_of(c, "s:x:"), 300);
    ASSERT_STATUS(attl_ns_del(c, attl_s("s:")), ATTL_OK);
    assert_int_equal(stats_of(c, "s:x:").counted, 0); /* no quota is left */
    put_n(c, "s:", 0, 2000);
}

static void
a_large_cache_is_counted_in_steps_and_stays_exact(void **state)
{
    struct fixture *f = *state;
    attl *c = f->cache;
    put_n(c, "s:", 0, 70000);
    set_policy(c, "s:", "max_entries", "90000");
    assert_int_equal(stats_of(c, "s:").counted, 2);
    put_n(c, "s:", 70000, 75000);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i * 3);
        drop(c, key);
        if (i % 50 == 0)
            attl_tick(c, 1, NULL);
    }
    attl_tick(c, 0, NULL);
    assert_int_equal(stats_of(c, "s:").counted, 1);
    assert_int_equal(stats_of(c, "s:").entries, 70000);
}

/* ---- random ---- */

static const char *const prefixes[] = { "a:", "a:b:", "c:", "" };

static void
random_key(struct rng *rng, char *to, size_t len)
{
    static const char *const starts[] = { "a:", "a:b:", "c:", "d:" };
    (void)snprintf(to, len, "%s%d", starts[rng_below(rng, 4)], (int)rng_below(rng, 400));
}

static void
random_change(struct fixture *f, struct rng *rng)
{
    attl *c = f->cache;
    char key[32], other[32];
    static char value[12000];
    int64_t number;
    random_key(rng, key, sizeof key);
    random_key(rng, other, sizeof other);
    attl_slice bytes =
        attl_b(value, rng_one_in(rng, 20) ? rng_below(rng, sizeof value) : rng_below(rng, 100));
    attl_slice keys[] = { attl_s(key), attl_s(other) }, values[] = { bytes, bytes };
    int64_t ttl_ms = rng_one_in(rng, 3) ? ATTL_TTL_NONE : (int64_t)rng_range(rng, 1, 20000);
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = ttl_ms;
    opts.grace_ms = 3000;
    int status = ATTL_OK;
    switch (rng_below(rng, 14)) {
    case 0: status = attl_del(c, attl_s(key)); break;
    case 1: status = attl_rename(c, attl_s(key), attl_s(other), 0); break;
    case 2: status = attl_copy(c, attl_s(key), attl_s(other), 0); break;
    case 3: status = attl_expire(c, attl_s(key), (int64_t)rng_range(rng, 1, 90000), 0); break;
    case 4: status = attl_append(c, attl_s(key), attl_b(value, rng_below(rng, 50)), NULL); break;
    case 5: status = attl_incr(c, attl_s(key), 1, ttl_ms, &number); break;
    case 6: status = attl_mset(c, keys, values, 2, &opts); break;
    case 7: status = attl_set_if(c, attl_s(key), bytes, &opts, NULL, NULL); break;
    case 8: attl_tick(c, 0, NULL); break;
    case 9: sim_advance(&f->sim, (int64_t)rng_below(rng, 3000)); break;
    case 10: status = attl_touch(c, attl_s(key)); break;
    default: status = attl_set(c, attl_s(key), bytes, ttl_ms); break;
    }
    if (status < 0 && status != ATTL_E_QUOTA && status != ATTL_E_NOT_INTEGER)
        fail_msg("%s", attl_err_name(status));
}

static void
random_policy(struct fixture *f, struct rng *rng)
{
    static const char *const fields[] = { "max_entries", "max_bytes", "eviction", "ttl_max" };
    static const char *const values[][3] = { { "0", "50", "150" },
                                             { "0", "20KiB", "1MiB" },
                                             { "none", "s3fifo", "s3fifo" },
                                             { "0", "10s", "1h" } };
    const char *prefix = prefixes[rng_below(rng, 4)];
    size_t field = rng_below(rng, 4);
    if (rng_one_in(rng, 8)) {
        int status = attl_ns_del(f->cache, attl_s(prefix));
        assert_true(status == ATTL_OK || status == ATTL_MISS);
        return;
    }
    set_policy(f->cache, prefix, fields[field], values[field][rng_below(rng, 3)]);
}

struct walk_keys {
    char (*keys)[32];
    size_t count;
};

static void
take_key(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct walk_keys *w = ud;
    (void)value;
    (void)deadline_ms;
    (void)snprintf(w->keys[w->count++], 32, "%.*s", (int)key.len, (const char *)key.data);
}

/* With a namespace for every key, all namespaces together hold what the cache holds. */
static void
assert_parts_add_up(struct fixture *f)
{
    attl_ns_stats all = { .struct_size = sizeof all };
    attl_stats st = sim_stats(f->cache);
    if (attl_ns_stats_get(f->cache, attl_s(""), &all) != ATTL_OK || all.counted == 0)
        return;
    for (int p = 0; p < 3; p++) {
        attl_ns_stats one = { .struct_size = sizeof one };
        if (attl_ns_stats_get(f->cache, attl_s(prefixes[p]), &one) != ATTL_OK)
            continue;
        all.entries += one.entries;
        all.bytes += one.bytes;
    }
    assert_int_equal(all.entries, attl_size(f->cache));
    /* A copy shares its large value: each namespace counts it, the memory is there once. */
    assert_true(all.bytes >= st.mem_live + st.mem_extents);
}

static void
assert_sums_are_right(struct fixture *f, bool settled)
{
    static char keys[4096][32];
    struct walk_keys w = { keys, 0 };
    uint64_t cursor = 0, sums[4] = { 0 };
    sim_check(f->cache, "quota");
    while (attl_scan(f->cache, &cursor, 100, take_key, &w) == ATTL_OK)
        ;
    for (size_t i = 0; i < w.count; i++) {
        char prefix[128];
        size_t len = 0;
        if (attl_ns_match(f->cache, attl_s(w.keys[i]), prefix, sizeof prefix, &len) != ATTL_OK)
            continue;
        for (int p = 0; p < 4; p++)
            sums[p] += len == strlen(prefixes[p]) && memcmp(prefix, prefixes[p], len) == 0;
    }
    assert_parts_add_up(f);
    for (int p = 0; p < 4; p++) {
        attl_ns_stats st = { .struct_size = sizeof st };
        if (attl_ns_stats_get(f->cache, attl_s(prefixes[p]), &st) != ATTL_OK || st.counted == 0)
            continue;
        assert_int_equal(st.counted, 1);
        if (settled && st.entries != sums[p])
            fail_msg("\"%s\" is said to hold %d entries and holds %d", prefixes[p], (int)st.entries,
                     (int)sums[p]);
        assert_true(st.entries >= sums[p]); /* the rest has expired */
        char policy[64];
        ASSERT_STATUS(attl_ns_get(f->cache, attl_s(prefixes[p]), "eviction", policy, 64), ATTL_OK);
        if (strcmp(policy, "s3fifo") != 0)
            continue;
        assert_true(!st.max_entries || st.entries <= st.max_entries);
        assert_true(!st.max_bytes || st.bytes <= st.max_bytes);
    }
}

static void
the_sums_are_exact_whatever_happens(void **state)
{
    struct fixture *f = *state;
    struct rng rng = rng_from_seed(test_seed());
    uint64_t steps = test_scaled(60000);
    set_policy(f->cache, "a:", "max_entries", "100");
    for (uint64_t i = 0; i < steps; i++) {
        random_change(f, &rng);
        if (rng_one_in(&rng, 300)) {
            random_policy(f, &rng);
            attl_tick(f->cache, 0, NULL);
        }
        if (rng_one_in(&rng, 5000))
            (void)attl_clear(f->cache);
        if (rng_one_in(&rng, 500)) {
            sim_advance(&f->sim, 2000);          /* so that everything that has expired is due */
            for (int tick = 0; tick < 4; tick++) /* large values leave limbo */
                attl_tick(f->cache, 0, NULL);
            assert_sums_are_right(f, false);
        }
    }
    ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
    assert_sums_are_right(f, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_full_namespace_evicts_its_own),
        UNIT_TEST(what_is_used_stays_longer),
        UNIT_TEST(without_eviction_a_full_namespace_refuses),
        UNIT_TEST(bytes_have_a_quota_too),
        UNIT_TEST(a_quota_for_what_is_there_already_counts_it),
        UNIT_TEST(a_large_cache_is_counted_in_steps_and_stays_exact),
        UNIT_TEST(the_sums_are_exact_whatever_happens),
    };
    test_announce("quota", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
