/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The side of the HTTP library: it calls us with headers, pieces of a body and the end of each
 * request, we call it with replies. Everything here runs in its thread, but for door_resume(). A
 * request is looked at as soon as its headers are there; one that is refused then never gets to
 * send its body. The library parses HTTP; what it lets through and we do not like is guard.c's.
 */
#include "admin/serve.h"
#include "admin/state.h"

#include "base/assert.h"

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

enum { EVENTS_BLOCK_BYTES = 16 << 10, BODY_FIRST_BYTES = 4096 };

void
door_suspend(struct MHD_Connection *connection)
{
    MHD_suspend_connection(connection);
}

void
door_resume(struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
}

/* ---- TLS ---- */

/* What a connection begins with. */
static struct door_tls *
take_tls(struct admin *admin)
{
    lock_acquire(&admin->tls_lock);
    struct door_tls *tls = admin->tls ? door_tls_keep(admin->tls) : NULL;
    lock_release(&admin->tls_lock);
    return tls;
}

/* The library's own certificate, which no connection should come to use: there is none. */
static int
refuse_handshake(gnutls_session_t session, const gnutls_datum_t *names, int names_len,
                 const gnutls_pk_algorithm_t *kinds, int kinds_len, gnutls_pcert_st **ret_cert,
                 unsigned *ret_len, gnutls_privkey_t *ret_key)
{
    (void)session, (void)names, (void)names_len, (void)kinds, (void)kinds_len;
    (void)ret_cert, (void)ret_len, (void)ret_key;
    return -1;
}

/* Gives the new connection what is in force now. Without memory it keeps refuse_handshake(). */
static void
guest_secure(struct admin *admin, struct guest *g, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    g->tls = take_tls(admin);
    if (g->tls && info && !door_tls_begin(g->tls, info->tls_session))
        socket_shutdown(g->fd);
}

/* ---- connections ---- */

/* One who has nothing under way gives way: slow ones, and those who only hold a place. */
static void
make_place(struct admin *admin)
{
    struct guest *g = admin->first_guest;
    while (g && (g->busy || g->fd < 0))
        g = g->next;
    if (!g)
        return;
    socket_shutdown(g->fd); /* the library notices, and closes it */
    g->fd = -1;
}

static void
guest_come(struct admin *admin, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct guest *g = calloc(1, sizeof *g);
    if (!g || !info) {
        free(g);
        return; /* it counts for the library's own limit */
    }
    if (admin->guests >= admin->guests_max)
        make_place(admin);
    g->fd = info->connect_fd;
    guest_secure(admin, g, connection);
    g->prev = admin->last_guest;
    *(g->prev ? &g->prev->next : &admin->first_guest) = g;
    admin->last_guest = g;
    admin->guests++;
    *context = g;
}

static void
guest_go(struct admin *admin, struct guest *g)
{
    *(g->prev ? &g->prev->next : &admin->first_guest) = g->next;
    *(g->next ? &g->next->prev : &admin->last_guest) = g->prev;
    admin->guests--;
    door_tls_free(g->tls);
    free(g);
}

static void
notice_connection(void *cls, struct MHD_Connection *connection, void **context,
                  enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        guest_come(cls, connection, context);
    else if (*context)
        guest_go(cls, *context);
}

static void
set_busy(struct MHD_Connection *connection, bool busy)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info && info->socket_context)
        ((struct guest *)info->socket_context)->busy = busy;
}

/* ---- a request begins and ends ---- */

static void *
visit_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct visit *v = calloc(1, sizeof *v);
    if (!v)
        return NULL; /* noticed at the headers */
    v->admin = cls;
    v->connection = connection;
    v->rq.target_problem = target_parse(&v->rq.target, attl_s(uri));
    buf_init(&v->rq.body, HTTP_BODY_MAX_BYTES);
    buf_init(&v->reply.body, HTTP_REPLY_MAX_BYTES);
    return v;
}

static void
visit_end(void *cls, struct MHD_Connection *connection, void **con_cls,
          enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)why;
    struct visit *v = *con_cls;
    set_busy(connection, false);
    if (!v)
        return;
    buf_fini(&v->rq.body);
    buf_fini(&v->reply.body);
    free(v);
    *con_cls = NULL;
}

/* ---- headers ---- */

static enum MHD_Result
take_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct http_request *rq = cls;
    const struct {
        const char *name;
        const char **value;
        unsigned *count;
    } wanted[] = {
        { "Host", &rq->host, &rq->hosts },
        { "Content-Length", &rq->content_length, &rq->lengths },
        { "Transfer-Encoding", NULL, &rq->transfers },
        { "Origin", &rq->origin, NULL },
        { "Sec-Fetch-Site", &rq->fetch_site, NULL },
        { "Authorization", &rq->authorization, NULL },
        { "Content-Type", &rq->content_type, NULL },
        { "Accept", &rq->accept, NULL },
        { "Accept-Encoding", &rq->accept_encoding, NULL },
        { "If-None-Match", &rq->if_none_match, NULL },
        { "traceparent", &rq->traceparent, NULL },
    };
    (void)kind;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strcasecmp(wanted[i].name, name) != 0)
            continue;
        if (wanted[i].count)
            ++*wanted[i].count;
        if (wanted[i].value)
            *wanted[i].value = value ? value : "";
    }
    return MHD_YES;
}

static unsigned
method_of(const char *word)
{
    if (strcmp(word, "GET") == 0)
        return HTTP_GET;
    if (strcmp(word, "HEAD") == 0)
        return HTTP_HEAD;
    return strcmp(word, "POST") == 0 ? HTTP_POST : HTTP_OTHER;
}

static void
take_headers(struct visit *v, const char *method, const char *version)
{
    struct http_request *rq = &v->rq;
    char local[HTTP_ADDR_MAX];
    rq->method = method_of(method);
    rq->old = strcmp(version, "HTTP/1.1") != 0;
    (void)MHD_get_connection_values(v->connection, MHD_HEADER_KIND, take_header, rq);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    rq->header_bytes = info ? info->header_size : 0;
    info = MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        socket_addr_text(info->connect_fd, rq->addr, local);
}

/* ---- replies ---- */

struct header {
    const char *name, *value; /* NULL: left out */
};

static bool
add_headers(struct MHD_Response *response, const struct http_reply *reply)
{
    const struct header headers[] = {
        { "Content-Type", reply->type },
        { "Cache-Control", reply->cacheable ? "no-cache" : "no-store" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Content-Security-Policy",
          "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
        { "ETag", reply->etag },
        { "Allow", reply->allow },
        { "Retry-After", reply->retry_after },
        { "Content-Encoding", reply->gzip ? "gzip" : NULL },
        { "Vary", reply->gzip ? "Accept-Encoding" : NULL },
        { "WWW-Authenticate", reply->status == 401 ? "Bearer" : NULL },
        { "Connection", reply->close ? "close" : NULL },
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (headers[i].value &&
            MHD_add_response_header(response, headers[i].name, headers[i].value) != MHD_YES)
            return false;
    return true;
}

/* Takes the body over. */
static struct MHD_Response *
response_of(struct http_reply *reply)
{
    if (reply->fixed.data)
        return MHD_create_response_from_buffer(
            reply->fixed.len, (void *)(uintptr_t)reply->fixed.data, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, reply->body.data,
        reply->body.data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response)
        buf_init(&reply->body, HTTP_REPLY_MAX_BYTES);
    return response;
}

/* MHD_NO ends the connection: there is not even memory to say why. */
static enum MHD_Result
send_reply(struct visit *v)
{
    struct http_reply *reply = &v->reply;
    if (reply->body.failed)
        http_refuse(reply, 503, "no_memory", "there is no memory for the reply");
    ASSERT(reply->status != 0);
    struct MHD_Response *response = reply->body.failed ? NULL : response_of(reply);
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, reply))
        result = MHD_queue_response(v->connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- events ---- */

static ssize_t
stream_read(void *cls, uint64_t at, char *to, size_t max)
{
    (void)at;
    int64_t n = events_read(cls, to, max);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void
stream_free(void *cls)
{
    events_leave(cls);
}

static enum MHD_Result
send_stream(struct visit *v)
{
    struct listener *listener = events_join(v->admin, v->connection);
    if (!listener) {
        http_refuse(&v->reply, 503, "listeners",
                    "too many listen already, see admin.max_listeners, or there is no memory");
        v->reply.retry_after = "10";
        return send_reply(v);
    }
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, EVENTS_BLOCK_BYTES, stream_read, listener, stream_free);
    if (!response) {
        events_leave(listener);
        return MHD_NO;
    }
    v->reply.status = 200;
    v->reply.type = "text/event-stream";
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, &v->reply))
        result = MHD_queue_response(v->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- a request on its way ---- */

/* Whether it may be served; the reply says why not. */
static bool
admit(struct visit *v)
{
    const struct guard *guard = &v->admin->guard;
    struct http_request *rq = &v->rq;
    if (!guard_shape(guard, rq, &v->reply))
        return false;
    v->route = route_find(rq->target.path);
    if (!v->route) {
        http_refuse(&v->reply, 404, "not_found", "there is nothing here; /api/v1/ has a list");
        v->reply.close = rq->method == HTTP_POST;
        return false;
    }
    unsigned methods = v->route->methods | (v->route->methods & HTTP_GET ? HTTP_HEAD : 0u);
    if (!(methods & rq->method)) {
        http_refuse(&v->reply, 405, "method", "this method is not for this path");
        v->reply.allow = route_allow(v->route);
        v->reply.close = true;
        return false;
    }
    return guard_access(guard, rq, v->route->access, &v->reply);
}

static enum MHD_Result
dispatch(struct visit *v)
{
    set_busy(v->connection, true);
    if ((v->route->flags & ROUTE_STREAM) && v->rq.method == HTTP_GET)
        return send_stream(v);
    if (v->route->flags & ROUTE_STREAM) {
        v->reply.status = 200;
        v->reply.type = "text/event-stream";
        return send_reply(v);
    }
    if (!(v->route->flags & ROUTE_SLOW)) {
        serve(v->admin, v->admin->visitor, v->route, &v->rq, &v->reply);
        return send_reply(v);
    }
    atomic_store(&v->state, VISIT_WAITING);
    MHD_suspend_connection(v->connection);
    if (exec_push(v->admin, v))
        return MHD_YES;
    http_refuse(&v->reply, 503, "busy", "too many requests wait already");
    v->reply.retry_after = "1";
    atomic_store(&v->state, VISIT_DONE);
    MHD_resume_connection(v->connection);
    return MHD_YES;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *data, size_t *size, void **con_cls)
{
    (void)cls;
    (void)connection;
    (void)url;
    struct visit *v = *con_cls;
    if (!v)
        return MHD_NO;
    switch ((enum visit_state)atomic_load(&v->state)) {
    case VISIT_NEW:
        take_headers(v, method, version);
        if (!admit(v))
            return send_reply(v);
        atomic_store(&v->state, VISIT_BODY); /* a reply at this point would end the connection */
        return MHD_YES;
    case VISIT_BODY:
        if (*size == 0)
            return dispatch(v);
        buf_append(&v->rq.body, data, *size); /* its length has been looked at */
        *size = 0;
        return v->rq.body.failed ? MHD_NO : MHD_YES;
    case VISIT_WAITING: return MHD_YES;
    case VISIT_DONE: break;
    }
    return send_reply(v);
}

/* ---- life ---- */

/*
 * With TLS the library watches by poll: by epoll, whose edges it remembers, it would turn at full
 * speed while the other side of a handshake takes its time.
 */
bool
door_open(struct admin *admin, int fd, unsigned max_connections)
{
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)max_connections + DOOR_SPARE_CONNECTIONS, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, DOOR_TIMEOUT_S, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, DOOR_MEMORY_BYTES, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)visit_begin, admin },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)visit_end, admin },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notice_connection, admin },
        { MHD_OPTION_END, 0, NULL }, /* for TLS */
        { MHD_OPTION_END, 0, NULL },
    };
    const size_t spare = sizeof options / sizeof options[0] - 2;
    unsigned flags = MHD_ALLOW_SUSPEND_RESUME | MHD_USE_EPOLL_INTERNAL_THREAD;
    if (admin->tls) {
        flags = MHD_ALLOW_SUSPEND_RESUME | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS;
        options[spare] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                                  (void *)(intptr_t)refuse_handshake };
    }
    admin->guests_max = max_connections;
    admin->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, admin, MHD_OPTION_ARRAY, options,
                                     MHD_OPTION_END);
    return admin->daemon != NULL;
}

void
door_close(struct admin *admin)
{
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon);
    admin->daemon = NULL;
}
