/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: started with all signals blocked, so that the host's handlers never run on ours, with a
 * name that shows in top, and optionally at a lower priority. Joining is the only way to end one.
 * The struct belongs to whoever starts it.
 */
#ifndef ATTL_OS_THREAD_H
#define ATTL_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct thread {
    pthread_t id;
    bool running;
};

/* Starts `fn(arg)`; `name` has at most 15 characters. False if the system refuses. */
bool thread_start(struct thread *t, const char *name, void *(*fn)(void *), void *arg);
void thread_join(struct thread *t);
/* Lowers the calling thread's share of the processor when others want it. */
void thread_be_nice(void);
unsigned thread_cpu_count(void);

#endif
