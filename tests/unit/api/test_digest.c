/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_digest() is what Redis' DIGEST answers, so its values are fixed by somebody else. They were
 * taken from the reference implementation of XXH3 with seed 0. No cache is needed for it.
 */
#include "support/unit.h"

static void
the_digest_is_xxh3_of_64_bits(void **state)
{
    unsigned char counting[300];
    (void)state;
    for (size_t i = 0; i < sizeof(counting); i++)
        counting[i] = (unsigned char)i;
    /* Long enough for the other paths of the algorithm. */
    assert_int_equal(attl_digest(attl_b(counting, sizeof(counting))), UINT64_C(0xd44052f5a3485425));
    assert_int_equal(attl_digest(attl_b(NULL, 0)), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(attl_digest(attl_s("a")), UINT64_C(0xe6c632b61e964e1f));
    assert_int_equal(attl_digest(attl_s("abc")), UINT64_C(0x78af5f94892f3950));
    assert_true(attl_digest(attl_s("abc")) != attl_digest(attl_s("abd")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_xxh3_of_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
