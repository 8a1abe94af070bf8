/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounded buffer. Random appends, prints, consumptions and clears are compared with a plain
 * array after each step, and the bound is approached from both sides. A failure must be sticky,
 * change nothing, and go away with buf_clear.
 */
#include "base/buf.h"

#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
assert_holds(const struct buf *b, const void *want, size_t len)
{
    assert_int_equal(b->len, len);
    assert_int_equal(buf_slice(b).len, len);
    if (len)
        assert_memory_equal(buf_slice(b).data, want, len);
}

static void
a_new_buffer_is_empty_and_owns_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_holds(&b, "", 0);
    assert_null(b.data);
    assert_int_equal(b.max_bytes, 100);
    assert_int_equal(b.failed, BUF_FINE);
    buf_append(&b, NULL, 0);
    buf_append_str(&b, "");
    assert_null(b.data);
    buf_fini(&b);
    assert_int_equal(b.max_bytes, 100);  /* usable again */
    assert_non_null(buf_reserve(&b, 0)); /* NULL would be a failure */
    assert_int_equal(b.failed, BUF_FINE);
    buf_append_str(&b, "again");
    assert_holds(&b, "again", 5);
    buf_fini(&b);
}

static void
the_maximum_can_be_reached_but_not_passed(void **state)
{
    (void)state;
    for (size_t max = 1; max < 1100; max += max < 300 ? 1 : 97) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            buf_append(&b, &(char){ (char)i }, 1);
        assert_int_equal(b.len, max);
        assert_int_equal(b.failed, BUF_FINE);
        buf_append(&b, "x", 1);
        assert_int_equal(b.failed, BUF_TOO_BIG);
        assert_int_equal(b.len, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(b.data[i], (char)i);
        buf_fini(&b);
    }
}

static void
absurd_sizes_do_not_wrap_around(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_append_str(&b, "ten bytes.");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.failed, BUF_TOO_BIG);
    buf_clear(&b, 1000);
    buf_append_str(&b, "ten bytes.");
    assert_null(buf_reserve(&b, SIZE_MAX - 9)); /* len + more is 0 */
    assert_int_equal(b.failed, BUF_TOO_BIG);
    assert_holds(&b, "ten bytes.", 10);
    buf_fini(&b);
}

static void
a_failure_is_sticky_until_cleared(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    buf_append_str(&b, "abc");
    buf_append_str(&b, "too long by far");
    assert_int_equal(b.failed, BUF_TOO_BIG);
    buf_append_str(&b, "d"); /* would fit */
    buf_printf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 1));
    assert_holds(&b, "abc", 3);
    buf_clear(&b, 0);
    assert_int_equal(b.failed, BUF_FINE);
    assert_null(b.data);
    buf_append_str(&b, "d");
    assert_holds(&b, "d", 1);
    buf_fini(&b);
}

/* Sanitizers take an absurd request for a bug instead of refusing it. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

static void
no_memory_is_a_failure_of_its_own(void **state)
{
    (void)state;
    struct buf b;
    if (__asan_init != NULL || __tsan_init != NULL)
        skip();
    buf_init(&b, SIZE_MAX / 4);
    buf_append_str(&b, "kept");
    assert_null(buf_reserve(&b, SIZE_MAX / 8)); /* no machine has that */
    assert_int_equal(b.failed, BUF_NO_MEMORY);
    assert_holds(&b, "kept", 4);
    buf_fini(&b);
}

static void
reserved_room_is_where_the_next_bytes_go(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000);
    buf_append_str(&b, "head");
    char *room = buf_reserve(&b, 5000);
    assert_ptr_equal(room, b.data + 4);
    assert_true(b.cap >= 5004);
    assert_int_equal(b.len, 4); /* reserving is not appending */
    memset(room, 'r', 5000);
    b.len += 5000;
    buf_append_str(&b, "tail");
    assert_memory_equal(b.data, "headrrr", 7);
    assert_memory_equal(b.data + 5004, "tail", 4);
    buf_fini(&b);
}

static void
printing_fills_a_buffer_to_its_last_byte(void **state)
{
    (void)state;
    char text[600], want[600];
    memset(text, 'p', sizeof(text));
    for (size_t len = 1; len < 250; len += 7) {
        struct buf b;
        buf_init(&b, len);
        text[len] = 0;
        buf_printf(&b, "%s", text);
        assert_int_equal(b.failed, BUF_FINE);
        assert_holds(&b, text, len);
        buf_printf(&b, "x");
        assert_int_equal(b.failed, BUF_TOO_BIG);
        buf_fini(&b);
        text[len] = 'p';
    }
    for (size_t len = 240; len < 590; len++) { /* around the size that is printed twice */
        struct buf b;
        buf_init(&b, 1000);
        text[len] = 0;
        buf_printf(&b, "%d%s", 5, text);
        int n = snprintf(want, sizeof(want), "5%s", text);
        assert_holds(&b, want, (size_t)n);
        buf_fini(&b);
        text[len] = 'p';
    }
}

static void
clearing_keeps_only_small_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 5000; i++)
        buf_append(&b, "x", 1);
    size_t cap = b.cap;
    buf_clear(&b, cap);
    assert_int_equal(b.cap, cap);
    assert_holds(&b, "", 0);
    buf_clear(&b, cap - 1);
    assert_int_equal(b.cap, 0);
    assert_null(b.data);
    buf_fini(&b);
}

static void
growth_is_geometric(void **state)
{
    (void)state;
    struct buf b;
    size_t last = 0;
    unsigned growths = 0;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) {
        buf_append(&b, "x", 1);
        growths += b.cap != last;
        last = b.cap;
    }
    assert_in_range(growths, 1, 20);
    assert_int_equal(b.cap, 1 << 20);
    buf_fini(&b);
}

enum { MODEL_MAX = 2000 };

struct model {
    char bytes[MODEL_MAX];
    size_t len;
};

/* One random step on both. */
static void
step(struct rng *r, struct buf *b, struct model *m)
{
    char piece[300], text[64];
    size_t len = rng_below(r, sizeof(piece));
    switch (rng_below(r, 6)) {
    case 0:
        buf_consume(b, len);
        len = len < m->len ? len : m->len;
        memmove(m->bytes, m->bytes + len, m->len - len);
        m->len -= len;
        return;
    case 1:
        if (!rng_one_in(r, 8))
            return;
        buf_clear(b, rng_below(r, 2) * 500);
        m->len = 0;
        return;
    case 2:
        len = (size_t)snprintf(text, sizeof(text), "%d:%s", (int)len, "printed");
        if (m->len + len + 1 > MODEL_MAX)
            return;
        buf_printf(b, "%s", text);
        memcpy(m->bytes + m->len, text, len);
        m->len += len;
        return;
    default:
        if (m->len + len > MODEL_MAX)
            return;
        memset(piece, (int)rng_u64(r), len);
        buf_append(b, piece, len);
        memcpy(m->bytes + m->len, piece, len);
        m->len += len;
    }
}

static void
any_sequence_of_steps_equals_a_plain_array(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    struct model m = { .len = 0 };
    struct buf b;
    buf_init(&b, MODEL_MAX);
    for (int i = 0; i < 50000; i++) {
        step(&r, &b, &m);
        assert_int_equal(b.failed, BUF_FINE);
        assert_holds(&b, m.bytes, m.len);
        assert_true(b.cap >= b.len && b.cap <= MODEL_MAX);
    }
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_empty_and_owns_nothing),
        cmocka_unit_test(the_maximum_can_be_reached_but_not_passed),
        cmocka_unit_test(absurd_sizes_do_not_wrap_around),
        cmocka_unit_test(a_failure_is_sticky_until_cleared),
        cmocka_unit_test(no_memory_is_a_failure_of_its_own),
        cmocka_unit_test(reserved_room_is_where_the_next_bytes_go),
        cmocka_unit_test(printing_fills_a_buffer_to_its_last_byte),
        cmocka_unit_test(clearing_keeps_only_small_memory),
        cmocka_unit_test(growth_is_geometric),
        cmocka_unit_test(any_sequence_of_steps_equals_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
