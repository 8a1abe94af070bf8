/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows that stand for a command, the index, and POST command. What a body may run is what a
 * connection that has shown its password may run, but for commands that would bind something to a
 * connection: there is none, and they say so. The functions keep nothing.
 */
#include "admin/serve.h"

#include "admin/api.h"
#include "command/command.h"
#include "net/visitor.h"

#include <strings.h>

static void
serve_row(struct net_visitor *visitor, const struct route *route, const struct http_request *rq,
          struct http_reply *reply)
{
    attl_slice words[ROUTE_WORDS_MAX];
    const char *problem = "";
    size_t n = route_words(route, &rq->target, words, &problem);
    if (n == 0) {
        http_refuse(reply, 400, "bad_parameter", problem);
        return;
    }
    struct api_call call = { words, n, route->shape, rq->addr, rq->traceparent };
    api_run(visitor, &call, reply);
}

void
serve(struct admin *admin, struct net_visitor *visitor, const struct route *route,
      const struct http_request *rq, struct http_reply *reply)
{
    if (route->serve)
        route->serve(admin, visitor, rq, reply);
    else
        serve_row(visitor, route, rq, reply);
}

void
serve_index(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
            struct http_reply *reply)
{
    (void)admin;
    (void)visitor;
    (void)rq;
    reply->status = 200;
    reply->type = "application/json";
    route_index(&reply->body);
}

/* Commands that change the connection they come by, which ends with the request. */
static bool
binds_connection(attl_slice name)
{
    static const char *const names[] = {
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
        "MULTI",     "EXEC",       "DISCARD",    "WATCH",       "UNWATCH",      "MONITOR",
        "AUTH",      "HELLO",      "RESET",      "QUIT",        "SELECT",       "WAIT"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name.len == strlen(names[i]) && strncasecmp(name.data, names[i], name.len) == 0)
            return true;
    return false;
}

void
serve_command(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
              struct http_reply *reply)
{
    (void)admin;
    struct api_argv *argv = api_argv_parse(buf_slice(&rq->body), reply);
    if (!argv)
        return;
    if (binds_connection(argv->words[0])) {
        http_refuse(reply, 400, "needs_connection",
                    "this command is about a connection, and a request here has none");
    } else {
        struct api_call call = { argv->words, argv->len, JSON_AS_IS, rq->addr, rq->traceparent };
        api_run(visitor, &call, reply);
    }
    api_argv_free(argv);
}

/* OpenMetrics for who asks for it, JSON too, and the older text for everybody else. */
void
serve_metrics(struct admin *admin, struct net_visitor *visitor, const struct http_request *rq,
              struct http_reply *reply)
{
    (void)admin;
    const char *accept = rq->accept ? rq->accept : "";
    enum metric_format format = METRIC_PROMETHEUS;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    if (strstr(accept, "application/openmetrics-text")) {
        format = METRIC_OPENMETRICS;
        reply->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    } else if (strncmp(accept, "application/json", strlen("application/json")) == 0) {
        format = METRIC_JSON;
        reply->type = "application/json";
    }
    reply->status = 200;
    command_metrics(net_visitor_enter(visitor), format, &reply->body);
    net_visitor_leave(visitor);
}
