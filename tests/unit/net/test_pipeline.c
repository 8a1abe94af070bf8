/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to bytes without a socket: groups, stalls, and what ends a session. The commands and
 * the cache are the real ones; the host is a table of small functions. The rule behind most tests
 * is that neither the pieces in which input arrives nor the room for output may change what is
 * answered.
 */
#include "net/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { OUT_MAX_BYTES = 64 << 20, ROOMY = 1 << 30, ROUNDS_MAX = 1 << 20 };

struct fixture {
    attl *cache;
    struct command_host host;
    struct command_env env;
    struct session session;
    struct pipeline pipeline;
    struct resp_parser parser;
    struct buf out;
    bool password;
};

static int64_t
wall_us(void *ud)
{
    (void)ud;
    return 1800000000000000;
}

static bool
auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    (void)ud;
    (void)ret_user;
    (void)user;
    return password.len == 2 && memcmp(password.data, "pw", 2) == 0;
}

static bool
auth_required(void *ud)
{
    return ((struct fixture *)ud)->password;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(attl_open(&f->cache, NULL), ATTL_OK);
    f->host = (struct command_host){
        .ud = f, .wall_us = wall_us, .auth = auth, .auth_required = auth_required
    };
    f->env =
        (struct command_env){ .cache = f->cache, .host = &f->host, .stats = command_stats_new() };
    assert_non_null(f->env.stats);
    f->session.proto = 2;
    f->session.authenticated = true;
    pipeline_init(&f->pipeline);
    resp_parser_init(&f->parser);
    buf_init(&f->out, OUT_MAX_BYTES);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    pipeline_fini(&f->pipeline);
    resp_parser_fini(&f->parser);
    buf_fini(&f->out);
    command_stats_free(f->env.stats);
    attl_close(&f->cache);
    free(f);
    return 0;
}

static enum pipeline_end
run(struct fixture *f, char *data, size_t len, size_t stop_bytes, size_t *ret_used)
{
    struct pipeline_job job = { .env = &f->env,
                                .session = &f->session,
                                .parser = &f->parser,
                                .bulk_bytes = RESP_BULK_MAX_BYTES,
                                .data = data,
                                .len = len,
                                .out = &f->out,
                                .stop_bytes = stop_bytes };
    return pipeline_run(&f->pipeline, &job, ret_used);
}

/* Runs a copy of `text` until nothing more happens; the replies are in f->out. */
static enum pipeline_end
run_text(struct fixture *f, const char *text)
{
    char *data = strdup(text);
    size_t used;
    assert_non_null(data);
    enum pipeline_end end = run(f, data, strlen(text), ROOMY, &used);
    free(data);
    return end;
}

static void
expect(struct fixture *f, const char *wanted)
{
    buf_append(&f->out, "", 1);
    assert_string_equal(f->out.data, wanted);
    buf_clear(&f->out, 0);
}

static void
replies_come_in_the_order_of_requests(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_text(f, "SET a 1\r\nGET a\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
                                 "*2\r\n$3\r\nGET\r\n$1\r\na\r\nGET b\r\n"),
                     PIPELINE_HUNGRY);
    expect(f, "+OK\r\n$1\r\n1\r\n:2\r\n$1\r\n2\r\n$-1\r\n");
}

static void
an_empty_request_has_no_reply(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_text(f, "\r\n*0\r\nPING\r\n\r\n"), PIPELINE_HUNGRY);
    expect(f, "+PONG\r\n");
    assert_int_equal(f->pipeline.executed, 1);
}

static void
what_follows_quit_is_not_executed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_text(f, "SET a 1\r\nQUIT\r\nSET a 2\r\n"), PIPELINE_CLOSING);
    expect(f, "+OK\r\n+OK\r\n");
    f->session.close_after_reply = false;
    assert_int_equal(run_text(f, "GET a\r\n"), PIPELINE_HUNGRY);
    expect(f, "$1\r\n1\r\n");
}

static void
a_protocol_error_comes_after_the_replies_before_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_text(f, "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*x\r\nSET a 1\r\n"),
                     PIPELINE_BROKEN);
    expect(f, "+PONG\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
}

static void
another_protocol_is_told_apart_and_not_executed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run_text(f, "POST / HTTP/1.1\r\nSET a 1\r\n"), PIPELINE_FOREIGN);
    assert_int_equal(f->out.len, 0);
    assert_int_equal(f->pipeline.executed, 0);
}

/* A pipeline of many kinds of requests, and the replies to it. */
static char *
long_pipeline(size_t *ret_len)
{
    struct buf text;
    buf_init(&text, OUT_MAX_BYTES);
    for (int i = 0; i < 500; i++) {
        buf_printf(&text, "*3\r\n$3\r\nSET\r\n$4\r\nk%03d\r\n$5\r\nv%04d\r\n", i % 100, i);
        buf_printf(&text, "*2\r\n$3\r\nGET\r\n$4\r\nk%03d\r\n", (i * 7) % 100);
        if (i % 11 == 0)
            buf_printf(&text, "set \"q %d\" 'it\\'s \\\"%d'\r\nget \"q %d\"\r\n", i, i, i);
        if (i % 13 == 0)
            buf_append_str(&text, "*3\r\n$4\r\nMGET\r\n$4\r\nk001\r\n$4\r\nk002\r\n\r\n");
    }
    assert_int_equal(text.failed, BUF_FINE);
    *ret_len = text.len;
    return text.data;
}

static struct buf
replies_at_once(struct fixture *f)
{
    size_t len, used;
    char *data = long_pipeline(&len);
    assert_int_equal(run(f, data, len, ROOMY, &used), PIPELINE_HUNGRY);
    assert_int_equal(used, len);
    free(data);
    struct buf wanted = f->out;
    buf_init(&f->out, OUT_MAX_BYTES);
    attl_clear(f->cache);
    return wanted;
}

static void
stalls_change_no_reply(void **state)
{
    struct fixture *f = *state;
    struct buf wanted = replies_at_once(f);
    struct buf got;
    buf_init(&got, OUT_MAX_BYTES);
    size_t len;
    char *data = long_pipeline(&len);
    size_t at = 0;
    enum pipeline_end end = PIPELINE_STALLED;
    for (int round = 0; end == PIPELINE_STALLED; round++) {
        assert_true(round < ROUNDS_MAX);
        size_t used;
        /* 1 to 40 bytes: sometimes after each request, sometimes in the middle of a group. */
        end = run(f, data + at, len - at, 1 + (size_t)round % 40, &used);
        at += used;
        buf_append(&got, f->out.data, f->out.len);
        buf_clear(&f->out, OUT_MAX_BYTES);
    }
    assert_int_equal(end, PIPELINE_HUNGRY);
    assert_int_equal(at, len);
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.data, wanted.data, got.len);
    free(data);
    buf_fini(&got);
    buf_fini(&wanted);
}

/* Gives the input in pieces of `step` bytes, each time in a block of exactly its size. */
static void
run_in_pieces(struct fixture *f, const char *input, size_t len, size_t step)
{
    char *data = malloc(1);
    size_t data_len = 0;
    for (size_t have = 0; have < len;) {
        size_t more = len - have < step ? len - have : step;
        char *moved = malloc(data_len + more);
        memcpy(moved, data, data_len);
        memcpy(moved + data_len, input + have, more);
        free(data);
        data = moved;
        data_len += more;
        have += more;
        size_t used;
        assert_int_equal(run(f, data, data_len, ROOMY, &used), PIPELINE_HUNGRY);
        memmove(data, data + used, data_len - used);
        data_len -= used;
    }
    assert_int_equal(data_len, 0);
    free(data);
}

static void
pieces_change_no_reply(void **state)
{
    struct fixture *f = *state;
    static const size_t steps[] = { 1, 2, 3, 17, 100, 4096 };
    struct buf wanted = replies_at_once(f);
    size_t len;
    char *data = long_pipeline(&len);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        attl_clear(f->cache);
        run_in_pieces(f, data, len, steps[i]);
        assert_int_equal(f->out.len, wanted.len);
        assert_memory_equal(f->out.data, wanted.data, wanted.len);
        buf_clear(&f->out, OUT_MAX_BYTES);
    }
    free(data);
    buf_fini(&wanted);
}

static void
a_request_is_judged_by_what_the_one_before_it_changed(void **state)
{
    struct fixture *f = *state;
    f->password = true;
    f->session.authenticated = false;
    assert_int_equal(run_text(f,
                              "GET a\r\nAUTH no\r\nAUTH pw\r\n"
                              "*12\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"
                              "$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"
                              "$1\r\na\r\n"),
                     PIPELINE_HUNGRY);
    expect(f, "-NOAUTH Authentication required.\r\n"
              "-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n*11\r\n"
              "$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n");
    f->session.authenticated = false;
    assert_int_equal(run_text(f, "AUTH no\r\n*11\r\n"), PIPELINE_BROKEN);
    expect(f, "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
              "-ERR Protocol error: unauthenticated multibulk length\r\n");
}

static void
a_reply_above_the_limit_stops_the_session(void **state)
{
    struct fixture *f = *state;
    char value[2000];
    memset(value, 'x', sizeof value);
    assert_int_equal(attl_set(f->cache, attl_s("big"), attl_b(value, sizeof value), ATTL_TTL_NONE),
                     ATTL_OK);
    f->out.max_bytes = 1000;
    assert_int_equal(run_text(f, "PING\r\nGET big\r\nSET after 1\r\n"), PIPELINE_STALLED);
    assert_int_equal(f->out.failed, BUF_TOO_BIG);
    assert_int_equal(attl_exists(f->cache, attl_s("after")), ATTL_MISS);
}

static void
more_keys_than_a_group_may_prefetch(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, OUT_MAX_BYTES);
    for (int request = 0; request < 3; request++) {
        buf_printf(&text, "*%d\r\n$6\r\nEXISTS\r\n", 1 + 3 * NET_GROUP_KEYS);
        for (int i = 0; i < 3 * NET_GROUP_KEYS; i++)
            buf_append_str(&text, "$1\r\nk\r\n");
    }
    size_t used;
    assert_int_equal(run(f, text.data, text.len, ROOMY, &used), PIPELINE_HUNGRY);
    expect(f, ":0\r\n:0\r\n:0\r\n");
    buf_fini(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replies_come_in_the_order_of_requests),
        TEST(an_empty_request_has_no_reply),
        TEST(what_follows_quit_is_not_executed),
        TEST(a_protocol_error_comes_after_the_replies_before_it),
        TEST(another_protocol_is_told_apart_and_not_executed),
        TEST(stalls_change_no_reply),
        TEST(pieces_change_no_reply),
        TEST(a_request_is_judged_by_what_the_one_before_it_changed),
        TEST(a_reply_above_the_limit_stops_the_session),
        TEST(more_keys_than_a_group_may_prefetch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
