/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATTL.WHY: deaths newest first, with the client's number and, while it is connected, its name and
 * address; an empty array where nothing is known, and a plain error where there is no ledger. The
 * actor of a pipeline is set by the network layer, so the test sets it here.
 */
#include "command_support.h"

static int
setup_ledger(void **state)
{
    static const char *const options[] = { "ledger.entries", "1000", NULL };
    return setup_with(state, options);
}

static void
deaths_are_told_newest_first(void **state)
{
    struct fixture *f = fixture_of(state);
    struct session *known = &f->clients[1];
    char want[256];
    expect(f, "ATTL.WHY k", "*0\r\n");
    attl_actor_set(f->cache, known->id);
    expect(f, "SET k v PX 5000", OK);
    expect(f, "ATTL.WHY k", "*0\r\n");
    f->now_ms += 2000;
    expect(f, "DEL k", ":1\r\n");
    attl_actor_set(f->cache, 987654); /* has gone since */
    expect(f, "SET k v", OK);
    expect(f, "DEL k", ":1\r\n");
    attl_actor_set(f->cache, 0);
    expect(f, "SET k v PX 100", OK);
    f->now_ms += 1100;
    expect_part(f, "ATTL.WHY k", "*3\r\n*16\r\n$5\r\ncause\r\n$7\r\nexpired\r\n$5\r\nat_ms\r\n");
    expect_part(f, "ATTL.WHY k COUNT 1",
                "$6\r\nago_ms\r\n:1000\r\n$11\r\nttl_left_ms\r\n:0\r\n"
                "$9\r\nclient_id\r\n:0\r\n$11\r\nclient_addr\r\n$0\r\n");
    expect_part(f, "ATTL.WHY k COUNT 1", "*1\r\n");
    expect_part(f, "ATTL.WHY k count 100",
                "$6\r\nago_ms\r\n:1100\r\n$11\r\nttl_left_ms\r\n:-1\r\n"
                "$9\r\nclient_id\r\n:987654\r\n$11\r\nclient_addr\r\n"
                "$0\r\n\r\n$11\r\nclient_name\r\n$0\r\n\r\n");
    (void)snprintf(want, sizeof want,
                   "ttl_left_ms\r\n:3000\r\n$9\r\nclient_id\r\n:%llu\r\n$11\r\nclient_addr\r\n"
                   "$%zu\r\n%s\r\n$11\r\nclient_name\r\n$%zu\r\n%s\r\n",
                   (unsigned long long)known->id, strlen(known->addr), known->addr,
                   strlen(known->name), known->name);
    expect_part(f, "ATTL.WHY k", want);
    run(f, "HELLO 3");
    expect_part(f, "ATTL.WHY k", "*3\r\n%8\r\n");
}

static void
the_request_is_told(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET k v", OK);
    expect(f, "ATTL.TRACE request-1", OK);
    expect(f, "DEL k", ":1\r\n");
    f->now_ms++;
    expect(f, "SET k v", OK);
    expect(f, "DEL k", ":1\r\n");
    expect_part(f, "ATTL.WHY k COUNT 1", "$5\r\ntrace\r\n$0\r\n");
    expect_part(f, "ATTL.WHY k", "$5\r\ntrace\r\n$9\r\nrequest-1\r\n");
}

static void
clearing_is_told_of_every_key(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "FLUSHALL");
    expect_part(f, "ATTL.WHY anything", "$7\r\ncleared\r\n");
}

static void
wrong_arguments_are_errors(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.WHY", "-ERR wrong number of arguments for 'attl.why' command\r\n");
    expect(f, "ATTL.WHY k COUNT", SYNTAX_ERROR);
    expect(f, "ATTL.WHY k LIMIT 1", SYNTAX_ERROR);
    expect(f, "ATTL.WHY k COUNT 1 2", SYNTAX_ERROR);
    expect(f, "ATTL.WHY k COUNT x", NOT_AN_INTEGER);
    expect(f, "ATTL.WHY k COUNT 0", "-ERR COUNT must be positive\r\n");
    expect(f, "ATTL.WHY k COUNT -1", "-ERR COUNT must be positive\r\n");
}

static void
without_a_ledger_it_says_so(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.WHY k", "-ERR the death ledger is off: set ledger.entries\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deaths_are_told_newest_first, setup_ledger, teardown),
        cmocka_unit_test_setup_teardown(the_request_is_told, setup_ledger, teardown),
        cmocka_unit_test_setup_teardown(clearing_is_told_of_every_key, setup_ledger, teardown),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_errors, setup_ledger, teardown),
        cmocka_unit_test_setup_teardown(without_a_ledger_it_says_so, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
