/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies as JSON: every type of the protocol, strings that are no UTF-8, the texts with a shape,
 * replies that are cut short or lie about their lengths, and memory that ends. What comes out is
 * compared with what it should be, and read by a JSON library where that matters.
 */
#include "admin/json_reply.h"
#include "admin/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on
#include <jansson.h>

enum { OUT_MAX = 1 << 20 };

static bool
reply_json(struct buf *out, attl_slice resp, enum json_shape shape)
{
    struct json j;
    json_init(&j, out, JSON_DOOR);
    return json_put_reply(&j, resp, shape);
}

static void
expect_shape(attl_slice resp, enum json_shape shape, const char *want)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    bool good = reply_json(&out, resp, shape);
    if (!want) {
        assert_false(good);
    } else {
        assert_true(good);
        buf_append(&out, "", 1);
        assert_string_equal(out.data, want);
        json_t *root = json_loadb(out.data, out.len - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        json_decref(root);
    }
    buf_fini(&out);
}

#define EXPECT(resp, want) expect_shape(attl_b(resp, sizeof(resp) - 1), JSON_AS_IS, want)

static void
every_type_has_its_form(void **state)
{
    (void)state;
    EXPECT("+OK\r\n", "\"OK\"");
    EXPECT(":42\r\n", "42");
    EXPECT(":-9223372036854775808\r\n", "-9223372036854775808");
    EXPECT("$3\r\na\"b\r\n", "\"a\\\"b\"");
    EXPECT("$0\r\n\r\n", "\"\"");
    EXPECT("$-1\r\n", "null");
    EXPECT("*-1\r\n", "null");
    EXPECT("_\r\n", "null");
    EXPECT("#t\r\n", "true");
    EXPECT("#f\r\n", "false");
    EXPECT(",1.5\r\n", "1.5");
    EXPECT(",1e+20\r\n", "1e+20");
    EXPECT(",inf\r\n", "\"inf\"");
    EXPECT(",nan\r\n", "\"nan\"");
    EXPECT(",-0.5E-7\r\n", "-0.5E-7");
    EXPECT(",1e\r\n", "\"1e\"");
    EXPECT(",1e+\r\n", "\"1e+\"");
    EXPECT(",01\r\n", "\"01\"");
    EXPECT(",\r\n", "\"\"");
    EXPECT(",1\n\xff"
           "2\r\n",
           "{\"base64\":\"MQr/Mg==\"}"); /* found by the fuzzer */
    EXPECT("(123456789012345678901234567890\r\n", "\"123456789012345678901234567890\"");
    EXPECT("=7\r\ntxt:a\nb\r\n", "\"a\\nb\"");
    EXPECT("-ERR no such key\r\n", "{\"error\":{\"code\":\"ERR\",\"message\":\"no such key\"}}");
    EXPECT("-LOADING\r\n", "{\"error\":{\"code\":\"LOADING\",\"message\":\"\"}}");
    EXPECT("*0\r\n", "[]");
    EXPECT("%0\r\n", "{}");
    EXPECT("~2\r\n:1\r\n:2\r\n", "[1,2]");
    EXPECT(">1\r\n+x\r\n", "[\"x\"]");
}

static void
aggregates_nest(void **state)
{
    (void)state;
    EXPECT("*3\r\n*0\r\n*1\r\n:1\r\n%1\r\n+a\r\n*2\r\n_\r\n#t\r\n", "[[],[1],{\"a\":[null,true]}]");
    EXPECT("%2\r\n$1\r\na\r\n%1\r\n+b\r\n:1\r\n:7\r\n*0\r\n", "{\"a\":{\"b\":1},\"7\":[]}");
}

static void
bytes_that_are_no_text_are_told_apart(void **state)
{
    (void)state;
    EXPECT("$3\r\n\x00\xff\xfe\r\n", "{\"base64\":\"AP/+\"}");
    EXPECT("$1\r\n\xff\r\n", "{\"base64\":\"/w==\"}");
    EXPECT("$2\r\n\xff\xff\r\n", "{\"base64\":\"//8=\"}");
    EXPECT("%1\r\n$1\r\n\xff\r\n:1\r\n", "{\"base64:/w==\":1}");
    EXPECT("$4\r\na\x00\x1f\x7f\r\n", "\"a\\u0000\\u001f\\u007f\"");
    EXPECT("$8\r\n<script>\r\n", "\"\\u003cscript\\u003e\"");
    EXPECT("$2\r\n\xc3\xa4\r\n", "\"\xc3\xa4\"");
}

static void
texts_with_a_shape_become_objects(void **state)
{
    (void)state;
    expect_shape(attl_s("=46\r\ntxt:# Server\r\na:1\r\nb:x\r\n\r\n# Keyspace\r\ndb0:k=1\n\r\n"),
                 JSON_INFO, "{\"server\":{\"a\":1,\"b\":\"x\"},\"keyspace\":{\"db0\":\"k=1\"}}");
    expect_shape(attl_s("$0\r\n\r\n"), JSON_INFO, "{}");
    expect_shape(attl_s("$16\r\nid=7 name= x=01\n\r\n"), JSON_ROWS,
                 "[{\"id\":7,\"name\":\"\",\"x\":\"01\"}]");
    expect_shape(attl_s("$13\r\n# A\nno value\n\r\n"), JSON_INFO, "{\"a\":{}}");
    expect_shape(attl_s("-ERR x\r\n"), JSON_INFO,
                 "{\"error\":{\"code\":\"ERR\",\"message\":\"x\"}}");
}

static void
lies_are_refused(void **state)
{
    (void)state;
    EXPECT("", NULL);
    EXPECT("+OK", NULL);
    EXPECT("+OK\r", NULL);
    EXPECT("?x\r\n", NULL);
    EXPECT(":\r\n", NULL);
    EXPECT(":1x\r\n", NULL);
    EXPECT("$5\r\nabc\r\n", NULL);
    EXPECT("$3\r\nabcde\r\n", NULL);
    EXPECT("$-2\r\n", NULL);
    EXPECT("$9223372036854775807\r\nabc\r\n", NULL);
    EXPECT("*2\r\n:1\r\n", NULL);
    EXPECT("*1000000000\r\n:1\r\n", NULL);
    EXPECT("*9223372036854775807\r\n", NULL);
    EXPECT("%1\r\n:1\r\n", NULL);
    EXPECT("%9223372036854775807\r\n", NULL);
    EXPECT("%1\r\n*0\r\n:1\r\n", NULL); /* an array is no name */
    EXPECT("=3\r\ntxt\r\n", NULL);
}

static void
depth_has_an_end(void **state)
{
    (void)state;
    for (size_t depth = JSON_REPLY_DEPTH_MAX; depth <= JSON_REPLY_DEPTH_MAX + 1; depth++) {
        struct buf resp, out;
        buf_init(&resp, OUT_MAX);
        buf_init(&out, OUT_MAX);
        for (size_t i = 0; i < depth; i++)
            buf_append_str(&resp, "*1\r\n");
        buf_append_str(&resp, ":1\r\n");
        assert_int_equal(reply_json(&out, buf_slice(&resp), JSON_AS_IS),
                         depth == JSON_REPLY_DEPTH_MAX);
        buf_fini(&resp);
        buf_fini(&out);
    }
}

static void
room_that_ends_is_told(void **state)
{
    (void)state;
    static const char resp[] = "%2\r\n$1\r\na\r\n*2\r\n:1\r\n$3\r\nx\xffy\r\n+b\r\n,1.5\r\n";
    struct buf whole;
    buf_init(&whole, OUT_MAX);
    assert_true(reply_json(&whole, attl_b(resp, sizeof resp - 1), JSON_AS_IS));
    for (size_t max = 0; max < whole.len; max++) {
        struct buf out;
        buf_init(&out, max);
        assert_false(reply_json(&out, attl_b(resp, sizeof resp - 1), JSON_AS_IS));
        buf_fini(&out);
    }
    buf_fini(&whole);
}

static void
an_error_is_known_as_one(void **state)
{
    (void)state;
    attl_slice text;
    assert_true(json_reply_error(attl_s("-ERR a b\r\n"), &text));
    assert_int_equal(text.len, 7);
    assert_false(json_reply_error(attl_s("+OK\r\n"), &text));
    assert_false(json_reply_error(attl_s("-ERR"), &text));
    assert_false(json_reply_error(attl_s(""), &text));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_form),
        cmocka_unit_test(aggregates_nest),
        cmocka_unit_test(bytes_that_are_no_text_are_told_apart),
        cmocka_unit_test(texts_with_a_shape_become_objects),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(depth_has_an_end),
        cmocka_unit_test(room_that_ends_is_told),
        cmocka_unit_test(an_error_is_known_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
