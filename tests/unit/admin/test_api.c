/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running commands for HTTP: bodies of requests, good and bad, the envelope of a reply and the line
 * in it, statuses, trace ids, and memory that fails at each place, the JSON library's included. A
 * real server without a door runs the commands.
 */
#include "admin_support.h"

#include "admin/api.h"
#include "base/json.h"
#include "net/visitor.h"
#include "server/server.h" /* so that it is linked */

#include <jansson.h>

enum { BODY_MAX = 4 << 20 };

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *ptr, size_t bytes)
{
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

/* ---- bodies ---- */

static struct http_reply *
reply_new(void)
{
    struct http_reply *reply = calloc(1, sizeof *reply);
    assert_non_null(reply);
    buf_init(&reply->body, HTTP_REPLY_MAX_BYTES);
    return reply;
}

static void
reply_free(struct http_reply *reply)
{
    buf_fini(&reply->body);
    free(reply);
}

static void
expect_refused(attl_slice body)
{
    struct http_reply *reply = reply_new();
    if (api_argv_parse(body, reply))
        fail_msg("taken: %.*s", (int)body.len, (const char *)body.data);
    assert_int_equal(reply->status, 400);
    reply_free(reply);
}

static void
bodies_that_are_no_list_of_words_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "[]",
        "\"GET\"",
        "[\"GET\"]",
        "{}",
        "{\"argv\": []}",
        "{\"argv\": {}}",
        "{\"argv\": \"GET\"}",
        "{\"argv\": [1]}",
        "{\"argv\": [null]}",
        "{\"argv\": [[\"GET\"]]}",
        "{\"argv\": [\"GET\", {}]}",
        "{\"argv\": [\"GET\", {\"base64\": 1}]}",
        "{\"argv\": [\"GET\", {\"base64\": \"A\"}]}",
        "{\"argv\": [\"GET\", {\"base64\": \"A===\"}]}",
        "{\"argv\": [\"GET\", {\"base64\": \"AAEC\", \"more\": 1}]}",
        "{\"argv\": [\"GET\"], \"more\": 1}",
        "{\"argv\": [\"GET\"], \"argv\": [\"SET\"]}",
        "{\"argv\": [\"GET\"]} behind",
        "{\"argv\": [\"GET\"",
        "{\"argv\": [\"\xff\"]}",
        "{\"ARGV\": [\"GET\"]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        expect_refused(attl_s(bodies[i]));
    expect_refused(attl_b(NULL, 0));
}

static void
words_are_taken_byte_by_byte(void **state)
{
    (void)state;
    static const char body[] = "{\"argv\": [\"SET\", \"\\u0000\\u00e4\", {\"base64\": \"AP8=\"}, "
                               "{\"base64\": \"\"}, \"\"]}";
    struct http_reply *reply = reply_new();
    struct api_argv *argv = api_argv_parse(attl_s(body), reply);
    assert_non_null(argv);
    assert_int_equal(argv->len, 5);
    assert_int_equal(argv->words[0].len, 3);
    assert_memory_equal(argv->words[0].data, "SET", 3);
    assert_int_equal(argv->words[1].len, 3);
    assert_memory_equal(argv->words[1].data, "\0\xc3\xa4", 3);
    assert_int_equal(argv->words[2].len, 2);
    assert_memory_equal(argv->words[2].data, "\0\xff", 2);
    assert_int_equal(argv->words[3].len + argv->words[4].len, 0);
    api_argv_free(argv);
    reply_free(reply);
    api_argv_free(NULL);
}

static void
there_are_at_most_so_many_words(void **state)
{
    (void)state;
    for (size_t n = API_WORDS_MAX; n <= API_WORDS_MAX + 1; n++) {
        struct buf body;
        buf_init(&body, BODY_MAX);
        buf_append_str(&body, "{\"argv\": [\"w\"");
        for (size_t i = 1; i < n; i++)
            buf_append_str(&body, ",\"w\"");
        buf_append_str(&body, "]}");
        struct http_reply *reply = reply_new();
        struct api_argv *argv = api_argv_parse(buf_slice(&body), reply);
        assert_int_equal(argv != NULL, n == API_WORDS_MAX);
        api_argv_free(argv);
        reply_free(reply);
        buf_fini(&body);
    }
}

/* json_set_alloc_funcs() wants functions of its own. */
static void *
json_take(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

static void
a_body_without_memory_is_not_the_clients_fault(void **state)
{
    (void)state;
    static const char body[] = "{\"argv\": [\"SET\", \"key\", {\"base64\": \"AP8=\"}]}";
    json_malloc_t take;
    json_free_t give;
    json_get_alloc_funcs(&take, &give);
    json_set_alloc_funcs(json_take, free);
    bool failed = true;
    unsigned told = 0;
    for (long n = 1; failed && n < WALK_MOST; n++) {
        struct http_reply *reply = reply_new();
        arm(n, false);
        struct api_argv *argv = api_argv_parse(attl_s(body), reply);
        failed = disarm();
        assert_int_equal(argv != NULL, reply->status == 0);
        assert_true(argv || reply->status == 503 || reply->status == 400);
        told += reply->status == 503;
        api_argv_free(argv);
        reply_free(reply);
    }
    json_set_alloc_funcs(take, give);
    assert_false(failed);
    assert_true(told >= 2); /* our own; the library does not always say what it was */
}

/* ---- statuses and traces ---- */

static void
errors_have_their_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        { "", 400 },
        { "ERR no such key", 400 },
        { "NOAUTH", 401 },
        { "NOAUTH Authentication required.", 401 },
        { "NOPERM this user", 403 },
        { "LOADING data", 503 },
        { "LOADINGX data", 400 },
        { "LOAD", 400 },
        { "BUSY somebody", 409 },
        { "OOM command not allowed", 507 },
        { "MISCONF log", 503 },
        { "THROTTLED 10", 429 },
        { " OOM", 400 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (api_status(attl_s(cases[i].text)) != cases[i].status)
            fail_msg("%s", cases[i].text);
    assert_int_equal(api_status(attl_b(NULL, 0)), 400);
}

static void
trace_ids_are_those_of_the_standard(void **state)
{
    (void)state;
    char id[33];
    static const char good[] = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    static const char *const bad[] = {
        NULL,
        "",
        "00-0123456789abcdef0123456789abcdef-0123456789abcdef-0",
        "00-0123456789ABCDEF0123456789abcdef-0123456789abcdef-01",
        "00-00000000000000000000000000000000-0123456789abcdef-01",
        "00_0123456789abcdef0123456789abcdef-0123456789abcdef-01",
        "00-0123456789abcdef0123456789abcde--0123456789abcdef-01",
        "00-0123456789abcdef0123456789abcdef0-123456789abcdef-01",
    };
    assert_true(api_trace_id(good, id));
    assert_string_equal(id, "0123456789abcdef0123456789abcdef");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(api_trace_id(bad[i], id));
}

/* ---- running ---- */

struct rig {
    struct house *house;
    struct net_visitor *visitor;
};

static int
setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->house = house_new(false);
    r->visitor = net_visitor_new(r->house->server.net);
    assert_non_null(r->visitor);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    net_visitor_free(&r->visitor);
    house_free(r->house);
    free(r);
    return 0;
}

static void
run_words(struct rig *r, const attl_slice *words, size_t n, struct http_reply *reply)
{
    struct api_call call = { words, n, JSON_AS_IS, "127.0.0.1:4711", NULL };
    api_run(r->visitor, &call, reply);
}

/* A command's words, up to NULL, its status, and its whole envelope (NULL: not looked at). */
static void
expect_run(struct rig *r, const char *const *texts, int status, const char *envelope)
{
    attl_slice words[8];
    size_t n = 0;
    for (; texts[n]; n++)
        words[n] = attl_s(texts[n]);
    struct http_reply *reply = reply_new();
    run_words(r, words, n, reply);
    buf_append(&reply->body, "", 1);
    if (reply->status != status || (envelope && strcmp(reply->body.data, envelope) != 0))
        fail_msg("%d %s", reply->status, reply->body.data);
    reply_free(reply);
}

#define RUN(status, envelope, ...) \
    expect_run(*state, (const char *const[]){ __VA_ARGS__, NULL }, status, envelope)

static void
an_envelope_has_the_line_and_the_result(void **state)
{
    RUN(200, "{\"command\":\"SET key value\",\"result\":\"OK\"}\n", "SET", "key", "value");
    RUN(200, "{\"command\":\"GET key\",\"result\":\"value\"}\n", "GET", "key");
    RUN(200, "{\"command\":\"GET nowhere\",\"result\":null}\n", "GET", "nowhere");
    RUN(200, "{\"command\":\"MGET key x\",\"result\":[\"value\",null]}\n", "MGET", "key", "x");
    RUN(400, NULL, "NOSUCHCOMMAND");
    RUN(400, NULL, "GET");
}

static void
the_line_can_be_typed_and_tells_no_secret(void **state)
{
    char long_word[300];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    RUN(200, "{\"command\":\"GET \\\"a b\\\"\",\"result\":null}\n", "GET", "a b");
    RUN(200, "{\"command\":\"ECHO \\\"\\\"\",\"result\":\"\"}\n", "ECHO", "");
    RUN(200, "{\"command\":\"GET \\\"\\\\x01\\\\\\\"\\\\\\\\\\\\xff\\\"\",\"result\":null}\n",
        "GET", "\x01\"\\\xff");
    RUN(200, "{\"command\":\"GET (299 bytes)\",\"result\":null}\n", "GET", long_word);
    RUN(200, "{\"command\":\"CONFIG SET requirepass ********\",\"result\":\"OK\"}\n", "CONFIG",
        "SET", "requirepass", "secret words");
}

static void
a_reply_that_is_too_large_is_refused(void **state)
{
    struct rig *r = *state;
    size_t len = API_RESP_MAX_BYTES;
    char *value = calloc(1, len);
    assert_non_null(value);
    attl_slice set[] = { attl_s("SET"), attl_s("key"), attl_b(value, len) };
    struct http_reply *reply = reply_new();
    run_words(r, set, 3, reply);
    assert_int_equal(reply->status, 200);
    free(value);
    reply_free(reply);
    RUN(413, NULL, "GET", "key");
    RUN(200, NULL, "DEL", "key");
}

static void
running_survives_memory_that_fails(void **state)
{
    struct rig *r = *state;
    static const char *const texts[][3] = {
        { "INFO", "all" }, { "ATTL.STATS" }, { "CONFIG", "GET", "*" }, { "GET", "nowhere" }
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        attl_slice words[3];
        size_t len = 0;
        while (len < 3 && texts[i][len]) {
            words[len] = attl_s(texts[i][len]);
            len++;
        }
        struct api_call call = { words, len, JSON_AS_IS, "127.0.0.1:4711", NULL };
        bool failed = true;
        for (long n = 1; failed && n < WALK_MOST; n++) {
            struct http_reply *reply = reply_new();
            struct buf out;
            struct json json;
            buf_init(&out, BODY_MAX);
            arm(n, n % 2 == 0);
            api_run(r->visitor, &call, reply);
            failed = disarm();
            assert_true(reply->status == 200 || reply->status == 500 || reply->status == 503 ||
                        reply->status == 507 || reply->status == 400);
            assert_true(failed || reply->status == 200);
            arm(n, false);
            json_init(&json, &out, 0);
            json_open(&json, NULL, '{');
            api_put_result(&json, "part", r->visitor, &call);
            json_close(&json);
            failed |= disarm();
            json_t *root = json_loadb(out.data ? out.data : "", out.len,
                                      JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            assert_true(root || out.failed);
            json_decref(root);
            buf_fini(&out);
            reply_free(reply);
        }
        assert_false(failed);
    }
}

/* For one and for the last of the net's visitors. */
static void
visitors_come_and_go_without_memory(void **state)
{
    struct rig *r = *state;
    for (int round = 0; round < 8; round++) {
        arm(1, false);
        struct net_visitor *v = net_visitor_new(r->house->server.net);
        (void)disarm();
        assert_null(v);
    }
    struct net_visitor *more[ADMIN_VISITORS];
    for (size_t i = 0; i < ADMIN_VISITORS; i++) {
        more[i] = net_visitor_new(r->house->server.net);
        assert_int_equal(more[i] != NULL, i + 1 < ADMIN_VISITORS); /* the rig has one */
    }
    for (size_t i = 0; i < ADMIN_VISITORS; i++)
        net_visitor_free(&more[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_no_list_of_words_are_refused),
        cmocka_unit_test(words_are_taken_byte_by_byte),
        cmocka_unit_test(there_are_at_most_so_many_words),
        cmocka_unit_test(a_body_without_memory_is_not_the_clients_fault),
        cmocka_unit_test(errors_have_their_statuses),
        cmocka_unit_test(trace_ids_are_those_of_the_standard),
        TEST(an_envelope_has_the_line_and_the_result),
        TEST(the_line_can_be_typed_and_tells_no_secret),
        TEST(a_reply_that_is_too_large_is_refused),
        TEST(running_survives_memory_that_fails),
        TEST(visitors_come_and_go_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
