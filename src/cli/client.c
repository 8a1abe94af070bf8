/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection. Two buffers with a position each: sent bytes and parsed bytes are skipped, not
 * moved, because a value may be half a gigabyte and arrive in ten thousand pieces. Every failure
 * goes through fail(), which closes the connection: after a lost or late reply the order of replies
 * means nothing any more.
 */
#include "cli/client.h"

#include "base/assert.h"
#include "base/num.h"
#include "cli/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ_BYTES = 128 * 1024, KEEP_BYTES = 1024 * 1024, MS_PER_S_INT = 1000 };

void
client_init(struct client *c, const struct client_options *options)
{
    *c = (struct client){ .options = *options, .fd = -1, .proto = 2 };
    buf_init(&c->out, CLIENT_OUT_BYTES_MAX);
    buf_init(&c->in, CLIENT_IN_BYTES_MAX);
    reply_parser_init(&c->parser);
    bool v6 = !options->socket_path && strchr(options->host, ':');
    if (options->socket_path)
        (void)snprintf(c->label, sizeof c->label, "%s",
                       options->socket_path); /* a cut label is fine */
    else
        (void)snprintf(c->label, sizeof c->label, v6 ? "[%s]:%d" : "%s:%d", options->host,
                       options->port);
}

void
client_fini(struct client *c)
{
    client_disconnect(c);
    buf_fini(&c->out);
    buf_fini(&c->in);
    reply_parser_fini(&c->parser);
}

void
client_disconnect(struct client *c)
{
    tls_close(&c->tls);
    stream_close(c->fd);
    c->fd = -1;
    c->proto = 2;
    buf_clear(&c->out, KEEP_BYTES);
    buf_clear(&c->in, KEEP_BYTES);
    c->out_pos = 0;
    c->in_pos = 0;
    reply_parser_reset(&c->parser);
}

bool
client_connected(const struct client *c)
{
    return c->fd >= 0;
}

static int fail(struct client *c, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
fail(struct client *c, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->error, sizeof c->error, format, args); /* a cut sentence is still one */
    va_end(args);
    client_disconnect(c);
    return status;
}

static int
fail_stream(struct client *c, int stream_status, int error)
{
    char text[STREAM_ERROR_MAX];
    switch (stream_status) {
    case STREAM_E_TIMEOUT:
        return fail(c, CLIENT_E_TIMEOUT,
                    "%s did not answer within %d.%03d s (--timeout changes that)", c->label,
                    c->options.timeout_ms / MS_PER_S_INT, c->options.timeout_ms % MS_PER_S_INT);
    case STREAM_E_INTERRUPTED: return fail(c, CLIENT_E_INTERRUPTED, "interrupted");
    default:
        if (error == 0)
            return fail(c, CLIENT_E_IO, "%s closed the connection", c->label);
        return fail(c, CLIENT_E_IO, "connection to %s lost: %s", c->label,
                    strerror_r(error, text, sizeof text));
    }
}

int
client_append(struct client *c, const attl_slice *argv, size_t argc)
{
    ASSERT(argc > 0);
    char number[NUM_TEXT_MAX];
    if (c->fd < 0)
        return fail(c, CLIENT_E_IO, "not connected to %s", c->label);
    if (argc > CLIENT_ARGS_MAX)
        return fail(c, CLIENT_E_LIMIT, "a request has at most %d words", CLIENT_ARGS_MAX);
    if (c->out_pos == c->out.len) {
        buf_clear(&c->out, KEEP_BYTES);
        c->out_pos = 0;
    }
    buf_append(&c->out, "*", 1);
    buf_append(&c->out, number, num_format_i64(number, (int64_t)argc));
    buf_append(&c->out, "\r\n", 2);
    for (size_t i = 0; i < argc; i++) {
        buf_append(&c->out, "$", 1);
        buf_append(&c->out, number, num_format_i64(number, (int64_t)argv[i].len));
        buf_append(&c->out, "\r\n", 2);
        buf_append(&c->out, argv[i].data, argv[i].len);
        buf_append(&c->out, "\r\n", 2);
    }
    if (c->out.failed)
        return fail(c, CLIENT_E_LIMIT, "the request does not fit in memory (limit %d MiB)",
                    CLIENT_OUT_BYTES_MAX / (1024 * 1024));
    return CLIENT_OK;
}

size_t
client_unsent_bytes(const struct client *c)
{
    return c->out.len - c->out_pos;
}

/* What stream_read() and stream_write() would have said. */
static int
secure_status(ssize_t n, size_t *ret_n, int *ret_error)
{
    *ret_n = n > 0 ? (size_t)n : 0;
    *ret_error = 0;
    return n == SOCKET_CLOSED ? STREAM_E_IO : STREAM_OK;
}

static int
client_stream_read(struct client *c, void *to, size_t len, size_t *ret_n, int *ret_error)
{
    if (!c->tls.ssl)
        return stream_read(c->fd, to, len, ret_n, ret_error);
    return secure_status(tls_recv(&c->tls, to, len), ret_n, ret_error);
}

static int
client_stream_write(struct client *c, const void *from, size_t len, size_t *ret_n, int *ret_error)
{
    if (!c->tls.ssl)
        return stream_write(c->fd, from, len, ret_n, ret_error);
    return secure_status(tls_send(&c->tls, from, len), ret_n, ret_error);
}

/* Until something can be read; what TLS has decrypted already is not in the socket any more. */
static int
wait_readable(struct client *c)
{
    int ready;
    if (tls_pending(&c->tls) > 0)
        return STREAM_OK;
    int wanted = STREAM_READABLE | (c->tls.wants_write ? STREAM_WRITABLE : 0);
    return stream_wait(c->fd, wanted, c->options.timeout_ms, &ready);
}

/* Takes what has arrived into `in`, without waiting. */
static int
receive(struct client *c)
{
    if (c->in_pos == c->in.len) {
        buf_clear(&c->in, KEEP_BYTES);
        c->in_pos = 0;
    } else if (c->in_pos > c->in.cap / 2) {
        buf_consume(&c->in, c->in_pos); /* moves less than half, so each byte moves O(1) times */
        c->in_pos = 0;
    }
    char *to = buf_reserve(&c->in, READ_BYTES);
    if (!to)
        return fail(c, CLIENT_E_LIMIT, "the reply of %s does not fit in memory (limit %d MiB)",
                    c->label, CLIENT_IN_BYTES_MAX / (1024 * 1024));
    size_t n;
    int error;
    int status = client_stream_read(c, to, READ_BYTES, &n, &error);
    if (status)
        return fail_stream(c, status, error);
    c->in.len += n;
    return CLIENT_OK;
}

static int
send_some(struct client *c)
{
    size_t n;
    int error;
    int status =
        client_stream_write(c, c->out.data + c->out_pos, client_unsent_bytes(c), &n, &error);
    if (status)
        return fail_stream(c, status, error);
    c->out_pos += n;
    return CLIENT_OK;
}

int
client_flush(struct client *c)
{
    if (c->fd < 0)
        return fail(c, CLIENT_E_IO, "not connected to %s", c->label);
    while (client_unsent_bytes(c) > 0) {
        size_t before = c->out_pos;
        int status = send_some(c);
        if (status)
            return status;
        if (c->out_pos != before)
            continue;
        int ready = 0;
        int waited =
            stream_wait(c->fd, STREAM_READABLE | STREAM_WRITABLE, c->options.timeout_ms, &ready);
        if (waited)
            return fail_stream(c, waited, 0);
        if (ready & STREAM_READABLE)
            status = receive(c);
        if (status)
            return status;
    }
    return CLIENT_OK;
}

int
client_poll(struct client *c, const struct reply **ret_reply)
{
    *ret_reply = NULL;
    while (c->in_pos < c->in.len) {
        size_t used;
        const struct reply *reply;
        int status =
            reply_parse(&c->parser, c->in.data + c->in_pos, c->in.len - c->in_pos, &reply, &used);
        if (status == REPLY_MORE)
            return CLIENT_OK;
        if (status < 0)
            return fail(c, CLIENT_E_PROTOCOL, "%s does not speak RESP as it should: %s", c->label,
                        reply_strerror(status));
        c->in_pos += used;
        if (reply->type != REPLY_PUSH) {
            *ret_reply = reply;
            return CLIENT_OK;
        }
        if (c->on_push)
            c->on_push(c->push_ud, reply);
    }
    return CLIENT_OK;
}

int
client_read(struct client *c, const struct reply **ret_reply)
{
    int status = client_flush(c);
    while (status == CLIENT_OK) {
        status = client_poll(c, ret_reply);
        if (status || *ret_reply)
            return status;
        int waited = wait_readable(c);
        if (waited)
            return fail_stream(c, waited, 0);
        status = receive(c);
    }
    return status;
}

int
client_call(struct client *c, const attl_slice *argv, size_t argc, const struct reply **ret_reply)
{
    int status = client_append(c, argv, argc);
    return status ? status : client_read(c, ret_reply);
}

static bool
error_begins(const struct reply *r, const char *prefix)
{
    size_t len = strlen(prefix);
    return r->type == REPLY_ERROR && r->text.len >= len && memcmp(r->text.data, prefix, len) == 0;
}

static int
fail_greeting(struct client *c, const struct reply *r)
{
    /* The reply lives in a buffer that fail() clears: its text must be copied before. */
    char text[CLIENT_ERROR_MAX / 2];
    (void)snprintf(text, sizeof text, "%.*s",
                   (int)(r->text.len < sizeof text ? r->text.len : sizeof text - 1),
                   (const char *)r->text.data);
    if (error_begins(r, "WRONGPASS"))
        return fail(c, CLIENT_E_REFUSED, "%s refused the password: %s", c->label, text);
    return fail(c, CLIENT_E_REFUSED, "%s refused the connection: %s", c->label, text);
}

/* The password must not stay in the buffer after it was sent. */
static void
scrub_out(struct client *c)
{
    if (c->out.data)
        explicit_bzero(c->out.data, c->out.cap);
}

/* HELLO 3; *ret_fall_back tells that the server wants RESP2 or a password we do not have. */
static int
greet_resp3(struct client *c, bool *ret_fall_back)
{
    attl_slice argv[5] = { attl_s("HELLO"), attl_s("3") };
    size_t argc = 2;
    if (c->options.password) {
        argv[argc++] = attl_s("AUTH");
        argv[argc++] = attl_s(c->options.user ? c->options.user : "default");
        argv[argc++] = attl_s(c->options.password);
    }
    const struct reply *reply;
    int status = client_call(c, argv, argc, &reply);
    scrub_out(c);
    if (status)
        return status;
    bool unknown = error_begins(reply, "ERR unknown command") || error_begins(reply, "NOPROTO");
    *ret_fall_back = unknown || (error_begins(reply, "NOAUTH") && !c->options.password);
    if (reply->type == REPLY_ERROR && !*ret_fall_back)
        return fail_greeting(c, reply);
    c->proto = *ret_fall_back ? 2 : 3;
    return CLIENT_OK;
}

static int
greet_resp2(struct client *c)
{
    if (!c->options.password)
        return CLIENT_OK;
    attl_slice argv[3] = { attl_s("AUTH") };
    size_t argc = 1;
    if (c->options.user)
        argv[argc++] = attl_s(c->options.user);
    argv[argc++] = attl_s(c->options.password);
    const struct reply *reply;
    int status = client_call(c, argv, argc, &reply);
    scrub_out(c);
    if (status)
        return status;
    return reply->type == REPLY_ERROR ? fail_greeting(c, reply) : CLIENT_OK;
}

/* Begins TLS on the connection; a status, with the reason in c->error. */
static int
secure(struct client *c)
{
    const struct client_options *o = &c->options;
    char why[TLS_ERROR_MAX] = "no memory";
    struct tls_settings settings = {
        .client = true,
        .cert_file = o->cert_file ? o->cert_file : "",
        .key_file = o->key_file ? o->key_file : "",
        .key_pass = "",
        .ca_file = o->ca_file ? o->ca_file : "",
        .verify = o->insecure ? TLS_VERIFY_NO : TLS_VERIFY_YES,
        .ciphers = "",
        .ciphersuites = "",
    };
    const char *name = o->sni ? o->sni : o->socket_path ? "localhost" : o->host;
    struct ssl_ctx_st *ctx = tls_context_new(&settings, why, sizeof why);
    bool ok = ctx && tls_open(&c->tls, ctx, c->fd) && tls_expect(&c->tls, name, !o->insecure);
    tls_context_free(ctx); /* the connection keeps it */
    if (!ok)
        return fail(c, CLIENT_E_CONNECT, "cannot encrypt: %s", why);
    for (;;) {
        int ready;
        int code = tls_handshake(&c->tls, why, sizeof why);
        if (code == 1)
            return CLIENT_OK;
        if (code == SOCKET_CLOSED)
            return fail(c, CLIENT_E_CONNECT, "no secure connection to %s: %s", c->label, why);
        int waited = stream_wait(c->fd, c->tls.wants_write ? STREAM_WRITABLE : STREAM_READABLE,
                                 o->timeout_ms, &ready);
        if (waited)
            return fail_stream(c, waited, 0);
    }
}

int
client_connect(struct client *c)
{
    char why[STREAM_ERROR_MAX] = "";
    const struct client_options *o = &c->options;
    client_disconnect(c);
    int status = o->socket_path ? stream_connect_unix(o->socket_path, o->timeout_ms, why, &c->fd)
                                : stream_connect_tcp(o->host, o->port, o->timeout_ms, why, &c->fd);
    if (status == STREAM_E_INTERRUPTED)
        return fail(c, CLIENT_E_INTERRUPTED, "interrupted");
    if (status == STREAM_E_TIMEOUT)
        return fail(c, CLIENT_E_TIMEOUT, "cannot connect to %s: timed out; is the address right?",
                    c->label);
    if (status)
        return fail(
            c, CLIENT_E_CONNECT,
            "cannot connect to %s: %s; is attld running? start it with scripts/run or build/attld",
            c->label, why);
    if (o->tls) {
        status = secure(c);
        if (status)
            return status;
    }
    bool fall_back = o->resp2;
    if (!o->resp2)
        status = greet_resp3(c, &fall_back);
    return status == CLIENT_OK && fall_back ? greet_resp2(c) : status;
}
