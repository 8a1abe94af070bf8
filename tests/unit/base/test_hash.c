/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes against published and independently computed values: SipHash-1-3 against those of
 * CPython 3.11, whose string hash it is (with the keys that PYTHONHASHSEED=0 and =1 give), XXH3
 * against those of its specification. What the index needs beyond that is tested as a property:
 * equal bytes hash equally wherever they lie, another secret gives other hashes, and the bits the
 * index uses are all in play.
 */
#include "base/hash.h"

#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SAMPLES = 4096 };

struct vector {
    size_t len; /* of the input 00 01 02 ... */
    uint64_t hash;
};

static void
check_vectors(const uint64_t key[2], const struct vector *v, size_t count)
{
    struct hash_key k = { .use_siphash = true, .sip = { key[0], key[1] } };
    unsigned char input[64];
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (unsigned char)i;
    for (size_t i = 0; i < count; i++)
        if (hash_bytes(&k, attl_b(input, v[i].len)) != v[i].hash)
            fail_msg("length %zu: %016lx", v[i].len, hash_bytes(&k, attl_b(input, v[i].len)));
}

static void
siphash_gives_the_values_of_other_implementations(void **state)
{
    (void)state;
    static const uint64_t zero[2] = { 0, 0 };
    static const struct vector of_zero[] = {
        { 0, UINT64_C(0xd1fba762150c532c) },  { 1, UINT64_C(0x68a914128e01e473) },
        { 3, UINT64_C(0x4d4c9a4a8ef6e0ad) },  { 7, UINT64_C(0x2f098ab0c751325a) },
        { 8, UINT64_C(0xead411e67ebe2eea) },  { 9, UINT64_C(0x75927f9d95124362) },
        { 15, UINT64_C(0xf30eb725bb91c9ea) }, { 16, UINT64_C(0x8972188433a5c5b7) },
        { 17, UINT64_C(0x4883c49a2c009c1d) }, { 33, UINT64_C(0x7fb71d24dfa4c9f6) },
    };
    static const uint64_t one[2] = { UINT64_C(0xaed66ce184be2329), UINT64_C(0xebe9bbf1f1499052) };
    static const struct vector of_one[] = {
        { 1, UINT64_C(0xecd3e5afcecda4b9) },  { 3, UINT64_C(0x8d5b20ab227ba858) },
        { 7, UINT64_C(0xfd15e78052a69ddf) },  { 8, UINT64_C(0xc0b5739e7e28dd01) },
        { 9, UINT64_C(0x208a1a5a0cbbf778) },  { 15, UINT64_C(0xfa87985f39e97a53) },
        { 16, UINT64_C(0x12e9d283f9f37002) }, { 17, UINT64_C(0x9f5bb4237f61907f) },
        { 33, UINT64_C(0x936512292dbf5292) },
    };
    check_vectors(zero, of_zero, sizeof(of_zero) / sizeof(of_zero[0]));
    check_vectors(one, of_one, sizeof(of_one) / sizeof(of_one[0]));
}

static void
the_digest_is_plain_xxh3(void **state)
{
    (void)state;
    assert_int_equal(hash_digest(attl_b(NULL, 0)), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(hash_digest(attl_s("")), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(hash_digest(attl_s("a")), UINT64_C(0xe6c632b61e964e1f));
    assert_int_equal(hash_digest(attl_s("abc")), UINT64_C(0x78af5f94892f3950));
}

static struct hash_key
random_key(struct rng *r, bool use_siphash)
{
    struct hash_key k = { .use_siphash = use_siphash, .sip = { rng_u64(r), rng_u64(r) } };
    for (size_t i = 0; i < sizeof(k.secret); i++)
        k.secret[i] = (uint8_t)rng_u64(r);
    return k;
}

static void
equal_bytes_hash_equally_wherever_they_lie(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    unsigned char here[400], there[400];
    for (int siphash = 0; siphash < 2; siphash++) {
        struct hash_key k = random_key(&r, siphash);
        for (size_t len = 0; len < 300; len++) {
            size_t shift = rng_below(&r, 64);
            for (size_t i = 0; i < sizeof(here); i++) {
                here[i] = (unsigned char)rng_u64(&r);
                there[i] = (unsigned char)rng_u64(&r);
            }
            memcpy(there + shift, here, len);
            assert_int_equal(hash_bytes(&k, attl_b(here, len)),
                             hash_bytes(&k, attl_b(there + shift, len)));
        }
        assert_int_equal(hash_bytes(&k, attl_b(NULL, 0)), hash_bytes(&k, attl_b(here, 0)));
    }
}

static void
each_bit_of_the_input_and_its_length_matter(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(2);
    for (int siphash = 0; siphash < 2; siphash++) {
        struct hash_key k = random_key(&r, siphash);
        for (size_t len = 1; len < 260; len += len < 40 ? 1 : 31) {
            unsigned char bytes[260] = { 0 };
            uint64_t plain = hash_bytes(&k, attl_b(bytes, len));
            assert_int_not_equal(plain, hash_bytes(&k, attl_b(bytes, len - 1)));
            for (size_t bit = 0; bit < len * 8; bit++) {
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
                assert_int_not_equal(plain, hash_bytes(&k, attl_b(bytes, len)));
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            }
        }
    }
}

static void
another_secret_gives_other_hashes(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(3);
    for (int siphash = 0; siphash < 2; siphash++) {
        struct hash_key a = random_key(&r, siphash);
        struct hash_key b = random_key(&r, siphash);
        for (uint64_t i = 0; i < SAMPLES; i++)
            assert_int_not_equal(hash_bytes(&a, attl_b(&i, sizeof(i))),
                                 hash_bytes(&b, attl_b(&i, sizeof(i))));
    }
}

/* Each bit of the hashes of consecutive numbers is set about half of the time. */
static void
all_bits_are_in_play(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(4);
    for (int siphash = 0; siphash < 2; siphash++) {
        struct hash_key k = random_key(&r, siphash);
        unsigned set[64] = { 0 };
        for (uint64_t i = 0; i < SAMPLES; i++) {
            uint64_t hash = hash_bytes(&k, attl_b(&i, sizeof(i)));
            for (unsigned bit = 0; bit < 64; bit++)
                set[bit] += hash >> bit & 1;
        }
        for (unsigned bit = 0; bit < 64; bit++) /* six standard deviations */
            assert_in_range(set[bit], SAMPLES / 2 - 192, SAMPLES / 2 + 192);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_values_of_other_implementations),
        cmocka_unit_test(the_digest_is_plain_xxh3),
        cmocka_unit_test(equal_bytes_hash_equally_wherever_they_lie),
        cmocka_unit_test(each_bit_of_the_input_and_its_length_matter),
        cmocka_unit_test(another_secret_gives_other_hashes),
        cmocka_unit_test(all_bits_are_in_play),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
