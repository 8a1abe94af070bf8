/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table from keys to numbers: what was entered is found, whatever the hashes, growing loses
 * nothing, and a lack of memory is told before anything is lost. Keys with equal hashes are told
 * apart by their bytes, the empty one included.
 */
#include "engine/key_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 1000, KEY_BYTES = 16 };

static void
what_was_entered_is_found(void **state)
{
    (void)state;
    static char keys[KEYS][KEY_BYTES];
    const attl_allocator alloc = alloc_default();
    struct key_index x;
    key_index_init(&x, &alloc);
    assert_int_equal(key_index_find(&x, 1, attl_s("a")), KEY_INDEX_NONE);
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(keys[i], KEY_BYTES, "key %zu", i);
        assert_int_equal(key_index_find(&x, i % 10, attl_s(keys[i])), KEY_INDEX_NONE);
        assert_true(key_index_add(&x, i % 10, attl_s(keys[i]), 3 * i)); /* hashes collide */
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(key_index_find(&x, i % 10, attl_s(keys[i])), 3 * i);
    assert_int_equal(key_index_find(&x, 3, attl_s("key 4")), KEY_INDEX_NONE);
    key_index_fini(&x);
    assert_int_equal(key_index_find(&x, 0, attl_s("key 0")), KEY_INDEX_NONE);
}

static void
the_empty_key_is_a_key(void **state)
{
    (void)state;
    const attl_allocator alloc = alloc_default();
    struct key_index x;
    key_index_init(&x, &alloc);
    assert_true(key_index_add(&x, 0, attl_b(NULL, 0), 5));
    assert_int_equal(key_index_find(&x, 0, attl_s("")), 5);
    assert_int_equal(key_index_find(&x, 0, attl_s("a")), KEY_INDEX_NONE);
    key_index_fini(&x);
}

static void *
alloc_some(void *ud, size_t bytes)
{
    int *left = ud;
    return (*left)-- > 0 ? malloc(bytes) : NULL;
}

static void
free_it(void *ud, void *ptr)
{
    (void)ud;
    free(ptr);
}

static void
lack_of_memory_loses_nothing(void **state)
{
    (void)state;
    static char keys[KEYS][KEY_BYTES];
    int left = 2;
    const attl_allocator alloc = { alloc_some, free_it, &left };
    struct key_index x;
    key_index_init(&x, &alloc);
    size_t n = 0;
    for (; n < KEYS; n++) {
        (void)snprintf(keys[n], KEY_BYTES, "key %zu", n);
        if (!key_index_add(&x, n, attl_s(keys[n]), n))
            break;
    }
    assert_in_range(n, 8, KEYS - 1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(key_index_find(&x, i, attl_s(keys[i])), i);
    left = 1;
    assert_true(key_index_add(&x, n, attl_s(keys[n]), n));
    assert_int_equal(key_index_find(&x, n, attl_s(keys[n])), n);
    key_index_fini(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_entered_is_found),
        cmocka_unit_test(the_empty_key_is_a_key),
        cmocka_unit_test(lack_of_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
