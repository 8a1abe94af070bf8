/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool: every job that was accepted is run exactly once, also when the pool is closed while it
 * waits; there are never more threads than asked for, and none before there is a job; a full line
 * says so. Jobs that must wait for each other stand at a gate of the test's own.
 */
#include "engine/pool.h"

#include "engine_support.h"
#include "support/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { JOBS = 200, PATIENCE_MS = 20000, SUBMITTERS = 4 };

struct gate {
    struct attl *a;
    _Atomic bool is_open;
    _Atomic unsigned inside, most, ran, ran_closing;
};

struct errand {
    struct pool_job job;
    struct gate *gate;
    _Atomic unsigned runs;
};

static void
nap(void)
{
    struct parker p;
    parker_init(&p);
    parker_sleep(&p, 1);
}

static void
pass_gate(struct pool_job *job)
{
    struct errand *e = (struct errand *)job;
    struct gate *g = e->gate;
    unsigned inside = atomic_fetch_add(&g->inside, 1) + 1, most = atomic_load(&g->most);
    while (inside > most && !atomic_compare_exchange_weak(&g->most, &most, inside))
        ;
    while (!atomic_load(&g->is_open))
        nap();
    atomic_fetch_sub(&g->inside, 1);
    if (pool_is_closing(g->a))
        atomic_fetch_add(&g->ran_closing, 1);
    atomic_fetch_add(&e->runs, 1);
    atomic_fetch_add(&g->ran, 1);
}

static struct bench *
open_pool(const char *threads, const char *line)
{
    const char *const options[] = {
        "cache.background", "no", "async.threads", threads, "async.queue", line, NULL
    };
    return bench_open(options, false);
}

static struct errand *
errands(struct gate *g, size_t n)
{
    struct errand *e = calloc(n, sizeof(*e));
    assert_non_null(e);
    for (size_t i = 0; i < n; i++)
        e[i] = (struct errand){ .job.run = pass_gate, .gate = g };
    return e;
}

static void
wait_for(const _Atomic unsigned *number, unsigned wanted)
{
    for (unsigned ms = 0; atomic_load(number) < wanted && ms < PATIENCE_MS; ms++)
        nap();
    assert_int_equal(atomic_load(number), wanted);
}

static void
jobs_run_once_in_as_many_threads_as_asked_for(void **state)
{
    struct bench *b = open_pool("3", "1024");
    struct gate g = { .a = &b->engine };
    struct errand *e = errands(&g, JOBS);
    (void)state;
    assert_int_equal(b->engine.pool.started, 0);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(pool_submit(&b->engine, &e[i].job), ATTL_OK);
    wait_for(&g.inside, 3);
    atomic_store(&g.is_open, true);
    wait_for(&g.ran, JOBS);
    assert_int_equal(atomic_load(&g.most), 3);
    assert_int_equal(b->engine.pool.started, 3);
    bench_close(b);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(atomic_load(&e[i].runs), 1);
    free(e);
}

static void
an_idle_thread_is_used_before_another_is_started(void **state)
{
    struct bench *b = open_pool("8", "1024");
    struct gate g = { .a = &b->engine, .is_open = true };
    struct errand *e = errands(&g, 20);
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(pool_submit(&b->engine, &e[i].job), ATTL_OK);
        wait_for(&g.ran, i + 1);
        for (unsigned ms = 0; ms < PATIENCE_MS; ms++) { /* until the thread is idle */
            lock_acquire(&b->engine.pool.lock);
            bool idle = b->engine.pool.idle != NULL;
            lock_release(&b->engine.pool.lock);
            if (idle)
                break;
            nap();
        }
    }
    assert_int_equal(b->engine.pool.started, 1);
    bench_close(b);
    free(e);
}

static void
a_full_line_says_so_and_closing_runs_what_waits(void **state)
{
    struct bench *b = open_pool("1", "4");
    struct gate g = { .a = &b->engine };
    struct errand *e = errands(&g, 6);
    (void)state;
    assert_int_equal(pool_submit(&b->engine, &e[0].job), ATTL_OK);
    wait_for(&g.inside, 1);
    for (unsigned i = 1; i < 5; i++)
        assert_int_equal(pool_submit(&b->engine, &e[i].job), ATTL_OK);
    assert_int_equal(pool_submit(&b->engine, &e[5].job), ATTL_E_BUSY);
    atomic_store(&g.is_open, true);
    pool_close(&b->engine);
    assert_int_equal(pool_submit(&b->engine, &e[5].job), ATTL_E_CLOSED);
    assert_int_equal(atomic_load(&g.ran), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(atomic_load(&e[i].runs), 1);
    assert_int_equal(atomic_load(&e[5].runs), 0);
    bench_close(b);
    free(e);
}

struct submitter {
    pthread_t thread;
    struct attl *a;
    struct errand *errands;
    unsigned accepted;
};

static void *
submit_all(void *arg)
{
    struct submitter *s = arg;
    for (unsigned i = 0; i < JOBS; i++)
        s->accepted += pool_submit(s->a, &s->errands[i].job) == ATTL_OK;
    return NULL;
}

static void
many_may_submit_while_it_is_closed(void **state)
{
    (void)state;
    for (uint64_t round = test_scaled(50); round > 0; round--) {
        struct bench *b = open_pool("2", "64");
        struct gate g = { .a = &b->engine, .is_open = true };
        struct submitter s[SUBMITTERS];
        unsigned accepted = 0;
        for (unsigned i = 0; i < SUBMITTERS; i++) {
            s[i] = (struct submitter){ .a = &b->engine, .errands = errands(&g, JOBS) };
            assert_int_equal(pthread_create(&s[i].thread, NULL, submit_all, &s[i]), 0);
        }
        nap();
        pool_close(&b->engine);
        for (unsigned i = 0; i < SUBMITTERS; i++)
            assert_int_equal(pthread_join(s[i].thread, NULL), 0);
        for (unsigned i = 0; i < SUBMITTERS; i++) {
            accepted += s[i].accepted;
            free(s[i].errands);
        }
        assert_int_equal(atomic_load(&g.ran), accepted);
        bench_close(b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_once_in_as_many_threads_as_asked_for),
        cmocka_unit_test(an_idle_thread_is_used_before_another_is_started),
        cmocka_unit_test(a_full_line_says_so_and_closing_runs_what_waits),
        cmocka_unit_test(many_may_submit_while_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
