/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing what the HTTP door parses itself: targets of requests, and replies on their way to JSON.
 * The first byte chooses which and how. A target that is taken has its values inside its own
 * memory; a reply that is taken makes text that is UTF-8 and at most a small multiple of its
 * length.
 */
#include "admin/json_reply.h"
#include "admin/json_text.h"
#include "admin/target.h"
#include "base/assert.h"
#include "base/utf8.h"

#include <stdlib.h>

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
    else
        look_at_reply(rest, (enum json_shape)(data[0] % (JSON_ROWS + 1)));
    return 0;
}
