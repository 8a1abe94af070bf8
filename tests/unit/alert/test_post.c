/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be told of a post without a network: the signature against a known vector, and which
 * answers are worth another attempt. Posts to real receivers are in tests/e2e/test_alerts.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/post.h"

static void
the_signature_covers_time_and_body(void **state)
{
    (void)state;
    char text[POST_SIGNATURE_BYTES];
    /* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret */
    post_signature("secret", 1700000000, attl_s("{\"a\":1}"), text);
    assert_string_equal(text, "t=1700000000,v1="
                              "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
    char other[POST_SIGNATURE_BYTES];
    post_signature("secret", 1700000001, attl_s("{\"a\":1}"), other);
    assert_string_not_equal(text + 13, other + 13);
}

static void
answers_are_judged(void **state)
{
    (void)state;
    static const struct {
        long code;
        enum post_outcome outcome;
    } answers[] = {
        { 200, POST_TAKEN }, { 204, POST_TAKEN }, { 299, POST_TAKEN }, { 301, POST_FINAL },
        { 400, POST_FINAL }, { 403, POST_FINAL }, { 404, POST_FINAL }, { 408, POST_AGAIN },
        { 425, POST_AGAIN }, { 429, POST_AGAIN }, { 500, POST_AGAIN }, { 503, POST_AGAIN },
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        assert_int_equal(post_judge(true, answers[i].code), answers[i].outcome);
    assert_int_equal(post_judge(false, 0), POST_AGAIN);
    assert_int_equal(post_judge(false, 200), POST_AGAIN); /* cut off behind the status line */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_covers_time_and_body),
        cmocka_unit_test(answers_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
