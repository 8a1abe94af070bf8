/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the bytes of one connection to replies, a group of requests at a time: parse up to
 * NET_GROUP_REQUESTS, fetch the memory of all their keys at once, then execute them in order. The
 * cache misses of a group overlap, which is where the time of a pipeline goes. No sockets here:
 * input and output are buffers, so the whole path from bytes to bytes is tested without a
 * network. A worker owns one pipeline; it holds nothing between two runs.
 */
#ifndef ATTL_NET_PIPELINE_H
#define ATTL_NET_PIPELINE_H

#include "base/buf.h"
#include "command/command.h"
#include "net/net.h"
#include "os/clock.h"
#include "protocol/resp_parse.h"

struct pipeline_request {
    size_t first_arg, argc;
    size_t end; /* offset of the byte behind it */
};

struct pipeline {
    struct resp_args args;
    struct pipeline_request requests[NET_GROUP_REQUESTS];
    attl_slice keys[NET_GROUP_KEYS];
    uint64_t executed; /* requests, ever */
    uint64_t replies;  /* written to outputs, ever */
};

/* What to run, and on whose behalf. */
struct pipeline_job {
    struct command_env *env;
    struct session *session;
    struct resp_parser *parser;
    size_t bulk_bytes; /* longest argument */
    char *data;        /* from the first byte of an unfinished request */
    size_t len;
    struct buf *out;
    size_t stop_bytes;         /* stop between two requests once `out` has as much */
    const struct clock *clock; /* NULL, or to tell when others have waited long enough: */
    int64_t until_ms;          /* ... then a scan is the last request of the turn */
};

enum pipeline_end {
    PIPELINE_HUNGRY,   /* everything complete was executed                                 */
    PIPELINE_STALLED,  /* `stop_bytes` was reached, or `out` failed; the rest waits         */
    PIPELINE_WAITING,  /* the last request runs on another thread; the rest waits           */
    PIPELINE_YIELDING, /* others should have a turn before the rest                         */
    PIPELINE_PUT_OFF,  /* the next request is not to run now (session.put_off_class)        */
    PIPELINE_CLOSING,  /* the session ends after its replies                               */
    PIPELINE_BROKEN,   /* a protocol error; its reply is in `out`, the session ends         */
    PIPELINE_FOREIGN,  /* another protocol; the session ends without a word                 */
    PIPELINE_NO_MEMORY /* the session ends                                                  */
};

void pipeline_init(struct pipeline *p);
void pipeline_fini(struct pipeline *p);
/* *ret_used: bytes of `data` that are done with. The parser's state belongs to what follows them.
 */
enum pipeline_end pipeline_run(struct pipeline *p, const struct pipeline_job *job,
                               size_t *ret_used);

#endif
