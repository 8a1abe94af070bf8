/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the server: from the settings tls.* to the context of connections to come. Files are read
 * at the start, at SIGHUP and when a setting is changed; if they cannot be used the context that
 * there is stays, with the settings that belong to it. Connections keep the context they began
 * with. REQUIRES config_lock, but at the start.
 */
#ifndef ATTL_SERVER_TLS_FILES_H
#define ATTL_SERVER_TLS_FILES_H

#include "server/server.h"

static inline bool
tls_files_concern(enum option_id id)
{
    return id >= OPT_TLS_CERT_FILE && id <= OPT_TLS_SESSION_CACHING &&
           id != OPT_TLS_AUTH_CLIENTS_USER;
}

/* Whether the settings ask for TLS. */
bool tls_files_wanted(const attl_config *config);
/* Reads the files and puts the context in place. False with a sentence in `err`. */
bool tls_files_load(struct server *server, char *err, size_t err_len);

#endif
