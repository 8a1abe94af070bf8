/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition's table grows and shrinks without losing an entry, a frequency or a reader: the old
 * table stays readable until its readers have left. When there is no memory for a larger one, the
 * insertion fails and nothing else has changed; when there is none for a smaller one, the large one
 * stays.
 */
#include "cache/partition.h"

#include "cache/lookup.h"
#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    KEYS = 200000,
    GROWN = 8000,
    RECORD_BYTES = 16,
    PER_ARENA = LIMIT_ARENA_BYTES / RECORD_BYTES
};

/* A partition by itself, and records for it: record i has the key i. */
struct plot {
    struct ground ground;
    struct limbo limbo;
    struct hash_key hash;
    _Atomic uint64_t rebuilds;
    struct partition partition;
    struct partition_env env;
    char *arenas[KEYS / PER_ARENA + 1];
};

static struct record *
record_number(const struct plot *p, uint64_t i)
{
    return (struct record *)(void *)(p->arenas[i / PER_ARENA] + i % PER_ARENA * RECORD_BYTES);
}

static uint64_t
hash_number(const struct plot *p, uint64_t i)
{
    return hash_bytes(&p->hash, attl_b(&i, sizeof(i)));
}

static int
plot_setup(void **state)
{
    struct plot *p;
    if (posix_memalign((void **)&p, 64, sizeof(*p)) != 0)
        return -1;
    memset(p, 0, sizeof(*p));
    ground_init(&p->ground);
    limbo_init(&p->limbo, NULL);
    p->hash.use_siphash = true;
    p->env = (struct partition_env){ .region = &p->ground.region,
                                     .tables = &p->ground.tables,
                                     .limbo = &p->limbo,
                                     .hash = &p->hash,
                                     .rebuilds = &p->rebuilds };
    lock_init(&p->partition.lock);
    for (uint64_t i = 0; i < KEYS; i++) {
        if (i % PER_ARENA == 0)
            p->arenas[i / PER_ARENA] = arena_pool_alloc(&p->ground.chunks, LIMIT_ARENA_BYTES);
        struct record_spec spec = { .key = attl_b(&i, sizeof(i)), .deadline_ms = ATTL_NO_DEADLINE };
        record_write(record_number(p, i), &spec, START_MS);
    }
    lock_acquire(&p->partition.lock);
    *state = p;
    return 0;
}

static int
plot_teardown(void **state)
{
    struct plot *p = *state;
    p->partition.items = 0;
    partition_shrink(&p->partition, &p->env, true);
    lock_release(&p->partition.lock);
    limbo_fini(&p->limbo);
    for (size_t i = 0; i < sizeof(p->arenas) / sizeof(p->arenas[0]); i++)
        if (p->arenas[i])
            arena_pool_free(&p->ground.chunks, p->arenas[i], LIMIT_ARENA_BYTES);
    ground_fini(&p->ground);
    free(p);
    return 0;
}

static int
add(struct plot *p, uint64_t i)
{
    uint64_t address = region_address(&p->ground.region, record_number(p, i));
    int status = partition_insert(&p->partition, &p->env, hash_number(p, i), address);
    p->partition.items += status == ATTL_OK;
    return status;
}

static bool
find(struct plot *p, uint64_t i, struct index_pos *ret_pos)
{
    struct table *t = partition_table(&p->partition);
    struct index_key k = { attl_b(&i, sizeof(i)), hash_number(p, i) };
    return t && index_find(t, &p->ground.region, &k, ret_pos) &&
           index_address(*ret_pos) == region_address(&p->ground.region, record_number(p, i));
}

static void
drop(struct plot *p, uint64_t i)
{
    struct index_pos pos;
    assert_true(find(p, i, &pos));
    index_remove(pos);
    p->partition.items--;
}

/* Exactly the keys first..last-1 are there, with the frequency i % 4 if they were given one. */
static void
check_keys(struct plot *p, uint64_t first, uint64_t last, bool with_freq)
{
    struct table *t = partition_table(&p->partition);
    uint64_t entries = 0;
    for (uint64_t i = first; i < last; i++) {
        struct index_pos pos;
        assert_true(find(p, i, &pos));
        if (with_freq)
            assert_int_equal(index_freq(pos), i % 4);
    }
    for (uint32_t i = 0; t && i < (t->home_count + 1 + t->stash_count) * BUCKET_SLOTS; i++)
        entries += index_address(
                       (struct index_pos){ &t->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS }) != 0;
    assert_int_equal(entries, last - first);
}

static void
set_freq(struct plot *p, uint64_t i)
{
    struct index_pos pos;
    assert_true(find(p, i, &pos));
    index_set_freq(pos, i % 4);
}

static void
an_empty_partition_has_no_table(void **state)
{
    struct plot *p = *state;
    assert_null(partition_table(&p->partition));
    partition_shrink(&p->partition, &p->env, true);
    assert_int_equal(add(p, 0), ATTL_OK);
    assert_int_equal(partition_table(&p->partition)->bytes, TABLE_GRANULE_BYTES);
    assert_int_equal(atomic_load(&p->rebuilds), 0); /* a first table is no rebuild */
}

static void
growth_keeps_every_entry_and_its_frequency(void **state)
{
    struct plot *p = *state;
    uint32_t bytes = 0;
    uint64_t grown = 0;
    for (uint64_t i = 0; i < GROWN; i++) {
        assert_int_equal(add(p, i), ATTL_OK);
        set_freq(p, i);
        if (partition_table(&p->partition)->bytes == bytes)
            continue;
        assert_true(partition_table(&p->partition)->bytes > bytes);
        bytes = partition_table(&p->partition)->bytes;
        grown++;
        check_keys(p, 0, i + 1, true);
    }
    check_keys(p, 0, GROWN, true);
    assert_int_equal(atomic_load(&p->rebuilds), grown - 1);
    double fill = GROWN / (bytes / 64 * 9.0);
    print_message("%u entries in %u bytes: %.1f %% full, %.2f bytes each\n", (unsigned)GROWN, bytes,
                  fill * 100, (double)bytes / GROWN);
    assert_true(fill > 0.65);       /* a sixth below the fill at which it grows */
    (void)limbo_collect(&p->limbo); /* the old tables */
    assert_int_equal(atomic_load(&p->ground.tables.used_bytes), bytes);
}

static void
shrinking_keeps_what_is_left(void **state)
{
    struct plot *p = *state;
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(add(p, i), ATTL_OK);
        set_freq(p, i);
    }
    uint32_t last = partition_table(&p->partition)->bytes;
    uint64_t rebuilds = atomic_load(&p->rebuilds);
    for (uint64_t i = 0; i < 5000; i++) {
        drop(p, i);
        partition_shrink(&p->partition, &p->env, false);
        uint32_t bytes = partition_table(&p->partition)->bytes;
        if (bytes != last)
            check_keys(p, i + 1, 5000, true);
        assert_true(bytes <= last);
        assert_true(p->partition.items * 100 >= (uint64_t)bytes / 64 * 9 * 15 || bytes <= 2048);
        last = bytes;
    }
    assert_in_range(atomic_load(&p->rebuilds) - rebuilds, 3,
                    10); /* not for each few entries less */
    assert_int_equal(last,
                     TABLE_GRANULE_BYTES); /* deleting and setting one key does not allocate */
    partition_shrink(&p->partition, &p->env, true);
    assert_null(partition_table(&p->partition));
    (void)limbo_collect(&p->limbo);
    assert_int_equal(atomic_load(&p->ground.tables.used_bytes), 0);
}

static void
a_table_does_not_swing_between_two_sizes(void **state)
{
    struct plot *p = *state;
    for (uint64_t i = 0; i < 3000; i++)
        assert_int_equal(add(p, i), ATTL_OK);
    for (uint64_t i = 0; i < 2500; i++) {
        drop(p, i);
        partition_shrink(&p->partition, &p->env, false);
    }
    uint64_t rebuilds = atomic_load(&p->rebuilds);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(add(p, 0), ATTL_OK);
        drop(p, 0);
        partition_shrink(&p->partition, &p->env, false);
    }
    assert_in_range(atomic_load(&p->rebuilds) - rebuilds, 0, 1);
}

/* Lets every allocation of a table fail. */
static unsigned
exhaust(struct plot *p, void *taken[8192])
{
    unsigned n = 0;
    atomic_store(&p->ground.region.commits_until_failure, 0);
    while (n < 8192 &&
           (taken[n] = arena_pool_alloc(&p->ground.tables, TABLE_GRANULE_BYTES)) != NULL)
        n++;
    assert_in_range(n, 1, 8191);
    return n;
}

static void
replenish(struct plot *p, void *const *taken, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        arena_pool_free(&p->ground.tables, taken[i], TABLE_GRANULE_BYTES);
    atomic_store(&p->ground.region.commits_until_failure, -1);
}

static void
without_memory_an_insertion_fails_and_changes_nothing(void **state)
{
    struct plot *p = *state;
    static void *taken[8192];
    uint64_t there = 0;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned n = 0; n < 100 + round * 50; n++, there++) {
            assert_int_equal(add(p, there), ATTL_OK);
            set_freq(p, there);
        }
        unsigned n = exhaust(p, taken);
        int status;
        while ((status = add(p, there)) == ATTL_OK)
            set_freq(p, there++);
        assert_int_equal(status, ATTL_E_NOMEM);
        struct table *t = partition_table(&p->partition);
        assert_int_equal(add(p, there), ATTL_E_NOMEM); /* again and again */
        assert_ptr_equal(partition_table(&p->partition), t);
        check_keys(p, 0, there, true);
        replenish(p, taken, n);
        assert_int_equal(add(p, there), ATTL_OK);
        set_freq(p, there++);
        (void)limbo_collect(&p->limbo); /* old tables */
    }
    check_keys(p, 0, there, true);
}

static void
without_memory_the_large_table_stays(void **state)
{
    struct plot *p = *state;
    static void *taken[8192];
    for (uint64_t i = 0; i < 3000; i++)
        assert_int_equal(add(p, i), ATTL_OK);
    (void)limbo_collect(&p->limbo); /* old tables */
    for (uint64_t i = 0; i < 2950; i++)
        drop(p, i);
    unsigned n = exhaust(p, taken);
    struct table *t = partition_table(&p->partition);
    partition_shrink(&p->partition, &p->env, false);
    assert_ptr_equal(partition_table(&p->partition), t);
    check_keys(p, 2950, 3000, false);
    replenish(p, taken, n);
    partition_shrink(&p->partition, &p->env, false);
    assert_true(partition_table(&p->partition)->bytes < t->bytes);
    check_keys(p, 2950, 3000, false);
}

static void
the_largest_table_can_be_filled_and_then_refuses(void **state)
{
    struct plot *p = *state;
    uint64_t there = 0;
    while (there < KEYS && add(p, there) == ATTL_OK)
        there++;
    print_message("%u entries in the largest table\n", (unsigned)there);
    assert_in_range(there, 100000, KEYS - 1);
    assert_int_equal(partition_table(&p->partition)->bytes, TABLE_MAX_BYTES);
    assert_int_equal(add(p, there), ATTL_E_NOMEM);
    check_keys(p, 0, there, false);
    drop(p, 5);
    assert_int_equal(add(p, 5), ATTL_OK); /* where one left there is room for it again */
    check_keys(p, 0, there, false);
}

static void
readers_keep_the_old_table(void **state)
{
    struct plot *p = *state;
    struct reclaim_reader *self = reclaim_self();
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(add(p, i), ATTL_OK);
    (void)limbo_collect(&p->limbo); /* the tables before */
    reclaim_enter(self);
    table_ref old = atomic_load(&p->partition.table);
    for (uint64_t i = 200; i < 2000; i++) {
        assert_int_equal(add(p, i), ATTL_OK);
        assert_int_equal(limbo_collect(&p->limbo), 0);
    }
    for (uint64_t i = 0; i < 200; i++) { /* nobody changes a table that has been replaced */
        struct index_key k = { attl_b(&i, sizeof(i)), hash_number(p, i) };
        struct lookup_hit hit;
        assert_int_equal(lookup(old, &p->ground.region, &k, &hit), LOOKUP_HIT);
    }
    reclaim_exit(self);
    assert_true(limbo_collect(&p->limbo) > 0);
}

#define PLOT_TEST(f) cmocka_unit_test_setup_teardown(f, plot_setup, plot_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLOT_TEST(an_empty_partition_has_no_table),
        PLOT_TEST(growth_keeps_every_entry_and_its_frequency),
        PLOT_TEST(shrinking_keeps_what_is_left),
        PLOT_TEST(a_table_does_not_swing_between_two_sizes),
        PLOT_TEST(without_memory_an_insertion_fails_and_changes_nothing),
        PLOT_TEST(without_memory_the_large_table_stays),
        PLOT_TEST(the_largest_table_can_be_filled_and_then_refuses),
        PLOT_TEST(readers_keep_the_old_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
