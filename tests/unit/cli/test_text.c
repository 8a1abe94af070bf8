/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is the text functions' own: line ends that are kept, carriage returns that are dropped, and
 * bytes that end C strings. Escaping as such is tested through the renderer and in
 * tests/unit/base/test_json.c. Nothing here fails.
 */
#include "cli_support.h"

#include "cli/text.h"

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
        cmocka_unit_test(safe_text_keeps_lines_and_drops_carriage_returns),
        cmocka_unit_test(nul_bytes_are_bytes_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
