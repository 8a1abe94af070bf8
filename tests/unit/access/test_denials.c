/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of refusals: the newest first, like ones counted together within a minute, bounded, long
 * texts cut, and no memory means no entry but still a count.
 */
#include "access_support.h"
#include "support/refusing.h"

enum { NOW_MS = 1000000 };

static void
refuse(struct denials *d, const char *object, const char *user, int64_t now_ms)
{
    struct denial_report report = { .reason = DENIAL_KEY,
                                    .now_ms = now_ms,
                                    .object = attl_s(object),
                                    .user = attl_s(user),
                                    .client = attl_s("id=1") };
    denials_add(d, &report);
}

static void
like_refusals_are_counted_together(void **state)
{
    struct refusing r = { .left = -1 };
    attl_allocator alloc = refusing_hooks(&r);
    struct denials d;
    struct denial got[4];
    (void)state;
    denials_init(&d, &alloc);
    refuse(&d, "a", "bob", NOW_MS);
    refuse(&d, "b", "bob", NOW_MS + 1);
    refuse(&d, "a", "bob", NOW_MS + 2);
    assert_int_equal(denials_get(&d, got, 4), 2);
    assert_int_equal(got[0].count, 2);
    assert_memory_equal(got[0].object, "a", 1);
    assert_int_equal(got[0].created_ms, NOW_MS);
    assert_int_equal(got[0].updated_ms, NOW_MS + 2);
    assert_int_equal(got[1].id, 1);
    refuse(&d, "a", "bob", NOW_MS + 2 + DENIAL_GROUP_MS + 1); /* too late to be the same */
    assert_int_equal(denials_len(&d), 3);
    refuse(&d, "a", "eve", NOW_MS);
    assert_int_equal(denials_len(&d), 4);
    denials_clear(&d);
    assert_int_equal(denials_len(&d), 0);
    denials_fini(&d);
    assert_int_equal(r.live, 0);
}

static void
the_list_is_bounded_and_texts_are_cut(void **state)
{
    struct refusing r = { .left = -1 };
    attl_allocator alloc = refusing_hooks(&r);
    struct denials d;
    struct denial got[3];
    char text[DENIAL_NAME_MAX * 2 + 1];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    denials_init(&d, &alloc);
    denials_set_max(&d, 2);
    refuse(&d, "a", "bob", NOW_MS);
    refuse(&d, "b", "bob", NOW_MS);
    refuse(&d, text, "bob", NOW_MS);
    refuse(&d, text, "bob", NOW_MS);
    assert_int_equal(denials_get(&d, got, 3), 2);
    assert_int_equal(got[0].object_len, DENIAL_NAME_MAX);
    assert_int_equal(got[0].count, 2);
    assert_memory_equal(got[1].object, "b", 1);
    denials_set_max(&d, 0);
    refuse(&d, "c", "bob", NOW_MS);
    assert_int_equal(denials_len(&d), 0);
    denials_fini(&d);
    assert_int_equal(r.live, 0);
}

static void
without_memory_refusals_are_still_counted(void **state)
{
    struct refusing r = { .left = 0 };
    attl_allocator alloc = refusing_hooks(&r);
    struct denials d;
    uint64_t totals[DENIAL_REASONS];
    (void)state;
    denials_init(&d, &alloc);
    refuse(&d, "a", "bob", NOW_MS);
    r.left = 1;
    refuse(&d, "a", "bob", NOW_MS);
    assert_int_equal(denials_len(&d), 0);
    denials_totals(&d, totals);
    assert_int_equal(totals[DENIAL_KEY], 2);
    assert_int_equal(totals[DENIAL_AUTH], 0);
    denials_fini(&d);
    assert_int_equal(r.live, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_refusals_are_counted_together),
        cmocka_unit_test(the_list_is_bounded_and_texts_are_cut),
        cmocka_unit_test(without_memory_refusals_are_still_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
