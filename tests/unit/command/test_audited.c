/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a command gets into the audit trail, on the simulated disk: which commands, which words,
 * and that no secret does, whatever it is written as; CONFIG SET before and after; transactions;
 * recorded writes; fail_closed, under which nothing happens without a line. And ATTL.AUDIT.
 */
#include "command_support.h"

#include "audit/audit.h"
#include "base/alloc.h"
#include "command/audited.h"
#include "support/sim_disk.h"

#include <errno.h>
#include <string.h>

struct trail {
    struct sim_disk *sim;
    struct audit_settings settings;
};

static void
trail_open(struct fixture *f, struct trail *t, bool closed, const char *writes)
{
    char err[256] = "";
    attl_allocator alloc = alloc_default();
    t->sim = sim_disk_new(1);
    t->settings = (struct audit_settings){ .rotate_bytes = 1 << 20,
                                           .queue = 1000,
                                           .fail_closed = closed,
                                           .writes = writes,
                                           .disk = sim_disk_table(t->sim) };
    assert_int_equal(audit_open(&f->host.audit, &alloc, &t->settings, err, sizeof err), ATTL_OK);
    audited_prepare(&f->env);
}

static void
trail_close(struct fixture *f, struct trail *t)
{
    audit_close(&f->host.audit);
    audited_prepare(&f->env);
    sim_disk_free(&t->sim);
}

/* Runs the request; the last `n` lines of the trail, as text. */
static const char *
lines_of(struct fixture *f, const char *line, size_t n)
{
    static _Thread_local char text[65536];
    struct buf tail;
    run(f, line);
    buf_init(&tail, sizeof text - 1);
    assert_int_equal(audit_tail(f->host.audit, n, &tail), 0);
    assert_false(tail.failed);
    memcpy(text, tail.data, tail.len);
    text[tail.len] = '\0';
    buf_fini(&tail);
    return text;
}

static uint64_t
count(struct fixture *f)
{
    struct audit_stats st;
    audit_flush(f->host.audit);
    audit_stats_get(f->host.audit, &st);
    return st.lines;
}

static void
expect_line(struct fixture *f, const char *line, const char *text)
{
    uint64_t before = count(f);
    const char *got = lines_of(f, line, 1);
    if (count(f) != before + 1 || !strstr(got, text))
        fail_msg("%s\n  recorded %s\n  expected %s", line, got, text);
}

static void
expect_nothing(struct fixture *f, const char *line)
{
    uint64_t before = count(f);
    run(f, line);
    if (count(f) != before)
        fail_msg("%s was recorded", line);
}

static void
administration_is_recorded_and_looking_is_not(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    trail_open(f, &t, false, "");
    expect_line(
        f, "FLUSHALL",
        "\"kind\":\"flush\",\"action\":\"flushall\",\"user\":\"default\","
        "\"addr\":\"127.0.0.1:5000\",\"client\":\"\",\"id\":1,\"trace\":\"\",\"object\":\"\","
        "\"before\":\"\",\"after\":\"\",\"outcome\":\"ok\"");
    expect_line(f, "CLIENT KILL ID 99", "\"kind\":\"client\",\"action\":\"client|kill\"");
    expect_line(f, "CLIENT KILL ID x", "\"outcome\":\"ERR\"");
    expect_line(f, "ATTL.NS SET a: ttl_default 9s", "\"object\":\"a: ttl_default 9s\"");
    expect_line(f, "KEYS secret-name*", "\"action\":\"keys\"");
    assert_null(strstr(lines_of(f, "KEYS secret-name*", 5), "secret-name"));
    expect_nothing(f, "GET k");
    expect_nothing(f, "SET k v");
    expect_nothing(f, "INFO");
    expect_nothing(f, "CONFIG GET *");
    expect_nothing(f, "CLIENT LIST");
    expect_nothing(f, "ATTL.AUDIT STATUS");
    expect_nothing(f, "HELLO 3");
    expect_nothing(f, "CLIENT KILL"); /* never ran */
    trail_close(f, &t);
    run(f, "FLUSHALL"); /* without a trail nothing is different */
    expect(f, "ATTL.AUDIT STATUS",
           "-ERR there is no audit trail: start attld with --audit.mode=on\r\n");
}

static void
settings_have_before_and_after_but_secrets(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    trail_open(f, &t, false, "");
    (void)snprintf(f->settings[0], sizeof f->settings[0], "100");
    expect_line(f, "CONFIG SET MaxMemory 200",
                "\"object\":\"maxmemory\",\"before\":\"100\",\"after\":\"200\",\"outcome\":\"ok\"");
    expect_line(f, "CONFIG SET maxmemory bad",
                "\"before\":\"200\",\"after\":\"200\",\"outcome\":"
                "\"ERR\"");
    expect_line(f, "CONFIG SET no-such hush",
                "\"object\":\"no-such\",\"before\":\"\",\"after\":\"\"");
    const char *two = lines_of(f, "CONFIG SET requirepass hush timeout 5", 2);
    assert_non_null(
        strstr(two, "\"object\":\"requirepass\",\"before\":\"\",\"after\":\"********\""));
    assert_non_null(strstr(two, "\"object\":\"timeout\",\"before\":\"\",\"after\":\"5\""));
    assert_null(strstr(lines_of(f, "CONFIG SET requirepass hush2", 20), "hush"));
    trail_close(f, &t);
}

static void
no_password_is_recorded(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    f->password = "right-word";
    trail_open(f, &t, false, "*");
    expect_line(f, "AUTH wrong-word", "\"kind\":\"auth\"");
    expect_line(f, "AUTH ann wrong-word", "\"object\":\"ann\"");
    expect_line(f, "HELLO 3 AUTH ann wrong-word", "\"outcome\":\"WRONGPASS\"");
    expect_line(f, "HELLO 2 SETNAME x AUTH default right-word", "\"outcome\":\"ok\"");
    expect_line(f, "AUTH right-word", "\"object\":\"default\"");
    expect_line(f, "AUTH a b right-word", "\"outcome\":\"ERR\""); /* too many words */
    const char *all = lines_of(f, "PING", 100);
    assert_null(strstr(all, "-word"));
    trail_close(f, &t);
}

static void
writes_are_recorded_where_asked(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    trail_open(f, &t, false, "user: order:");
    expect_line(f, "SET user:1 a-value", "\"kind\":\"write\",\"action\":\"set\"");
    expect_line(f, "MSET other 1 order:1 2", "\"action\":\"mset\"");
    expect_line(f, "DEL user:1", "\"action\":\"del\"");
    expect_nothing(f, "SET other 1");
    expect_nothing(f, "GET user:1");
    run(f, "MULTI");
    run(f, "SET user:2 a-value");
    run(f, "CONFIG SET timeout 9");
    run(f, "SET other a-value");
    const char *two = lines_of(f, "EXEC", 2);
    assert_non_null(strstr(two, "\"action\":\"set\""));
    assert_non_null(strstr(two, "\"object\":\"timeout\""));
    const char *all = lines_of(f, "PING", 100);
    assert_true(!strstr(all, "a-value") && !strstr(all, "user:") && !strstr(all, "order:"));
    trail_close(f, &t);
}

static void
closed_means_nothing_without_a_line(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    trail_open(f, &t, true, "user:");
    const char *two = lines_of(f, "CONFIG SET timeout 7", 2);
    assert_non_null(strstr(two, "\"object\":\"timeout\",\"before\":\"\",\"after\":\"\",\"outcome\":"
                                "\"begun\""));
    assert_non_null(strstr(two, "\"after\":\"7\",\"outcome\":\"ok\""));
    run(f, "SET user:1 old");
    sim_disk_fail(t.sim, SIM_WRITE, 1, -ENOSPC, SIM_FOREVER);
    static const char *const refused[] = { "CONFIG SET timeout 8", "SET user:1 new", "FLUSHALL",
                                           "AUTH x y", "SHUTDOWN" };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        run(f, refused[i]);
        assert_memory_equal(f->out.data, "-AUDIT ", 7);
    }
    assert_string_equal(f->settings[4], "7");
    assert_false(f->shut_down);
    expect(f, "GET user:1", "$3\r\nold\r\n");
    expect(f, "SET other 1", OK);
    sim_disk_fail(t.sim, 0, 0, 0, SIM_ONCE);
    expect(f, "CONFIG SET timeout 8", OK);
    assert_string_equal(f->settings[4], "8");
    assert_non_null(strstr(lines_of(f, "PING", 10), "5 actions refused"));
    trail_close(f, &t);
}

static void
the_trail_is_administered_by_commands(void **state)
{
    struct fixture *f = fixture_of(state);
    struct trail t;
    struct audit_stats st;
    char line[128];
    trail_open(f, &t, false, "");
    expect(f, "ATTL.AUDIT ROTATE", OK);
    run(f, "ATTL.AUDIT STATUS");
    assert_non_null(strstr(f->out.data, "$7\r\nwriting\r\n"));
    run(f, "ATTL.AUDIT TAIL 2");
    assert_memory_equal(f->out.data, "*2\r\n", 4);
    assert_non_null(strstr(f->out.data, "attl.audit|rotate"));
    run(f, "ATTL.AUDIT VERIFY");
    assert_non_null(strstr(f->out.data, "$4\r\nfine\r\n"));
    sim_disk_flip(t.sim, "audit-00000000000000000001.jsonl", 100, 1);
    run(f, "ATTL.AUDIT VERIFY");
    assert_non_null(strstr(f->out.data, "$7\r\ndamaged\r\n"));
    assert_non_null(strstr(f->out.data, "audit-00000000000000000001.jsonl:1: changed: "));
    expect(f, "ATTL.AUDIT TAIL 0", "-ERR count must be between 1 and 1000\r\n");
    expect(f, "ATTL.AUDIT TAIL x", NOT_AN_INTEGER);
    expect(f, "ATTL.AUDIT TAIL 1 2", SYNTAX_ERROR);
    sim_disk_fail(t.sim, SIM_LIST, 1, -EIO, SIM_FOREVER);
    expect(f, "ATTL.AUDIT VERIFY", "-ERR the audit trail cannot be read\r\n");
    expect(f, "ATTL.AUDIT TAIL", "-ERR the audit trail cannot be read\r\n");
    run(f, "INFO audit");
    assert_non_null(strstr(f->out.data, "audit_failing:0\r\n"));
    assert_non_null(strstr(f->out.data, "audit_enabled:1\r\n"));
    assert_non_null(strstr(f->out.data, "audit_oldest_age:"));
    audit_stats_get(f->host.audit, &st);
    (void)snprintf(line, sizeof line, "\nattl_audit_written_bytes_total %llu\n",
                   (unsigned long long)st.bytes);
    expect_part(f, "ATTL.METRICS", line);
    expect_part(f, "ATTL.METRICS", "\nattl_audit_files 2\n");
    expect_part(f, "ATTL.METRICS", "\nattl_audit_mode{mode=\"fail_open\"} 1\n");
    expect_part(f, "ATTL.METRICS", "\nattl_audit_mode{mode=\"off\"} 0\n");
    trail_close(f, &t);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(administration_is_recorded_and_looking_is_not),
        T(settings_have_before_and_after_but_secrets),
        T(no_password_is_recorded),
        T(writes_are_recorded_where_asked),
        T(closed_means_nothing_without_a_line),
        T(the_trail_is_administered_by_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
