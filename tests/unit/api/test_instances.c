/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing: the defaults of a cache opened without a configuration, many caches side by
 * side that know nothing of each other, the hooks, options by name, and structs that are smaller or
 * larger than the library's. An allocator that counts shows that closing leaves nothing behind.
 */
#include "support/unit.h"

#include <pthread.h>

static void
a_cache_without_configuration_has_the_documented_defaults(void **state)
{
    (void)state;
    attl *cache = NULL;
    ASSERT_STATUS(attl_open(&cache, NULL), ATTL_OK);
    attl_stats s = sim_stats(cache);
    assert_int_equal(s.max_entries, 100000);
    assert_true(s.max_memory == 100 << 20 || s.max_memory == 100000000);
    assert_true(s.shards >= 1 && s.shards <= 16); /* as many as its limits are worth */
    put(cache, "k", "v", ATTL_TTL_DEFAULT);
    int64_t ttl_ms;
    ASSERT_STATUS(attl_ttl(cache, attl_s("k"), &ttl_ms), ATTL_OK);
    assert_true(ttl_ms > 50000 && ttl_ms <= 60000);
    attl_close(&cache);
    assert_null(cache);
    attl_close(&cache); /* NULL is allowed */
    attl_close(NULL);
}

static void
caches_know_nothing_of_each_other(void **state)
{
    (void)state;
    enum { CACHES = 24 };
    struct sim sims[CACHES];
    attl *caches[CACHES];
    char text[32];
    static const struct sim_option options[] = {
        { "cache.max_memory", "16MiB" },
        { "cache.num_shards", "2" },
        { NULL, NULL },
    };
    for (int i = 0; i < CACHES; i++) {
        sim_init(&sims[i]);
        caches[i] = sim_open(&sims[i], options);
    }
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < CACHES; i++) {
            (void)snprintf(text, sizeof(text), "value of %d", i);
            put(caches[i], "shared name", text, 1000 + i);
            (void)snprintf(text, sizeof(text), "own:%d:%d", i, round);
            put(caches[i], text, text, ATTL_TTL_NONE);
        }
    }
    sim_advance(&sims[3], 2000);
    attl_clear(caches[4]);
    for (int i = 0; i < CACHES; i++) {
        (void)snprintf(text, sizeof(text), "value of %d", i);
        expect(caches[i], "shared name", i == 3 || i == 4 ? NULL : text);
        (void)snprintf(text, sizeof(text), "own:%d:7", (i + 1) % CACHES);
        expect(caches[i], text, NULL);
        if (i % 2 == 0) {
            sim_close(&caches[i]); /* the others go on */
        }
    }
    for (int i = 1; i < CACHES; i += 2) {
        put(caches[i], "after", "v", 5);
        sim_close(&caches[i]);
    }
}

static void
caches_can_be_opened_and_closed_many_times(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        attl *cache = NULL;
        ASSERT_STATUS(attl_open(&cache, NULL), ATTL_OK);
        put(cache, "k", "v", 60000);
        expect(cache, "k", "v");
        attl_close(&cache);
    }
}

static void
a_configuration_can_go_before_its_cache(void **state)
{
    (void)state;
    attl_config *config = attl_config_new();
    attl *one = NULL, *two = NULL;
    char text[64], err[200] = "";
    assert_non_null(config);
    ASSERT_STATUS(attl_config_set(config, "cache.max_entries", "50", err, sizeof(err)), ATTL_OK);
    ASSERT_STATUS(attl_open(&one, config), ATTL_OK);
    ASSERT_STATUS(attl_config_set(config, "cache.max_entries", "60", err, sizeof(err)), ATTL_OK);
    ASSERT_STATUS(attl_open(&two, config), ATTL_OK);
    attl_config_free(config);
    attl_config_free(NULL);
    ASSERT_STATUS(attl_option_get(one, "cache.max_entries", text, sizeof(text)), ATTL_OK);
    assert_string_equal(text, "50");
    ASSERT_STATUS(attl_option_get(two, "max_entries", text, sizeof(text)), ATTL_OK);
    assert_string_equal(text, "60");
    attl_close(&one);
    attl_close(&two);
}

static void
options_of_an_open_cache_say_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    char err[200] = "", text[8];
    ASSERT_STATUS(attl_option_set(f->cache, "cache.max_entires", "5", err, sizeof(err)),
                  ATTL_E_CONFIG);
    assert_non_null(strstr(err, "max_entries")); /* the nearest name */
    ASSERT_STATUS(attl_option_set(f->cache, "cache.max_entries", "many", err, sizeof(err)),
                  ATTL_E_CONFIG);
    ASSERT_STATUS(attl_option_set(f->cache, "cache.max_entries", "-1", NULL, 0), ATTL_E_CONFIG);
    ASSERT_STATUS(attl_option_set(f->cache, "cache.partitions", "64", err, sizeof(err)),
                  ATTL_E_IMMUTABLE);
    ASSERT_STATUS(attl_option_set(f->cache, "cache.background", "yes", err, sizeof(err)),
                  ATTL_E_IMMUTABLE);
    ASSERT_STATUS(attl_option_get(f->cache, "nothing.like_it", text, sizeof(text)), ATTL_E_CONFIG);
    ASSERT_STATUS(attl_option_get(f->cache, "validation.mode", text, 3), ATTL_E_BUFFER);
    /* A message is cut to its buffer, with its NUL. */
    char tiny[4] = "zzz";
    ASSERT_STATUS(attl_option_set(f->cache, "cache.max_entries", "many", tiny, sizeof(tiny)),
                  ATTL_E_CONFIG);
    assert_true(strlen(tiny) < sizeof(tiny));
    assert_int_equal(sim_stats(f->cache).max_entries, 0);
}

static void
output_structs_are_filled_up_to_their_size(void **state)
{
    struct fixture *f = *state;
    union {
        attl_stats stats;
        attl_meta meta;
        unsigned char bytes[sizeof(attl_stats) + 64];
    } u;
    put(f->cache, "k", "v", 5000);
    memset(&u, 0xee, sizeof(u));
    u.stats.struct_size = offsetof(attl_stats, mem_used);
    attl_stats_get(f->cache, &u.stats);
    assert_int_equal(u.stats.items, 1);
    assert_int_equal(u.bytes[offsetof(attl_stats, mem_used)], 0xee);
    memset(&u, 0xee, sizeof(u));
    u.stats.struct_size = sizeof(u); /* a newer caller */
    attl_stats_get(f->cache, &u.stats);
    assert_int_equal(u.stats.items, 1);
    assert_int_equal(u.stats.items_ttl, 1);
    memset(&u, 0xee, sizeof(u));
    u.meta.struct_size = offsetof(attl_meta, memory_bytes);
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("k"), &u.meta), ATTL_OK);
    assert_int_equal(u.meta.value_bytes, 1);
    assert_int_equal(u.bytes[offsetof(attl_meta, memory_bytes)], 0xee);
}

/* ---- hooks --------------------------------------------------------------------------------- */

struct counting {
    pthread_mutex_t lock;
    int64_t live, total;
};

static void *
counting_alloc(void *ud, size_t bytes)
{
    struct counting *c = ud;
    (void)pthread_mutex_lock(&c->lock);
    c->live++;
    c->total++;
    (void)pthread_mutex_unlock(&c->lock);
    return malloc(bytes);
}

static void
counting_free(void *ud, void *ptr)
{
    struct counting *c = ud;
    (void)pthread_mutex_lock(&c->lock);
    c->live -= ptr != NULL;
    (void)pthread_mutex_unlock(&c->lock);
    free(ptr);
}

static void
closing_gives_every_allocation_back(void **state)
{
    (void)state;
    struct counting c = { .live = 0, .total = 0 };
    const attl_allocator allocator = { counting_alloc, counting_free, &c };
    assert_int_equal(pthread_mutex_init(&c.lock, NULL), 0);
    for (int background = 0; background < 2; background++) {
        const struct sim_option options[] = {
            { "cache.background", background ? "yes" : "no" },
            { "cache.max_entries", "3000" },
            { NULL, NULL },
        };
        attl *cache = NULL;
        attl_config *config = sim_config(options);
        attl_config_set_allocator(config, &allocator);
        ASSERT_STATUS(attl_open(&cache, config), ATTL_OK);
        attl_config_free(config);
        char *large = calloc(1, 50000);
        assert_non_null(large);
        for (int i = 0; i < 20000; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "%d", i);
            ASSERT_STATUS(
                attl_set(cache, attl_s(key), attl_b(large, i % 500 == 0 ? 50000 : 50), 1 + i),
                ATTL_OK);
        }
        free(large);
        assert_true(c.total > 0);
        attl_close(&cache);
        assert_int_equal(c.live, 0);
    }
    assert_int_equal(pthread_mutex_destroy(&c.lock), 0);
}

static void
note_log(void *ud, int level, const char *event, const char *text)
{
    _Atomic int *bad = ud;
    if (level < 0 || level > 3 || event == NULL || text == NULL || strchr(text, '\n') != NULL) {
        (*bad)++;
    }
}

static void
log_lines_are_single_sentences(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.max_entries", "100" }, { NULL, NULL } };
    static _Atomic int bad;
    attl *cache = NULL;
    attl_config *config = sim_config(options);
    attl_config_set_log(config, note_log, &bad);
    ASSERT_STATUS(attl_open(&cache, config), ATTL_OK);
    attl_config_free(config);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        put(cache, key, "v", 1);
    }
    attl_close(&cache);
    assert_int_equal(bad, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cache_without_configuration_has_the_documented_defaults),
        cmocka_unit_test(caches_know_nothing_of_each_other),
        cmocka_unit_test(caches_can_be_opened_and_closed_many_times),
        cmocka_unit_test(a_configuration_can_go_before_its_cache),
        UNIT_TEST(options_of_an_open_cache_say_what_is_wrong),
        UNIT_TEST(output_structs_are_filled_up_to_their_size),
        cmocka_unit_test(closing_gives_every_allocation_back),
        cmocka_unit_test(log_lines_are_single_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
