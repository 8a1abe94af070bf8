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
    struct json j;
    http_reply_clear(reply);
    reply->status = status;
    reply->type = "application/json";
    reply->etag = NULL;
    reply->gzip = reply->cacheable = false;
    json_init(&j, &reply->body, JSON_DOOR);
    json_open(&j, NULL, '{');
    json_open(&j, "error", '{');
    json_put_str(&j, "code", code);
    json_put_str(&j, "message", message);
    json_close(&j);
    json_close(&j);
    buf_append_str(&reply->body, "\n");
}
