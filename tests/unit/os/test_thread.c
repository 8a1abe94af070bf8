/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of a library: they carry a name, take none of the host's signals, may be nicer than the
 * rest of the process, and end by being joined. Each property is looked at from inside the thread,
 * where it must hold, and from the starter, whose own mask and priority must not change.
 */
#include "os/thread.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    _Atomic bool go;
    sigset_t mask;
    int nice_before, nice_after;
    void *arg;
};

static id_t
self_id(void)
{
    return (id_t)syscall(SYS_gettid);
}

static void *
look_around(void *arg)
{
    struct seen *s = arg;
    s->arg = arg;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    s->nice_before = getpriority(PRIO_PROCESS, self_id());
    thread_be_nice();
    s->nice_after = getpriority(PRIO_PROCESS, self_id());
    while (!atomic_load(&s->go))
        (void)sched_yield();
    return NULL;
}

static void
a_thread_has_a_name_and_runs_until_joined(void **state)
{
    (void)state;
    struct seen s = { .go = false };
    struct thread t = { .running = false };
    char name[16] = "";
    assert_true(thread_start(&t, "attl-fifteen-ch", look_around, &s));
    assert_true(t.running);
    assert_int_equal(pthread_getname_np(t.id, name, sizeof(name)), 0);
    assert_string_equal(name, "attl-fifteen-ch");
    atomic_store(&s.go, true);
    thread_join(&t);
    assert_false(t.running);
    assert_ptr_equal(s.arg, &s);
    thread_join(&t); /* again does nothing */
    assert_false(t.running);
}

static void
signals_stay_the_hosts_business(void **state)
{
    (void)state;
    struct seen s = { .go = true };
    struct thread t = { .running = false };
    sigset_t before, after;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    assert_true(thread_start(&t, "masked", look_around, &s));
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    thread_join(&t);
    static const int wanted[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM, SIGCHLD, SIGPIPE };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(sigismember(&s.mask, wanted[i]));
        assert_false(sigismember(&before, wanted[i]) || sigismember(&after, wanted[i]));
    }
}

static void
only_the_thread_itself_becomes_nice(void **state)
{
    (void)state;
    struct seen s = { .go = true };
    struct thread t = { .running = false };
    int before = getpriority(PRIO_PROCESS, self_id());
    assert_true(thread_start(&t, "nice", look_around, &s));
    thread_join(&t);
    assert_int_equal(s.nice_before, before);
    assert_true(s.nice_after > before || before >= 10);
    assert_int_equal(getpriority(PRIO_PROCESS, self_id()), before);
}

static void
joining_what_never_ran_does_nothing(void **state)
{
    (void)state;
    struct thread t = { .running = false };
    thread_join(&t);
    assert_false(t.running);
}

static void
processors_are_those_we_may_use(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(thread_cpu_count(), (unsigned)CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(thread_cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            signals_stay_the_hosts_business), /* first: a mask left behind would show */
        cmocka_unit_test(a_thread_has_a_name_and_runs_until_joined),
        cmocka_unit_test(only_the_thread_itself_becomes_nice),
        cmocka_unit_test(joining_what_never_ran_does_nothing),
        cmocka_unit_test(processors_are_those_we_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
