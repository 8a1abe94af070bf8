/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events against a plain map: a random run of every kind of change, under a simulated clock, with
 * evictions, and a queue that watches. Replaying nothing but the events onto a map must give, after
 * every reap, the cache's keys with their deadlines; so no event is missing, none is twice, and
 * none comes late. The seed is printed.
 */
#include "support/rng.h"
#include "support/unit.h"

#include <stdlib.h>

enum { KEYS = 300, STEPS = 60000, REAP_EVERY = 50, OUT_MAX = 64, LIFE_MAX_MS = 20000 };

struct known {
    bool is_there;
    int64_t deadline_ms;
};

struct run {
    struct sim sim;
    attl *cache;
    attl_queue *queue;
    struct rng rng;
    struct known map[KEYS];
    uint64_t events;
};

static uint64_t
below(struct run *r, uint64_t n)
{
    return rng_below(&r->rng, n);
}

static attl_slice
key_of(char text[16], uint64_t i)
{
    return attl_b(text, (size_t)snprintf(text, 16, "key:%u", (unsigned)i));
}

static int64_t
some_life_ms(struct run *r)
{
    return below(r, 2) ? ATTL_TTL_NONE : (int64_t)below(r, LIFE_MAX_MS) + 1;
}

static int
change_many(struct run *r, attl_slice key, attl_slice other)
{
    attl_slice keys[] = { key, other, key };
    attl_slice values[] = { attl_s("1"), attl_s("22"), attl_s("333") };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = some_life_ms(r);
    int status;
    switch (below(r, 4)) {
    case 0: status = attl_mset(r->cache, keys, values, 3, &opts); break;
    case 1: status = attl_rename(r->cache, key, other, 0); break;
    case 2: status = attl_copy(r->cache, key, other, below(r, 2) ? ATTL_SET_NX : 0); break;
    default:
        opts.deadline_ms = 1; /* long ago */
        status = attl_mset(r->cache, keys, values, 2, &opts);
        break;
    }
    return status;
}

/* One change; whatever its outcome is, the events say it. */
static void
change(struct run *r)
{
    char text[16], other_text[16], large[700];
    attl_slice key = key_of(text, below(r, KEYS)), other = key_of(other_text, below(r, KEYS));
    attl_value value = ATTL_VALUE_INIT;
    uint64_t len;
    int64_t number;
    memset(large, 'x', sizeof large);
    int status = ATTL_OK;
    switch (below(r, 12)) {
    case 0:
    case 1:
    case 2: status = attl_set(r->cache, key, attl_b(large, below(r, 700)), some_life_ms(r)); break;
    case 3: status = attl_del(r->cache, key); break;
    case 4: status = attl_expire(r->cache, key, some_life_ms(r), 0); break;
    case 5: status = attl_persist(r->cache, key); break;
    case 6: status = attl_getdel(r->cache, key, &value); break;
    case 7: status = attl_getex(r->cache, key, some_life_ms(r), 0, &value); break;
    case 8: status = attl_incr(r->cache, key, 3, some_life_ms(r), &number); break;
    case 9: status = attl_append(r->cache, key, attl_s("tail"), &len); break;
    case 10: status = change_many(r, key, other); break;
    default:
        sim_advance(&r->sim, (int64_t)below(r, 400));
        attl_tick(r->cache, below(r, 20), NULL);
        if (below(r, 400) == 0)
            assert_int_equal(attl_clear(r->cache), ATTL_OK);
        break;
    }
    attl_value_release(r->cache, &value);
    assert_true(status >= 0 || status == ATTL_E_NOT_INTEGER || status == ATTL_E_OVERFLOW);
}

static struct known *
known_of(struct run *r, attl_slice key)
{
    char text[16] = { 0 };
    assert_true(key.len > 4 && key.len < sizeof text);
    memcpy(text, key.data, key.len);
    long i = strtol(text + 4, NULL, 10);
    assert_in_range(i, 0, KEYS - 1);
    return &r->map[i];
}

static void
replay(struct run *r, const attl_completion *c)
{
    r->events++;
    if (c->kind == ATTL_EV_CLEARED) {
        memset(r->map, 0, sizeof r->map);
        return;
    }
    struct known *k = known_of(r, c->key);
    switch (c->kind) {
    case ATTL_EV_SET: *k = (struct known){ true, c->deadline_ms }; break;
    case ATTL_EV_EXPIRE:
        assert_true(k->is_there);
        k->deadline_ms = c->deadline_ms;
        break;
    case ATTL_EV_EXPIRED:
    case ATTL_EV_DELETED:
    case ATTL_EV_EVICTED:
        assert_true(k->is_there); /* nothing dies twice */
        assert_int_equal(k->deadline_ms, c->deadline_ms);
        assert_true(c->kind != ATTL_EV_EXPIRED || c->deadline_ms <= sim_now(&r->sim));
        k->is_there = false;
        break;
    default: fail_msg("kind %u", c->kind);
    }
}

static void
reap(struct run *r)
{
    attl_completion out[OUT_MAX];
    size_t n;
    while ((n = attl_queue_reap(r->queue, out, OUT_MAX)) > 0)
        for (size_t i = 0; i < n; i++)
            replay(r, &out[i]);
}

static void
find_in_map(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    struct known *k = known_of(ud, key);
    (void)value;
    assert_true(k->is_there);
    assert_int_equal(k->deadline_ms, deadline_ms);
}

static void
compare(struct run *r)
{
    uint64_t cursor = 0, alive = 0;
    while (attl_scan(r->cache, &cursor, 100, find_in_map, r) == ATTL_OK)
        ;
    for (int i = 0; i < KEYS; i++)
        alive += r->map[i].is_there && (r->map[i].deadline_ms == ATTL_NO_DEADLINE ||
                                        r->map[i].deadline_ms > sim_now(&r->sim));
    assert_int_equal(count_live(r->cache), alive);
}

static void
events_rebuild_the_contents(const char *max_entries)
{
    const struct sim_option options[] = { { "cache.max_memory", "0" },
                                          { "cache.max_entries", max_entries },
                                          { "cache.default_ttl", "0" },
                                          { "cache.partitions", "64" },
                                          { NULL, NULL } };
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    uint64_t seed = test_seed();
    test_announce("events", seed);
    r->rng = rng_from_seed(seed);
    sim_init(&r->sim);
    r->cache = sim_open(&r->sim, options);
    ASSERT_STATUS(attl_queue_open(r->cache, 1 << 14, &r->queue), ATTL_OK);
    ASSERT_STATUS(attl_watch(r->queue, attl_s("key:"), ATTL_EV_ALL, 0, NULL), ATTL_OK);
    uint64_t steps = test_scaled(STEPS);
    for (uint64_t i = 0; i < steps; i++) {
        change(r);
        if (i % REAP_EVERY == 0) {
            reap(r);
            compare(r);
        }
    }
    assert_true(r->events > steps / 4);
    attl_queue_close(&r->queue);
    sim_close(&r->cache);
    free(r);
}

static void
of_a_cache_without_limits(void **state)
{
    (void)state;
    events_rebuild_the_contents("0");
}

static void
of_a_cache_that_evicts(void **state)
{
    (void)state;
    events_rebuild_the_contents("120");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_cache_without_limits),
        cmocka_unit_test(of_a_cache_that_evicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
