/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 is checked against its definition, over all code points and over every sequence of two
 * bytes, since everything that escapes or passes text on relies on it. The escaping functions are
 * tested through the renderer; here only what is theirs alone.
 */
#include "cli_support.h"

#include "cli/text.h"

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
safe_text_keeps_lines_and_drops_carriage_returns(void **state)
{
    struct capture out;
    (void)state;
    capture_begin(&out);
    text_safe(out.file, attl_s("a\r\nb\tc\x1b]0;x\x07\xc3\xa9\xff"));
    assert_string_equal(capture_end(&out), "a\nb\tc\\x1b]0;x\\x07\xc3\xa9\\xff");
    capture_free(&out);
}

static void
nul_bytes_are_bytes_like_others(void **state)
{
    struct capture out;
    (void)state;
    capture_begin(&out);
    text_quoted(out.file, attl_b("a\0b", 3));
    text_json(out.file, attl_b("\0", 1));
    assert_string_equal(capture_end(&out), "\"a\\x00b\"\"\\u0000\"");
    capture_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_survives_encoding),
        cmocka_unit_test(what_is_not_utf8_is_told),
        cmocka_unit_test(safe_text_keeps_lines_and_drops_carriage_returns),
        cmocka_unit_test(nul_bytes_are_bytes_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
