/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets of requests by table: what is a path of ours, how values are decoded, and that everything
 * that could have two meanings is refused. Limits are tried at their edges.
 */
#include "admin/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct target *
fresh(void)
{
    struct target *t = malloc(sizeof *t);
    assert_non_null(t);
    memset(t, 0xa5, sizeof *t);
    return t;
}

static void
paths_are_taken_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum target_problem want;
    } cases[] = {
        { "/", TARGET_FINE },
        { "/livez", TARGET_FINE },
        { "/assets/app-1.2_x.js", TARGET_FINE },
        { "/api/v1/", TARGET_FINE },
        { "", TARGET_NOT_OURS },
        { "*", TARGET_NOT_OURS },
        { "livez", TARGET_NOT_OURS },
        { "http://x/livez", TARGET_NOT_OURS },
        { "//livez", TARGET_NOT_OURS },
        { "/a//b", TARGET_NOT_OURS },
        { "/../x", TARGET_NOT_OURS },
        { "/a/../x", TARGET_NOT_OURS },
        { "/a/.hidden", TARGET_NOT_OURS },
        { "/./x", TARGET_NOT_OURS },
        { "/%6civez", TARGET_NOT_OURS },
        { "/a b", TARGET_NOT_OURS },
        { "/a\\b", TARGET_NOT_OURS },
        { "/<x>", TARGET_NOT_OURS },
        { "/\xc3\xa4", TARGET_NOT_OURS },
    };
    struct target *t = fresh();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(target_parse(t, attl_s(cases[i].text)), cases[i].want);
        if (cases[i].want == TARGET_FINE)
            assert_string_equal(t->path, cases[i].text);
    }
    free(t);
}

static void
expect_param(const struct target *t, const char *name, attl_slice want)
{
    const attl_slice *value = target_param(t, name);
    assert_non_null(value);
    assert_int_equal(value->len, want.len);
    assert_memory_equal(value->data, want.data, want.len);
}

static void
values_are_decoded_and_may_hold_any_byte(void **state)
{
    (void)state;
    struct target *t = fresh();
    assert_int_equal(target_parse(t, attl_s("/x?key=a%00b%FF%2b+c&n=&flag&%6e2=1=2&&")),
                     TARGET_FINE);
    assert_int_equal(t->params_len, 4);
    expect_param(t, "key", attl_b("a\0b\xff+ c", 7));
    expect_param(t, "n", attl_s(""));
    expect_param(t, "flag", attl_s(""));
    expect_param(t, "n2", attl_s("1=2"));
    assert_null(target_param(t, "absent"));
    assert_int_equal(target_parse(t, attl_s("/x?")), TARGET_FINE);
    assert_int_equal(t->params_len, 0);
    free(t);
}

static void
queries_with_two_meanings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "/x?a=1&a=2", "/x?a&%61", "/x?=1",  "/x?a=%",
                                       "/x?a=%1",    "/x?a=%1g", "/x?%zz", "/x?a=1&b=%f" };
    struct target *t = fresh();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(target_parse(t, attl_s(bad[i])), TARGET_BAD_QUERY);
    free(t);
}

static void
limits_hold_at_their_edges(void **state)
{
    (void)state;
    char text[TARGET_PATH_MAX + TARGET_QUERY_MAX + 16];
    struct target *t = fresh();
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_int_equal(target_parse(t, attl_b(text, TARGET_PATH_MAX - 1)), TARGET_FINE);
    assert_int_equal(target_parse(t, attl_b(text, TARGET_PATH_MAX)), TARGET_LONG);
    text[1] = '?';
    assert_int_equal(target_parse(t, attl_b(text, 2 + TARGET_QUERY_MAX)), TARGET_FINE);
    assert_int_equal(target_parse(t, attl_b(text, 3 + TARGET_QUERY_MAX)), TARGET_LONG);
    size_t len = (size_t)snprintf(text, sizeof text, "/?");
    for (int i = 0; i < TARGET_PARAMS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "p%d&", i);
    assert_int_equal(target_parse(t, attl_b(text, len)), TARGET_FINE);
    len += (size_t)snprintf(text + len, sizeof text - len, "one-more");
    assert_int_equal(target_parse(t, attl_b(text, len)), TARGET_BAD_QUERY);
    free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_taken_as_they_are),
        cmocka_unit_test(values_are_decoded_and_may_hold_any_byte),
        cmocka_unit_test(queries_with_two_meanings_are_refused),
        cmocka_unit_test(limits_hold_at_their_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
