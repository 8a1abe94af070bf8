/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values handed out without a copy. They stay readable and unchanged whatever happens to the entry
 * and to the cache's memory, until they are released; how much memory they hold back is bounded,
 * and a release gives the room back at once. Releasing twice, or something never filled, does
 * nothing.
 */
#include "support/unit.h"

enum { SIZES = 8 };
static const size_t sizes[SIZES] = { 0, 8, 32, 33, 500, 8191, 8192, 300000 };

struct pinned {
    attl_value value;
    unsigned char *want;
};

static void
pin_all(attl *cache, struct pinned pins[SIZES])
{
    for (size_t i = 0; i < SIZES; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "pin:%zu", i);
        pins[i].want = malloc(sizes[i] + 1);
        assert_non_null(pins[i].want);
        memset(pins[i].want, (int)('A' + i), sizes[i]);
        ASSERT_STATUS(attl_set(cache, attl_s(key), attl_b(pins[i].want, sizes[i]), 60000), ATTL_OK);
        pins[i].value = (attl_value)ATTL_VALUE_INIT;
        ASSERT_STATUS(attl_get_pin(cache, attl_s(key), &pins[i].value), ATTL_OK);
    }
}

static void
still_there(const struct pinned pins[SIZES])
{
    for (size_t i = 0; i < SIZES; i++) {
        assert_int_equal(pins[i].value.data.len, sizes[i]);
        if (sizes[i] > 0) {
            assert_memory_equal(pins[i].value.data.data, pins[i].want, sizes[i]);
        }
    }
}

static void
release_all(attl *cache, struct pinned pins[SIZES])
{
    still_there(pins);
    for (size_t i = 0; i < SIZES; i++) {
        attl_value_release(cache, &pins[i].value);
        attl_value_release(cache, &pins[i].value);
        free(pins[i].want);
    }
    assert_int_equal(sim_stats(cache).mem_pinned, 0);
}

/* Uses and reuses a lot of memory, with the clock going on, so that anything given up is
 * overwritten. */
static void
churn(struct fixture *f)
{
    static const char bytes[3000] = { 'z' };
    for (uint64_t n = 0; n < 20000; n++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%" PRIu64, n % 3000);
        size_t len = n % 50 == 0 ? 3000 : n % 300;
        ASSERT_STATUS(attl_set(f->cache, attl_s(key), attl_b(bytes, len), 1 + (int64_t)(n % 5000)),
                      ATTL_OK);
        if (n % 100 == 0) {
            sim_advance(&f->sim, 97);
            attl_tick(f->cache, 0, NULL);
        }
    }
}

static void
pins_survive_overwriting(void **state)
{
    struct fixture *f = *state;
    struct pinned pins[SIZES];
    pin_all(f->cache, pins);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            char key[16];
            unsigned char *other = malloc(sizes[i] + 1);
            assert_non_null(other);
            memset(other, '!', sizes[i] + 1);
            (void)snprintf(key, sizeof(key), "pin:%zu", i);
            /* The same size would be written in place if nobody held the value. */
            size_t len = sizes[i] + (round % 3 == 2 ? 1 : 0);
            ASSERT_STATUS(attl_set(f->cache, attl_s(key), attl_b(other, len), 60000), ATTL_OK);
            free(other);
        }
    }
    still_there(pins);
    churn(f);
    release_all(f->cache, pins);
}

static void
pins_of_integers_survive_increments(void **state)
{
    struct fixture *f = *state;
    attl_value value = ATTL_VALUE_INIT;
    int64_t sum;
    put(f->cache, "n", "41", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("n"), &value), ATTL_OK);
    for (int i = 0; i < 100; i++) {
        ASSERT_STATUS(attl_incr(f->cache, attl_s("n"), 1, ATTL_TTL_NONE, &sum), ATTL_OK);
    }
    assert_int_equal(sum, 141);
    assert_int_equal(value.data.len, 2);
    assert_memory_equal(value.data.data, "41", 2);
    attl_value_release(f->cache, &value);
}

static void
pins_survive_deletion_and_expiry(void **state)
{
    struct fixture *f = *state;
    struct pinned pins[SIZES];
    pin_all(f->cache, pins);
    for (size_t i = 0; i < SIZES; i += 2) {
        char key[16];
        (void)snprintf(key, sizeof(key), "pin:%zu", i);
        ASSERT_STATUS(attl_del(f->cache, attl_s(key)), ATTL_OK);
    }
    sim_advance(&f->sim, 100000);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(attl_size(f->cache), 0);
    churn(f);
    release_all(f->cache, pins);
}

static void
pins_survive_clearing(void **state)
{
    struct fixture *f = *state;
    struct pinned pins[SIZES];
    pin_all(f->cache, pins);
    attl_clear(f->cache);
    assert_int_equal(attl_size(f->cache), 0);
    churn(f);
    attl_clear(f->cache);
    release_all(f->cache, pins);
}

static void
pins_survive_eviction(void **state)
{
    struct fixture *f = *state;
    struct pinned pins[SIZES];
    pin_all(f->cache, pins);
    sim_option(f->cache, "cache.max_entries", "100");
    attl_tick(f->cache, 0, NULL);
    churn(f);
    assert_true(sim_stats(f->cache).evicted > 0);
    release_all(f->cache, pins);
}

static void
pins_survive_being_moved(void **state)
{
    struct fixture *f = *state;
    struct pinned pins[SIZES];
    pin_all(f->cache, pins);
    for (size_t i = 0; i < SIZES; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "pin:%zu", i);
        ASSERT_STATUS(attl_expire(f->cache, attl_s(key), INT64_C(500000000), 0), ATTL_OK);
    }
    for (int i = 0; i < 200;
         i++) { /* cascades through the wheel, compaction of what else was there */
        sim_advance(&f->sim, 2000000);
        attl_tick(f->cache, 0, NULL);
        put(f->cache, "other", "v", 1000);
    }
    churn(f);
    release_all(f->cache, pins);
}

static void
pinned_memory_is_bounded(void **state)
{
    struct fixture *f = *state;
    enum { PINS = 400, LEN = 1000 };
    static attl_value values[PINS];
    static char bytes[LEN];
    char key[16];
    int held = 0, busy = 0;
    sim_option(f->cache, "cache.max_pinned", "65536");
    for (int i = 0; i < PINS; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        memset(bytes, i, LEN);
        ASSERT_STATUS(attl_set(f->cache, attl_s(key), attl_b(bytes, LEN), ATTL_TTL_NONE), ATTL_OK);
        values[i] = (attl_value)ATTL_VALUE_INIT;
        int status = attl_get_pin(f->cache, attl_s(key), &values[i]);
        assert_true(status == ATTL_OK || status == ATTL_E_BUSY);
        held += status == ATTL_OK;
        busy += status == ATTL_E_BUSY;
        assert_true(sim_stats(f->cache).mem_pinned <= 65536);
    }
    assert_true(held >= 16 && busy > 0);
    /* A refused getdel deletes nothing, and reading with a copy needs no pin. */
    attl_value value = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_getdel(f->cache, attl_s(key), &value), ATTL_E_BUSY);
    size_t len;
    ASSERT_STATUS(attl_get(f->cache, attl_s(key), bytes, LEN, &len), ATTL_OK);
    for (int i = 0; i < PINS; i++) {
        attl_value_release(f->cache, &values[i]);
    }
    assert_int_equal(sim_stats(f->cache).mem_pinned, 0);
    ASSERT_STATUS(attl_getdel(f->cache, attl_s(key), &value), ATTL_OK);
    attl_value_release(f->cache, &value);
}

static void
releasing_nothing_does_nothing(void **state)
{
    struct fixture *f = *state;
    attl_value value = ATTL_VALUE_INIT;
    attl_value_release(f->cache, &value);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("absent"), &value), ATTL_MISS);
    attl_value_release(f->cache, &value);
    attl_value_release(f->cache, &value);
    put(f->cache, "k", "v", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_get_pin(f->cache, attl_s("k"), &value), ATTL_OK);
    attl_value_release(f->cache, &value);
    attl_value_release(f->cache, &value);
    expect(f->cache, "k", "v");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(pins_survive_overwriting),
        UNIT_TEST(pins_of_integers_survive_increments),
        UNIT_TEST(pins_survive_deletion_and_expiry),
        UNIT_TEST(pins_survive_clearing),
        UNIT_TEST(pins_survive_eviction),
        UNIT_TEST(pins_survive_being_moved),
        UNIT_TEST(pinned_memory_is_bounded),
        UNIT_TEST(releasing_nothing_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
