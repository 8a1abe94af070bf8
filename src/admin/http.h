/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request and one reply as plain data, between the door, which speaks with the HTTP library,
 * and everything behind it, which does not know that library. Texts of a request are NULL if the
 * header is absent and live as long as the request. A reply is filled in by whoever serves it and
 * belongs, with its body, to the request's door.
 */
#ifndef ATTL_ADMIN_HTTP_H
#define ATTL_ADMIN_HTTP_H

#include "admin/target.h"
#include "base/buf.h"

enum {
    HTTP_HEADERS_MAX_BYTES = 8 << 10,
    HTTP_BODY_MAX_BYTES = 1 << 20,
    HTTP_REPLY_MAX_BYTES = 64 << 20,
    HTTP_ADDR_MAX = 64
};

enum http_method { HTTP_GET = 1 << 0, HTTP_HEAD = 1 << 1, HTTP_POST = 1 << 2, HTTP_OTHER = 0 };

struct http_request {
    unsigned method; /* enum http_method */
    enum target_problem target_problem;
    struct target target;
    bool old;                           /* HTTP/1.0 */
    size_t header_bytes;                /* with the line of the request */
    unsigned hosts, lengths, transfers; /* how many of these headers there are */
    const char *host, *origin, *fetch_site, *authorization, *content_type, *content_length;
    const char *accept, *accept_encoding, *if_none_match, *traceparent;
    char addr[HTTP_ADDR_MAX]; /* of the client */
    struct buf body;
};

struct http_reply {
    int status;
    const char *type;  /* of the body, static */
    const char *allow; /* methods, for 405; static */
    const char *etag;
    char etag_text[24];      /* what `etag` points to, if it is made */
    const char *retry_after; /* seconds, or NULL */
    bool gzip;               /* the body is compressed */
    bool cacheable;          /* to be asked for again with its etag; otherwise not stored */
    bool close;              /* the connection ends */
    struct buf body;
    attl_slice fixed; /* if its data is not NULL: the body, static, instead of `body` */
};

/* {"error": {"code": ..., "message": ...}} with `status`; neither text is from the client. */
void http_refuse(struct http_reply *reply, int status, const char *code, const char *message);
/* Empties the body for another one. */
void http_reply_clear(struct http_reply *reply);

#endif
