/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attl_health() on a real cache: what it finds, and that looking leaves no trace - no entry, no
 * count, no notice, nothing evicted - also in a cache that is full or without memory. The clock is
 * simulated and there is no background thread.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

struct found {
    size_t n;
    int status; /* of `name` */
    const char *name;
};

static void
find(void *ud, const attl_health_item *item)
{
    struct found *f = ud;
    f->n++;
    if (f->name && strcmp(item->name, f->name) == 0)
        f->status = item->status;
}

static int
status_of(attl *cache, const char *name)
{
    struct found f = { .status = -1, .name = name };
    ASSERT_STATUS(attl_health(cache, find, &f, NULL), ATTL_OK);
    assert_true(f.n > 10);
    return f.status;
}

static attl_stats
stats_of(attl *cache)
{
    attl_stats s = { .struct_size = sizeof s };
    attl_stats_get(cache, &s);
    return s;
}

static void
looking_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    attl_stats before = stats_of(f->cache);
    int status = -1;
    for (int i = 0; i < 1000; i++) {
        ASSERT_STATUS(attl_health(f->cache, NULL, NULL, &status), ATTL_OK);
        assert_int_not_equal(status, ATTL_HEALTH_FAIL);
        sim_advance(&f->sim, 1);
    }
    attl_stats after = stats_of(f->cache);
    assert_int_equal(status_of(f->cache, "probe_us"), ATTL_HEALTH_OK);
    assert_int_equal(after.items, before.items);
    assert_int_equal(after.sets, before.sets);
    assert_int_equal(after.deletes, before.deletes);
    assert_int_equal(after.hits, before.hits);
    assert_int_equal(after.misses, before.misses);
    assert_int_equal(after.expired, before.expired);
    assert_int_equal(after.evicted, before.evicted);
    assert_int_equal(count_live(f->cache), 1);
    expect(f->cache, "a", "1");
}

static void
inside_a_transaction_it_is_refused(void **state)
{
    struct fixture *f = *state;
    attl_slice key = attl_s("k");
    attl_txn *txn;
    ASSERT_STATUS(attl_txn_begin(f->cache, &txn), ATTL_OK);
    ASSERT_STATUS(attl_txn_scope_begin(txn, &key, 1, 64, 0), ATTL_OK);
    ASSERT_STATUS(attl_health(f->cache, NULL, NULL, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_txn_scope_end(txn), ATTL_OK);
    attl_txn_rollback(&txn);
    ASSERT_STATUS(attl_health(f->cache, NULL, NULL, NULL), ATTL_OK);
}

static void
words_have_names(void **state)
{
    (void)state;
    assert_string_equal(attl_health_area_name(ATTL_HEALTH_FUNCTION), "function");
    assert_string_equal(attl_health_area_name(ATTL_HEALTH_CONFIGURATION), "configuration");
    assert_string_equal(attl_health_area_name(ATTL_HEALTH_AREAS), "?");
    assert_string_equal(attl_health_area_name(-1), "?");
    assert_string_equal(attl_health_status_name(ATTL_HEALTH_FAIL), "fail");
    assert_string_equal(attl_health_status_name(3), "?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(looking_leaves_no_trace),
        UNIT_TEST(inside_a_transaction_it_is_refused),
        cmocka_unit_test(words_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
