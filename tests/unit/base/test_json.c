/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON writer, byte for byte where bytes are promised, and read by jansson where it must be
 * JSON: every byte and every pair of bytes under every rule, random nesting, and one document cut
 * at each length. A document that was cut must still be whole, and begin like the one that was not.
 */
#include "base/json.h"

#include "base/utf8.h"
#include "support/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

enum { OUT_MAX = 1 << 16, RULES = JSON_UNQUOTED };

/* One text under `rules`, without its quotes. */
static const char *
escaped(attl_slice text, unsigned rules)
{
    static char bytes[256];
    struct buf out;
    struct json j;
    buf_init_fixed(&out, bytes, sizeof bytes - 1);
    json_init(&j, &out, rules);
    json_escape(&j, text);
    assert_false(out.failed);
    bytes[out.len] = '\0';
    return bytes;
}

static void
expect_text(const char *text, unsigned rules, const char *want)
{
    assert_string_equal(escaped(attl_s(text), rules), want);
}

static json_t *
must_parse(const struct buf *out)
{
    json_error_t problem;
    const char *text = out->data;
    json_t *root = json_loadb(text, out->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
    if (!root)
        fail_msg("%.*s: %s", (int)out->len, text, problem.text);
    assert_true(utf8_valid(buf_slice(out)));
    return root;
}

static void
each_rule_escapes_what_it_says(void **state)
{
    (void)state;
    expect_text("a\"b\\c/\x7f", 0, "a\\\"b\\\\c/\\u007f");
    expect_text("\b\f\n\r\t\x1b", 0, "\\u0008\\u000c\\u000a\\u000d\\u0009\\u001b");
    expect_text("\b\f\n\r\t\x1b", JSON_SHORT, "\\b\\u000c\\n\\r\\t\\u001b");
    expect_text("<a&b>", 0, "<a&b>");
    expect_text("<a&b>", JSON_MARKUP, "\\u003ca\\u0026b\\u003e");
    expect_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    expect_text("\xc2\x80\xe2\x80\xae\xef\xbb\xbf", 0, "\\u0080\\u202e\\ufeff");
    expect_text("\xff|\xe2\x82|\xed\xa0\x80", 0, "\\u00ff|\\u00e2\\u0082|\\u00ed\\u00a0\\u0080");
    expect_text("\xff\xe2\x82", JSON_HALVES, "\\udcff\\udce2\\udc82");
    expect_text("a\"\\\n\xc3\xa9", JSON_BYTES, "a\\u0022\\u005c\\u000a\\u00c3\\u00a9");
    expect_text("\"\\\n", JSON_UNQUOTED, "\"\\\\u000a");
    assert_string_equal(escaped(attl_b("\0", 1), 0), "\\u0000");
    assert_string_equal(escaped(attl_b(NULL, 0), 0), "");
}

/* The bytes that the trail and receipts are made of; none of them may ever change. */
static void
canonical_bytes_are_those_of_the_trail(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        unsigned char byte = (unsigned char)c;
        char want[8];
        bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
        (void)snprintf(want, sizeof want, plain ? "%c" : "\\u%04x", c);
        assert_string_equal(escaped(attl_b(&byte, 1), JSON_BYTES), want);
    }
}

static void
any_bytes_make_json(void **state)
{
    (void)state;
    for (unsigned rules = 0; rules < RULES; rules++) {
        if (rules & JSON_HALVES) /* JSON, but jansson is stricter than RFC 8259 */
            continue;
        for (unsigned c = 0; c < 65536; c++) {
            unsigned char two[] = { (unsigned char)(c >> 8), (unsigned char)c };
            char bytes[32];
            struct buf out;
            struct json j;
            buf_init_fixed(&out, bytes, sizeof bytes);
            json_init(&j, &out, rules);
            json_put_text(&j, NULL, attl_b(two, 2));
            json_t *text = must_parse(&out);
            if (utf8_valid(attl_b(two, 2)) && !(rules & JSON_BYTES)) {
                assert_int_equal(json_string_length(text), 2);
                assert_memory_equal(json_string_value(text), two, 2);
            }
            json_decref(text);
        }
    }
}

static void
write_document(struct json *j)
{
    json_open(j, NULL, '{');
    json_put_u64(j, "u", INT64_MAX); /* more is no integer to jansson */
    json_put_i64(j, "i", INT64_MIN);
    json_put_real(j, "r", 0.1, 15);
    json_put_real(j, "none", NAN, 15);
    json_put_bool(j, "yes", true);
    json_open(j, "list", '[');
    json_put_null(j, NULL);
    json_open(j, NULL, '{');
    json_close(j);
    json_open(j, NULL, '[');
    json_put_bool(j, NULL, false);
    json_put_str(j, NULL, "");
    json_close(j);
    json_close(j);
    json_name(j, attl_b("\xff\"", 2));
    json_open(j, NULL, '"');
    json_escape(j, attl_s("two "));
    json_escape(j, attl_s("parts"));
    json_close(j);
    json_line(j);
    json_put_raw(j, "raw", attl_s("[1,2]"));
    json_put_str(j, "text", "\xf0\x9f\x98\x80 \n and \xe2\x82\xac");
    json_line(j);
    json_close(j);
}

static const char document[] =
    "{\"u\":9223372036854775807,\"i\":-9223372036854775808,\"r\":0.1,\"none\":null,\"yes\":true,"
    "\"list\":[null,{},[false,\"\"]],\"\\u00ff\\\"\":\"two parts\",\n\"raw\":[1,2],"
    "\"text\":\"\xf0\x9f\x98\x80 \\u000a and \xe2\x82\xac\"\n}";

static void
separators_are_the_writers(void **state)
{
    (void)state;
    struct buf out;
    struct json j;
    buf_init(&out, OUT_MAX);
    json_init(&j, &out, 0);
    write_document(&j);
    assert_int_equal(out.len, sizeof document - 1);
    assert_memory_equal(out.data, document, out.len);
    assert_int_equal(j.depth, 0);
    buf_fini(&out);
}

static void
what_has_no_room_makes_the_buffer_fail(void **state)
{
    (void)state;
    char bytes[sizeof document];
    for (size_t max = 0; max < sizeof document - 1; max++) {
        struct buf out;
        struct json j;
        buf_init_fixed(&out, bytes, max);
        json_init(&j, &out, 0);
        write_document(&j);
        assert_int_equal(out.failed, BUF_TOO_BIG);
    }
}

/* How much of the document the text is, without the brackets that close it. */
static size_t
common(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] == document[n])
        n++;
    return n;
}

static void
a_document_that_is_cut_is_whole(void **state)
{
    (void)state;
    size_t last = 0;
    for (size_t max = 2; max < sizeof document + 8; max++) {
        char *bytes = malloc(max); /* for the address sanitizer */
        struct buf out;
        struct json j;
        assert_non_null(bytes);
        buf_init_fixed(&out, bytes, max);
        json_init_cut(&j, &out, 0, max % 3);
        if (max < 2 + max % 3) {
            free(bytes);
            continue;
        }
        write_document(&j);
        assert_int_equal(out.failed, BUF_FINE);
        assert_true(out.len + max % 3 <= max);
        assert_int_equal(j.is_cut, out.len < sizeof document - 1);
        json_decref(must_parse(&out));
        size_t same = common(bytes, out.len);
        assert_true(out.len <= same + 3 && same + 4 >= last); /* three levels at most */
        last = same;
        free(bytes);
    }
    assert_int_equal(last, sizeof document - 1);
}

static void
nothing_follows_what_was_cut(void **state)
{
    (void)state;
    char bytes[24];
    struct buf out;
    struct json j;
    buf_init_fixed(&out, bytes, sizeof bytes);
    json_init_cut(&j, &out, 0, 0);
    json_open(&j, NULL, '{');
    json_put_str(&j, "a", "a text that is too long");
    json_open(&j, "b", '{');
    json_open(&j, "c", '[');
    json_put_i64(&j, NULL, 1);
    json_close(&j);
    json_close(&j);
    json_name(&j, attl_s("d"));
    json_put_null(&j, NULL);
    json_close(&j);
    assert_int_equal(out.len, sizeof bytes);
    assert_memory_equal(bytes, "{\"a\":\"a text that is t\"}", out.len);
}

/* Builds the same thing twice, with the writer and with jansson. */
static json_t *
write_random(struct rng *r, struct json *j, const char *name, unsigned depth)
{
    char text[8];
    size_t len = (size_t)rng_below(r, sizeof text);
    json_t *value;
    uint64_t kind = rng_below(r, depth < 20 ? 6 : 4);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)rng_below(r, 128);
    switch (kind) {
    case 0: json_put_text(j, name, attl_b(text, len)); return json_stringn(text, len);
    case 1: {
        int64_t n = (int64_t)rng_u64(r);
        json_put_i64(j, name, n);
        return json_integer(n);
    }
    case 2: json_put_bool(j, name, len & 1); return json_boolean(len & 1);
    case 3: json_put_null(j, name); return json_null();
    case 4:
        json_open(j, name, '[');
        value = json_array();
        for (size_t i = 0; i < len; i++)
            assert_int_equal(json_array_append_new(value, write_random(r, j, NULL, depth + 1)), 0);
        break;
    default:
        json_open(j, name, '{');
        value = json_object();
        for (size_t i = 0; i < len; i++) {
            char member[8];
            (void)snprintf(member, sizeof member, "\"%zu", i);
            json_t *inner = write_random(r, j, member, depth + 1);
            assert_int_equal(json_object_set_new(value, member, inner), 0);
        }
    }
    json_close(j);
    return value;
}

static void
what_is_read_is_what_was_written(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(20261126);
    for (int round = 0; round < 300; round++) {
        struct buf out;
        struct json j;
        buf_init(&out, SIZE_MAX);
        json_init(&j, &out, (unsigned)rng_below(&r, JSON_BYTES * 2));
        json_t *want = write_random(&r, &j, NULL, 0);
        json_t *got = must_parse(&out);
        assert_true(json_equal(want, got));
        json_decref(want);
        json_decref(got);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_escapes_what_it_says),
        cmocka_unit_test(canonical_bytes_are_those_of_the_trail),
        cmocka_unit_test(any_bytes_make_json),
        cmocka_unit_test(separators_are_the_writers),
        cmocka_unit_test(what_has_no_room_makes_the_buffer_fail),
        cmocka_unit_test(a_document_that_is_cut_is_whole),
        cmocka_unit_test(nothing_follows_what_was_cut),
        cmocka_unit_test(what_is_read_is_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
