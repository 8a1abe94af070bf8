/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every kind of reply shares. Errors are JSON with a word for programs and a sentence for
 * people, and repeat nothing of the request: not its path, not its values. Whoever calls owns the
 * reply; nothing is kept here.
 */
#include "admin/http.h"

#include "admin/json_text.h"

void
http_reply_clear(struct http_reply *reply)
{
    buf_clear(&reply->body, 0);
    reply->fixed = attl_b(NULL, 0);
}

void
http_refuse(struct http_reply *reply, int status, const char *code, const char *message)
{
    http_reply_clear(reply);
    reply->status = status;
    reply->type = "application/json";
    reply->etag = NULL;
    reply->gzip = reply->cacheable = false;
    buf_append_str(&reply->body, "{\"error\":{\"code\":");
    json_text(&reply->body, attl_s(code));
    buf_append_str(&reply->body, ",\"message\":");
    json_text(&reply->body, attl_s(message));
    buf_append_str(&reply->body, "}}\n");
}
