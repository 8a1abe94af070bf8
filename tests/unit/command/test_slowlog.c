/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow log: what gets into its lists, how long it stays there, and what is never shown. A limit
 * of 0 makes every command slow, so no test waits for one; durations of their own come in through
 * slowlog_note_job(). The clock of the entries is the fixture's.
 */
#include "command/slowlog.h"

#include "command_support.h"

#include "command/table.h"

void *__wrap_malloc(size_t bytes);
void *__real_malloc(size_t bytes);

static bool refuse;

void *
__wrap_malloc(size_t bytes)
{
    return refuse ? NULL : __real_malloc(bytes);
}

static struct clock ticker;
static char told[1024];
static size_t lines;

static void
tell(void *ud, int level, const char *event, const char *text)
{
    (void)ud;
    (void)snprintf(told, sizeof told, "%d %s %s", level, event, text);
    lines++;
}

static struct slowlog_limits
limits_of(int64_t slow_us, uint64_t len)
{
    return (struct slowlog_limits){ { slow_us, 1000, 1000 }, { len, len, len }, 0, false, true };
}

static int
setup_slow(void **state)
{
    (void)setup(state);
    struct fixture *f = fixture_of(state);
    clock_init(&ticker);
    f->env.slow = slowlog_new(&ticker);
    assert_non_null(f->env.slow);
    f->host.log = tell;
    f->session.id = 42;
    (void)snprintf(f->session.addr, sizeof f->session.addr, "127.0.0.1:5");
    (void)snprintf(f->session.name, sizeof f->session.name, "me");
    struct slowlog_limits all = limits_of(0, 4);
    slowlog_set_limits(f->env.slow, &all);
    lines = 0;
    told[0] = '\0';
    return 0;
}

static int
teardown_slow(void **state)
{
    slowlog_free(&fixture_of(state)->env.slow);
    return teardown(state);
}

/* The words of the newest entry of a kind, with blanks between them. */
static char newest[4096];

static void
spell(void *ud, const struct slow_entry *e)
{
    attl_slice word;
    size_t at = 0, len = 0;
    while (slowlog_word(e, &at, &word))
        len += (size_t)snprintf(newest + len, sizeof newest - len, "%s%.*s", len ? " " : "",
                                (int)word.len, (const char *)word.data);
    *(struct slow_entry *)ud = *e;
}

static struct slow_entry
newest_of(struct fixture *f, enum slowlog_kind kind)
{
    struct slow_entry e;
    assert_int_equal(slowlog_each(f->env.slow, kind, 1, spell, &e), 1);
    return e;
}

static void
an_entry_says_who_did_what_when(void **state)
{
    struct fixture *f = fixture_of(state);
    expect(f, "ATTL.TRACE abc", OK);
    expect(f, "SET k v", OK);
    struct slow_entry e = newest_of(f, SLOWLOG_SLOW);
    assert_string_equal(newest, "SET k v");
    assert_int_equal(e.id, 1);
    assert_int_equal(e.client, 42);
    assert_int_equal(e.time_s, START_MS / 1000);
    assert_true(e.value >= 0);
    assert_string_equal(e.addr, "127.0.0.1:5");
    assert_string_equal(e.name, "me");
    assert_string_equal(e.trace, "abc");
}

static void
lists_keep_the_newest_and_ids_go_on(void **state)
{
    struct fixture *f = fixture_of(state);
    for (int i = 0; i < 10; i++)
        expect(f, "SET k v", OK);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).len, 4);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 10);
    assert_int_equal(newest_of(f, SLOWLOG_SLOW).id, 9);
    slowlog_reset(f->env.slow, SLOWLOG_SLOW);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).len, 0);
    assert_int_equal(f->env.slow->bytes, 0);
    expect(f, "SET k v", OK);
    assert_int_equal(newest_of(f, SLOWLOG_SLOW).id, 10);
    struct slowlog_limits short_one = limits_of(0, 0);
    slowlog_set_limits(f->env.slow, &short_one);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).len, 0);
}

static void
what_is_not_slow_is_not_kept(void **state)
{
    struct fixture *f = fixture_of(state);
    struct slowlog_limits hour = limits_of(INT64_C(3600) * 1000000, 4);
    slowlog_set_limits(f->env.slow, &hour);
    expect(f, "SET k v", OK);
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("attl.log|sync")), 3599999999);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 0);
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("attl.log|sync")), 3600000000);
    assert_int_equal(newest_of(f, SLOWLOG_SLOW).value, 3600000000);
    assert_string_equal(newest, "attl.log sync");
}

static void
off_means_that_nothing_is_timed(void **state)
{
    struct fixture *f = fixture_of(state);
    struct slowlog_limits off = limits_of(-1, 4);
    slowlog_set_limits(f->env.slow, &off);
    assert_false(slowlog_is_timing(f->env.slow));
    expect(f, "SET k v", OK);
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("save")), INT64_MAX / 2);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 0);
    off.monitor_ms = 5;
    slowlog_set_limits(f->env.slow, &off);
    assert_true(slowlog_is_timing(f->env.slow));
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("save")), 7000);
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("get")), 4999);
    EXPECT_ALL(f, { "LATENCY LATEST", "*1\r\n*4\r\n$7\r\ncommand\r\n:1700000000\r\n:7\r\n:7\r\n" });
}

static void
large_requests_and_replies_have_lists_of_their_own(void **state)
{
    struct fixture *f = fixture_of(state);
    struct slowlog_limits off = limits_of(-1, 4);
    slowlog_set_limits(f->env.slow, &off);
    static char bytes[2000];
    memset(bytes, 'b', sizeof bytes);
    attl_slice argv[] = { attl_s("SET"), attl_s("k"), attl_b(bytes, sizeof bytes) };
    buf_clear(&f->out, OUT_MAX_BYTES);
    command_execute(&f->env, &f->session, argv, 3, &f->out);
    struct slow_entry e = newest_of(f, SLOWLOG_LARGE_REQUEST);
    assert_int_equal(e.value, 2004);
    assert_non_null(strstr(newest, "bbb... (1872 more bytes)"));
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_LARGE_REPLY).seen, 0);
    run(f, "GET k");
    e = newest_of(f, SLOWLOG_LARGE_REPLY);
    assert_int_equal(e.value, 2009);
    assert_string_equal(newest, "GET k");
    assert_non_null(strstr(told, "1 large_reply GET k:"));
    assert_non_null(strstr(told, " had a reply of 2009 bytes (client 42 127.0.0.1:5 me)"));
}

static void
many_words_are_counted(void **state)
{
    struct fixture *f = fixture_of(state);
    attl_slice argv[40];
    for (size_t i = 0; i < 40; i++)
        argv[i] = attl_s(i ? "k" : "MGET");
    command_execute(&f->env, &f->session, argv, 40, &f->out);
    struct slow_entry e = newest_of(f, SLOWLOG_SLOW);
    assert_int_equal(e.words, 32);
    assert_non_null(strstr(newest, "k k ... (9 more arguments)"));
    command_execute(&f->env, &f->session, argv, 32, &f->out);
    e = newest_of(f, SLOWLOG_SLOW);
    assert_int_equal(e.words, 32);
    assert_null(strstr(newest, "more"));
}

static void
secrets_are_never_kept_nor_told(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const requests[] = {
        "AUTH hush",
        "AUTH default hush",
        "HELLO 3 AUTH default hush SETNAME n",
        "CONFIG SET requirepass hush",
        "CONFIG SET timeout 5 requirepass hush",
    };
    struct slowlog_limits open = limits_of(0, 4);
    open.redact_log = false;
    slowlog_set_limits(f->env.slow, &open);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        run(f, requests[i]);
        (void)newest_of(f, SLOWLOG_SLOW);
        assert_non_null(strstr(newest, "(redacted)"));
        assert_null(strstr(newest, "hush"));
        assert_null(strstr(told, "hush"));
    }
    assert_string_equal(newest, "CONFIG SET timeout 5 requirepass (redacted)");
}

static void
redaction_keeps_equal_keys_equal(void **state)
{
    struct fixture *f = fixture_of(state);
    struct slowlog_limits redact = limits_of(0, 4);
    redact.redact = true;
    slowlog_set_limits(f->env.slow, &redact);
    expect(f, "SET user:1 v", OK);
    (void)newest_of(f, SLOWLOG_SLOW);
    assert_null(strstr(newest, "user"));
    assert_memory_equal(newest, "SET k:", 6);
    assert_non_null(strstr(newest, " (1 bytes)"));
    char key[18];
    memcpy(key, newest + 4, 18);
    run(f, "GET user:1");
    (void)newest_of(f, SLOWLOG_SLOW);
    assert_memory_equal(newest + 4, key, 18);
    run(f, "GET user:2");
    (void)newest_of(f, SLOWLOG_SLOW);
    assert_memory_not_equal(newest + 4, key, 18);
    run(f, "CONFIG GET maxmemory");
    (void)newest_of(f, SLOWLOG_SLOW);
    assert_string_equal(newest, "CONFIG GET (9 bytes)");
}

static void
exec_stands_back_behind_its_commands(void **state)
{
    struct fixture *f = fixture_of(state);
    EXPECT_ALL(f, { "MULTI", OK }, { "SET k v", "+QUEUED\r\n" }, { "EXEC", "*1\r\n+OK\r\n" });
    (void)newest_of(f, SLOWLOG_SLOW);
    assert_string_equal(newest, "SET k v");
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 2);
}

static void
refused_requests_are_not_kept(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "NOSUCH a");
    run(f, "GET");
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 0);
}

static void
without_memory_an_entry_is_counted_and_left_out(void **state)
{
    struct fixture *f = fixture_of(state);
    refuse = true;
    slowlog_note_job(&f->env, &f->session, command_find_full(attl_s("save")), 5);
    struct slowlog *none = slowlog_new(&ticker);
    refuse = false;
    struct slow_list list = slowlog_summary(f->env.slow, SLOWLOG_SLOW);
    assert_int_equal(list.len, 0);
    assert_int_equal(list.seen, 1);
    assert_int_equal(list.dropped, 1);
    assert_int_equal(lines, 1); /* the log needs no memory */
    slowlog_free(&none);
    slowlog_reset_stats(f->env.slow);
    assert_int_equal(slowlog_summary(f->env.slow, SLOWLOG_SLOW).seen, 0);
}

static void
all_lists_together_have_a_size(void **state)
{
    struct fixture *f = fixture_of(state);
    struct slowlog_limits many = limits_of(0, 100000);
    slowlog_set_limits(f->env.slow, &many);
    static char word[128];
    attl_slice argv[32];
    for (size_t i = 0; i < 32; i++)
        argv[i] = i ? attl_b(word, sizeof word) : attl_s("MGET");
    size_t rounds = SLOWLOG_BYTES_MAX / (31 * 128) + 100;
    for (size_t i = 0; i < rounds; i++) {
        buf_clear(&f->out, OUT_MAX_BYTES);
        command_execute(&f->env, &f->session, argv, 32, &f->out);
    }
    struct slow_list list = slowlog_summary(f->env.slow, SLOWLOG_SLOW);
    assert_true(list.len < rounds && list.len > 1000);
    assert_true(f->env.slow->bytes <= SLOWLOG_BYTES_MAX);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_slow, teardown_slow)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_says_who_did_what_when),
        TEST(lists_keep_the_newest_and_ids_go_on),
        TEST(what_is_not_slow_is_not_kept),
        TEST(off_means_that_nothing_is_timed),
        TEST(large_requests_and_replies_have_lists_of_their_own),
        TEST(many_words_are_counted),
        TEST(secrets_are_never_kept_nor_told),
        TEST(redaction_keeps_equal_keys_equal),
        TEST(exec_stands_back_behind_its_commands),
        TEST(refused_requests_are_not_kept),
        TEST(without_memory_an_entry_is_counted_and_left_out),
        TEST(all_lists_together_have_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
