/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers, connections and the registry in one process, with real sockets: a unix socket in a
 * temporary folder, so that no port is needed. The client's side is a blocking socket. What a whole
 * server does is tested end to end; here are the parts a host can see: opening, counting, stopping.
 */
#include "net/net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { WORKERS = 3, CLIENTS = 24, PATH_BYTES = 100, REPLY_BYTES = 65536, PATIENCE_MS = 10000 };

struct fixture {
    attl *cache;
    struct net *net;
    struct net_settings settings;
    char folder[PATH_BYTES], path[PATH_BYTES];
    _Atomic int complaints;
};

static bool
no_auth_required(void *ud)
{
    (void)ud;
    return false;
}

static bool
no_auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    (void)ud;
    (void)ret_user;
    (void)user;
    (void)password;
    return false;
}

static int64_t
wall_us(void *ud)
{
    (void)ud;
    return 1800000000000000;
}

static void
count_complaint(void *ud, int level, const char *event, const char *text)
{
    struct fixture *f = ud;
    assert_int_equal(level, 2);
    assert_true(strlen(event) > 0 && strlen(text) > 0);
    f->complaints++;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memcpy(f->folder, "/tmp/attl-net-XXXXXX", sizeof "/tmp/attl-net-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_true(snprintf(f->path, sizeof f->path, "%.80s/s", f->folder) > 0);
    assert_int_equal(attl_open(&f->cache, NULL), ATTL_OK);
    f->settings = (struct net_settings){
        .workers = WORKERS,
        .cache = f->cache,
        .host = { .ud = f, .auth_required = no_auth_required, .auth = no_auth, .wall_us = wall_us },
        .log = count_complaint,
        .log_ud = f,
        .limits = { .max_clients = 1000,
                    .query_bytes = 1 << 20,
                    .output_bytes = 1 << 20,
                    .bulk_bytes = NET_BULK_MAX_BYTES },
        .bind = "",
        .unix_path = f->path,
        .unix_mode = 0700,
        .backlog = 100,
    };
    struct socket_problem problem = { 0, "" };
    f->net = net_open(&f->settings, &problem);
    if (!f->net)
        fail_msg("%s", problem.text);
    assert_true(net_start(f->net));
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    net_close(&f->net);
    assert_null(f->net);
    assert_int_equal(access(f->path, F_OK), -1);
    attl_close(&f->cache);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static int
dial(const struct fixture *f)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    memcpy(a.sun_path, f->path, strlen(f->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    struct timeval patience = { PATIENCE_MS / 1000, 0 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Sends `text` and reads until `end` is at the end of what came; the length, 0 if closed before. */
static size_t
ask(int fd, const char *text, const char *end, char reply[REPLY_BYTES])
{
    size_t n = 0;
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    do {
        ssize_t got = recv(fd, reply + n, REPLY_BYTES - 1 - n, 0);
        if (got <= 0)
            return 0;
        n += (size_t)got;
    } while (n < strlen(end) || memcmp(reply + n - strlen(end), end, strlen(end)) != 0);
    reply[n] = '\0';
    return n;
}

static void
expect(int fd, const char *text, const char *wanted)
{
    char reply[REPLY_BYTES];
    size_t n = ask(fd, text, wanted, reply);
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(reply, wanted, n);
}

/* Counters are written after the reply is sent, so a client may be ahead of them. */
static struct net_counters
wait_for_counters(struct fixture *f, uint64_t clients, uint64_t requests)
{
    struct net_counters c = { 0 };
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        net_counters_get(f->net, &c);
        if (c.clients == clients && c.requests == requests)
            return c;
        usleep(1000);
    }
    fail_msg("%d clients and %d requests instead of %d and %d", (int)c.clients, (int)c.requests,
             (int)clients, (int)requests);
    return c;
}

static void
every_client_is_served_and_counted(void **state)
{
    struct fixture *f = *state;
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(f);
        expect(fds[i], "PING\r\nSET a 1\r\n", "+PONG\r\n+OK\r\n");
    }
    struct net_counters c = wait_for_counters(f, CLIENTS, 2 * CLIENTS);
    assert_int_equal(c.connections, CLIENTS);
    assert_int_equal(c.in_bytes, CLIENTS * strlen("PING\r\nSET a 1\r\n"));
    assert_int_equal(c.out_bytes, CLIENTS * strlen("+PONG\r\n+OK\r\n"));
    assert_int_equal(c.buffered_bytes, 0);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    wait_for_counters(f, 0, 2 * CLIENTS);
}

static void
the_list_of_clients_is_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    int fds[CLIENTS];
    char text[64], reply[REPLY_BYTES];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(f);
        assert_true(snprintf(text, sizeof text, "CLIENT SETNAME c%02d\r\n", i) > 0);
        expect(fds[i], text, "+OK\r\n");
    }
    assert_true(ask(fds[CLIENTS / 2], "CLIENT LIST\r\n", "\n\r\n", reply) > 0);
    const char *at = reply;
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(snprintf(text, sizeof text, "name=c%02d ", i) > 0);
        at = strstr(at, text);
        assert_non_null(at);
    }
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void
a_killed_client_is_gone_and_its_requests_do_not_run(void **state)
{
    struct fixture *f = *state;
    char reply[REPLY_BYTES], text[64];
    int killer = dial(f), victim = dial(f);
    assert_true(ask(victim, "CLIENT ID\r\n", "\r\n", reply) > 0);
    long id = strtol(reply + 1, NULL, 10);
    assert_true(snprintf(text, sizeof text, "CLIENT KILL ID %ld\r\n", id) > 0);
    expect(killer, text, ":1\r\n");
    assert_int_equal(recv(victim, reply, 1, 0), 0);
    expect(killer, text, ":0\r\n");
    struct net_counters c = wait_for_counters(f, 1, 3);
    assert_int_equal(c.killed, 1);
    close(killer);
    close(victim);
}

static void
limits_hold_from_when_they_are_set(void **state)
{
    struct fixture *f = *state;
    int first = dial(f);
    expect(first, "PING\r\n", "+PONG\r\n");
    struct net_limits limits = f->settings.limits;
    /* The unix socket has NET_RESERVED_CLIENTS places above the maximum. */
    limits.max_clients = 1;
    net_set_limits(f->net, &limits);
    int fds[NET_RESERVED_CLIENTS];
    for (int i = 0; i < NET_RESERVED_CLIENTS; i++) {
        fds[i] = dial(f);
        expect(fds[i], "PING\r\n", "+PONG\r\n");
    }
    int refused = dial(f);
    char reply[REPLY_BYTES];
    ssize_t n = recv(refused, reply, sizeof reply, 0);
    assert_int_equal(n, 36);
    assert_memory_equal(reply, "-ERR max number of clients reached\r\n", 36);
    close(refused);
    for (int i = 0; i < NET_RESERVED_CLIENTS; i++)
        close(fds[i]);
    close(first);
    struct net_counters c;
    net_counters_get(f->net, &c);
    assert_int_equal(c.rejected, 1);
    assert_int_equal(f->complaints, 1);
}

static void
stopping_answers_what_has_arrived(void **state)
{
    struct fixture *f = *state;
    int fds[CLIENTS];
    char reply[64];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(f);
        expect(fds[i], "PING\r\n", "+PONG\r\n");
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(send(fds[i], "PING\r\n", 6, MSG_NOSIGNAL), 6);
    net_stop(f->net, PATIENCE_MS);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(recv(fds[i], reply, sizeof reply, MSG_WAITALL), 7);
        assert_memory_equal(reply, "+PONG\r\n", 7);
        close(fds[i]);
    }
    for (int waited_ms = 0; net_is_running(f->net) && waited_ms < PATIENCE_MS; waited_ms++)
        usleep(1000);
    assert_false(net_is_running(f->net));
}

static void
opening_says_why_it_fails(void **state)
{
    struct fixture *f = *state;
    struct socket_problem problem = { 0, "" };
    /* The path is in use by the net of this test, and must survive the attempt. */
    assert_null(net_open(&f->settings, &problem));
    assert_int_equal(problem.code, EADDRINUSE);
    assert_non_null(strstr(problem.text, f->path));
    assert_int_equal(access(f->path, F_OK), 0);
    struct net_settings s = f->settings;
    s.unix_path = "";
    assert_null(net_open(&s, &problem));
    assert_int_equal(problem.code, EDESTADDRREQ);
    s.unix_path = "/nonexistent/folder/socket";
    assert_null(net_open(&s, &problem));
    assert_int_equal(problem.code, ENOENT);
    s.unix_path = "";
    s.port = 1;
    s.bind = "no.such.host.invalid";
    assert_null(net_open(&s, &problem));
    assert_non_null(strstr(problem.text, "no.such.host.invalid"));
    s.workers = 0;
    assert_null(net_open(&s, &problem));
    assert_int_equal(problem.code, ENOMEM);
}

static void
a_net_that_was_never_started_closes(void **state)
{
    struct fixture *f = *state;
    struct net_settings s = f->settings;
    struct socket_problem problem = { 0, "" };
    char path[PATH_BYTES + 4];
    assert_true(snprintf(path, sizeof path, "%s.2", f->path) > 0);
    s.unix_path = path;
    struct net *net = net_open(&s, &problem);
    assert_non_null(net);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    net_close(&net);
    assert_int_equal(access(path, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_client_is_served_and_counted),
        TEST(the_list_of_clients_is_whole_and_in_order),
        TEST(a_killed_client_is_gone_and_its_requests_do_not_run),
        TEST(limits_hold_from_when_they_are_set),
        TEST(stopping_answers_what_has_arrived),
        TEST(opening_says_why_it_fails),
        TEST(a_net_that_was_never_started_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
