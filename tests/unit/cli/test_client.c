/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client against servers that are scripts: greetings of all kinds, pipelines, replies in pieces
 * and everything a connection can do wrong. Errors are checked by status and by the words a user
 * needs. What the client sends is compared byte by byte.
 */
#include "cli_support.h"

#include "cli/interrupt.h"

#include <signal.h>
#include <stdlib.h>

struct peer {
    struct script_server server;
    struct client client;
};

/* Serves `script` and makes a client with these changes to its options. */
static void
peer_open(struct peer *p, const char *script, size_t piece_bytes, bool hang_up)
{
    script_server_start(&p->server, script, strlen(script), piece_bytes, hang_up);
    struct client_options options = script_server_options(&p->server);
    client_init(&p->client, &options);
}

static void
peer_close(struct peer *p)
{
    client_fini(&p->client);
    script_server_stop(&p->server);
}

static int
call(struct peer *p, const char *word, const struct reply **ret_reply)
{
    attl_slice words[1] = { attl_s(word) };
    return client_call(&p->client, words, 1, ret_reply);
}

static void
resp3_is_asked_for_first(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "%1\r\n+proto\r\n:3\r\n+PONG\r\n", 0, false);
    p.client.options.resp2 = false;
    p.client.options.password = "pw";
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(p.client.proto, 3);
    assert_int_equal(call(&p, "PING", &reply), CLIENT_OK);
    assert_true(reply_text_is(reply, "PONG"));
    peer_close(&p);
    assert_string_equal(
        p.server.received,
        "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n"
        "*1\r\n$4\r\nPING\r\n");
    script_server_free(&p.server);
}

static void
an_old_server_gets_resp2(void **state)
{
    static const char *const refusals[] = { "-ERR unknown command 'HELLO'\r\n+OK\r\n",
                                            "-NOPROTO sorry\r\n+OK\r\n" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct peer p;
        peer_open(&p, refusals[i], 0, false);
        p.client.options.resp2 = false;
        p.client.options.password = "pw";
        p.client.options.user = "ada";
        assert_int_equal(client_connect(&p.client), CLIENT_OK);
        assert_int_equal(p.client.proto, 2);
        peer_close(&p);
        assert_non_null(strstr(p.server.received, "*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$2\r\npw\r\n"));
        script_server_free(&p.server);
    }
}

static void
without_a_password_one_may_still_connect(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "-NOAUTH HELLO must be called with AUTH\r\n-NOAUTH Authentication required.\r\n",
              0, false);
    p.client.options.resp2 = false;
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "GET", &reply), CLIENT_OK);
    assert_int_equal(reply->type, REPLY_ERROR);
    peer_close(&p);
    script_server_free(&p.server);
}

static void
a_refusal_is_told_in_the_servers_words(void **state)
{
    static const struct {
        const char *script, *words;
        bool resp2;
    } cases[] = {
        { "-WRONGPASS invalid username-password pair\r\n", "refused the password: WRONGPASS",
          false },
        { "-WRONGPASS invalid\r\n", "refused the password: WRONGPASS", true },
        { "-ERR max number of clients reached\r\n", "max number of clients", false },
        { "-DENIED protected mode\r\n", "refused the connection: DENIED", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer p;
        peer_open(&p, cases[i].script, 0, false);
        p.client.options.password = "pw";
        p.client.options.resp2 = cases[i].resp2;
        assert_int_equal(client_connect(&p.client), CLIENT_E_REFUSED);
        assert_non_null(strstr(p.client.error, cases[i].words));
        assert_false(client_connected(&p.client));
        peer_close(&p);
        script_server_free(&p.server);
    }
}

static void
the_password_does_not_stay_in_memory(void **state)
{
    struct peer p;
    (void)state;
    peer_open(&p, "+OK\r\n", 0, false);
    p.client.options.password = "quite-secret";
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_null(memmem(p.client.out.data, p.client.out.cap, "quite-secret", 12));
    peer_close(&p);
    script_server_free(&p.server);
}

static void
a_pipeline_keeps_its_order(void **state)
{
    enum { REQUESTS = 5000 };
    struct peer p;
    struct buf script;
    (void)state;
    buf_init(&script, 1 << 20);
    for (int i = 0; i < REQUESTS; i++)
        buf_printf(&script, ":%d\r\n", i);
    buf_append(&script, "", 1);
    peer_open(&p, script.data, 0, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    for (int i = 0; i < REQUESTS; i++) {
        attl_slice words[2] = { attl_s("ECHO"), attl_b("\0\r\n", 3) };
        assert_int_equal(client_append(&p.client, words, 2), CLIENT_OK);
    }
    assert_int_equal(client_unsent_bytes(&p.client), REQUESTS * 23);
    assert_int_equal(client_flush(&p.client), CLIENT_OK);
    assert_int_equal(client_unsent_bytes(&p.client), 0);
    for (int i = 0; i < REQUESTS; i++) {
        const struct reply *reply;
        assert_int_equal(client_read(&p.client, &reply), CLIENT_OK);
        assert_int_equal(reply->integer, i);
    }
    const struct reply *none;
    assert_int_equal(client_poll(&p.client, &none), CLIENT_OK);
    assert_null(none);
    peer_close(&p);
    assert_memory_equal(p.server.received, "*2\r\n$4\r\nECHO\r\n$3\r\n\0\r\n\r\n", 23);
    script_server_free(&p.server);
    buf_fini(&script);
}

static void
replies_may_come_in_pieces(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "*2\r\n$5\r\nhello\r\n%1\r\n+k\r\n:5\r\n$3\r\nend\r\n", 1, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_OK);
    assert_int_equal(reply->span, 5);
    assert_true(reply_text_is(reply + 1, "hello"));
    assert_int_equal(call(&p, "B", &reply), CLIENT_OK);
    assert_true(reply_text_is(reply, "end"));
    peer_close(&p);
    script_server_free(&p.server);
}

static void
count_push(void *ud, const struct reply *push)
{
    assert_int_equal(push->type, REPLY_PUSH);
    ++*(int *)ud;
}

static void
pushes_are_not_taken_for_replies(void **state)
{
    struct peer p;
    const struct reply *reply;
    int pushes = 0;
    (void)state;
    peer_open(&p, ">1\r\n+a\r\n+one\r\n>1\r\n+b\r\n>1\r\n+c\r\n+two\r\n", 0, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_OK); /* nobody listens: the push is dropped */
    assert_true(reply_text_is(reply, "one"));
    p.client.on_push = count_push;
    p.client.push_ud = &pushes;
    assert_int_equal(call(&p, "B", &reply), CLIENT_OK);
    assert_true(reply_text_is(reply, "two"));
    assert_int_equal(pushes, 2);
    peer_close(&p);
    script_server_free(&p.server);
}

static void
a_broken_connection_is_told_and_can_be_renewed(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "+first\r\n$10\r\nhalf", 0, true);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_OK);
    assert_int_equal(call(&p, "B", &reply), CLIENT_E_IO);
    assert_non_null(strstr(p.client.error, "closed the connection"));
    assert_int_equal(call(&p, "C", &reply), CLIENT_E_IO);
    assert_non_null(strstr(p.client.error, "not connected"));
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_OK);
    assert_true(reply_text_is(reply, "first"));
    peer_close(&p);
    assert_int_equal(p.server.connections, 2);
    script_server_free(&p.server);
}

static void
another_protocol_is_told(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "HTTP/1.1 400 Bad Request\r\n\r\n", 0, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_E_PROTOCOL);
    assert_non_null(strstr(p.client.error, "does not speak RESP"));
    peer_close(&p);
    script_server_free(&p.server);
}

static void
silence_ends_after_the_timeout(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    peer_open(&p, "$5\r\nhe", 0, false);
    p.client.options.timeout_ms = 50;
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(call(&p, "A", &reply), CLIENT_E_TIMEOUT);
    assert_non_null(strstr(p.client.error, "did not answer within 0.050 s"));
    peer_close(&p);
    script_server_free(&p.server);
}

static void
a_signal_ends_the_wait(void **state)
{
    struct peer p;
    const struct reply *reply;
    (void)state;
    interrupt_install();
    peer_open(&p, "", 0, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(raise(SIGINT), 0);
    assert_true(interrupt_pending());
    assert_int_equal(call(&p, "A", &reply), CLIENT_E_INTERRUPTED);
    interrupt_clear();
    assert_false(interrupt_pending());
    peer_close(&p);
    script_server_free(&p.server);
}

static void
where_nobody_listens_the_error_says_what_to_do(void **state)
{
    struct client c;
    char long_path[200];
    struct client_options options = { .host = "127.0.0.1", .port = 1, .timeout_ms = 2000 };
    (void)state;
    client_init(&c, &options);
    assert_int_equal(client_connect(&c), CLIENT_E_CONNECT);
    assert_string_equal(c.error, "cannot connect to 127.0.0.1:1: connection refused; is attld "
                                 "running? start it with scripts/run or build/attld");
    client_fini(&c);
    options.host = "no-such-host.invalid";
    client_init(&c, &options);
    assert_int_equal(client_connect(&c), CLIENT_E_CONNECT);
    assert_non_null(strstr(c.error, "no-such-host.invalid"));
    client_fini(&c);
    options.socket_path = "/nonexistent.sock";
    client_init(&c, &options);
    assert_int_equal(client_connect(&c), CLIENT_E_CONNECT);
    assert_non_null(strstr(c.error, "cannot connect to /nonexistent.sock: no such file"));
    client_fini(&c);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    options.socket_path = long_path;
    client_init(&c, &options);
    assert_int_equal(client_connect(&c), CLIENT_E_CONNECT);
    assert_non_null(strstr(c.error, "longer than"));
    client_fini(&c);
}

static void
a_request_has_a_number_of_words(void **state)
{
    struct peer p;
    attl_slice *words = calloc(CLIENT_ARGS_MAX + 1, sizeof *words);
    (void)state;
    assert_non_null(words);
    peer_open(&p, "", 0, false);
    assert_int_equal(client_connect(&p.client), CLIENT_OK);
    assert_int_equal(client_append(&p.client, words, CLIENT_ARGS_MAX + 1), CLIENT_E_LIMIT);
    peer_close(&p);
    script_server_free(&p.server);
    free(words);
}

static void
labels_name_the_server(void **state)
{
    struct client c;
    struct client_options options = { .host = "::1", .port = 6411 };
    (void)state;
    client_init(&c, &options);
    assert_string_equal(c.label, "[::1]:6411");
    client_fini(&c);
    options.host = "localhost";
    client_init(&c, &options);
    assert_string_equal(c.label, "localhost:6411");
    client_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resp3_is_asked_for_first),
        cmocka_unit_test(an_old_server_gets_resp2),
        cmocka_unit_test(without_a_password_one_may_still_connect),
        cmocka_unit_test(a_refusal_is_told_in_the_servers_words),
        cmocka_unit_test(the_password_does_not_stay_in_memory),
        cmocka_unit_test(a_pipeline_keeps_its_order),
        cmocka_unit_test(replies_may_come_in_pieces),
        cmocka_unit_test(pushes_are_not_taken_for_replies),
        cmocka_unit_test(a_broken_connection_is_told_and_can_be_renewed),
        cmocka_unit_test(another_protocol_is_told),
        cmocka_unit_test(silence_ends_after_the_timeout),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(where_nobody_listens_the_error_says_what_to_do),
        cmocka_unit_test(a_request_has_a_number_of_words),
        cmocka_unit_test(labels_name_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
