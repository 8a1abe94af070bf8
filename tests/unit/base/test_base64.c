/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64 both ways: the vectors of RFC 4648, lengths of every remainder,
 * and the strictness of the decoder. One sequence of bytes must have one text, or two dumps of the
 * same cache could differ.
 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
encodes_to(attl_slice bytes, const char *text)
{
    struct buf out;
    buf_init(&out, 64);
    base64_append(&out, bytes);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);
    buf_fini(&out);
}

static void
vectors_of_the_rfc(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf bytes;
        buf_init(&bytes, 64);
        encodes_to(attl_s(cases[i][0]), cases[i][1]);
        assert_true(base64_decode(&bytes, attl_s(cases[i][1])));
        assert_int_equal(bytes.len, strlen(cases[i][0]));
        assert_memory_equal(bytes.data ? bytes.data : "", cases[i][0], bytes.len);
        buf_fini(&bytes);
    }
    encodes_to(attl_b("\xff\xef\xbe", 3), "/+++");
}

static void
every_length_survives(void **state)
{
    unsigned char bytes[40];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 31 + 7);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct buf text, back;
        buf_init(&text, 2 * sizeof bytes);
        buf_init(&back, sizeof bytes + 8);
        base64_append(&text, attl_b(bytes, len));
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_true(base64_decode(&back, buf_slice(&text)));
        assert_int_equal(back.len, len);
        assert_memory_equal(len ? back.data : "", bytes, len);
        buf_fini(&text);
        buf_fini(&back);
    }
}

static void
anything_but_the_one_form_is_refused(void **state)
{
    static const char *const bad[] = { "Z",    "Zg",   "Zg=",  "Zg===",    "=Zg=",
                                       "Zh==", "Zm9=", "Zm 9", "Zm9\n",    "Zg==Zg==",
                                       "====", "Z===", "Zm-_", "Zm9v Zm9v" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf bytes;
        buf_init(&bytes, 64);
        if (base64_decode(&bytes, attl_s(bad[i])))
            fail_msg("'%s' was accepted", bad[i]);
        buf_fini(&bytes);
    }
}

static void
the_buffers_maximum_holds(void **state)
{
    char memory[3];
    struct buf bytes;
    (void)state;
    buf_init_fixed(&bytes, memory, sizeof memory);
    assert_false(base64_decode(&bytes, attl_s("Zm9vYmFy")));
    assert_int_equal(bytes.failed, BUF_TOO_BIG);
    buf_init_fixed(&bytes, memory, sizeof memory);
    base64_append(&bytes, attl_s("f"));
    assert_int_equal(bytes.failed, BUF_TOO_BIG);
    assert_int_equal(bytes.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(every_length_survives),
        cmocka_unit_test(anything_but_the_one_form_is_refused),
        cmocka_unit_test(the_buffers_maximum_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
