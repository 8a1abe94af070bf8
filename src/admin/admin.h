/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attld's HTTP door: health checks, metrics, the API, events and the dashboard, on a port of its
 * own. It has a thread that answers, and starts two more when they are needed: one for commands
 * that may take long, one for events while somebody listens. It is opened when the net has been
 * started and closed before the net is. This header is all the server sees.
 */
#ifndef ATTL_ADMIN_ADMIN_H
#define ATTL_ADMIN_ADMIN_H

#include "os/socket.h"

#include <attl/attl.h>
#include <stdbool.h>

enum { ADMIN_VISITORS = 3 /* of the net, see net_settings */ };

struct admin;
struct net;
struct tls_settings;

/* Texts are copied. */
struct admin_settings {
    struct net *net;
    attl *cache;
    attl_log_fn log;
    void *log_ud;
    const char *bind;
    uint16_t port;
    const char *hosts;
    const char *dir; /* for the token that is made if `token` is empty */
    const char *token, *read_token, *metrics_token;
    bool read_needs_token; /* even if there is none for reading */
    const char *ui_dir;
    unsigned max_connections, max_listeners;
    const struct tls_settings *tls; /* NULL: in the clear */
};

/* NULL with *ret_problem filled. */
struct admin *admin_open(const struct admin_settings *settings, struct socket_problem *ret_problem);
/* Other files of TLS, for connections to come; REQUIRES that there was TLS when it was opened.
 * False with a sentence in `err`: nothing has changed. */
bool admin_set_tls(struct admin *admin, const struct tls_settings *tls, char *err, size_t err_len);
/* From now on the server is not ready: for whoever sends requests here, before they are refused. */
void admin_drain(struct admin *admin);
/* Ends what waits and closes the door. NULL is allowed. */
void admin_close(struct admin **admin);

#endif
