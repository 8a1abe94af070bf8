/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing what the HTTP door parses itself: targets of requests, headers that the guard looks at,
 * and replies on their way to JSON. The first byte chooses which and how. A target that is taken
 * has its values inside its own memory; a request that is refused is told so, and one that may
 * change something has shown the token; a reply that is taken makes text that is UTF-8 and at most
 * a small multiple of its length.
 */
#include "admin/guard.h"
#include "admin/json_reply.h"
#include "admin/json_text.h"
#include "admin/target.h"
#include "base/assert.h"
#include "base/utf8.h"

#include <stdlib.h>

#define TOKEN "the-token-for-changes"

enum { OUT_MAX = 1 << 24, GROWTH = 16, SLACK = 256 };

static void
look_at_target(attl_slice text)
{
    struct target *t = malloc(sizeof *t);
    if (!t)
        return;
    if (target_parse(t, text) == TARGET_FINE) {
        ASSERT(t->path[0] == '/' && memchr(t->path, '\0', sizeof t->path));
        ASSERT(t->params_len <= TARGET_PARAMS_MAX);
        for (size_t i = 0; i < t->params_len; i++) {
            const char *value = t->params[i].value.data;
            ASSERT(value >= t->bytes &&
                   value + t->params[i].value.len <= t->bytes + sizeof t->bytes);
            ASSERT(t->params[i].name.len > 0);
        }
    }
    free(t);
}

/* Up to the end of a line, as a text; NULL if nothing is left. */
static const char *
take_text(char **rest)
{
    char *text = *rest;
    if (!text)
        return NULL;
    char *end = strchr(text, '\n');
    if (end)
        *end++ = '\0';
    *rest = end;
    return text;
}

static void
look_at_headers(attl_slice lines)
{
    const struct guard guard = {
        .hosts = "one two", .token = TOKEN, .read_token = "", .metrics_token = "", .tls = true
    };
    struct http_reply reply = { 0 };
    struct http_request *rq = calloc(1, sizeof *rq);
    char *copy = malloc(lines.len + 1), *rest = copy;
    if (rq && copy) {
        memcpy(copy, lines.data, lines.len);
        copy[lines.len] = '\0';
        rq->method = HTTP_POST;
        rq->host = take_text(&rest);
        rq->hosts = rq->host != NULL;
        rq->content_length = take_text(&rest);
        rq->lengths = rq->content_length != NULL;
        rq->content_type = take_text(&rest);
        rq->origin = take_text(&rest);
        rq->fetch_site = take_text(&rest);
        rq->authorization = take_text(&rest);
        buf_init(&reply.body, OUT_MAX);
        bool good = guard_shape(&guard, rq, &reply) &&
                    guard_access(&guard, rq, GUARD_WRITE, &reply);
        ASSERT(good == (reply.status == 0) && good == (reply.body.len == 0));
        ASSERT(good || (reply.status >= 400 && reply.status < 500 && reply.close));
        ASSERT(!good || strstr(rq->authorization, TOKEN));
        ASSERT(!good || !rq->origin || strcasestr(rq->origin, rq->host));
        buf_fini(&reply.body);
    }
    free(copy);
    free(rq);
}

static void
look_at_reply(attl_slice resp, enum json_shape shape)
{
    struct buf out;
    struct json j;
    attl_slice error;
    buf_init(&out, OUT_MAX);
    json_init(&j, &out, JSON_DOOR);
    if (json_put_reply(&j, resp, shape)) {
        ASSERT(utf8_valid(buf_slice(&out)));
        ASSERT(out.len <= GROWTH * resp.len + SLACK);
    }
    (void)json_reply_error(resp, &error);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    attl_slice rest = attl_b(data + 1, size - 1);
    if (data[0] == '/')
        look_at_target(rest);
    else if (data[0] == 'G')
        look_at_headers(rest);
    else
        look_at_reply(rest, (enum json_shape)(data[0] % (JSON_ROWS + 1)));
    return 0;
}
