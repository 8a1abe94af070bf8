/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding keys: every key once in a whole iteration, filters, cursors of any value, and replies
 * that would be too large.
 */
#include "command_support.h"

static void
an_iteration_returns_every_key_once(void **state)
{
    struct fixture *f = fixture_of(state);
    enum { KEYS = 2000 };
    char request[64];
    static bool seen[KEYS];
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(request, sizeof request, "SET k%d v", i);
        expect(f, request, OK);
    }
    memset(seen, 0, sizeof seen);
    unsigned long long cursor = 0;
    int calls = 0, found = 0;
    do {
        (void)snprintf(request, sizeof request, "SCAN %llu COUNT 37", cursor);
        run(f, request);
        const char *p = strchr(f->out.data + 4, '\n') + 1;
        cursor = strtoull(p, NULL, 10);
        for (p = strstr(p, "\r\nk"); p; p = strstr(p + 3, "\r\nk")) {
            long key = strtol(p + 3, NULL, 10);
            assert_in_range(key, 0, KEYS - 1);
            assert_false(seen[key]);
            seen[key] = true;
            found++;
        }
        assert_true(++calls < KEYS);
    } while (cursor != 0);
    assert_int_equal(found, KEYS);
    assert_true(calls > 10);
}

static void
filters_choose_after_retrieval(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(
        f, { "SCAN 0", "*2\r\n$1\r\n0\r\n*0\r\n" }, { "MSET apple 1 banana 2", OK },
        { "SCAN 0 MATCH a*", "*2\r\n$1\r\n0\r\n*1\r\n$5\r\napple\r\n" },
        { "SCAN 0 MATCH x", "*2\r\n$1\r\n0\r\n*0\r\n" },
        { "SCAN 0 TYPE list COUNT 5", "*2\r\n$1\r\n0\r\n*0\r\n" },
        { "SCAN 0 MATCH b* TYPE String COUNT 100", "*2\r\n$1\r\n0\r\n*1\r\n$6\r\nbanana\r\n" },
        { "SCAN 0 MATCH x MATCH *le", "*2\r\n$1\r\n0\r\n*1\r\n$5\r\napple\r\n" });
}

static void
expired_keys_are_not_returned(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "SET a v PX 10", OK);
    expect(f, "SET b v", OK);
    f->now_ms += 10;
    expect(f, "SCAN 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n");
    expect(f, "KEYS *", "*1\r\n$1\r\nb\r\n");
}

static void
wrong_words_are_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "SCAN x", "-ERR invalid cursor\r\n" },
               { "SCAN 1.5", "-ERR invalid cursor\r\n" }, { "SCAN ~1", "-ERR invalid cursor\r\n" },
               { "SCAN 18446744073709551616", "-ERR invalid cursor\r\n" },
               { "SCAN 0 COUNT 0", SYNTAX_ERROR }, { "SCAN 0 COUNT -1", SYNTAX_ERROR },
               { "SCAN 0 COUNT x", NOT_AN_INTEGER }, { "SCAN 0 COUNT", SYNTAX_ERROR },
               { "SCAN 0 FOO 1", SYNTAX_ERROR },
               { "SCAN", "-ERR wrong number of arguments for 'scan' command\r\n" });
}

static void
any_cursor_is_safe(void **state)
{
    struct fixture *f = fixture_of(state);
    char request[64];
    expect(f, "MSET a 1 b 2 c 3", OK);
    uint64_t cursor = 1;
    for (int i = 0; i < 2000; i++) {
        cursor = cursor * UINT64_C(6364136223846793005) + 1442695040888963407u;
        (void)snprintf(request, sizeof request, "SCAN %llu COUNT 9223372036854775807",
                       (unsigned long long)(cursor >> (i % 64)));
        expect_part(f, request, "*2\r\n$");
    }
}

static void
keys_lists_what_matches(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "KEYS *", "*0\r\n" }, { "MSET apple 1 avocado 2 banana 3", OK },
               { "KEYS ban*", "*1\r\n$6\r\nbanana\r\n" }, { "KEYS nosuch", "*0\r\n" },
               { "KEYS a*do", "*1\r\n$7\r\navocado\r\n" }, { "KEYS ''", "*0\r\n" },
               { "SET '' empty", OK }, { "KEYS ''", "*1\r\n$0\r\n\r\n" });
    expect_part(f, "KEYS *", "*4\r\n");
}

static void
too_many_keys_for_a_reply_are_an_error(void **state)
{
    struct fixture *f = fixture_of(state);
    char request[64];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(request, sizeof request, "SET key%d v", i);
        expect(f, request, OK);
    }
    buf_fini(&f->out);
    buf_init(&f->out, 1000);
    attl_slice argv[] = { attl_s("KEYS"), attl_s("*") };
    buf_append_str(&f->out, "+BEFORE\r\n");
    command_execute(&f->env, &f->session, argv, 2, &f->out);
    assert_int_equal(f->out.failed, BUF_FINE);
    buf_append(&f->out, "", 1);
    assert_string_equal(f->out.data, "+BEFORE\r\n-ERR too many keys for one reply, use SCAN\r\n");
}

static void
randomkey_finds_keys_of_any_length(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "RANDOMKEY", NIL);
    expect(f, "SET only v", OK);
    expect(f, "RANDOMKEY", "$4\r\nonly\r\n");
    expect(f, "DEL only", ":1\r\n");
    static char key[3000];
    memset(key, 'k', sizeof key);
    assert_int_equal(attl_set(f->cache, attl_b(key, sizeof key), attl_s("v"), ATTL_TTL_NONE),
                     ATTL_OK);
    run(f, "RANDOMKEY");
    assert_int_equal(f->out.len, 7 + sizeof key + 2);
    assert_memory_equal(f->out.data, "$3000\r\nkk", 9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_iteration_returns_every_key_once, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_choose_after_retrieval, setup, teardown),
        cmocka_unit_test_setup_teardown(expired_keys_are_not_returned, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_words_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(any_cursor_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_lists_what_matches, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_keys_for_a_reply_are_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(randomkey_finds_keys_of_any_length, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
