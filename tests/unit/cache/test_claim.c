/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: sorted, each partition once, found again; readers are kept out while one is held and see
 * its changes at once afterwards, also where the table was replaced or taken away inside; the
 * numbers that tell a transaction was there; and scans under a claim.
 */
#include "cache/claim.h"

#include "cache/scan.h"
#include "cache_support.h"
#include "support/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 5000 };

static void
a_claim_knows_what_it_has(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    struct partition *all = rig->cache.partitions;
    struct partition *list[] = { &all[7], &all[2], &all[7], &all[60], &all[2] };
    struct claim claim = { .cache = &rig->cache, .list = list, .count = 5 };
    claim_sort(&claim);
    assert_int_equal(claim.count, 3);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(claim_has(&claim, &all[i]), i == 2 || i == 7 || i == 60);
    uint64_t before = atomic_load(&rig->cache.claims);
    claim_take(&claim);
    assert_false(lock_try(&all[7].lock));
    assert_true(lock_try(&all[8].lock));
    lock_release(&all[8].lock);
    assert_int_equal(atomic_load(&all[7].claims), 1);
    assert_int_equal(atomic_load(&all[8].claims), 0);
    assert_int_equal(atomic_load(&rig->cache.claims), before + 1);
    assert_false(table_ref_usable(atomic_load(&all[7].table)));
    claim_drop(&claim);
    assert_true(lock_try(&all[7].lock));
    lock_release(&all[7].lock);
    assert_int_equal(atomic_load(&all[7].table) & TABLE_BUSY, 0);
    struct claim nothing = { .cache = &rig->cache, .list = list, .count = 0 };
    claim_sort(&nothing);
    claim_take(&nothing);
    assert_false(claim_has(&nothing, &all[2]));
    claim_drop(&nothing);
    rig_close(rig);
}

struct late_reader {
    struct rig *rig;
    _Atomic int started, found;
};

static void *
read_late(void *arg)
{
    struct late_reader *r = arg;
    atomic_store(&r->started, 1);
    atomic_store(&r->found, rig_has(r->rig, attl_s("k"), attl_s("new")) ? 1 : 2);
    return NULL;
}

/* The claim is changed under its hands so much that the table is replaced. */
static void
readers_wait_for_the_end_and_see_all_of_it(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    struct claim claim = { .cache = &rig->cache };
    struct late_reader reader = { .rig = rig };
    struct name name;
    pthread_t thread;
    rig_set(rig, attl_s("k"), attl_s("old"), ATTL_NO_DEADLINE);
    claim_take(&claim);
    assert_true(claim_is_whole(&claim));
    assert_int_equal(pthread_create(&thread, NULL, read_late, &reader), 0);
    while (!atomic_load(&reader.started))
        ;
    reclaim_self()->claim = &claim;
    for (unsigned i = 0; i < MANY; i++) {
        struct entry e = { .cache = &rig->cache, .self = reclaim_self(), .now_ms = rig->now_ms };
        struct stored_value v = { .bytes = attl_s("x") };
        attl_slice key = attl_b(name.text, (size_t)snprintf(name.text, sizeof name.text, "n%u", i));
        e.key = (struct index_key){ key, cache_hash(&rig->cache, key) };
        e.partition = cache_partition(&rig->cache, e.key.hash);
        e.written_deadline_ms = INT64_MAX;
        entry_find(&e);
        assert_int_equal(entry_put(&e, &v, ATTL_NO_DEADLINE), ATTL_OK);
        assert_false(table_ref_usable(atomic_load(&e.partition->table))); /* still marked */
        assert_true(rig_has(rig, key, attl_s("x")));                      /* for us it is open */
    }
    struct entry e = { .cache = &rig->cache, .self = reclaim_self(), .now_ms = rig->now_ms };
    struct stored_value v = { .bytes = attl_s("new") };
    e.key = (struct index_key){ attl_s("k"), cache_hash(&rig->cache, attl_s("k")) };
    e.partition = cache_partition(&rig->cache, e.key.hash);
    entry_find(&e);
    assert_int_equal(entry_put(&e, &v, ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(atomic_load(&reader.found), 0); /* it waits */
    reclaim_self()->claim = NULL;
    claim_drop(&claim);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&reader.found), 1);
    rig_close(rig);
}

static void
count(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)key;
    (void)value;
    (void)deadline_ms;
    ++*(unsigned *)ud;
}

static void
nothing_at(void *ud)
{
    ++*(unsigned *)ud;
}

static void
scans_and_clears_work_under_a_whole_claim_only(void **state)
{
    (void)state;
    struct cache_config config = rig_config();
    struct rig *rig = rig_open(&config);
    struct cache *c = &rig->cache;
    struct claim whole = { .cache = c };
    struct partition *one = &c->partitions[0];
    struct claim part = { .cache = c, .list = &one, .count = 1 };
    unsigned seen = 0, cleared = 0;
    rig_set(rig, attl_s("k"), attl_s("1"), ATTL_NO_DEADLINE);
    claim_take(&part);
    reclaim_self()->claim = &part;
    assert_int_equal(scan_step(c, 0, 1000, rig->now_ms, count, &seen), 0);
    assert_false(scan_random(c, 1, rig->now_ms, count, &seen));
    assert_int_equal(seen, 0);
    reclaim_self()->claim = NULL;
    claim_drop(&part);
    claim_take(&whole);
    reclaim_self()->claim = &whole;
    for (uint64_t cursor = 0; (cursor = scan_step(c, cursor, 10, rig->now_ms, count, &seen)) != 0;)
        ;
    assert_int_equal(seen, 1);
    assert_true(scan_random(c, 1, rig->now_ms, count, &seen));
    cache_clear_claimed(c, nothing_at, &cleared);
    assert_int_equal(cleared, 1);
    assert_int_equal(cache_items(c), 0);
    assert_false(rig_has(rig, attl_s("k"), attl_b(NULL, 0)));
    reclaim_self()->claim = NULL;
    claim_drop(&whole);
    assert_false(rig_has(rig, attl_s("k"), attl_b(NULL, 0)));
    rig_close(rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_knows_what_it_has),
        cmocka_unit_test(readers_wait_for_the_end_and_see_all_of_it),
        cmocka_unit_test(scans_and_clears_work_under_a_whole_claim_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
