/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The asymmetric barrier, as the litmus test it exists for: one thread stores x and loads y with
 * only a compiler fence between, the other stores y, runs the heavy barrier and loads x. Both
 * missing the other's store is what a processor's store buffer would allow, and what must never be
 * seen; the fallback with a real fence on both sides is held to the same.
 */
#include "os/barrier.h"

#include "support/check.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROUNDS = 2000, SPINS = 200 };

struct litmus {
    bool registered; /* the heavy side works: the light one needs no fence */
    _Alignas(128) _Atomic int x;
    _Alignas(128) _Atomic int y;
    _Alignas(128) _Atomic int arrived; /* threads that have come to the present round */
    int light_saw[ROUNDS], heavy_saw[ROUNDS];
};

/* Both leave only when both have come, so that the rounds overlap as closely as can be. */
static void
meet(struct litmus *l, int round)
{
    atomic_fetch_add(&l->arrived, 1);
    for (int spins = 0; atomic_load(&l->arrived) < 2 * (round + 1); spins++)
        if (spins > SPINS)
            (void)sched_yield();
}

static void *
light_side(void *arg)
{
    struct litmus *l = arg;
    for (int i = 0; i < ROUNDS; i++) {
        meet(l, i);
        atomic_store_explicit(&l->x, i + 1, memory_order_relaxed);
        if (l->registered)
            atomic_signal_fence(memory_order_seq_cst);
        else
            barrier_full();
        l->light_saw[i] = atomic_load_explicit(&l->y, memory_order_relaxed);
    }
    return NULL;
}

static void
run_litmus(bool registered)
{
    static struct litmus l;
    pthread_t light;
    l.registered = registered;
    atomic_store(&l.x, 0);
    atomic_store(&l.y, 0);
    atomic_store(&l.arrived, 0);
    assert_int_equal(pthread_create(&light, NULL, light_side, &l), 0);
    for (int i = 0; i < ROUNDS; i++) {
        meet(&l, i);
        atomic_store_explicit(&l.y, i + 1, memory_order_relaxed);
        barrier_all_threads(registered);
        l.heavy_saw[i] = atomic_load_explicit(&l.x, memory_order_relaxed);
    }
    assert_int_equal(pthread_join(light, NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        CHECK(l.light_saw[i] > i || l.heavy_saw[i] > i, "round %d: nobody saw the other", i);
}

static void
the_fallback_orders_both_sides(void **state)
{
    (void)state;
    run_litmus(false);
}

static void
the_heavy_side_orders_the_light_one(void **state)
{
    (void)state;
    if (!barrier_register())
        skip();                      /* seccomp or an old kernel: readers use a real fence there */
    assert_true(barrier_register()); /* once per cache is fine */
    run_litmus(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fallback_orders_both_sides),
        cmocka_unit_test(the_heavy_side_orders_the_light_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
