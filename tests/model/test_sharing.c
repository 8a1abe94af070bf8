/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several writers on the same keys. Each atomic call has a sum that comes out wrong if two of them
 * ever overlap: increments and compare-and-sets that add up, a lock taken with NX that only one
 * thread may hold, appended marks that are all there, a token that is renamed from slot to slot and
 * never copied or lost. A last thread clears the whole cache under fire.
 */
#include "support/check.h"
#include "support/rng.h"
#include "support/sim.h"
#include "support/stamp.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, TURNS = 30000, SLOTS = 3, MARK_BYTES = 4 };

struct sharing {
    attl *cache;
    _Atomic int holders;    /* of the lock kept in the cache */
    _Atomic uint64_t swaps; /* compare-and-sets that succeeded */
    _Atomic int64_t added;  /* by increments */
    _Atomic uint64_t marks; /* appended */
    uint64_t turns;
};

struct worker {
    struct sharing *shared;
    struct rng rng;
    unsigned number;
    int64_t sum_seen; /* only positive numbers are added to "up", so it never goes back */
    pthread_t thread;
};

static void
add_to_sums(struct worker *w)
{
    int64_t delta = (int64_t)rng_below(&w->rng, 2001) - 1000;
    int64_t value;
    int status = attl_incr(w->shared->cache, attl_s("sum"), delta, ATTL_TTL_NONE, &value);
    CHECK(status == ATTL_OK, "incr: %s", attl_err_name(status));
    atomic_fetch_add(&w->shared->added, delta);
    status = attl_incr(w->shared->cache, attl_s("up"), 1, ATTL_TTL_NONE, &value);
    CHECK(status == ATTL_OK && value > w->sum_seen, "up went from %" PRId64 " to %" PRId64,
          w->sum_seen, value);
    w->sum_seen = value;
}

static void
read_up(struct worker *w)
{
    char text[32] = "";
    size_t len = 0;
    int status = attl_get(w->shared->cache, attl_s("up"), text, sizeof(text) - 1, &len);
    if (status == ATTL_MISS) {
        CHECK(w->sum_seen == 0, "up is gone");
        return;
    }
    CHECK(status == ATTL_OK, "get: %s", attl_err_name(status));
    int64_t value = strtoll(text, NULL, 10);
    CHECK(value >= w->sum_seen, "up went back from %" PRId64 " to %" PRId64, w->sum_seen, value);
    w->sum_seen = value;
}

static void
compare_and_set(struct worker *w)
{
    attl_value old = ATTL_VALUE_INIT;
    struct stamp s;
    unsigned char bytes[200];
    int status = attl_get_pin(w->shared->cache, attl_s("swapped"), &old);
    CHECK(status == ATTL_OK && stamp_read(old.data, &s), "swapped: %s", attl_err_name(status));
    size_t len = STAMP_BYTES_MIN + rng_below(&w->rng, 100);
    stamp_write(bytes, len, w->number, s.version + 1, 0);
    if (rng_one_in(&w->rng, 2)) {
        status = attl_cas(w->shared->cache, attl_s("swapped"), attl_digest(old.data),
                          attl_b(bytes, len), ATTL_TTL_KEEP);
    } else {
        attl_set_opts opts = ATTL_SET_OPTS_INIT;
        opts.flags = ATTL_SET_IFEQ;
        opts.match = old.data;
        opts.ttl_ms = ATTL_TTL_NONE;
        status =
            attl_set_if(w->shared->cache, attl_s("swapped"), attl_b(bytes, len), &opts, NULL, NULL);
    }
    CHECK(status == ATTL_OK || status == ATTL_NOT_SET, "cas: %s", attl_err_name(status));
    if (status == ATTL_OK) {
        atomic_fetch_add(&w->shared->swaps, 1);
    }
    attl_value_release(w->shared->cache, &old);
}

static void
take_the_lock(struct worker *w)
{
    char token[32];
    int n = snprintf(token, sizeof(token), "%u/%" PRIu64, w->number, rng_u64(&w->rng));
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.flags = ATTL_SET_NX;
    opts.ttl_ms = 3600000;
    opts.match = attl_b(token, (size_t)n);
    int status = attl_set_if(w->shared->cache, attl_s("lock"), opts.match, &opts, NULL, NULL);
    CHECK(status == ATTL_OK || status == ATTL_NOT_SET, "lock: %s", attl_err_name(status));
    if (status != ATTL_OK) {
        return;
    }
    CHECK(atomic_fetch_add(&w->shared->holders, 1) == 0, "two threads hold the lock");
    atomic_fetch_sub(&w->shared->holders, 1);
    opts.flags = ATTL_SET_IFEQ;
    status = attl_del_if(w->shared->cache, attl_s("lock"), &opts);
    CHECK(status == ATTL_OK, "unlock: %s", attl_err_name(status));
}

static void
append_mark(struct worker *w)
{
    char mark[MARK_BYTES + 1];
    uint64_t len = 0;
    (void)snprintf(mark, sizeof(mark), "<%u >", w->number % 10);
    int status = attl_append(w->shared->cache, attl_s("marks"), attl_b(mark, MARK_BYTES), &len);
    CHECK(status == ATTL_OK && len % MARK_BYTES == 0 && len > 0, "append: %s, %" PRIu64 " bytes",
          attl_err_name(status), len);
    atomic_fetch_add(&w->shared->marks, 1);
}

static void
pass_the_token(struct worker *w)
{
    char from[16], to[16];
    (void)snprintf(from, sizeof(from), "slot%u", (unsigned)rng_below(&w->rng, SLOTS));
    (void)snprintf(to, sizeof(to), "slot%u", (unsigned)rng_below(&w->rng, SLOTS));
    int status = attl_rename(w->shared->cache, attl_s(from), attl_s(to),
                             rng_one_in(&w->rng, 2) ? ATTL_SET_NX : 0);
    CHECK(status == ATTL_OK || status == ATTL_MISS ||
              (status == ATTL_NOT_SET && strcmp(from, to) == 0),
          "rename %s to %s: %s", from, to, attl_err_name(status));
}

static void *
worker_main(void *ud)
{
    struct worker *w = ud;
    for (uint64_t i = 0; i < w->shared->turns; i++) {
        switch (rng_below(&w->rng, 7)) {
        case 0:
        case 1: add_to_sums(w); break;
        case 2: read_up(w); break;
        case 3: compare_and_set(w); break;
        case 4: take_the_lock(w); break;
        case 5: append_mark(w); break;
        default: pass_the_token(w); break;
        }
        if (i % 1024 == 0) {
            attl_tick(w->shared->cache, 50, NULL);
        }
    }
    return NULL;
}

static int64_t
integer_at(attl *cache, const char *key)
{
    int64_t value = 0;
    int status = attl_incr(cache, attl_s(key), 0, ATTL_TTL_NONE, &value);
    CHECK(status == ATTL_OK, "%s: %s", key, attl_err_name(status));
    return value;
}

static void
check_sums(struct sharing *s)
{
    struct stamp stamp;
    attl_value value = ATTL_VALUE_INIT;
    CHECK(integer_at(s->cache, "sum") == s->added, "%" PRId64 " added", s->added);
    CHECK(attl_get_pin(s->cache, attl_s("swapped"), &value) == ATTL_OK &&
              stamp_read(value.data, &stamp),
          "swapped");
    CHECK(stamp.version == s->swaps && s->swaps > 0, "version %" PRIu64 " after %" PRIu64 " swaps",
          stamp.version, s->swaps);
    attl_value_release(s->cache, &value);
    CHECK(attl_get_pin(s->cache, attl_s("marks"), &value) == ATTL_OK, "marks");
    CHECK(value.data.len == s->marks * MARK_BYTES, "%zu bytes of %" PRIu64 " marks", value.data.len,
          s->marks);
    const char *bytes = value.data.data;
    for (size_t i = 0; i < value.data.len; i += MARK_BYTES) {
        CHECK(bytes[i] == '<' && bytes[i + 3] == '>', "mark %zu is torn", i / MARK_BYTES);
    }
    attl_value_release(s->cache, &value);
    int tokens = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "slot%u", i);
        tokens += attl_exists(s->cache, attl_s(name)) == ATTL_OK;
    }
    CHECK(tokens == 1, "%d tokens", tokens);
}

static void
atomic_calls_add_up(void **state)
{
    (void)state;
    static const struct sim_option options[] = {
        { "cache.max_entries", "0" },
        { "cache.default_ttl", "0" },
        { NULL, NULL },
    };
    struct sim sim;
    struct sharing s = { .turns = test_scaled(TURNS) };
    struct worker workers[THREADS];
    unsigned char bytes[STAMP_BYTES_MIN];
    uint64_t seed = test_seed();
    test_announce("atomic calls", seed);
    sim_init(&sim);
    s.cache = sim_open(&sim, options);
    stamp_write(bytes, sizeof(bytes), 0, 0, 0);
    assert_int_equal(
        attl_set(s.cache, attl_s("swapped"), attl_b(bytes, sizeof(bytes)), ATTL_TTL_NONE), 0);
    assert_int_equal(attl_set(s.cache, attl_s("slot0"), attl_s("token"), ATTL_TTL_NONE), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .shared = &s, .rng = rng_from_seed(seed + i), .number = i };
        CHECK(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0, "thread %u",
              i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0, "thread %u", i);
    }
    check_sums(&s);
    sim_close(&s.cache);
}

/* ---- large values that share their bytes ------------------------------------------------------
 */

enum { LARGE_KEYS = 6, LARGE_BYTES = 60000, LARGE_TURNS = 8000 };

static void
large_name(struct rng *r, char name[16])
{
    (void)snprintf(name, 16, "large%u", (unsigned)rng_below(r, LARGE_KEYS));
}

/* Copying and renaming hand the same bytes from key to key while others read, replace and delete.
 */
static void
large_turn(struct worker *w, unsigned char *bytes)
{
    char from[16], to[16];
    struct stamp s;
    attl_value value = ATTL_VALUE_INIT;
    attl *cache = w->shared->cache;
    large_name(&w->rng, from);
    large_name(&w->rng, to);
    int status = ATTL_OK;
    switch (rng_below(&w->rng, 8)) {
    case 0: {
        size_t len = rng_range(&w->rng, 8000, LARGE_BYTES);
        stamp_write(bytes, len, w->number, rng_u64(&w->rng), 0);
        status = attl_set(cache, attl_s(from), attl_b(bytes, len), ATTL_TTL_NONE);
        break;
    }
    case 1:
    case 2: status = attl_copy(cache, attl_s(from), attl_s(to), 0); break;
    case 3: status = attl_rename(cache, attl_s(from), attl_s(to), 0); break;
    case 4: status = attl_expire(cache, attl_s(from), 3600000, 0); break;
    case 5: status = attl_del(cache, attl_s(from)); break;
    case 6: status = attl_getdel(cache, attl_s(from), &value); break;
    default: status = attl_get_pin(cache, attl_s(from), &value); break;
    }
    CHECK(status == ATTL_OK || status == ATTL_MISS, "%s to %s: %s", from, to,
          attl_err_name(status));
    if (value.data.data != NULL) {
        CHECK(stamp_read(value.data, &s), "%s: a torn value of %zu bytes", from, value.data.len);
    }
    attl_value_release(cache, &value);
}

static void *
large_main(void *ud)
{
    struct worker *w = ud;
    unsigned char *bytes = malloc(LARGE_BYTES);
    CHECK(bytes != NULL, "%d bytes", LARGE_BYTES);
    for (uint64_t i = 0; i < w->shared->turns; i++) {
        large_turn(w, bytes);
        if (i % 512 == 0) {
            attl_clear(w->shared->cache);
        }
    }
    free(bytes);
    return NULL;
}

static void
large_values_are_handed_around_whole(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.default_ttl", "0" }, { NULL, NULL } };
    struct sim sim;
    struct sharing s = { .turns = test_scaled(LARGE_TURNS) };
    struct worker workers[THREADS];
    uint64_t seed = test_seed();
    test_announce("large values", seed);
    sim_init(&sim);
    s.cache = sim_open(&sim, options);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){ .shared = &s, .rng = rng_from_seed(seed * 7 + i), .number = i };
        CHECK(pthread_create(&workers[i].thread, NULL, large_main, &workers[i]) == 0, "thread %u",
              i);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0, "thread %u", i);
    }
    attl_clear(s.cache);
    attl_tick(s.cache, 0, NULL);
    assert_int_equal(sim_stats(s.cache).mem_extents, 0);
    assert_int_equal(sim_stats(s.cache).mem_pinned, 0);
    sim_close(&s.cache);
}

/* ---- clear --------------------------------------------------------------------------------- */

struct clearing {
    attl *cache;
    atomic_bool stop;
    uint64_t seed;
};

static void *
set_and_get_main(void *ud)
{
    struct clearing *c = ud;
    struct rng r = rng_from_seed(c->seed);
    unsigned char bytes[12000];
    while (!atomic_load(&c->stop)) {
        char name[16];
        uint64_t i = rng_below(&r, 3000);
        struct stamp s;
        attl_value value = ATTL_VALUE_INIT;
        size_t len = rng_one_in(&r, 50) ? sizeof(bytes) : STAMP_BYTES_MIN + rng_below(&r, 300);
        (void)snprintf(name, sizeof(name), "%" PRIu64, i);
        if (rng_one_in(&r, 2)) {
            stamp_write(bytes, len, i, rng_u64(&r), 0);
            int status = attl_set(c->cache, attl_s(name), attl_b(bytes, len), ATTL_TTL_NONE);
            CHECK(status == ATTL_OK, "set: %s", attl_err_name(status));
        } else if (attl_get_pin(c->cache, attl_s(name), &value) == ATTL_OK) {
            CHECK(stamp_read(value.data, &s) && s.key_id == i,
                  "key %" PRIu64 ": a torn or foreign value", i);
        }
        attl_value_release(c->cache, &value);
    }
    return NULL;
}

static void
clearing_under_fire_removes_what_was_there(void **state)
{
    (void)state;
    static const struct sim_option options[] = { { "cache.max_entries", "0" }, { NULL, NULL } };
    struct clearing c = { .seed = test_seed() };
    struct sim sim;
    pthread_t threads[2];
    test_announce("clear", c.seed);
    sim_init(&sim);
    c.cache = sim_open(&sim, options);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, set_and_get_main, &c) == 0, "thread %u", i);
    }
    for (uint64_t i = 0; i < test_scaled(200); i++) {
        assert_int_equal(attl_set(c.cache, attl_s("marker"), attl_s("x"), ATTL_TTL_NONE), ATTL_OK);
        (void)usleep(5000);
        attl_clear(c.cache);
        assert_int_equal(attl_exists(c.cache, attl_s("marker")), ATTL_MISS);
        attl_tick(c.cache, 200, NULL);
    }
    atomic_store(&c.stop, true);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0, "thread %u", i);
    }
    attl_clear(c.cache);
    assert_int_equal(attl_size(c.cache), 0);
    sim_close(&c.cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atomic_calls_add_up),
        cmocka_unit_test(large_values_are_handed_around_whole),
        cmocka_unit_test(clearing_under_fire_removes_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
