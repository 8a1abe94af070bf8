/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hexadecimal digits both ways, over all bytes and all characters. Only the digits have a value,
 * and capital letters only where they are asked for. No state.
 */
#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
every_byte_comes_back(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        unsigned char byte = (unsigned char)b;
        char text[3], want[3];
        hex_text(text, &byte, 1);
        (void)snprintf(want, sizeof want, "%02x", b);
        assert_string_equal(text, want);
        assert_int_equal(hex_value(text[0]) * 16 + hex_value_lower(text[1]), b);
    }
}

static void
only_digits_have_a_value(void **state)
{
    static const char lower[] = "0123456789abcdef", upper[] = "ABCDEF";
    (void)state;
    for (int c = -128; c < 128; c++) {
        const char *l = c ? strchr(lower, c) : NULL, *u = c ? strchr(upper, c) : NULL;
        assert_int_equal(hex_value_lower((char)c), l ? l - lower : -1);
        assert_int_equal(hex_value((char)c), l ? l - lower : u ? u - upper + 10 : -1);
    }
}

static void
digits_alone_have_no_nul(void **state)
{
    char text[] = "......";
    (void)state;
    hex_digits(text + 1, "\x0f\xa0", 2);
    assert_string_equal(text, ".0fa0.");
    hex_text(text, "", 0);
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(only_digits_have_a_value),
        cmocka_unit_test(digits_alone_have_no_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
