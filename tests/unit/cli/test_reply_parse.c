/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder of replies: every type of both protocol versions, the shape of the tree, replies that
 * arrive in pieces, and streams that lie. The last matter most: a server we do not control decides
 * what these bytes are, so an announced length must never become memory and nesting never our
 * stack.
 */
#include "cli_support.h"

#include <stdlib.h>

static void
scalars_of_both_versions_are_read(void **state)
{
    static const struct {
        const char *bytes;
        enum reply_type type;
        const char *text;
        int64_t integer;
    } cases[] = {
        { "+OK\r\n", REPLY_STATUS, "OK", 0 },
        { "+\r\n", REPLY_STATUS, "", 0 },
        { "-ERR no\r\n", REPLY_ERROR, "ERR no", 0 },
        { "!6\r\nERR no\r\n", REPLY_ERROR, "ERR no", 0 },
        { ":-12\r\n", REPLY_INTEGER, "-12", -12 },
        { ":9223372036854775807\r\n", REPLY_INTEGER, "9223372036854775807", INT64_MAX },
        { "$5\r\nhello\r\n", REPLY_STRING, "hello", 0 },
        { "$0\r\n\r\n", REPLY_STRING, "", 0 },
        { "$2\r\n\r\n\r\n", REPLY_STRING, "\r\n", 0 },
        { "$-1\r\n", REPLY_NIL, "", 0 },
        { "*-1\r\n", REPLY_NIL, "", 0 },
        { "_\r\n", REPLY_NIL, "", 0 },
        { ",3.25\r\n", REPLY_DOUBLE, "3.25", 0 },
        { ",inf\r\n", REPLY_DOUBLE, "inf", 0 },
        { "#t\r\n", REPLY_BOOL, "t", 1 },
        { "#f\r\n", REPLY_BOOL, "f", 0 },
        { "(123456789012345678901234567890\r\n", REPLY_BIGNUM, "123456789012345678901234567890",
          0 },
        { "=8\r\ntxt:text\r\n", REPLY_VERBATIM, "text", 0 },
    };
    (void)state;
    struct reply_parser p;
    reply_parser_init(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct reply *r = parse_text(&p, cases[i].bytes);
        assert_int_equal(r->type, cases[i].type);
        assert_true(reply_text_is(r, cases[i].text));
        assert_int_equal(r->integer, cases[i].integer);
        assert_int_equal(r->span, 1);
        assert_int_equal(r->children, 0);
    }
    reply_parser_fini(&p);
}

static void
aggregates_become_a_tree_in_pre_order(void **state)
{
    (void)state;
    struct reply_parser p;
    reply_parser_init(&p);
    const struct reply *r =
        parse_text(&p, "*3\r\n%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n~0\r\n>1\r\n$1\r\nz\r\n");
    assert_int_equal(r->type, REPLY_ARRAY);
    assert_int_equal(r->children, 3);
    assert_int_equal(r->span, 9);
    const struct reply *map = r + 1;
    assert_int_equal(map->type, REPLY_MAP);
    assert_int_equal(map->children, 2);
    assert_int_equal(map->span, 5);
    const struct reply *set = reply_next(map);
    assert_int_equal(set->type, REPLY_SET);
    assert_int_equal(set->children, 0);
    assert_int_equal(set->span, 1);
    const struct reply *push = reply_next(set);
    assert_int_equal(push->type, REPLY_PUSH);
    assert_true(reply_text_is(push + 1, "z"));
    assert_true(reply_is_aggregate(push) && !reply_is_aggregate(push + 1));
    reply_parser_fini(&p);
}

static void
attributes_are_dropped_wherever_they_stand(void **state)
{
    static const char *const equal[][2] = {
        { "|1\r\n+ttl\r\n:5\r\n+OK\r\n", "+OK\r\n" },
        { "*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n:8\r\n", "*2\r\n:7\r\n:8\r\n" },
        { "|0\r\n*1\r\n|0\r\n:1\r\n", "*1\r\n:1\r\n" },
        { "|1\r\n|1\r\n+x\r\n+y\r\n+a\r\n+b\r\n:3\r\n", ":3\r\n" },
    };
    (void)state;
    struct reply_parser p, q;
    reply_parser_init(&p);
    reply_parser_init(&q);
    for (size_t i = 0; i < sizeof equal / sizeof equal[0]; i++) {
        const struct reply *r = parse_text(&p, equal[i][0]);
        const struct reply *plain = parse_text(&q, equal[i][1]);
        assert_int_equal(r->span, plain->span);
        for (size_t n = 0; n < plain->span; n++) {
            assert_int_equal(r[n].type, plain[n].type);
            assert_int_equal(r[n].integer, plain[n].integer);
            assert_int_equal(r[n].span, plain[n].span);
        }
    }
    reply_parser_fini(&p);
    reply_parser_fini(&q);
}

/* Byte by byte, each time in another place of memory: the parser may keep no pointer. */
static void
a_reply_may_arrive_byte_by_byte(void **state)
{
    static const char bytes[] =
        "*4\r\n$5\r\nhello\r\n|1\r\n+a\r\n+b\r\n%1\r\n+k\r\n=7\r\ntxt:abc\r\n"
        ":-1\r\n*0\r\n";
    (void)state;
    struct reply_parser p;
    reply_parser_init(&p);
    for (size_t len = 0; len < sizeof bytes; len++) {
        const struct reply *r = NULL;
        size_t used = 0;
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        int status = reply_parse(&p, copy, len, &r, &used);
        if (len + 1 < sizeof bytes) {
            assert_int_equal(status, REPLY_MORE);
        } else {
            assert_int_equal(status, REPLY_DONE);
            assert_int_equal(used, sizeof bytes - 1);
            assert_int_equal(r->span, 7);
            assert_true(reply_text_is(r + 1, "hello"));
            assert_true(reply_text_is(r + 4, "abc"));
        }
        free(copy);
    }
    reply_parser_fini(&p);
}

static void
replies_follow_each_other(void **state)
{
    static const char bytes[] = ":1\r\n*1\r\n:2\r\n+three\r\n";
    (void)state;
    struct reply_parser p;
    const struct reply *r;
    size_t at = 0, used;
    reply_parser_init(&p);
    assert_int_equal(reply_parse(&p, bytes, sizeof bytes - 1, &r, &used), REPLY_DONE);
    assert_int_equal(r->integer, 1);
    at += used;
    assert_int_equal(reply_parse(&p, bytes + at, sizeof bytes - 1 - at, &r, &used), REPLY_DONE);
    assert_int_equal(r[1].integer, 2);
    at += used;
    assert_int_equal(reply_parse(&p, bytes + at, sizeof bytes - 1 - at, &r, &used), REPLY_DONE);
    assert_true(reply_text_is(r, "three"));
    assert_int_equal(at + used, sizeof bytes - 1);
    reply_parser_fini(&p);
}

static void
what_is_not_resp_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        { "HTTP/1.1 400 Bad Request\r\n", REPLY_E_SYNTAX },
        { "\r\n", REPLY_E_SYNTAX },
        { "+OK\n", REPLY_E_SYNTAX },
        { ":\r\n", REPLY_E_SYNTAX },
        { ":1x\r\n", REPLY_E_SYNTAX },
        { ":9223372036854775808\r\n", REPLY_E_SYNTAX },
        { "$-2\r\n", REPLY_E_SYNTAX },
        { "$+1\r\na\r\n", REPLY_E_SYNTAX },
        { "$?\r\n", REPLY_E_SYNTAX },
        { "$1\r\nab\r\n", REPLY_E_SYNTAX },
        { "!-1\r\n", REPLY_E_SYNTAX },
        { "=-1\r\n", REPLY_E_SYNTAX },
        { "=3\r\nabc\r\n", REPLY_E_SYNTAX },
        { "=4\r\nabcd\r\n", REPLY_E_SYNTAX },
        { "%-1\r\n", REPLY_E_SYNTAX },
        { "~-1\r\n", REPLY_E_SYNTAX },
        { "#x\r\n", REPLY_E_SYNTAX },
        { "#tt\r\n", REPLY_E_SYNTAX },
        { "_x\r\n", REPLY_E_SYNTAX },
        { "*1\r\n?\r\n", REPLY_E_SYNTAX },
        { "$536870913\r\n", REPLY_E_LIMIT },
        { "*9223372036854775807\r\n", REPLY_E_LIMIT },
        { "%9223372036854775807\r\n", REPLY_E_LIMIT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply_parser p;
        const struct reply *r = NULL;
        size_t used = 0;
        reply_parser_init(&p);
        int status = reply_parse(&p, cases[i].bytes, strlen(cases[i].bytes), &r, &used);
        if (status != cases[i].status)
            fail_msg("case %zu gave %d (%s)", i, status, reply_strerror(status));
        assert_null(r);
        reply_parser_fini(&p);
    }
}

static void
nesting_has_a_limit(void **state)
{
    char bytes[(REPLY_DEPTH_MAX + 1) * 4 + 8];
    (void)state;
    for (int depth = REPLY_DEPTH_MAX; depth <= REPLY_DEPTH_MAX + 1; depth++) {
        struct reply_parser p;
        const struct reply *r;
        size_t used, len = 0;
        for (int i = 0; i < depth; i++, len += 4)
            memcpy(bytes + len, "*1\r\n", 4);
        memcpy(bytes + len, ":1\r\n", 4);
        reply_parser_init(&p);
        int status = reply_parse(&p, bytes, len + 4, &r, &used);
        assert_int_equal(status, depth > REPLY_DEPTH_MAX ? REPLY_E_DEPTH : REPLY_DONE);
        reply_parser_fini(&p);
    }
}

static void
a_line_has_a_limit_whether_it_ends_or_not(void **state)
{
    (void)state;
    size_t len = REPLY_LINE_BYTES_MAX + 16;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    bytes[0] = '+';
    for (int ends = 0; ends < 2; ends++) {
        struct reply_parser p;
        const struct reply *r;
        size_t used;
        reply_parser_init(&p);
        if (ends)
            memcpy(bytes + len - 2, "\r\n", 2);
        assert_int_equal(reply_parse(&p, bytes, len, &r, &used), REPLY_E_LIMIT);
        reply_parser_fini(&p);
    }
    free(bytes);
}

/* An announced size costs nothing until its bytes are there. */
static void
announced_sizes_allocate_nothing(void **state)
{
    (void)state;
    struct reply_parser p;
    const struct reply *r;
    size_t used;
    reply_parser_init(&p);
    assert_int_equal(reply_parse(&p, "*33554432\r\n*33554432\r\n:1\r\n", 26, &r, &used),
                     REPLY_MORE);
    assert_in_range(p.cap, 1, 64);
    reply_parser_reset(&p);
    assert_int_equal(parse_text(&p, ":5\r\n")->integer, 5);
    reply_parser_fini(&p);
}

static void
every_status_has_a_text(void **state)
{
    (void)state;
    for (int status = REPLY_E_NOMEM; status <= REPLY_MORE; status++)
        assert_string_not_equal(reply_strerror(status), reply_strerror(99));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_of_both_versions_are_read),
        cmocka_unit_test(aggregates_become_a_tree_in_pre_order),
        cmocka_unit_test(attributes_are_dropped_wherever_they_stand),
        cmocka_unit_test(a_reply_may_arrive_byte_by_byte),
        cmocka_unit_test(replies_follow_each_other),
        cmocka_unit_test(what_is_not_resp_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_line_has_a_limit_whether_it_ends_or_not),
        cmocka_unit_test(announced_sizes_allocate_nothing),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
