/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow commands and held replies among real threads: one worker, so that whoever blocks it is found
 * out; a snapshot that takes as long as the test wants; and a log that gets ahead by itself. Made
 * for the thread sanitizer as much as for the assertions.
 */
#include "net/net.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { CLIENTS = 8, ROUNDS = 300, PATH_BYTES = 100, REPLY_BYTES = 4096, PATIENCE_S = 20 };

static _Atomic bool snapshot_may_end;
static _Atomic int snapshots_running, snapshots_done;
static _Atomic uint64_t log_safe;
static _Atomic bool log_is_on, log_stops;

static _Atomic int load_status; /* > 0: it loads */

void __wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress);
int __wrap_attl_snapshot(attl *cache, attl_snapshot_info *ret_info);
uint64_t __wrap_attl_log_position(attl *cache);
uint64_t __wrap_attl_log_safe(attl *cache);
int __wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms);

int
__wrap_attl_snapshot(attl *cache, attl_snapshot_info *ret_info)
{
    (void)cache;
    (void)ret_info;
    snapshots_running++;
    while (!snapshot_may_end)
        usleep(500);
    snapshots_running--;
    snapshots_done++;
    return ATTL_OK;
}

void
__wrap_attl_load_progress_get(attl *cache, attl_load_progress *ret_progress)
{
    (void)cache;
    int status = load_status;
    ret_progress->loading = status > 0;
    ret_progress->status = status > 0 ? ATTL_OK : status;
}

static uint64_t
sets(attl *cache)
{
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(cache, &stats);
    return stats.sets;
}

uint64_t
__wrap_attl_log_position(attl *cache)
{
    return log_is_on ? sets(cache) : 0;
}

uint64_t
__wrap_attl_log_safe(attl *cache)
{
    (void)cache;
    return log_safe;
}

int
__wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms)
{
    (void)cache;
    assert_int_equal(timeout_ms, 0);
    return position <= log_safe ? ATTL_OK : ATTL_E_BUSY;
}

struct fixture {
    attl *cache;
    struct net *net;
    struct thread log;
    char folder[PATH_BYTES], path[PATH_BYTES];
};

static void *
log_main(void *arg)
{
    struct fixture *f = arg;
    while (!log_stops) {
        uint64_t all = sets(f->cache);
        usleep(100);
        if (all == log_safe)
            continue;
        log_safe = all;
        net_log_notify(f->net);
    }
    return NULL;
}

static int64_t
wall_us(void *ud)
{
    (void)ud;
    return 1;
}

static bool
no_auth_required(void *ud)
{
    (void)ud;
    return false;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snapshot_may_end = false;
    snapshots_done = 0;
    log_safe = 0;
    log_is_on = false;
    log_stops = false;
    memcpy(f->folder, "/tmp/attl-aside-XXXXXX", sizeof "/tmp/attl-aside-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_true(snprintf(f->path, sizeof f->path, "%.80s/s", f->folder) > 0);
    assert_int_equal(attl_open(&f->cache, NULL), ATTL_OK);
    struct net_settings settings = {
        .workers = 1,
        .cache = f->cache,
        .host = { .ud = f, .auth_required = no_auth_required, .wall_us = wall_us },
        .limits = { .max_clients = 100,
                    .query_bytes = 1 << 20,
                    .output_bytes = 1 << 20,
                    .bulk_bytes = NET_BULK_MAX_BYTES },
        .bind = "",
        .unix_path = f->path,
        .unix_mode = 0700,
        .backlog = 100,
    };
    struct socket_problem problem = { 0, "" };
    f->net = net_open(&settings, &problem);
    if (!f->net)
        fail_msg("%s", problem.text);
    assert_true(net_start(f->net));
    *state = f;
    return 0;
}

static int
setup_loading(void **state)
{
    load_status = 1;
    return setup(state);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    load_status = 0;
    snapshot_may_end = true;
    log_stops = true;
    thread_join(&f->log);
    net_close(&f->net);
    assert_int_equal(snapshots_running, 0);
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
    struct timeval patience = { PATIENCE_S, 0 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
hear(int fd, const char *wanted)
{
    char reply[REPLY_BYTES];
    size_t n = 0;
    while (n < strlen(wanted)) {
        ssize_t got = recv(fd, reply + n, sizeof reply - 1 - n, 0);
        if (got <= 0)
            fail_msg("the connection ended before %s", wanted);
        n += (size_t)got;
    }
    reply[n] = '\0';
    assert_string_equal(reply, wanted);
}

static void
hears_nothing(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void
wait_until(_Atomic int *number, int wanted)
{
    for (int i = 0; *number != wanted; i++) {
        assert_true(i < PATIENCE_S * 1000);
        usleep(1000);
    }
}

static void
a_slow_command_keeps_nobody_else_waiting(void **state)
{
    struct fixture *f = *state;
    int slow = dial(f), quick = dial(f);
    say(slow, "SET a 1\r\nSAVE\r\nGET a\r\nPING\r\n");
    hear(slow, "+OK\r\n"); /* what came before does not wait */
    wait_until(&snapshots_running, 1);
    say(quick, "GET a\r\n");
    hear(quick, "$1\r\n1\r\n");
    hears_nothing(slow);
    snapshot_may_end = true;
    hear(slow, "+OK\r\n$1\r\n1\r\n+PONG\r\n");
    close(slow);
    close(quick);
}

static void
slow_commands_run_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(f);
        say(fds[i], "SAVE\r\nSAVE\r\n");
    }
    wait_until(&snapshots_running, 1);
    usleep(20000);
    assert_int_equal(snapshots_running, 1);
    snapshot_may_end = true;
    for (int i = 0; i < CLIENTS; i++)
        hear(fds[i], "+OK\r\n+OK\r\n");
    assert_int_equal(snapshots_done, 2 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void
a_client_may_leave_before_its_command_is_done(void **state)
{
    struct fixture *f = *state;
    int slow = dial(f), quick = dial(f);
    say(slow, "SAVE\r\n");
    wait_until(&snapshots_running, 1);
    close(slow);
    say(quick, "PING\r\n");
    hear(quick, "+PONG\r\n");
    snapshot_may_end = true;
    wait_until(&snapshots_done, 1);
    say(quick, "PING\r\n");
    hear(quick, "+PONG\r\n");
    close(quick);
}

static void
stopping_waits_for_the_reply(void **state)
{
    struct fixture *f = *state;
    int slow = dial(f);
    say(slow, "SAVE\r\n");
    wait_until(&snapshots_running, 1);
    net_stop(f->net, PATIENCE_S * 1000);
    usleep(20000);
    assert_true(net_is_running(f->net));
    hears_nothing(slow);
    snapshot_may_end = true;
    hear(slow, "+OK\r\n");
    for (int i = 0; net_is_running(f->net); i++) {
        assert_true(i < PATIENCE_S * 1000);
        usleep(1000);
    }
    close(slow);
}

static void
no_reply_comes_before_its_change_is_safe(void **state)
{
    struct fixture *f = *state;
    log_is_on = true;
    assert_true(thread_start(&f->log, "test-log", log_main, f));
    int fd = dial(f);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        say(fd, "SET a 1\r\n");
        hear(fd, "+OK\r\n");
        assert_true(log_safe >= i);
    }
    close(fd);
}

static void
nobody_is_forgotten(void **state)
{
    struct fixture *f = *state;
    log_is_on = true;
    assert_true(thread_start(&f->log, "test-log", log_main, f));
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial(f);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            say(fds[i], "SET a 1\r\nGET a\r\nSET b 2\r\n");
        for (int i = 0; i < CLIENTS; i++)
            hear(fds[i], "+OK\r\n$1\r\n1\r\n+OK\r\n");
    }
    struct net_counters c;
    net_counters_get(f->net, &c);
    assert_true(c.held > 0);
    assert_int_equal(c.held_failed, 0);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void
commands_wait_for_the_cache_to_load(void **state)
{
    static const char loading[] = "-LOADING Redis is loading the dataset in memory\r\n";
    struct fixture *f = *state;
    int fd = dial(f);
    say(fd, "SET a 1\r\n");
    hear(fd, loading);
    say(fd, "CLIENT GETNAME\r\n"); /* some work all the same */
    hear(fd, "$-1\r\n");
    load_status = ATTL_E_DAMAGED; /* it ends soon, and must not look empty until then */
    say(fd, "GET a\r\n");
    hear(fd, loading);
    load_status = 0;
    say(fd, "GET a\r\n");
    hear(fd, "$-1\r\n");
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slow_command_keeps_nobody_else_waiting),
        TEST(slow_commands_run_one_after_the_other),
        TEST(a_client_may_leave_before_its_command_is_done),
        TEST(stopping_waits_for_the_reply),
        TEST(no_reply_comes_before_its_change_is_safe),
        TEST(nobody_is_forgotten),
        cmocka_unit_test_setup_teardown(commands_wait_for_the_cache_to_load, setup_loading,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
