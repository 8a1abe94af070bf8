/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Splitting lines into words, compared with a table of what Redis' command line makes of them, and
 * telling other protocols from ours. Lines are copied to blocks of exactly their size first, as the
 * splitter writes into them and a sanitizer should see every byte too far.
 */
#include "protocol/resp_inline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { TEXT_MAX = 256 };

/* The words of `line` as "[a][b]", or the result's name. */
static void
expect(const char *line, const char *wanted)
{
    static const char *const names[] = { "", "unbalanced", "nul", "no memory" };
    struct resp_args args;
    char text[TEXT_MAX];
    size_t len = 0;
    char *copy = malloc(strlen(line) + 1);
    memcpy(copy, line, strlen(line));
    char *exact = realloc(copy, strlen(line) ? strlen(line) : 1);
    resp_args_init(&args);
    enum inline_result r = inline_split(exact, strlen(line), &args);
    for (size_t i = 0; r == INLINE_FINE && i < args.len; i++) {
        text[len++] = '[';
        memcpy(text + len, args.items[i].data, args.items[i].len);
        len += args.items[i].len;
        text[len++] = ']';
    }
    text[len] = '\0';
    assert_string_equal(r == INLINE_FINE ? text : names[r], wanted);
    resp_args_fini(&args);
    free(exact);
}

static void
words_are_separated_by_blanks(void **state)
{
    (void)state;
    expect("", "");
    expect("   \t ", "");
    expect("a", "[a]");
    expect(" a  b\tc\v", "[a][b][c]");
}

static void
quotes_hold_blanks_and_escapes(void **state)
{
    (void)state;
    expect("\"a b\"", "[a b]");
    expect("'a b'", "[a b]");
    expect("\"\"", "[]");
    expect("'' ''", "[][]");
    expect("a\"b\"", "[ab]");
    expect("\"\\n\\r\\t\\b\\a\\q\\\\\\\"\"", "[\n\r\t\b\aq\\\"]");
    expect("\"\\x41\\x7a\\xG1\\x1\"", "[AzxG1x1]");
    expect("'\\n\\''", "[\\n']");
    expect("\"'\" '\"'", "['][\"]");
}

static void
quotes_must_close_before_a_blank(void **state)
{
    (void)state;
    expect("\"a", "unbalanced");
    expect("'a", "unbalanced");
    expect("\"a\\", "unbalanced");
    expect("\"a\\\"", "unbalanced");
    expect("\"a\"b", "unbalanced");
    expect("'a'\"b\"", "unbalanced");
    expect("a b \"", "unbalanced");
}

static void
a_nul_is_refused(void **state)
{
    (void)state;
    struct resp_args args;
    char line[] = "get a\0b";
    resp_args_init(&args);
    assert_int_equal(inline_split(line, sizeof line - 1, &args), INLINE_NUL);
    assert_int_equal(args.len, 0);
    resp_args_fini(&args);
}

static bool
foreign(const char *line)
{
    struct resp_args args;
    char copy[TEXT_MAX];
    size_t len = strlen(line);
    memcpy(copy, line, len);
    resp_args_init(&args);
    assert_int_equal(inline_split(copy, len, &args), INLINE_FINE);
    bool result = inline_is_foreign(args.items, args.len);
    resp_args_fini(&args);
    return result;
}

static void
first_lines_of_other_protocols(void **state)
{
    (void)state;
    static const char *const theirs[] = {
        "POST / HTTP/1.1",  "post",
        "PUT /a HTTP/1.1",  "GET / HTTP/1.0",
        "DELETE /a HTTP/2", "HEAD /",
        "Host: a",          "EHLO a",
        "HELO a",           "MAIL FROM:<a>",
        "SSH-2.0-x",        "PROXY TCP4 1 2 3 4",
        "set k 0 0 5",      "SET k 0 60 5 noreply",
        "cas k 0 0 5 1",
    };
    static const char *const ours[] = {
        "",           "get k",    "get http:", "set k v",      "set k 1 ex 10", "set k v px 1 nx",
        "append k 1", "delete k", "hello 3",   "getex k ex 5", "mset a 1 b 2",  "set 0 0 0 x 5",
    };
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        if (!foreign(theirs[i]))
            fail_msg("not recognised: %s", theirs[i]);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (foreign(ours[i]))
            fail_msg("taken for foreign: %s", ours[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_separated_by_blanks),
        cmocka_unit_test(quotes_hold_blanks_and_escapes),
        cmocka_unit_test(quotes_must_close_before_a_blank),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(first_lines_of_other_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
