/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks before a command runs, in their order, and what becomes of its reply.
 */
#include "command_support.h"

#include "command/table.h"

static void
unknown_commands_are_quoted_and_bounded(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    expect(f, "NoSuch a b~c",
           "-ERR unknown command 'NoSuch', with args beginning with: 'a' 'b c' \r\n");
    expect(f, "'' x", "-ERR unknown command '', with args beginning with: 'x' \r\n");
    expect(f, "LPUSH l a", "-ERR unknown command 'LPUSH', with args beginning with: 'l' 'a' \r\n");
    static char word[100000];
    memset(word, 'w', sizeof word);
    attl_slice argv[40];
    for (size_t i = 0; i < 40; i++)
        argv[i] = attl_b(word, sizeof word);
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_execute(&f->env, &f->session, argv, 40, &f->out);
    assert_in_range(f->out.len, 256, 400);
}

static void
what_is_echoed_stays_on_one_line(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char evil[] = "x\r\n+FORGED\r\n\0y\x1b[2J";
    attl_slice argv[] = { attl_b(evil, sizeof evil), attl_b(evil, sizeof evil) };
    static const char *const containers[] = { "CONFIG", "CLIENT", "HELLO", "EXPIRE" };
    command_execute(&f->env, &f->session, argv, 2, &f->out);
    for (size_t i = 0; i < 4; i++) {
        attl_slice words[] = { attl_s(containers[i]), argv[1] };
        command_execute(&f->env, &f->session, words, 2, &f->out);
    }
    size_t lines = 0;
    for (size_t i = 0; i < f->out.len; i++) {
        unsigned char c = (unsigned char)f->out.data[i];
        lines += c == '\n';
        assert_true(c >= ' ' || c == '\r' || c == '\n');
    }
    assert_int_equal(lines, 5);
}

static void
subcommands_are_looked_up_before_the_arity(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CONFIG", "-ERR wrong number of arguments for 'config' command\r\n" },
               { "CONFIG FOO", "-ERR unknown subcommand 'FOO'. Try CONFIG HELP.\r\n" },
               { "config foo a b", "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n" },
               { "CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n" },
               { "OBJECT ENCODING a b",
                 "-ERR wrong number of arguments for 'object|encoding' command\r\n" },
               { "SUBSTR k", "-ERR wrong number of arguments for 'substr' command\r\n" });
}

static void
existence_and_arity_come_before_authentication(void **state)
{
    struct fixture *f = fixture_of(state);
    f->password = "secret";
    f->session.authenticated = false;
    expect_part(f, "NOSUCH", "-ERR unknown command");
    expect(f, "GET", "-ERR wrong number of arguments for 'get' command\r\n");
    expect(f, "GET k", "-NOAUTH Authentication required.\r\n");
    expect_part(f, "INFO errorstats", "-NOAUTH");
    f->session.authenticated = true;
    expect_part(f, "INFO errorstats", "errorstat_NOAUTH:count=2\r\n");
}

static void
while_loading_only_a_few_commands_run(void **state)
{
    struct fixture *f = fixture_of(state);
    f->env.loading = true;
    expect_part(f, "GET k", "-LOADING ");
    expect_part(f, "PING", "-LOADING ");
    expect_part(f, "INFO persistence", "loading:1\r\n");
    expect(f, "CLIENT ID", ":1\r\n");
    f->env.loading = false;
    expect(f, "GET k", NIL);
}

static void
reply_off_silences_all_but_its_end(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CLIENT REPLY OFF", "" }, { "SET k v", "" }, { "NOSUCH", "" }, { "GET k", "" },
               { "CLIENT REPLY SKIP", "" }, { "CLIENT REPLY ON", OK }, { "GET k", "$1\r\nv\r\n" });
}

static void
reply_skip_silences_the_next_reply_only(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "CLIENT REPLY SKIP", "" }, { "SET k v", "" }, { "GET k", "$1\r\nv\r\n" },
               { "CLIENT REPLY SKIP", "" }, { "CLIENT REPLY SKIP", "" }, { "SET k w", "" },
               { "GET k", "$1\r\nw\r\n" }, { "CLIENT REPLY SKIP", "" }, { "CLIENT REPLY ON", OK },
               { "CLIENT REPLY FOO", SYNTAX_ERROR });
}

static void
replies_are_appended(void **state)
{
    struct fixture *f = fixture_of(state);
    attl_slice ping = attl_s("PING");
    command_execute(&f->env, &f->session, &ping, 1, &f->out);
    command_execute(&f->env, &f->session, &ping, 1, &f->out);
    assert_int_equal(f->out.len, 14);
    assert_int_equal(f->session.commands, 2);
    assert_string_equal(f->session.last_command, "ping");
    run(f, "CONFIG GET port");
    assert_string_equal(f->session.last_command, "config|get");
}

static void
a_full_cache_says_so(void **state)
{
    struct fixture *f = fixture_of(state);
    attl_close(&f->cache);
    static const char *const options[] = { "cache.max_entries", "2", "cache.eviction", "noeviction",
                                           NULL };
    f->cache = f->env.cache = fixture_cache(f, options);
    expect(f, "MSET a 1 b 2", OK);
    expect(f, "SET c 3", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    expect(f, "SET a 9", OK);
    expect_part(f, "INFO errorstats", "errorstat_OOM:count=1\r\n");
}

static void
the_words_of_every_arity_are_survived(void **state)
{
    struct fixture *f = fixture_of(state);
    /* Each command with none to five words that fit nothing: whatever it answers, it is one reply.
     */
    for (size_t row = 0; row < command_table_len; row++) {
        if (strcmp(command_table[row].name, "shutdown") == 0)
            continue;
        char name[COMMAND_NAME_MAX], *bar;
        memcpy(name, command_table[row].name, sizeof name);
        bar = strchr(name, '|');
        attl_slice argv[8];
        size_t n = 0;
        if (bar)
            *bar = '\0';
        argv[n++] = attl_s(name);
        if (bar)
            argv[n++] = attl_s(bar + 1);
        for (size_t extra = 0; extra < 6; extra++) {
            f->session.reply_mode = SESSION_REPLY_ON;
            buf_clear(&f->out, OUT_MAX_BYTES);
            command_execute(&f->env, &f->session, argv, n, &f->out);
            assert_int_equal(f->out.failed, BUF_FINE);
            assert_true(f->out.len > 2 && f->out.data[f->out.len - 1] == '\n');
            argv[n++] = extra % 2 ? attl_b(NULL, 0) : attl_s("-9223372036854775808");
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_commands_are_quoted_and_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_echoed_stays_on_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(subcommands_are_looked_up_before_the_arity, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(existence_and_arity_come_before_authentication, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(while_loading_only_a_few_commands_run, setup, teardown),
        cmocka_unit_test_setup_teardown(reply_off_silences_all_but_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(reply_skip_silences_the_next_reply_only, setup, teardown),
        cmocka_unit_test_setup_teardown(replies_are_appended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_cache_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(the_words_of_every_arity_are_survived, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
