/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One key as a line of JSON. What is written must be read back as the same bytes; what a person or
 * another program writes must be understood or refused with the column, never half understood: a
 * deadline that was overlooked makes an entry immortal.
 */
#include "cli_support.h"

#include "cli/jsonl.h"

static void
reads(const char *line, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct jsonl j;
    struct jsonl_record r;
    jsonl_init(&j);
    if (!jsonl_read(&j, attl_s(line), &r))
        fail_msg("'%s': %s", line, j.error);
    assert_int_equal(r.key.len, key.len);
    assert_memory_equal(key.len ? r.key.data : "", key.len ? key.data : "", key.len);
    assert_int_equal(r.value.len, value.len);
    assert_memory_equal(value.len ? r.value.data : "", value.len ? value.data : "", value.len);
    assert_int_equal(r.deadline_ms, deadline_ms);
    jsonl_fini(&j);
}

static void
refuses(const char *line, const char *because)
{
    struct jsonl j;
    struct jsonl_record r;
    jsonl_init(&j);
    if (jsonl_read(&j, attl_s(line), &r))
        fail_msg("'%s' was accepted", line);
    if (!strstr(j.error, because))
        fail_msg("'%s' gave: %s", line, j.error);
    jsonl_fini(&j);
}

static void
records_are_read_in_any_order_and_spacing(void **state)
{
    (void)state;
    reads("{\"key\":\"k\",\"value\":\"v\"}", attl_s("k"), attl_s("v"), ATTL_NO_DEADLINE);
    reads(" { \"deadline_ms\" : 1700000000000 , \"value\" : \"\" ,\t\"key\":\"k\" } ", attl_s("k"),
          attl_s(""), 1700000000000);
    reads("{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":null}", attl_s("k"), attl_s("v"),
          ATTL_NO_DEADLINE);
    reads("{\"key\":\"\",\"value\":\"v\",\"deadline_ms\":1}", attl_s(""), attl_s("v"), 1);
}

static void
escapes_are_resolved(void **state)
{
    (void)state;
    reads("{\"key\":\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\",\"value\":\"\"}", attl_s("a\n\t\"\\/\b\f\r"),
          attl_s(""), ATTL_NO_DEADLINE);
    reads("{\"key\":\"k\",\"value\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"}", attl_s("k"),
          attl_s("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), ATTL_NO_DEADLINE);
    reads("{\"key\":\"\\u0000\",\"value\":\"x\\u0000y\"}", attl_b("", 1), attl_b("x\0y", 3),
          ATTL_NO_DEADLINE);
}

static void
base64_members_carry_any_bytes(void **state)
{
    (void)state;
    reads("{\"key_b64\":\"/w==\",\"value\":\"v\"}", attl_b("\xff", 1), attl_s("v"),
          ATTL_NO_DEADLINE);
    reads("{\"key\":\"k\",\"value_b64\":\"AAE=\"}", attl_s("k"), attl_b("\0\1", 2),
          ATTL_NO_DEADLINE);
    reads("{\"key_b64\":\"\",\"value_b64\":\"\\u0041AE=\"}", attl_s(""), attl_b("\0\1", 2),
          ATTL_NO_DEADLINE);
}

static void
what_is_wrong_is_told_with_its_column(void **state)
{
    (void)state;
    refuses("", "column 1: expected '{'");
    refuses("[]", "column 1: expected '{'");
    refuses("{}", "column 2: expected '\"'");
    refuses("{\"key\":\"k\"}", "the value is missing");
    refuses("{\"value\":\"v\"}", "the key is missing");
    refuses("{\"key\":\"k\",\"value\":\"v\"", "expected '}'");
    refuses("{\"key\":\"k\",\"value\":\"v\"}x", "something follows");
    refuses("{\"key\":\"k\",\"value\":\"v\",}", "expected '\"'");
    refuses("{\"key\":\"k\" \"value\":\"v\"}", "expected '}'");
    refuses("{\"key\" \"k\"}", "expected ':'");
    refuses("{\"key\":1}", "expected '\"'");
    refuses("{\"key\":\"k", "the string does not end");
    refuses("{\"key\":\"k\\", "the string does not end");
    refuses("{\"key\":\"k\\q\"", "no such escape");
    refuses("{\"key\":\"a\tb\"", "column 10: a control character");
    refuses("{\"key\":\"\xff\"", "not UTF-8");
    refuses("{\"key\":\"\xc3", "not UTF-8");
    refuses("{\"key\":\"\\u12\"", "four hexadecimal digits");
    refuses("{\"key\":\"\\u12gz\"", "four hexadecimal digits");
    refuses("{\"key\":\"\\ud800\"", "half a surrogate pair");
    refuses("{\"key\":\"\\ud800\\u0041\"", "half a surrogate pair");
    refuses("{\"key\":\"\\udc00\"", "half a surrogate pair");
    refuses("{\"key_b64\":\"a\"", "not base64");
    refuses("{\"key_b64\":5", "expected '\"'");
}

static void
unknown_and_repeated_members_are_refused(void **state)
{
    (void)state;
    refuses("{\"key\":\"k\",\"value\":\"v\",\"deadline\":5}", "unknown member 'deadline'");
    refuses("{\"key\":\"k\",\"key\":\"k\"", "given twice");
    refuses("{\"key\":\"k\",\"key_b64\":\"\"", "given twice");
    refuses("{\"deadline_ms\":1,\"deadline_ms\":1", "given twice");
    refuses("{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":1,\"key\":\"x\"}", "expected '}'");
    refuses("{\"a\\u0041\":1}", "expected '\"'");
}

static void
deadlines_are_whole_milliseconds(void **state)
{
    static const char *const bad[] = { "1.5", "-1",  "0",    "\"5\"", "1e3", "9223372036854775808",
                                       "",    "nul", "true", "+5",    "05" };
    char line[128];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(line, sizeof line, "{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":%s}",
                       bad[i]);
        refuses(line, "deadline_ms must be");
    }
    reads("{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":9223372036854775807}", attl_s("k"),
          attl_s("v"), INT64_MAX);
}

/* Every byte as key and value, with and without a deadline. */
static void
what_is_written_is_read_back(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char key[2] = { (char)byte, 'k' }, value[3] = { 'v', (char)byte, (char)(255 - byte) };
        struct jsonl_record r = { attl_b(key, 2), attl_b(value, 3),
                                  byte % 2 ? ATTL_NO_DEADLINE : byte + 1 };
        struct capture out;
        capture_begin(&out);
        jsonl_write(out.file, &r);
        const char *text = capture_end(&out);
        assert_int_equal(text[out.len - 1], '\n');
        assert_null(memchr(text, '\n', out.len - 1));
        out.text[out.len - 1] = '\0';
        reads(text, r.key, r.value, r.deadline_ms);
        capture_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_in_any_order_and_spacing),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(base64_members_carry_any_bytes),
        cmocka_unit_test(what_is_wrong_is_told_with_its_column),
        cmocka_unit_test(unknown_and_repeated_members_are_refused),
        cmocka_unit_test(deadlines_are_whole_milliseconds),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
