/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tool's end of a connection: connect, wait, read, write, all with a deadline and no
 * more knowledge than that. This is the only file of the tool that makes network calls; everything
 * above it sees statuses and bytes. Descriptors are non-blocking and closed on exec. SIGPIPE is
 * never raised. A signal ends a wait with STREAM_E_INTERRUPTED only if interrupt_pending() says so;
 * others are waited through.
 */
#ifndef ATTL_CLI_STREAM_H
#define ATTL_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_NO_TIMEOUT = -1, STREAM_ERROR_MAX = 256 };

enum stream_status {
    STREAM_OK = 0,
    STREAM_E_CONNECT = -1,
    STREAM_E_IO = -2,
    STREAM_E_TIMEOUT = -3,
    STREAM_E_INTERRUPTED = -4
};

enum stream_ready { STREAM_READABLE = 1, STREAM_WRITABLE = 2 };

/* `why` gets a short reason ("connection refused") on failure. A timeout below 0 waits for ever. */
int stream_connect_tcp(const char *host, int port, int timeout_ms, char why[STREAM_ERROR_MAX],
                       int *ret_fd);
int stream_connect_unix(const char *path, int timeout_ms, char why[STREAM_ERROR_MAX], int *ret_fd);
void stream_close(int fd);
/* Waits until `fd` is ready for any of `wanted` (enum stream_ready). */
int stream_wait(int fd, int wanted, int timeout_ms, int *ret_ready);
/* As much as is possible now; *ret_n is 0 when nothing is. End of the stream is STREAM_E_IO with
 * *ret_errno 0. */
int stream_read(int fd, void *to, size_t len, size_t *ret_n, int *ret_errno);
int stream_write(int fd, const void *from, size_t len, size_t *ret_n, int *ret_errno);
/* Sleeps; returns early when a signal came. */
void stream_sleep(int length_ms);

#endif
