/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain's decisions as complete tables: every reason, policy, generation, frequency, expired or
 * not, with a deadline or without, 384 cases, each judged by the policy's rules written out a
 * second time. Choosing a generation and a chunk to clean are held to their properties.
 */
#include "cache/evict.h"

#include "support/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FREQS = 4, POLICIES = 3, CASES = DRAIN_REASONS * POLICIES * GEN_COUNT * FREQS * 2 * 2 };

/* The rules of evict.h in words, as one sentence per line. */
static struct drain_verdict
by_the_rules(const struct drain_case *c)
{
    bool by_fifo = c->reason == DRAIN_EVICT && c->policy == EVICT_S3FIFO;
    bool by_ttl = c->reason == DRAIN_EVICT && c->policy == EVICT_VOLATILE_TTL;
    if (c->expired)
        return (struct drain_verdict){ .fate = FATE_EXPIRE };
    if (by_ttl && c->has_ttl)
        return (struct drain_verdict){ .fate = FATE_EVICT };
    if (by_fifo && c->gen == GEN_NEW && c->freq < 2)
        return (struct drain_verdict){ .fate = FATE_EVICT };
    if (by_fifo && c->gen == GEN_NEW)
        return (struct drain_verdict){ FATE_KEEP, GEN_SURVIVOR, 0 };
    if (by_fifo && c->freq == 0)
        return (struct drain_verdict){ .fate = FATE_EVICT };
    if (by_fifo)
        return (struct drain_verdict){ FATE_KEEP, GEN_SURVIVOR, c->freq - 1 };
    return (struct drain_verdict){ FATE_KEEP, c->gen, c->freq };
}

static struct drain_case
case_number(unsigned n)
{
    struct drain_case c;
    c.reason = (enum drain_reason)(n % DRAIN_REASONS);
    n /= DRAIN_REASONS;
    c.policy = (enum evict_policy)(n % POLICIES);
    n /= POLICIES;
    c.gen = (enum chunk_gen)(n % GEN_COUNT);
    n /= GEN_COUNT;
    c.freq = n % FREQS;
    n /= FREQS;
    c.expired = n % 2;
    c.has_ttl = n / 2;
    return c;
}

static void
every_case_is_decided_by_the_rules(void **state)
{
    (void)state;
    for (unsigned n = 0; n < CASES; n++) {
        struct drain_case c = case_number(n);
        struct drain_verdict want = by_the_rules(&c), got = evict_decide(&c);
        if (got.fate != want.fate)
            fail_msg("reason %d policy %d gen %d freq %u expired %d ttl %d: fate %d, not %d",
                     c.reason, c.policy, c.gen, c.freq, c.expired, c.has_ttl, got.fate, want.fate);
        if (want.fate != FATE_KEEP)
            continue; /* where it would have gone does not matter */
        assert_int_equal(got.gen, want.gen);
        assert_int_equal(got.freq, want.freq);
    }
}

/* However often it was used, a key that is used no more is gone after a bounded number of looks. */
static void
nothing_unused_is_kept_for_ever(void **state)
{
    (void)state;
    for (unsigned freq = 0; freq < FREQS; freq++) {
        struct drain_case c = { .reason = DRAIN_EVICT, .policy = EVICT_S3FIFO, .freq = freq };
        unsigned looks = 0;
        for (;; looks++) {
            struct drain_verdict v = evict_decide(&c);
            if (v.fate != FATE_KEEP)
                break;
            assert_true(looks < 8);
            c.gen = v.gen;
            c.freq = v.freq;
        }
        assert_true(looks <= 1); /* promoted with no credit: one more look at most */
    }
}

static void
the_new_generation_gives_while_it_has_more_than_a_tenth(void **state)
{
    (void)state;
    assert_int_equal(evict_choose_gen(0, 0), GEN_NEW);
    assert_int_equal(evict_choose_gen(1, 0), GEN_NEW);
    assert_int_equal(evict_choose_gen(0, 1000), GEN_SURVIVOR);
    assert_int_equal(evict_choose_gen(100, 900), GEN_SURVIVOR);
    assert_int_equal(evict_choose_gen(101, 899), GEN_NEW);
    assert_int_equal(evict_choose_gen(UINT64_C(1) << 45, UINT64_C(8) << 45), GEN_NEW);
    assert_int_equal(evict_choose_gen(UINT64_C(1) << 45, UINT64_C(10) << 45), GEN_SURVIVOR);
}

static void
cleaning_prefers_dead_and_old_chunks(void **state)
{
    (void)state;
    struct rng r = rng_from_seed(1);
    assert_true(evict_clean_benefit(0, 0, 10) == 0);
    assert_true(evict_clean_benefit(100, 100, 10) == 0);
    assert_true(evict_clean_benefit(101, 100, 10) == 0);
    assert_true(evict_clean_benefit(0, 100, 0) > 0); /* even the youngest, if it is all dead */
    for (int i = 0; i < 100000; i++) {
        uint32_t used = (uint32_t)rng_range(&r, 2, LIMIT_CHUNK_MAX_BYTES);
        uint32_t live = (uint32_t)rng_below(&r, used - 1);
        uint64_t age = rng_below(&r, 1000000);
        double benefit = evict_clean_benefit(live, used, age);
        assert_true(benefit > 0);
        assert_true(evict_clean_benefit(live + 1, used, age) < benefit);
        assert_true(evict_clean_benefit(live, used, age + 1) > benefit);
        double u = (double)live / used;
        double want = (1 - u) / (1 + u) * (double)(age + 1);
        assert_true(benefit > want * 0.999999 && benefit < want * 1.000001);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_decided_by_the_rules),
        cmocka_unit_test(nothing_unused_is_kept_for_ever),
        cmocka_unit_test(the_new_generation_gives_while_it_has_more_than_a_tenth),
        cmocka_unit_test(cleaning_prefers_dead_and_old_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
