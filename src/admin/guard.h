/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may ask what. The door stands on a port that every page in the operator's browser can reach,
 * so a request must name us as its host (a rebound name of somebody else's does not), must not come
 * from a page of somebody else's, and needs a token to change anything. Checks are functions of the
 * request and of settings that do not change while the door is open; they fill in the refusal.
 */
#ifndef ATTL_ADMIN_GUARD_H
#define ATTL_ADMIN_GUARD_H

#include "admin/http.h"

enum { GUARD_TOKEN_MIN = 16, GUARD_TOKEN_MAX = 512 };

/* What a request must show. */
enum guard_access {
    GUARD_OPEN,    /* nothing: probes, and the page itself */
    GUARD_METRICS, /* the metrics token, if there is one; otherwise as for reading */
    GUARD_READ,    /* the token for reading, if there is one, or the other one */
    GUARD_WRITE    /* the token, and that no other page sent it */
};

struct guard {
    const char *hosts;                      /* names besides the loopback's, separated by blanks */
    const char *token;                      /* never empty */
    const char *read_token, *metrics_token; /* "": none */
    bool read_needs_token; /* reading needs one even if there is none for it alone */
    bool tls;              /* our pages are https only */
};

/* Whether the request is one that can be looked at. */
bool guard_shape(const struct guard *guard, const struct http_request *rq,
                 struct http_reply *reply);
/* Whether it may have what `access` asks for. */
bool guard_access(const struct guard *guard, const struct http_request *rq,
                  enum guard_access access, struct http_reply *reply);

/* Compares over a fixed length, so that the time taken says nothing. */
bool guard_same_secret(const char *given, const char *secret);
/* Whether `host`, with or without a port, is one of ours or an address. */
bool guard_host_is_ours(const struct guard *guard, const char *host);

#endif
