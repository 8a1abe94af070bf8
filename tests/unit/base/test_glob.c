/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Glob patterns: a table of what matches, a comparison with a plain recursive matcher on random
 * patterns, and the patterns that were built to stop a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/glob.h"

static bool
matches(const char *pattern, const char *text)
{
    return glob_match(attl_s(pattern), attl_s(text), false);
}

static void
patterns_match_as_in_redis(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool holds;
    } all[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "**", "abc", true },
        { "?", "", false },
        { "?", "a", true },
        { "a*", "abc", true },
        { "*c", "abc", true },
        { "*b*", "abc", true },
        { "a*c", "abc", true },
        { "a*d", "abc", false },
        { "abc", "ab", false },
        { "ab", "abc", false },
        { "h[ae]llo", "hello", true },
        { "h[ae]llo", "hillo", false },
        { "h[^e]llo", "hallo", true },
        { "h[^e]llo", "hello", false },
        { "[a-c]", "b", true },
        { "[c-a]", "b", true },
        { "[a-c]", "d", false },
        { "[abc", "c", true },
        { "[]", "a", false },
        { "[^]", "a", true },
        { "\\*", "*", true },
        { "\\*", "a", false },
        { "\\", "\\", true },
        { "a\\", "a\\", true },
        { "[\\]]", "]", true },
        { "[a\\-z]", "-", true },
        { "[a\\-z]", "m", false },
        { "*[", "x", false },
        { "a?c*", "abcd", true },
        { "*ab*ab*c", "ababab", false },
        { "*ab*ab*c", "xabyabzc", true },
        { "A", "a", false },
        { "[a-]", "a", true },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (matches(all[i].pattern, all[i].text) != all[i].holds)
            fail_msg("%s and %s", all[i].pattern, all[i].text);
    assert_true(glob_match(attl_s("HE?[K-M]*"), attl_s("hello"), true));
    assert_true(glob_match(attl_b("a\0b*", 4), attl_b("a\0bc", 4), false));
    assert_true(glob_match_name(attl_s("MAX*"), "maxmemory"));
}

/* Stars, question marks and letters only, straight from the definition. */
static bool
plain_match(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (*p == '*')
        return plain_match(p + 1, s) || (*s && plain_match(p, s + 1));
    return *s && (*p == '?' || *p == *s) && plain_match(p + 1, s + 1);
}

static void
random_patterns_agree_with_the_definition(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 200000; round++) {
        char pattern[9], text[9];
        size_t p_len = 0, t_len = 0;
        for (int i = 0; i < 8; i++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 28 < 12)
                pattern[p_len++] = "ab*?"[seed >> 20 & 3];
            if (seed >> 16 & 3)
                text[t_len++] = "ab"[seed >> 12 & 1];
        }
        pattern[p_len] = text[t_len] = '\0';
        if (matches(pattern, text) != plain_match(pattern, text))
            fail_msg("%s and %s", pattern, text);
    }
}

static double
seconds_of(attl_slice pattern, attl_slice text, bool expected)
{
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    assert_int_equal(glob_match(pattern, text, true), expected);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

static void
patterns_built_to_stop_a_server_do_not(void **state)
{
    (void)state;
    enum { WILDCARDS = 20000, BYTES = 2 * WILDCARDS + 1 };
    char *pattern = malloc(BYTES), *text = malloc(BYTES);
    assert_non_null(pattern);
    assert_non_null(text);
    memset(text, 'a', BYTES);
    for (size_t i = 0; i < WILDCARDS; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[BYTES - 1] = 'b';
    assert_true(seconds_of(attl_b(pattern, BYTES), attl_b(text, BYTES), false) < 0.5);
    memset(pattern, '*', BYTES);
    assert_true(seconds_of(attl_b(pattern, BYTES), attl_b(text, BYTES), true) < 0.5);
    memset(pattern, '?', BYTES);
    pattern[0] = '*';
    assert_true(seconds_of(attl_b(pattern, BYTES), attl_b(text, BYTES), true) < 0.5);
    memset(pattern, 'a', BYTES);
    pattern[0] = '*';
    pattern[WILDCARDS] = 'b';
    assert_true(seconds_of(attl_b(pattern, WILDCARDS + 1), attl_b(text, BYTES), false) < 0.5);
    memset(pattern, '[', BYTES);
    pattern[0] = '*';
    assert_true(seconds_of(attl_b(pattern, BYTES), attl_b(text, BYTES), false) < 0.5);
    assert_false(glob_match_name(attl_b(pattern, BYTES), "a"));
    free(pattern);
    free(text);
}

static void
keys_below_four_kilobytes_are_always_decided(void **state)
{
    (void)state;
    enum { LEN = 4000 };
    static char pattern[LEN / 2 + 2], text[LEN];
    memset(text, 'a', LEN);
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '*';
    pattern[sizeof pattern - 1] = 'b';
    text[LEN - 1] = 'b';
    assert_true(glob_match(attl_b(pattern, sizeof pattern), attl_b(text, LEN), false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_redis),
        cmocka_unit_test(random_patterns_agree_with_the_definition),
        cmocka_unit_test(patterns_built_to_stop_a_server_do_not),
        cmocka_unit_test(keys_below_four_kilobytes_are_always_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
