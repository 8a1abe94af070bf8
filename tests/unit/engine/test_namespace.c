/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which policy a key has: by hand for the cases that a search gets wrong (nested prefixes, the
 * empty one, bytes above 127, keys shorter than a prefix), and at random against the plain
 * definition. And the arithmetic of jitter, which must only ever shorten a life.
 */
#include "engine/namespace.h"

#include "base/alloc.h"
#include "support/rng.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static attl_config *
config_of(const char *const *prefixes, size_t n)
{
    attl_config *config = attl_config_new();
    for (size_t i = 0; i < n; i++) {
        char err[OPTION_ERROR_MAX] = "";
        struct namespace_put put = { .prefix = attl_s(prefixes[i]),
                                     .field = NS_FIELDS,
                                     .origin = CONFIG_CODE };
        if (namespace_list_put(config, &put, (struct config_error){ err, sizeof err }) != ATTL_OK)
            fail_msg("%s", err);
    }
    return config;
}

static struct namespace_set *
set_of(const char *const *prefixes, size_t n)
{
    struct namespace_set *set = NULL;
    attl_allocator alloc = alloc_default();
    attl_config *config = config_of(prefixes, n);
    assert_int_equal(namespace_set_new(&alloc, &config->namespaces, &set), ATTL_OK);
    attl_config_free(config);
    return set;
}

static void
assert_match(const struct namespace_set *set, const char *key, const char *want)
{
    const struct namespace *ns = namespace_match(set, attl_s(key));
    if (!want) {
        assert_null(ns);
        return;
    }
    assert_non_null(ns);
    assert_int_equal(ns->prefix.len, strlen(want));
    assert_memory_equal(ns->prefix.data, want, ns->prefix.len);
}

static void
test_longest_prefix_wins(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "user:", "a", "session:", "session:admin:", "sess", "ab", "session:admin:root:x", "\xc3\xa9"
    };
    struct namespace_set *set = set_of(prefixes, sizeof prefixes / sizeof prefixes[0]);
    assert_match(set, "session:1", "session:");
    assert_match(set, "session:admin", "session:");
    assert_match(set, "session:admin:", "session:admin:");
    assert_match(set, "session:admin:root:", "session:admin:");
    assert_match(set, "session:admin:root:x1", "session:admin:root:x");
    assert_match(set, "session:admin:root:y", "session:admin:");
    assert_match(set, "session", "sess");
    assert_match(set, "ses", NULL);
    assert_match(set, "abc", "ab");
    assert_match(set, "aa", "a");
    assert_match(set, "b", NULL);
    assert_match(set, "", NULL);
    assert_match(set, "\xc3\xa9!", "\xc3\xa9");
    assert_match(set, "\xff", NULL);
    namespace_set_free(set);
}

static void
test_the_empty_prefix_takes_what_nobody_else_has(void **state)
{
    (void)state;
    static const char *const prefixes[] = { "", "x:", "x:y:" };
    struct namespace_set *set = set_of(prefixes, 3);
    assert_match(set, "", "");
    assert_match(set, "a", "");
    assert_match(set, "x", "");
    assert_match(set, "x:", "x:");
    assert_match(set, "x:z", "x:");
    assert_match(set, "x:y:1", "x:y:");
    assert_match(set, "z", "");
    namespace_set_free(set);
}

static void
test_no_namespace_is_no_set(void **state)
{
    (void)state;
    assert_null(set_of(NULL, 0));
    static const char *const prefixes[] = { "gone:" };
    attl_allocator alloc = alloc_default();
    attl_config *config = config_of(prefixes, 1);
    assert_int_equal(attl_config_set(config, "namespace.gone:.enabled", "no", NULL, 0), ATTL_OK);
    struct namespace_set *set = (struct namespace_set *)(void *)config; /* must be overwritten */
    assert_int_equal(namespace_set_new(&alloc, &config->namespaces, &set), ATTL_OK);
    assert_null(set);
    attl_config_free(config);
}

/* Few letters, so that prefixes nest and collide. */
static size_t
random_word(struct rng *rng, char *to, size_t max)
{
    static const char letters[] = { 'a', 'b', 'c', '\x7e' };
    size_t len = rng_below(rng, max + 1);
    for (size_t i = 0; i < len; i++)
        to[i] = letters[rng_below(rng, rng_one_in(rng, 4) ? 4 : 2)];
    to[len] = '\0';
    return len;
}

static const struct namespace *
naive_match(const struct namespace_set *set, attl_slice key)
{
    const struct namespace *best = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct namespace *ns = &set->items[i];
        if (ns->prefix.len <= key.len &&
            (ns->prefix.len == 0 || memcmp(ns->prefix.data, key.data, ns->prefix.len) == 0) &&
            (!best || ns->prefix.len > best->prefix.len))
            best = ns;
    }
    return best;
}

static void
test_random_prefixes_match_as_defined(void **state)
{
    (void)state;
    struct rng rng = rng_from_seed(test_seed());
    uint64_t rounds = test_scaled(300);
    for (uint64_t round = 0; round < rounds; round++) {
        enum { WORDS = 60, WORD_MAX = 24 };
        char words[WORDS][WORD_MAX + 1];
        const char *prefixes[WORDS];
        size_t n = 1 + rng_below(&rng, WORDS - 1), longest = 1 + rng_below(&rng, WORD_MAX);
        for (size_t i = 0; i < n; i++) {
            (void)random_word(&rng, words[i], longest);
            prefixes[i] = words[i];
        }
        struct namespace_set *set = set_of(prefixes, n);
        for (int i = 0; i < 300; i++) {
            char key[WORD_MAX + 8];
            size_t len = random_word(&rng, key, sizeof key - 1);
            const struct namespace *want = naive_match(set, attl_b(key, len));
            if (namespace_match(set, attl_b(key, len)) != want)
                fail_msg("key %s has another policy than %s", key,
                         want ? (const char *)want->prefix.data : "none");
        }
        namespace_set_free(set);
    }
}

static void
test_jitter_only_shortens_and_by_no_more_than_allowed(void **state)
{
    (void)state;
    struct rng rng = rng_from_seed(test_seed());
    for (int i = 0; i < 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        unsigned percent = (unsigned)rng_range(&rng, 1, 90);
        int64_t life_ms = (int64_t)(rng_u64(&rng) >> rng_range(&rng, 18, 62)) + 1;
        int64_t deadline_ms = SIM_START_MS + life_ms;
        int64_t cut_ms = namespace_jitter_ms(attl_s(key), deadline_ms, life_ms, percent);
        assert_in_range(cut_ms, 0, life_ms / 100 * percent + percent);
        assert_true(cut_ms < life_ms);
        assert_int_equal(cut_ms, namespace_jitter_ms(attl_s(key), deadline_ms, life_ms, percent));
    }
}

static void
test_jitter_spreads_evenly(void **state)
{
    (void)state;
    unsigned tenths[10] = { 0 };
    for (int i = 0; i < 10000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key:%d", i);
        int64_t cut_ms = namespace_jitter_ms(attl_s(key), SIM_START_MS + 100000, 100000, 10);
        assert_in_range(cut_ms, 0, 9999);
        tenths[cut_ms / 1000]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 850, 1150);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix_wins),
        cmocka_unit_test(test_the_empty_prefix_takes_what_nobody_else_has),
        cmocka_unit_test(test_no_namespace_is_no_set),
        cmocka_unit_test(test_random_prefixes_match_as_defined),
        cmocka_unit_test(test_jitter_only_shortens_and_by_no_more_than_allowed),
        cmocka_unit_test(test_jitter_spreads_evenly),
    };
    test_announce("namespace", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
