/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The futex mutex: one holder at a time, nobody forgotten asleep, nothing lost between unlock and
 * lock. Threads increase plain counters under it, with holders that sometimes sleep so that waiters
 * really go to the kernel; under the thread sanitizer the same program proves the ordering.
 */
#include "os/lock.h"

#include "support/check.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000, SLEEPS = 40 };

static void
sleep_us(long us)
{
    struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    (void)nanosleep(&t, NULL); /* woken early is fine */
}

static void
it_is_free_then_held_then_free(void **state)
{
    (void)state;
    struct lock l;
    lock_init(&l);
    assert_true(lock_try(&l));
    assert_false(lock_try(&l));
    lock_assert_held(&l);
    lock_release(&l);
    lock_acquire(&l);
    assert_false(lock_try(&l));
    lock_release(&l);
    assert_true(lock_try(&l));
    lock_release(&l);
    assert_int_equal(sizeof(l), 4); /* one in each partition */
}

struct contest {
    struct lock lock;
    uint64_t sum; /* guarded, and deliberately not atomic */
    _Atomic int inside;
};

static void *
compete(void *arg)
{
    struct contest *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&c->lock);
        CHECK(atomic_fetch_add(&c->inside, 1) == 0, "two holders");
        c->sum++;
        if (i % (ROUNDS / SLEEPS) == 0)
            sleep_us(50); /* long enough for the others to give up spinning */
        atomic_fetch_sub(&c->inside, 1);
        lock_release(&c->lock);
    }
    return NULL;
}

static void
one_holder_at_a_time_and_no_update_lost(void **state)
{
    (void)state;
    struct contest c = { .sum = 0 };
    pthread_t threads[THREADS];
    lock_init(&c.lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.sum, (uint64_t)THREADS * ROUNDS);
    assert_int_equal(atomic_load(&c.lock.state), 0);
}

static void *
try_only(void *arg)
{
    struct contest *c = arg;
    for (int won = 0; won < 1000;) {
        if (!lock_try(&c->lock)) {
            (void)sched_yield();
            continue;
        }
        CHECK(atomic_fetch_add(&c->inside, 1) == 0, "two holders");
        c->sum++;
        won++;
        atomic_fetch_sub(&c->inside, 1);
        lock_release(&c->lock);
    }
    return NULL;
}

static void
trying_excludes_like_acquiring(void **state)
{
    (void)state;
    struct contest c = { .sum = 0 };
    pthread_t threads[THREADS];
    lock_init(&c.lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? try_only : compete, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.sum, THREADS / 2 * (ROUNDS + 1000));
}

static void *
wait_for_it(void *arg)
{
    struct contest *c = arg;
    lock_acquire(&c->lock);
    c->sum++;
    lock_release(&c->lock);
    return NULL;
}

/* Waiters that sleep in the kernel are all woken, one after the other, by single releases. */
static void
every_sleeper_is_woken(void **state)
{
    (void)state;
    struct contest c = { .sum = 0 };
    pthread_t threads[THREADS];
    lock_init(&c.lock);
    lock_acquire(&c.lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, &c), 0);
    while (atomic_load(&c.lock.state) != 2) /* somebody is about to sleep */
        sleep_us(100);
    sleep_us(5000);
    assert_int_equal(c.sum, 0);
    lock_release(&c.lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(c.sum, THREADS);
}

static void
releasing_a_free_lock_is_a_bug_that_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        struct lock l;
        (void)setrlimit(RLIMIT_CORE, &none); /* a core of a test is only litter */
        (void)close(STDERR_FILENO);
        lock_init(&l);
        lock_release(&l);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_free_then_held_then_free),
        cmocka_unit_test(one_holder_at_a_time_and_no_update_lost),
        cmocka_unit_test(trying_excludes_like_acquiring),
        cmocka_unit_test(every_sleeper_is_woken),
        cmocka_unit_test(releasing_a_free_lock_is_a_bug_that_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
