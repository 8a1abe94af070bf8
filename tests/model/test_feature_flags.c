/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every component can be switched off, and the cache is right with any combination of them: the
 * random operations of the model under all of them, one after the other, then with switches that
 * are thrown at any moment, by the thread that works and by another one. The switches are taken
 * from the table of options by their name, NAME.enabled, so a new one joins by itself; the ledger
 * is one by its size. The steps of a combination become fewer as there are more of them.
 */
#include "support/check.h"
#include "support/run.h"

#include "config/option.h"
#include "os/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum {
    SWITCHES_MAX = 11,       /* so that options fit into a run_setup with room for one more */
    STEPS = 160000,          /* of all combinations together */
    STEPS_MIN = 60,          /* of each of them */
    COMBINATIONS_MAX = 1024, /* beyond that they are drawn at random */
    TOGGLE_STEPS = 60000,
};

struct switches {
    unsigned n;
    const char *names[SWITCHES_MAX];
};

/* Those that a cache has, without those of attld alone and those that come later. */
static struct switches
find_switches(void)
{
    static const char suffix[] = ".enabled";
    struct switches s = { 0 };
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option *o = option_at((enum option_id)id);
        const char *end = strstr(o->name, suffix);
        if (!end || end[sizeof suffix - 1] != '\0' || o->type != OPTION_BOOL)
            continue;
        assert_true(o->flags & (OPTION_RUNTIME | OPTION_SERVER)); /* alone and at run time */
        if (o->flags & OPTION_SERVER)
            continue;
        assert_true(s.n < SWITCHES_MAX);
        s.names[s.n++] = o->name;
    }
    return s;
}

static void
components_have_switches(void **state)
{
    (void)state;
    struct switches s = find_switches();
    unsigned found = 0;
    for (unsigned i = 0; i < s.n; i++) {
        printf("# %s\n", s.names[i]);
        found += strcmp(s.names[i], "incident.enabled") == 0;
        found += strcmp(s.names[i], "balancer.enabled") == 0;
        found += strcmp(s.names[i], "adaptive.enabled") == 0;
        found += strcmp(s.names[i], "retention.enabled") == 0;
    }
    assert_int_equal(found, 4);
}

/* Short intervals, so that loops act within a short run. */
static struct run_setup
setup_for(const struct switches *s, unsigned on, bool ledger)
{
    struct run_setup setup = {
        .name = "a combination",
        .mode = MODEL_BINARY,
        .key_count = 300,
        .value_bytes_max = 2000,
        .big_value_one_in = 400,
        .slow_time_one_in = 30,
    };
    unsigned n = 0;
    for (; n < s->n; n++)
        setup.options[n] = (struct sim_option){ s->names[n], on & 1u << n ? "yes" : "no" };
    setup.options[n] = (struct sim_option){ "ledger.entries", ledger ? "1000" : "0" };
    return setup;
}

static void
run_one(const struct run_setup *setup, uint64_t seed, uint64_t steps)
{
    struct run run;
    run_init(&run, setup, rng_from_seed(seed), seed);
    for (uint64_t i = 0; i < steps; i++)
        run_step(&run);
    run_fini(&run);
}

static void
any_combination_is_a_map(void **state)
{
    (void)state;
    struct switches s = find_switches();
    uint64_t seed = test_seed();
    struct rng rng = rng_from_seed(seed);
    test_announce("feature flags", seed);
    unsigned combinations = 1u << (s.n + 1); /* and the ledger */
    unsigned runs = combinations < COMBINATIONS_MAX ? combinations : COMBINATIONS_MAX;
    uint64_t steps = test_scaled(STEPS) / runs;
    steps = steps < STEPS_MIN ? STEPS_MIN : steps;
    for (unsigned i = 0; i < runs; i++) {
        unsigned on = runs == combinations ? i : (unsigned)rng_below(&rng, combinations);
        struct run_setup setup = setup_for(&s, on, on & 1u << s.n);
        run_one(&setup, seed + i, steps);
    }
    printf("# %u switches and the ledger, %u combinations, %" PRIu64 " steps each\n", s.n, runs,
           steps);
}

static void
toggle(attl *cache, const struct switches *s, struct rng *rng)
{
    sim_option(cache, s->names[rng_below(rng, s->n)], rng_one_in(rng, 2) ? "yes" : "no");
}

static void
switches_may_be_thrown_at_any_moment(void **state)
{
    (void)state;
    struct switches s = find_switches();
    uint64_t seed = test_seed();
    struct rng rng = rng_from_seed(seed + 1);
    struct run_setup setup = setup_for(&s, ~0u, true);
    struct run run;
    run_init(&run, &setup, rng_from_seed(seed), seed);
    for (uint64_t steps = test_scaled(TOGGLE_STEPS); steps > 0; steps--) {
        if (rng_one_in(&rng, 20))
            toggle(run.cache, &s, &rng);
        run_step(&run);
    }
    run_fini(&run);
}

struct thrower {
    attl *cache;
    const struct switches *switches;
    uint64_t seed;
    _Atomic bool stop;
    uint64_t thrown;
};

static void *
throw_switches(void *arg)
{
    struct thrower *t = arg;
    struct rng rng = rng_from_seed(t->seed);
    for (; !atomic_load(&t->stop); t->thrown++)
        toggle(t->cache, t->switches, &rng);
    return NULL;
}

static void
somebody_else_may_throw_them(void **state)
{
    (void)state;
    struct switches s = find_switches();
    uint64_t seed = test_seed();
    struct run_setup setup = setup_for(&s, ~0u, true);
    struct run run;
    struct thread thread = { 0 };
    run_init(&run, &setup, rng_from_seed(seed + 2), seed);
    struct thrower thrower = { .cache = run.cache, .switches = &s, .seed = seed };
    assert_true(thread_start(&thread, "thrower", throw_switches, &thrower));
    for (uint64_t steps = test_scaled(TOGGLE_STEPS); steps > 0; steps--)
        run_step(&run);
    atomic_store(&thrower.stop, true);
    thread_join(&thread);
    run_fini(&run);
    printf("# %" PRIu64 " switches thrown by another thread\n", thrower.thrown);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_have_switches),
        cmocka_unit_test(any_combination_is_a_map),
        cmocka_unit_test(switches_may_be_thrown_at_any_moment),
        cmocka_unit_test(somebody_else_may_throw_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
