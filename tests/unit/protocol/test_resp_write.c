/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies byte by byte, for both versions of the protocol. Each test states what must be on the
 * wire; the last ones check what a buffer at its limit and a hostile text do. No network, no
 * clock.
 */
#include "protocol/resp_write.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { OUT_MAX_BYTES = 1 << 20 };

static struct buf out;

static void
expect(const char *wanted)
{
    assert_int_equal(out.failed, BUF_FINE);
    assert_int_equal(out.len, strlen(wanted));
    assert_memory_equal(out.data, wanted, out.len);
    buf_clear(&out, OUT_MAX_BYTES);
}

static int
setup(void **state)
{
    (void)state;
    buf_init(&out, OUT_MAX_BYTES);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void
simple_strings_and_integers(void **state)
{
    (void)state;
    resp_simple(&out, "OK");
    expect("+OK\r\n");
    resp_int(&out, 0);
    expect(":0\r\n");
    resp_int(&out, 10);
    expect(":10\r\n");
    resp_int(&out, -1);
    expect(":-1\r\n");
    resp_int(&out, INT64_MIN);
    expect(":-9223372036854775808\r\n");
    resp_int(&out, INT64_MAX);
    expect(":9223372036854775807\r\n");
}

static void
bulks_are_binary_safe(void **state)
{
    (void)state;
    resp_bulk(&out, attl_b("a\0\r\nb", 5));
    assert_int_equal(out.len, 11);
    assert_memory_equal(out.data, "$5\r\na\0\r\nb\r\n", 11);
    buf_clear(&out, 0);
    resp_bulk(&out, attl_b(NULL, 0));
    expect("$0\r\n\r\n");
    resp_bulk_str(&out, "0123456789");
    expect("$10\r\n0123456789\r\n");
    resp_bulk_int(&out, -42);
    expect("$3\r\n-42\r\n");
}

static void
nulls_differ_by_protocol(void **state)
{
    (void)state;
    resp_null(&out, 2);
    expect("$-1\r\n");
    resp_null(&out, 3);
    expect("_\r\n");
    resp_null_array(&out, 2);
    expect("*-1\r\n");
    resp_null_array(&out, 3);
    expect("_\r\n");
}

static void
a_map_counts_pairs_and_is_flat_in_resp2(void **state)
{
    (void)state;
    resp_map(&out, 2, 7);
    expect("*14\r\n");
    resp_map(&out, 3, 7);
    expect("%7\r\n");
    resp_array(&out, 0);
    expect("*0\r\n");
    resp_array(&out, 1000000);
    expect("*1000000\r\n");
    resp_set(&out, 2, 3);
    expect("*3\r\n");
    resp_set(&out, 3, 3);
    expect("~3\r\n");
    resp_push(&out, 2, 3);
    expect("*3\r\n");
    resp_push(&out, 3, 3);
    expect(">3\r\n");
}

static void
doubles_are_as_short_as_reads_back_equal(void **state)
{
    (void)state;
    resp_double(&out, 3, 0.1);
    expect(",0.1\r\n");
    resp_double(&out, 2, 0.1);
    expect("$3\r\n0.1\r\n");
    resp_double(&out, 3, 1.0 / 3);
    expect(",0.3333333333333333\r\n");
    resp_double(&out, 3, 3);
    expect(",3\r\n");
    resp_double(&out, 3, INFINITY);
    expect(",inf\r\n");
    resp_double(&out, 2, -INFINITY);
    expect("$4\r\n-inf\r\n");
    resp_double(&out, 3, NAN);
    expect(",nan\r\n");
}

static void
any_double_reads_back_equal(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252U;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        double d;
        memcpy(&d, &x, sizeof d);
        if (isnan(d) || isinf(d))
            continue;
        resp_double(&out, 3, d);
        double back = strtod(out.data + 1, NULL);
        assert_memory_equal(&back, &d, sizeof d);
        buf_clear(&out, OUT_MAX_BYTES);
    }
}

static void
booleans_and_verbatim_texts(void **state)
{
    (void)state;
    resp_bool(&out, 3, true);
    expect("#t\r\n");
    resp_bool(&out, 3, false);
    expect("#f\r\n");
    resp_bool(&out, 2, true);
    expect(":1\r\n");
    resp_bool(&out, 2, false);
    expect(":0\r\n");
    resp_verbatim(&out, 3, "txt", attl_s("Some string"));
    expect("=15\r\ntxt:Some string\r\n");
    resp_verbatim(&out, 2, "txt", attl_s("Some string"));
    expect("$11\r\nSome string\r\n");
}

static void
an_error_is_one_line_whatever_it_echoes(void **state)
{
    (void)state;
    resp_errorf(&out, "ERR unknown command '%s'", "a\r\n+OK\r\n\t\x7f");
    expect("-ERR unknown command 'a  +OK    '\r\n");
}

static void
an_error_is_cut_at_its_limit(void **state)
{
    (void)state;
    char text[4 * RESP_ERROR_MAX_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    resp_errorf(&out, "ERR %s", text);
    assert_int_equal(out.len, RESP_ERROR_MAX_BYTES + 3);
    assert_memory_equal(out.data + out.len - 3, "x\r\n", 3);
    buf_clear(&out, 0);
    resp_error(&out, text);
    assert_int_equal(out.len, RESP_ERROR_MAX_BYTES + 3);
}

static void
a_reply_that_does_not_fit_leaves_nothing_of_itself(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 64);
    resp_simple(&small, "OK");
    resp_bulk(&small,
              attl_b("0123456789012345678901234567890123456789012345678901234567890123", 64));
    assert_int_equal(small.failed, BUF_TOO_BIG);
    assert_int_equal(small.len, 5);
    resp_int(&small, 1);
    resp_error(&small, "ERR x");
    resp_simple(&small, "x");
    resp_null(&small, 2);
    resp_double(&small, 3, 1);
    resp_verbatim(&small, 3, "txt", attl_s("x"));
    assert_int_equal(small.len, 5);
    buf_fini(&small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(simple_strings_and_integers),
        TEST(bulks_are_binary_safe),
        TEST(nulls_differ_by_protocol),
        TEST(a_map_counts_pairs_and_is_flat_in_resp2),
        TEST(doubles_are_as_short_as_reads_back_equal),
        TEST(any_double_reads_back_equal),
        TEST(booleans_and_verbatim_texts),
        TEST(an_error_is_one_line_whatever_it_echoes),
        TEST(an_error_is_cut_at_its_limit),
        TEST(a_reply_that_does_not_fit_leaves_nothing_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
