/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arguments of COMMAND DOCS, which are read from the syntax texts of the table: repeated words
 * and groups, tokens that name a value, choices, and the well-formedness of all of them.
 */
#include "command_support.h"

#include "command/table.h"

static void
words_and_their_repetition_become_arguments(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "COMMAND DOCS get",
                "$9\r\narguments\r\n"
                "*1\r\n*4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n");
    expect_part(f, "COMMAND DOCS del",
                "$9\r\narguments\r\n"
                "*1\r\n*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$5\r\n"
                "flags\r\n*1\r\n+multiple\r\n");
    expect_part(f, "COMMAND DOCS mset",
                "$9\r\narguments\r\n"
                "*1\r\n*8\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$5\r\nblock\r\n$5\r\n"
                "flags\r\n*1\r\n+multiple\r\n$9\r\narguments\r\n*2\r\n*4\r\n$4\r\nname\r\n"
                "$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n*4\r\n$4\r\nname\r\n$5\r\nvalue\r\n"
                "$4\r\ntype\r\n$6\r\nstring\r\n");
}

static void
tokens_name_what_follows_and_choices_nest(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "COMMAND DOCS getex",
                "$9\r\narguments\r\n"
                "*2\r\n*4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n*8\r\n"
                "$4\r\nname\r\n$6\r\nchoice\r\n$4\r\ntype\r\n$5\r\noneof\r\n$5\r\nflags\r\n"
                "*1\r\n+optional\r\n$9\r\narguments\r\n*5\r\n*6\r\n$4\r\nname\r\n$7\r\n"
                "seconds\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\ntoken\r\n$2\r\nEX\r\n*6\r\n"
                "$4\r\nname\r\n$12\r\nmilliseconds\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\n"
                "token\r\n$2\r\nPX\r\n*6\r\n$4\r\nname\r\n$12\r\nunix-seconds\r\n$4\r\n"
                "type\r\n$9\r\nunix-time\r\n$5\r\ntoken\r\n$4\r\nEXAT\r\n*6\r\n$4\r\nname\r\n"
                "$17\r\nunix-milliseconds\r\n$4\r\ntype\r\n$9\r\nunix-time\r\n$5\r\ntoken\r\n"
                "$4\r\nPXAT\r\n*6\r\n$4\r\nname\r\n$7\r\nPERSIST\r\n$4\r\ntype\r\n$10\r\n"
                "pure-token\r\n$5\r\ntoken\r\n$7\r\nPERSIST\r\n");
}

static void
every_text_of_the_table_can_be_read(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "COMMAND DOCS");
    assert_true(reply_is_whole(f));
    f->session.proto = 3;
    run(f, "COMMAND DOCS");
    assert_true(reply_is_whole(f));
    for (size_t row = 0; row < command_table_len; row++) {
        char request[64];
        (void)snprintf(request, sizeof request, "COMMAND DOCS %s", command_table[row].name);
        run(f, request);
        assert_true(reply_is_whole(f));
        bool has = strstr(f->out.data, "$9\r\narguments\r\n") != NULL;
        if (command_table[row].subs_len == 0)
            assert_int_equal(has, command_table[row].syntax[0] != '\0');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_and_their_repetition_become_arguments, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tokens_name_what_follows_and_choices_nest, setup, teardown),
        cmocka_unit_test_setup_teardown(every_text_of_the_table_can_be_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
