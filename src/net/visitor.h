/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A visitor executes commands without being a connection: the admin door's HTTP requests are run by
 * one. To commands it looks like a worker with one client, whose session begins anew with each
 * request; its calls and errors are counted with everybody's. It can neither subscribe nor be
 * tracked, nor wait for a completion, and what waits for the disk blocks the visitor's own thread.
 * One thread at a time may use a visitor; each of them has its own.
 */
#ifndef ATTL_NET_VISITOR_H
#define ATTL_NET_VISITOR_H

#include "command/command.h"

enum { NET_VISITORS_MAX = 4 };

struct net;
struct net_visitor;

/* Of a net that was started with so many visitors (net_settings); NULL if there is none left, or no
 * memory. To be freed before net_close(). */
struct net_visitor *net_visitor_new(struct net *net);
void net_visitor_free(struct net_visitor **visitor);
/*
 * Begins a request of somebody at `addr` ("127.0.0.1:4711"): a new session under protocol 3 that
 * has shown its password already, called `name`. It lives until the next begin or end.
 */
struct session *net_visitor_begin(struct net_visitor *visitor, const char *addr, const char *name);
/* Executes a command in that session and appends its reply to `out`. May block, see above. */
void net_visitor_execute(struct net_visitor *visitor, const attl_slice *argv, size_t argc,
                         struct buf *out);
/* Ends the session, with the transaction it may have left open. */
void net_visitor_end(struct net_visitor *visitor);
/* For what needs an env and no request, such as metrics: until net_visitor_leave(). */
struct command_env *net_visitor_enter(struct net_visitor *visitor);
void net_visitor_leave(struct net_visitor *visitor);

#endif
