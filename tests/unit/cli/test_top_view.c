/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys: digits, letters, arrows whole and in pieces, and sequences nobody knows, which must not be
 * taken for letters that do something.
 */
#include "cli_support.h"

#include "cli/top_view.h"

#include <string.h>

static void
type(struct top_view *v, const char *keys)
{
    top_view_keys(v, keys, strlen(keys));
}

static void
digits_and_arrows_choose_a_section(void **state)
{
    struct top_view v = { 0 };
    (void)state;
    type(&v, "3");
    assert_int_equal(v.section, TOP_SHARDS);
    type(&v, "\033[C");
    assert_int_equal(v.section, TOP_HOT);
    type(&v, "\033");
    type(&v, "[");
    type(&v, "D");
    assert_int_equal(v.section, TOP_SHARDS);
    type(&v, "1\033OD");
    assert_int_equal(v.section, TOP_SLOW); /* round the end */
    type(&v, "\t");
    assert_int_equal(v.section, TOP_OVERVIEW);
    type(&v, "6790");
    assert_int_equal(v.section, TOP_OVERVIEW);
}

static void
rows_do_not_go_below_the_first(void **state)
{
    struct top_view v = { 0 };
    (void)state;
    type(&v, "\033[Bjj");
    assert_int_equal(v.first_row, 3);
    type(&v, "\033[A\033[Ak\033[A\033[A");
    assert_int_equal(v.first_row, 0);
    type(&v, "jj2");
    assert_int_equal(v.first_row, 0); /* another section begins at its top */
}

static void
letters_pause_help_redact_and_quit(void **state)
{
    struct top_view v = { 0 };
    (void)state;
    type(&v, "p?r");
    assert_true(v.paused && v.help && v.redact && !v.quit);
    type(&v, "p?r");
    assert_false(v.paused || v.help || v.redact);
    type(&v, "?2");
    assert_false(v.help);
    type(&v, "q");
    assert_true(v.quit);
}

static void
unknown_sequences_do_nothing(void **state)
{
    struct top_view v = { 0 };
    (void)state;
    type(&v, "\033[15~\033[1;5H\033[3~\033xz");
    assert_int_equal(v.section, TOP_OVERVIEW);
    assert_false(v.paused || v.help || v.redact || v.quit);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_and_arrows_choose_a_section),
        cmocka_unit_test(rows_do_not_go_below_the_first),
        cmocka_unit_test(letters_pause_help_redact_and_quit),
        cmocka_unit_test(unknown_sequences_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
