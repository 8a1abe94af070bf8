/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop and its waker, on socket pairs. What matters to its users is checked:
 * level-triggered reports, changed interests, hang-ups without being asked for, and that no wake
 * is ever lost.
 */
#include "os/event.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static void
readable_is_reported_until_it_was_read(void **state)
{
    (void)state;
    struct event_loop loop;
    struct event events[EVENTS_PER_WAIT_MAX];
    int pair[2], tag;
    char byte;
    assert_true(event_loop_open(&loop));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(event_loop_add(&loop, pair[0], EVENT_READ, &tag));
    assert_int_equal(event_loop_wait(&loop, events, 0), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(event_loop_wait(&loop, events, 1000), 1);
        assert_ptr_equal(events[0].ud, &tag);
        assert_int_equal(events[0].flags, EVENT_READ);
    }
    assert_int_equal(read(pair[0], &byte, 1), 1);
    assert_int_equal(event_loop_wait(&loop, events, 0), 0);
    close(pair[0]);
    close(pair[1]);
    event_loop_close(&loop);
    event_loop_close(&loop); /* twice does no harm */
}

static void
interest_can_be_changed_and_withdrawn(void **state)
{
    (void)state;
    struct event_loop loop;
    struct event events[EVENTS_PER_WAIT_MAX];
    int pair[2];
    assert_true(event_loop_open(&loop));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(event_loop_add(&loop, pair[0], EVENT_READ, NULL));
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_true(event_loop_change(&loop, pair[0], EVENT_WRITE, NULL));
    assert_int_equal(event_loop_wait(&loop, events, 1000), 1);
    assert_int_equal(events[0].flags, EVENT_WRITE);
    assert_true(event_loop_change(&loop, pair[0], 0, NULL));
    assert_int_equal(event_loop_wait(&loop, events, 0), 0);
    event_loop_remove(&loop, pair[0]);
    event_loop_remove(&loop, pair[0]); /* gone already: as good */
    assert_false(event_loop_change(&loop, pair[0], EVENT_READ, NULL));
    close(pair[0]);
    close(pair[1]);
    event_loop_close(&loop);
}

static void
a_hang_up_is_reported_without_being_asked_for(void **state)
{
    (void)state;
    struct event_loop loop;
    struct event events[EVENTS_PER_WAIT_MAX];
    int pair[2];
    assert_true(event_loop_open(&loop));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(event_loop_add(&loop, pair[0], 0, NULL));
    close(pair[1]);
    assert_int_equal(event_loop_wait(&loop, events, 1000), 1);
    assert_int_equal(events[0].flags, EVENT_HANGUP);
    close(pair[0]);
    event_loop_close(&loop);
}

static void
a_wake_before_the_wait_is_remembered(void **state)
{
    (void)state;
    struct event_loop loop;
    struct event_waker waker;
    struct event events[EVENTS_PER_WAIT_MAX];
    assert_true(event_loop_open(&loop));
    assert_true(event_waker_open(&waker));
    assert_true(event_loop_add(&loop, waker.fd, EVENT_READ, &waker));
    event_waker_wake(&waker);
    event_waker_wake(&waker);
    assert_int_equal(event_loop_wait(&loop, events, 1000), 1);
    assert_ptr_equal(events[0].ud, &waker);
    event_waker_drain(&waker);
    assert_int_equal(event_loop_wait(&loop, events, 0), 0);
    event_waker_drain(&waker); /* nothing there: does not block */
    event_waker_close(&waker);
    event_waker_close(&waker);
    event_loop_close(&loop);
}

static void *
wake_once(void *arg)
{
    event_waker_wake(arg);
    return NULL;
}

static void
another_thread_ends_an_endless_wait(void **state)
{
    (void)state;
    struct event_loop loop;
    struct event_waker waker;
    struct thread thread;
    struct event events[EVENTS_PER_WAIT_MAX];
    assert_true(event_loop_open(&loop));
    assert_true(event_waker_open(&waker));
    assert_true(event_loop_add(&loop, waker.fd, EVENT_READ, &waker));
    assert_true(thread_start(&thread, "waker", wake_once, &waker));
    assert_int_equal(event_loop_wait(&loop, events, -1), 1);
    thread_join(&thread);
    event_waker_close(&waker);
    event_loop_close(&loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readable_is_reported_until_it_was_read),
        cmocka_unit_test(interest_can_be_changed_and_withdrawn),
        cmocka_unit_test(a_hang_up_is_reported_without_being_asked_for),
        cmocka_unit_test(a_wake_before_the_wait_is_remembered),
        cmocka_unit_test(another_thread_ends_an_endless_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
