/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 against the examples of FIPS 180-4 and HMAC against those of RFC 4231, and that pieces
 * make no difference: whatever the cuts, the digest is that of the whole. Padding is met on both
 * sides of a block's end.
 */
#include "base/sha256.h"
#include "base/hex.h"
#include "support/unit.h"

#include <string.h>

static void
expect_digest(const void *data, size_t len, size_t piece, const char *hex)
{
    unsigned char digest[SHA256_BYTES];
    char got[SHA256_HEX_CHARS + 1];
    struct sha256 h;
    sha256_init(&h);
    for (size_t at = 0; at < len; at += piece)
        sha256_add(&h, (const char *)data + at, len - at < piece ? len - at : piece);
    sha256_end(&h, digest);
    hex_text(got, digest, SHA256_BYTES);
    assert_string_equal(got, hex);
}

static void
the_examples_of_the_standard_come_out(void **state)
{
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static char million[1000000];
    (void)state;
    memset(million, 'a', sizeof million);
    expect_digest("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest("abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (size_t piece = 1; piece <= sizeof two; piece++)
        expect_digest(two, sizeof two - 1, piece,
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    for (size_t piece = 63; piece < 400; piece += 67)
        expect_digest(million, sizeof million, piece,
                      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
the_examples_for_hmac_come_out(void **state)
{
    unsigned char key[20], long_key[131], digest[SHA256_BYTES];
    char hex[SHA256_HEX_CHARS + 1];
    struct hmac_sha256 h;
    (void)state;
    memset(key, 0x0b, sizeof key);
    hmac_sha256_init(&h, key, sizeof key);
    hmac_sha256_add(&h, "Hi There", 8);
    hmac_sha256_end(&h, digest);
    hex_text(hex, digest, SHA256_BYTES);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256_init(&h, "Jefe", 4);
    hmac_sha256_add(&h, "what do ya want ", 16);
    hmac_sha256_add(&h, "for nothing?", 12);
    hmac_sha256_end(&h, digest);
    hex_text(hex, digest, SHA256_BYTES);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof long_key);
    hmac_sha256_init(&h, long_key, sizeof long_key);
    hmac_sha256_add(&h, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    hmac_sha256_end(&h, digest);
    hex_text(hex, digest, SHA256_BYTES);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_come_out),
        cmocka_unit_test(the_examples_for_hmac_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
