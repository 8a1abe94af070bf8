/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS over a socket that never blocks, by OpenSSL 3. A context holds a certificate and what is
 * asked of the other side; it is made completely or not at all, and connections made with it keep
 * it alive, so that another one can take its place at any moment. tls_recv() and tls_send() answer
 * as socket_recv() and socket_send() do. A connection belongs to one thread at a time; contexts to
 * any. The server and the command line tool share this file.
 */
#ifndef ATTL_NET_TLS_H
#define ATTL_NET_TLS_H

#include "os/socket.h"

#include <attl/attl.h>
#include <stdbool.h>

struct ssl_ctx_st; /* SSL_CTX and SSL of OpenSSL, by the names of their structs */
struct ssl_st;

enum { TLS_ERROR_MAX = 400, TLS_NAME_MAX = 128 };
enum tls_verify { TLS_VERIFY_NO, TLS_VERIFY_OPTIONAL, TLS_VERIFY_YES };

struct tls_settings {
    bool client;           /* for connecting; else for accepting */
    const char *cert_file; /* PEM, the chain behind it; "": none (clients only) */
    const char *key_file;  /* PEM; "": in cert_file */
    const char *key_pass;  /* "": none */
    const char *ca_file;   /* PEM; "": none, for clients the system's */
    enum tls_verify verify;
    bool tls13_only;
    const char *ciphers;      /* of TLS 1.2; "": OpenSSL's */
    const char *ciphersuites; /* of TLS 1.3; "": OpenSSL's */
    bool resume;              /* sessions may be resumed */
};

struct tls {
    struct ssl_st *ssl;
    bool handshaking;
    bool wants_write; /* reading, or the handshake, waits for room in the socket */
};

/* NULL with a sentence in `err`. */
struct ssl_ctx_st *tls_context_new(const struct tls_settings *s, char *err, size_t err_len);
struct ssl_ctx_st *tls_context_keep(struct ssl_ctx_st *ctx);
/* NULL is allowed. */
void tls_context_free(struct ssl_ctx_st *ctx);

/* On `fd`, which stays the caller's; false on lack of memory. */
bool tls_open(struct tls *t, struct ssl_ctx_st *ctx, int fd);
/* Sends that this is the end, if there is room for it, and frees. */
void tls_close(struct tls *t);
/* For clients: the name that the certificate must have and that is sent to the server. */
bool tls_expect(struct tls *t, const char *host, bool check);
/* > 0: done; SOCKET_AGAIN; SOCKET_CLOSED with a reason in `err` (may be NULL). */
int tls_handshake(struct tls *t, char *err, size_t err_len);
ssize_t tls_recv(struct tls *t, void *data, size_t len);
ssize_t tls_send(struct tls *t, const void *data, size_t len);
/* Bytes that were received and decrypted but not taken yet: no event will tell of them. */
size_t tls_pending(const struct tls *t);
/* The common name in the certificate of the other side; false if there is none. */
bool tls_peer_name(const struct tls *t, char name[TLS_NAME_MAX]);
/* "TLSv1.3" and the cipher's name. */
void tls_describe(const struct tls *t, char *text, size_t len);

#endif
