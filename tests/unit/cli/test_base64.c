/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64 both ways: the vectors of RFC 4648, every length around the block the encoder works in,
 * and the strictness of the decoder. One sequence of bytes must have one text, or two dumps of the
 * same cache could differ.
 */
#include "cli_support.h"

#include "cli/base64.h"

static void
encodes_to(attl_slice bytes, const char *text)
{
    struct capture out;
    capture_begin(&out);
    base64_write(out.file, bytes);
    assert_string_equal(capture_end(&out), text);
    capture_free(&out);
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
every_length_around_a_block_survives(void **state)
{
    unsigned char bytes[3 * 256 + 8];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 31 + 7);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct capture out;
        struct buf back;
        buf_init(&back, sizeof bytes + 8);
        capture_begin(&out);
        base64_write(out.file, attl_b(bytes, len));
        const char *text = capture_end(&out);
        assert_int_equal(strlen(text), (len + 2) / 3 * 4);
        assert_true(base64_decode(&back, attl_s(text)));
        assert_int_equal(back.len, len);
        assert_memory_equal(len ? back.data : "", bytes, len);
        capture_free(&out);
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
    struct buf bytes;
    (void)state;
    buf_init(&bytes, 3);
    assert_false(base64_decode(&bytes, attl_s("Zm9vYmFy")));
    assert_int_equal(bytes.failed, BUF_TOO_BIG);
    buf_fini(&bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(every_length_around_a_block_survives),
        cmocka_unit_test(anything_but_the_one_form_is_refused),
        cmocka_unit_test(the_buffers_maximum_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
