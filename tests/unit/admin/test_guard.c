/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard by table: hosts, shapes, origins and tokens, each with what passes and what does not.
 * A row changes one thing of a request that is good otherwise, so that the refusal is because of
 * that thing.
 */
#include "admin/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TOKEN "the-token-for-changes"
#define READ_TOKEN "the-token-for-reading"
#define METRICS_TOKEN "the-token-for-metrics"

static const struct guard plain = {
    .hosts = "", .token = TOKEN, .read_token = "", .metrics_token = ""
};

static struct http_request *
good_request(unsigned method)
{
    struct http_request *rq = calloc(1, sizeof *rq);
    assert_non_null(rq);
    rq->method = method;
    rq->host = "localhost:6413";
    rq->hosts = 1;
    rq->header_bytes = 100;
    if (method == HTTP_POST) {
        rq->content_type = "application/json";
        rq->content_length = "2";
        rq->lengths = 1;
        rq->authorization = "Bearer " TOKEN;
    }
    return rq;
}

static int
shape_of(const struct http_request *rq)
{
    struct http_reply reply = { 0 };
    buf_init(&reply.body, 4096);
    bool good = guard_shape(&plain, rq, &reply);
    assert_int_equal(good, reply.status == 0);
    assert_int_equal(good, !reply.close);
    assert_int_equal(good, reply.body.len == 0);
    buf_fini(&reply.body);
    return reply.status;
}

static int
access_of(const struct guard *g, const struct http_request *rq, enum guard_access access)
{
    struct http_reply reply = { 0 };
    buf_init(&reply.body, 4096);
    bool good = guard_access(g, rq, access, &reply);
    assert_int_equal(good, reply.status == 0);
    buf_fini(&reply.body);
    return reply.status;
}

static void
hosts_are_ours_or_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool ours;
    } cases[] = {
        { "localhost", true },
        { "LocalHost:6413", true },
        { "127.0.0.1", true },
        { "10.1.2.3:80", true },
        { "[::1]", true },
        { "[fe80::1]:6413", true },
        { "cache.internal", true },
        { "other:1", true },
        { "", false },
        { "evil.example", false },
        { "localhost.evil", false },
        { "evil.localhost", false },
        { "127.0.0.1.evil", false },
        { "1.2.3", false },
        { "1.2.3.4.5", false },
        { "1..2.3", false },
        { "1234.1.1.1", false },
        { "[::1", false },
        { "[::1]evil", false },
        { "[evil]", false },
        { "localhost:", true },
        { "localhost:80x", false },
        { "cache.internal.x", false },
        { "cache", false },
        { "user@localhost", false },
        { "localhost,evil", false },
        { "[]", false },
    };
    struct guard g = plain;
    g.hosts = " cache.internal,other ";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (guard_host_is_ours(&g, cases[i].host) != cases[i].ours)
            fail_msg("host %s", cases[i].host);
}

static void
shapes_that_are_refused(void **state)
{
    (void)state;
    struct http_request *rq = good_request(HTTP_GET);
    assert_int_equal(shape_of(rq), 0);
    rq->header_bytes = HTTP_HEADERS_MAX_BYTES + 1;
    assert_int_equal(shape_of(rq), 431);
    rq->header_bytes = HTTP_HEADERS_MAX_BYTES;
    assert_int_equal(shape_of(rq), 0);
    rq->hosts = 2;
    assert_int_equal(shape_of(rq), 400);
    rq->hosts = 0;
    assert_int_equal(shape_of(rq), 400);
    rq->hosts = 1;
    rq->host = "evil.example";
    assert_int_equal(shape_of(rq), 421);
    rq->host = "localhost";
    rq->target_problem = TARGET_NOT_OURS;
    assert_int_equal(shape_of(rq), 404);
    rq->target_problem = TARGET_LONG;
    assert_int_equal(shape_of(rq), 414);
    rq->target_problem = TARGET_BAD_QUERY;
    assert_int_equal(shape_of(rq), 400);
    rq->target_problem = TARGET_FINE;
    rq->lengths = 1;
    rq->content_length = "3";
    assert_int_equal(shape_of(rq), 400);
    rq->content_length = "0";
    assert_int_equal(shape_of(rq), 0);
    free(rq);
}

static void
lengths_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned lengths, transfers;
        const char *length;
        int status;
    } cases[] = {
        { 1, 0, "2", 0 },         { 1, 0, "0", 0 },     { 1, 0, "1048576", 0 },
        { 1, 0, "1048577", 413 }, { 1, 1, "2", 400 },   { 0, 1, NULL, 411 },
        { 0, 0, NULL, 411 },      { 2, 0, "2", 400 },   { 1, 0, "-1", 400 },
        { 1, 0, "+1", 400 },      { 1, 0, "", 400 },    { 1, 0, "1 ", 400 },
        { 1, 0, "0x1", 400 },     { 1, 0, "2,2", 400 }, { 1, 0, "9999999999999999999999", 400 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *rq = good_request(HTTP_POST);
        rq->lengths = cases[i].lengths;
        rq->transfers = cases[i].transfers;
        rq->content_length = cases[i].length;
        assert_int_equal(shape_of(rq), cases[i].status);
        free(rq);
    }
}

static void
changes_need_everything_to_be_right(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *type, *origin, *site;
        int status;
    } cases[] = {
        { "Bearer " TOKEN, "application/json", NULL, NULL, 0 },
        { "bearer " TOKEN, "Application/JSON; charset=utf-8", NULL, "none", 0 },
        { "Bearer " TOKEN, "application/json", "http://localhost:6413", "same-origin", 0 },
        { "Bearer " TOKEN, "application/json", "https://LOCALHOST:6413", NULL, 0 },
        { NULL, "application/json", NULL, NULL, 401 },
        { "", "application/json", NULL, NULL, 403 },
        { "Bearer", "application/json", NULL, NULL, 403 },
        { "Bearer ", "application/json", NULL, NULL, 403 },
        { "Bearer " TOKEN "x", "application/json", NULL, NULL, 403 },
        { "Bearer the-token-for-change", "application/json", NULL, NULL, 403 },
        { "Basic " TOKEN, "application/json", NULL, NULL, 403 },
        { TOKEN, "application/json", NULL, NULL, 403 },
        { "Bearer " READ_TOKEN, "application/json", NULL, NULL, 403 },
        { "Bearer " TOKEN, NULL, NULL, NULL, 415 },
        { "Bearer " TOKEN, "text/plain", NULL, NULL, 415 },
        { "Bearer " TOKEN, "application/jsonp", NULL, NULL, 415 },
        { "Bearer " TOKEN, "application/json", "http://evil.example", NULL, 403 },
        { "Bearer " TOKEN, "application/json", "http://localhost", NULL, 403 },
        { "Bearer " TOKEN, "application/json", "http://localhost:6413.evil", NULL, 403 },
        { "Bearer " TOKEN, "application/json", "null", NULL, 403 },
        { "Bearer " TOKEN, "application/json", "file://localhost:6413", NULL, 403 },
        { "Bearer " TOKEN, "application/json", NULL, "cross-site", 403 },
        { "Bearer " TOKEN, "application/json", NULL, "same-site", 403 },
    };
    struct guard g = plain;
    g.read_token = READ_TOKEN;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *rq = good_request(HTTP_POST);
        rq->authorization = cases[i].authorization;
        rq->content_type = cases[i].type;
        rq->origin = cases[i].origin;
        rq->fetch_site = cases[i].site;
        if (access_of(&g, rq, GUARD_WRITE) != cases[i].status)
            fail_msg("row %zu", i);
        free(rq);
    }
}

/* A page that came over http was not ours if we speak TLS; without, something in front of us may.
 */
static void
an_origin_is_ours_by_its_scheme(void **state)
{
    (void)state;
    static const struct {
        bool tls;
        const char *origin;
        int status;
    } cases[] = {
        { false, "http://localhost:6413", 0 },    { false, "https://localhost:6413", 0 },
        { true, "http://localhost:6413", 403 },   { true, "https://localhost:6413", 0 },
        { true, "HTTPS://LocalHost:6413", 0 },    { true, "https://localhost", 403 },
        { true, "https://localhost:64130", 403 }, { true, "httpsx://localhost:6413", 403 },
        { true, "https:/localhost:6413", 403 },   { true, "null", 403 },
    };
    struct guard g = plain;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *rq = good_request(HTTP_POST);
        g.tls = cases[i].tls;
        rq->authorization = "Bearer " TOKEN;
        rq->content_type = "application/json";
        rq->origin = cases[i].origin;
        if (access_of(&g, rq, GUARD_WRITE) != cases[i].status)
            fail_msg("row %zu", i);
        free(rq);
    }
}

static void
reading_needs_what_is_set(void **state)
{
    (void)state;
    static const struct {
        const char *read_token, *metrics_token;
        bool needs;
        const char *given;
        int open, metrics, read;
    } cases[] = {
        { "", "", false, NULL, 0, 0, 0 },
        { "", "", true, NULL, 0, 401, 401 },
        { "", "", true, "Bearer " TOKEN, 0, 0, 0 },
        { READ_TOKEN, "", false, NULL, 0, 401, 401 },
        { READ_TOKEN, "", false, "Bearer " READ_TOKEN, 0, 0, 0 },
        { READ_TOKEN, "", false, "Bearer " TOKEN, 0, 0, 0 },
        { READ_TOKEN, METRICS_TOKEN, false, "Bearer " METRICS_TOKEN, 0, 0, 403 },
        { READ_TOKEN, METRICS_TOKEN, false, "Bearer " READ_TOKEN, 0, 0, 0 },
        { "", METRICS_TOKEN, false, NULL, 0, 401, 0 },
        { "", METRICS_TOKEN, false, "Bearer wrong", 0, 403, 0 },
        { "", METRICS_TOKEN, true, "Bearer " METRICS_TOKEN, 0, 0, 403 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct guard g = plain;
        struct http_request *rq = good_request(HTTP_GET);
        g.read_token = cases[i].read_token;
        g.metrics_token = cases[i].metrics_token;
        g.read_needs_token = cases[i].needs;
        rq->authorization = cases[i].given;
        if (access_of(&g, rq, GUARD_OPEN) != cases[i].open ||
            access_of(&g, rq, GUARD_METRICS) != cases[i].metrics ||
            access_of(&g, rq, GUARD_READ) != cases[i].read)
            fail_msg("row %zu", i);
        rq->fetch_site = "cross-site";
        assert_int_equal(access_of(&g, rq, GUARD_READ), 403);
        assert_int_equal(access_of(&g, rq, GUARD_OPEN), 0);
        free(rq);
    }
}

static void
an_empty_secret_is_nobodys(void **state)
{
    (void)state;
    char longer[GUARD_TOKEN_MAX + 100];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_false(guard_same_secret("", ""));
    assert_true(guard_same_secret(TOKEN, TOKEN));
    assert_false(guard_same_secret(longer, TOKEN));
    longer[GUARD_TOKEN_MAX] = '\0';
    assert_true(guard_same_secret(longer, longer));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_ours_or_addresses),
        cmocka_unit_test(shapes_that_are_refused),
        cmocka_unit_test(lengths_that_are_refused),
        cmocka_unit_test(changes_need_everything_to_be_right),
        cmocka_unit_test(an_origin_is_ours_by_its_scheme),
        cmocka_unit_test(reading_needs_what_is_set),
        cmocka_unit_test(an_empty_secret_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
