/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What serves a request, once the guard has let it through. Functions fill in the reply and nothing
 * else; they run in the door's thread and must not wait, unless their row says ROUTE_SLOW: then in
 * the executor's. `visitor` is the calling thread's own; `admin` is shared, and what changes in it
 * is atomic.
 */
#ifndef ATTL_ADMIN_SERVE_H
#define ATTL_ADMIN_SERVE_H

#include "admin/route.h"

route_fn serve_livez, serve_readyz, serve_index, serve_command, serve_asset, serve_metrics;

/* Serves the request with its row, in the calling thread. */
void serve(struct admin *admin, struct net_visitor *visitor, const struct route *route,
           const struct http_request *rq, struct http_reply *reply);

#endif
