/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping and waking: a wake is never lost, whether it comes before, during or after the decision
 * to sleep, and a sleep without one ends by itself. The ping-pong has two threads hand a turn to
 * and fro without any timeout, so that one lost wake would hang the test until its time limit.
 */
#include "os/parker.h"

#include "support/check.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { TURNS = 3000, WAKERS = 3, WAKES = 2000 };

static int64_t
mono_ms(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
a_sleep_ends_by_itself(void **state)
{
    (void)state;
    struct parker p;
    parker_init(&p);
    int64_t start_ms = mono_ms();
    parker_sleep(&p, 0);
    assert_true(mono_ms() - start_ms < 5000);
    /* The kernel may end one sleep early, but hardly five in a row. */
    start_ms = mono_ms();
    for (int i = 0; i < 5; i++)
        parker_sleep(&p, 8);
    assert_true(mono_ms() - start_ms >= 8);
}

static void
a_wake_before_the_sleep_is_remembered_once(void **state)
{
    (void)state;
    struct parker p;
    parker_init(&p);
    parker_wake(&p);
    parker_wake(&p);
    parker_sleep(&p, -1); /* would never end otherwise */
    int64_t start_ms = mono_ms();
    for (int i = 0; i < 5; i++)
        parker_sleep(&p, 8); /* nothing is left over */
    assert_true(mono_ms() - start_ms >= 8);
}

struct court {
    struct parker parkers[2];
    _Atomic int turn;
};

/* Waits until it is `me`'s turn, gives the turn to the other, TURNS times. */
static void
play(struct court *c, int me)
{
    for (int i = 0; i < TURNS; i++) {
        while (atomic_load(&c->turn) != me)
            parker_sleep(&c->parkers[me], -1);
        atomic_store(&c->turn, !me);
        parker_wake(&c->parkers[!me]);
    }
}

static void *
opponent(void *arg)
{
    play(arg, 1);
    return NULL;
}

static void
no_wake_is_lost_between_two_threads(void **state)
{
    (void)state;
    struct court c;
    pthread_t thread;
    parker_init(&c.parkers[0]);
    parker_init(&c.parkers[1]);
    atomic_init(&c.turn, 0);
    assert_int_equal(pthread_create(&thread, NULL, opponent, &c), 0);
    play(&c, 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

struct inbox {
    struct parker parker;
    _Atomic unsigned sent;
};

static void *
send_many(void *arg)
{
    struct inbox *in = arg;
    for (int i = 0; i < WAKES; i++) {
        atomic_fetch_add(&in->sent, 1);
        parker_wake(&in->parker);
    }
    return NULL;
}

static void
many_wakers_and_one_sleeper(void **state)
{
    (void)state;
    struct inbox in;
    pthread_t threads[WAKERS];
    parker_init(&in.parker);
    atomic_init(&in.sent, 0);
    for (int i = 0; i < WAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &in), 0);
    /* What was sent before a sleep returns is seen after it: the last wake finds all of it. */
    while (atomic_load(&in.sent) < WAKERS * WAKES)
        parker_sleep(&in.parker, -1);
    for (int i = 0; i < WAKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sleep_ends_by_itself),
        cmocka_unit_test(a_wake_before_the_sleep_is_remembered_once),
        cmocka_unit_test(no_wake_is_lost_between_two_threads),
        cmocka_unit_test(many_wakers_and_one_sleeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
