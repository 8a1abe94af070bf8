/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lease commands, word by word: what each reply looks like, and which arguments are refused.
 * The host of these tests cannot park anybody, so WAIT answers at once; parked clients are tested
 * over the wire, by tests/e2e/test_lease.py.
 */
#include "command_support.h"

/* The token of a win: the first integer of the reply. */
static int64_t
token_of(const struct fixture *f)
{
    const char *colon = memchr(f->out.data, ':', f->out.len);
    assert_non_null(colon);
    return strtoll(colon + 1, NULL, 10);
}

static void
runf(struct fixture *f, const char *format, int64_t token)
{
    char line[256];
    (void)snprintf(line, sizeof line, format, (long long)token); /* it fits */
    run(f, line);
}

static void
expect_prefix(const struct fixture *f, const char *prefix)
{
    assert_true(f->out.len >= strlen(prefix));
    assert_memory_equal(f->out.data, prefix, strlen(prefix));
}

static void
replies_begin_with_a_word(void **state)
{
    struct fixture *f = fixture_of(state);
    run(f, "ATTL.FETCH k");
    expect_prefix(f, "*3\r\n$3\r\nwin\r\n:");
    int64_t token = token_of(f);
    expect(f, "ATTL.FETCH k", "*1\r\n$4\r\nwait\r\n");
    expect(f, "ATTL.FETCH k WAIT 1000", "*1\r\n$4\r\nwait\r\n");
    runf(f, "ATTL.FILL k %lld v PX 1000 GRACE 5000", token);
    expect_prefix(f, OK);
    expect(f, "ATTL.FETCH k", "*2\r\n$3\r\nhit\r\n$1\r\nv\r\n");
    runf(f, "ATTL.FILL k %lld w", token);
    expect_prefix(f, "-LEASELOST ");
    runf(f, "ATTL.RENEW k %lld 100", token);
    expect_prefix(f, "-LEASELOST ");
    run(f, "ATTL.FETCH n");
    runf(f, "ATTL.FAIL n %lld NEG 1000", token_of(f));
    expect_prefix(f, OK);
    expect(f, "ATTL.FETCH n", "*1\r\n$3\r\nneg\r\n");
    run(f, "ATTL.FETCH m");
    token = token_of(f);
    runf(f, "ATTL.KEEP m %lld", token);
    expect_prefix(f, "$-1\r\n");
    runf(f, "ATTL.RENEW m %lld 0", token);
    expect_prefix(f, OK);
    expect_part(f, "ATTL.FETCH k WITHMETA", "$8\r\nretry_ms\r\n:0\r\n");
}

static void
arguments_are_checked(void **state)
{
    struct fixture *f = fixture_of(state);
    expect_part(f, "ATTL.FETCH k LEASE", "-ERR syntax error");
    expect_part(f, "ATTL.FETCH k LEASE x", "-ERR value is not an integer");
    expect_part(f, "ATTL.FETCH k LEASE -1", "-ERR value is out of range");
    expect_part(f, "ATTL.FETCH k LEASE 9000000000000", "-ERR value is out of range");
    expect_part(f, "ATTL.FETCH k EARLY 10001", "-ERR value is out of range");
    expect_part(f, "ATTL.FETCH k NONSENSE", "-ERR syntax error");
    expect_part(f, "ATTL.FILL k x v", "-ERR the token is not a number");
    expect_part(f, "ATTL.FILL k 1 v EXAT 5", "-ERR syntax error");
    expect_part(f, "ATTL.FILL k 1 v EX 5 PX 5", "-ERR syntax error");
    expect_part(f, "ATTL.FILL k 1 v JITTER 101", "-ERR value is out of range");
    expect_part(f, "ATTL.FILL k 1 v", "-LEASELOST");
    expect_part(f, "ATTL.KEEP k 1 PX 0", "-ERR invalid expire time");
    expect_part(f, "ATTL.FAIL k 1 WHY", "-ERR syntax error");
    expect_part(f, "ATTL.FAIL k 1 NEG", "-LEASELOST");
    expect_part(f, "ATTL.FAIL k 1 NEG BACKOFF 5", "-LEASELOST");
    expect_part(f, "ATTL.FAIL k 1 NEG x", "-ERR value is not an integer");
    expect_part(f, "ATTL.FAIL k 1 BACKOFF", "-ERR syntax error");
    expect_part(f, "ATTL.RENEW k 1 -5", "-ERR value is out of range");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replies_begin_with_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_checked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
