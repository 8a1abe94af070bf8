/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The API is the commands: this runs one and renders what it replied. An envelope names the command
 * as one would type it into `attl`, so that whoever looks at a page learns the line behind it. Each
 * thread that calls has a visitor of its own.
 */
#ifndef ATTL_ADMIN_API_H
#define ATTL_ADMIN_API_H

#include "admin/http.h"
#include "admin/json_reply.h"

struct net_visitor;

enum { API_WORDS_MAX = 1024, API_RESP_MAX_BYTES = 32 << 20 };

struct api_call {
    const attl_slice *words;
    size_t len;
    enum json_shape shape;
    const char *addr, *traceparent; /* of the client; traceparent may be NULL */
};

/* {"command": ..., "result": ...} or {"command": ..., "error": ...}, and the status for it. */
void api_run(struct net_visitor *visitor, const struct api_call *call, struct http_reply *reply);
/* The result alone as an element, null if it is an error: for events. */
void api_put_result(struct json *out, const char *name, struct net_visitor *visitor,
                    const struct api_call *call);
/* The words of a request's body, {"argv": [...]}; NULL with the reply filled in. */
struct api_argv *api_argv_parse(attl_slice body, struct http_reply *reply);
void api_argv_free(struct api_argv *argv);

struct api_argv {
    size_t len;
    attl_slice words[API_WORDS_MAX];
    char *bytes; /* what they point to */
};

/* The status for an error's text. */
int api_status(attl_slice error);
/* The trace id in a traceparent of the W3C's, 32 digits into `id`; false if it is none. */
bool api_trace_id(const char *traceparent, char id[33]);

#endif
