/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slices: a text is itself and nothing longer or shorter, and lines are taken as they stand, with
 * either kind of end, the last one without any. No state.
 */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
a_text_is_only_itself(void **state)
{
    (void)state;
    assert_true(slice_is(attl_s("abc"), "abc"));
    assert_true(slice_is(attl_s(""), ""));
    assert_false(slice_is(attl_s("abc"), "ab"));
    assert_false(slice_is(attl_s("ab"), "abc"));
    assert_false(slice_is(attl_s("abd"), "abc"));
    assert_false(slice_is(attl_b("a\0", 2), "a"));
}

static void
lines_end_in_either_way(void **state)
{
    static const char *const want[] = { "one", "", "two\rtwo", "", "three" };
    attl_slice rest = attl_s("one\r\n\ntwo\rtwo\n\r\nthree"), line;
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(slice_take_line(&rest, &line));
        assert_true(slice_is(line, want[i]));
    }
    assert_false(slice_take_line(&rest, &line));
    assert_int_equal(rest.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_only_itself),
        cmocka_unit_test(lines_end_in_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
