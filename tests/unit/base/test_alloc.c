/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allocator hooks: memory comes zeroed and aligned whatever the hook returns, a block goes back
 * to the hook under the very address the hook gave out, and a refusal is NULL. The hook of these
 * tests hands out dirty, badly aligned memory on purpose, because a host's may.
 */
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SKEW = 24, LINE = 128 };

/* Remembers one block: what was asked for and where it lies. */
struct hook {
    char *whole;
    void *given;
    void *freed;
    size_t asked_bytes;
    unsigned allocs, frees;
    bool refuse;
};

static void *
dirty_alloc(void *ud, size_t bytes)
{
    struct hook *h = ud;
    h->allocs++;
    h->asked_bytes = bytes;
    if (h->refuse)
        return NULL;
    h->whole = malloc(bytes + SKEW);
    assert_non_null(h->whole);
    memset(h->whole, 0xa5, bytes + SKEW);
    h->given = h->whole + SKEW; /* 8-byte aligned only */
    return h->given;
}

static void
checking_free(void *ud, void *ptr)
{
    struct hook *h = ud;
    h->frees++;
    h->freed = ptr;
    if (ptr == NULL)
        return;
    assert_ptr_equal(ptr, h->given);
    free(h->whole);
    h->whole = NULL;
}

static bool
all_zero(const void *at, size_t bytes)
{
    const char *p = at;
    for (size_t i = 0; i < bytes; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void
memory_comes_zeroed_from_a_dirty_hook(void **state)
{
    (void)state;
    struct hook h = { 0 };
    attl_allocator a = { dirty_alloc, checking_free, &h };
    for (size_t bytes = 1; bytes < 300; bytes++) {
        void *p = alloc_zero(&a, bytes);
        assert_ptr_equal(p, h.given);
        assert_int_equal(h.asked_bytes, bytes);
        assert_true(all_zero(p, bytes));
        alloc_free(&a, p);
    }
    assert_int_equal(h.allocs, h.frees);
}

static void
lines_are_aligned_zeroed_and_inside_what_the_hook_gave(void **state)
{
    (void)state;
    struct hook h = { 0 };
    attl_allocator a = { dirty_alloc, checking_free, &h };
    for (size_t bytes = 1; bytes < 1000; bytes += 7) {
        char *p = alloc_line(&a, bytes);
        assert_int_equal((uintptr_t)p % LINE, 0);
        assert_true(p >= (char *)h.given + sizeof(void *));
        assert_true(p + bytes <= (char *)h.given + h.asked_bytes);
        assert_true(all_zero(p, bytes));
        memset(p, 0xff, bytes); /* must not reach what finds the block again */
        alloc_free_line(&a, p);
        assert_null(h.whole);
    }
    assert_int_equal(h.allocs, h.frees);
}

static void
a_refusal_is_null_and_costs_nothing(void **state)
{
    (void)state;
    struct hook h = { .refuse = true };
    attl_allocator a = { dirty_alloc, checking_free, &h };
    assert_null(alloc_zero(&a, 64));
    assert_null(alloc_line(&a, 64));
    assert_int_equal(h.allocs, 2);
    assert_int_equal(h.frees, 0);
}

static void
freeing_nothing_is_allowed(void **state)
{
    (void)state;
    struct hook h = { 0 };
    attl_allocator a = { dirty_alloc, checking_free, &h };
    alloc_free(&a, NULL);
    alloc_free_line(&a, NULL);
    assert_null(h.freed);
    a = alloc_default();
    alloc_free(&a, NULL);
    alloc_free_line(&a, NULL);
}

static void
the_default_is_malloc(void **state)
{
    (void)state;
    attl_allocator a = alloc_default();
    char *p = alloc_zero(&a, 1000);
    assert_non_null(p);
    assert_true(all_zero(p, 1000));
    free(p); /* of the same family */
    char *line = alloc_line(&a, 1000);
    assert_non_null(line);
    assert_int_equal((uintptr_t)line % LINE, 0);
    alloc_free_line(&a, line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_zeroed_from_a_dirty_hook),
        cmocka_unit_test(lines_are_aligned_zeroed_and_inside_what_the_hook_gave),
        cmocka_unit_test(a_refusal_is_null_and_costs_nothing),
        cmocka_unit_test(freeing_nothing_is_allowed),
        cmocka_unit_test(the_default_is_malloc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
