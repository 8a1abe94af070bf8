/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings as the TLS layer wants them. A server without a certificate has no TLS port: a
 * certificate is what TLS cannot be without, so that setting alone decides, and the port has a
 * default. Loading logs what it has done, never a password.
 */
#include "server/tls_files.h"

#include "net/tls.h"

#include <stdio.h>

bool
tls_files_wanted(const attl_config *config)
{
    return config_str(config, OPT_TLS_CERT_FILE)[0] != '\0' &&
           config_i64(config, OPT_SERVER_TLS_PORT) != 0;
}

static enum tls_verify
verify_of(int64_t choice)
{
    return choice == CHOICE_VERIFY_YES        ? TLS_VERIFY_YES
           : choice == CHOICE_VERIFY_OPTIONAL ? TLS_VERIFY_OPTIONAL
                                              : TLS_VERIFY_NO;
}

struct tls_settings
tls_files_settings(const attl_config *c)
{
    return (struct tls_settings){
        .cert_file = config_str(c, OPT_TLS_CERT_FILE),
        .key_file = config_str(c, OPT_TLS_KEY_FILE),
        .key_pass = config_str(c, OPT_TLS_KEY_FILE_PASS),
        .ca_file = config_str(c, OPT_TLS_CA_FILE),
        .verify = verify_of(config_i64(c, OPT_TLS_AUTH_CLIENTS)),
        .tls13_only = config_i64(c, OPT_TLS_MIN_VERSION) == CHOICE_TLS_1_3,
        .ciphers = config_str(c, OPT_TLS_CIPHERS),
        .ciphersuites = config_str(c, OPT_TLS_CIPHERSUITES),
        .resume = config_bool(c, OPT_TLS_SESSION_CACHING),
    };
}

struct tls_settings
tls_files_admin_settings(const attl_config *c)
{
    struct tls_settings settings = tls_files_settings(c);
    int64_t choice = config_i64(c, OPT_ADMIN_TLS_AUTH_CLIENTS);
    if (choice != CHOICE_ADMIN_VERIFY_SAME)
        settings.verify = verify_of(choice);
    return settings;
}

bool
tls_files_used(const struct server *server)
{
    return server->tls_serves || server->admin_tls;
}

static void
remember(struct server *server, const struct tls_settings *settings, const char *where)
{
    (void)snprintf(server->tls_key_pass, sizeof server->tls_key_pass, "%s", settings->key_pass);
    log_writef(&server->log, LOG_INFO, "tls", "certificate %s is in use%s", settings->cert_file,
               where);
}

void
tls_files_opened_admin(struct server *server)
{
    struct tls_settings settings = tls_files_admin_settings(server->config);
    server->admin_tls = true;
    remember(server, &settings, " for HTTP");
    if (settings.ciphers[0] != '\0' || settings.ciphersuites[0] != '\0')
        log_write(&server->log, LOG_WARNING, "tls",
                  "tls.ciphers and tls.ciphersuites do not hold for HTTP: see docs/admin.md");
}

bool
tls_files_load(struct server *server, char *err, size_t err_len)
{
    struct tls_settings settings = tls_files_settings(server->config);
    struct tls_settings admin_settings = tls_files_admin_settings(server->config);
    char text[TLS_ERROR_MAX] = "";
    struct ssl_ctx_st *ctx = NULL;
    if (server->tls_serves)
        ctx = tls_context_new(&settings, text, sizeof text);
    bool good = ctx || !server->tls_serves;
    if (good && server->admin_tls)
        good = admin_set_tls(server->admin, &admin_settings, text, sizeof text);
    if (!good) {
        tls_context_free(ctx);
        (void)snprintf(err, err_len, "%s", text); /* cut is fine */
        return false;
    }
    if (ctx)
        net_set_tls(server->net, ctx);
    remember(server, &settings, "");
    return true;
}
