/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MULTI and its family, one session after the other: what is queued and what runs at once, what
 * aborts, what a watch is about, the limits, and that the statistics count inner commands. The
 * interleavings are in model/transactions, the comparison with Redis in e2e.
 */
#include "command_support.h"

#define QUEUED "+QUEUED\r\n"
#define ABORTED "-EXECABORT Transaction discarded because of previous errors.\r\n"

static int
end(void **state)
{
    session_end(&fixture_of(state)->session);
    return teardown(state);
}

static void
commands_are_queued_and_run_at_exec(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MULTI", OK }, { "SET a 1", QUEUED }, { "INCR a", QUEUED }, { "GET a", QUEUED },
               { "EXEC", "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n" }, { "GET a", "$1\r\n2\r\n" },
               { "MULTI", OK }, { "EXEC", "*0\r\n" }, { "MULTI", OK }, { "SET a 9", QUEUED },
               { "DISCARD", OK }, { "GET a", "$1\r\n2\r\n" });
    assert_null(f->session.transaction);
}

static void
errors_at_queueing_abort_and_errors_inside_do_not(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MULTI", OK },
               { "GET", "-ERR wrong number of arguments for 'get' command\r\n" },
               { "SET a 1", QUEUED }, { "EXEC", ABORTED }, { "EXISTS a", ":0\r\n" },
               { "MULTI", OK }, { "SET a x", QUEUED }, { "INCR a", QUEUED }, { "SET b 1", QUEUED },
               { "EXEC", "*3\r\n+OK\r\n" NOT_AN_INTEGER "+OK\r\n" }, { "GET b", "$1\r\n1\r\n" },
               { "MULTI", OK },
               { "EXEC x", "-EXECABORT Transaction discarded because of: wrong number of arguments "
                           "for 'exec' command\r\n" },
               { "EXEC", "-ERR EXEC without MULTI\r\n" });
}

static void
what_blocks_is_not_allowed(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const lines[] = {
        "SAVE",           "SHUTDOWN",           "ATTL.ROLLBACK TO -5m",
        "ATTL.RETENTION", "ATTL.SNAPSHOT LIST", "ATTL.LOG SYNC"
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        expect(f, "MULTI", OK);
        expect(f, lines[i], "-ERR Command not allowed inside a transaction\r\n");
        expect(f, "EXEC", ABORTED);
    }
}

static void
out_of_place_says_so(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "EXEC", "-ERR EXEC without MULTI\r\n" },
               { "DISCARD", "-ERR DISCARD without MULTI\r\n" }, { "UNWATCH", OK }, { "MULTI", OK },
               { "MULTI", "-ERR MULTI calls can not be nested\r\n" },
               { "WATCH a", "-ERR WATCH inside MULTI is not allowed\r\n" }, { "EXEC", "*0\r\n" },
               { "WATCH a", OK }, { "EXEC", "-ERR EXEC without MULTI\r\n" }, { "SET a 1", OK },
               { "MULTI", OK }, { "EXEC", "*-1\r\n" });
}

static void
a_touched_watch_answers_null(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SET a 1 PX 500", OK }, { "WATCH a b", OK }, { "MULTI", OK });
    f->now_ms += 1000; /* it dies unnoticed */
    EXPECT_ALL(f, { "SET b 1", QUEUED }, { "EXEC", "*-1\r\n" }, { "EXISTS b", ":0\r\n" },
               { "WATCH a", OK }, { "UNWATCH", OK }, { "SET a 1", OK }, { "MULTI", OK },
               { "EXEC", "*0\r\n" });
}

static void
null_is_another_word_in_resp3(void **state)
{
    struct fixture *f = fixture_of(state);
    f->session.proto = 3;
    EXPECT_ALL(f, { "WATCH a", OK }, { "SET a 1", OK }, { "MULTI", OK }, { "GET none", QUEUED },
               { "EXEC", "_\r\n" }, { "MULTI", OK }, { "GET none", QUEUED },
               { "EXEC", "*1\r\n_\r\n" });
}

static void
queues_and_watches_are_bounded(void **state)
{
    struct fixture *f = fixture_of(state);
    assert_int_equal(attl_option_set(f->cache, "limits.transaction_ops", "2", NULL, 0), ATTL_OK);
    EXPECT_ALL(f, { "MULTI", OK }, { "PING", QUEUED }, { "PING", QUEUED });
    assert_true(session_bytes(&f->session) > 2 * 4);
    EXPECT_ALL(f,
               { "PING", "-ERR too many commands in one transaction, the limit is 2 "
                         "(limits.transaction_ops)\r\n" },
               { "EXEC", ABORTED }, { "WATCH a b", OK },
               { "WATCH c", "-ERR too many watched keys (limits.transaction_ops)\r\n" });
}

static void
reset_forgets_the_transaction(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "WATCH a", OK }, { "MULTI", OK }, { "SET a 1", QUEUED },
               { "RESET", "+RESET\r\n" }, { "EXEC", "-ERR EXEC without MULTI\r\n" },
               { "EXISTS a", ":0\r\n" });
    assert_int_equal(session_bytes(&f->session), 0);
}

static void
all_keys_at_once_inside(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MSET a 1 b 2", OK }, { "MULTI", OK }, { "SET c 3", QUEUED },
               { "FLUSHALL", QUEUED }, { "SET d 4", QUEUED }, { "KEYS *", QUEUED },
               { "DBSIZE", QUEUED }, { "PING", QUEUED },
               { "EXEC", "*6\r\n+OK\r\n+OK\r\n+OK\r\n*1\r\n$1\r\nd\r\n:1\r\n+PONG\r\n" },
               { "GET a", NIL }, { "GET d", "$1\r\n4\r\n" });
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, end)
    const struct CMUnitTest tests[] = {
        TEST(commands_are_queued_and_run_at_exec),
        TEST(errors_at_queueing_abort_and_errors_inside_do_not),
        TEST(what_blocks_is_not_allowed),
        TEST(out_of_place_says_so),
        TEST(a_touched_watch_answers_null),
        TEST(null_is_another_word_in_resp3),
        TEST(queues_and_watches_are_bounded),
        TEST(reset_forgets_the_transaction),
        TEST(all_keys_at_once_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
