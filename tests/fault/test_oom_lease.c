/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading once while memory is refused: a script of fetches, fills, failures, waiters and loads is
 * run again and again, and the n-th allocation fails, for each n there is. Wherever it strikes the
 * call says ATTL_E_NOMEM (or the load's waiters are told), every accepted submission is completed
 * once, nothing waits for ever, and closing gives everything back.
 */
#include "support/check.h"
#include "support/sim.h"

#include <string.h>

enum { PLACES = 16, WALK_MOST = 5000, KEYS = 3 };

struct failing {
    int64_t live, calls, fail_at;
};

static void *
failing_alloc(void *ud, size_t bytes)
{
    struct failing *f = ud;
    if (++f->calls == f->fail_at)
        return NULL;
    void *p = malloc(bytes);
    f->live += p != NULL;
    return p;
}

static void
failing_free(void *ud, void *ptr)
{
    struct failing *f = ud;
    f->live -= ptr != NULL;
    free(ptr);
}

struct script {
    struct sim sim;
    attl *cache;
    attl_queue *queue;
    uint64_t submitted, answered;
    attl_load *load;
};

static int64_t
script_clock(void *ud)
{
    return sim_now(ud);
}

static void
hold(void *ud, attl_load *load)
{
    struct script *s = ud;
    s->load = load;
}

static int
load_here(void *ud, attl_load *load)
{
    (void)ud;
    return attl_load_done(load, attl_s("loaded, and too long for the struct of a value"), NULL);
}

static bool
script_open(struct script *s, struct failing *f)
{
    static const struct sim_option options[] = { { "validation.mode", "binary" },
                                                 { "cache.background", "false" },
                                                 { NULL, NULL } };
    attl_config *config = sim_config(options);
    attl_allocator a = { failing_alloc, failing_free, f };
    sim_init(&s->sim);
    attl_config_set_allocator(config, &a);
    attl_config_set_clock(config, script_clock, &s->sim);
    int status = attl_open(&s->cache, config);
    attl_config_free(config);
    CHECK(status == ATTL_OK || status == ATTL_E_NOMEM, "%s", attl_err_name(status));
    return status == ATTL_OK;
}

static void
expect_one_of(int status, int want)
{
    CHECK(status == want || status == ATTL_E_NOMEM || status == ATTL_E_LEASE_LOST ||
              status == ATTL_E_CLOSED || status == ATTL_MISS,
          "%s, not %s", attl_err_name(status), attl_err_name(want));
}

static void
wait_for_key(struct script *s, attl_slice key)
{
    attl_fetch_opts o = ATTL_FETCH_OPTS_INIT;
    o.wait_ms = 1000;
    for (int i = 0; i < 2; i++)
        s->submitted += attl_submit_fetch(s->queue, key, &o, NULL, NULL) == ATTL_OK;
}

static void
reap(struct script *s)
{
    attl_completion done[PLACES];
    size_t n = attl_queue_reap(s->queue, done, PLACES);
    s->answered += n;
    for (size_t i = 0; i < n; i++)
        attl_value_release(s->cache, &done[i].value);
}

/* Leases by hand: one is filled, one fails, one ends by itself. */
static void
run_leases(struct script *s)
{
    static const char *const names[KEYS] = { "filled", "failed", "ended" };
    for (int i = 0; i < KEYS; i++) {
        attl_slice key = attl_s(names[i]);
        attl_lease lease = ATTL_LEASE_INIT;
        attl_value v = ATTL_VALUE_INIT;
        expect_one_of(attl_fetch(s->cache, key, NULL, &v, &lease), ATTL_WON);
        attl_value_release(s->cache, &v);
        wait_for_key(s, key);
        if (i == 0)
            expect_one_of(attl_fill(s->cache, key, lease.token, attl_s("v"), NULL), ATTL_OK);
        else if (i == 1)
            expect_one_of(attl_fail(s->cache, key, lease.token, 100, 0), ATTL_OK);
        sim_advance(&s->sim, 5000);
        attl_tick(s->cache, 0, NULL);
        reap(s);
    }
}

static void
run_loads(struct script *s)
{
    attl_value v = ATTL_VALUE_INIT;
    int status = attl_get_or_load(s->cache, attl_s("here"), load_here, s, NULL, &v);
    CHECK(status == ATTL_OK || status == ATTL_E_NOMEM, "%s", attl_err_name(status));
    attl_value_release(s->cache, &v);
    attl_load_opts o = ATTL_LOAD_OPTS_INIT;
    o.executor = hold;
    o.executor_ud = s;
    for (int i = 0; i < 3; i++)
        s->submitted += attl_submit_get_or_load(s->queue, attl_s("there"), NULL, NULL, &o, NULL) ==
                        ATTL_OK;
    while (s->load) { /* a failure may have passed the load on */
        attl_load *load = s->load;
        s->load = NULL;
        expect_one_of(attl_load_done(load, attl_s("value"), NULL), ATTL_OK);
    }
    reap(s);
}

/* True if the script ran without meeting a failure. */
static bool
run_script(int64_t fail_at)
{
    struct failing f = { .fail_at = fail_at };
    struct script s = { 0 };
    if (script_open(&s, &f)) {
        if (attl_queue_open(s.cache, PLACES, &s.queue) == ATTL_OK) {
            run_leases(&s);
            run_loads(&s);
            attl_queue_shutdown(s.queue);
            reap(&s);
            CHECK(s.answered == s.submitted, "allocation %" PRId64 ": a submission is open",
                  fail_at);
            attl_load_stats stats = { .struct_size = sizeof stats };
            attl_load_stats_get(s.cache, &stats);
            CHECK(stats.waiting == 0, "allocation %" PRId64 ": somebody waits", fail_at);
            attl_queue_close(&s.queue);
        }
        attl_close(&s.cache);
    }
    CHECK(f.live == 0, "allocation %" PRId64 ": %" PRId64 " blocks were not freed", fail_at,
          f.live);
    return f.calls < fail_at;
}

int
main(void)
{
    test_announce("leases without memory", 0);
    int64_t n = 1;
    while (!run_script(n)) {
        n++;
        CHECK(n < WALK_MOST, "the walk does not end");
    }
    printf("%" PRId64 " allocations failed in turn\n", n - 1);
    return 0;
}
