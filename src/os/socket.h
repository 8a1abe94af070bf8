/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream sockets: TCP and unix, always non-blocking and closed on exec. Receiving and sending
 * return a count or one of three outcomes, so that callers need no errno. Addresses become text
 * once, when a connection arrives. A unix socket never exists with more permissions than it was
 * asked to have.
 */
#ifndef ATTL_OS_SOCKET_H
#define ATTL_OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SOCKET_ADDR_MAX = 64, SOCKET_LISTENERS_PER_NAME_MAX = 8, SOCKET_PROBLEM_MAX = 512 };

/* Negative results of socket_recv, socket_send and socket_accept. */
enum socket_outcome {
    SOCKET_AGAIN = -1,  /* nothing to do now                              */
    SOCKET_CLOSED = -2, /* the peer has ended, or the connection broke    */
    SOCKET_NO_FDS = -3  /* accept only: the process or system has no room */
};

/* Why there is no listener. */
struct socket_problem {
    int code; /* an errno */
    char text[SOCKET_PROBLEM_MAX];
};

/*
 * Listens on every address of `host` (a name or a number; "*" or "" for all). `ret_fds` has room
 * for SOCKET_LISTENERS_PER_NAME_MAX. Returns how many; 0 with *ret_problem filled.
 */
size_t socket_listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fds,
                         struct socket_problem *ret_problem);
/* Listens at `path` with permissions `mode`; a dead socket there is replaced, anything else is not.
 */
bool socket_listen_unix(const char *path, unsigned mode, int backlog, int *ret_fd,
                        struct socket_problem *ret_problem);
/* Removes a unix socket's name once nobody listens there. */
void socket_remove_path(const char *path);
/* A new connection's descriptor, or an outcome. */
int socket_accept(int listener);
/*
 * Sends small writes without delay and probes a silent peer after `keepalive_s` (0: never).
 * Accepted sockets inherit this from their listener, which saves five system calls per
 * connection.
 */
void socket_tune_tcp(int fd, int keepalive_s);
/* Addresses of both ends, "127.0.0.1:6411", "[::1]:6411"; a unix socket gives "unix:PATH". */
void socket_addr_text(int fd, char remote[SOCKET_ADDR_MAX], char local[SOCKET_ADDR_MAX]);

/* Bytes moved (> 0), or an outcome. */
ssize_t socket_recv(int fd, void *data, size_t len);
ssize_t socket_send(int fd, const void *data, size_t len);

/* Ends both directions; whoever waits on `fd` sees it. The descriptor stays open. */
void socket_shutdown(int fd);
/*
 * Closes after an error reply: ends our side and drops a bounded amount of what is still
 * arriving, as closing with unread input makes TCP discard the reply on its way.
 */
void socket_close_gently(int fd);
void socket_close(int fd);
/* A descriptor in reserve, so that a connection can be refused when there are no more; or -1. */
int socket_spare(void);

#endif
