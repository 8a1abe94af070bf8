/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stampede in the process: many submissions ask for one key that is not there, a loader on the
 * pool takes a while, and all of them are released by its value. Counted are the loads, which must
 * be one, and measured is how long after the loader's return the last and the 99th percentile of
 * the waiters were reaped. One thread submits and reaps.
 */
#include "bench.h"

#include <stdatomic.h>
#include <unistd.h>

enum { WAITERS = 1000, ROUNDS = 20, LOAD_US = 20000, BATCH = 64 };

struct source {
    _Atomic uint64_t loads, returned_ns;
};

static int
load(void *ud, attl_load *l)
{
    struct source *s = ud;
    atomic_fetch_add(&s->loads, 1);
    (void)usleep(LOAD_US);
    atomic_store(&s->returned_ns, bench_now_ns());
    return attl_load_done(l, attl_s("the value that all of them want"), NULL);
}

struct round {
    double p99_us, last_us, submit_ns;
};

static struct round
run_round(attl *cache, attl_queue *queue, struct source *s)
{
    attl_completion done[BATCH];
    uint64_t reaped_ns[WAITERS];
    size_t n = 0;
    uint64_t begin_ns = bench_now_ns();
    for (int i = 0; i < WAITERS; i++)
        if (attl_submit_get_or_load(queue, attl_s("key"), load, s, NULL, NULL) != ATTL_OK)
            bench_die("attl_submit_get_or_load");
    uint64_t submitted_ns = bench_now_ns();
    while (n < WAITERS) {
        if (attl_queue_wait(queue, 10000) != ATTL_OK)
            bench_die("attl_queue_wait");
        size_t got = attl_queue_reap(queue, done, BATCH);
        for (size_t i = 0; i < got; i++) {
            if (done[i].status != ATTL_OK)
                bench_die(attl_err_name(done[i].status));
            attl_value_release(cache, &done[i].value);
            reaped_ns[n++] = bench_now_ns();
        }
    }
    uint64_t from_ns = atomic_load(&s->returned_ns);
    return (struct round){ .p99_us = (double)(reaped_ns[WAITERS * 99 / 100] - from_ns) / 1000,
                           .last_us = (double)(reaped_ns[WAITERS - 1] - from_ns) / 1000,
                           .submit_ns = (double)(submitted_ns - begin_ns) / WAITERS };
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

int
main(void)
{
    struct source s = { 0 };
    attl *cache;
    attl_queue *queue;
    double p99_us[ROUNDS], last_us[ROUNDS], submit_ns[ROUNDS];
    if (attl_open(&cache, NULL) != ATTL_OK || attl_queue_open(cache, WAITERS, &queue) != ATTL_OK)
        bench_die("attl_open");
    for (int i = 0; i < ROUNDS; i++) {
        struct round r = run_round(cache, queue, &s);
        p99_us[i] = r.p99_us;
        last_us[i] = r.last_us;
        submit_ns[i] = r.submit_ns;
        if (attl_del(cache, attl_s("key")) != ATTL_OK)
            bench_die("attl_del");
    }
    double loads = (double)atomic_load(&s.loads) / ROUNDS;
    printf("%d submissions miss one key, load of %d ms, medians of %d rounds\n", WAITERS,
           LOAD_US / 1000, ROUNDS);
    printf(
        "  loads %.2f   submit %.0f ns each   reaped after the load: p99 %.0f us, last %.0f us\n",
        loads, median(submit_ns), median(p99_us), median(last_us));
    attl_queue_close(&queue);
    attl_close(&cache);
    return loads == 1 ? 0 : 1;
}
