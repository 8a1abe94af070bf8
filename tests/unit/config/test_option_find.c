/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding options by name, and guessing what a wrong name meant. A guess must be right for the
 * slips people make (a missing, doubled, swapped or wrong letter, a forgotten section) and absent
 * for words that have nothing to do with us.
 */
#include "config_support.h"

static void
names_fit_in_any_case(void **state)
{
    (void)state;
    const struct option *option = option_at(OPT_CACHE_MAX_MEMORY);
    assert_ptr_equal(option_find(attl_s("cache.max_memory")), option);
    assert_ptr_equal(option_find(attl_s("Cache.Max_Memory")), option);
    assert_ptr_equal(option_find(attl_s("MAXMEMORY")), option);
    assert_ptr_equal(option_find(attl_s("cache_max_memory_mb")), option);
    assert_null(option_find(attl_s("cache.max_memory ")));
    assert_null(option_find(attl_s("cache.max_memor")));
    assert_null(option_find(attl_b(NULL, 0)));
    assert_null(option_find(attl_b("port\0", 5)));
}

static void
a_slip_finds_the_nearest_name(void **state)
{
    (void)state;
    static const struct {
        const char *wrong, *meant;
    } slips[] = {
        { "cache.max_memry", "cache.max_memory" },
        { "cache.max_memorry", "cache.max_memory" },
        { "cache.max_mmeory", "cache.max_memory" },
        { "cache.max_nemory", "cache.max_memory" },
        { "max_memory", "cache.max_memory" },
        { "maxmemry", "maxmemory" },
        { "server.prot", "server.port" },
        { "MAXMEMORY-POLICI", "maxmemory-policy" },
        { "shard_balance_intervall", "SHARD_BALANCE_INTERVAL" },
        { "server.request_pass", "server.requirepass" },
    };
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        const char *nearest = option_nearest(attl_s(slips[i].wrong));
        if (!nearest || strcmp(nearest, slips[i].meant) != 0)
            fail_msg("%s: %s instead of %s", slips[i].wrong, nearest ? nearest : "nothing",
                     slips[i].meant);
    }
}

static void
an_unrelated_word_finds_nothing(void **state)
{
    (void)state;
    char longer[OPTION_NAME_MAX + 2];
    memset(longer, 'x', sizeof longer);
    assert_null(option_nearest(attl_s("replica-serve-stale-data")));
    assert_null(option_nearest(attl_s("zzzzzzzzzz")));
    assert_null(option_nearest(attl_s("")));
    assert_null(option_nearest(attl_b(longer, sizeof longer)));
}

static void
listing_has_every_option_and_redis_alias_once(void **state)
{
    (void)state;
    const char *name = NULL;
    size_t options = 0, total = 0, redis = 0;
    bool maxmemory = false, classic = false;
    for (; option_name_at(total, &name); total++) {
        options += strchr(name, '.') != NULL;
        maxmemory |= strcmp(name, "maxmemory") == 0;
        classic |= strcmp(name, "CACHE_MAX_ENTRIES") == 0 || strcmp(name, "fsync") == 0;
    }
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        for (size_t i = 0; i < OPTION_ALIASES_MAX; i++) {
            const struct option_alias *alias = &option_at((enum option_id)id)->aliases[i];
            redis += alias->name && alias->kind == ALIAS_REDIS;
        }
    assert_int_equal(options, OPTION_COUNT);
    assert_int_equal(total, options + redis);
    assert_true(maxmemory);
    assert_false(classic);
    assert_false(option_name_at(SIZE_MAX, &name));
}

static void
sections_are_known_by_their_exact_name(void **state)
{
    (void)state;
    assert_true(option_has_section(attl_s("cache")));
    assert_true(option_has_section(attl_s("redis")));
    assert_false(option_has_section(attl_s("cach")));
    assert_false(option_has_section(attl_s("cache.")));
    assert_false(option_has_section(attl_s("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit_in_any_case),
        cmocka_unit_test(a_slip_finds_the_nearest_name),
        cmocka_unit_test(an_unrelated_word_finds_nothing),
        cmocka_unit_test(listing_has_every_option_and_redis_alias_once),
        cmocka_unit_test(sections_are_known_by_their_exact_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
