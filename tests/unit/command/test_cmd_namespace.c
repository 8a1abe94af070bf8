/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.NS word by word: what each subcommand replies, in both protocols, and what it says when it
 * is used wrongly. What policies do is tested with the API.
 */
#include "command_support.h"

static void
policies_are_set_listed_and_removed(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.NS LIST", "*0\r\n");
    expect(f, "ATTL.NS SET s: ttl_max 1h soft 80%", OK);
    expect(f, "ATTL.NS SET a:", OK);
    expect(f, "ATTL.NS LIST", "*2\r\n$2\r\na:\r\n$2\r\ns:\r\n");
    expect(f, "ATTL.NS GET s: ttl_max", "$2\r\n1h\r\n");
    expect(f, "ATTL.NS GET s: hard", "-ERR 'hard' is nothing a namespace has\r\n");
    expect(f, "ATTL.NS GET t:", NIL);
    expect(f, "ATTL.NS GET t: soft", NIL);
    expect_part(f, "ATTL.NS GET s:", "$4\r\nsoft\r\n$3\r\n80%\r\n");
    expect(f, "ATTL.NS MATCH s:1", "$2\r\ns:\r\n");
    expect(f, "ATTL.NS MATCH t:1", NIL);
    expect(f, "ATTL.NS DEL s:", ":1\r\n");
    expect(f, "ATTL.NS DEL s:", ":0\r\n");
}

static void
mistakes_are_named(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.NS SET s: ttl_max", SYNTAX_ERROR);
    expect(f, "ATTL.NS SET s: ttl_max never",
           "-ERR ttl_max: 'never' is not a time, like 500ms, 30s, 5m, 12h, 7d, or a number of "
           "seconds\r\n");
    expect(f, "ATTL.NS SET s: durability none",
           "-ERR durability cannot be changed while running; set it in settings.toml and "
           "restart\r\n");
    expect(f, "ATTL.NS SET s: ttl_max 1h ttl_default 2h",
           "-ERR namespace \"s:\": ttl_default is longer than ttl_max\r\n");
    expect(f, "ATTL.NS LIST", "*0\r\n");
}

static void
a_full_namespace_answers_oom(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.NS SET s: max_entries 1 eviction none", OK);
    expect(f, "SET s:1 v", OK);
    expect(f, "SET s:2 v",
           "-OOM command not allowed: the quota of the key's namespace is used up\r\n");
    expect(f, "SET t:2 v", OK);
    expect_part(f, "ATTL.NS STATS s:", "$7\r\ncounted\r\n$5\r\nexact\r\n$7\r\nentries\r\n:1\r\n");
    expect_part(f, "ATTL.NS STATS s:", "$7\r\nrefused\r\n:1\r\n");
    expect(f, "ATTL.NS STATS t:", NIL);
}

static void
lives_are_the_namespaces(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.NS SET s: ttl_default 30s ttl_max 1h", OK);
    expect(f, "SET s:1 v", OK);
    expect(f, "TTL s:1", ":30\r\n");
    expect(f, "SET s:1 v EX 99999", OK);
    expect(f, "TTL s:1", ":3600\r\n");
    expect(f, "MSET s:2 v t:2 v", OK);
    expect(f, "TTL s:2", ":30\r\n");
    expect(f, "TTL t:2", ":-1\r\n");
    expect(f, "INCR s:n", ":1\r\n");
    expect(f, "TTL s:n", ":30\r\n");
}

static void
flush_removes_and_counts(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "MSET s:1 v s:2 v t:1 v", OK);
    expect(f, "ATTL.NS FLUSH s:", ":2\r\n");
    expect(f, "ATTL.NS FLUSH s:", ":0\r\n");
    expect(f, "EXISTS t:1", ":1\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(policies_are_set_listed_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_namespace_answers_oom, setup, teardown),
        cmocka_unit_test_setup_teardown(lives_are_the_namespaces, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_removes_and_counts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
