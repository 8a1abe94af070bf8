/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages: cut rather than overflowing, absent when nobody wants them, and harmless on a terminal.
 */
#include "config_support.h"

#include "config/config_error.h"

static void
a_message_is_cut_to_its_buffer(void **state)
{
    (void)state;
    char text[6];
    assert_int_equal(config_fail((struct config_error){ text, sizeof text }, "%s", "abcdefgh"),
                     ATTL_E_CONFIG);
    assert_string_equal(text, "abcde");
    assert_int_equal(config_fail((struct config_error){ text, 0 }, "x"), ATTL_E_CONFIG);
    assert_string_equal(text, "abcde");
    assert_int_equal(config_fail((struct config_error){ NULL, 10 }, "x"), ATTL_E_CONFIG);
    assert_int_equal(config_fail_memory((struct config_error){ text, sizeof text }), ATTL_E_NOMEM);
    assert_string_equal(text, "out o");
}

static void
shown_text_is_printable_and_bounded(void **state)
{
    (void)state;
    char out[CONFIG_SHOWN_BYTES], longer[200];
    assert_string_equal(config_shown(out, attl_b("a\0\n\x1b\xff z", 7)), "a???? z");
    assert_string_equal(config_shown(out, attl_b(NULL, 0)), "");
    memset(longer, 'x', sizeof longer);
    config_shown(out, attl_b(longer, sizeof longer));
    assert_int_equal(strlen(out), CONFIG_SHOWN_BYTES - 1);
    assert_string_equal(out + strlen(out) - 4, "x...");
}

static void
an_unknown_name_gets_advice(void **state)
{
    (void)state;
    char text[OPTION_ERROR_MAX];
    struct config_error err = { text, sizeof text };
    assert_int_equal(config_fail_unknown(err, attl_s("maxmemroy")), ATTL_E_CONFIG);
    assert_string_equal(text, "unknown setting 'maxmemroy'; did you mean maxmemory?");
    assert_int_equal(config_fail_unknown(err, attl_s("zzzzzzzzzzz")), ATTL_E_CONFIG);
    assert_string_equal(text, "unknown setting 'zzzzzzzzzzz'; docs/config.md lists them all");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_cut_to_its_buffer),
        cmocka_unit_test(shown_text_is_printable_and_bounded),
        cmocka_unit_test(an_unknown_name_gets_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
