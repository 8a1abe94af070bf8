/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One completion per submission, whoever decides it. First each decider alone: the worker, the
 * deadline, a cancellation, a shutdown, a close; then all of them at once, in threads of their own,
 * with every completion counted by its number. Memory is the sanitizers' business, and a walk over
 * failing allocations says that a refusal leaves nothing behind.
 */
#include "engine/submission.h"

#include "base/alloc.h"
#include "engine/task.h"
#include "engine/value.h"
#include "engine_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLACES = 8, BATCH = 64, PATIENCE_MS = 20000 };

static const char *const quiet[] = { "cache.background", "no", "async.queue", "4", NULL };

struct scene {
    struct bench *bench;
    attl_queue *q;
};

struct piece {
    struct submission submission;
    unsigned *abandoned;
};

static int
setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    if (!s)
        return -1;
    s->bench = bench_open(quiet, false);
    assert_int_equal(completion_queue_open(&s->bench->engine, PLACES, &s->q), ATTL_OK);
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *s = *state;
    if (s->q)
        completion_queue_close(s->q);
    if (s->bench)
        bench_close(s->bench);
    free(s);
    return 0;
}

static void
count_abandoned(struct submission *s)
{
    struct piece *p = (struct piece *)s;
    (*p->abandoned)++;
}

static struct submission *
begin(struct scene *s, uint64_t user_data, int64_t timeout_ms, unsigned *abandoned)
{
    struct submission_spec spec = { user_data, timeout_ms };
    struct submission *sub;
    assert_int_equal(submission_new(s->q, sizeof(struct piece), ATTL_OP_LOAD, &spec, &sub),
                     ATTL_OK);
    if (abandoned) {
        ((struct piece *)sub)->abandoned = abandoned;
        sub->abandoned = count_abandoned;
    }
    submission_open(sub, &spec);
    return sub;
}

static void
expect_one(struct scene *s, uint64_t id, uint64_t user_data, int status)
{
    attl_completion out[2];
    assert_int_equal(completion_reap(s->q, out, 2), 1);
    assert_int_equal(out[0].id, id);
    assert_int_equal(out[0].user_data, user_data);
    assert_int_equal(out[0].kind, ATTL_OP_LOAD);
    assert_int_equal(out[0].status, status);
    value_release(NULL, &out[0].value);
    assert_int_equal(completion_reap(s->q, out, 2), 0);
}

static void
pass(struct scene *s, int64_t ms)
{
    atomic_fetch_add(&s->bench->now_ms, ms);
    (void)engine_maintain(&s->bench->engine, 0);
}

static void
the_worker_decides(void **state)
{
    struct scene *s = *state;
    unsigned abandoned = 0;
    struct submission *sub = begin(s, 7, 100, &abandoned);
    uint64_t id = sub->id;
    assert_true(submission_begin(sub));
    assert_false(submission_is_over(sub));
    attl_completion c = { .status = ATTL_OK };
    assert_true(
        value_copy(&s->q->alloc, attl_s("a value of more than thirty-two bytes"), &c.value));
    assert_true(submission_complete(sub, &c));
    assert_int_equal(submission_cancel(s->q, id), ATTL_MISS);
    assert_int_equal(timers_next(&s->bench->engine.timers), INT64_MAX);
    expect_one(s, id, 7, ATTL_OK);
    assert_int_equal(abandoned, 0);
}

static void
a_cancellation_decides_once(void **state)
{
    struct scene *s = *state;
    unsigned abandoned = 0;
    struct submission *sub = begin(s, 1, 100, &abandoned);
    uint64_t id = sub->id;
    assert_int_equal(submission_cancel(s->q, id + 1), ATTL_MISS);
    assert_int_equal(submission_cancel(s->q, 0), ATTL_MISS);
    assert_int_equal(submission_cancel(s->q, UINT64_MAX), ATTL_MISS);
    assert_int_equal(submission_cancel(s->q, id), ATTL_OK);
    assert_int_equal(submission_cancel(s->q, id), ATTL_MISS);
    assert_int_equal(abandoned, 1);
    assert_true(submission_is_over(sub));
    assert_false(submission_begin(sub));
    attl_completion c = { .status = ATTL_OK };
    assert_true(
        value_copy(&s->q->alloc, attl_s("released, because nobody waits for it"), &c.value));
    assert_false(submission_complete(sub, &c));
    expect_one(s, id, 1, ATTL_E_CANCELED);
}

static void
a_deadline_decides(void **state)
{
    struct scene *s = *state;
    unsigned abandoned = 0;
    struct submission *sub = begin(s, 1, 100, &abandoned);
    uint64_t id = sub->id;
    attl_completion out;
    assert_true(submission_begin(sub)); /* begun or not */
    pass(s, 99);
    assert_int_equal(completion_reap(s->q, &out, 1), 0);
    pass(s, 1);
    expect_one(s, id, 1, ATTL_E_TIMEOUT);
    assert_int_equal(abandoned, 1);
    assert_false(submission_complete_status(sub, ATTL_OK));
    pass(s, 1000);
    assert_int_equal(completion_reap(s->q, &out, 1), 0);
}

static void
a_shutdown_ends_what_has_not_begun(void **state)
{
    struct scene *s = *state;
    unsigned abandoned = 0;
    struct submission *waits = begin(s, 1, 100, &abandoned), *works = begin(s, 2, 0, &abandoned);
    uint64_t waiting = waits->id, working = works->id;
    struct submission_spec spec = { 0 };
    struct submission *none;
    assert_true(submission_begin(works));
    completion_queue_shutdown(s->q);
    expect_one(s, waiting, 1, ATTL_E_CLOSED);
    assert_int_equal(submission_new(s->q, sizeof(*none), 1, &spec, &none), ATTL_E_CLOSED);
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_TIMEOUT);
    assert_false(submission_begin(waits));
    submission_unref(waits);
    assert_true(submission_complete_status(works, ATTL_MISS));
    expect_one(s, working, 2, ATTL_MISS);
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_CLOSED);
    assert_int_equal(abandoned, 1);
}

static void
closing_ends_all_and_leaves_the_workers_alone(void **state)
{
    struct scene *s = *state;
    struct submission *waits = begin(s, 1, 100, NULL), *works = begin(s, 2, 100, NULL);
    assert_true(submission_begin(works));
    completion_queue_close(s->q);
    s->q = NULL;
    assert_int_equal(timers_next(&s->bench->engine.timers), INT64_MAX);
    assert_true(submission_is_over(works));
    assert_false(submission_complete_status(works, ATTL_OK));
    assert_false(submission_complete_status(waits, ATTL_OK));
}

static void
the_end_of_the_cache_ends_all(void **state)
{
    struct scene *s = *state;
    struct submission *sub = begin(s, 1, 100, NULL);
    uint64_t id = sub->id;
    submission_unref(sub); /* a worker that has gone without a word */
    bench_close(s->bench);
    s->bench = NULL;
    expect_one(s, id, 1, ATTL_E_CLOSED);
}

static void
one_that_was_taken_back_leaves_no_trace(void **state)
{
    struct scene *s = *state;
    struct submission_spec spec = { 0 };
    struct submission *sub;
    attl_completion out;
    for (unsigned i = 0; i < PLACES * 3; i++) {
        assert_int_equal(submission_new(s->q, sizeof(*sub), 1, &spec, &sub), ATTL_OK);
        submission_drop(sub);
        assert_true(submission_close(begin(s, 1, 100, NULL)));
    }
    assert_int_equal(timers_next(&s->bench->engine.timers), INT64_MAX);
    sub = begin(s, 1, 0, NULL);
    uint64_t id = sub->id;
    assert_int_equal(submission_cancel(s->q, id), ATTL_OK);
    assert_false(submission_close(sub)); /* too late: it has its completion */
    expect_one(s, id, 1, ATTL_E_CANCELED);
    assert_int_equal(completion_reap(s->q, &out, 1), 0);
}

static void
a_full_queue_refuses(void **state)
{
    struct scene *s = *state;
    struct submission_spec spec = { 0 };
    struct submission *subs[PLACES], *none;
    attl_completion out[PLACES];
    for (unsigned i = 0; i < PLACES; i++)
        subs[i] = begin(s, i, 0, NULL);
    assert_int_equal(submission_new(s->q, sizeof(*none), 1, &spec, &none), ATTL_E_BUSY);
    for (unsigned i = 0; i < PLACES; i++)
        assert_true(submission_complete_status(subs[i], ATTL_OK));
    assert_int_equal(submission_new(s->q, sizeof(*none), 1, &spec, &none), ATTL_E_BUSY);
    assert_int_equal(completion_reap(s->q, out, PLACES), PLACES);
    assert_int_equal(submission_new(s->q, sizeof(*none), 1, &spec, &none), ATTL_OK);
    submission_drop(none);
}

static void
options_are_checked(void **state)
{
    struct submission_spec spec;
    struct {
        attl_submit_opts opts;
        uint64_t more;
    } newer = { ATTL_SUBMIT_OPTS_INIT, 0 };
    (void)state;
    assert_int_equal(submission_spec_of(NULL, &spec), ATTL_OK);
    assert_int_equal(spec.timeout_ms, 0);
    newer.opts.user_data = 5;
    newer.opts.timeout_ms = 6;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_OK);
    assert_int_equal(spec.user_data, 5);
    assert_int_equal(spec.timeout_ms, 6);
    newer.opts.struct_size = sizeof(newer);
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_OK);
    newer.more = 1;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_E_UNSUPPORTED);
    newer.opts = (attl_submit_opts)ATTL_SUBMIT_OPTS_INIT;
    newer.opts.flags = 1;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_E_UNSUPPORTED);
    newer.opts.flags = 0;
    newer.opts.timeout_ms = -1;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_E_INVALID);
    newer.opts.timeout_ms = INT64_MAX;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_E_INVALID);
    newer.opts.struct_size = 8;
    assert_int_equal(submission_spec_of(&newer.opts, &spec), ATTL_E_INVALID);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

struct stop {
    struct task task;
    _Atomic bool *is_open;
    _Atomic unsigned *worked;
};

static void
nap(void)
{
    struct parker p;
    parker_init(&p);
    parker_sleep(&p, 1);
}

static void
wait_at_stop(struct task *t, attl_completion *c)
{
    struct stop *stop = (struct stop *)t;
    while (!atomic_load(stop->is_open) && !submission_is_over(&t->submission))
        nap();
    atomic_fetch_add(stop->worked, 1);
    c->status = ATTL_MISS;
}

struct crossing {
    _Atomic bool is_open;
    _Atomic unsigned worked;
};

static int
send(struct scene *s, struct crossing *x, uint64_t *ret_id)
{
    struct submission_spec spec = { 0 };
    struct task *t;
    int status = task_make(s->q, sizeof(struct stop), ATTL_OP_LOAD, &spec, &t);
    if (status != ATTL_OK)
        return status;
    ((struct stop *)t)->is_open = &x->is_open;
    ((struct stop *)t)->worked = &x->worked;
    t->work = wait_at_stop;
    return task_submit(t, &spec, ret_id);
}

static void
the_pool_does_what_is_wanted_and_no_more(void **state)
{
    struct scene *s = *state;
    struct crossing x = { .is_open = false };
    uint64_t ids[PLACES];
    attl_completion out[PLACES];
    unsigned sent = 0;
    for (unsigned ms = 0; sent < 6 && ms < PATIENCE_MS; ms++) { /* two at work, four in the line */
        int status = send(s, &x, &ids[sent]);
        sent += status == ATTL_OK;
        if (status == ATTL_E_BUSY)
            nap(); /* the two threads take theirs */
    }
    assert_int_equal(sent, 6);
    assert_int_equal(send(s, &x, &ids[sent]), ATTL_E_BUSY);
    assert_int_equal(submission_cancel(s->q, ids[4]), ATTL_OK);
    atomic_store(&x.is_open, true);
    for (unsigned seen = 0; seen < sent;) {
        assert_int_equal(completion_wait(s->q, -1), ATTL_OK);
        size_t n = completion_reap(s->q, out, PLACES);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i].status, out[i].id == ids[4] ? ATTL_E_CANCELED : ATTL_MISS);
        seen += n;
    }
    assert_int_equal(atomic_load(&x.worked), sent - 1);
    for (unsigned i = 0; i < PLACES; i++) /* every place is free again */
        assert_int_equal(completion_reserve(s->q), ATTL_OK);
    for (unsigned i = 0; i < PLACES; i++)
        completion_unreserve(s->q);
}

static void
closing_the_cache_completes_what_waits_for_the_pool(void **state)
{
    struct scene *s = *state;
    struct crossing x = { .is_open = true };
    attl_completion out[PLACES];
    unsigned sent = 0, seen = 0, closed = 0;
    while (sent < PLACES && send(s, &x, NULL) == ATTL_OK)
        sent++;
    bench_close(s->bench);
    s->bench = NULL;
    for (size_t n; (n = completion_reap(s->q, out, PLACES)) > 0; seen += n)
        for (size_t i = 0; i < n; i++)
            closed += out[i].status == ATTL_E_CLOSED;
    assert_int_equal(seen, sent);
    assert_int_equal(atomic_load(&x.worked), sent - closed);
    assert_int_equal(completion_wait(s->q, 0), ATTL_E_CLOSED);
}

/* ---- everybody at once ----------------------------------------------------------------------- */

enum { RACE_PLACES = 256, WORKERS = 2 };

struct race {
    struct bench *bench;
    attl_queue *q;
    uint64_t count;
    _Atomic uint64_t accepted; /* numbers below it have been accepted */
    _Atomic uint64_t next_id[RACE_PLACES];
    _Atomic(struct submission *) line[RACE_PLACES];
    _Atomic bool done, stops;
};

/* Hands submissions to the workers by a table of pointers. */
static void *
race_submit(void *arg)
{
    struct race *r = arg;
    struct rng rng = rng_from_seed(test_seed());
    for (uint64_t n = 0; n < r->count;) {
        struct submission_spec spec = { n, (int64_t)rng_below(&rng, 4) };
        struct submission *sub;
        int status = submission_new(r->q, sizeof(*sub), ATTL_OP_LOAD, &spec, &sub);
        if (status == ATTL_E_CLOSED)
            break;
        if (status == ATTL_E_BUSY) {
            sched_yield();
            continue;
        }
        CHECK(status == ATTL_OK, "%d", status);
        submission_open(sub, &spec);
        atomic_store(&r->next_id[n % RACE_PLACES], sub->id);
        atomic_store(&r->accepted, ++n);
        struct submission *empty = NULL;
        size_t at = rng_below(&rng, RACE_PLACES);
        while (!atomic_compare_exchange_strong(&r->line[at], &empty, sub)) {
            empty = NULL;
            at = (at + 1) % RACE_PLACES;
            sched_yield();
        }
    }
    atomic_store(&r->done, true);
    return NULL;
}

static void *
race_work(void *arg)
{
    struct race *r = arg;
    bool last = false;
    while (!last) {
        last = atomic_load(&r->done);
        for (size_t i = 0; i < RACE_PLACES; i++) {
            struct submission *sub = atomic_exchange(&r->line[i], NULL);
            if (!sub)
                continue;
            if (i % 3 == 0)
                sched_yield();
            (void)submission_begin(sub);
            (void)submission_complete_status(sub, ATTL_OK);
        }
    }
    return NULL;
}

static void *
race_disturb(void *arg)
{
    struct race *r = arg;
    struct rng rng = rng_from_seed(test_seed() + 1);
    while (!atomic_load(&r->stops)) {
        (void)submission_cancel(r->q, atomic_load(&r->next_id[rng_below(&rng, RACE_PLACES)]));
        if (rng_below(&rng, 4) == 0)
            atomic_fetch_add(&r->bench->now_ms, 1);
        (void)engine_maintain(&r->bench->engine, 0);
    }
    return NULL;
}

struct tally {
    unsigned char *seen;
    uint64_t total, by_status[4];
};

static void
count(struct tally *t, const attl_completion *c)
{
    CHECK(!t->seen[c->user_data], "%" PRIu64 " completed twice", c->user_data);
    t->seen[c->user_data] = 1;
    t->total++;
    switch (c->status) {
    case ATTL_OK: t->by_status[0]++; break;
    case ATTL_E_TIMEOUT: t->by_status[1]++; break;
    case ATTL_E_CANCELED: t->by_status[2]++; break;
    case ATTL_E_CLOSED: t->by_status[3]++; break;
    default: CHECK(false, "status %d", c->status);
    }
}

static void
race_once(struct race *r, bool shuts_down)
{
    pthread_t submitter, workers[WORKERS], disturber;
    struct tally t = { .seen = calloc(r->count, 1) };
    attl_completion out[BATCH];
    uint64_t stop_at = r->count / 2;
    CHECK(t.seen, "no memory");
    CHECK(pthread_create(&submitter, NULL, race_submit, r) == 0, "no thread");
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&workers[i], NULL, race_work, r) == 0, "no thread");
    CHECK(pthread_create(&disturber, NULL, race_disturb, r) == 0, "no thread");
    for (int status = ATTL_OK; status != ATTL_E_CLOSED;) {
        for (size_t n; (n = completion_reap(r->q, out, BATCH)) > 0;)
            for (size_t i = 0; i < n; i++)
                count(&t, &out[i]);
        if ((shuts_down && t.total >= stop_at) || atomic_load(&r->done))
            completion_queue_shutdown(r->q);
        status = completion_wait(r->q, 1);
    }
    CHECK(pthread_join(submitter, NULL) == 0, "join");
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(pthread_join(workers[i], NULL) == 0, "join");
    atomic_store(&r->stops, true);
    CHECK(pthread_join(disturber, NULL) == 0, "join");
    CHECK(completion_reap(r->q, out, BATCH) == 0, "one too many");
    CHECK(t.total == atomic_load(&r->accepted), "%" PRIu64 " completions of %" PRIu64, t.total,
          atomic_load(&r->accepted));
    printf("# %" PRIu64 " done, %" PRIu64 " late, %" PRIu64 " cancelled, %" PRIu64 " closed\n",
           t.by_status[0], t.by_status[1], t.by_status[2], t.by_status[3]);
    free(t.seen);
}

static void
each_has_exactly_one_completion_however_they_race(void **state)
{
    (void)state;
    test_announce("race", test_seed());
    for (unsigned round = 0; round < 6; round++) {
        struct race *r = calloc(1, sizeof(*r));
        assert_non_null(r);
        r->bench = bench_open(quiet, false);
        r->count = test_scaled(8000);
        assert_int_equal(
            completion_queue_open(&r->bench->engine, round % 2 ? 16 : RACE_PLACES, &r->q), ATTL_OK);
        race_once(r, round >= 4);
        if (round % 3 == 0) {
            bench_close(r->bench);
            completion_queue_close(r->q);
        } else {
            completion_queue_close(r->q);
            bench_close(r->bench);
        }
        free(r);
    }
}

/* ---- no memory ------------------------------------------------------------------------------- */

static void *
no_alloc(void *ud, size_t bytes)
{
    (void)ud;
    (void)bytes;
    return NULL;
}

static void
no_free(void *ud, void *ptr)
{
    (void)ud;
    assert_null(ptr);
}

static void
without_memory_nothing_was_accepted(void **state)
{
    struct scene *s = *state;
    attl_allocator before = s->q->alloc;
    struct submission_spec spec = { 0 };
    struct submission *sub;
    for (unsigned i = 0; i < PLACES * 2; i++) {
        s->q->alloc = (attl_allocator){ no_alloc, no_free, NULL };
        assert_int_equal(submission_new(s->q, sizeof(*sub), 1, &spec, &sub), ATTL_E_NOMEM);
        s->q->alloc = before;
    }
    assert_int_equal(submission_new(s->q, sizeof(*sub), 1, &spec, &sub), ATTL_OK);
    submission_drop(sub);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_worker_decides),
        TEST(a_cancellation_decides_once),
        TEST(a_deadline_decides),
        TEST(a_shutdown_ends_what_has_not_begun),
        TEST(closing_ends_all_and_leaves_the_workers_alone),
        TEST(the_end_of_the_cache_ends_all),
        TEST(one_that_was_taken_back_leaves_no_trace),
        TEST(a_full_queue_refuses),
        TEST(options_are_checked),
        TEST(the_pool_does_what_is_wanted_and_no_more),
        TEST(closing_the_cache_completes_what_waits_for_the_pool),
        cmocka_unit_test(each_has_exactly_one_completion_however_they_race),
        TEST(without_memory_nothing_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
