/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the HTTP door share: a server in this process that listens on a unix socket and
 * with its door, memory that fails on order in all threads, and a client that allocates nothing, so
 * that only the server's allocations are counted. Included by each test program once, which defines
 * the wraps.
 */
#ifndef ATTL_TESTS_ADMIN_SUPPORT_H
#define ATTL_TESTS_ADMIN_SUPPORT_H

#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define TOKEN "the-token-for-changes"

enum { REPLY_MAX = 4 << 20, WALK_MOST = 2000, PATIENCE_S = 20, HOUSE_PATH = 100 };

/* ---- memory that fails on order ---- */

static _Atomic long countdown; /* allocations until one fails */
static _Atomic bool armed, for_good;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *ptr, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *ptr, size_t bytes);

static inline bool
fails(void)
{
    if (!atomic_load(&armed))
        return false;
    long left = atomic_fetch_sub(&countdown, 1);
    return left == 1 || (left < 1 && atomic_load(&for_good));
}

/* The n-th allocation from now on fails; with `all`, those behind it as well. */
static inline void
arm(long n, bool all)
{
    atomic_store(&countdown, n);
    atomic_store(&for_good, all);
    atomic_store(&armed, true);
}

/* Memory is there again. Whether any failed. */
static inline bool
disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&countdown) <= 0;
}

/* ---- a server without main() ---- */

struct house {
    struct server server;
    struct admin *admin; /* the server's if it was asked for one */
    uint16_t port;
    char folder[HOUSE_PATH];
};

static inline uint16_t
free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void
house_set(attl_config *config, const char *name, const char *format, ...)
{
    char value[HOUSE_PATH + 32];
    char err[OPTION_ERROR_MAX] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (attl_config_set(config, name, value, err, sizeof err) != ATTL_OK)
        fail_msg("%s", err);
}

/* With a door, or without: then its visitors are free. */
static inline struct house *
house_new(bool door)
{
    struct house *h = calloc(1, sizeof *h);
    assert_non_null(h);
    memcpy(h->folder, "/tmp/attl-admin-XXXXXX", sizeof "/tmp/attl-admin-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    h->port = free_port();
    attl_config *config = config_new_server();
    assert_non_null(config);
    house_set(config, "server.dir", "%s", h->folder);
    house_set(config, "server.port", "0");
    house_set(config, "server.unixsocket", "%.80s/s", h->folder);
    house_set(config, "server.threads", "1");
    house_set(config, "server.admin_port", "%u", door ? h->port : 0);
    house_set(config, "admin.token", TOKEN);
    house_set(config, "admin.max_listeners", "4");
    house_set(config, "log.level", "error");
    assert_int_equal(server_open(&h->server, config), 0);
    h->admin = h->server.admin;
    return h;
}

static int
house_remove(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void
house_free(struct house *h)
{
    server_close(&h->server);
    assert_int_equal(nftw(h->folder, house_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(h);
}

/* ---- a client ---- */

static char answer[REPLY_MAX]; /* what http_read() has read, with a zero behind it */

static inline int
http_send(const struct house *h, const char *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(h->port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval patience = { PATIENCE_S, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL); /* it may hang up */
    return fd;
}

/* Reads until `until` (NULL: the end) has come; how much. Closes. A silent server fails the test.
 */
static inline size_t
http_read(int fd, const char *until)
{
    size_t n = 0;
    answer[0] = '\0';
    while (n < REPLY_MAX - 1 && (!until || !strstr(answer, until))) {
        ssize_t got = recv(fd, answer + n, REPLY_MAX - 1 - n, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            fail_msg("no answer within %d s", PATIENCE_S);
        if (got <= 0)
            break;
        n += (size_t)got;
        answer[n] = '\0';
    }
    close(fd);
    return n;
}

/* The status of what was read; 0 if it was hung up before it could be told. */
static inline int
http_status(void)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0)
        return 0;
    return (int)strtol(answer + 9, NULL, 10);
}

static inline const char *
http_body(void)
{
    const char *body = strstr(answer, "\r\n\r\n");
    return body ? body + 4 : "";
}

#endif
