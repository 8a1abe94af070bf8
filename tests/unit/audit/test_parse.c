/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser takes what the writer writes and nothing else: every single byte changed, left out or
 * put in makes a line that is refused, or one that reads differently, and is never taken for the
 * same. Numbers and escapes have one form.
 */
#include "audit/parse.h"
#include "support/unit.h"

#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define LINE                                                                                     \
    "{\"v\":1,\"alg\":\"sha256\",\"seq\":7,\"time\":\"2026-11-26T02:47:59.123456Z\",\"kind\":"   \
    "\"auth\",\"action\":\"auth\",\"user\":\"u\",\"addr\":\"a\",\"client\":\"c\",\"id\":3,"      \
    "\"trace\":\"\",\"object\":\"x\\u0000y\",\"before\":\"\",\"after\":\"\",\"outcome\":\"ok\"," \
    "\"prev\":\"" ZEROS "\",\"hash\":\"" ZEROS "\"}"

static const char line[] = LINE;

static void
a_line_is_taken_apart(void **state)
{
    (void)state;
    struct audit_line l;
    assert_null(audit_line_parse(attl_s(line), &l));
    assert_int_equal(l.seq, 7);
    assert_int_equal(l.client_id, 3);
    assert_int_equal(l.kind, AUDIT_AUTH);
    assert_int_equal(l.alg, AUDIT_SHA256);
    assert_int_equal(l.text[AUDIT_OBJECT].len, 8);
    assert_memory_equal(line + l.signed_len, ",\"hash\":\"", 9);
}

static void
no_byte_can_be_changed_unseen(void **state)
{
    (void)state;
    char copy[sizeof line];
    struct audit_line l;
    for (size_t i = 0; i + 1 < sizeof line; i++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(copy, line, sizeof line);
            if (copy[i] == (char)byte)
                continue;
            copy[i] = (char)byte;
            const char *problem = audit_line_parse(attl_b(copy, sizeof line - 1), &l);
            assert_true(problem || memcmp(copy, line, sizeof line) != 0);
            if (byte < ' ' || byte > '~')
                assert_non_null(problem);
        }
        memcpy(copy, line, i); /* one byte less */
        memcpy(copy + i, line + i + 1, sizeof line - i - 1);
        (void)audit_line_parse(attl_b(copy, sizeof line - 2), &l);
        assert_non_null(audit_line_parse(attl_b(line, i), &l)); /* a prefix */
    }
}

static void
expect_refused(const char *from, const char *to)
{
    char copy[sizeof line + 64];
    struct audit_line l;
    const char *at = strstr(line, from);
    assert_non_null(at);
    (void)snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from));
    assert_non_null(audit_line_parse(attl_s(copy), &l));
}

static void
other_ways_to_write_the_same_are_refused(void **state)
{
    (void)state;
    expect_refused("\"seq\":7", "\"seq\":07");
    expect_refused("\"seq\":7", "\"seq\": 7");
    expect_refused("\"seq\":7", "\"seq\":0");
    expect_refused("\"seq\":7", "\"seq\":-7");
    expect_refused("\"seq\":7", "\"seq\":99999999999999999999");
    expect_refused("\"v\":1", "\"v\":2");
    expect_refused("sha256", "sha512");
    expect_refused("\\u0000", "\\u0041");
    expect_refused("\\u0000", "\\u00AF");
    expect_refused("\\u0000", "\\n");
    expect_refused("\\u0000", "\\u0100");
    expect_refused("02:47:59.123456Z", "02:47:59.123456z");
    expect_refused("\"addr\"", "\"user\"");
    expect_refused(ZEROS, "000000000000000000000000000000000000000000000000000000000000000A");
    expect_refused("}", "} ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_taken_apart),
        cmocka_unit_test(no_byte_can_be_changed_unseen),
        cmocka_unit_test(other_ways_to_write_the_same_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
