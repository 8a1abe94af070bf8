/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole door in one process, with real sockets: every row of the table while memory fails at
 * each place, once and for good; the executor's queue when it is full and when it is ended; events
 * for those who leave. A request may be refused or hung up on, a reply that comes must be whole,
 * and the next request finds everything as it was.
 */
#include "admin_support.h"

#include "admin/state.h"
#include "net/visitor.h"
#include "os/thread.h"
#include "server/server.h" /* so that it is linked */

#include <jansson.h>

enum { TEXT_MAX = 512 };

void *
__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
    return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *ptr, size_t bytes)
{
    return fails() ? NULL : __real_realloc(ptr, bytes);
}

static int
setup(void **state)
{
    *state = house_new(true);
    return 0;
}

static int
teardown(void **state)
{
    house_free(*state);
    return 0;
}

static void
get_text(char text[TEXT_MAX], const char *path)
{
    assert_true(snprintf(text, TEXT_MAX,
                         "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                         path) < TEXT_MAX);
}

static void
post_text(char text[TEXT_MAX], const char *body)
{
    assert_true(snprintf(text, TEXT_MAX,
                         "POST /api/v1/command HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                         "Authorization: Bearer " TOKEN "\r\nContent-Type: application/json\r\n"
                         "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         strlen(body), body) < TEXT_MAX);
}

/* What has been read is a whole reply. */
static void
expect_whole(void)
{
    const char *length = strstr(answer, "Content-Length: ");
    assert_non_null(length);
    assert_int_equal(strtoul(length + 16, NULL, 10), strlen(http_body()));
    if (!strstr(answer, "Content-Type: application/json\r\n"))
        return;
    json_t *root = json_loads(http_body(), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!root)
        fail_msg("not JSON: %.200s", http_body());
    json_decref(root);
}

static void
ask(const struct house *h, const char *text, int status)
{
    (void)http_read(http_send(h, text), NULL);
    if (http_status() != status)
        fail_msg("%s\n%s", text, answer);
    expect_whole();
}

/* Asks with memory that fails at the n-th place, for every n, until it does not. */
static void
walk(const struct house *h, const char *text, int good, bool all)
{
    for (long n = 1; n < WALK_MOST; n++) {
        arm(n, all);
        (void)http_read(http_send(h, text), NULL);
        bool failed = disarm();
        int status = http_status();
        if (status != 0)
            expect_whole();
        if (!failed) {
            assert_int_equal(status, good);
            return;
        }
        bool failure = status == 0 || status == 500 || status == 503 || status == 507 ||
                       (status == 400 && strstr(http_body(), "{\"code\":\"ERR\","));
        if (status != good && !failure)
            fail_msg("allocation %ld, %d: %s", n, status, answer);
    }
    fail_msg("it never ends");
}

static void
every_row_answers_without_memory(void **state)
{
    struct house *h = *state;
    char text[TEXT_MAX];
    for (size_t i = 0; i < route_table_len; i++) {
        const struct route *r = &route_table[i];
        if ((r->flags & (ROUTE_STREAM | ROUTE_BELOW)) || r->methods != HTTP_GET)
            continue;
        get_text(text, r->path);
        (void)http_read(http_send(h, text), NULL);
        int good = http_status();
        assert_true(good == 200 || good == 400 || good == 404 || good == 503);
        walk(h, text, good, false);
        walk(h, text, good, true);
        ask(h, text, good);
    }
}

static void
commands_answer_without_memory(void **state)
{
    struct house *h = *state;
    static const char *const bodies[] = {
        "{\"argv\": [\"SET\", \"key\", {\"base64\": \"AAEC\"}]}",
        "{\"argv\": [\"GET\", \"key\"]}",
        "{\"argv\": [\"ACL\", \"SETUSER\", \"bob\", \"a word\"]}",
        "{\"argv\": [\"MGET\", \"key\", \"nowhere\"]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[TEXT_MAX];
        post_text(text, bodies[i]);
        (void)http_read(http_send(h, text), NULL);
        int good = http_status();
        walk(h, text, good, false);
        walk(h, text, good, true);
        ask(h, text, good);
    }
}

static void
events_come_again_after_memory_failed(void **state)
{
    struct house *h = *state;
    char text[TEXT_MAX];
    bool failed = true;
    get_text(text, "/api/v1/events");
    for (long n = 1; failed && n < WALK_MOST; n += 1 + n / 2) {
        arm(n, n % 2 == 0);
        int fd = http_send(h, text);
        usleep(2000 * EVENTS_SOONEST_MS); /* it would come now */
        failed = disarm();
        (void)http_read(fd, "\ndata: {");
        assert_true(http_status() == 200 || http_status() == 503 || http_status() == 0);
    }
    assert_false(failed);
    (void)http_read(http_send(h, text), "\ndata: {");
    assert_int_equal(http_status(), 200);
}

static void
a_door_that_cannot_be_opened_leaves_nothing(void **state)
{
    (void)state;
    struct house *h = house_new(false);
    struct admin_settings settings = {
        .net = h->server.net,
        .cache = h->server.cache,
        .bind = "127.0.0.1",
        .port = h->port,
        .hosts = "",
        .dir = h->folder,
        .token = TOKEN,
        .read_token = "",
        .metrics_token = "",
        .ui_dir = "",
        .max_connections = 64,
        .max_listeners = 4,
    };
    struct admin *admin = NULL;
    bool failed = true;
    for (long n = 1; failed; n++) {
        struct socket_problem problem = { 0, "" };
        admin_close(&admin);
        arm(n, false);
        admin = admin_open(&settings, &problem);
        failed = disarm();
        assert_true(admin || (problem.code != 0 && problem.text[0] != '\0'));
        assert_true(n < WALK_MOST);
    }
    assert_non_null(admin);
    char text[TEXT_MAX];
    get_text(text, "/livez");
    ask(h, text, 200);
    admin_close(&admin);
    house_free(h);
}

/* ---- the executor ---- */

static void
wait_for_queue(const struct house *h, size_t len)
{
    struct executor *exec = &h->admin->exec;
    for (int i = 0; i < PATIENCE_S * 1000; i++) {
        lock_acquire(&exec->lock);
        bool there = exec->len == len;
        lock_release(&exec->lock);
        if (there)
            return;
        usleep(1000);
    }
    fail_msg("the queue is never of length %zu", len);
}

/* One command that does not end until net_visitor_leave(), and `waiting` behind it. */
static void
block(const struct house *h, int *fds, size_t waiting)
{
    char text[TEXT_MAX];
    post_text(text, "{\"argv\": [\"PING\"]}");
    (void)net_visitor_enter(h->admin->exec_visitor);
    for (size_t i = 0; i <= waiting; i++) {
        fds[i] = http_send(h, text);
        if (i == 0) {
            usleep(100000); /* it is taken */
            wait_for_queue(h, 0);
        } else {
            wait_for_queue(h, i);
        }
    }
}

static void
a_full_queue_refuses_and_probes_are_answered(void **state)
{
    struct house *h = *state;
    int fds[EXEC_WAITING_MAX + 1];
    char text[TEXT_MAX];
    block(h, fds, EXEC_WAITING_MAX);
    post_text(text, "{\"argv\": [\"PING\"]}");
    ask(h, text, 503);
    assert_non_null(strstr(answer, "\"busy\""));
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    get_text(text, "/livez");
    ask(h, text, 200);
    net_visitor_leave(h->admin->exec_visitor);
    for (size_t i = 0; i <= EXEC_WAITING_MAX; i++) {
        (void)http_read(fds[i], NULL);
        assert_int_equal(http_status(), 200);
        assert_non_null(strstr(http_body(), "\"PONG\""));
    }
}

static void *
close_door(void *arg)
{
    struct house *h = arg;
    admin_close(&h->server.admin);
    return NULL;
}

static void
what_waits_is_told_that_the_server_stops(void **state)
{
    struct house *h = *state;
    enum { WAITING = 3 };
    int fds[WAITING + 1];
    struct thread thread = { 0 };
    struct admin *admin = h->admin;
    block(h, fds, WAITING);
    assert_true(thread_start(&thread, "closes", close_door, h));
    for (bool stopping = false; !stopping; usleep(1000)) {
        lock_acquire(&admin->exec.lock);
        stopping = admin->exec.stopping;
        lock_release(&admin->exec.lock);
    }
    net_visitor_leave(admin->exec_visitor);
    for (size_t i = 0; i <= WAITING; i++) {
        (void)http_read(fds[i], NULL);
        int status = http_status(); /* the library may hang up before it has sent it */
        assert_true(status == 0 || status == (i == 0 ? 200 : 503));
    }
    thread_join(&thread);
    assert_null(h->server.admin);
}

/* ---- many at a time ---- */

struct caller {
    const struct house *h;
    const char *text;
    const char *until; /* NULL: the end */
    int rounds;
    struct thread thread;
};

/* As http_read(), into a buffer that is thrown away. */
static void *
call(void *arg)
{
    struct caller *c = arg;
    char piece[4096];
    for (int i = 0; i < c->rounds; i++) {
        int fd = http_send(c->h, c->text);
        for (bool more = true; more;) {
            ssize_t got = recv(fd, piece, sizeof piece - 1, 0);
            piece[got > 0 ? got : 0] = '\0';
            more = got > 0 && !(c->until && strstr(piece, c->until));
        }
        close(fd);
    }
    return NULL;
}

/* For the thread sanitizer: everything that the threads of the door share, at once. */
static void
threads_do_not_meet(void **state)
{
    struct house *h = *state;
    enum { CALLERS = 6 };
    char texts[CALLERS][TEXT_MAX];
    struct caller callers[CALLERS];
    post_text(texts[0], "{\"argv\": [\"SET\", \"k\", \"v\"]}");
    get_text(texts[1], "/api/v1/events");
    get_text(texts[2], "/metrics");
    get_text(texts[3], "/api/v1/clients");
    get_text(texts[4], "/api/v1/events");
    get_text(texts[5], "/readyz");
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){
            .h = h, .text = texts[i], .until = i % 3 == 1 ? "data:" : NULL, .rounds = 12
        };
        assert_true(thread_start(&callers[i].thread, "calls", call, &callers[i]));
    }
    usleep(300000);
    admin_drain(h->admin);
    for (size_t i = 0; i < CALLERS; i++)
        thread_join(&callers[i].thread);
    char text[TEXT_MAX];
    get_text(text, "/readyz");
    ask(h, text, 503);
}

static void
listeners_are_let_go_at_the_end(void **state)
{
    struct house *h = *state;
    char text[TEXT_MAX];
    int fds[4];
    get_text(text, "/api/v1/events");
    for (size_t i = 0; i < 4; i++)
        fds[i] = http_send(h, text);
    usleep(3000 * EVENTS_SOONEST_MS);
    (void)http_read(http_send(h, text), NULL); /* one more than may */
    assert_int_equal(http_status(), 503);
    close(fds[3]);
    admin_close(&h->server.admin);
    for (size_t i = 0; i < 3; i++) {
        (void)http_read(fds[i], NULL);
        assert_int_equal(http_status(), 200);
        assert_non_null(strstr(answer, "event: state"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_answers_without_memory),
        TEST(commands_answer_without_memory),
        TEST(events_come_again_after_memory_failed),
        cmocka_unit_test(a_door_that_cannot_be_opened_leaves_nothing),
        TEST(a_full_queue_refuses_and_probes_are_answered),
        TEST(what_waits_is_told_that_the_server_stops),
        TEST(threads_do_not_meet),
        TEST(listeners_are_let_go_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
