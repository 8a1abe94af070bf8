/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 is checked against its definition, over all code points and over sequences of each kind
 * that is none, since everything that escapes or passes text on relies on it. Characters that hide
 * are told from those that only look strange. No state.
 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
every_code_point_survives_encoding(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char bytes[4];
        uint32_t back = 0;
        if (code >= 0xd800 && code < 0xe000)
            continue;
        size_t n = utf8_encode(code, bytes);
        assert_int_equal(utf8_step(bytes, n, &back), n);
        assert_int_equal(back, code);
        assert_int_equal(utf8_step(bytes, n - 1, &back), 0); /* cut short */
    }
}

static void
what_is_not_utf8_is_told(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe2\x82",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xe2\x28\xa1",
    };
    uint32_t code;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(utf8_step(bad[i], strlen(bad[i]), &code), 0);
        assert_false(utf8_valid(attl_s(bad[i])));
    }
    assert_true(utf8_valid(attl_s("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(utf8_valid(attl_s("")));
    assert_int_equal(utf8_step("", 0, &code), 0);
}

static void
what_hides_or_reorders_is_told(void **state)
{
    static const uint32_t hidden[] = { 0, 0x1f, 0x7f, 0x9f, 0xad, 0x200b, 0x202e, 0x2066, 0xfeff };
    static const uint32_t shown[] = { ' ', '~', 0xa0, 0xe9, 0x2010, 0x2030, 0x20ac, 0x1f600 };
    (void)state;
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        assert_true(utf8_hidden(hidden[i]));
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        assert_false(utf8_hidden(shown[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_survives_encoding),
        cmocka_unit_test(what_is_not_utf8_is_told),
        cmocka_unit_test(what_hides_or_reorders_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
