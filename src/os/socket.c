/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BSD sockets. Everything slow (names, addresses as text) happens when a listener opens or a
 * connection arrives; recv and send are one system call each. IPv6 listeners take no IPv4, so
 * that "::" beside "0.0.0.0" works and the protection against public binds sees every address by
 * itself.
 */
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GENTLE_READS_MAX = 16, KEEPALIVE_PROBES = 3, PORT_TEXT_MAX = 8 };

union any_addr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

static void
set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value,
                     sizeof value); /* an optimisation; the socket works without */
}

/* The addresses of `host` for listening, or NULL. */
static struct addrinfo *
resolve(const char *host, uint16_t port, const char **ret_problem)
{
    char service[PORT_TEXT_MAX];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port); /* 5 digits fit */
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    bool all = host[0] == '\0' || strcmp(host, "*") == 0;
    int code = getaddrinfo(all ? NULL : host, service, &hints, &list);
    *ret_problem = code == EAI_SYSTEM ? strerror(errno) : code != 0 ? gai_strerror(code) : NULL;
    return code == 0 ? list : NULL;
}

static int
listen_one(const struct addrinfo *a, int backlog, int *ret_code)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (a->ai_family == AF_INET6)
            set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, backlog) == 0)
            return fd;
    }
    *ret_code = errno;
    socket_close(fd);
    return -1;
}

/* One listener for each address in `list`; *ret_code says why there are fewer, 0 if there are not.
 */
static size_t
listen_each(const struct addrinfo *list, int backlog, int *ret_fds, int *ret_code)
{
    size_t n = 0;
    *ret_code = 0;
    for (const struct addrinfo *a = list; a && n < SOCKET_LISTENERS_PER_NAME_MAX; a = a->ai_next) {
        int fd = listen_one(a, backlog, ret_code);
        if (fd >= 0)
            ret_fds[n++] = fd;
        else if (*ret_code == EAFNOSUPPORT)
            *ret_code = 0; /* a machine without IPv6 is no error */
        else
            break;
    }
    if (n == 0 && *ret_code == 0)
        *ret_code = EAFNOSUPPORT;
    return n;
}

size_t
socket_listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fds,
                  struct socket_problem *ret_problem)
{
    const char *reason;
    struct addrinfo *list = resolve(host, port, &reason);
    if (!list) {
        ret_problem->code = EADDRNOTAVAIL;
        (void)snprintf(ret_problem->text, sizeof ret_problem->text, "cannot resolve %s: %s", host,
                       reason); /* cut is fine */
        return 0;
    }
    int code;
    size_t n = listen_each(list, backlog, ret_fds, &code);
    freeaddrinfo(list);
    if (code == 0)
        return n;
    /* Half of the addresses is not what was asked for. */
    while (n > 0)
        socket_close(ret_fds[--n]);
    ret_problem->code = code;
    (void)snprintf(ret_problem->text, sizeof ret_problem->text, "cannot listen on %s:%u: %s", host,
                   (unsigned)port, strerror(code)); /* cut is fine */
    return 0;
}

/* True if nobody answers at `path` and the socket there was removed, or nothing was there. */
static bool
clear_path(const struct sockaddr_un *addr, int *ret_code)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) != 0) {
        *ret_code = errno;
        return errno == ENOENT;
    }
    *ret_code = EADDRINUSE;
    if (!S_ISSOCK(st.st_mode))
        return false;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    bool dead = connect(probe, (const struct sockaddr *)addr, sizeof *addr) != 0 &&
                errno == ECONNREFUSED;
    socket_close(probe);
    return dead && unlink(addr->sun_path) == 0;
}

/* The mask, not a later chmod, sets the mode: there is no moment in which others could connect. */
static int
bind_unix(const struct sockaddr_un *addr, unsigned mode, int backlog, int *ret_code)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        mode_t before = umask((mode_t)(~mode & 0777));
        bool bound = bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0;
        int code = errno;
        (void)umask(before);
        errno = code;
        if (bound && listen(fd, backlog) == 0)
            return fd;
    }
    *ret_code = errno;
    socket_close(fd);
    return -1;
}

bool
socket_listen_unix(const char *path, unsigned mode, int backlog, int *ret_fd,
                   struct socket_problem *ret_problem)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    int code = ENAMETOOLONG;
    int fd = -1;
    if (len < sizeof addr.sun_path) {
        memcpy(addr.sun_path, path, len);
        if (clear_path(&addr, &code))
            fd = bind_unix(&addr, mode, backlog, &code);
    }
    if (fd < 0) {
        ret_problem->code = code;
        (void)snprintf(ret_problem->text, sizeof ret_problem->text,
                       "cannot listen on unix socket %s: %s", path,
                       strerror(code)); /* cut is fine */
        return false;
    }
    *ret_fd = fd;
    return true;
}

void
socket_remove_path(const char *path)
{
    (void)unlink(path); /* gone already: as good */
}

int
socket_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return SOCKET_NO_FDS;
    /* Everything else says that this one connection died in the queue, or that there is none. */
    return SOCKET_AGAIN;
}

void
socket_tune_tcp(int fd, int keepalive_s)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, keepalive_s > 0);
    if (keepalive_s <= 0)
        return;
    int interval_s = keepalive_s / KEEPALIVE_PROBES;
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s > 0 ? interval_s : 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static void
format_addr(const union any_addr *a, char out[SOCKET_ADDR_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    int n = 0;
    if (a->any.sa_family == AF_INET && inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof host))
        n = snprintf(out, SOCKET_ADDR_MAX, "%s:%u", host, (unsigned)ntohs(a->in.sin_port));
    else if (a->any.sa_family == AF_INET6 &&
             inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof host))
        n = snprintf(out, SOCKET_ADDR_MAX, "[%s]:%u", host, (unsigned)ntohs(a->in6.sin6_port));
    else if (a->any.sa_family == AF_UNIX)
        n = snprintf(out, SOCKET_ADDR_MAX, "unix:%.*s", SOCKET_ADDR_MAX - 6, a->un.sun_path);
    if (n <= 0)
        memcpy(out, "?", 2);
}

void
socket_addr_text(int fd, char remote[SOCKET_ADDR_MAX], char local[SOCKET_ADDR_MAX])
{
    union any_addr a;
    memset(&a, 0, sizeof a);
    socklen_t len = sizeof a - 1;        /* a path may come without its NUL */
    (void)getsockname(fd, &a.any, &len); /* on failure the family stays 0 and shows as "?" */
    format_addr(&a, local);
    /* The client's end of a unix socket has no name; say which door it came through instead. */
    if (a.any.sa_family != AF_UNIX) {
        memset(&a, 0, sizeof a);
        len = sizeof a - 1;
        (void)getpeername(fd, &a.any, &len); /* the peer may have gone already: "?" */
    }
    format_addr(&a, remote);
}

ssize_t
socket_recv(int fd, void *data, size_t len)
{
    ssize_t n = recv(fd, data, len, 0);
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return SOCKET_AGAIN;
    return SOCKET_CLOSED;
}

ssize_t
socket_send(int fd, const void *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? SOCKET_AGAIN : SOCKET_CLOSED;
}

void
socket_shutdown(int fd)
{
    (void)shutdown(fd, SHUT_RDWR); /* not connected any more: what we wanted */
}

void
socket_close_gently(int fd)
{
    char waste[4096];
    (void)shutdown(fd, SHUT_WR); /* not connected any more: then closing does no harm either */
    for (int i = 0; i < GENTLE_READS_MAX; i++)
        if (recv(fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
            break;
    socket_close(fd);
}

void
socket_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* a stream socket has nothing to report at close */
}

int
socket_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}
