/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three forms of a reply against what redis-cli prints and what JSON is. Each case is the bytes
 * of a reply and the whole text expected; the forms are pure, so nothing else is needed. No output
 * may carry a byte that steers a terminal.
 */
#include "cli_support.h"

#include "cli/render.h"

enum form { HUMAN, COLOURED, RAW, JSON };

static void
shows(enum form form, const char *bytes, const char *expected)
{
    struct reply_parser p;
    struct capture out;
    reply_parser_init(&p);
    const struct reply *r = parse_text(&p, bytes);
    capture_begin(&out);
    if (form == RAW)
        render_raw(out.file, r);
    else if (form == JSON)
        render_json(out.file, r);
    else
        render_human(out.file, r, form == COLOURED);
    assert_string_equal(capture_end(&out), expected);
    capture_free(&out);
    reply_parser_fini(&p);
}

static void
scalars_look_as_in_redis_cli(void **state)
{
    (void)state;
    shows(HUMAN, "+OK\r\n", "OK\n");
    shows(HUMAN, "-ERR no\r\n", "(error) ERR no\n");
    shows(HUMAN, ":-3\r\n", "(integer) -3\n");
    shows(HUMAN, "$1\r\na\r\n", "\"a\"\n");
    shows(HUMAN, "$7\r\n\"\\\a\r\n\t\b\r\n", "\"\\\"\\\\\\a\\r\\n\\t\\b\"\n");
    shows(HUMAN, "$3\r\n\x1b\x7f\xff\r\n", "\"\\x1b\\x7f\\xff\"\n");
    shows(HUMAN, "$-1\r\n", "(nil)\n");
    shows(HUMAN, ",1.5\r\n", "(double) 1.5\n");
    shows(HUMAN, "#t\r\n", "(true)\n");
    shows(HUMAN, "#f\r\n", "(false)\n");
    shows(HUMAN, "(12\r\n", "(big number) 12\n");
    shows(HUMAN, "=12\r\ntxt:a:1\r\nb\r\n\r\n", "a:1\nb\n");
}

static void
utf8_stays_readable_but_cannot_hide(void **state)
{
    (void)state;
    shows(HUMAN, "$5\r\ncaf\xc3\xa9\r\n", "\"caf\xc3\xa9\"\n");
    shows(HUMAN, "$3\r\n\xe2\x80\xae\r\n", "\"\\xe2\\x80\\xae\"\n"); /* right-to-left override */
    shows(HUMAN, "$2\r\n\xc2\x9b\r\n", "\"\\xc2\\x9b\"\n");          /* CSI in eight bits */
    shows(HUMAN, "+a\x1b[31mb\r\n", "a\\x1b[31mb\n");
    shows(HUMAN, "-E\xff\r\n", "(error) E\\xff\n");
}

static void
nested_replies_are_numbered_and_aligned(void **state)
{
    (void)state;
    shows(HUMAN, "*0\r\n", "(empty array)\n");
    shows(HUMAN, "%0\r\n", "(empty hash)\n");
    shows(HUMAN, "~0\r\n", "(empty set)\n");
    shows(HUMAN, ">0\r\n", "(empty push)\n");
    shows(HUMAN, "*2\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n",
          "1) \"a\"\n2) 1) (integer) 1\n   2) (nil)\n");
    shows(HUMAN, "%2\r\n$1\r\nk\r\n:1\r\n+l\r\n*2\r\n:2\r\n:3\r\n",
          "1# \"k\" => (integer) 1\n2# l => 1) (integer) 2\n   2) (integer) 3\n");
    shows(HUMAN, "~1\r\n:1\r\n", "1~ (integer) 1\n");
    shows(HUMAN, "%1\r\n*1\r\n:1\r\n:2\r\n", "1# [1] => (integer) 2\n");
    shows(HUMAN, "*10\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n*1\r\n:1\r\n",
          " 1) (integer) 1\n 2) (integer) 1\n 3) (integer) 1\n 4) (integer) 1\n"
          " 5) (integer) 1\n 6) (integer) 1\n 7) (integer) 1\n 8) (integer) 1\n"
          " 9) (integer) 1\n10) 1) (integer) 1\n");
}

static void
colour_marks_errors_and_absence_only(void **state)
{
    (void)state;
    shows(COLOURED, "-E\r\n", "\033[31m(error) E\033[0m\n");
    shows(COLOURED, "_\r\n", "\033[2m(nil)\033[0m\n");
    shows(COLOURED, "$1\r\na\r\n", "\"a\"\n");
}

static void
raw_is_the_bytes_and_a_line_feed(void **state)
{
    (void)state;
    shows(RAW, "$2\r\n\x01\xff\r\n", "\x01\xff\n");
    shows(RAW, "$-1\r\n", "\n");
    shows(RAW, "#t\r\n", "true\n");
    shows(RAW, ":7\r\n", "7\n");
    shows(RAW, "*3\r\n$1\r\na\r\n*1\r\n:1\r\n*0\r\n", "a\n1\n\n");
}

static void
json_is_json(void **state)
{
    (void)state;
    shows(JSON, "+OK\r\n", "\"OK\"\n");
    shows(JSON, "-ERR \"x\"\r\n", "{\"error\":\"ERR \\\"x\\\"\"}\n");
    shows(JSON, ":-1\r\n", "-1\n");
    shows(JSON, "_\r\n", "null\n");
    shows(JSON, "#f\r\n", "false\n");
    shows(JSON, "*2\r\n:1\r\n*0\r\n", "[1,[]]\n");
    shows(JSON, "%2\r\n+a\r\n:1\r\n:2\r\n_\r\n", "{\"a\":1,\"2\":null}\n");
    shows(JSON, "%1\r\n*1\r\n:1\r\n:2\r\n", "[[1],2]\n");
    shows(JSON, "%0\r\n", "{}\n");
    shows(JSON, "$4\r\n\n\x01\xff\x7f\r\n", "\"\\n\\u0001\\udcff\\u007f\"\n");
    shows(JSON, "$3\r\n\xe2\x80\xae\r\n", "\"\\u202e\"\n");
    shows(JSON, "(12345678901234567890\r\n", "12345678901234567890\n");
}

static void
doubles_are_numbers_only_where_json_has_them(void **state)
{
    static const char *const cases[][2] = {
        { ",1\r\n", "1\n" },           { ",-0.5\r\n", "-0.5\n" },     { ",1e+20\r\n", "1e+20\n" },
        { ",inf\r\n", "\"inf\"\n" },   { ",nan\r\n", "\"nan\"\n" },   { ",1.\r\n", "\"1.\"\n" },
        { ",01\r\n", "\"01\"\n" },     { ",1e\r\n", "\"1e\"\n" },     { ",-\r\n", "\"-\"\n" },
        { ",0\r\n", "0\n" },           { ",0.1E-7\r\n", "0.1E-7\n" }, { ",.5\r\n", "\".5\"\n" },
        { ",1.5x\r\n", "\"1.5x\"\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        shows(JSON, cases[i][0], cases[i][1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_look_as_in_redis_cli),
        cmocka_unit_test(utf8_stays_readable_but_cannot_hide),
        cmocka_unit_test(nested_replies_are_numbered_and_aligned),
        cmocka_unit_test(colour_marks_errors_and_absence_only),
        cmocka_unit_test(raw_is_the_bytes_and_a_line_feed),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(doubles_are_numbers_only_where_json_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
