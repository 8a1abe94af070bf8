/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sketch of hot keys: who gets in, how wrong a count may be, and that everything fades. Time is
 * an argument. Random streams print their seed.
 */
#include "engine/hot.h"

#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_NS INT64_C(1000000000)

static int
open_sketch(void **state)
{
    attl_allocator alloc = alloc_default();
    struct hot_keys *h = hot_new(&alloc);
    assert_non_null(h);
    atomic_store(&h->enabled, true);
    *state = h;
    return 0;
}

static int
close_sketch(void **state)
{
    attl_allocator alloc = alloc_default();
    hot_free(&alloc, *state);
    return 0;
}

static void
enter(struct hot_keys *h, unsigned kind, uint64_t key, int64_t now_ns)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "key:%llu", (unsigned long long)key);
    hot_enter(h, kind, attl_s(text), rng_mix(key), 3, now_ns);
}

static const struct hot_entry *
find(const struct hot_keys *h, uint64_t key)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->hashes[i] == rng_mix(key))
            return &h->entries[i];
    return NULL;
}

static void
reads_and_writes_are_counted_apart(void **state)
{
    struct hot_keys *h = *state;
    for (int i = 0; i < 10; i++)
        enter(h, 0, 1, SECOND_NS);
    for (int i = 0; i < 3; i++)
        enter(h, 1, 1, SECOND_NS);
    const struct hot_entry *e = find(h, 1);
    assert_non_null(e);
    assert_true(e->seen[0] == 10 && e->seen[1] == 3 && e->inherited == 0);
    assert_memory_equal(e->key, "key:1", 5);
    assert_int_equal(e->key_len, 5);
    assert_true(h->total == 13 && h->shard_total[3] == 13);
}

static void
a_busy_key_among_many_is_found_within_its_error(void **state)
{
    struct hot_keys *h = *state;
    struct rng r = rng_from_seed(test_seed());
    int busy = 0, ops = 100000;
    for (int i = 0; i < ops; i++) {
        bool hot = rng_one_in(&r, 20); /* 5 %, above 1/64 */
        busy += hot;
        enter(h, 0, hot ? 7 : 100 + rng_below(&r, 50000), SECOND_NS);
    }
    const struct hot_entry *e = find(h, 7);
    assert_non_null(e);
    assert_true(e->seen[0] <= busy && e->seen[0] + e->inherited >= busy);
    assert_true(e->inherited <= (float)ops / LIMIT_HOT_KEYS);
    assert_int_equal(h->count, LIMIT_HOT_KEYS);
}

static void
what_is_no_longer_used_fades_and_is_forgotten(void **state)
{
    struct hot_keys *h = *state;
    for (int i = 0; i < 100; i++)
        enter(h, 0, 1, SECOND_NS);
    lock_acquire(&h->lock);
    double seconds = hot_fade(h, 11 * SECOND_NS);
    lock_release(&h->lock);
    assert_true(seconds > 6 && seconds < 6.5); /* 10 s * (1 - 1/e) */
    assert_true(find(h, 1)->seen[0] > 36 && find(h, 1)->seen[0] < 37.5f);
    enter(h, 0, 2, 200 * SECOND_NS);
    assert_null(find(h, 1));
    assert_non_null(find(h, 2));
}

static void
a_long_key_is_cut_and_an_empty_one_is_a_key(void **state)
{
    struct hot_keys *h = *state;
    char text[1000];
    memset(text, 'x', sizeof(text));
    hot_enter(h, 1, attl_b(text, sizeof(text)), 1, 0, 1);
    hot_enter(h, 1, attl_b("", 0), 2, 0, 1);
    assert_int_equal(h->entries[0].key_len, 1000);
    assert_memory_equal(h->entries[0].key, text, LIMIT_HOT_KEY_BYTES);
    assert_int_equal(h->entries[1].key_len, 0);
}

static void
switched_off_or_busy_nothing_is_entered(void **state)
{
    struct hot_keys *h = *state;
    lock_acquire(&h->lock);
    enter(h, 0, 1, SECOND_NS);
    lock_release(&h->lock);
    assert_int_equal(h->count, 0);
    atomic_store(&h->enabled, false);
    enter(h, 0, 1, SECOND_NS);
    assert_int_equal(h->count, 0);
    atomic_store(&h->enabled, true);
    enter(h, 0, 1, SECOND_NS);
    assert_int_equal(h->count, 1);
    hot_reset(h);
    assert_int_equal(h->count, 0);
    assert_true(h->total == 0 && h->begun_ns == 0);
}

#define SKETCH_TEST(f) cmocka_unit_test_setup_teardown(f, open_sketch, close_sketch)

int
main(void)
{
    test_announce("hot", test_seed());
    const struct CMUnitTest tests[] = {
        SKETCH_TEST(reads_and_writes_are_counted_apart),
        SKETCH_TEST(a_busy_key_among_many_is_found_within_its_error),
        SKETCH_TEST(what_is_no_longer_used_fades_and_is_forgotten),
        SKETCH_TEST(a_long_key_is_cut_and_an_empty_one_is_a_key),
        SKETCH_TEST(switched_off_or_busy_nothing_is_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
