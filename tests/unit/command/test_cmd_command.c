/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COMMAND: descriptions for clients, lists, and the keys of a request.
 */
#include "command_support.h"

static void
info_describes_commands(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "COMMAND INFO get",
           "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
           "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n"
           "+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n"
           "$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\n"
           "type\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\n"
           "keystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n");
    expect(f, "COMMAND INFO nosuch config|nosuch", "*2\r\n$-1\r\n$-1\r\n");
    expect_part(f, "COMMAND INFO config|GET", "$10\r\nconfig|get\r\n:-3\r\n");
    expect_part(f, "COMMAND INFO msetex", "+movablekeys\r\n");
    expect_part(f, "COMMAND INFO msetex", "$6\r\nkeynum\r\n");
    expect_part(f, "COMMAND INFO config", "$16\r\nconfig|resetstat\r\n");
    f->session.proto = 3;
    expect_part(f, "COMMAND INFO get", "~2\r\n+readonly\r\n");
}

static void
count_and_list_agree_with_the_whole(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "COMMAND COUNT");
    long count = strtol(f->out.data + 1, NULL, 10);
    assert_true(count > 70);
    char header[32];
    (void)snprintf(header, sizeof header, "*%ld\r\n", count);
    expect_part(f, "COMMAND", header);
    assert_memory_equal(f->out.data, header, strlen(header));
    expect_part(f, "COMMAND LIST", header);
    assert_memory_equal(f->out.data, header, strlen(header));
    expect_part(f, "COMMAND INFO", header);
    expect_no_part(f, "COMMAND LIST", "config|get");
}

static void
lists_can_be_filtered(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "COMMAND LIST FILTERBY PATTERN GETD?L", "*1\r\n$6\r\ngetdel\r\n" },
               { "COMMAND LIST FILTERBY PATTERN config|re*",
                 "*2\r\n$16\r\nconfig|resetstat\r\n$14\r\nconfig|rewrite\r\n" },
               { "COMMAND LIST FILTERBY MODULE x", "*0\r\n" },
               { "COMMAND LIST FILTERBY ACLCAT nosuch", "*0\r\n" },
               { "COMMAND LIST FILTERBY FOO x", SYNTAX_ERROR },
               { "COMMAND LIST FOO", SYNTAX_ERROR });
    expect_part(f, "COMMAND LIST FILTERBY ACLCAT String", "$4\r\nmget\r\n");
    expect_no_part(f, "COMMAND LIST FILTERBY ACLCAT String", "$3\r\ndel\r\n");
}

static void
docs_come_from_the_table(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "COMMAND DOCS nosuch", "*0\r\n");
    expect_part(f, "COMMAND DOCS get config", "*4\r\n$3\r\nget\r\n*10\r\n$7\r\nsummary\r\n");
    expect_part(f, "COMMAND DOCS config", "$11\r\nsubcommands\r\n*10\r\n$10\r\nconfig|get\r\n");
    f->session.proto = 3;
    expect_part(f, "COMMAND DOCS get", "%1\r\n$3\r\nget\r\n%5\r\n");
}

static void
getkeys_finds_the_keys(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "COMMAND GETKEYS get k", "*1\r\n$1\r\nk\r\n" },
        { "COMMAND GETKEYS mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n" },
        { "COMMAND GETKEYS del a b c", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n" },
        { "COMMAND GETKEYS rename a b", "*2\r\n$1\r\na\r\n$1\r\nb\r\n" },
        { "COMMAND GETKEYS object encoding k", "*1\r\n$1\r\nk\r\n" },
        { "COMMAND GETKEYS msetex 2 a 1 b 2 EX 10", "*2\r\n$1\r\na\r\n$1\r\nb\r\n" },
        { "COMMAND GETKEYS msetex 3 a 1 b 2", "-ERR Invalid arguments specified for command\r\n" },
        { "COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command\r\n" },
        { "COMMAND GETKEYS ping x", "-ERR The command has no key arguments\r\n" },
        { "COMMAND GETKEYS nosuch x", "-ERR Invalid command specified\r\n" },
        { "COMMAND GETKEYS config nosuch", "-ERR Invalid command specified\r\n" });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(info_describes_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(count_and_list_agree_with_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_can_be_filtered, setup, teardown),
        cmocka_unit_test_setup_teardown(docs_come_from_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(getkeys_finds_the_keys, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
