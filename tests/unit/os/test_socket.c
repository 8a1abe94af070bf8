/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: listening where it is allowed and saying why where it is not, outcomes instead of
 * errno, addresses as text. Ports are the system's choice (0), files live in a temporary folder.
 * Nothing here leaves the machine.
 */
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { PATH_BYTES = 100, WAIT_ROUNDS = 5000 };

static uint16_t
port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static int
dial_tcp(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static int
accept_soon(int listener)
{
    int fd = SOCKET_AGAIN;
    for (int i = 0; i < WAIT_ROUNDS && fd == SOCKET_AGAIN; i++) {
        fd = socket_accept(listener);
        if (fd == SOCKET_AGAIN)
            usleep(1000);
    }
    assert_true(fd >= 0);
    return fd;
}

static int
listen_somewhere(void)
{
    int fds[SOCKET_LISTENERS_PER_NAME_MAX];
    struct socket_problem problem = { 0, "" };
    size_t n = socket_listen_tcp("127.0.0.1", 0, 16, fds, &problem);
    if (n != 1)
        fail_msg("%s", problem.text);
    return fds[0];
}

static void
bytes_and_outcomes(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    assert_int_equal(socket_accept(listener), SOCKET_AGAIN);
    int client = dial_tcp(port_of(listener));
    int server = accept_soon(listener);
    char data[16];
    assert_int_equal(socket_recv(server, data, sizeof data), SOCKET_AGAIN);
    assert_int_equal(socket_send(server, "hello", 5), 5);
    assert_int_equal(recv(client, data, sizeof data, 0), 5);
    assert_int_equal(send(client, "hi", 2, 0), 2);
    ssize_t n = SOCKET_AGAIN;
    for (int i = 0; i < WAIT_ROUNDS && n == SOCKET_AGAIN; i++)
        n = socket_recv(server, data, sizeof data);
    assert_int_equal(n, 2);
    close(client);
    n = SOCKET_AGAIN;
    for (int i = 0; i < WAIT_ROUNDS && n == SOCKET_AGAIN; i++)
        n = socket_recv(server, data, sizeof data);
    assert_int_equal(n, SOCKET_CLOSED);
    /* The first send provokes the reset, a later one finds it; SIGPIPE must not come. */
    n = 1;
    for (int i = 0; i < WAIT_ROUNDS && n > 0; i++)
        n = socket_send(server, "x", 1);
    assert_int_equal(n, SOCKET_CLOSED);
    socket_close(server);
    socket_close(listener);
    socket_close(-1);
}

static void
a_full_socket_says_so(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    int client = dial_tcp(port_of(listener));
    int server = accept_soon(listener);
    static char block[1 << 20];
    ssize_t n = 1;
    for (int i = 0; i < WAIT_ROUNDS && n > 0; i++)
        n = socket_send(server, block, sizeof block);
    assert_int_equal(n, SOCKET_AGAIN);
    close(client);
    socket_close(server);
    socket_close(listener);
}

static void
a_gentle_close_lets_the_last_line_arrive(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    int client = dial_tcp(port_of(listener));
    int server = accept_soon(listener);
    char data[16];
    assert_int_equal(send(client, "unread input", 12, 0), 12);
    assert_int_equal(socket_send(server, "-ERR\r\n", 6), 6);
    usleep(10000); /* the input is there: a plain close would reset the connection */
    socket_close_gently(server);
    assert_int_equal(recv(client, data, sizeof data, MSG_WAITALL), 6);
    close(client);
    socket_close(listener);
}

static void
shutting_down_wakes_both_ends(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    int client = dial_tcp(port_of(listener));
    int server = accept_soon(listener);
    char byte;
    socket_shutdown(server);
    assert_int_equal(socket_recv(server, &byte, 1), SOCKET_CLOSED);
    assert_int_equal(recv(client, &byte, 1, 0), 0);
    close(client);
    socket_close(server);
    socket_close(listener);
}

static void
addresses_of_both_ends(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    int client = dial_tcp(port_of(listener));
    int server = accept_soon(listener);
    char remote[SOCKET_ADDR_MAX], local[SOCKET_ADDR_MAX], wanted[SOCKET_ADDR_MAX];
    socket_addr_text(server, remote, local);
    (void)snprintf(wanted, sizeof wanted, "127.0.0.1:%u", port_of(listener));
    assert_string_equal(local, wanted);
    (void)snprintf(wanted, sizeof wanted, "127.0.0.1:%u", port_of(client));
    assert_string_equal(remote, wanted);
    socket_addr_text(-1, remote, local);
    assert_string_equal(remote, "?");
    close(client);
    socket_close(server);
    socket_close(listener);
}

static void
a_port_in_use_is_reported_and_nothing_stays_open(void **state)
{
    (void)state;
    int listener = listen_somewhere();
    int fds[SOCKET_LISTENERS_PER_NAME_MAX];
    struct socket_problem problem = { 0, "" };
    assert_int_equal(socket_listen_tcp("127.0.0.1", port_of(listener), 16, fds, &problem), 0);
    assert_int_equal(problem.code, EADDRINUSE);
    assert_non_null(strstr(problem.text, "127.0.0.1"));
    socket_close(listener);
}

struct folder {
    char name[PATH_BYTES], path[PATH_BYTES];
};

static void
folder_init(struct folder *f)
{
    memcpy(f->name, "/tmp/attl-socket-XXXXXX", sizeof "/tmp/attl-socket-XXXXXX");
    assert_non_null(mkdtemp(f->name));
    assert_true(snprintf(f->path, sizeof f->path, "%.80s/s", f->name) > 0);
}

static void
a_unix_socket_has_its_mode_from_the_first_moment(void **state)
{
    (void)state;
    struct folder f;
    struct socket_problem problem = { 0, "" };
    struct stat st;
    int fd = -1;
    mode_t mask = umask(022);
    folder_init(&f);
    assert_true(socket_listen_unix(f.path, 0660, 16, &fd, &problem));
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(umask(mask), 022); /* and the mask is as it was */
    char remote[SOCKET_ADDR_MAX], local[SOCKET_ADDR_MAX];
    socket_addr_text(fd, remote, local);
    assert_memory_equal(local, "unix:/tmp/", 10);
    socket_close(fd);
    socket_remove_path(f.path);
    assert_int_equal(rmdir(f.name), 0);
}

static void
only_a_dead_socket_is_replaced(void **state)
{
    (void)state;
    struct folder f;
    struct socket_problem problem = { 0, "" };
    int first = -1, second = -1;
    folder_init(&f);
    assert_true(socket_listen_unix(f.path, 0700, 16, &first, &problem));
    assert_false(socket_listen_unix(f.path, 0700, 16, &second, &problem));
    assert_int_equal(problem.code, EADDRINUSE);
    socket_close(first); /* its name stays: a dead socket */
    assert_true(socket_listen_unix(f.path, 0700, 16, &second, &problem));
    socket_close(second);
    socket_remove_path(f.path);
    FILE *file = fopen(f.path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_false(socket_listen_unix(f.path, 0700, 16, &second, &problem));
    assert_int_equal(problem.code, EADDRINUSE);
    assert_int_equal(access(f.path, F_OK), 0);
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(rmdir(f.name), 0);
    assert_false(socket_listen_unix(f.path, 0700, 16, &second, &problem));
    assert_int_equal(problem.code, ENOENT);
}

static void
a_path_that_does_not_fit(void **state)
{
    (void)state;
    char path[300];
    struct socket_problem problem = { 0, "" };
    int fd;
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(socket_listen_unix(path, 0700, 16, &fd, &problem));
    assert_int_equal(problem.code, ENAMETOOLONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_outcomes),
        cmocka_unit_test(a_full_socket_says_so),
        cmocka_unit_test(a_gentle_close_lets_the_last_line_arrive),
        cmocka_unit_test(shutting_down_wakes_both_ends),
        cmocka_unit_test(addresses_of_both_ends),
        cmocka_unit_test(a_port_in_use_is_reported_and_nothing_stays_open),
        cmocka_unit_test(a_unix_socket_has_its_mode_from_the_first_moment),
        cmocka_unit_test(only_a_dead_socket_is_replaced),
        cmocka_unit_test(a_path_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
