/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large values: their size in pages, where they come from, and when they go. The index' reference
 * ends only after the readers that could have seen the extent have left, a pin keeps it as long as
 * it likes, and the last to let go frees it exactly once, whoever that is.
 */
#include "cache/extent.h"

#include "cache_support.h"
#include "support/check.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PAGE = 4096, MIB = 1 << 20 };

struct barn {
    struct ground ground;
    struct extent_store store;
    struct limbo limbo;
    _Atomic bool stop;
};

static int
barn_setup(void **state)
{
    struct barn *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return -1;
    ground_init(&b->ground);
    extent_store_init(&b->store, &b->ground.extents);
    limbo_init(&b->limbo, NULL);
    *state = b;
    return 0;
}

static int
barn_teardown(void **state)
{
    struct barn *b = *state;
    limbo_fini(&b->limbo);
    bool leaks = atomic_load(&b->store.used_bytes) != 0 || atomic_load(&b->store.mapped_bytes) != 0;
    ground_fini(&b->ground);
    free(b);
    return leaks;
}

static void
sizes_are_whole_pages_with_room_for_the_header(void **state)
{
    (void)state;
    for (uint64_t len = 1; len < 8 * (uint64_t)MIB; len = len * 5 / 4 + 1) {
        uint64_t bytes = extent_bytes(len);
        assert_int_equal(bytes % PAGE, 0);
        assert_true(bytes >= len + sizeof(struct extent));
        assert_true(bytes < len + sizeof(struct extent) + PAGE);
    }
    assert_int_equal(extent_bytes(PAGE - sizeof(struct extent)), PAGE);
    assert_int_equal(extent_bytes(PAGE - sizeof(struct extent) + 1), 2 * PAGE);
    assert_true(extent_bytes(LIMIT_VALUE_BYTES) > LIMIT_VALUE_BYTES);
}

static void
extents_of_all_sizes_hold_their_value(void **state)
{
    struct barn *b = *state;
    static const uint64_t lens[] = {
        8192, 10000, 65536, MIB - 64, MIB - 63, MIB, 3 * MIB, 20 * MIB
    };
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct extent *e = extent_new(&b->store, lens[i]);
        assert_non_null(e);
        bool pooled = extent_bytes(lens[i]) <= MIB;
        assert_int_equal(e->len, lens[i]);
        assert_int_equal(e->bytes, extent_bytes(lens[i]));
        assert_int_equal((uintptr_t)e->data % 64, 0);
        assert_int_equal(atomic_load(&b->store.used_bytes), e->bytes);
        assert_int_equal(atomic_load(&b->store.mapped_bytes), pooled ? 0 : e->bytes);
        assert_int_equal(atomic_load(&b->ground.extents.used_bytes), pooled ? e->bytes : 0);
        memset(e->data, 0x5a, lens[i]);
        assert_int_equal(e->len, lens[i]); /* the value has not overrun its header */
        extent_drop(e);
        assert_int_equal(atomic_load(&b->store.used_bytes), 0);
    }
}

static void
the_last_reference_frees(void **state)
{
    struct barn *b = *state;
    for (uint64_t len = 9000; len < 4 * MIB; len *= 7) {
        struct extent *e = extent_new(&b->store, len);
        assert_non_null(e);
        extent_hold(e);
        extent_hold(e);
        extent_drop(e);
        extent_drop(e);
        assert_int_equal(atomic_load(&b->store.used_bytes), extent_bytes(len));
        extent_drop(e);
        assert_int_equal(atomic_load(&b->store.used_bytes), 0);
    }
}

static void
retiring_waits_for_readers_and_spares_pins(void **state)
{
    struct barn *b = *state;
    struct reclaim_reader *self = reclaim_self();
    struct extent *e = extent_new(&b->store, 2 * MIB);
    assert_non_null(e);
    reclaim_enter(self);
    extent_retire(e, &b->limbo);
    for (int i = 0; i < 5; i++)
        assert_int_equal(limbo_collect(&b->limbo), 0);
    extent_hold(e); /* found just before it was retired */
    reclaim_exit(self);
    assert_int_equal(limbo_collect(&b->limbo), 1);
    memset(e->data, 1, e->len); /* still ours */
    extent_drop(e);
    assert_int_equal(atomic_load(&b->store.used_bytes), 0);
}

/* Copies of an entry share the value: it stays until the last record that refers to it has gone. */
static void
shared_extents_stay_for_their_last_owner(void **state)
{
    struct barn *b = *state;
    struct extent *e = extent_new(&b->store, 2 * MIB);
    assert_non_null(e);
    extent_share(e);
    extent_share(e);
    extent_retire(e, &b->limbo);
    assert_int_equal(limbo_collect(&b->limbo), 0);
    extent_disown(e);
    assert_int_equal(atomic_load(&b->store.used_bytes), extent_bytes(2 * MIB));
    extent_hold(e); /* a pin beside the owners */
    extent_retire(e, &b->limbo);
    assert_int_equal(limbo_collect(&b->limbo), 1);
    memset(e->data, 1, e->len);
    extent_drop(e);
    assert_int_equal(atomic_load(&b->store.used_bytes), 0);
}

static void
only_large_ones_are_urgent(void **state)
{
    struct barn *b = *state;
    struct extent *small = extent_new(&b->store, 9000), *large = extent_new(&b->store, 100000);
    assert_true(small && large);
    extent_retire(small, &b->limbo);
    assert_false(atomic_load(&b->limbo.urgent));
    extent_retire(large, &b->limbo);
    assert_true(atomic_load(&b->limbo.urgent));
    assert_int_equal(limbo_collect(&b->limbo), 2);
    assert_false(atomic_load(&b->limbo.urgent));
}

static void
no_memory_is_no_extent(void **state)
{
    struct barn *b = *state;
    atomic_store(&b->ground.region.commits_until_failure, 0);
    assert_null(extent_new(&b->store, 10000));
    assert_null(extent_new(&b->store, UINT64_C(1) << 50));
    assert_int_equal(atomic_load(&b->store.used_bytes), 0);
    atomic_store(&b->ground.region.commits_until_failure, -1);
}

static void *
collect(void *arg)
{
    struct barn *b = arg;
    while (!atomic_load(&b->stop)) {
        (void)limbo_collect(&b->limbo); /* how many does not matter */
        (void)sched_yield();
    }
    return NULL;
}

/* What is retired may be gone at once: the thread is in no epoch and must not look back. */
static void
retiring_and_releasing_race_harmlessly(void **state)
{
    struct barn *b = *state;
    pthread_t collector;
    assert_int_equal(pthread_create(&collector, NULL, collect, b), 0);
    for (int i = 0; i < 2000; i++) {
        struct extent *e = extent_new(&b->store, i % 2 ? 2 * MIB : 70000);
        CHECK(e != NULL, "no memory");
        extent_retire(e, &b->limbo);
    }
    atomic_store(&b->stop, true);
    assert_int_equal(pthread_join(collector, NULL), 0);
}

struct tug {
    struct extent *extent;
};

static void *
pull(void *arg)
{
    struct tug *t = arg;
    for (int i = 0; i < 20000; i++) {
        extent_hold(t->extent);
        CHECK(t->extent->data[0] == 7, "freed too early");
        extent_drop(t->extent);
    }
    extent_drop(t->extent);
    return NULL;
}

static void
references_of_many_threads_add_up(void **state)
{
    struct barn *b = *state;
    struct tug t = { .extent = extent_new(&b->store, 2 * MIB) };
    pthread_t threads[3];
    assert_non_null(t.extent);
    t.extent->data[0] = 7;
    extent_hold(t.extent);
    extent_hold(t.extent); /* one for each */
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pull, &t), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&b->store.used_bytes), 0);
}

#define BARN_TEST(f) cmocka_unit_test_setup_teardown(f, barn_setup, barn_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_whole_pages_with_room_for_the_header),
        BARN_TEST(extents_of_all_sizes_hold_their_value),
        BARN_TEST(the_last_reference_frees),
        BARN_TEST(retiring_waits_for_readers_and_spares_pins),
        BARN_TEST(shared_extents_stay_for_their_last_owner),
        BARN_TEST(only_large_ones_are_urgent),
        BARN_TEST(no_memory_is_no_extent),
        BARN_TEST(retiring_and_releasing_race_harmlessly),
        BARN_TEST(references_of_many_threads_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
