/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The canonical bytes of lines against golden files, which were made by another program from
 * docs/audit-format.md; times at the edges of the calendar; texts that want escaping or are too
 * long. What is written must be what is read.
 */
#include "audit/digest.h"
#include "audit/parse.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static char *
golden(const char *name, size_t *ret_len)
{
    char path[512];
    const char *dir = getenv("ATTL_SOURCE_DIR");
    (void)snprintf(path, sizeof path, "%s/tests/unit/audit/%s", dir ? dir : ".", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *data = calloc(1, 1 << 16);
    assert_non_null(data);
    *ret_len = fread(data, 1, 1 << 16, f);
    assert_int_equal(fclose(f), 0);
    return data;
}

static void
append(struct buf *out, const struct audit_key *key, struct audit_link *link,
       const struct audit_record *r)
{
    size_t mark = out->len;
    audit_record_signed(r, audit_key_alg(key), ++link->seq, link->hash, out);
    assert_true(audit_digest(key, attl_b(out->data + mark, out->len - mark), link->hash));
    audit_record_finish(link->hash, out);
}

/* The four lines of the golden files. */
static void
write_golden(struct buf *out, const struct audit_key *key)
{
    static const char odd[] = "q\"u\\o\0t\n\xc3\xa9\x7f";
    char many[1030];
    struct audit_link link = { 0 };
    int64_t us;
    struct audit_record r = { .kind = AUDIT_FILE };
    assert_true(audit_time_parse(attl_s("2026-11-26T02:47:59.123456Z"), &r.time_us));
    r.text[AUDIT_ACTION] = attl_s("begin");
    r.text[AUDIT_OBJECT] = attl_s("audit-00000000000000000001.jsonl");
    r.text[AUDIT_OUTCOME] = attl_s("ok");
    append(out, key, &link, &r);
    struct audit_record c = { .kind = AUDIT_CONFIG, .client_id = 42 };
    static const char *const texts[AUDIT_TEXTS] = { "config|set", "ann",       "127.0.0.1:50000",
                                                    "tool",       "4bf92f35",  "maxmemory",
                                                    "0",          "104857600", "ok" };
    for (int i = 0; i < AUDIT_TEXTS; i++)
        c.text[i] = attl_s(texts[i]);
    append(out, key, &link, &c);
    struct audit_record a = { .kind = AUDIT_AUTH, .client_id = UINT64_MAX };
    assert_true(audit_time_parse(attl_s("2000-02-29T23:59:59.999999Z"), &a.time_us));
    a.text[AUDIT_ACTION] = attl_s("auth");
    a.text[AUDIT_USER] = attl_s("default");
    a.text[AUDIT_ADDR] = attl_s("unix:/run/attl.sock");
    a.text[AUDIT_OBJECT] = attl_b(odd, sizeof odd - 1);
    a.text[AUDIT_OUTCOME] = attl_s("WRONGPASS");
    append(out, key, &link, &a);
    assert_true(audit_time_parse(attl_s("9999-12-31T23:59:59.000001Z"), &us));
    memset(many, 'x', sizeof many);
    struct audit_record d = { .kind = AUDIT_ADMIN, .time_us = us };
    d.text[AUDIT_ACTION] = attl_s("debug");
    d.text[AUDIT_OBJECT] = attl_b(many, sizeof many);
    d.text[AUDIT_OUTCOME] = attl_s("ok");
    append(out, key, &link, &d);
}

static void
expect_golden(const char *name, const char *secret)
{
    struct audit_key key = { .len = strlen(secret) };
    struct buf out;
    size_t len;
    memcpy(key.bytes, secret, key.len);
    buf_init(&out, 1 << 20);
    write_golden(&out, &key);
    char *want = golden(name, &len);
    assert_false(out.failed);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, want, len);
    free(want);
    buf_fini(&out);
}

static void
lines_are_what_the_format_says_byte_for_byte(void **state)
{
    (void)state;
    expect_golden("golden.jsonl", "");
    expect_golden("golden-keyed.jsonl", "0123456789abcdef-golden");
}

static void
what_is_written_is_read_back(void **state)
{
    (void)state;
    struct audit_key key = { .len = 0 };
    struct buf out;
    char text[256];
    buf_init(&out, 1 << 20);
    write_golden(&out, &key);
    int n = 0;
    for (size_t at = 0; at < out.len; n++) {
        struct audit_line l;
        const char *nl = memchr(out.data + at, '\n', out.len - at);
        attl_slice line = attl_b(out.data + at, (size_t)(nl - out.data) - at);
        assert_null(audit_line_parse(line, &l));
        assert_int_equal(l.seq, n + 1);
        assert_true(l.kind < AUDIT_KINDS);
        if (n == 2) {
            size_t len = audit_text_decode(l.text[AUDIT_OBJECT], text);
            assert_int_equal(len, 11);
            assert_memory_equal(text, "q\"u\\o\0t\n\xc3\xa9\x7f", 11);
            assert_true(l.client_id == UINT64_MAX);
        }
        at += line.len + 1;
    }
    assert_int_equal(n, 4);
    buf_fini(&out);
}

static void
times_at_the_edges_are_written_and_read(void **state)
{
    (void)state;
    static const char *const times[] = {
        "1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "2000-02-29T12:00:00.000001Z",
        "2100-02-28T23:59:59.000000Z", "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z",
        "2024-12-31T23:59:59.500000Z",
    };
    char out[AUDIT_TIME_CHARS + 1];
    int64_t us;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_true(audit_time_parse(attl_s(times[i]), &us));
        audit_time_format(us, out);
        assert_string_equal(out, times[i]);
    }
    audit_time_format(INT64_MAX, out);
    assert_memory_equal(out, "9999-12-31T23:59:59", 19);
    audit_time_format(INT64_MIN, out);
    assert_memory_equal(out, "0000-01-01T00:00:00", 19);
    assert_false(audit_time_parse(attl_s("2024-13-01T00:00:00.000000Z"), &us));
    assert_false(audit_time_parse(attl_s("2024-12-01 00:00:00.000000Z"), &us));
    assert_false(audit_time_parse(attl_s("2024-12-01T00:00:00"), &us));
}

static void
kinds_are_found_by_their_words(void **state)
{
    (void)state;
    for (int i = 0; i < AUDIT_KINDS; i++) {
        assert_int_equal(audit_kind_find(attl_s(audit_kind_word((enum audit_kind)i))), i);
        assert_true(strlen(audit_kind_what((enum audit_kind)i)) > 10);
    }
    assert_int_equal(audit_kind_find(attl_s("conf")), AUDIT_KINDS);
    assert_int_equal(audit_kind_find(attl_s("")), AUDIT_KINDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_the_format_says_byte_for_byte),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(times_at_the_edges_are_written_and_read),
        cmocka_unit_test(kinds_are_found_by_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
