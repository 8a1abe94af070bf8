/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the tool share: replies made from literals, output captured as a string,
 * temporary files, and a server that is a script. The server is a thread on a unix socket: it sends
 * its script to each connection, in pieces if asked, and remembers what it received. Each test owns
 * what it opens.
 */
#ifndef ATTL_TESTS_CLI_SUPPORT_H
#define ATTL_TESTS_CLI_SUPPORT_H

#include "cli/client.h"
#include "cli/reply_parse.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { SUPPORT_PATH_MAX = 108, SUPPORT_RECEIVED_MAX = 1 << 20 };

/* A captured stream: write to `file`, then capture_end() gives the text, which capture_free()
 * frees. */
struct capture {
    FILE *file;
    char *text;
    size_t len;
};

void capture_begin(struct capture *c);
const char *capture_end(struct capture *c);
void capture_free(struct capture *c);

/* What the code under test says on standard error, from stderr_begin() on; free it. */
void stderr_begin(void);
char *stderr_end(void);

/* The tree of exactly one whole reply; the parser must be initialised and owns it. */
const struct reply *parse_whole(struct reply_parser *p, const char *bytes, size_t len);
/* The same for a literal without NUL bytes. */
const struct reply *parse_text(struct reply_parser *p, const char *bytes);

/* A temporary file with this content; remove it after use. */
void temp_file(char ret_path[SUPPORT_PATH_MAX], const void *content, size_t len);

struct script_server {
    const char *script;
    size_t script_len;
    size_t piece_bytes; /* 0: all at once */
    bool hang_up;       /* close after the script instead of waiting for the client to */
    char path[SUPPORT_PATH_MAX];
    int listener;
    pthread_t thread;
    char *received; /* of all connections, valid after script_server_stop() */
    size_t received_len;
    int connections;
};

/* Serves `connections` connections one after another. */
void script_server_start(struct script_server *s, const char *script, size_t script_len,
                         size_t piece_bytes, bool hang_up);
void script_server_stop(struct script_server *s);
/* Forgets what was received; after script_server_stop(). */
void script_server_free(struct script_server *s);
/* Options for a client of it: RESP2, so that the script need not answer HELLO. */
struct client_options script_server_options(const struct script_server *s);

#endif
