/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion and hints for lines as they are typed, against a small catalog. The functions are
 * pure; a bar in a case marks nothing, the cursor is always at the end. Lines too long to help with
 * must be met with silence.
 */
#include "catalog_support.h"
#include "cli_support.h"

#include "cli/complete.h"

/* Candidates joined by blanks. */
static void
offers(const struct catalog *c, const char *line, const char *expected)
{
    struct completions done;
    char text[1024] = "";
    size_t n = 0;
    complete_line(c, attl_s(line), &done);
    for (size_t i = 0; i < done.count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", done.words[i]);
    if (strcmp(text, expected) != 0)
        fail_msg("'%s' offered '%s', not '%s'", line, text, expected);
}

static void
hints(const struct catalog *c, const char *line, const char *expected)
{
    char hint[COMPLETE_HINT_MAX];
    complete_hint(c, attl_s(line), hint);
    if (strcmp(hint, expected) != 0)
        fail_msg("'%s' hinted '%s', not '%s'", line, hint, expected);
}

static void
words_are_completed_in_the_case_they_are_typed(void **state)
{
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    offers(&c, "co", "config copy connect");
    offers(&c, "CO", "CONFIG COPY CONNECT");
    offers(&c, "  cop", "copy");
    offers(&c, "xyz", "");
    offers(&c, "", "CONFIG COPY DEL SET HELP EXIT QUIT CLEAR CONNECT WAL SNAPSHOT CHECK");
    offers(&c, "config ", "GET SET");
    offers(&c, "config g", "get");
    offers(&c, "help co", "config copy");
    offers(&c, "help config s", "set");
    offers(&c, "help config set x", "");
    catalog_fini(&c);
}

static void
words_about_data_directories_are_completed(void **state)
{
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    offers(&c, "wa", "wal");
    offers(&c, "SNA", "SNAPSHOT");
    offers(&c, "help sna", "snapshot");
    offers(&c, "wal ", "list dump verify");
    offers(&c, "snapshot ver", "verify");
    offers(&c, "wal dump /tmp --", "--json --from --to --limit --keys --values");
    offers(&c, "snapshot restore /tmp x --d", "--dry-run");
    offers(&c, "wal list ", "");
    offers(&c, "check ", "");
    offers(&c, "check --j", "--json");
    catalog_fini(&c);
}

static void
tokens_of_the_arguments_are_completed(void **state)
{
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    offers(&c, "set k v ", "NX XX GET EX PX");
    offers(&c, "set k v e", "ex");
    offers(&c, "copy a b RE", "REPLACE");
    offers(&c, "config get a", "all");
    offers(&c, "set k \"E", "");
    offers(&c, "set k 'quoted blank' P", "PX");
    catalog_fini(&c);
}

static void
what_candidates_share_is_known(void **state)
{
    struct catalog c;
    struct completions done;
    (void)state;
    catalog_of_docs(&c);
    complete_line(&c, attl_s("c"), &done);
    assert_int_equal(done.count, 5); /* config copy clear connect check */
    assert_int_equal(complete_common(&done), 0);
    complete_line(&c, attl_s("con"), &done);
    assert_int_equal(done.count, 2);
    assert_int_equal(complete_common(&done), 0);
    complete_line(&c, attl_s("conf"), &done);
    assert_int_equal(complete_common(&done), 2);
    complete_line(&c, attl_s("zzz"), &done);
    assert_int_equal(complete_common(&done), 0);
    catalog_fini(&c);
}

static void
hints_show_what_is_still_to_come(void **state)
{
    struct catalog c;
    (void)state;
    catalog_of_docs(&c);
    hints(&c, "", "");
    hints(&c, "set", "");
    hints(&c, "set ", "key value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    hints(&c, "SET k", "key value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    hints(&c, "set k ", "value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    hints(&c, "set k v ex 10 ", "[NX | XX] [GET]");
    hints(&c, "set k v xx get ", "[EX seconds | PX milliseconds]");
    hints(&c, "del a ", "[key ...]");
    hints(&c, "config get ", "<name | ALL>");
    hints(&c, "config get x ", "");
    hints(&c, "config ", "");
    hints(&c, "nothing ", "");
    hints(&c, "set \"a b\" ", "value [NX | XX] [GET] [EX seconds | PX milliseconds]");
    catalog_fini(&c);
}

static void
long_lines_and_words_are_left_alone(void **state)
{
    struct catalog c;
    char line[4096];
    (void)state;
    catalog_of_docs(&c);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    offers(&c, line, "");
    hints(&c, line, "");
    for (size_t i = 1; i < sizeof line - 1; i += 2)
        line[i] = ' ';
    offers(&c, line, "");
    hints(&c, line, "");
    catalog_fini(&c);
}

static void
an_empty_catalog_offers_the_tools_own_words(void **state)
{
    struct catalog c;
    (void)state;
    catalog_init(&c);
    offers(&c, "he", "help");
    offers(&c, "set k ", "");
    hints(&c, "set k ", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_completed_in_the_case_they_are_typed),
        cmocka_unit_test(words_about_data_directories_are_completed),
        cmocka_unit_test(tokens_of_the_arguments_are_completed),
        cmocka_unit_test(what_candidates_share_is_known),
        cmocka_unit_test(hints_show_what_is_still_to_come),
        cmocka_unit_test(long_lines_and_words_are_left_alone),
        cmocka_unit_test(an_empty_catalog_offers_the_tools_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
