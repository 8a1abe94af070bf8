/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL as a socket. Writes are partial and may be repeated from another address, because replies
 * move between buffers; buffers of idle connections are given back. Renegotiation and compression
 * are off: both have been ways to attack and neither is missed. Errors of OpenSSL are in a list of
 * the thread, which is emptied before each call, or an old one would be taken for a new one.
 */
#include "net/tls.h"

#include "base/assert.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { SESSIONS_KEPT = 20480, SESSION_LIFE_S = 300 };

/* ---- contexts -------------------------------------------------------------------------------- */

static bool
complain(char *err, size_t err_len, const char *what, const char *which)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(err, err_len, "%s %s: %s", what, which,
                   reason ? reason : "refused by OpenSSL"); /* cut is fine */
    ERR_clear_error();
    return false;
}

/* Without this OpenSSL would ask at the terminal. */
static int
give_password(char *to, int size, int writing, void *ud)
{
    const char *password = ud;
    size_t len = strlen(password);
    if (writing || size < 0 || len > (size_t)size)
        return 0;
    memcpy(to, password, len);
    return (int)len;
}

static bool
load_certificate(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t err_len)
{
    const char *key = s->key_file[0] ? s->key_file : s->cert_file;
    if (s->cert_file[0] == '\0')
        return s->client || complain(err, err_len, "no certificate:", "tls.cert_file is empty");
    /* It is used while the key is read and never again. */
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)(uintptr_t)s->key_pass);
    bool ok = true;
    if (SSL_CTX_use_certificate_chain_file(ctx, s->cert_file) != 1)
        ok = complain(err, err_len, "the certificate cannot be used:", s->cert_file);
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        ok = complain(err, err_len, "the private key cannot be used:", key);
    else if (SSL_CTX_check_private_key(ctx) != 1)
        ok = complain(err, err_len, "the private key does not belong to the certificate:", key);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)(uintptr_t) "");
    return ok;
}

static bool
load_authorities(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t err_len)
{
    if (s->verify == TLS_VERIFY_NO)
        return true;
    if (s->ca_file[0] == '\0' && s->client)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 ||
               complain(err, err_len, "the system's certificates cannot be read:", "OpenSSL");
    if (s->ca_file[0] == '\0') {
        (void)snprintf(err, err_len, "clients are to be verified, but tls.ca_file is empty");
        return false;
    }
    if (SSL_CTX_load_verify_locations(ctx, s->ca_file, NULL) != 1)
        return complain(err, err_len,
                        "the certificates of authorities cannot be used:", s->ca_file);
    if (s->client)
        return true;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(s->ca_file);
    if (!names)
        return complain(err, err_len, "no certificates of authorities in", s->ca_file);
    SSL_CTX_set_client_CA_list(ctx, names); /* takes them over */
    return true;
}

static bool
choose_ciphers(SSL_CTX *ctx, const struct tls_settings *s, char *err, size_t err_len)
{
    if (s->ciphers[0] && SSL_CTX_set_cipher_list(ctx, s->ciphers) != 1)
        return complain(err, err_len, "tls.ciphers cannot be used:", s->ciphers);
    if (s->ciphersuites[0] && SSL_CTX_set_ciphersuites(ctx, s->ciphersuites) != 1)
        return complain(err, err_len, "tls.ciphersuites cannot be used:", s->ciphersuites);
    return true;
}

static void
choose_rules(SSL_CTX *ctx, const struct tls_settings *s)
{
    static const unsigned char id[] = "attl";
    int verify = SSL_VERIFY_NONE;
    if (s->verify != TLS_VERIFY_NO)
        verify = SSL_VERIFY_PEER;
    if (s->verify == TLS_VERIFY_YES && !s->client)
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, verify, NULL);
    SSL_CTX_set_min_proto_version(ctx, s->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    if (s->client)
        return;
    (void)SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1); /* short enough */
    SSL_CTX_set_session_cache_mode(ctx, s->resume ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
    SSL_CTX_sess_set_cache_size(ctx, SESSIONS_KEPT);
    SSL_CTX_set_timeout(ctx, SESSION_LIFE_S);
    if (!s->resume) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(ctx, 0);
    }
}

struct ssl_ctx_st *
tls_context_new(const struct tls_settings *s, char *err, size_t err_len)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(s->client ? TLS_client_method() : TLS_server_method());
    if (!ctx) {
        (void)complain(err, err_len, "no memory for", "TLS");
        return NULL;
    }
    choose_rules(ctx, s);
    if (load_certificate(ctx, s, err, err_len) && load_authorities(ctx, s, err, err_len) &&
        choose_ciphers(ctx, s, err, err_len))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

struct ssl_ctx_st *
tls_context_keep(struct ssl_ctx_st *ctx)
{
    return SSL_CTX_up_ref(ctx) == 1 ? ctx : NULL;
}

void
tls_context_free(struct ssl_ctx_st *ctx)
{
    SSL_CTX_free(ctx);
}

/* ---- connections ----------------------------------------------------------------------------- */

bool
tls_open(struct tls *t, struct ssl_ctx_st *ctx, int fd)
{
    *t = (struct tls){ .ssl = SSL_new(ctx), .handshaking = true };
    if (t->ssl && SSL_set_fd(t->ssl, fd) == 1) {
        if (SSL_is_server(t->ssl))
            SSL_set_accept_state(t->ssl);
        else
            SSL_set_connect_state(t->ssl);
        return true;
    }
    tls_close(t);
    return false;
}

void
tls_close(struct tls *t)
{
    ERR_clear_error();
    if (t->ssl && !t->handshaking)
        (void)SSL_shutdown(t->ssl); /* a courtesy: there may be no room, or nobody */
    SSL_free(t->ssl);
    ERR_clear_error();
    t->ssl = NULL;
}

bool
tls_expect(struct tls *t, const char *host, bool check)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    bool is_address = X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    if (!check && is_address) {
        /* Nothing is asked of the certificate: the parameter must not stay. */
        return X509_VERIFY_PARAM_set1_ip(param, NULL, 0) == 1;
    }
    if (is_address)
        return true;
    ERR_clear_error();
    if (SSL_set_tlsext_host_name(t->ssl, host) != 1)
        return false;
    return !check || SSL_set1_host(t->ssl, host) == 1;
}

/* What a call that did not succeed means. */
static int
outcome(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ: t->wants_write = false; return SOCKET_AGAIN;
    case SSL_ERROR_WANT_WRITE: t->wants_write = true; return SOCKET_AGAIN;
    default: return SOCKET_CLOSED;
    }
}

int
tls_handshake(struct tls *t, char *err, size_t err_len)
{
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (result == 1) {
        t->handshaking = t->wants_write = false;
        return 1;
    }
    int code = outcome(t, result);
    if (code == SOCKET_CLOSED && err) {
        long verdict = SSL_get_verify_result(t->ssl);
        unsigned long problem = ERR_peek_error();
        const char *reason = problem ? ERR_reason_error_string(problem) : "it hung up";
        (void)snprintf(err, err_len, "%s%s%s", reason ? reason : "unknown",
                       verdict != X509_V_OK ? ": " : "",
                       verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "");
    }
    ERR_clear_error();
    return code;
}

ssize_t
tls_recv(struct tls *t, void *data, size_t len)
{
    size_t got = 0;
    int code = SOCKET_AGAIN;
    t->wants_write = false;
    while (got < len) {
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_read_ex(t->ssl, (char *)data + got, len - got, &n);
        if (result != 1) {
            code = outcome(t, result);
            break;
        }
        got += n;
    }
    return got > 0 ? (ssize_t)got : code;
}

ssize_t
tls_send(struct tls *t, const void *data, size_t len)
{
    size_t sent = 0;
    int code = SOCKET_AGAIN;
    while (sent < len) {
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_write_ex(t->ssl, (const char *)data + sent, len - sent, &n);
        if (result != 1) {
            code = outcome(t, result);
            break;
        }
        sent += n;
    }
    return sent > 0 ? (ssize_t)sent : code;
}

size_t
tls_pending(const struct tls *t)
{
    return t->ssl ? (size_t)SSL_pending(t->ssl) : 0;
}

bool
tls_peer_name(const struct tls *t, char name[TLS_NAME_MAX])
{
    X509 *certificate = SSL_get0_peer_certificate(t->ssl);
    if (!certificate || SSL_get_verify_result(t->ssl) != X509_V_OK)
        return false;
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                        TLS_NAME_MAX);
    return len > 0 && (size_t)len == strlen(name) && len < TLS_NAME_MAX - 1;
}

void
tls_describe(const struct tls *t, char *text, size_t len)
{
    (void)snprintf(text, len, "%s %s", SSL_get_version(t->ssl), SSL_get_cipher(t->ssl));
}
