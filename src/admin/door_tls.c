/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of TLS as GnuTLS wants them. The HTTP library would take a certificate once, when it
 * starts, so each of its sessions is given ours instead before its handshake: certificate, versions
 * and what clients must show come together and are replaced together. What a client shows is judged
 * during the handshake; one that shows nothing is turned away by GnuTLS itself if it must show
 * something. Nothing but the count of references changes in a context.
 */
#include "admin/door_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* 1.2 without key exchanges that are not forward secret. */
#define VERSIONS_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"
#define VERSIONS_1_3 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

enum { CERTIFICATES_MAX = 64, LEVEL_WARNING = 2 };

struct door_tls {
    _Atomic unsigned references;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    enum tls_verify verify;
    struct door_tls_log log;
};

/* ---- files ---- */

static bool
complain(char *err, size_t err_len, const char *what, const char *file, const char *advice)
{
    (void)snprintf(err, err_len, "%s %s: %s", what, file, advice); /* cut is fine */
    return false;
}

static void
forget(gnutls_datum_t *text)
{
    if (text->data)
        explicit_bzero(text->data, text->size);
    gnutls_free(text->data);
    *text = (gnutls_datum_t){ NULL, 0 };
}

/* Whether there are certificates in it: what GnuTLS says of a pair does not tell which is wrong. */
static bool
has_certificates(const gnutls_datum_t *pem)
{
    gnutls_x509_crt_t list[CERTIFICATES_MAX];
    unsigned n = CERTIFICATES_MAX;
    if (gnutls_x509_crt_list_import(list, &n, pem, GNUTLS_X509_FMT_PEM,
                                    GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) <= 0)
        return false;
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    return true;
}

static const char *
advice_for_key(int code)
{
    switch (code) {
    case GNUTLS_E_CERTIFICATE_KEY_MISMATCH:
        return "it does not belong to the certificate; tls.key_file must be the key it was made "
               "with";
    case GNUTLS_E_DECRYPTION_FAILED:
        return "its password is wrong or missing: set tls.key_file_pass";
    case GNUTLS_E_CERTIFICATE_LIST_UNSORTED:
        return "the certificates are not in order: the server's first, then those that lead to its "
               "authority";
    case GNUTLS_E_MEMORY_ERROR: return "out of memory";
    default: break;
    }
    const char *reason = gnutls_strerror(code);
    return reason ? reason : "refused by GnuTLS";
}

static bool
load_pair(struct door_tls *tls, const struct tls_settings *s, char *err, size_t err_len)
{
    const char *key_file = s->key_file[0] ? s->key_file : s->cert_file;
    gnutls_datum_t cert = { NULL, 0 }, key = { NULL, 0 };
    bool good = false;
    if (gnutls_load_file(s->cert_file, &cert) != GNUTLS_E_SUCCESS) {
        (void)complain(err, err_len, "the certificate cannot be read:", s->cert_file,
                       "is tls.cert_file right, and may attld read it?");
    } else if (gnutls_load_file(key_file, &key) != GNUTLS_E_SUCCESS) {
        (void)complain(err, err_len, "the private key cannot be read:", key_file,
                       "is tls.key_file right, and may attld read it?");
    } else if (!has_certificates(&cert)) {
        (void)complain(err, err_len, "the certificate cannot be used:", s->cert_file,
                       "there must be certificates in it, as PEM");
    } else {
        int code = gnutls_certificate_set_x509_key_mem2(tls->credentials, &cert, &key,
                                                        GNUTLS_X509_FMT_PEM,
                                                        s->key_pass[0] ? s->key_pass : NULL, 0);
        good = code >= 0 || complain(err, err_len, "the private key cannot be used:", key_file,
                                     advice_for_key(code));
    }
    forget(&cert);
    forget(&key);
    return good;
}

static bool
load_authorities(struct door_tls *tls, const struct tls_settings *s, char *err, size_t err_len)
{
    if (s->verify == TLS_VERIFY_NO)
        return true;
    if (s->ca_file[0] == '\0') {
        (void)snprintf(err, err_len,
                       "clients of the HTTP door are to be verified, but tls.ca_file is empty: set "
                       "it, or admin.tls_auth_clients = no");
        return false;
    }
    int n =
        gnutls_certificate_set_x509_trust_file(tls->credentials, s->ca_file, GNUTLS_X509_FMT_PEM);
    if (n > 0)
        return true;
    return complain(err, err_len, "the certificates of authorities cannot be used:", s->ca_file,
                    n < 0 ? gnutls_strerror(n) : "there are none in it");
}

/* ---- clients' certificates ---- */

/* 0: the handshake goes on. A client that has shown nothing comes here only if it need not. */
static int
judge_client(gnutls_session_t session)
{
    struct door_tls *tls = gnutls_db_get_ptr(session);
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
                                      .size = 0 };
    gnutls_datum_t why = { NULL, 0 };
    unsigned status = 0, shown = 0;
    (void)gnutls_certificate_get_peers(session, &shown);
    if (shown == 0)
        return tls->verify == TLS_VERIFY_YES ? GNUTLS_E_CERTIFICATE_ERROR : 0;
    int code = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (code >= 0 && status == 0)
        return 0;
    if (tls->log.log) {
        char line[TLS_ERROR_MAX];
        (void)gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0);
        (void)snprintf(line, sizeof line,
                       "a client of the HTTP door was refused for its certificate: %s",
                       code < 0   ? gnutls_strerror(code)
                       : why.data ? (const char *)why.data
                                  : "unknown"); /* cut is fine */
        tls->log.log(tls->log.ud, LEVEL_WARNING, "tls", line);
        gnutls_free(why.data);
    }
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE); /* a courtesy */
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* ---- contexts ---- */

static bool
load(struct door_tls *tls, const struct tls_settings *s, char *err, size_t err_len)
{
    if (gnutls_certificate_allocate_credentials(&tls->credentials) != GNUTLS_E_SUCCESS ||
        gnutls_priority_init(&tls->priority, s->tls13_only ? VERSIONS_1_3 : VERSIONS_1_2, NULL) !=
            GNUTLS_E_SUCCESS) {
        (void)snprintf(err, err_len, "no memory for TLS");
        return false;
    }
    gnutls_certificate_set_verify_function(tls->credentials, judge_client);
    return load_pair(tls, s, err, err_len) && load_authorities(tls, s, err, err_len);
}

struct door_tls *
door_tls_new(const struct tls_settings *s, struct door_tls_log log, char *err, size_t err_len)
{
    if (s->cert_file[0] == '\0') {
        (void)snprintf(err, err_len,
                       "admin.tls is on, but tls.cert_file is empty: set both or "
                       "neither");
        return NULL;
    }
    struct door_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        (void)snprintf(err, err_len, "no memory for TLS");
        return NULL;
    }
    atomic_init(&tls->references, 1);
    tls->verify = s->verify;
    tls->log = log;
    if (load(tls, s, err, err_len))
        return tls;
    door_tls_free(tls);
    return NULL;
}

struct door_tls *
door_tls_keep(struct door_tls *tls)
{
    atomic_fetch_add(&tls->references, 1);
    return tls;
}

void
door_tls_free(struct door_tls *tls)
{
    if (!tls || atomic_fetch_sub(&tls->references, 1) > 1)
        return;
    if (tls->credentials)
        gnutls_certificate_free_credentials(tls->credentials);
    if (tls->priority)
        gnutls_priority_deinit(tls->priority);
    free(tls);
}

bool
door_tls_begin(struct door_tls *tls, gnutls_session_t session)
{
    if (gnutls_priority_set(session, tls->priority) != GNUTLS_E_SUCCESS ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials) !=
            GNUTLS_E_SUCCESS)
        return false;
    gnutls_db_set_ptr(session, tls); /* for judge_client: there is no store of sessions */
    gnutls_certificate_server_set_request(
        session, tls->verify == TLS_VERIFY_YES        ? GNUTLS_CERT_REQUIRE
                 : tls->verify == TLS_VERIFY_OPTIONAL ? GNUTLS_CERT_REQUEST
                                                      : GNUTLS_CERT_IGNORE);
    return true;
}
