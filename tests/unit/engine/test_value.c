/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values that own their bytes: small ones lie in the struct and move with it, large ones on the
 * heap, aligned, and given back to the allocator they came from, once, without a cache. Pinned ones
 * are the business of the tests of reading.
 */
#include "engine/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct counting {
    int live;
    bool empty;
};

static void *
counting_alloc(void *ud, size_t bytes)
{
    struct counting *c = ud;
    if (c->empty)
        return NULL;
    c->live++;
    return malloc(bytes);
}

static void
counting_free(void *ud, void *ptr)
{
    struct counting *c = ud;
    c->live -= ptr != NULL;
    free(ptr);
}

static void
copies_are_equal_wherever_they_lie(void **state)
{
    struct counting c = { 0 };
    attl_allocator alloc = { counting_alloc, counting_free, &c };
    unsigned char bytes[100];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        attl_value first, second;
        assert_true(value_copy(&alloc, attl_b(len ? bytes : NULL, len), &first));
        value_move(&second, &first);
        memset(&first, 0xff, sizeof(first));
        assert_int_equal(second.data.len, len);
        if (len > 0)
            assert_memory_equal(second.data.data, bytes, len);
        assert_int_equal(c.live, len > sizeof(second.pad));
        assert_false(value_is_pinned(&second));
        value_release(NULL, &second);
        value_release(NULL, &second);
        assert_int_equal(c.live, 0);
        assert_int_equal(second.data.len, 0);
    }
}

static void
blocks_are_aligned(void **state)
{
    struct counting c = { 0 };
    attl_allocator alloc = { counting_alloc, counting_free, &c };
    attl_value v;
    (void)state;
    void *to = value_alloc(&alloc, 1, &v);
    assert_non_null(to);
    assert_int_equal((uintptr_t)to % 16, 0);
    assert_ptr_equal(v.data.data, to);
    value_release(NULL, &v);
}

static void
without_memory_there_is_none(void **state)
{
    struct counting c = { .empty = true };
    attl_allocator alloc = { counting_alloc, counting_free, &c };
    attl_value v;
    char bytes[64] = { 0 };
    (void)state;
    assert_null(value_alloc(&alloc, 1, &v));
    assert_false(value_copy(&alloc, attl_b(bytes, sizeof(bytes)), &v));
    assert_true(value_copy(&alloc, attl_b(bytes, 32), &v)); /* needs none */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_equal_wherever_they_lie),
        cmocka_unit_test(blocks_are_aligned),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
