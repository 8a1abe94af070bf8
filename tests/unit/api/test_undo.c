/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undoing operations: newest first, each key ends as before its oldest mention, deadlines come back
 * exactly, the dead stay dead, and everything happens as one or not at all. The recorder remembers
 * what is needed for that by itself.
 */
#include "support/durable.h"
#include "support/unit.h"

#include "persist/wal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void
a_list_of_operations_is_undone(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = sim_now(&f->sim);
    put(f->cache, "changed", "new", ATTL_TTL_NONE);
    put(f->cache, "added", "new", ATTL_TTL_NONE);
    put(f->cache, "untouched", "1", 7000);
    const attl_undo_op ops[] = {
        { .key = attl_s("changed"),
          .value = attl_s("old"),
          .deadline_ms = now_ms + 5000,
          .had_previous = 1 },
        { .key = attl_s("added") },
        { .key = attl_s("deleted"),
          .value = attl_s("back"),
          .deadline_ms = ATTL_NO_DEADLINE,
          .had_previous = 1 },
        { .key = attl_s("changed"),
          .value = attl_s("between"),
          .deadline_ms = ATTL_NO_DEADLINE,
          .had_previous = 1 },
        { .key = attl_s("dead"), .value = attl_s("x"), .deadline_ms = now_ms, .had_previous = 1 },
        { .key = attl_s("never was") },
    };
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, sizeof(ops) / sizeof(ops[0])), ATTL_OK);
    expect(f->cache, "changed", "old");
    expect_ttl(f->cache, "changed", 5000);
    expect(f->cache, "added", NULL);
    expect(f->cache, "deleted", "back");
    expect_ttl(f->cache, "deleted", ATTL_TTL_NONE);
    expect(f->cache, "dead", NULL);
    expect_ttl(f->cache, "untouched", 7000);
    assert_int_equal(count_live(f->cache), 3);
    ASSERT_STATUS(attl_rollback_ops(f->cache, NULL, 0), ATTL_OK);
}

static void
a_previous_state_that_has_died_is_absence(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "k", "new", ATTL_TTL_NONE);
    const attl_undo_op op = { .key = attl_s("k"),
                              .value = attl_s("old"),
                              .deadline_ms = sim_now(&f->sim) + 1000,
                              .had_previous = 1 };
    sim_advance(&f->sim, 2000);
    ASSERT_STATUS(attl_rollback_ops(f->cache, &op, 1), ATTL_OK);
    expect(f->cache, "k", NULL);
}

static void
wrong_lists_are_refused_whole(void **state)
{
    struct fixture *f = *state;
    static char long_key[40000];
    memset(long_key, 'k', sizeof(long_key));
    put(f->cache, "a", "new", ATTL_TTL_NONE);
    attl_undo_op ops[3] = { { .key = attl_s("a") },
                            { .key = attl_s("b") },
                            { .key = attl_s("c") } };
    sim_option(f->cache, "limits.rollback_ops", "2");
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, 3), ATTL_E_INVALID);
    ops[1].reserved = 1;
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, 2), ATTL_E_INVALID);
    ops[1] = (attl_undo_op){ .key = attl_b(long_key, sizeof(long_key)) };
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, 2), ATTL_E_KEY_LONG);
    sim_option(f->cache, "validation.max_value_bytes", "3");
    ops[1] = (attl_undo_op){ .key = attl_s("b"),
                             .value = attl_s("long"),
                             .had_previous = 1,
                             .deadline_ms = ATTL_NO_DEADLINE };
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, 2), ATTL_E_VALUE_LONG);
    expect(f->cache, "a", "new");
    sim_option(f->cache, "cache.eviction", "noeviction");
    sim_option(f->cache, "cache.max_entries", "1");
    for (int i = 0; i < 2; i++)
        ops[i] = (attl_undo_op){ .key = attl_s(i ? "a" : "b"),
                                 .value = attl_s("old"),
                                 .had_previous = 1,
                                 .deadline_ms = ATTL_NO_DEADLINE };
    sim_option(f->cache, "validation.max_value_bytes", "100");
    ASSERT_STATUS(attl_rollback_ops(f->cache, ops, 2), ATTL_E_FULL);
    expect(f->cache, "a", "new");
    expect(f->cache, "b", NULL);
}

static void
it_is_one_record_of_the_log(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "a", "new", ATTL_TTL_NONE);
    uint64_t from = durable_next_lsn(d);
    const attl_undo_op ops[] = {
        { .key = attl_s("a") },
        { .key = attl_s("b"),
          .value = attl_s("old"),
          .deadline_ms = ATTL_NO_DEADLINE,
          .had_previous = 1 },
        { .key = attl_s("a"),
          .value = attl_s("x"),
          .deadline_ms = ATTL_NO_DEADLINE,
          .had_previous = 1 },
    };
    ASSERT_STATUS(attl_rollback_ops(d->cache, ops, 3), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(DEL a, PUT b=old)");
}

static void
the_recorder_remembers_what_is_needed(void **state)
{
    struct fixture *f = *state;
    static char large[50000];
    attl_undo *undo = NULL;
    memset(large, 'L', sizeof(large));
    ASSERT_STATUS(attl_undo_new(f->cache, &undo), ATTL_OK);
    put(f->cache, "a", "old", 9000);
    ASSERT_STATUS(attl_set(f->cache, attl_s("large"), attl_b(large, sizeof(large)), 8000), ATTL_OK);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("a"), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("a"), attl_s("newer"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_undo_del(undo, attl_s("a")), ATTL_OK);
    ASSERT_STATUS(attl_undo_del(undo, attl_s("a")), ATTL_MISS);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("fresh"), attl_s("1"), 1000), ATTL_OK);
    ASSERT_STATUS(attl_undo_del(undo, attl_s("large")), ATTL_OK);
    expect(f->cache, "a", NULL);
    expect(f->cache, "fresh", "1");
    sim_advance(&f->sim, 500);
    ASSERT_STATUS(attl_undo_rollback(undo), ATTL_OK);
    expect(f->cache, "a", "old");
    expect_ttl(f->cache, "a", 8500);
    expect(f->cache, "fresh", NULL);
    attl_meta meta = ATTL_META_INIT;
    ASSERT_STATUS(attl_meta_get(f->cache, attl_s("large"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, sizeof(large));
    expect_ttl(f->cache, "large", 7500);
    put(f->cache, "a", "later", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_undo_rollback(undo), ATTL_OK); /* the list is empty now */
    expect(f->cache, "a", "later");
    attl_undo_free(&undo);
    assert_null(undo);
    attl_undo_free(&undo);
    attl_undo_free(NULL);
}

static void
what_cannot_be_remembered_is_not_done(void **state)
{
    struct fixture *f = *state;
    static char large[50000];
    attl_undo *undo = NULL;
    memset(large, 'L', sizeof(large));
    sim_option(f->cache, "limits.rollback_ops", "2");
    sim_option(f->cache, "cache.max_pinned", "64KiB");
    ASSERT_STATUS(attl_undo_new(f->cache, &undo), ATTL_OK);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(
            attl_set(f->cache, attl_s(i ? "x" : "y"), attl_b(large, sizeof(large)), ATTL_TTL_NONE),
            ATTL_OK);
    ASSERT_STATUS(attl_undo_del(undo, attl_s("x")), ATTL_OK);
    ASSERT_STATUS(attl_undo_del(undo, attl_s("y")), ATTL_E_BUSY); /* too many bytes pinned */
    assert_int_equal(attl_exists(f->cache, attl_s("y")), ATTL_OK);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("a"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("b"), attl_s("1"), ATTL_TTL_NONE), ATTL_E_BUSY);
    expect(f->cache, "b", NULL);
    attl_undo_forget(undo);
    ASSERT_STATUS(attl_undo_set(undo, attl_s("b"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    attl_undo_free(&undo);
    expect(f->cache, "a", "1");
    expect(f->cache, "b", "1");
}

/* The log tries again by itself. */
static void
wait_until_the_log_writes(struct durable *d)
{
    const struct timespec nap = { .tv_nsec = 5000000 };
    for (int i = 0; durable_stats(d).state == WAL_RETRYING; i++) {
        assert_true(i < 2000);
        (void)nanosleep(&nap, NULL);
    }
}

static void
what_is_done_without_becoming_durable_is_undone(void **state)
{
    static char large[50000];
    for (int del = 0; del < 2; del++) {
        struct durable *d = *state;
        attl_undo *undo = NULL;
        durable_open(d, NULL);
        ASSERT_STATUS(attl_undo_new(d->cache, &undo), ATTL_OK);
        ASSERT_STATUS(attl_set(d->cache, attl_s("a"), attl_b(large, sizeof(large)), 9000), ATTL_OK);
        sim_disk_fail(d->disk, SIM_WRITE | SIM_CREATE | SIM_ALLOCATE, 1, -EIO, SIM_FOREVER);
        if (del)
            ASSERT_STATUS(attl_undo_del(undo, attl_s("a")), ATTL_E_IO);
        else
            ASSERT_STATUS(attl_undo_set(undo, attl_s("a"), attl_s("new"), 0), ATTL_E_IO);
        expect(d->cache, "a", del ? NULL : "new"); /* made, and not durable */
        ASSERT_STATUS(attl_undo_set(undo, attl_s("b"), attl_s("1"), 0), ATTL_E_IO);
        ASSERT_STATUS(attl_undo_del(undo, attl_s("a")), ATTL_E_IO);
        expect(d->cache, "a", del ? NULL : "new"); /* refused: not made */
        expect(d->cache, "b", NULL);
        ASSERT_STATUS(attl_undo_rollback(undo), ATTL_E_IO);
        sim_disk_fail(d->disk, 0, 0, 0, SIM_ONCE);
        wait_until_the_log_writes(d);
        put(d->cache, "b", "somebody else's", ATTL_TTL_NONE);
        ASSERT_STATUS(attl_undo_rollback(undo), ATTL_OK);
        expect_ttl(d->cache, "a", 9000);
        attl_meta meta = ATTL_META_INIT;
        ASSERT_STATUS(attl_meta_get(d->cache, attl_s("a"), &meta), ATTL_OK);
        assert_int_equal(meta.value_bytes, sizeof(large));
        expect(d->cache, "b", "somebody else's");
        drop(d->cache, "b");
        attl_undo_free(&undo);
        attl_close(&d->cache);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(a_list_of_operations_is_undone),
        UNIT_TEST(a_previous_state_that_has_died_is_absence),
        UNIT_TEST(wrong_lists_are_refused_whole),
        DURABLE_TEST(it_is_one_record_of_the_log),
        UNIT_TEST(the_recorder_remembers_what_is_needed),
        UNIT_TEST(what_cannot_be_remembered_is_not_done),
        DURABLE_TEST(what_is_done_without_becoming_durable_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
