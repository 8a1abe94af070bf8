/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of the Redis protocol: from bytes to argument slices, without copying them. The parser
 * sees the bytes of a connection from the start of the first unfinished request; it remembers how
 * far it looked, so a request that arrives in a thousand pieces is scanned once. It believes no
 * announced length: memory grows with arguments received, and every length is checked before it
 * is used. After RESP_ERROR or RESP_FOREIGN the connection must be closed, because the next
 * request's start is unknown.
 */
#ifndef ATTL_PROTOCOL_RESP_PARSE_H
#define ATTL_PROTOCOL_RESP_PARSE_H

#include "protocol/resp_args.h"

#include <attl/attl.h>
#include <stdbool.h>

enum {
    RESP_ARGS_MAX = 1024 * 1024,
    RESP_BULK_MAX_BYTES = 512 * 1024 * 1024,
    RESP_INLINE_MAX_BYTES = 64 * 1024,
    /* Before AUTH a stranger gets room for AUTH, HELLO and nothing else (CVE-2021-32675). */
    RESP_STRANGER_ARGS_MAX = 10,
    RESP_STRANGER_BULK_MAX_BYTES = 16 * 1024,
    RESP_PROBLEM_MAX_BYTES = 64,
    RESP_SPANS_INLINE = 8
};

enum resp_result {
    RESP_REQUEST,  /* one request (perhaps empty: argc 0) was appended to the arguments       */
    RESP_MORE,     /* the request is incomplete                                               */
    RESP_ERROR,    /* not the protocol; `problem` says why: answer "-ERR problem" and close   */
    RESP_FOREIGN,  /* another protocol on this port (HTTP, SMTP ...): close without a word    */
    RESP_NO_MEMORY /* the argument list could not grow                                        */
};

struct resp_limits {
    size_t max_bulk_bytes; /* <= RESP_BULK_MAX_BYTES */
    bool authenticated;    /* false: the limits for strangers hold as well */
};

/* An argument by its place in the request, which stays true when the buffer moves. */
struct resp_span {
    uint32_t offset, len;
};

struct resp_parser {
    size_t scanned;     /* bytes of this request that need not be looked at again */
    int64_t args_left;  /* bulks still to come; -1: the first line was not read   */
    int64_t bulk_bytes; /* length of the bulk being received; -1: its header was not read */
    size_t spans_len, spans_cap;
    struct resp_span *spans; /* NULL while `inline_spans` suffice */
    struct resp_span inline_spans[RESP_SPANS_INLINE];
    char problem[RESP_PROBLEM_MAX_BYTES];
};

void resp_parser_init(struct resp_parser *p);
void resp_parser_fini(struct resp_parser *p);
/* Heap bytes held for an unfinished request. */
size_t resp_parser_bytes(const struct resp_parser *p);
/* Bytes known to be missing from the bulk being received, 0 if unknown; `have` bytes are there. */
size_t resp_parser_missing(const struct resp_parser *p, size_t have);
/*
 * Parses the request that starts at `data`. On RESP_REQUEST its arguments are appended to `args`,
 * as slices into `data` that live as long as it does, and *ret_used is the request's length in
 * bytes. On RESP_MORE call again with the same start and more bytes. An inline request is
 * unquoted in place.
 */
enum resp_result resp_parse(struct resp_parser *p, char *data, size_t len,
                            const struct resp_limits *limits, struct resp_args *args,
                            size_t *ret_used);

#endif
