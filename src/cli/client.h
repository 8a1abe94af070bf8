/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A RESP client: one connection, requests appended to a buffer, replies read in the same order. It
 * knows nothing of commands beyond the greeting (HELLO 3 with AUTH, or RESP2 where the server knows
 * no HELLO). While requests are being written, replies that arrive are read too, so that two full
 * sockets can never wait for each other. One owner, one thread. A reply borrows the client's buffer
 * until the next call on that client. After a failure (status < 0) the connection is closed and
 * `error` says why, in a sentence a user can act on.
 */
#ifndef ATTL_CLI_CLIENT_H
#define ATTL_CLI_CLIENT_H

#include "base/buf.h"
#include "cli/reply_parse.h"
#include "net/tls.h"

#include <attl/attl.h>
#include <stdbool.h>

enum {
    CLIENT_ERROR_MAX = 512,
    CLIENT_LABEL_MAX = 128,
    CLIENT_ARGS_MAX = 1024 * 1024,             /* words of one request, Redis' own limit */
    CLIENT_OUT_BYTES_MAX = 1100 * 1024 * 1024, /* one request with two of the largest values */
    CLIENT_IN_BYTES_MAX = 1100 * 1024 * 1024   /* one reply */
};

enum client_status {
    CLIENT_OK = 0,
    CLIENT_E_CONNECT = -1,
    CLIENT_E_IO = -2, /* the connection broke */
    CLIENT_E_TIMEOUT = -3,
    CLIENT_E_PROTOCOL = -4, /* what came is not RESP */
    CLIENT_E_REFUSED = -5,  /* the server does not want us: password, too many clients */
    CLIENT_E_INTERRUPTED = -6,
    CLIENT_E_LIMIT = -7 /* a request or reply too large for memory or the limits above */
};

/* Where and how to connect. The strings are borrowed for the life of the client. */
struct client_options {
    const char *host;
    int port;
    const char *socket_path; /* if set, instead of host and port */
    const char *user;        /* NULL: "default" */
    const char *password;    /* NULL: no AUTH */
    int timeout_ms;          /* of connecting, and of any time without a byte; < 0: none */
    bool resp2;              /* do not ask for RESP3 */
    bool tls, insecure;      /* insecure: whoever the server is */
    const char *ca_file, *cert_file, *key_file; /* NULL: none; authorities: the system's */
    const char *sni;                            /* NULL: `host` */
};

struct client {
    struct client_options options;
    int fd;         /* -1: not connected */
    struct tls tls; /* ssl NULL: in the clear */
    int proto;
    struct buf out, in;
    size_t out_pos, in_pos; /* already sent, already parsed */
    struct reply_parser parser;
    void (*on_push)(void *ud, const struct reply *push); /* may be NULL: pushes are dropped */
    void *push_ud;
    char label[CLIENT_LABEL_MAX]; /* "127.0.0.1:6411" or the socket's path */
    char error[CLIENT_ERROR_MAX];
};

void client_init(struct client *c, const struct client_options *options);
void client_fini(struct client *c);
/* Connects and greets. On a connected client: drops that connection first. */
int client_connect(struct client *c);
void client_disconnect(struct client *c);
bool client_connected(const struct client *c);
/* Queues a request (1 to CLIENT_ARGS_MAX words); client_flush() or client_read() sends it. */
int client_append(struct client *c, const attl_slice *argv, size_t argc);
/* Bytes queued and not yet handed to the kernel. */
size_t client_unsent_bytes(const struct client *c);
int client_flush(struct client *c);
/* The next reply, waiting for it; sends what is queued first. */
int client_read(struct client *c, const struct reply **ret_reply);
/* The next reply if all of it is here already: CLIENT_OK with *ret_reply NULL if not. Never waits.
 */
int client_poll(struct client *c, const struct reply **ret_reply);
/* client_append, client_read. */
int client_call(struct client *c, const attl_slice *argv, size_t argc,
                const struct reply **ret_reply);

#endif
