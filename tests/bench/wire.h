/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two text protocols as a load generator needs them: requests from templates, replies
 * recognised, measured and compared with the key they answer. The server's own codec is not used,
 * so that a mistake in it cannot hide here. Values are the key repeated, which makes every reply
 * checkable. Everything works on the caller's buffers; nothing is allocated or shared.
 */
#ifndef ATTL_TESTS_BENCH_WIRE_H
#define ATTL_TESTS_BENCH_WIRE_H

#include "bench.h"

enum { WIRE_VALUE_MAX = 4096, WIRE_REQUEST_MAX = WIRE_VALUE_MAX + 256 };

enum wire_protocol { WIRE_RESP, WIRE_MEMCACHE };
enum wire_op { WIRE_GET, WIRE_SET };

/* What a SET carries besides the value. */
struct wire_set {
    size_t value_bytes;
    uint64_t ttl_ms;     /* 0: none */
    int64_t deadline_ms; /* > 0: PXAT, spread over spread_ms by the item's number; RESP only */
    uint64_t spread_ms;
};

enum wire_kind { WIRE_PARTIAL, WIRE_HIT, WIRE_MISS, WIRE_STORED, WIRE_ERROR, WIRE_WRONG };

/* Writes one request for item `index`; returns its length. `out` has WIRE_REQUEST_MAX bytes. */
size_t wire_request(enum wire_protocol p, enum wire_op op, const struct wire_set *set,
                    uint64_t index, char *out);
/* Recognises the reply at the front of `in`; *ret_used is its length unless it is partial. */
enum wire_kind wire_reply(enum wire_protocol p, const char *in, size_t len, uint64_t index,
                          size_t *ret_used);

/* A connected TCP socket to `host`, or to the unix socket `host` if it starts with '/'. */
int wire_connect(const char *host, uint64_t port);
/* CPU all threads of `pid` have used, in ns, from /proc/PID/task/N/schedstat; 0 if pid is 0. */
uint64_t wire_server_cpu_ns(uint64_t pid);

#endif
