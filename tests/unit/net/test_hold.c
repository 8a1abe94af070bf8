/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies that wait for the log, with a log that is three variables of the test: where the thread's
 * last change lies, how far it is safe, and whether it has failed. The worker is prepared but never
 * started, so that every moment between a change and its acknowledgement can be looked at; its
 * client is the other end of a socket pair.
 */
#include "net/hold.h"
#include "net/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { START_MS = 1000000, LIMIT_BYTES = 1 << 20, REPLY_BYTES = 1 << 20, STUCK_MS = 600000 };

#define DISAVOWED                                                                       \
    "-MISCONF the log cannot be written: the change is in memory but not durable (see " \
    "attld's log)\r\n"

struct fake_log {
    uint64_t records; /* every SET is one; see count_changes() */
    uint64_t safe;
    bool failed;
    unsigned waits, looks;
    struct worker *news_for; /* the log gets there right behind the last look at it */
};

static struct fake_log fake;

uint64_t __wrap_attl_log_position(attl *cache);
uint64_t __wrap_attl_log_safe(attl *cache);
int __wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms);

uint64_t
__wrap_attl_log_position(attl *cache)
{
    attl_stats stats = { .struct_size = sizeof stats };
    attl_stats_get(cache, &stats);
    return stats.sets;
}

uint64_t
__wrap_attl_log_safe(attl *cache)
{
    (void)cache;
    fake.looks++;
    return fake.safe;
}

int
__wrap_attl_log_wait(attl *cache, uint64_t position, int64_t timeout_ms)
{
    (void)cache;
    assert_int_equal(timeout_ms, 0); /* a worker never blocks */
    fake.waits++;
    if (position <= fake.safe)
        return ATTL_OK;
    if (fake.news_for) {
        fake.safe = position;
        hold_wake(fake.news_for);
        fake.news_for = NULL;
        return ATTL_E_BUSY;
    }
    return fake.failed ? ATTL_E_IO : ATTL_E_BUSY;
}

struct rig {
    struct net net;
    struct worker worker;
    struct conn *conn, *other;
    int client, other_client;
};

static bool
no_auth_required(void *ud)
{
    (void)ud;
    return false;
}

static void
set_limits(struct rig *r, int64_t timeout_ms)
{
    net_set_limits(&r->net, &(struct net_limits){ .max_clients = 10,
                                                  .timeout_ms = timeout_ms,
                                                  .query_bytes = LIMIT_BYTES,
                                                  .output_bytes = LIMIT_BYTES,
                                                  .bulk_bytes = NET_BULK_MAX_BYTES });
}

static struct conn *
add_conn(struct rig *r, int *ret_client)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
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
    fake = (struct fake_log){ .safe = 0 };
    assert_int_equal(attl_open(&r->net.cache, NULL), ATTL_OK);
    r->net.host = (struct command_host){ .ud = r, .auth_required = no_auth_required };
    r->net.workers = &r->worker;
    set_limits(r, 0);
    aside_init(&r->net.aside);
    worker_preset(&r->worker, &r->net);
    assert_true(worker_init(&r->worker));
    r->net.workers_len = 1;
    r->worker.now_ms = START_MS;
    r->conn = add_conn(r, &r->client);
    r->other = add_conn(r, &r->other_client);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    lock_acquire(&r->worker.lock);
    while (r->worker.first)
        conn_close(&r->worker, r->worker.first);
    lock_release(&r->worker.lock);
    assert_null(r->worker.held_first);
    assert_null(r->worker.held_last);
    while (r->worker.dead) {
        struct conn *c = r->worker.dead;
        r->worker.dead = c->next;
        conn_free(c);
    }
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 0);
    aside_fini(&r->net.aside);
    worker_fini(&r->worker);
    attl_close(&r->net.cache);
    close(r->client);
    close(r->other_client);
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

static void
say(struct rig *r, struct conn *c, const char *text)
{
    int client = c == r->conn ? r->client : r->other_client;
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn_of(r, c, EVENT_READ);
}

static void
expect(int client, const char *wanted)
{
    static char data[REPLY_BYTES];
    ssize_t n = recv(client, data, sizeof data - 1, MSG_DONTWAIT);
    data[n > 0 ? n : 0] = '\0';
    assert_string_equal(data, wanted);
}

static bool
is_woken(struct rig *r)
{
    struct pollfd p = { .fd = r->worker.waker.fd, .events = POLLIN };
    bool woken = poll(&p, 1, 0) == 1;
    event_waker_drain(&r->worker.waker);
    return woken;
}

/* The log reports; and the worker's turn ends, if that woke it. */
static void
notify(struct rig *r)
{
    net_log_notify(&r->net);
    if (is_woken(r))
        hold_settle(&r->worker);
}

static void
a_reply_waits_until_its_change_is_safe(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\n");
    assert_true(r->conn->held);
    assert_int_equal(r->conn->interest, EVENT_READ); /* telling the loop twice a reply is dear */
    assert_true(atomic_load(&r->net.buffered_bytes) > 0);
    hold_settle(&r->worker);
    notify(r); /* of something else */
    expect(r->client, "");
    fake.safe = 1;
    notify(r);
    expect(r->client, "+OK\r\n");
    assert_false(r->conn->held);
    assert_int_equal(r->conn->interest, EVENT_READ);
    assert_int_equal(atomic_load(&r->net.buffered_bytes), 0);
    assert_null(r->conn->out.data);
}

static void
what_is_safe_already_is_answered_at_once(void **state)
{
    struct rig *r = *state;
    fake.safe = 100;
    say(r, r->conn, "SET a 1\r\nGET a\r\n");
    expect(r->client, "+OK\r\n$1\r\n1\r\n");
    assert_int_equal(fake.looks, 1); /* once for all requests that arrived together */
    say(r, r->conn, "GET a\r\nGET a\r\n");
    assert_int_equal(fake.looks, 1); /* and never for reads */
    assert_int_equal(fake.waits, 0);
}

static void
others_are_served_meanwhile(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\n");
    say(r, r->other, "GET a\r\n");
    expect(r->other_client, "$1\r\n1\r\n");
    expect(r->client, "");
}

static void
connections_are_released_in_order(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\n");
    say(r, r->other, "SET a 2\r\n");
    hold_settle(&r->worker);
    fake.safe = 1;
    notify(r);
    expect(r->client, "+OK\r\n");
    expect(r->other_client, "");
    fake.safe = 2;
    notify(r);
    expect(r->other_client, "+OK\r\n");
}

static void
nothing_is_read_while_replies_are_held(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\n");
    say(r, r->conn, "SET b 1\r\n");
    assert_int_equal(attl_exists(r->net.cache, attl_s("b")), ATTL_MISS);
    assert_int_equal(r->conn->interest, 0); /* one event is enough to know */
    turn_of(r, r->conn, EVENT_READ);        /* an old one */
    assert_int_equal(attl_exists(r->net.cache, attl_s("b")), ATTL_MISS);
    fake.safe = 1;
    hold_settle(&r->worker);
    expect(r->client, "+OK\r\n");
    assert_int_equal(r->conn->interest, EVENT_READ);
    turn_of(r, r->conn, EVENT_READ);
    assert_true(r->conn->held);
    fake.safe = 2;
    hold_look_again(&r->worker);
    hold_settle(&r->worker);
    expect(r->client, "+OK\r\n");
}

/* Requests that were received with the held ones, but did not fit into their portion. */
static void
a_pipeline_goes_on_by_itself(void **state)
{
    struct rig *r = *state;
    enum { VALUE = NET_SEND_BYTES };
    char *value = calloc(1, VALUE + 1);
    memset(value, 'v', VALUE);
    assert_int_equal(attl_set(r->net.cache, attl_s("big"), attl_b(value, VALUE), 0), ATTL_OK);
    free(value);
    fake.safe = 1;
    say(r, r->conn, "SET a 1\r\nSTRLEN big\r\nGET big\r\nSET b 1\r\nSET c 1\r\n");
    assert_true(r->conn->held && r->conn->stalled);
    assert_int_equal(attl_exists(r->net.cache, attl_s("b")), ATTL_MISS);
    assert_int_equal(r->conn->held_replies, 3);
    fake.safe = 2;
    hold_settle(&r->worker);
    assert_int_equal(attl_exists(r->net.cache, attl_s("c")), ATTL_OK);
    assert_true(r->conn->held);
    assert_int_equal(r->conn->held_replies, 2);
    fake.safe = 4;
    notify(r);
    assert_false(r->conn->held);
    static char data[REPLY_BYTES];
    size_t len = 0;
    for (int i = 0; i < 100 && len < 5 + 9 + VALUE + 9 + 2 + 10; i++) {
        ssize_t n = recv(r->client, data + len, sizeof data - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        if (conn_pending(r->conn) > 0)
            turn_of(r, r->conn, EVENT_WRITE);
    }
    assert_memory_equal(data, "+OK\r\n:262144\r\n$262144\r\nvvv", 26);
    assert_memory_equal(data + len - 12, "\r\n+OK\r\n+OK\r\n", 12);
}

static void
a_worker_without_held_replies_is_not_woken(void **state)
{
    struct rig *r = *state;
    (void)is_woken(r);
    hold_settle(&r->worker);
    net_log_notify(&r->net);
    assert_false(is_woken(r));
    say(r, r->conn, "SET a 1\r\n");
    hold_settle(&r->worker);
    net_log_notify(&r->net);
    net_log_notify(&r->net); /* not twice before it has looked */
    assert_true(is_woken(r));
    unsigned looks = fake.looks;
    hold_settle(&r->worker);
    hold_settle(&r->worker); /* no news, no look */
    assert_int_equal(fake.looks, looks + 1);
}

static void
news_between_the_look_and_the_sleep_wake(void **state)
{
    struct rig *r = *state;
    (void)is_woken(r);
    say(r, r->conn, "SET a 1\r\n");
    fake.news_for = &r->worker;
    hold_settle(&r->worker);
    assert_true(r->conn->held);
    assert_true(is_woken(r));
    hold_settle(&r->worker);
    expect(r->client, "+OK\r\n");
}

static void
a_failed_log_turns_held_replies_into_errors(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\nGET a\r\nPING\r\n");
    say(r, r->other, "SET b 1\r\n");
    hold_settle(&r->worker);
    fake.failed = true;
    notify(r);
    expect(r->client, DISAVOWED DISAVOWED DISAVOWED);
    expect(r->other_client, DISAVOWED);
    assert_false(r->conn->dead);
    assert_int_equal(atomic_load(&r->worker.counters.held_failed), 4);
    say(r, r->conn, "GET a\r\n"); /* the change was made */
    expect(r->client, "$1\r\n1\r\n");
}

/* Replies that were waiting for the client before are not the failed log's business. */
static void
only_held_replies_become_errors(void **state)
{
    struct rig *r = *state;
    enum { VALUE = 900000 };
    char *value = calloc(1, VALUE);
    memset(value, 'v', VALUE);
    assert_int_equal(attl_set(r->net.cache, attl_s("big"), attl_b(value, VALUE), 0), ATTL_OK);
    free(value);
    fake.safe = 1;
    set_limits(r, 0);
    atomic_store(&r->net.limits.output_bytes, 8 * LIMIT_BYTES);
    say(r, r->conn, "GET big\r\n");
    assert_true(conn_pending(r->conn) > 0);
    say(r, r->conn, "SET a 1\r\n");
    assert_true(r->conn->held);
    fake.failed = true;
    hold_settle(&r->worker);
    static char data[2 * REPLY_BYTES];
    size_t len = 0;
    for (int i = 0; i < 1000 && !(conn_pending(r->conn) == 0 && i > 10); i++) {
        ssize_t n = recv(r->client, data + len, sizeof data - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        turn_of(r, r->conn, EVENT_WRITE);
    }
    ssize_t n = recv(r->client, data + len, sizeof data - len, MSG_DONTWAIT);
    len += n > 0 ? (size_t)n : 0;
    assert_int_equal(len, 9 + VALUE + 2 + strlen(DISAVOWED));
    assert_memory_equal(data + len - strlen(DISAVOWED), DISAVOWED, strlen(DISAVOWED));
}

static void
changes_without_replies_do_not_hold_but_the_next_reply_does(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "CLIENT REPLY OFF\r\nSET a 1\r\n");
    assert_false(r->conn->held);
    say(r, r->other, "SET b 1\r\n"); /* later, but held first */
    say(r, r->conn, "CLIENT REPLY ON\r\n");
    assert_true(r->conn->held);
    assert_ptr_equal(r->worker.held_first, r->conn);
    fake.safe = 1;
    hold_settle(&r->worker);
    expect(r->client, "+OK\r\n");
    expect(r->other_client, "");
}

static void
a_held_client_is_neither_stuck_nor_idle(void **state)
{
    struct rig *r = *state;
    set_limits(r, 5000);
    say(r, r->conn, "SET a 1\r\n");
    assert_true(r->worker.sweep_wanted);
    r->worker.now_ms += STUCK_MS;
    lock_acquire(&r->worker.lock);
    assert_true(conn_check_timeouts(&r->worker, r->conn));
    lock_release(&r->worker.lock);
    fake.safe = 1;
    hold_settle(&r->worker);
    lock_acquire(&r->worker.lock);
    assert_true(conn_check_timeouts(&r->worker, r->conn)); /* the time starts anew */
    lock_release(&r->worker.lock);
    assert_false(r->conn->dead);
    expect(r->client, "+OK\r\n");
}

static void
a_held_client_may_leave_or_be_killed(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\n");
    say(r, r->other, "SET b 1\r\n");
    r->other->killed = true;
    turn_of(r, r->conn, EVENT_HANGUP);
    assert_true(r->conn->dead);
    fake.safe = 2;
    hold_settle(&r->worker);
    assert_true(r->other->dead);
    expect(r->other_client, "");
}

static void
quitting_waits_for_the_last_reply(void **state)
{
    struct rig *r = *state;
    say(r, r->conn, "SET a 1\r\nQUIT\r\n");
    assert_false(r->conn->dead);
    fake.safe = 1;
    hold_settle(&r->worker);
    assert_true(r->conn->dead);
    expect(r->client, "+OK\r\n+OK\r\n");
}

static void
finishing_waits_for_held_replies(void **state)
{
    struct rig *r = *state;
    assert_int_equal(send(r->client, "SET a 1\r\n", 9, 0), 9);
    lock_acquire(&r->worker.lock);
    conn_finish(&r->worker, r->conn);
    lock_release(&r->worker.lock);
    assert_true(r->conn->held && !r->conn->dead);
    fake.safe = 1;
    hold_settle(&r->worker);
    assert_true(r->conn->dead);
    expect(r->client, "+OK\r\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reply_waits_until_its_change_is_safe),
        TEST(what_is_safe_already_is_answered_at_once),
        TEST(others_are_served_meanwhile),
        TEST(connections_are_released_in_order),
        TEST(nothing_is_read_while_replies_are_held),
        TEST(a_pipeline_goes_on_by_itself),
        TEST(a_worker_without_held_replies_is_not_woken),
        TEST(news_between_the_look_and_the_sleep_wake),
        TEST(a_failed_log_turns_held_replies_into_errors),
        TEST(only_held_replies_become_errors),
        TEST(changes_without_replies_do_not_hold_but_the_next_reply_does),
        TEST(a_held_client_is_neither_stuck_nor_idle),
        TEST(a_held_client_may_leave_or_be_killed),
        TEST(quitting_waits_for_the_last_reply),
        TEST(finishing_waits_for_held_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
