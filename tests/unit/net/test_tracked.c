/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of read keys by itself: everybody is told once, in bounds, and never too little - where
 * there is no memory, everything is to be forgotten. Random operations are compared with a bitmap
 * of who must be told of what.
 */
#include "net/tracked.h"

#include "net_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <stdio.h>

enum { CLIENTS = 12, KEYS = 50, ROUNDS = 20000 };

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *ptr, size_t bytes)
{
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

struct rig {
    struct post post;
    struct tracked_table table;
    struct receiver *r[CLIENTS];
};

static int
setup(void **state)
{
    static const struct hash_key hash = { .use_siphash = true, .sip = { 3, 4 } };
    struct rig *g = aligned_alloc(_Alignof(struct rig), sizeof *g);
    assert_non_null(g);
    post_init(&g->post);
    tracked_init(&g->table, &hash, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        g->r[i] = post_receiver(&g->post, 100 + (i * 7) % CLIENTS);
    *state = g;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *g = *state;
    tracked_fini(&g->table);
    while (post_next(&g->post))
        continue;
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(atomic_load(&g->r[i]->refs), 1);
        receiver_free(g->r[i]);
    }
    post_fini(&g->post);
    free(g);
    return 0;
}

static void
add(struct rig *g, size_t client, const char *key)
{
    tracked_add(&g->table, g->r[client], attl_s(key));
}

static void
a_key_is_told_once_to_each_reader(void **state)
{
    struct rig *g = *state;
    add(g, 0, "k");
    add(g, 0, "k");
    add(g, 1, "other");
    assert_int_equal(atomic_load(&g->table.items), 2);
    tracked_tell(&g->table, attl_s("unknown"), 0);
    expect_none(&g->post);
    tracked_tell(&g->table, attl_s("k"), 0);
    expect_letter(&g->post, g->r[0], LETTER_INVALIDATE, "k");
    tracked_tell(&g->table, attl_s("k"), 0);
    expect_none(&g->post);
    assert_int_equal(atomic_load(&g->table.keys), 1);
    add(g, 0, "");
    tracked_tell(&g->table, attl_s(""), 0);
    expect_letter(&g->post, g->r[0], LETTER_INVALIDATE, "");
}

static void
own_changes_are_left_out_if_wanted(void **state)
{
    struct rig *g = *state;
    atomic_store(&g->r[0]->no_loop, true);
    add(g, 0, "k");
    add(g, 1, "k");
    tracked_tell(&g->table, attl_s("k"), g->r[0]->id);
    expect_letter(&g->post, g->r[1], LETTER_INVALIDATE, "k");
    expect_none(&g->post);
    add(g, 0, "k");
    add(g, 1, "k");
    tracked_tell(&g->table, attl_s("k"), g->r[1]->id);
    assert_non_null(post_next(&g->post));
    assert_non_null(post_next(&g->post));
    expect_none(&g->post);
}

static void
one_that_tracks_no_more_is_not_told(void **state)
{
    struct rig *g = *state;
    add(g, 0, "k");
    add(g, 1, "k");
    atomic_store(&g->r[0]->tracks, false);
    atomic_store(&g->r[1]->closed, true);
    tracked_tell(&g->table, attl_s("k"), 0);
    expect_none(&g->post);
    assert_int_equal(atomic_load(&g->table.items), 0);
}

static void
those_that_have_gone_make_room(void **state)
{
    struct rig *g = *state;
    for (size_t i = 0; i < 4; i++)
        add(g, i, "k");
    for (size_t i = 0; i < 4; i++)
        atomic_store(&g->r[i]->closed, true);
    add(g, 5, "k");
    assert_int_equal(atomic_load(&g->table.items), 1);
    tracked_tell(&g->table, attl_s("k"), 0);
    expect_letter(&g->post, g->r[5], LETTER_INVALIDATE, "k");
    expect_none(&g->post);
}

static void
the_oldest_go_when_there_are_too_many(void **state)
{
    struct rig *g = *state;
    char key[16];
    atomic_store(&g->table.max_keys, 5);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        add(g, 0, key);
        assert_true(atomic_load(&g->table.keys) <= 5);
    }
    unsigned told = 0;
    while (post_next(&g->post))
        told++;
    assert_int_equal(told, KEYS - 5);
    atomic_store(&g->table.max_keys, 1);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        add(g, 0, key);
    }
    assert_int_equal(atomic_load(&g->table.keys), 1);
}

static void
all_can_be_dropped_without_a_word(void **state)
{
    struct rig *g = *state;
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        add(g, (size_t)i % CLIENTS, key);
    }
    tracked_drop_all(&g->table);
    tracked_tell(&g->table, attl_s("1"), 0);
    add(g, 0, "1");
    tracked_drop_all(&g->table);
    add(g, 0, "2");
    tracked_collect(&g->table);
    assert_int_equal(atomic_load(&g->table.keys), 1);
    expect_none(&g->post);
}

static void
without_memory_all_is_to_be_forgotten(void **state)
{
    struct rig *g = *state;
    long n = 1;
    for (; n < WALK_MOST; n++) {
        atomic_store(&g->r[0]->forget, false);
        add(g, 1, "k");
        fail_in = n;
        add(g, 0, "k");
        add(g, 0, "l");
        tracked_tell(&g->table, attl_s("k"), 0);
        tracked_tell(&g->table, attl_s("l"), 0);
        bool failed = fail_in == 0;
        fail_in = 0;
        unsigned told = 0;
        for (const struct letter *l = post_next(&g->post); l; l = post_next(&g->post))
            told += l->to == g->r[0];
        assert_true(told == 2 || atomic_load(&g->r[0]->forget));
        if (!failed)
            break;
    }
    assert_true(n > 3 && n < WALK_MOST);
}

static void
nobody_is_told_too_little(void **state)
{
    struct rig *g = *state;
    bool knows[CLIENTS][KEYS] = { { false } };
    struct rng rng = rng_from_seed(test_seed());
    test_announce("nobody_is_told_too_little", test_seed());
    for (uint64_t rounds = test_scaled(ROUNDS); rounds > 0; rounds--) {
        size_t client = rng_below(&rng, CLIENTS), key_number = rng_below(&rng, KEYS);
        char key[16];
        (void)snprintf(key, sizeof key, "key%zu", key_number);
        if (rng_below(&rng, 4) > 0) {
            add(g, client, key);
            knows[client][key_number] = true;
            continue;
        }
        tracked_tell(&g->table, attl_s(key), 0);
        for (const struct letter *l = post_next(&g->post); l; l = post_next(&g->post)) {
            size_t i = 0;
            while (g->r[i] != l->to)
                i++;
            assert_true(knows[i][key_number]);
            knows[i][key_number] = false;
        }
        for (size_t i = 0; i < CLIENTS; i++)
            assert_false(knows[i][key_number]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_told_once_to_each_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(own_changes_are_left_out_if_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_tracks_no_more_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(those_that_have_gone_make_room, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_go_when_there_are_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(all_can_be_dropped_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_all_is_to_be_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_told_too_little, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
