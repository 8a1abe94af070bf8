/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the HTTP door, by GnuTLS, which is what the HTTP library speaks it with. A context is what
 * the settings tls.* say, read from their files: it is made completely or not at all and does not
 * change afterwards, and connections that began with it keep it, so that another one can take its
 * place at any moment. Contexts belong to whoever holds a reference; any thread may.
 */
#ifndef ATTL_ADMIN_DOOR_TLS_H
#define ATTL_ADMIN_DOOR_TLS_H

#include "net/tls.h"

struct door_tls;
struct gnutls_session_int; /* a session of GnuTLS, by the name of its struct */
struct gnutls_pcert_st;
struct gnutls_privkey_st;

/* Where it says which clients it has refused, and why. */
struct door_tls_log {
    attl_log_fn log;
    void *ud;
};

/* NULL with a sentence in `err`. The ciphers in `s` are OpenSSL's and are not looked at, nor is
 * `resume`: sessions are not resumed. */
struct door_tls *door_tls_new(const struct tls_settings *s, struct door_tls_log log, char *err,
                              size_t err_len);
struct door_tls *door_tls_keep(struct door_tls *tls);
/* NULL is allowed. */
void door_tls_free(struct door_tls *tls);
/* Makes a session that has not begun its handshake one of this context; false: it must not begin.
 * The context must live as long as the session. */
bool door_tls_begin(struct door_tls *tls, struct gnutls_session_int *session);

#endif
