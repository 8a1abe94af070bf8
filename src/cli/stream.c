/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets with deadlines. Connecting walks every address the name has and shares the time among
 * them, since "localhost" is often two addresses of which one answers. All descriptors are
 * non-blocking, so a deadline is one poll() and never an alarm.
 */
#include "cli/stream.h"

#include "cli/interrupt.h"
#include "os/clock.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, PORT_TEXT_MAX = 8 };

static int64_t
now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

void
stream_sleep(int length_ms)
{
    if (length_ms <= 0)
        return;
    (void)interrupt_poll(NULL, 0, length_ms); /* waking early is what the caller wants */
}

void
stream_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* everything that matters was flushed or given up before */
}

static void
why_errno(char why[STREAM_ERROR_MAX], int error)
{
    char text[STREAM_ERROR_MAX];
    const char *name = strerror_r(error, text, sizeof text);
    (void)snprintf(why, STREAM_ERROR_MAX, "%s", name); /* a cut text is still a text */
    why[0] = (char)tolower((unsigned char)why[0]);
}

static int
remaining_ms(int64_t deadline_ms)
{
    if (deadline_ms < 0)
        return -1;
    int64_t left = deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

int
stream_wait(int fd, int wanted, int timeout_ms, int *ret_ready)
{
    int64_t deadline_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    struct pollfd p = { .fd = fd };
    p.events =
        (short)((wanted & STREAM_READABLE ? POLLIN : 0) | (wanted & STREAM_WRITABLE ? POLLOUT : 0));
    for (;;) {
        if (interrupt_pending())
            return STREAM_E_INTERRUPTED;
        int n = interrupt_poll(&p, 1, remaining_ms(deadline_ms));
        if (n == 0)
            return STREAM_E_TIMEOUT;
        if (n > 0)
            break;
        if (errno != EINTR)
            return STREAM_E_IO;
    }
    /* An error or a hang-up counts as ready: the read or write that follows says what it is. */
    bool broken = (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    int ready = (p.revents & POLLIN ? STREAM_READABLE : 0) |
                (p.revents & POLLOUT ? STREAM_WRITABLE : 0);
    *ret_ready = broken ? ready | wanted : ready;
    return STREAM_OK;
}

/* Connects an open socket; closes it on failure. */
static int
connect_socket(int fd, const struct sockaddr *to, socklen_t to_len, int64_t deadline_ms,
               char why[STREAM_ERROR_MAX])
{
    int status = STREAM_E_CONNECT;
    int error = 0;
    socklen_t error_len = sizeof error;
    int ready;
    if (connect(fd, to, to_len) == 0)
        return STREAM_OK;
    if (errno != EINPROGRESS && errno != EINTR) {
        why_errno(why, errno);
        goto out;
    }
    status = stream_wait(fd, STREAM_WRITABLE, remaining_ms(deadline_ms), &ready);
    if (status) {
        (void)snprintf(why, STREAM_ERROR_MAX, "%s",
                       status == STREAM_E_TIMEOUT ? "timed out" : "interrupted");
        goto out;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0)
        error = errno;
    if (error == 0)
        return STREAM_OK;
    why_errno(why, error);
    status = STREAM_E_CONNECT;
out:
    stream_close(fd);
    return status;
}

int
stream_connect_unix(const char *path, int timeout_ms, char why[STREAM_ERROR_MAX], int *ret_fd)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof to.sun_path) {
        (void)snprintf(why, STREAM_ERROR_MAX, "the path is longer than %zu bytes",
                       sizeof to.sun_path - 1);
        return STREAM_E_CONNECT;
    }
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        why_errno(why, errno);
        return STREAM_E_CONNECT;
    }
    int64_t deadline_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    int status = connect_socket(fd, (const struct sockaddr *)&to, sizeof to, deadline_ms, why);
    if (status == STREAM_OK)
        *ret_fd = fd;
    return status;
}

static int
connect_address(const struct addrinfo *a, int64_t deadline_ms, char why[STREAM_ERROR_MAX],
                int *ret_fd)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
        why_errno(why, errno);
        return STREAM_E_CONNECT;
    }
    int status = connect_socket(fd, a->ai_addr, a->ai_addrlen, deadline_ms, why);
    if (status)
        return status;
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* without it only slower */
    *ret_fd = fd;
    return STREAM_OK;
}

int
stream_connect_tcp(const char *host, int port, int timeout_ms, char why[STREAM_ERROR_MAX],
                   int *ret_fd)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    char port_text[PORT_TEXT_MAX];
    (void)snprintf(port_text, sizeof port_text, "%d", port); /* 1 to 65535 always fits */
    int failure = getaddrinfo(host, port_text, &hints, &list);
    if (failure) {
        (void)snprintf(why, STREAM_ERROR_MAX, "%s", gai_strerror(failure));
        why[0] = (char)tolower((unsigned char)why[0]);
        return STREAM_E_CONNECT;
    }
    int addresses = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        addresses++;
    int64_t end_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    int status = STREAM_E_CONNECT;
    for (const struct addrinfo *a = list; a; a = a->ai_next, addresses--) {
        int left = remaining_ms(end_ms);
        int64_t deadline_ms = left < 0 ? -1 : now_ms() + left / addresses;
        status = connect_address(a, deadline_ms, why, ret_fd);
        if (status == STREAM_OK || status == STREAM_E_INTERRUPTED)
            break;
    }
    freeaddrinfo(list);
    return status;
}

/* After a failed read or write: is it only "not now"? */
static int
transfer_failed(int error, int *ret_errno)
{
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR)
        return STREAM_OK;
    *ret_errno = error;
    return STREAM_E_IO;
}

int
stream_read(int fd, void *to, size_t len, size_t *ret_n, int *ret_errno)
{
    *ret_n = 0;
    ssize_t n = recv(fd, to, len, 0);
    if (n < 0)
        return transfer_failed(errno, ret_errno);
    if (n == 0) {
        *ret_errno = 0;
        return STREAM_E_IO;
    }
    *ret_n = (size_t)n;
    return STREAM_OK;
}

int
stream_write(int fd, const void *from, size_t len, size_t *ret_n, int *ret_errno)
{
    *ret_n = 0;
    ssize_t n = send(fd, from, len, MSG_NOSIGNAL);
    if (n < 0)
        return transfer_failed(errno, ret_errno);
    *ret_n = (size_t)n;
    return STREAM_OK;
}
