/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases against plain writes, from several threads, on the real clock: loaders that win and fill,
 * waiters that are parked and promoted, writers that set and delete, somebody who clears
 * everything, and values so short-lived that they expire all the time. What is checked needs no
 * order of all events, only what each thread knows: a write that was complete before a fill began,
 * and after its lease was won, must have made the lease worthless; a lease is worthless only if
 * there was a write; tokens of fills grow; and every submission is answered once.
 */
#include "support/check.h"
#include "support/rng.h"
#include "support/sim.h"

#include "os/clock.h"
#include "os/thread.h"

#include <sched.h>
#include <unistd.h>

enum {
    KEYS = 4,
    LOADERS = 3,
    WAITERS = 2,
    WRITERS = 2,
    THREADS = LOADERS + WAITERS + WRITERS + 1,
    PLACES = 64,
    LEAST_MS = 1000,
    RUN_MS = 2000,
    NS_PER_MS = 1000000,
    LEASE_MS = 60000,
};

struct watched_key {
    char name[8];
    _Atomic uint64_t begun, ended; /* writes */
    _Atomic uint64_t last_write;   /* when the last that has ended began */
    _Atomic uint64_t filled_token;
};

struct field {
    attl *cache;
    struct watched_key keys[KEYS];
    int64_t end_ns;
    _Atomic uint64_t clock; /* of what the threads see */
    _Atomic uint64_t fills, losses, promotions, answers;
};

struct worker {
    struct thread thread;
    struct field *field;
    struct rng rng;
    attl_queue *queue;
    uint64_t submitted, answered;
    void (*turn)(struct worker *w);
};

static struct watched_key *
any_key(struct worker *w)
{
    return &w->field->keys[rng_below(&w->rng, KEYS)];
}

/* What is known of a key around the moment a lease was won. */
struct moment {
    uint64_t begun, ended; /* before */
    uint64_t time;         /* after */
};

static void
use_lease(struct worker *w, struct watched_key *k, uint64_t token, const struct moment *won)
{
    struct field *f = w->field;
    if (rng_one_in(&w->rng, 4))
        (void)sched_yield();
    uint64_t last_write = atomic_load(&k->last_write);
    uint64_t last_token = atomic_load(&k->filled_token);
    attl_fill_opts o = ATTL_FILL_OPTS_INIT;
    o.ttl_ms = 1 + (int64_t)rng_below(&w->rng, 5);
    o.soft_ms = rng_one_in(&w->rng, 2) ? 1 : 0;
    o.grace_ms = (int64_t)rng_below(&w->rng, 3);
    int status = attl_fill(f->cache, attl_s(k->name), token, attl_s("filled"), &o);
    CHECK(status == ATTL_OK || status == ATTL_E_LEASE_LOST, "%s", attl_err_name(status));
    if (status == ATTL_OK) {
        CHECK(last_write <= won->time, "a write that came after the lease was overwritten");
        CHECK(token > last_token, "an older lease filled after a newer one");
        uint64_t seen = last_token;
        while (seen < token && !atomic_compare_exchange_weak(&k->filled_token, &seen, token))
            ;
        atomic_fetch_add(&f->fills, 1);
    } else {
        CHECK(atomic_load(&k->begun) != won->begun || won->begun != won->ended,
              "a lease was lost although nobody wrote");
        atomic_fetch_add(&f->losses, 1);
    }
}

static void
turn_load(struct worker *w)
{
    struct watched_key *k = any_key(w);
    struct field *f = w->field;
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.lease_ms = LEASE_MS;
    attl_lease lease = ATTL_LEASE_INIT;
    attl_value v = ATTL_VALUE_INIT;
    struct moment won = { .begun = atomic_load(&k->begun) };
    won.ended = atomic_load(&k->ended);
    int status = attl_fetch(f->cache, attl_s(k->name), &o, &v, &lease);
    won.time = atomic_fetch_add(&f->clock, 1);
    attl_value_release(f->cache, &v);
    CHECK(status >= 0, "%s", attl_err_name(status));
    if (status == ATTL_WON)
        use_lease(w, k, lease.token, &won);
}

static uint64_t
write_begins(struct field *f, struct watched_key *k)
{
    atomic_fetch_add(&k->begun, 1);
    return atomic_fetch_add(&f->clock, 1);
}

static void
write_ends(struct watched_key *k, uint64_t began)
{
    uint64_t last = atomic_load(&k->last_write);
    while (last < began && !atomic_compare_exchange_weak(&k->last_write, &last, began))
        ;
    atomic_fetch_add(&k->ended, 1);
}

static void
turn_wait(struct worker *w)
{
    struct field *f = w->field;
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    attl_submit_opts so = ATTL_SUBMIT_OPTS_INIT;
    o.lease_ms = LEASE_MS;
    o.wait_ms = 1 + (int64_t)rng_below(&w->rng, 50);
    size_t i = rng_below(&w->rng, KEYS);
    so.user_data = i;
    uint64_t id;
    int status = attl_submit_fetch(w->queue, attl_s(f->keys[i].name), &o, &so, &id);
    CHECK(status == ATTL_OK || status == ATTL_E_BUSY, "%s", attl_err_name(status));
    w->submitted += status == ATTL_OK;
    if (status == ATTL_OK && rng_one_in(&w->rng, 8))
        (void)attl_queue_cancel(w->queue, id);
    attl_completion done[PLACES];
    size_t n = attl_queue_reap(w->queue, done, PLACES);
    w->answered += n;
    for (size_t j = 0; j < n; j++) {
        attl_value_release(f->cache, &done[j].value);
        if (done[j].status != ATTL_WON)
            continue;
        /* Nobody knows what was written between the lease and now: only give it on. */
        status = attl_renew(f->cache, attl_s(f->keys[done[j].user_data].name), done[j].number, 0);
        CHECK(status == ATTL_OK || status == ATTL_E_LEASE_LOST, "%s", attl_err_name(status));
        atomic_fetch_add(&f->promotions, 1);
    }
}

static void
turn_write(struct worker *w)
{
    struct watched_key *k = any_key(w);
    attl *c = w->field->cache;
    (void)usleep((useconds_t)rng_below(&w->rng, 50));
    uint64_t began = write_begins(w->field, k);
    int status = rng_one_in(&w->rng, 3) ? attl_del(c, attl_s(k->name))
                                        : attl_set(c, attl_s(k->name), attl_s("set"),
                                                   1 + (int64_t)rng_below(&w->rng, 3));
    CHECK(status >= 0, "%s", attl_err_name(status));
    write_ends(k, began);
}

static void
turn_clear(struct worker *w)
{
    struct field *f = w->field;
    uint64_t began[KEYS];
    (void)usleep((useconds_t)rng_below(&w->rng, 3000));
    for (size_t i = 0; i < KEYS; i++)
        began[i] = write_begins(f, &f->keys[i]);
    CHECK(attl_clear(f->cache) == ATTL_OK, "clear");
    for (size_t i = 0; i < KEYS; i++)
        write_ends(&f->keys[i], began[i]);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    while (clock_mono_ns() < w->field->end_ns)
        w->turn(w);
    return NULL;
}

static void
open_field(struct field *f)
{
    static const struct sim_option options[] = { { "validation.mode", "binary" }, { NULL, NULL } };
    f->cache = sim_open_real(options);
    for (size_t i = 0; i < KEYS; i++)
        (void)snprintf(f->keys[i].name, sizeof f->keys[i].name, "key%zu", i); /* it fits */
    f->end_ns = clock_mono_ns() + (int64_t)(LEAST_MS + test_scaled(RUN_MS)) * NS_PER_MS;
}

/* Whatever was submitted has been answered, and once. */
static void
settle(struct worker *w)
{
    if (!w->queue)
        return;
    attl_completion done[PLACES];
    attl_queue_shutdown(w->queue);
    while (attl_queue_wait(w->queue, 10000) == ATTL_OK) {
        size_t n = attl_queue_reap(w->queue, done, PLACES);
        w->answered += n;
        for (size_t j = 0; j < n; j++)
            attl_value_release(w->field->cache, &done[j].value);
    }
    CHECK(w->answered == w->submitted, "%" PRIu64 " answers to %" PRIu64 " submissions",
          w->answered, w->submitted);
    atomic_fetch_add(&w->field->answers, w->answered);
    attl_queue_close(&w->queue);
}

int
main(void)
{
    static struct field field;
    static struct worker workers[THREADS];
    uint64_t seed = test_seed();
    test_announce("lease races", seed);
    open_field(&field);
    for (unsigned i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        w->field = &field;
        w->turn = i < LOADERS                       ? turn_load
                  : i < LOADERS + WAITERS           ? turn_wait
                  : i < LOADERS + WAITERS + WRITERS ? turn_write
                                                    : turn_clear;
        w->rng = rng_from_seed(seed + i);
        if (w->turn == turn_wait)
            CHECK(attl_queue_open(field.cache, PLACES, &w->queue) == ATTL_OK, "queue");
    }
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(thread_start(&workers[i].thread, "racer", worker_main, &workers[i]), "thread");
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&workers[i].thread);
    for (unsigned i = 0; i < THREADS; i++)
        settle(&workers[i]);
    attl_load_stats s = { .struct_size = sizeof s };
    attl_load_stats_get(field.cache, &s);
    CHECK(s.waiting == 0, "%" PRIu64 " still wait", s.waiting);
    CHECK(field.fills > 0 && field.answers > 0, "nothing happened");
    printf("%" PRIu64 " fills, %" PRIu64 " lost, %" PRIu64 " promoted, %" PRIu64 " answers\n",
           (uint64_t)field.fills, (uint64_t)field.losses, (uint64_t)field.promotions,
           (uint64_t)field.answers);
    sim_close(&field.cache);
    return 0;
}
