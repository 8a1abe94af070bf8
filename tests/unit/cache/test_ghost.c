/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ghost remembers about as many keys as it is made for, forgets what it is told to, takes a
 * stranger for a friend as rarely as 16 bits allow, and survives changes of size. Hashes are drawn
 * the way a shard sees them: of all partitions, only every n-th is its own, and a ghost that chose
 * its lines by the same bits would leave most of them empty.
 */
#include "cache/ghost.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 31000, STRANGERS = 200000, PARTITION_BITS = 12 };

struct haunt {
    struct purse purse;
    attl_allocator alloc;
    struct ghost ghost;
};

static int
haunt_setup(void **state)
{
    struct haunt *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return -1;
    h->alloc = purse_open(&h->purse);
    ghost_init(&h->ghost, &h->alloc);
    *state = h;
    return 0;
}

static int
haunt_teardown(void **state)
{
    struct haunt *h = *state;
    ghost_fini(&h->ghost);
    bool leaks = atomic_load(&h->purse.out) != 0;
    free(h);
    return leaks;
}

/* Hash number i of shard 1 of `shards`. */
static uint64_t
hash_of(uint64_t i, unsigned shards)
{
    uint64_t hash = rng_mix(i);
    uint64_t partition = hash >> (64 - PARTITION_BITS);
    partition = partition / shards * shards + 1 % shards;
    return partition << (64 - PARTITION_BITS) | hash << PARTITION_BITS >> PARTITION_BITS;
}

static unsigned
remembered(const struct ghost *g, uint64_t first, unsigned count, unsigned shards)
{
    unsigned found = 0;
    for (uint64_t i = first; i < first + count; i++)
        found += ghost_has(g, hash_of(i, shards));
    return found;
}

static void
add_range(struct ghost *g, uint64_t first, unsigned count, unsigned shards)
{
    for (uint64_t i = first; i < first + count; i++)
        ghost_add(g, hash_of(i, shards));
}

static void
without_lines_it_knows_nothing(void **state)
{
    struct haunt *h = *state;
    ghost_add(&h->ghost, 12345);
    assert_false(ghost_has(&h->ghost, 12345));
    ghost_forget(&h->ghost, 12345);
    assert_int_equal(ghost_bytes(&h->ghost), 0);
}

/* A line is a FIFO of 31: of as many keys as there are places a good nine tenths stay, newest
 * first. */
static void
check_capacity(struct ghost *g, unsigned shards)
{
    ghost_resize(g, KEYS);
    assert_in_range(ghost_bytes(g), KEYS * 2, KEYS * 2 + KEYS / 2);
    add_range(g, 0, KEYS, shards);
    unsigned all = remembered(g, 0, KEYS, shards);
    print_message("%u shards: %u of %u remembered\n", shards, all, (unsigned)KEYS);
    assert_in_range(all, KEYS * 90 / 100, KEYS);
    assert_in_range(remembered(g, KEYS - KEYS / 4, KEYS / 4, shards), KEYS / 4 * 99 / 100,
                    KEYS / 4);
    add_range(g, KEYS, 2 * KEYS, shards);
    assert_in_range(remembered(g, 0, KEYS, shards), 0, KEYS / 20); /* the oldest have gone */
}

static void
it_remembers_about_as_many_as_it_is_made_for(void **state)
{
    struct haunt *h = *state;
    check_capacity(&h->ghost, 1);
}

static void
one_of_many_shards_uses_all_of_its_ghost(void **state)
{
    struct haunt *h = *state;
    check_capacity(&h->ghost, 8);
}

static void
strangers_are_taken_for_friends_as_rarely_as_16_bits_allow(void **state)
{
    struct haunt *h = *state;
    ghost_resize(&h->ghost, KEYS);
    assert_int_equal(remembered(&h->ghost, 1 << 20, STRANGERS, 1), 0); /* empty: nobody */
    add_range(&h->ghost, 0, 4 * KEYS, 1);
    unsigned wrong = remembered(&h->ghost, 1 << 20, STRANGERS, 1);
    double expected = STRANGERS * 31.0 / 65536;
    print_message("%u of %u strangers, %.0f expected\n", wrong, (unsigned)STRANGERS, expected);
    assert_true(wrong > expected * 0.6 && wrong < expected * 1.4);
}

static void
what_is_forgotten_is_gone_once(void **state)
{
    struct haunt *h = *state;
    ghost_resize(&h->ghost, KEYS);
    for (uint64_t i = 0; i < 1000; i++) {
        ghost_add(&h->ghost, hash_of(i, 1));
        assert_true(ghost_has(&h->ghost, hash_of(i, 1)));
        ghost_forget(&h->ghost, hash_of(i, 1));
        assert_false(ghost_has(&h->ghost, hash_of(i, 1)));
    }
    ghost_add(&h->ghost, 0); /* the fingerprint that would look like an empty place */
    assert_true(ghost_has(&h->ghost, 0));
    ghost_forget(&h->ghost, 0);
    assert_false(ghost_has(&h->ghost, 0));
}

static void
growing_keeps_most_of_what_it_has(void **state)
{
    struct haunt *h = *state;
    ghost_resize(&h->ghost, KEYS);
    add_range(&h->ghost, 0, KEYS, 1);
    unsigned before = remembered(&h->ghost, 0, KEYS, 1);
    ghost_resize(&h->ghost, KEYS * 3);
    unsigned after = remembered(&h->ghost, 0, KEYS, 1);
    print_message("%u before, %u after growing threefold\n", before, after);
    assert_in_range(after, before * 3 / 4, KEYS);
}

static void
shrinking_keeps_what_has_room(void **state)
{
    struct haunt *h = *state;
    ghost_resize(&h->ghost, KEYS * 4);
    add_range(&h->ghost, 0, KEYS, 1);
    ghost_resize(&h->ghost, KEYS / 4);
    assert_in_range(ghost_bytes(&h->ghost), KEYS / 2, KEYS * 5 / 8);
    add_range(&h->ghost, KEYS, 1000, 1);
    assert_in_range(remembered(&h->ghost, KEYS, 1000, 1), 900, 1000); /* it works as before */
}

/* The number of entries creeps up by one: that must not cost a copy each time. */
static void
creeping_growth_is_rarely_paid_for(void **state)
{
    struct haunt *h = *state;
    const struct ghost_line *lines = NULL;
    unsigned copies = 0;
    for (uint64_t keys = 1000; keys < 100000; keys++) {
        ghost_resize(&h->ghost, keys);
        copies += h->ghost.lines != lines;
        lines = h->ghost.lines;
        assert_true(h->ghost.count * (uint64_t)GHOST_LINE_KEYS >= keys);
    }
    assert_in_range(copies, 1, 40);
    for (uint64_t keys = 100000; keys > 70000; keys--)
        ghost_resize(&h->ghost, keys);
    assert_ptr_equal(h->ghost.lines, lines); /* nor does a dip */
}

static void
without_memory_it_stays_as_it_is(void **state)
{
    struct haunt *h = *state;
    ghost_resize(&h->ghost, KEYS);
    add_range(&h->ghost, 0, KEYS, 1);
    struct ghost before = h->ghost;
    unsigned known = remembered(&h->ghost, 0, KEYS, 1);
    atomic_store(&h->purse.until_refusal, 0);
    ghost_resize(&h->ghost, KEYS * 10);
    ghost_resize(&h->ghost, 1);
    atomic_store(&h->purse.until_refusal, -1);
    assert_memory_equal(&h->ghost, &before, sizeof(before));
    assert_int_equal(remembered(&h->ghost, 0, KEYS, 1), known);
}

#define HAUNT_TEST(f) cmocka_unit_test_setup_teardown(f, haunt_setup, haunt_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HAUNT_TEST(without_lines_it_knows_nothing),
        HAUNT_TEST(it_remembers_about_as_many_as_it_is_made_for),
        HAUNT_TEST(one_of_many_shards_uses_all_of_its_ghost),
        HAUNT_TEST(strangers_are_taken_for_friends_as_rarely_as_16_bits_allow),
        HAUNT_TEST(what_is_forgotten_is_gone_once),
        HAUNT_TEST(growing_keeps_most_of_what_it_has),
        HAUNT_TEST(shrinking_keeps_what_has_room),
        HAUNT_TEST(creeping_growth_is_rarely_paid_for),
        HAUNT_TEST(without_memory_it_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
