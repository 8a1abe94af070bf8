/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few threads for what may block: snapshots, rollbacks, scans, loaders. They are started when
 * they are first needed (async.threads at most) and sleep while there is nothing to do; jobs wait
 * in one line, which has an end (async.queue). A job belongs to whoever submits it and is run
 * exactly once, also when the cache is closed: then pool_is_closing() tells it to do no more than
 * to clean up.
 */
#ifndef ATTL_ENGINE_POOL_H
#define ATTL_ENGINE_POOL_H

#include "os/lock.h"
#include "os/parker.h"
#include "os/thread.h"

struct attl;

enum { POOL_THREADS_MAX = 64 };

struct pool_job {
    struct pool_job *next;
    void (*run)(struct pool_job *job);
};

struct pool_worker {
    struct attl *a;
    struct pool_worker *next_idle;
    bool is_idle; /* in the list of those; the pool's lock */
    struct thread thread;
    struct parker parker;
};

struct pool {
    struct lock lock; /* everything below */
    struct pool_job *first, *last;
    struct pool_worker *idle;
    uint32_t waiting, started;
    _Atomic uint32_t threads_max, waiting_max;
    _Atomic bool closing;
    struct pool_worker workers[POOL_THREADS_MAX];
};

void pool_init(struct pool *p);
/* Runs `job` in one of the threads. ATTL_OK; ATTL_E_BUSY (async.queue jobs wait), ATTL_E_NOMEM (the
 * system refused the first thread), ATTL_E_CLOSED: it will not be run. Never waits for a job. */
int pool_submit(struct attl *a, struct pool_job *job);
/* True while the cache is being closed: jobs that still wait are run so. */
bool pool_is_closing(const struct attl *a);
/* Runs what waits, lets what runs come to its end, ends the threads. */
void pool_close(struct attl *a);

#endif
