/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns of a connection, one at a time and without threads: the worker is prepared but never
 * started, its clock is a variable, the client is the other end of a socket pair whose buffers
 * are small. So the moments that matter - a full socket, a paused reader, a timeout a minute away
 * - come when called.
 */
#include "net/output.h"
#include "net/worker.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum {
    START_MS = 1000000,
    SOCKET_BYTES = 4096, /* asked for; the system takes about twice as much */
    LIMIT_BYTES = 1 << 20,
    TURNS_MAX = 100000,
    RECEIVED_MAX = 64 << 20
};

struct rig {
    struct net net;
    struct worker worker;
    struct conn *conn;
    int client;
    int complaints;
    struct buf received;
};

static bool
auth_required(void *ud)
{
    return LIMIT_LOAD(&((struct rig *)((struct net_caller *)ud)->ud)->net, auth_required);
}

static bool
auth(void *ud, attl_slice user, attl_slice password, struct access_user **ret_user)
{
    (void)ud;
    (void)ret_user;
    (void)user;
    return password.len == 2;
}

static void
complaint(void *ud, int level, const char *event, const char *text)
{
    (void)level;
    (void)event;
    assert_non_null(text);
    ((struct rig *)ud)->complaints++;
}

static void
set_limits(struct rig *r, int64_t timeout_ms, uint64_t memory_bytes, bool password)
{
    net_set_limits(&r->net, &(struct net_limits){ .max_clients = 10,
                                                  .timeout_ms = timeout_ms,
                                                  .query_bytes = LIMIT_BYTES,
                                                  .output_bytes = LIMIT_BYTES,
                                                  .memory_bytes = memory_bytes,
                                                  .bulk_bytes = NET_BULK_MAX_BYTES,
                                                  .auth_required = password });
}

static struct conn *
add_conn(struct rig *r, int *ret_client)
{
    int pair[2], size = SOCKET_BYTES;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    *ret_client = pair[1];
    atomic_fetch_add(&r->net.clients, 1);
    atomic_fetch_add(&r->worker.clients, 1);
    lock_acquire(&r->worker.lock);
    struct conn *c = conn_new(&r->worker, pair[0], atomic_fetch_add(&r->net.last_id, 1) + 1);
    lock_release(&r->worker.lock);
    assert_non_null(c);
    return c;
}

static int
setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(attl_open(&r->net.cache, NULL), ATTL_OK);
    r->net.host = (struct command_host){ .ud = r, .auth = auth, .auth_required = auth_required };
    r->net.log = complaint;
    r->net.log_ud = r;
    r->net.workers = &r->worker;
    set_limits(r, 0, 0, false);
    worker_preset(&r->worker, &r->net);
    assert_true(worker_init(&r->worker));
    r->net.workers_len = 1;
    r->worker.now_ms = START_MS;
    r->conn = add_conn(r, &r->client);
    buf_init(&r->received, RECEIVED_MAX);
    *state = r;
    return 0;
}

static void
free_dead(struct rig *r)
{
    while (r->worker.dead) {
        struct conn *c = r->worker.dead;
        r->worker.dead = c->next;
        conn_free(c);
    }
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    lock_acquire(&r->worker.lock);
    while (r->worker.first)
        conn_close(&r->worker, r->worker.first);
    lock_release(&r->worker.lock);
    free_dead(r);
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 0);
    assert_int_equal(atomic_load(&r->net.condemned_bytes), 0);
    assert_int_equal(atomic_load(&r->net.clients), 0);
    worker_fini(&r->worker);
    attl_close(&r->net.cache);
    buf_fini(&r->received);
    close(r->client);
    free(r);
    return 0;
}

static void
turn_of(struct rig *r, struct conn *c, unsigned flags)
{
    lock_acquire(&r->worker.lock);
    conn_turn(&r->worker, c, flags);
    lock_release(&r->worker.lock);
}

static bool
check_timeouts(struct rig *r)
{
    lock_acquire(&r->worker.lock);
    bool again = conn_check_timeouts(&r->worker, r->conn);
    lock_release(&r->worker.lock);
    return again;
}

static void
say(int client, const char *text)
{
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Takes what has arrived at the client; how much. */
static size_t
listen_to(struct rig *r)
{
    char data[1 << 16];
    ssize_t n = recv(r->client, data, sizeof data, 0);
    if (n > 0)
        buf_append(&r->received, data, (size_t)n);
    return n > 0 ? (size_t)n : 0;
}

static void
expect(struct rig *r, const char *wanted)
{
    (void)listen_to(r);
    assert_int_equal(r->received.len, strlen(wanted));
    if (wanted[0])
        assert_memory_equal(r->received.data, wanted, r->received.len);
    buf_clear(&r->received, 0);
}

/* Small pieces fill a socket buffer quickly, so a client that goes on talking must read. */
static void
discard(int client)
{
    char data[4096];
    while (recv(client, data, sizeof data, MSG_DONTWAIT) > 0)
        continue;
}

static void
store(struct rig *r, const char *key, size_t bytes)
{
    char *value = malloc(bytes);
    assert_non_null(value);
    for (size_t i = 0; i < bytes; i++)
        value[i] = (char)('a' + i % 26);
    assert_int_equal(attl_set(r->net.cache, attl_s(key), attl_b(value, bytes), ATTL_TTL_NONE), 0);
    free(value);
}

static void
a_turn_answers_and_keeps_nothing(void **state)
{
    struct rig *r = *state;
    say(r->client, "PING\r\nSET a 1\r\nGET a\r\n");
    turn_of(r, r->conn, EVENT_READ);
    expect(r, "+PONG\r\n+OK\r\n$1\r\n1\r\n");
    assert_null(r->conn->in.data);
    assert_null(r->conn->out.data);
    assert_int_equal(r->conn->interest, EVENT_READ);
    turn_of(r, r->conn, EVENT_READ); /* a false alarm */
    assert_false(r->conn->dead);
}

static void
an_unfinished_request_is_kept_and_counted(void **state)
{
    struct rig *r = *state;
    say(r->client, "PING\r\n*2\r\n$3\r\nGET\r\n$1");
    turn_of(r, r->conn, EVENT_READ);
    expect(r, "+PONG\r\n");
    assert_int_equal(r->conn->in.len, 15);
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 15);
    say(r->client, "\r\na\r\n");
    turn_of(r, r->conn, EVENT_READ);
    expect(r, "$-1\r\n");
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 0);
}

static void
a_reply_that_does_not_fit_waits_for_the_client(void **state)
{
    struct rig *r = *state;
    store(r, "big", 300000);
    say(r->client, "GET big\r\nPING\r\n");
    turn_of(r, r->conn, EVENT_READ);
    assert_true(conn_pending(r->conn) > 200000);
    assert_int_equal(r->conn->interest, EVENT_READ | EVENT_WRITE);
    assert_true(atomic_load(&r->net.buffered_bytes) > 200000);
    assert_true(r->worker.sweep_wanted);
    for (int i = 0; conn_pending(r->conn) > 0; i++) {
        assert_true(i < TURNS_MAX);
        (void)listen_to(r);
        turn_of(r, r->conn, EVENT_WRITE);
    }
    while (listen_to(r) > 0)
        continue;
    assert_int_equal(r->received.len, 9 + 300000 + 2 + 7);
    assert_memory_equal(r->received.data + r->received.len - 7, "+PONG\r\n", 7);
    assert_int_equal(r->received.data[9 + 27], 'b');
    assert_int_equal(r->conn->interest, EVENT_READ);
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 0);
}

/* Requests whose replies exceed what may wait: some run, the others wait, none is lost. */
static void
a_client_that_does_not_read_is_not_read_from(void **state)
{
    struct rig *r = *state;
    enum { GETS = 40, VALUE_BYTES = 100000 };
    store(r, "big", VALUE_BYTES);
    for (int i = 0; i < GETS; i++)
        say(r->client, "GET big\r\n");
    turn_of(r, r->conn, EVENT_READ);
    assert_true(r->conn->stalled);
    assert_int_equal(r->conn->interest, EVENT_WRITE);
    assert_true(conn_pending(r->conn) >= output_pause_bytes(&r->worker));
    assert_true(conn_pending(r->conn) < LIMIT_BYTES);
    say(r->client, "PING\r\n");
    turn_of(r, r->conn, EVENT_READ); /* not even when an old event says so */
    size_t wanted = GETS * (9 + VALUE_BYTES + 2) + 7;
    for (int i = 0; r->received.len < wanted; i++) {
        assert_true(i < TURNS_MAX);
        assert_false(r->conn->dead);
        (void)listen_to(r);
        turn_of(r, r->conn, EVENT_WRITE | EVENT_READ);
        assert_true(conn_pending(r->conn) < LIMIT_BYTES);
    }
    assert_int_equal(r->received.len, wanted);
    assert_memory_equal(r->received.data + wanted - 7, "+PONG\r\n", 7);
    assert_false(r->conn->stalled);
}

static void
a_reply_above_the_limit_disconnects(void **state)
{
    struct rig *r = *state;
    store(r, "big", 2 * LIMIT_BYTES);
    say(r->client, "GET big\r\n");
    turn_of(r, r->conn, EVENT_READ);
    assert_true(r->conn->dead);
    assert_int_equal(atomic_load(&r->worker.counters.dropped_output), 1);
    assert_int_equal(r->complaints, 1);
    assert_int_equal(r->worker.out.len, 0); /* nothing is left for the next client */
}

static void
a_client_that_stops_reading_is_cut_after_a_while(void **state)
{
    struct rig *r = *state;
    store(r, "big", 300000);
    say(r->client, "GET big\r\n");
    turn_of(r, r->conn, EVENT_READ);
    r->worker.now_ms += NET_STUCK_OUTPUT_MS;
    assert_true(check_timeouts(r));
    (void)listen_to(r); /* a sign of life starts the time anew */
    turn_of(r, r->conn, EVENT_WRITE);
    r->worker.now_ms += NET_STUCK_OUTPUT_MS;
    assert_true(check_timeouts(r));
    r->worker.now_ms += 1;
    assert_false(check_timeouts(r));
    assert_true(r->conn->dead);
    assert_int_equal(atomic_load(&r->worker.counters.dropped_output), 1);
}

static void
an_idle_client_is_cut_only_where_a_timeout_is_set(void **state)
{
    struct rig *r = *state;
    r->worker.now_ms += INT64_C(1000) * 1000 * 1000;
    assert_false(check_timeouts(r)); /* and nothing to look at again */
    assert_false(r->conn->dead);
    set_limits(r, 5000, 0, false);
    say(r->client, "PING\r\n");
    turn_of(r, r->conn, EVENT_READ);
    r->worker.now_ms += 5000;
    assert_true(check_timeouts(r));
    r->worker.now_ms += 1;
    assert_false(check_timeouts(r));
    assert_true(r->conn->dead);
    assert_int_equal(atomic_load(&r->worker.counters.timed_out), 1);
}

static void
a_stranger_must_authenticate_in_time(void **state)
{
    struct rig *r = *state;
    set_limits(r, 0, 0, true);
    int client;
    struct conn *friend_conn = r->conn; /* arrived before there was a password */
    r->conn = add_conn(r, &client);
    assert_true(r->worker.sweep_wanted);
    for (int second = 0; second < NET_STRANGER_TIMEOUT_MS / 1000; second++) {
        say(client, "PING\r\n"); /* talking does not help */
        turn_of(r, r->conn, EVENT_READ);
        discard(client);
        r->worker.now_ms += 1000;
        assert_true(check_timeouts(r));
    }
    r->worker.now_ms += 1;
    assert_false(check_timeouts(r));
    assert_true(r->conn->dead);
    r->conn = friend_conn;
    assert_false(check_timeouts(r));
    assert_false(r->conn->dead);
    close(client);
}

static void
guessing_ends_after_so_many_failures(void **state)
{
    struct rig *r = *state;
    set_limits(r, 0, 0, true);
    int client;
    struct conn *stranger = add_conn(r, &client);
    for (int i = 1; i < NET_AUTH_FAILURES_MAX; i++) {
        say(client, "AUTH guess\r\n");
        turn_of(r, stranger, EVENT_READ);
        discard(client);
        assert_false(stranger->dead);
    }
    say(client, "AUTH guess\r\nAUTH pw\r\n");
    turn_of(r, stranger, EVENT_READ);
    assert_true(stranger->dead);
    assert_false(stranger->session.authenticated);
    assert_int_equal(atomic_load(&r->worker.counters.auth_lockouts), 1);
    close(client);
}

static void
the_largest_client_goes_when_all_together_hold_too_much(void **state)
{
    struct rig *r = *state;
    int hog_client;
    struct conn *hog = add_conn(r, &hog_client);
    set_limits(r, 0, 200000, false);
    char *part = malloc(50001);
    memset(part, 'x', 50000);
    part[50000] = '\0';
    say(r->client, "*2\r\n$3\r\nGET\r\n$100\r\nxxx");
    turn_of(r, r->conn, EVENT_READ);
    say(hog_client, "*2\r\n$3\r\nGET\r\n$1000000\r\n");
    for (int i = 0; i < 5 && !hog->killed; i++) {
        say(hog_client, part);
        for (int j = 0; j < 5 && !hog->killed; j++)
            turn_of(r, hog, EVENT_READ);
    }
    assert_true(hog->killed);
    assert_false(r->conn->killed);
    assert_int_equal(atomic_load(&r->worker.counters.dropped_memory), 1);
    turn_of(r, hog, EVENT_READ | EVENT_HANGUP);
    assert_true(hog->dead);
    assert_false(r->conn->dead);
    free(part);
    close(hog_client);
}

static void
requests_of_a_killed_client_do_not_run(void **state)
{
    struct rig *r = *state;
    say(r->client, "SET a 1\r\n");
    r->conn->killed = true;
    turn_of(r, r->conn, EVENT_READ | EVENT_HANGUP);
    assert_true(r->conn->dead);
    assert_int_equal(attl_exists(r->net.cache, attl_s("a")), ATTL_MISS);
}

static void
a_half_closed_client_gets_its_replies(void **state)
{
    struct rig *r = *state;
    say(r->client, "PING\r\nPING\r\n");
    assert_int_equal(shutdown(r->client, SHUT_WR), 0);
    turn_of(r, r->conn, EVENT_READ);
    expect(r, "+PONG\r\n+PONG\r\n");
    turn_of(r, r->conn, EVENT_READ);
    assert_true(r->conn->dead);
}

static void
finishing_answers_first(void **state)
{
    struct rig *r = *state;
    say(r->client, "PING\r\nGET");
    lock_acquire(&r->worker.lock);
    conn_finish(&r->worker, r->conn);
    lock_release(&r->worker.lock);
    assert_true(r->conn->dead);
    expect(r, "+PONG\r\n");
}

static void
finishing_waits_for_replies_to_be_read(void **state)
{
    struct rig *r = *state;
    store(r, "big", 300000);
    say(r->client, "GET big\r\n");
    lock_acquire(&r->worker.lock);
    conn_finish(&r->worker, r->conn);
    lock_release(&r->worker.lock);
    assert_false(r->conn->dead);
    assert_int_equal(r->conn->interest, EVENT_WRITE);
    for (int i = 0; !r->conn->dead; i++) {
        assert_true(i < TURNS_MAX);
        (void)listen_to(r);
        turn_of(r, r->conn, EVENT_WRITE);
    }
    while (listen_to(r) > 0)
        continue;
    assert_int_equal(r->received.len, 9 + 300000 + 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_turn_answers_and_keeps_nothing),
        TEST(an_unfinished_request_is_kept_and_counted),
        TEST(a_reply_that_does_not_fit_waits_for_the_client),
        TEST(a_client_that_does_not_read_is_not_read_from),
        TEST(a_reply_above_the_limit_disconnects),
        TEST(a_client_that_stops_reading_is_cut_after_a_while),
        TEST(an_idle_client_is_cut_only_where_a_timeout_is_set),
        TEST(a_stranger_must_authenticate_in_time),
        TEST(guessing_ends_after_so_many_failures),
        TEST(the_largest_client_goes_when_all_together_hold_too_much),
        TEST(requests_of_a_killed_client_do_not_run),
        TEST(a_half_closed_client_gets_its_replies),
        TEST(finishing_answers_first),
        TEST(finishing_waits_for_replies_to_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
