/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks are born clean whatever their descriptor was before, know their pages, and go back to
 * where they came from; lack of either descriptors or data is a NULL that loses nothing. Lists are
 * compared with an array under random changes, in both kinds of links at once, since a chunk is in
 * one list of each.
 */
#include "cache/chunk.h"

#include "cache_support.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 300, STEPS = 20000 };

struct shelf {
    struct ground ground;
    struct chunk_store store;
};

static int
shelf_setup(void **state)
{
    struct shelf *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -1;
    ground_init(&s->ground);
    chunk_store_init(&s->store, &s->ground.chunks, &s->ground.alloc);
    *state = s;
    return 0;
}

static int
shelf_teardown(void **state)
{
    struct shelf *s = *state;
    chunk_store_fini(&s->store);
    ground_fini(&s->ground);
    free(s);
    return 0;
}

static void
give_back(struct shelf *s, struct chunk *c)
{
    atomic_store(&c->state, CHUNK_RETIRED);
    chunk_free(&s->store, c);
}

static void
a_chunk_is_born_clean(void **state)
{
    struct shelf *s = *state;
    for (uint32_t bytes = LIMIT_CHUNK_MIN_BYTES; bytes <= LIMIT_CHUNK_MAX_BYTES; bytes *= 2) {
        struct chunk *c = chunk_new(&s->store, bytes);
        assert_non_null(c);
        assert_int_equal(c->bytes, bytes);
        assert_int_equal(c->used, 0);
        assert_int_equal(c->drain_offset, 0);
        assert_int_equal(atomic_load(&c->live_bytes), 0);
        assert_int_equal(atomic_load(&c->live_items), 0);
        assert_int_equal(atomic_load(&c->pins), 0);
        assert_int_equal(atomic_load(&c->state), CHUNK_OPEN);
        for (int kind = 0; kind < 2; kind++)
            assert_true(!c->link[kind].prev && !c->link[kind].next);
        for (uint32_t at = 0; at < bytes; at += 4096)
            assert_ptr_equal(
                region_chunk(&s->ground.region, region_address(&s->ground.region, c->data + at)),
                c);
        memset(c->data, 0xff, bytes);
        c->used = c->drain_offset = bytes; /* as it is when it ends */
        c->link[0].prev = c->link[1].next = c;
        give_back(s, c);
    }
}

static void
descriptors_are_used_again(void **state)
{
    struct shelf *s = *state;
    struct chunk *chunks[MANY];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++)
            assert_non_null(chunks[i] = chunk_new(&s->store, 4096));
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j < i; j++)
                assert_true(chunks[i] != chunks[j] && chunks[i]->data != chunks[j]->data);
        int64_t blocks = atomic_load(&s->ground.purse.out);
        for (int i = 0; i < MANY; i++)
            give_back(s, chunks[i]);
        assert_int_equal(atomic_load(&s->ground.purse.out), blocks); /* kept till the store ends */
        assert_in_range(blocks, 1, MANY / 10);
    }
}

static void
lack_of_data_or_descriptors_loses_nothing(void **state)
{
    struct shelf *s = *state;
    atomic_store(&s->ground.purse.until_refusal, 0);
    assert_null(chunk_new(&s->store, 4096));
    atomic_store(&s->ground.purse.until_refusal, -1);
    atomic_store(&s->ground.region.commits_until_failure, 0);
    for (int i = 0; i < MANY; i++)
        assert_null(chunk_new(&s->store, 4096));
    assert_in_range(atomic_load(&s->ground.purse.out), 1,
                    2); /* each failure gave its descriptor back */
    assert_int_equal(atomic_load(&s->ground.chunks.used_bytes), 0);
    atomic_store(&s->ground.region.commits_until_failure, -1);
    struct chunk *c = chunk_new(&s->store, 4096);
    assert_non_null(c);
    give_back(s, c);
}

static void
free_alive(void *ud)
{
    struct shelf *s = ud;
    struct chunk *c = chunk_new(&s->store, 4096);
    atomic_store(&c->live_items, 1);
    give_back(s, c);
}

static void
free_open(void *ud)
{
    struct shelf *s = ud;
    chunk_free(&s->store, chunk_new(&s->store, 4096));
}

static void
ask_for_too_little(void *ud)
{
    struct shelf *s = ud;
    (void)chunk_new(&s->store, LIMIT_CHUNK_MIN_BYTES / 2); /* must not return */
}

static void
misuse_is_a_bug_that_aborts(void **state)
{
    assert_true(dies(free_alive, *state));
    assert_true(dies(free_open, *state));
    assert_true(dies(ask_for_too_little, *state));
}

enum { LISTS = 3, CHUNKS = 40 };

/* For each kind of link: some lists, and what they should hold. */
struct library {
    struct chunk chunks[CHUNKS];
    struct chunk_list lists[LISTS];
    unsigned order[LISTS][CHUNKS], len[LISTS];
    int where[CHUNKS]; /* -1: in none */
};

static void
library_check(const struct library *l, enum chunk_link_kind kind)
{
    for (unsigned i = 0; i < LISTS; i++) {
        const struct chunk *c = l->lists[i].first, *prev = NULL;
        for (unsigned n = 0; n < l->len[i]; n++) {
            assert_ptr_equal(c, &l->chunks[l->order[i][n]]);
            assert_ptr_equal(c->link[kind].prev, prev);
            prev = c;
            c = c->link[kind].next;
        }
        assert_null(c);
        assert_ptr_equal(l->lists[i].last, prev);
    }
}

static void
library_step(struct library *l, enum chunk_link_kind kind, struct rng *r)
{
    unsigned which = (unsigned)rng_below(r, CHUNKS);
    struct chunk *c = &l->chunks[which];
    if (l->where[which] < 0) {
        unsigned list = (unsigned)rng_below(r, LISTS);
        chunk_list_append(&l->lists[list], c, kind);
        l->order[list][l->len[list]++] = which;
        l->where[which] = (int)list;
        return;
    }
    unsigned list = (unsigned)l->where[which], at = 0;
    chunk_list_remove(&l->lists[list], c, kind);
    while (l->order[list][at] != which)
        at++;
    memmove(&l->order[list][at], &l->order[list][at + 1],
            (l->len[list] - at - 1) * sizeof(unsigned));
    l->len[list]--;
    l->where[which] = -1;
    assert_true(!c->link[kind].prev && !c->link[kind].next);
}

static void
lists_keep_their_order_under_any_changes(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    struct library *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    for (int kind = 0; kind < 2; kind++) {
        memset(l->lists, 0, sizeof(l->lists));
        memset(l->len, 0, sizeof(l->len));
        for (unsigned i = 0; i < CHUNKS; i++)
            l->where[i] = -1;
        for (unsigned step = 0; step < STEPS; step++) {
            library_step(l, (enum chunk_link_kind)kind, &r);
            library_check(l, (enum chunk_link_kind)kind);
        }
    }
    free(l);
}

static void
a_chunk_is_in_one_list_of_each_kind(void **state)
{
    (void)state;
    struct chunk c[3];
    struct chunk_list chain = { NULL, NULL }, fifo = { NULL, NULL };
    memset(c, 0, sizeof(c));
    for (int i = 0; i < 3; i++) {
        chunk_list_append(&chain, &c[i], LINK_CHAIN);
        chunk_list_append(&fifo, &c[2 - i], LINK_FIFO);
    }
    chunk_list_remove(&chain, &c[0], LINK_CHAIN);
    assert_ptr_equal(chain.first, &c[1]);
    assert_ptr_equal(chain.last, &c[2]);
    assert_ptr_equal(fifo.first, &c[2]);
    assert_ptr_equal(fifo.last, &c[0]);
    assert_ptr_equal(c[1].link[LINK_FIFO].next, &c[0]);
}

#define SHELF_TEST(f) cmocka_unit_test_setup_teardown(f, shelf_setup, shelf_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SHELF_TEST(a_chunk_is_born_clean),
        SHELF_TEST(descriptors_are_used_again),
        SHELF_TEST(lack_of_data_or_descriptors_loses_nothing),
        SHELF_TEST(misuse_is_a_bug_that_aborts),
        cmocka_unit_test(lists_keep_their_order_under_any_changes),
        cmocka_unit_test(a_chunk_is_in_one_list_of_each_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
