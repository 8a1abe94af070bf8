/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing the request parser. The first byte chooses limits and the size of the pieces, the rest
 * is what a client sends. It is parsed at once and in pieces; both must see the same requests,
 * and the arguments must lie inside the bytes received. Memory may not exceed a small multiple of
 * the input.
 */
#include "base/assert.h"
#include "protocol/resp_parse.h"

#include <stdlib.h>

enum { FNV_PRIME = 16777619, SPAN_COST = 8, SPANS_SLACK = 1024 };

struct outcome {
    uint64_t requests, digest;
    enum resp_result end;
};

static void
digest_request(struct outcome *o, const struct resp_args *args, const char *data, size_t used)
{
    o->requests++;
    for (size_t i = 0; i < args->len; i++) {
        const char *arg = args->items[i].data;
        ASSERT(args->items[i].len == 0 || (arg >= data && arg + args->items[i].len <= data + used));
        for (size_t j = 0; j < args->items[i].len; j++)
            o->digest = (o->digest ^ (unsigned char)arg[j]) * FNV_PRIME;
        o->digest = (o->digest ^ args->items[i].len) * FNV_PRIME;
    }
}

static struct outcome
parse_in_steps(const uint8_t *input, size_t len, size_t step, const struct resp_limits *limits)
{
    struct outcome o = { 0, 0, RESP_MORE };
    struct resp_parser p;
    struct resp_args args;
    resp_parser_init(&p);
    resp_args_init(&args);
    char *data = malloc(len ? len : 1);
    size_t data_len = 0, have = 0;
    while (data && o.end == RESP_MORE && have < len) {
        size_t more = len - have < step ? len - have : step;
        memcpy(data + data_len, input + have, more);
        have += more;
        data_len += more;
        size_t at = 0, used;
        while ((o.end = resp_parse(&p, data + at, data_len - at, limits, &args, &used)) ==
               RESP_REQUEST) {
            ASSERT(used > 0 && used <= data_len - at);
            digest_request(&o, &args, data + at, used);
            resp_args_clear(&args);
            at += used;
        }
        ASSERT(resp_parser_bytes(&p) <= SPAN_COST * (data_len + SPANS_SLACK));
        memmove(data, data + at, data_len - at);
        data_len -= at;
    }
    free(data);
    resp_parser_fini(&p);
    resp_args_fini(&args);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct resp_limits limits = { data[0] & 1 ? 64 : RESP_BULK_MAX_BYTES, !(data[0] & 2) };
    size_t step = 1 + (data[0] >> 2);
    struct outcome whole = parse_in_steps(data + 1, size - 1, SIZE_MAX, &limits);
    struct outcome pieces = parse_in_steps(data + 1, size - 1, step, &limits);
    ASSERT(whole.requests == pieces.requests);
    ASSERT(whole.digest == pieces.digest);
    ASSERT(whole.end == pieces.end);
    return 0;
}
