/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Get-or-load in all its forms: in the calling thread, on the pool, in the caller's executor; with
 * loaders that succeed, fail, say that there is nothing, are slow, or ask for their own key. The
 * clock is simulated, but threads are real. Outcomes are told apart by status and by how often the
 * loader ran.
 */
#include "support/unit.h"

#include "os/thread.h"

#include <stdatomic.h>

enum { CROWD = 40, PLACES = 4096 };

#define KEY attl_s("key")

struct source {
    attl *cache;
    _Atomic int loads;
    const char *value; /* NULL: `status` */
    int status;
    int inner_status; /* of the re-entrant call */
    _Atomic int gate; /* while it is 0 the loader does not return */
    attl_load *load;  /* of the executor */
    char trace[80];   /* of the last load */
};

static int
load(void *ud, attl_load *l)
{
    struct source *s = ud;
    atomic_fetch_add(&s->loads, 1);
    assert_true(attl_load_key(l).len == 3);
    (void)snprintf(s->trace, sizeof s->trace, "%s", attl_load_trace(l));
    while (!atomic_load(&s->gate))
        ;
    if (!s->value)
        return s->status;
    int status = attl_load_done(l, attl_s(s->value), NULL);
    return status < 0 ? ATTL_OK : status;
}

static struct source
source_of(attl *cache, const char *value)
{
    return (struct source){ .cache = cache, .value = value, .status = ATTL_E_IO, .gate = 1 };
}

static attl_load_opts
lives(int64_t ttl_ms, int64_t soft_ms, int64_t grace_ms)
{
    attl_load_opts o = ATTL_LOAD_OPTS_INIT;
    o.ttl_ms = ttl_ms;
    o.soft_ms = soft_ms;
    o.grace_ms = grace_ms;
    return o;
}

static void
check_value(attl *c, attl_value *v, const char *want)
{
    if (want) {
        assert_int_equal(v->data.len, strlen(want));
        assert_memory_equal(v->data.data, want, v->data.len);
    } else {
        assert_null(v->data.data);
    }
    attl_value_release(c, v);
}

static void
get(struct source *s, const attl_load_opts *o, int want, const char *value)
{
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_or_load(s->cache, KEY, load, s, o, &v), want);
    check_value(s->cache, &v, value);
}

/* ---- in the calling thread ---- */

static void
a_miss_is_loaded_and_a_hit_is_not(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "v");
    attl_load_opts o = lives(1000, 0, 0);
    get(&s, &o, ATTL_OK, "v");
    get(&s, &o, ATTL_OK, "v");
    assert_int_equal(s.loads, 1);
    expect_ttl(f->cache, "key", 1000);
    sim_advance(&f->sim, 1000);
    get(&s, &o, ATTL_OK, "v");
    assert_int_equal(s.loads, 2);
}

static void
a_failure_serves_the_older_value_and_leaves_the_source_alone(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "old");
    attl_load_opts o = lives(1000, 0, 60000);
    o.backoff_ms = 500;
    get(&s, &o, ATTL_OK, "old");
    sim_advance(&f->sim, 1000);
    s.value = NULL;
    get(&s, &o, ATTL_STALE, "old");
    get(&s, &o, ATTL_STALE, "old");
    assert_int_equal(s.loads, 2);
    sim_advance(&f->sim, 500);
    s.value = "new";
    get(&s, &o, ATTL_OK, "new");
    assert_int_equal(s.loads, 3);
}

static void
a_failure_without_an_older_value_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(1000, 0, 60000);
    get(&s, &o, ATTL_E_LOADER, NULL);
    get(&s, &o, ATTL_E_LOADER, NULL); /* at once: the source is left alone */
    assert_int_equal(s.loads, 1);
    sim_advance(&f->sim, 1000);
    get(&s, &o, ATTL_E_LOADER, NULL);
    assert_int_equal(s.loads, 2);
}

static void
no_stale_means_none_even_after_a_failure(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "old");
    attl_load_opts o = lives(1000, 0, 60000);
    o.flags = ATTL_LOAD_NO_STALE;
    get(&s, &o, ATTL_OK, "old");
    sim_advance(&f->sim, 1000);
    s.value = NULL;
    get(&s, &o, ATTL_E_LOADER, NULL);
}

static void
that_there_is_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    s.status = ATTL_NEGATIVE;
    attl_load_opts o = lives(1000, 0, 0);
    get(&s, &o, ATTL_NEGATIVE, NULL);
    get(&s, &o, ATTL_NEGATIVE, NULL);
    assert_int_equal(s.loads, 2); /* not, without negative_ms */
    o.negative_ms = 300;
    get(&s, &o, ATTL_NEGATIVE, NULL);
    get(&s, &o, ATTL_NEGATIVE, NULL);
    assert_int_equal(s.loads, 3);
    sim_advance(&f->sim, 300);
    s.value = "v";
    get(&s, &o, ATTL_OK, "v");
}

static int
load_while_somebody_writes(void *ud, attl_load *l)
{
    struct source *s = ud;
    put(s->cache, "key", "theirs", 60000);
    ASSERT_STATUS(attl_load_done(l, attl_s("ours"), NULL), ATTL_E_LEASE_LOST);
    return ATTL_OK;
}

static void
a_value_written_meanwhile_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_or_load(f->cache, KEY, load_while_somebody_writes, &s, NULL, &v),
                  ATTL_OK);
    check_value(f->cache, &v, "ours"); /* what was loaded is the caller's all the same */
    expect(f->cache, "key", "theirs");
}

static int
load_reentrant(void *ud, attl_load *l)
{
    struct source *s = ud;
    attl_value v = ATTL_VALUE_INIT;
    s->inner_status = attl_get_or_load(s->cache, KEY, load, s, NULL, &v);
    return attl_load_done(l, attl_s("v"), NULL);
}

static void
a_loader_that_asks_for_its_own_key_is_told(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_value v = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_or_load(f->cache, KEY, load_reentrant, &s, NULL, &v), ATTL_OK);
    ASSERT_STATUS(s.inner_status, ATTL_E_REENTRANT);
    check_value(f->cache, &v, "v");
    assert_int_equal(s.loads, 0);
}

static int
load_keeping(void *ud, attl_load *l)
{
    struct source *s = ud;
    atomic_fetch_add(&s->loads, 1);
    attl_slice old;
    if (attl_load_stale(l, &old) != ATTL_OK)
        return attl_load_done(l, attl_s("first"), NULL);
    assert_memory_equal(old.data, "first", 5);
    return attl_load_keep(l, NULL);
}

static void
what_has_not_changed_is_kept(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(1000, 0, 60000);
    for (int i = 0; i < 3; i++) {
        attl_value v = ATTL_VALUE_INIT;
        ASSERT_STATUS(attl_get_or_load(f->cache, KEY, load_keeping, &s, &o, &v), ATTL_OK);
        check_value(f->cache, &v, "first");
        expect_ttl(f->cache, "key", 1000);
        sim_advance(&f->sim, 1000);
    }
    assert_int_equal(s.loads, 3);
}

static void
what_cannot_be_stored_reaches_the_caller(void **state)
{
    struct fixture *f = *state;
    sim_option(f->cache, "validation.max_value_bytes", "2");
    struct source s = source_of(f->cache, "too long for the cache, and for the struct itself");
    get(&s, NULL, ATTL_OK, s.value);
    expect(f->cache, "key", NULL);
}

static void
percent_of_life_renews_early(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "v");
    attl_load_opts o = lives(10000, 0, 0);
    o.early_percent = 80;
    get(&s, &o, ATTL_OK, "v");
    sim_advance(&f->sim, 7999);
    get(&s, &o, ATTL_OK, "v");
    assert_int_equal(s.loads, 1);
    sim_advance(&f->sim, 1);
    s.value = NULL;
    get(&s, &o, ATTL_OK, "v"); /* it fails, but the value is fresh still */
    assert_int_equal(s.loads, 2);
}

/* ---- many threads ---- */

struct asker {
    struct thread thread;
    struct source *source;
    const attl_load_opts *opts;
    int status;
    bool is_right;
};

static void *
ask_main(void *arg)
{
    struct asker *me = arg;
    attl_value v = ATTL_VALUE_INIT;
    me->status = attl_get_or_load(me->source->cache, KEY, load, me->source, me->opts, &v);
    me->is_right = v.data.len == 1 && memcmp(v.data.data, "v", 1) == 0;
    attl_value_release(me->source->cache, &v);
    return NULL;
}

static void
stampede(struct source *s, const attl_load_opts *o, int want)
{
    struct asker askers[CROWD] = { 0 };
    atomic_store(&s->gate, 0);
    for (int i = 0; i < CROWD; i++) {
        askers[i].source = s;
        askers[i].opts = o;
        assert_true(thread_start(&askers[i].thread, "asker", ask_main, &askers[i]));
    }
    attl_load_stats st = { .struct_size = sizeof st };
    do {
        attl_load_stats_get(s->cache, &st);
    } while (st.waiting < CROWD - 1);
    atomic_store(&s->gate, 1);
    for (int i = 0; i < CROWD; i++) {
        thread_join(&askers[i].thread);
        ASSERT_STATUS(askers[i].status, want);
        assert_int_equal(askers[i].is_right, want == ATTL_OK);
    }
    assert_int_equal(s->loads, 1);
}

static void
a_stampede_of_threads_loads_once(void **state)
{
    struct fixture *f = *state;
    static const struct sim_option none[] = { { "validation.mode", "binary" }, { NULL, NULL } };
    attl *cache = sim_open_real(none);
    struct source s = source_of(cache, "v");
    attl_load_opts o = lives(60000, 0, 0);
    o.timeout_ms = 60000;
    stampede(&s, &o, ATTL_OK);
    drop(cache, "key");
    struct source failing = source_of(cache, NULL);
    stampede(&failing, &o, ATTL_E_LOADER);
    sim_close(&cache);
    (void)f;
}

/* ---- submissions ---- */

static void
submit(attl_queue *q, struct source *s, const attl_load_opts *o)
{
    ASSERT_STATUS(
        attl_submit_get_or_load(q, KEY, o->executor ? NULL : load, o->executor ? NULL : s, o, NULL),
        ATTL_OK);
}

static void
reap(attl *c, attl_queue *q, int want, const char *value)
{
    attl_completion done;
    ASSERT_STATUS(attl_queue_wait(q, 20000), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &done, 1), 1);
    ASSERT_STATUS(done.status, want);
    assert_int_equal(done.kind, ATTL_OP_LOAD);
    check_value(c, &done.value, value);
}

static void
a_thousand_submissions_load_once(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "v");
    attl_load_opts o = lives(60000, 0, 0);
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    atomic_store(&s.gate, 0);
    for (int i = 0; i < 1000; i++)
        submit(q, &s, &o);
    atomic_store(&s.gate, 1);
    for (int i = 0; i < 1000; i++)
        reap(f->cache, q, ATTL_OK, "v");
    assert_int_equal(s.loads, 1);
    drop(f->cache, "key");
    s = source_of(f->cache, NULL);
    for (int i = 0; i < 1000; i++)
        submit(q, &s, &o);
    for (int i = 0; i < 1000; i++)
        reap(f->cache, q, ATTL_E_LOADER, NULL);
    assert_int_equal(s.loads, 1);
    attl_queue_close(&q);
}

static void
a_loader_knows_the_request_that_asked(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, "v");
    attl_load_opts o = lives(60000, 0, 0);
    attl_queue *q;
    ASSERT_STATUS(attl_trace_set("request-1"), ATTL_OK);
    get(&s, &o, ATTL_OK, "v");
    assert_string_equal(s.trace, "request-1");
    drop(f->cache, "key");
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    atomic_store(&s.gate, 0);
    submit(q, &s, &o);
    ASSERT_STATUS(attl_trace_set("request-2"), ATTL_OK);
    submit(q, &s, &o); /* waits for the first one's load */
    atomic_store(&s.gate, 1);
    reap(f->cache, q, ATTL_OK, "v");
    reap(f->cache, q, ATTL_OK, "v");
    assert_string_equal(s.trace, "request-1");
    drop(f->cache, "key");
    ASSERT_STATUS(attl_trace_set(NULL), ATTL_OK);
    submit(q, &s, &o);
    reap(f->cache, q, ATTL_OK, "v");
    assert_string_equal(s.trace, "");
    attl_queue_close(&q);
}

static void
hold(void *ud, attl_load *l)
{
    struct source *s = ud;
    atomic_fetch_add(&s->loads, 1);
    s->load = l;
}

static void
an_executor_completes_when_it_likes(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(1000, 0, 60000);
    o.executor = hold;
    o.executor_ud = &s;
    attl_queue *q;
    attl_completion none;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    submit(q, &s, &o);
    submit(q, &s, &o);
    assert_int_equal(attl_queue_reap(q, &none, 1), 0);
    ASSERT_STATUS(attl_load_done(s.load, attl_s("v"), NULL), ATTL_OK);
    reap(f->cache, q, ATTL_OK, "v");
    reap(f->cache, q, ATTL_OK, "v");
    assert_int_equal(s.loads, 1);
    sim_advance(&f->sim, 1000); /* now there is an older value: it completes at once */
    submit(q, &s, &o);
    reap(f->cache, q, ATTL_STALE, "v");
    assert_int_equal(s.loads, 2);
    o.flags = ATTL_LOAD_FRESH; /* ... unless somebody wants to wait */
    submit(q, &s, &o);
    assert_int_equal(attl_queue_reap(q, &none, 1), 0);
    ASSERT_STATUS(attl_load_fail(s.load, ATTL_E_IO), ATTL_OK);
    reap(f->cache, q, ATTL_STALE, "v");
    attl_queue_close(&q);
}

static void
a_load_that_is_late_may_still_store(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(60000, 0, 0);
    o.executor = hold;
    o.executor_ud = &s;
    o.timeout_ms = 100;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    submit(q, &s, &o);
    sim_advance(&f->sim, 100);
    attl_tick(f->cache, 0, NULL);
    reap(f->cache, q, ATTL_E_TIMEOUT, NULL);
    ASSERT_STATUS(attl_load_done(s.load, attl_s("late"), NULL), ATTL_OK);
    expect(f->cache, "key", "late");
    drop(f->cache, "key");
    submit(q, &s, &o); /* ... but not when its lease is over */
    sim_advance(&f->sim, 30000);
    attl_tick(f->cache, 0, NULL);
    reap(f->cache, q, ATTL_E_TIMEOUT, NULL);
    ASSERT_STATUS(attl_load_done(s.load, attl_s("too late"), NULL), ATTL_E_LEASE_LOST);
    expect(f->cache, "key", NULL);
    attl_queue_close(&q);
}

static void
the_next_who_waits_loads_when_the_lease_is_over(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(60000, 0, 0);
    o.executor = hold;
    o.executor_ud = &s;
    o.lease_ms = 100;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    submit(q, &s, &o);
    submit(q, &s, &o);
    attl_load *first = s.load;
    sim_advance(&f->sim, 100);
    attl_tick(f->cache, 0, NULL);
    assert_int_equal(s.loads, 2);
    assert_ptr_not_equal(s.load, first);
    ASSERT_STATUS(attl_load_done(first, attl_s("late"), NULL), ATTL_E_LEASE_LOST);
    ASSERT_STATUS(attl_load_done(s.load, attl_s("v"), NULL), ATTL_OK);
    reap(f->cache, q, ATTL_OK, "v");
    reap(f->cache, q, ATTL_OK, "v");
    attl_queue_close(&q);
}

static void
an_executors_loader_is_known_by_its_parent(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(60000, 0, 0);
    o.executor = hold;
    o.executor_ud = &s;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    submit(q, &s, &o);
    attl_load *outer = s.load;
    o.parent = outer;
    submit(q, &s, &o);
    reap(f->cache, q, ATTL_E_REENTRANT, NULL);
    ASSERT_STATUS(attl_load_done(outer, attl_s("v"), NULL), ATTL_OK);
    reap(f->cache, q, ATTL_OK, "v");
    attl_queue_close(&q);
}

static void
cancelled_submissions_do_not_stop_the_load(void **state)
{
    struct fixture *f = *state;
    struct source s = source_of(f->cache, NULL);
    attl_load_opts o = lives(60000, 0, 0);
    o.executor = hold;
    o.executor_ud = &s;
    attl_queue *q;
    ASSERT_STATUS(attl_queue_open(f->cache, PLACES, &q), ATTL_OK);
    uint64_t id;
    ASSERT_STATUS(attl_submit_get_or_load(q, KEY, NULL, NULL, &o, &id), ATTL_OK);
    ASSERT_STATUS(attl_queue_cancel(q, id), ATTL_OK);
    reap(f->cache, q, ATTL_E_CANCELED, NULL);
    ASSERT_STATUS(attl_load_done(s.load, attl_s("v"), NULL), ATTL_OK);
    expect(f->cache, "key", "v");
    attl_queue_close(&q);
}

static int
load_the_empty_key(void *ud, attl_load *l)
{
    (void)ud;
    assert_int_equal(attl_load_key(l).len, 0);
    (void)attl_load_done(l, attl_s("v"), NULL);
    return ATTL_OK;
}

static void
the_empty_key_needs_no_address(void **state)
{
    attl *c = ((struct fixture *)*state)->cache;
    attl_slice empty = attl_b(NULL, 0);
    attl_value v = ATTL_VALUE_INIT;
    attl_queue *q;
    attl_completion done;
    ASSERT_STATUS(attl_get_or_load(c, empty, load_the_empty_key, NULL, NULL, &v), ATTL_OK);
    attl_value_release(c, &v);
    drop(c, "");
    ASSERT_STATUS(attl_queue_open(c, 8, &q), ATTL_OK);
    ASSERT_STATUS(attl_submit_get_or_load(q, empty, load_the_empty_key, NULL, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_queue_wait(q, -1), ATTL_OK);
    assert_int_equal(attl_queue_reap(q, &done, 1), 1);
    ASSERT_STATUS(done.status, ATTL_OK);
    attl_value_release(c, &done.value);
    attl_queue_close(&q);
    expect(c, "", "v");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_empty_key_needs_no_address),
        UNIT_TEST(a_miss_is_loaded_and_a_hit_is_not),
        UNIT_TEST(a_failure_serves_the_older_value_and_leaves_the_source_alone),
        UNIT_TEST(a_failure_without_an_older_value_is_an_error),
        UNIT_TEST(no_stale_means_none_even_after_a_failure),
        UNIT_TEST(that_there_is_nothing_is_kept),
        UNIT_TEST(a_value_written_meanwhile_is_not_overwritten),
        UNIT_TEST(a_loader_that_asks_for_its_own_key_is_told),
        UNIT_TEST(what_has_not_changed_is_kept),
        UNIT_TEST(what_cannot_be_stored_reaches_the_caller),
        UNIT_TEST(percent_of_life_renews_early),
        UNIT_TEST(a_stampede_of_threads_loads_once),
        UNIT_TEST(a_thousand_submissions_load_once),
        UNIT_TEST(a_loader_knows_the_request_that_asked),
        UNIT_TEST(an_executor_completes_when_it_likes),
        UNIT_TEST(a_load_that_is_late_may_still_store),
        UNIT_TEST(the_next_who_waits_loads_when_the_lease_is_over),
        UNIT_TEST(an_executors_loader_is_known_by_its_parent),
        UNIT_TEST(cancelled_submissions_do_not_stop_the_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
