/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the server: from the settings tls.* to the context of connections to come. Files are read
 * at the start, at SIGHUP and when a setting is changed; if they cannot be used the context that
 * there is stays, with the settings that belong to it. Connections keep the context they began
 * with. REQUIRES config_lock, but at the start.
 */
#ifndef ATTL_SERVER_TLS_FILES_H
#define ATTL_SERVER_TLS_FILES_H

#include "net/tls.h"
#include "server/server.h"

static inline bool
tls_files_concern(enum option_id id)
{
    return id >= OPT_TLS_CERT_FILE && id <= OPT_TLS_SESSION_CACHING &&
           id != OPT_TLS_AUTH_CLIENTS_USER;
}

/* Whether the settings ask for TLS. */
bool tls_files_wanted(const attl_config *config);
/* What the settings say of the TLS port; texts are the configuration's. */
struct tls_settings tls_files_settings(const attl_config *config);
/* The same of the HTTP door, which may ask other things of clients. */
struct tls_settings tls_files_admin_settings(const attl_config *config);
/* Whether anything speaks TLS, so that there is something to read again. */
bool tls_files_used(const struct server *server);
/* What has just been put in place for the HTTP door at the start is remembered. */
void tls_files_opened_admin(struct server *server);
/* Reads the files and puts what is made of them in place: for the TLS port, the HTTP door, or both.
 * False with a sentence in `err`: then everything is as it was. */
bool tls_files_load(struct server *server, char *err, size_t err_len);

#endif
