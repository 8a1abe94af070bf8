/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prefixes by themselves: who hears of which key. Both the empty prefix and those longer than a key
 * are in it, two clients with the same one, and what fails for lack of memory.
 */
#include "net/prefix.h"

#include "net_support.h"

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
    struct prefix_set set;
    struct receiver *a, *b;
};

static int
setup(void **state)
{
    struct rig *g = calloc(1, sizeof *g);
    assert_non_null(g);
    post_init(&g->post);
    prefix_init(&g->set);
    g->a = post_receiver(&g->post, 1);
    g->b = post_receiver(&g->post, 2);
    *state = g;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *g = *state;
    prefix_fini(&g->set);
    while (post_next(&g->post))
        continue;
    assert_int_equal(atomic_load(&g->a->refs), 1);
    assert_int_equal(atomic_load(&g->b->refs), 1);
    receiver_free(g->a);
    receiver_free(g->b);
    post_fini(&g->post);
    free(g);
    return 0;
}

static void
keys_are_told_to_those_whose_prefix_fits(void **state)
{
    struct rig *g = *state;
    prefix_tell(&g->set, attl_s("key"), 0);
    expect_none(&g->post);
    assert_int_equal(prefix_add(&g->set, g->a, attl_s("")), ATTL_OK);
    assert_int_equal(prefix_add(&g->set, g->b, attl_s("user:")), ATTL_OK);
    assert_int_equal(prefix_add(&g->set, g->b, attl_s("under")), ATTL_OK);
    assert_int_equal(atomic_load(&g->set.len), 3);
    prefix_tell(&g->set, attl_s("user:1"), 0);
    expect_letter(&g->post, g->a, LETTER_BROADCAST, "user:1");
    expect_letter(&g->post, g->b, LETTER_BROADCAST, "user:1");
    prefix_tell(&g->set, attl_s("user"), 0);
    expect_letter(&g->post, g->a, LETTER_BROADCAST, "user");
    prefix_tell(&g->set, attl_s(""), 0);
    expect_letter(&g->post, g->a, LETTER_BROADCAST, "");
    expect_none(&g->post);
    prefix_remove(&g->set, g->a, attl_s(""));
    prefix_remove(&g->set, g->a, attl_s("user:")); /* which is not its own */
    prefix_tell(&g->set, attl_s("user:2"), 0);
    expect_letter(&g->post, g->b, LETTER_BROADCAST, "user:2");
    prefix_remove(&g->set, g->b, attl_s("user:"));
    prefix_remove(&g->set, g->b, attl_s("under"));
    assert_int_equal(atomic_load(&g->set.len), 0);
}

static void
a_prefix_may_be_shared_and_own_changes_left_out(void **state)
{
    struct rig *g = *state;
    atomic_store(&g->a->no_loop, true);
    assert_int_equal(prefix_add(&g->set, g->a, attl_s("k")), ATTL_OK);
    assert_int_equal(prefix_add(&g->set, g->b, attl_s("k")), ATTL_OK);
    assert_int_equal(atomic_load(&g->set.len), 1);
    prefix_tell(&g->set, attl_s("k1"), g->a->id);
    expect_letter(&g->post, g->b, LETTER_BROADCAST, "k1");
    prefix_tell(&g->set, attl_s("k2"), g->b->id);
    expect_letter(&g->post, g->a, LETTER_BROADCAST, "k2");
    expect_letter(&g->post, g->b, LETTER_BROADCAST, "k2");
    expect_none(&g->post);
    prefix_remove(&g->set, g->a, attl_s("k"));
    prefix_remove(&g->set, g->b, attl_s("k"));
}

static void
without_memory_there_is_no_prefix_and_all_is_forgotten(void **state)
{
    struct rig *g = *state;
    for (long n = 1; n <= 2; n++) {
        fail_in = n;
        assert_int_equal(prefix_add(&g->set, g->a, attl_s("k")), ATTL_E_NOMEM);
        assert_int_equal(atomic_load(&g->set.len), 0);
    }
    assert_int_equal(prefix_add(&g->set, g->a, attl_s("k")), ATTL_OK);
    fail_in = 1;
    prefix_tell(&g->set, attl_s("k"), 0);
    assert_true(atomic_load(&g->a->forget));
    prefix_remove(&g->set, g->a, attl_s("k"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_told_to_those_whose_prefix_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_prefix_may_be_shared_and_own_changes_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_prefix_and_all_is_forgotten,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
