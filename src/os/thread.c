/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pthreads, with the habits of a library: signals stay the host's business, and maintenance runs at
 * a lower priority than the threads that serve. On Linux a nice value belongs to one thread, which
 * is what makes the latter possible without privileges. Nothing is kept between calls.
 */
#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    NICE_VALUE = 3
}; /* half the weight of a normal thread: more would starve expiry on a busy machine */

bool
thread_start(struct thread *t, const char *name, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail with a valid pointer */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    t->running = pthread_create(&t->id, NULL, fn, arg) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* restores what was valid before */
    if (t->running)
        (void)pthread_setname_np(t->id, name); /* cosmetic */
    return t->running;
}

void
thread_join(struct thread *t)
{
    if (t->running)
        (void)pthread_join(t->id, NULL); /* fails only for a thread that is not ours */
    t->running = false;
}

void
thread_be_nice(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_VALUE); /* a wish */
}

unsigned
thread_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
