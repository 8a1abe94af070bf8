/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction against the table against a loop over bits, on published values and on random
 * pieces at every alignment.
 */
#include "os/crc32c.h"

#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES = 4096 };

static uint32_t
bit_by_bit(uint32_t crc, const unsigned char *at, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void
both_are(const void *data, size_t len, uint32_t want)
{
    assert_int_equal(crc32c(0, data, len), want);
    assert_int_equal(crc32c_from_table(0, data, len), want);
}

/* The check value of the catalogue, and RFC 3720 appendix B.4. */
static void
published_values_come_out(void **state)
{
    (void)state;
    unsigned char bytes[32];
    both_are("123456789", 9, 0xe3069283);
    both_are("", 0, 0);
    memset(bytes, 0, sizeof bytes);
    both_are(bytes, sizeof bytes, 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    both_are(bytes, sizeof bytes, 0x62a8ab43);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    both_are(bytes, sizeof bytes, 0x46dd794e);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(31 - i);
    both_are(bytes, sizeof bytes, 0x113fdb5c);
}

static void
all_ways_agree_at_every_length_and_alignment(void **state)
{
    (void)state;
    static unsigned char bytes[BYTES];
    uint64_t seed = test_seed();
    struct rng r = rng_from_seed(seed);
    test_announce("crc32c", seed);
    for (unsigned i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)rng_u64(&r);
    for (unsigned at = 0; at < 17; at++) {
        for (size_t len = 0; len < 200; len++) {
            uint32_t start = (uint32_t)rng_u64(&r);
            uint32_t want = bit_by_bit(start, bytes + at, len);
            CHECK(crc32c(start, bytes + at, len) == want, "at %u, %zu bytes", at, len);
            CHECK(crc32c_from_table(start, bytes + at, len) == want, "at %u, %zu bytes", at, len);
        }
    }
}

static void
pieces_give_what_the_whole_gives(void **state)
{
    (void)state;
    static unsigned char bytes[BYTES];
    struct rng r = rng_from_seed(test_seed());
    for (unsigned i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)rng_u64(&r);
    uint32_t whole = crc32c(0, bytes, BYTES);
    assert_int_equal(crc32c_from_table(0, bytes, BYTES), whole);
    for (int i = 0; i < 500; i++) {
        size_t cut = rng_below(&r, BYTES + 1);
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, BYTES - cut), whole);
    }
}

static void
one_flipped_bit_changes_it(void **state)
{
    (void)state;
    unsigned char bytes[64] = { 1, 2, 3 };
    uint32_t before = crc32c(0, bytes, sizeof bytes);
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_not_equal(crc32c(0, bytes, sizeof bytes), before);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_come_out),
        cmocka_unit_test(all_ways_agree_at_every_length_and_alignment),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(one_flipped_bit_changes_it),
    };
    print_message("# an instruction: %s\n", crc32c_has_instruction() ? "yes" : "no");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
