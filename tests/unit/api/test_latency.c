/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_latency_get(): what each stage counts, its unit, and the two ways of asking wrongly.
 */
#include "support/unit.h"

static attl_latency
latency(attl *cache, int stage)
{
    attl_latency l = { .struct_size = sizeof l };
    ASSERT_STATUS(attl_latency_get(cache, stage, &l), ATTL_OK);
    return l;
}

static void
the_lag_of_expiry_is_counted_in_ms(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "a", "v", 1000);
    put(f->cache, "b", "v", 1000);
    put(f->cache, "stays", "v", ATTL_TTL_NONE);
    sim_advance(&f->sim, 1500);
    attl_tick(f->cache, 1000000, NULL);
    attl_latency l = latency(f->cache, ATTL_LATENCY_EXPIRY);
    assert_int_equal(l.unit_ns, 1000000);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.sum_ns, 2 * UINT64_C(500000000));
    uint64_t in_class = 0;
    for (unsigned i = 0; i < ATTL_LATENCY_CLASSES; i++)
        if (attl_latency_class_end(i) >= 500 && (i == 0 || attl_latency_class_end(i - 1) < 500))
            in_class = l.counts[i];
    assert_int_equal(in_class, 2);
    attl_stats_reset(f->cache);
    assert_int_equal(latency(f->cache, ATTL_LATENCY_EXPIRY).count, 0);
}

static void
reads_and_changes_are_sampled(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4000; i++) {
        put(f->cache, "k", "v", ATTL_TTL_NONE);
        expect(f->cache, "k", "v");
    }
    for (int stage = ATTL_LATENCY_READ; stage <= ATTL_LATENCY_WRITE; stage++) {
        attl_latency l = latency(f->cache, stage);
        assert_int_equal(l.unit_ns, 1);
        assert_in_range(l.count, 10, 400); /* 62 are expected */
        assert_true(l.sum_ns >= l.count);
    }
}

static void
without_a_log_there_are_no_syncs(void **state)
{
    struct fixture *f = *state;
    attl_latency l = latency(f->cache, ATTL_LATENCY_SYNC);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.unit_ns, 1000);
}

static void
there_are_no_other_stages(void **state)
{
    struct fixture *f = *state;
    attl_latency l = { .struct_size = sizeof l };
    ASSERT_STATUS(attl_latency_get(f->cache, -1, &l), ATTL_E_INVALID);
    ASSERT_STATUS(attl_latency_get(f->cache, ATTL_LATENCY_STAGES, &l), ATTL_E_INVALID);
    assert_int_equal(attl_latency_class_end(ATTL_LATENCY_CLASSES), 0);
}

static void
an_older_struct_gets_what_it_knows(void **state)
{
    struct fixture *f = *state;
    attl_latency l;
    memset(&l, 0xaa, sizeof l);
    l.struct_size = offsetof(attl_latency, sum_ns);
    ASSERT_STATUS(attl_latency_get(f->cache, ATTL_LATENCY_READ, &l), ATTL_OK);
    assert_int_equal(l.struct_size, offsetof(attl_latency, sum_ns));
    assert_int_equal(l.unit_ns, 1);
    assert_int_equal(l.counts[0], UINT64_C(0xaaaaaaaaaaaaaaaa));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(the_lag_of_expiry_is_counted_in_ms), UNIT_TEST(reads_and_changes_are_sampled),
        UNIT_TEST(without_a_log_there_are_no_syncs),   UNIT_TEST(there_are_no_other_stages),
        UNIT_TEST(an_older_struct_gets_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
