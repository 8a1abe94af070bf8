/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decimal integers. The parser accepts exactly the canonical texts: what it takes, the formatter
 * prints back byte for byte, and everything else is refused. Random numbers and random near misses
 * are judged by the C library's strtoll and snprintf.
 */
#include "base/num.h"

#include "support/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
assert_parses(const char *text, int64_t want)
{
    int64_t got = ~want;
    assert_true(num_parse_i64(attl_s(text), &got));
    assert_int_equal(got, want);
}

static void
canonical_texts_are_accepted(void **state)
{
    (void)state;
    assert_parses("0", 0);
    assert_parses("7", 7);
    assert_parses("-1", -1);
    assert_parses("10", 10);
    assert_parses("9223372036854775807", INT64_MAX);
    assert_parses("-9223372036854775808", INT64_MIN);
    assert_parses("1000000000000000000", INT64_C(1000000000000000000));
}

static void
everything_else_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "-",
        "+",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        "007",
        " 1",
        "1 ",
        "1\n",
        "\t1",
        "1.0",
        "1e3",
        "0x10",
        "--1",
        "1-",
        "a",
        "12a",
        "a12",
        "/",
        ":",
        "1/",
        "1:",
        "\x31\xff",
        "9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "18446744073709551616",
        "10000000000000000000",
        "-10000000000000000000",
        "92233720368547758070",
        "-92233720368547758080",
        "00000000000000000000",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int64_t got = 77;
        if (num_parse_i64(attl_s(wrong[i]), &got))
            fail_msg("'%s' was accepted", wrong[i]);
        assert_int_equal(got, 77);
    }
    int64_t got = 77;
    assert_false(num_parse_i64(attl_b(NULL, 0), &got));
    assert_false(num_parse_i64(attl_b("1\0", 2), &got));
    assert_int_equal(got, 77);
}

/* A number whose magnitude is spread over all lengths. */
static int64_t
any_number(struct rng *r)
{
    int64_t n = (int64_t)(rng_u64(r) >> rng_below(r, 64));
    return rng_one_in(r, 2) ? n : (int64_t)(0 - (uint64_t)n);
}

static void
formatting_and_parsing_are_inverse(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    for (int i = 0; i < 200000; i++) {
        int64_t n = i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : any_number(&r);
        char text[NUM_TEXT_MAX], want[32];
        memset(text, '#', sizeof(text));
        size_t len = num_format_i64(text, n);
        assert_int_equal(len, (size_t)snprintf(want, sizeof(want), "%" PRId64, n));
        assert_true(len < NUM_TEXT_MAX);
        assert_memory_equal(text, want, len);
        assert_int_equal(text[len], '#'); /* no NUL, nothing behind */
        int64_t back;
        assert_true(num_parse_i64(attl_b(text, len), &back));
        assert_int_equal(back, n);
    }
}

/* What the parser should say of a text without NUL, by way of strtoll. */
static bool
judge(const char *text, int64_t *ret_value)
{
    char *end;
    char again[32];
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != 0)
        return false;
    (void)snprintf(again, sizeof(again), "%lld", n);
    *ret_value = n;
    return strcmp(again, text) == 0;
}

static void
near_misses_are_judged_as_by_the_c_library(void **state)
{
    (void)state;
    static const char spoilers[] = "0123456789-+ .a/:";
    struct rng r = rng_from_seed(2);
    unsigned accepted = 0;
    for (int i = 0; i < 200000; i++) {
        char text[40];
        int len = snprintf(text, sizeof(text), "%" PRId64, any_number(&r));
        for (uint64_t n = rng_below(&r, 3); n > 0 && len < 30; n--) {
            int at = (int)rng_below(&r, (uint64_t)len + 1);
            memmove(text + at + 1, text + at, (size_t)(len - at) + 1);
            text[at] = spoilers[rng_below(&r, sizeof(spoilers) - 1)];
            len++;
        }
        int64_t want = 0, got = 0;
        bool fine = judge(text, &want);
        if (num_parse_i64(attl_s(text), &got) != fine || got != want * fine)
            fail_msg("'%s': %d %" PRId64, text, !fine, got);
        accepted += fine;
    }
    assert_in_range(accepted, 60000, 190000); /* both answers are well represented */
}

static void
sums_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b;
        bool fits;
    } cases[] = {
        { 0, 0, true },
        { INT64_MAX, 0, true },
        { INT64_MAX, 1, false },
        { INT64_MAX, INT64_MIN, true },
        { INT64_MIN, -1, false },
        { INT64_MIN, INT64_MIN, false },
        { INT64_MAX - 5, 5, true },
        { INT64_MAX - 5, 6, false },
        { INT64_MIN + 5, -5, true },
        { INT64_MIN + 5, -6, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t sum = 77;
        assert_int_equal(num_add_i64(cases[i].a, cases[i].b, &sum), cases[i].fits);
        int64_t want = (int64_t)((uint64_t)cases[i].a + (uint64_t)cases[i].b);
        assert_int_equal(sum, cases[i].fits ? want : 77);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts_are_accepted),
        cmocka_unit_test(everything_else_is_refused_and_changes_nothing),
        cmocka_unit_test(formatting_and_parsing_are_inverse),
        cmocka_unit_test(near_misses_are_judged_as_by_the_c_library),
        cmocka_unit_test(sums_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
