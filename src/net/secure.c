/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handshakes. They run on the worker that serves the connection, about a millisecond of work each,
 * so their number is bounded and so is the time a client may take for one. Reading may wait for
 * room in the socket, and bytes may lie decrypted in OpenSSL while the socket is silent: then the
 * event loop is asked for room to write, which it has, so that the next turn comes at once.
 */
#include "net/secure.h"

#include "access/access.h"
#include "command/permit.h"

#include <stdio.h>
#include <stdlib.h>

static struct ssl_ctx_st *
current_context(struct net *net)
{
    lock_acquire(&net->tls_lock);
    struct ssl_ctx_st *ctx = net->tls_context ? tls_context_keep(net->tls_context) : NULL;
    lock_release(&net->tls_lock);
    return ctx;
}

bool
secure_begin(struct worker *w, struct conn *c)
{
    struct net *net = w->net;
    uint64_t others = atomic_fetch_add_explicit(&net->tls_handshaking, 1, memory_order_relaxed);
    struct ssl_ctx_st *ctx = others < LIMIT_LOAD(net, tls_handshakes) ? current_context(net) : NULL;
    struct tls *t = ctx ? calloc(1, sizeof *t) : NULL;
    bool ok = t && tls_open(t, ctx, c->session.fd);
    tls_context_free(ctx); /* the connection keeps it */
    if (!ok) {
        free(t);
        atomic_fetch_sub_explicit(&net->tls_handshaking, 1, memory_order_relaxed);
        counter_add(&w->counters.tls_failures, 1);
        net_complain(net, w->now_ms, COMPLAINT_TLS,
                     "a TLS connection was refused: too many handshakes at once "
                     "(tls.max_handshakes), or no memory");
        return false;
    }
    c->tls = t;
    atomic_fetch_add_explicit(&net->tls_clients, 1, memory_order_relaxed);
    worker_want_sweep(w);
    return true;
}

void
secure_end(struct worker *w, struct conn *c)
{
    if (!c->tls)
        return;
    if (c->tls->handshaking)
        atomic_fetch_sub_explicit(&w->net->tls_handshaking, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->net->tls_clients, 1, memory_order_relaxed);
    tls_close(c->tls);
    free(c->tls);
    c->tls = NULL;
}

/* The user that the client's certificate names, if that is asked for and there is one. */
static void
adopt_user(struct worker *w, struct conn *c)
{
    char name[TLS_NAME_MAX];
    struct access *a = w->net->access;
    if (!a || !LIMIT_LOAD(w->net, tls_user) || !tls_peer_name(c->tls, name))
        return;
    uint64_t generation = access_generation(a);
    struct access_user *u = access_find(a, attl_s(name));
    if (u && u->enabled) {
        permit_set_user(&c->session, u, generation);
        c->session.authenticated = true;
        return;
    }
    user_free(u);
    struct denial_report report = { .reason = DENIAL_TLS,
                                    .now_ms = w->now_ms,
                                    .object = attl_s("TLS client certificate"),
                                    .user = attl_s(name),
                                    .client = attl_s(c->session.addr) };
    denials_add(&a->denials, &report);
}

bool
secure_handshake(struct worker *w, struct conn *c)
{
    char reason[TLS_ERROR_MAX], text[TLS_ERROR_MAX + 160];
    int code = tls_handshake(c->tls, reason, sizeof reason);
    if (code == SOCKET_AGAIN)
        return false;
    if (code == SOCKET_CLOSED) {
        (void)snprintf(text, sizeof text, "the TLS handshake with %s failed: %s", c->session.addr,
                       reason); /* fits */
        counter_add(&w->counters.tls_failures, 1);
        net_complain(w->net, w->now_ms, COMPLAINT_TLS, text);
        conn_close(w, c);
        return false;
    }
    atomic_fetch_sub_explicit(&w->net->tls_handshaking, 1, memory_order_relaxed);
    counter_add(&w->counters.tls_connections, 1);
    adopt_user(w, c);
    return true;
}

bool
secure_is_late(const struct worker *w, const struct conn *c)
{
    return w->now_ms - c->session.created_ms > LIMIT_LOAD(w->net, tls_handshake_ms);
}
