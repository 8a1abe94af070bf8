/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the control plane is called: not while nothing happens, soon after a sample, at once for
 * news, again when it asked for it, and never twice for one thing. A plane that only counts its
 * calls stands in for the real one; the clock is the test's. Then what it observes: sums, loads by
 * partition, and that moving a partition moves its load.
 */
#include "engine/control.h"

#include "engine_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OPERATIONS = 64 * CONTROL_SAMPLE_EVERY };

struct plane {
    struct bench *bench;
    unsigned cycles, configured, closed;
    int64_t next_ms;     /* relative; INT64_MAX: when something happens */
    bool news_meanwhile; /* something comes in while the next cycle runs */
};

static int64_t
count_cycle(void *ud, int64_t now_ms, bool *ret_listens)
{
    struct plane *p = ud;
    p->cycles++;
    *ret_listens = p->next_ms == INT64_MAX;
    if (p->news_meanwhile) {
        p->news_meanwhile = false;
        control_wake(&p->bench->engine);
    }
    return p->next_ms == INT64_MAX ? INT64_MAX : now_ms + p->next_ms;
}

static void
count_configure(void *ud, const attl_config *config)
{
    struct plane *p = ud;
    assert_non_null(config);
    p->configured++;
}

static void
count_close(void *ud)
{
    struct plane *p = ud;
    p->closed++;
}

static const struct control_hooks hooks = { count_cycle, count_configure, count_close };

static int
setup(void **state)
{
    static const char *const options[] = { "cache.background", "no", "cache.max_entries", "0",
                                           NULL };
    struct plane *p = calloc(1, sizeof(*p));
    if (!p)
        return -1;
    p->bench = bench_open(options, false);
    p->next_ms = INT64_MAX;
    control_attach(&p->bench->engine, &hooks, p);
    *state = p;
    return 0;
}

static int
teardown(void **state)
{
    struct plane *p = *state;
    bench_close(p->bench);
    int closed = p->closed == 1 ? 0 : -1;
    free(p);
    return closed;
}

static void
pass(struct plane *p, int64_t ms)
{
    atomic_fetch_add(&p->bench->now_ms, ms);
    (void)engine_maintain(&p->bench->engine, 0);
}

static void
work(struct plane *p)
{
    char key[16];
    for (unsigned i = 0; i < OPERATIONS; i++) {
        (void)snprintf(key, sizeof key, "key:%u", i);
        assert_int_equal(bench_set(p->bench, attl_s(key), attl_s("v"), ATTL_NO_DEADLINE), ATTL_OK);
    }
}

static void
nothing_happens_and_nobody_is_called(void **state)
{
    struct plane *p = *state;
    pass(p, 0);
    pass(p, HOUR_MS);
    assert_int_equal(p->cycles, 0);
    assert_int_equal(p->configured, 1);
}

static void
samples_call_it_once_a_second_at_most(void **state)
{
    struct plane *p = *state;
    work(p);
    pass(p, 0);
    assert_int_equal(p->cycles, 1);
    work(p);
    pass(p, 999);
    assert_int_equal(p->cycles, 1);
    pass(p, 1);
    assert_int_equal(p->cycles, 2);
    pass(p, HOUR_MS); /* nothing since */
    assert_int_equal(p->cycles, 2);
}

static void
news_do_not_wait(void **state)
{
    struct plane *p = *state;
    work(p);
    pass(p, 0);
    control_wake(&p->bench->engine);
    pass(p, 1);
    assert_int_equal(p->cycles, 2);
}

static void
news_during_a_cycle_bring_another(void **state)
{
    struct plane *p = *state;
    for (unsigned round = 0; round < 2; round++) {
        p->next_ms = round ? INT64_MAX : 5 * SECOND_MS;
        p->news_meanwhile = true;
        control_wake(&p->bench->engine);
        unsigned before = p->cycles;
        pass(p, 1);
        pass(p, 1);
        assert_int_equal(p->cycles, before + 2);
    }
}

static void
it_is_called_when_it_asked_for_it(void **state)
{
    struct plane *p = *state;
    p->next_ms = 10 * SECOND_MS;
    control_wake(&p->bench->engine);
    pass(p, 0);
    pass(p, 9999);
    assert_int_equal(p->cycles, 1);
    pass(p, 1);
    assert_int_equal(p->cycles, 2);
}

static void
about_one_in_sixty_four_is_sampled(void **state)
{
    struct plane *p = *state;
    for (unsigned i = 0; i < 8; i++)
        work(p);
    struct control_numbers n;
    control_observe(&p->bench->engine, &n);
    assert_int_equal(n.sampled[CONTROL_READ], 0);
    /* 512 expected, standard deviation 13 (the distances are uniform). */
    assert_in_range(n.sampled[CONTROL_WRITE], 430, 594);
    assert_true(n.sampled_ns[CONTROL_WRITE] > n.sampled[CONTROL_WRITE]);
    uint64_t counts[HISTOGRAM_CLASSES], sum = 0;
    control_observe_latency(&p->bench->engine, CONTROL_WRITE, counts);
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        sum += counts[i];
    assert_int_equal(sum, n.sampled[CONTROL_WRITE]);
    assert_int_equal(n.items, OPERATIONS);
}

static void
loads_are_those_of_the_partitions(void **state)
{
    struct plane *p = *state;
    work(p);
    struct control_numbers n;
    control_observe(&p->bench->engine, &n);
    struct control_load *loads = calloc(n.partitions, sizeof(*loads));
    assert_non_null(loads);
    control_observe_loads(&p->bench->engine, 0, n.partitions, loads);
    uint64_t ops = 0, items = 0, bytes = 0;
    unsigned busy = 0;
    for (unsigned i = 0; i < n.partitions; i++) {
        ops += loads[i].ops[CONTROL_WRITE];
        items += loads[i].items;
        bytes += loads[i].bytes;
        busy = loads[i].items > loads[busy].items ? i : busy;
    }
    assert_int_equal(ops, n.sampled[CONTROL_WRITE]);
    assert_int_equal(items, n.items);
    assert_true(bytes >= ops * 5 && bytes <= ops * 8); /* "key:0" to "key:4095" */
    unsigned to = (loads[busy].owner + 1) % n.shards;
    control_move(&p->bench->engine, busy, to);
    control_observe_loads(&p->bench->engine, busy, 1, loads);
    assert_int_equal(loads[0].owner, to);
    free(loads);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_happens_and_nobody_is_called, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_call_it_once_a_second_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(news_do_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(news_during_a_cycle_bring_another, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_called_when_it_asked_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(about_one_in_sixty_four_is_sampled, setup, teardown),
        cmocka_unit_test_setup_teardown(loads_are_those_of_the_partitions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
