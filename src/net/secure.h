/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of one connection: when it begins, how its handshake goes on, when there is something to read
 * that no event tells of. A connection in the clear has no `tls` and costs a look at that pointer
 * per receive and per send. Inside src/net only; all functions REQUIRE the worker's lock.
 */
#ifndef ATTL_NET_SECURE_H
#define ATTL_NET_SECURE_H

#include "net/tls.h"
#include "net/worker.h"

/* Begins a handshake on a new connection; false if there are too many, or no memory. */
bool secure_begin(struct worker *w, struct conn *c);
/* The end of the connection; before its socket is closed. */
void secure_end(struct worker *w, struct conn *c);
/* Goes on with the handshake: true once it is done. May close the connection. */
bool secure_handshake(struct worker *w, struct conn *c);
/* Whether the handshake has taken too long. */
bool secure_is_late(const struct worker *w, const struct conn *c);

/* Whether reading must go on although the socket may stay silent. */
static inline bool
secure_has_more(const struct conn *c)
{
    return c->tls && (c->tls->wants_write || tls_pending(c->tls) > 0);
}

static inline ssize_t
conn_recv(struct conn *c, void *data, size_t len)
{
    return __builtin_expect(c->tls != NULL, 0) ? tls_recv(c->tls, data, len)
                                               : socket_recv(c->session.fd, data, len);
}

static inline ssize_t
conn_send(struct conn *c, const void *data, size_t len)
{
    return __builtin_expect(c->tls != NULL, 0) ? tls_send(c->tls, data, len)
                                               : socket_send(c->session.fd, data, len);
}

#endif
