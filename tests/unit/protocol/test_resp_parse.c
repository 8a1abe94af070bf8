/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The request parser. Every case is parsed at once and then again byte by byte, with the bytes
 * moved to a fresh block of exactly their size before each step: the outcome must be the same,
 * nothing may be remembered by address, and a sanitizer sees every read too far. Hostile inputs
 * come from the project's checklist; error texts are those of Redis.
 */
#include "protocol/resp_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { SHOWN_MAX = 4096 };

static const struct resp_limits friendly = { RESP_BULK_MAX_BYTES, true };
static const struct resp_limits strange = { RESP_BULK_MAX_BYTES, false };

/* What a sequence of requests looked like: "[SET][a][1] / [GET][a] / more". */
struct shown {
    char text[SHOWN_MAX];
    size_t len;
};

static void
show(struct shown *s, const char *text, size_t len)
{
    assert_true(s->len + len < sizeof s->text);
    memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

static void
show_request(struct shown *s, const struct resp_args *args)
{
    for (size_t i = 0; i < args->len; i++) {
        show(s, "[", 1);
        if (args->items[i].len <= 64)
            show(s, args->items[i].data, args->items[i].len);
        else
            show(s, "long", 4);
        show(s, "]", 1);
    }
    show(s, " / ", 3);
}

/* Parses all of `input`, giving it to the parser in steps of `step` bytes. */
static void
parse_in_steps(const char *input, size_t len, size_t step, const struct resp_limits *limits,
               struct shown *s)
{
    struct resp_parser p;
    struct resp_args args;
    resp_parser_init(&p);
    resp_args_init(&args);
    s->len = 0;
    size_t have = 0; /* bytes of `input` that have arrived */
    char *data = malloc(1);
    size_t data_len = 0; /* of the unfinished request */
    enum resp_result r = RESP_MORE;
    while (r == RESP_MORE && have < len) {
        size_t more = len - have < step ? len - have : step;
        char *moved = malloc(data_len + more);
        memcpy(moved, data, data_len);
        memcpy(moved + data_len, input + have, more);
        free(data);
        data = moved;
        data_len += more;
        have += more;
        size_t at = 0, used;
        while ((r = resp_parse(&p, data + at, data_len - at, limits, &args, &used)) ==
               RESP_REQUEST) {
            show_request(s, &args);
            resp_args_clear(&args);
            at += used;
        }
        memmove(data, data + at, data_len - at);
        data_len -= at;
    }
    static const char *const ends[] = { "?", "more", "", "foreign", "no memory" };
    const char *end = r == RESP_ERROR ? p.problem : ends[r];
    show(s, end, strlen(end));
    assert_int_equal(args.len, 0);
    free(data);
    resp_parser_fini(&p);
    resp_args_fini(&args);
}

static void
expect_within(const struct resp_limits *limits, const char *input, size_t len, const char *wanted)
{
    static const size_t steps[] = { SIZE_MAX, 1, 2, 3, 5, 7, 64 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct shown s;
        parse_in_steps(input, len, steps[i], limits, &s);
        assert_string_equal(s.text, wanted);
    }
}

#define EXPECT(input, wanted) expect_within(&friendly, input, sizeof(input) - 1, wanted)

static void
multibulk_requests_of_a_pipeline(void **state)
{
    (void)state;
    EXPECT("*1\r\n$4\r\nPING\r\n", "[PING] / more");
    EXPECT("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
           "[SET][a][\r\n] / [GET][a] / more");
    EXPECT("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "[GET][] / more");
    EXPECT("*10\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n"
           "$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n",
           "[0][1][2][3][4][5][6][7][8][9] / more");
}

static void
an_unfinished_request_waits(void **state)
{
    (void)state;
    EXPECT("*", "more");
    EXPECT("*1", "more");
    EXPECT("*1\r", "more");
    EXPECT("*1\r\n", "more");
    EXPECT("*1\r\n$", "more");
    EXPECT("*1\r\n$4\r\nPIN", "more");
    EXPECT("*1\r\n$4\r\nPING", "more");
    EXPECT("*1\r\n$4\r\nPING\r", "more");
    EXPECT("PING", "more");
}

static void
an_empty_request_is_no_error(void **state)
{
    (void)state;
    EXPECT("*0\r\n\r\n*1\r\n$4\r\nPING\r\n", " /  / [PING] / more");
}

static void
counts_that_are_not_counts(void **state)
{
    (void)state;
    static const char wanted[] = "Protocol error: invalid multibulk length";
    EXPECT("*-1\r\n", wanted);
    EXPECT("*-10\r\n", wanted);
    EXPECT("*+1\r\n", wanted);
    EXPECT("* 1\r\n", wanted);
    EXPECT("*1 \r\n", wanted);
    EXPECT("*01\r\n", wanted);
    EXPECT("*0x1\r\n", wanted);
    EXPECT("*?\r\n", wanted);
    EXPECT("*\r\n", wanted);
    EXPECT("*1\n", wanted);
    EXPECT("*1\r\r", wanted);
    EXPECT("*\0\r\n", wanted);
    EXPECT("*1048577\r\n", wanted);
    EXPECT("*3000000000\r\n", wanted);
    EXPECT("*9999999999999999999999999999999999\r\n", wanted);
}

static void
lengths_that_are_not_lengths(void **state)
{
    (void)state;
    static const char wanted[] = "Protocol error: invalid bulk length";
    EXPECT("*1\r\n$-1\r\n", wanted);
    EXPECT("*1\r\n$-10\r\n", wanted);
    EXPECT("*1\r\n$+4\r\n", wanted);
    EXPECT("*1\r\n$ 4\r\n", wanted);
    EXPECT("*1\r\n$04\r\n", wanted);
    EXPECT("*1\r\n$blabla\r\n", wanted);
    EXPECT("*1\r\n$?\r\n", wanted);
    EXPECT("*1\r\n$\r\n", wanted);
    EXPECT("*1\r\n$536870913\r\n", wanted);
    EXPECT("*1\r\n$2000000000\r\n", wanted);
    EXPECT("*1\r\n$9223372036854775808\r\n", wanted);
}

static void
sixty_four_kilobytes_of_digits_are_refused_at_once(void **state)
{
    (void)state;
    char input[64 * 1024];
    memset(input, '9', sizeof input);
    input[0] = '*';
    expect_within(&friendly, input, sizeof input, "Protocol error: invalid multibulk length");
    memcpy(input, "*1\r\n$", 5);
    expect_within(&friendly, input, sizeof input, "Protocol error: invalid bulk length");
}

static void
something_else_where_a_bulk_must_be(void **state)
{
    (void)state;
    EXPECT("*1\r\nfoo\r\n", "Protocol error: expected '$', got 'f'");
    EXPECT("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "Protocol error: expected '$', got 'f'");
    EXPECT("*1\r\n*1\r\n", "Protocol error: expected '$', got '*'");
    EXPECT("*1\r\n:1\r\n", "Protocol error: expected '$', got ':'");
    EXPECT("*1\r\n\r\n", "Protocol error: expected '$', got '?'");
    EXPECT("*1\r\n$4\r\nPINGXX", "Protocol error: expected CRLF after bulk");
    EXPECT("*1\r\n$4\r\nPING\n\n", "Protocol error: expected CRLF after bulk");
}

static void
resp3_types_are_no_requests(void **state)
{
    (void)state;
    EXPECT("%1\r\n$1\r\na\r\n$1\r\nb\r\n", "Protocol error: expected '*', got '%'");
    EXPECT("~1\r\n", "Protocol error: expected '*', got '~'");
    EXPECT("$4\r\nPING\r\n", "Protocol error: expected '*', got '$'");
    EXPECT(":1\r\n", "Protocol error: expected '*', got ':'");
    EXPECT("+OK\r\n", "Protocol error: expected '*', got '+'");
    EXPECT("-ERR\r\n", "Protocol error: expected '*', got '-'");
    EXPECT("_\r\n", "Protocol error: expected '*', got '_'");
}

static void
binary_protocols_end_at_their_first_byte(void **state)
{
    (void)state;
    EXPECT("\x16\x03\x01\x02\x00\x01", "Protocol error: expected '*', got '?'");
    EXPECT("\0PING\r\n", "Protocol error: expected '*', got '?'");
    EXPECT("\x80PING\r\n", "Protocol error: expected '*', got '?'");
    EXPECT("\r\n\r\n\0\r\nQUIT\n", " /  / Protocol error: expected '*', got '?'");
}

static void
inline_requests_are_words(void **state)
{
    (void)state;
    EXPECT("PING\r\n", "[PING] / more");
    EXPECT("PING\n", "[PING] / more");
    EXPECT("\r\n\nPING\r\n", " /  / [PING] / more");
    EXPECT("  set \t a   1  \r\n", "[set][a][1] / more");
    EXPECT("set a \"\"\r\nget a\r\n*1\r\n$4\r\nPING\r\n", "[set][a][] / [get][a] / [PING] / more");
}

static void
inline_quotes_and_escapes(void **state)
{
    (void)state;
    EXPECT("set \"a b\" 'c d'\r\n", "[set][a b][c d] / more");
    EXPECT("set \"\\x41\\x4a\\n\\t\\\"\\\\\" 'it\\'s \\n'\r\n",
           "[set][AJ\n\t\"\\][it's \\n] / more");
    EXPECT("set a\"b c\" d\r\n", "[set][ab c][d] / more");
    EXPECT("set \"\\xzz\" \"\\x4\"\r\n", "[set][xzz][x4] / more");
    EXPECT("'ping'\r\n", "[ping] / more");
}

static void
inline_quotes_that_do_not_end(void **state)
{
    (void)state;
    static const char wanted[] = "Protocol error: unbalanced quotes in request";
    EXPECT("set \"a b\r\n", wanted);
    EXPECT("set 'a b\r\n", wanted);
    EXPECT("set \"a\"b c\r\n", wanted);
    EXPECT("set \"\"\"test-key\"\"\" test-value\r\n", wanted);
    EXPECT("set \"a\\\r\n", wanted);
    EXPECT("ping\r\nset \"\\\"\r\nping\r\n",
           "[ping] / Protocol error: unbalanced quotes in request");
}

static void
an_inline_request_with_a_nul_is_refused(void **state)
{
    (void)state;
    EXPECT("get a\0b\r\n", "Protocol error: NUL byte in inline request");
}

static void
an_inline_request_has_a_longest_length(void **state)
{
    (void)state;
    size_t len = RESP_INLINE_MAX_BYTES + 2;
    char *input = malloc(len);
    memset(input, 'a', len);
    struct shown s;
    parse_in_steps(input, RESP_INLINE_MAX_BYTES, SIZE_MAX, &friendly, &s);
    assert_string_equal(s.text, "more");
    parse_in_steps(input, len, SIZE_MAX, &friendly, &s);
    assert_string_equal(s.text, "Protocol error: too big inline request");
    parse_in_steps(input, len, 1000, &friendly, &s);
    assert_string_equal(s.text, "Protocol error: too big inline request");
    memcpy(input, "echo ", 5);
    input[RESP_INLINE_MAX_BYTES - 1] = '\n';
    parse_in_steps(input, RESP_INLINE_MAX_BYTES, SIZE_MAX, &friendly, &s);
    assert_string_equal(s.text, "[echo][long] / more");
    free(input);
}

static void
other_protocols_are_recognised_and_none_of_their_lines_runs(void **state)
{
    (void)state;
    EXPECT("POST / HTTP/1.1\r\nset a 1\r\n", "foreign");
    EXPECT("post / http/1.0\r\n", "foreign");
    EXPECT("GET / HTTP/1.1\r\nHost: localhost\r\n", "foreign");
    EXPECT("Host: localhost:6379\r\n", "foreign");
    EXPECT("OPTIONS * HTTP/1.1\r\n", "foreign");
    EXPECT("SSH-2.0-OpenSSH_9.2p1\r\n", "foreign");
    EXPECT("EHLO mail\r\nMAIL FROM:<a@b>\r\n", "foreign");
    EXPECT("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nPING\r\n", "foreign");
    EXPECT("set k 0 0 5\r\nflushall\r\n", "foreign");
    EXPECT("cas k 0 0 5 77\r\nflushall\r\n", "foreign");
}

static void
our_own_requests_are_not_foreign(void **state)
{
    (void)state;
    EXPECT("get http://example.org/\r\n", "[get][http://example.org/] / more");
    EXPECT("set k 5\r\nset k 1 ex 10\r\n", "[set][k][5] / [set][k][1][ex][10] / more");
    EXPECT("append k 10\r\n", "[append][k][10] / more");
    /* As bulk strings, anything may be said. */
    EXPECT("*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n", "[POST][/] / more");
}

static void
a_stranger_has_little_room(void **state)
{
    (void)state;
    static const char count[] = "*11\r\n";
    static const char length[] = "*2\r\n$4\r\nAUTH\r\n$16385\r\n";
    static const char fits[] = "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n";
    static const char words[] = "a b c d e f g h i j k\r\n";
    expect_within(&strange, count, sizeof count - 1,
                  "Protocol error: unauthenticated multibulk length");
    expect_within(&strange, length, sizeof length - 1,
                  "Protocol error: unauthenticated bulk length");
    expect_within(&strange, fits, sizeof fits - 1, "[AUTH][pw] / more");
    expect_within(&strange, words, sizeof words - 1,
                  "Protocol error: unauthenticated multibulk length");
}

static void
memory_follows_what_arrived_and_not_what_was_announced(void **state)
{
    (void)state;
    struct resp_parser p;
    struct resp_args args;
    size_t used;
    char input[] = "*1048576\r\n$536870912\r\nabc";
    resp_parser_init(&p);
    resp_args_init(&args);
    assert_int_equal(resp_parse(&p, input, sizeof input - 1, &friendly, &args, &used), RESP_MORE);
    assert_int_equal(resp_parser_bytes(&p), 0);
    assert_int_equal(args.cap, 0);
    assert_int_equal(resp_parser_missing(&p, sizeof input - 1), 536870912 + 2 - 3);
    resp_parser_fini(&p);
    resp_args_fini(&args);
}

/* A million arguments, a byte at a time: what was looked at is not looked at again. */
static void
a_request_in_many_pieces_is_scanned_once(void **state)
{
    (void)state;
    enum { ARGS = 100000, ARG_BYTES = 7 };
    size_t len = 9 + ARGS * ARG_BYTES;
    char *data = malloc(len);
    memcpy(data, "*100000\r\n", 9);
    for (size_t i = 0; i < ARGS; i++)
        memcpy(data + 9 + i * ARG_BYTES, "$1\r\nx\r\n", ARG_BYTES);
    struct resp_parser p;
    struct resp_args args;
    size_t used = 0;
    resp_parser_init(&p);
    resp_args_init(&args);
    enum resp_result r = RESP_MORE;
    for (size_t have = 1; have <= len; have++)
        r = resp_parse(&p, data, have, &friendly, &args, &used);
    assert_int_equal(r, RESP_REQUEST);
    assert_int_equal(used, len);
    assert_int_equal(args.len, ARGS);
    assert_ptr_equal(args.items[ARGS - 1].data, data + len - 3);
    resp_args_clear(&args);
    assert_true(args.cap < ARGS); /* and its memory is given back */
    resp_args_fini(&args);
    resp_parser_fini(&p);
    free(data);
}

static void
the_bulk_limit_is_a_setting(void **state)
{
    (void)state;
    struct resp_limits small = { 8, true };
    static const char fits[] = "*1\r\n$8\r\n01234567\r\n";
    static const char not [] = "*1\r\n$9\r\n";
    expect_within(&small, fits, sizeof fits - 1, "[01234567] / more");
    expect_within(&small, not, sizeof not -1, "Protocol error: invalid bulk length");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multibulk_requests_of_a_pipeline),
        cmocka_unit_test(an_unfinished_request_waits),
        cmocka_unit_test(an_empty_request_is_no_error),
        cmocka_unit_test(counts_that_are_not_counts),
        cmocka_unit_test(lengths_that_are_not_lengths),
        cmocka_unit_test(sixty_four_kilobytes_of_digits_are_refused_at_once),
        cmocka_unit_test(something_else_where_a_bulk_must_be),
        cmocka_unit_test(resp3_types_are_no_requests),
        cmocka_unit_test(binary_protocols_end_at_their_first_byte),
        cmocka_unit_test(inline_requests_are_words),
        cmocka_unit_test(inline_quotes_and_escapes),
        cmocka_unit_test(inline_quotes_that_do_not_end),
        cmocka_unit_test(an_inline_request_with_a_nul_is_refused),
        cmocka_unit_test(an_inline_request_has_a_longest_length),
        cmocka_unit_test(other_protocols_are_recognised_and_none_of_their_lines_runs),
        cmocka_unit_test(our_own_requests_are_not_foreign),
        cmocka_unit_test(a_stranger_has_little_room),
        cmocka_unit_test(memory_follows_what_arrived_and_not_what_was_announced),
        cmocka_unit_test(a_request_in_many_pieces_is_scanned_once),
        cmocka_unit_test(the_bulk_limit_is_a_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
