/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Did you mean": a slip of one or two letters is found, whatever its case, and a word that
 * resembles nothing gets no suggestion, because a wrong one is worse. Over-long words must be
 * passed over.
 */
#include "cli_support.h"

#include "cli/nearest.h"

static const char *
suggest(const char *typed)
{
    static const char *const names[] = { "port", "password", "host", "timeout", "GETRANGE" };
    struct nearest best;
    nearest_init(&best, attl_s(typed));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        nearest_offer(&best, names[i]);
    return best.name;
}

static void
slips_are_found(void **state)
{
    (void)state;
    assert_string_equal(suggest("prot"), "port");
    assert_string_equal(suggest("pasword"), "password");
    assert_string_equal(suggest("hosts"), "host");
    assert_string_equal(suggest("timeouut"), "timeout");
    assert_string_equal(suggest("getrnge"), "GETRANGE");
    assert_string_equal(suggest("port"), "port");
}

static void
strangers_get_no_suggestion(void **state)
{
    char word[NEAREST_WORD_MAX + 2];
    (void)state;
    assert_null(suggest("xyzzy"));
    assert_null(suggest(""));
    memset(word, 'p', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(suggest(word));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_found),
        cmocka_unit_test(strangers_get_no_suggestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
