/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotas under threads that write, read and change policies at the same time: afterwards, when all
 * is quiet, every sum is what a walk finds, and nothing that is refused or evicted was lost from
 * them. During it a quota that refuses is never passed. And memory that is refused: each call that
 * sets a policy changes nothing or everything.
 */
#include "support/rng.h"
#include "support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, REFUSING_MAX = 200 };

struct worker {
    attl *cache;
    uint64_t seed, steps;
    bool quota_is_sure; /* nothing is being counted */
    int wrong, status;  /* cmocka's assertions belong to the first thread */
};

static void *
write_and_remove(void *arg)
{
    static const char *const starts[] = { "a:", "a:b:", "c:", "d:" };
    struct worker *w = arg;
    struct rng rng = rng_from_seed(w->seed);
    char value[300] = { 0 };
    for (uint64_t i = 0; i < w->steps; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s%d", starts[rng_below(&rng, 4)],
                       (int)rng_below(&rng, 1000));
        int status = ATTL_OK;
        attl_ns_stats st = { .struct_size = sizeof st };
        switch (rng_below(&rng, 8)) {
        case 0: status = attl_del(w->cache, attl_s(key)); break;
        case 1: status = attl_touch(w->cache, attl_s(key)); break;
        case 2:
            status = attl_expire(w->cache, attl_s(key), 1 + (int64_t)rng_below(&rng, 30), 0);
            break;
        case 3:
            status = attl_ns_stats_get(w->cache, attl_s("c:"), &st);
            if (w->quota_is_sure && st.entries > REFUSING_MAX + THREADS) { /* they add first */
                w->wrong++;
                w->status = (int)st.entries;
            }
            break;
        default:
            status = attl_set(w->cache, attl_s(key), attl_b(value, rng_below(&rng, sizeof value)),
                              ATTL_TTL_NONE);
        }
        if (status < 0 && status != ATTL_E_QUOTA) {
            w->wrong++;
            w->status = status;
        }
    }
    return NULL;
}

static void *
change_policies(void *arg)
{
    struct worker *w = arg;
    struct rng rng = rng_from_seed(w->seed);
    static const char *const counts[] = { "50", "200", "100000" };
    for (uint64_t i = 0; i < w->steps / 400 + 1; i++) {
        attl_ns_field field = { attl_s("max_entries"), attl_s(counts[rng_below(&rng, 3)]) };
        attl_slice prefix = attl_s(rng_one_in(&rng, 2) ? "a:" : "a:b:");
        int status = rng_one_in(&rng, 4) ? attl_ns_del(w->cache, prefix)
                                         : attl_ns_set(w->cache, prefix, &field, 1, NULL, 0);
        w->wrong += status < 0;
        attl_tick(w->cache, 100, NULL);
    }
    return NULL;
}

static void
run_threads(attl *cache, int count, bool changes_policies)
{
    pthread_t threads[THREADS + 1];
    struct worker workers[THREADS + 1];
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){ .cache = cache,
                                      .seed = test_seed() + (uint64_t)i,
                                      .steps = test_scaled(30000),
                                      .quota_is_sure = !changes_policies };
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < THREADS ? write_and_remove : change_policies,
                                        &workers[i]),
                         0);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < count; i++)
        if (workers[i].wrong)
            fail_msg("thread %d: %d wrong, the last %d", i, workers[i].wrong, workers[i].status);
}

static void
assert_exact(struct fixture *f)
{
    static const char *const prefixes[] = { "", "a:", "a:b:", "c:" };
    uint64_t entries = 0, bytes = 0;
    for (int i = 0; i < 4; i++)
        attl_tick(f->cache, 0, NULL);
    for (int i = 0; i < 4; i++) {
        attl_ns_stats st = { .struct_size = sizeof st };
        if (attl_ns_stats_get(f->cache, attl_s(prefixes[i]), &st) != ATTL_OK)
            continue;
        assert_int_equal(st.counted, 1);
        assert_true(i == 3 || !st.max_entries || st.entries <= st.max_entries);
        entries += st.entries;
        bytes += st.bytes;
    }
    assert_int_equal(entries, attl_size(f->cache));
    assert_int_equal(bytes, sim_stats(f->cache).mem_live);
}

static void
sums_are_exact_when_threads_have_gone(void **state)
{
    struct fixture *f = *state;
    char count[16];
    (void)snprintf(count, sizeof count, "%d", REFUSING_MAX);
    set_policy(f->cache, "", "ttl_max", "9d"); /* so that every key has a namespace */
    set_policy(f->cache, "c:", "eviction", "none");
    set_policy(f->cache, "c:", "max_entries", count);
    set_policy(f->cache, "a:", "max_entries", "300");
    run_threads(f->cache, THREADS, false);
    assert_exact(f);
    run_threads(f->cache, THREADS + 1, true);
    assert_exact(f);
}

/* ---- no more goes than must ---- */

enum { KEPT_MAX = 100 };

static void *
write_new_keys(void *arg)
{
    struct worker *w = arg;
    for (uint64_t i = 0; i < w->steps; i++) {
        char key[40];
        attl_ns_stats st = { .struct_size = sizeof st };
        (void)snprintf(key, sizeof key, "e:%" PRIu64 ":%" PRIu64, w->seed, i);
        int status = attl_set(w->cache, attl_s(key), attl_s("v"), ATTL_TTL_NONE);
        if (status == ATTL_OK)
            status = attl_ns_stats_get(w->cache, attl_s("e:"), &st);
        if (status != ATTL_OK || st.entries < KEPT_MAX) {
            w->wrong++;
            w->status = status != ATTL_OK ? status : (int)st.entries;
        }
    }
    return NULL;
}

/* Several that see one entry too many do not let one go each. */
static void
threads_evict_no_more_than_the_quota_asks(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    char key[16];
    set_policy(f->cache, "e:", "max_entries", "100");
    for (int i = 0; i < KEPT_MAX; i++) {
        (void)snprintf(key, sizeof key, "e:%d", i);
        put(f->cache, key, "v", ATTL_TTL_NONE);
    }
    for (int i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){ .cache = f->cache, .seed = (uint64_t)i, .steps = test_scaled(20000) };
        assert_int_equal(pthread_create(&threads[i], NULL, write_new_keys, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        if (workers[i].wrong)
            fail_msg("thread %d: %d wrong, the last %d", i, workers[i].wrong, workers[i].status);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(attl_size(f->cache), KEPT_MAX);
}

/* ---- memory ---- */

struct failing {
    long calls, live, fail_at;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    if (++f->calls == f->fail_at)
        return NULL;
    void *p = malloc(bytes);
    f->live += p != NULL;
    return p;
}

static void
failing_free(void *ud, void *p)
{
    struct failing *f = ud;
    f->live -= p != NULL;
    free(p);
}

static void
count_prefixes(void *ud, attl_slice prefix)
{
    (void)prefix;
    ++*(int *)ud;
}

static void
without_memory_a_policy_changes_not_at_all(void **state)
{
    (void)state;
    struct failing memory = { 0 };
    attl_allocator alloc = { failing_alloc, failing_free, &memory };
    attl_config *config = attl_config_new();
    attl *cache = NULL;
    attl_config_set_allocator(config, &alloc);
    assert_int_equal(attl_config_set(config, "cache.background", "no", NULL, 0), ATTL_OK);
    assert_int_equal(attl_config_set(config, "cache.max_entries", "0", NULL, 0), ATTL_OK);
    ASSERT_STATUS(attl_open(&cache, config), ATTL_OK);
    put(cache, "s:1", "v", ATTL_TTL_NONE);
    int failures = 0;
    for (long n = 1;; n++) {
        attl_ns_field fields[] = { { attl_s("max_entries"), attl_s("5") },
                                   { attl_s("ttl_max"), attl_s("1h") } };
        int prefixes = 0;
        memory.fail_at = memory.calls + n;
        int status = attl_ns_set(cache, attl_s("s:"), fields, 2, NULL, 0);
        memory.fail_at = 0;
        attl_ns_list(cache, count_prefixes, &prefixes);
        if (status == ATTL_OK)
            break;
        failures++;
        ASSERT_STATUS(status, ATTL_E_NOMEM);
        assert_int_equal(prefixes, 0);
        put(cache, "s:1", "v", ATTL_TTL_NONE);
        expect_ttl(cache, "s:1", ATTL_TTL_NONE);
    }
    assert_true(failures > 0);
    for (int i = 0; i < 600; i++) { /* the queue goes without: what is not in it is found */
        char key[16];
        (void)snprintf(key, sizeof key, "s:%d", i);
        memory.fail_at = memory.calls + 1;
        int status = attl_set(cache, attl_s(key), attl_s("v"), ATTL_TTL_NONE);
        memory.fail_at = 0;
        assert_true(status == ATTL_OK || status == ATTL_E_NOMEM);
    }
    attl_tick(cache, 0, NULL);
    attl_ns_stats st = { .struct_size = sizeof st };
    ASSERT_STATUS(attl_ns_stats_get(cache, attl_s("s:"), &st), ATTL_OK);
    assert_true(st.entries <= 5);
    attl_close(&cache);
    attl_config_free(config);
    assert_int_equal(memory.live, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(sums_are_exact_when_threads_have_gone),
        UNIT_TEST(threads_evict_no_more_than_the_quota_asks),
        cmocka_unit_test(without_memory_a_policy_changes_not_at_all),
    };
    test_announce("quotas", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
