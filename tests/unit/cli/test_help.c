/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Help texts for commands, containers and groups, and the suggestion for a name that does not
 * exist. The texts come from the small catalog; what a server says there must be shown without
 * steering the terminal.
 */
#include "catalog_support.h"
#include "cli_support.h"

#include "cli/help.h"

static bool
explain(const struct catalog *c, struct capture *out, const char *first, const char *second)
{
    attl_slice words[2] = { attl_s(first), attl_s(second) };
    capture_begin(out);
    bool found = help_words(out->file, c, words, *second ? 2 : 1);
    (void)capture_end(out); /* the caller looks at out->text */
    return found;
}

static void
a_command_is_explained(void **state)
{
    struct catalog c;
    struct capture out;
    (void)state;
    catalog_of_docs(&c);
    assert_true(explain(&c, &out, "set", ""));
    assert_string_equal(out.text, "SET key value [NX | XX] [GET] [EX seconds | PX milliseconds]\n"
                                  "  Set a value\n  since      1.0.0\n  group      string\n"
                                  "  complexity O(1)\n");
    capture_free(&out);
    catalog_fini(&c);
}

static void
a_container_lists_its_subcommands(void **state)
{
    struct catalog c;
    struct capture out;
    (void)state;
    catalog_of_docs(&c);
    assert_true(explain(&c, &out, "config", ""));
    assert_non_null(strstr(out.text, "\n  CONFIG GET <name | ALL>\n"));
    assert_non_null(strstr(out.text, "\n  CONFIG SET\n    Set options\n"));
    capture_free(&out);
    assert_true(explain(&c, &out, "config", "get"));
    assert_null(strstr(out.text, "CONFIG SET"));
    capture_free(&out);
    catalog_fini(&c);
}

static void
a_group_lists_its_commands(void **state)
{
    struct catalog c;
    struct capture out;
    (void)state;
    catalog_of_docs(&c);
    assert_true(explain(&c, &out, "@Server", ""));
    assert_non_null(strstr(out.text, "CONFIG GET"));
    assert_null(strstr(out.text, "DEL"));
    capture_free(&out);
    assert_false(explain(&c, &out, "@nothing", ""));
    assert_string_equal(out.text, "");
    capture_free(&out);
    catalog_fini(&c);
}

static void
words_of_the_tool_are_explained_at_the_prompt(void **state)
{
    struct capture out;
    (void)state;
    capture_begin(&out);
    assert_true(help_offline(out.file, attl_s("Wal")));
    assert_false(help_offline(out.file, attl_s("stat")));
    assert_false(help_offline(out.file, attl_s("get")));
    assert_non_null(strstr(capture_end(&out), "attl wal dump DIR"));
    capture_free(&out);
}

static void
an_unknown_name_gets_a_suggestion(void **state)
{
    struct catalog c;
    struct capture out;
    (void)state;
    catalog_of_docs(&c);
    assert_false(explain(&c, &out, "confg", ""));
    assert_string_equal(out.text, "");
    capture_free(&out);
    capture_begin(&out);
    help_unknown(out.file, &c, attl_s("confg"));
    assert_string_equal(capture_end(&out), "no help for \"confg\"; did you mean CONFIG?\n");
    capture_free(&out);
    catalog_fini(&c);
    catalog_init(&c);
    capture_begin(&out);
    help_unknown(out.file, &c, attl_s("x\x1b"));
    assert_non_null(strstr(capture_end(&out), "\"x\\x1b\": the server does not describe"));
    capture_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_explained),
        cmocka_unit_test(a_container_lists_its_subcommands),
        cmocka_unit_test(a_group_lists_its_commands),
        cmocka_unit_test(words_of_the_tool_are_explained_at_the_prompt),
        cmocka_unit_test(an_unknown_name_gets_a_suggestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
