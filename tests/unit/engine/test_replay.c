/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applying recorded changes: what each kind does to a cache, that several threads come to the same
 * end as one, and that what fails is told. Deadlines that have passed are applied like all others,
 * because a later change may have moved them in time; nothing is logged and nothing validated.
 */
#include "engine/replay.h"

#include "engine_support.h"
#include "support/rng.h"
#include "support/sim_disk.h"
#include "support/snapshot_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/check.h"

enum { KEYS = 500, CHANGES = 60000 };

static const char *const plain[] = {
    "cache.max_memory", "0", "cache.max_entries", "0", "cache.default_ttl", "0", NULL
};

static struct wal_op
op_put(const char *key, attl_slice value, int64_t deadline_ms)
{
    return (struct wal_op){
        .kind = WAL_PUT, .key = attl_s(key), .value = value, .deadline_ms = deadline_ms
    };
}

static struct wal_op
op_on(enum wal_kind kind, const char *key, int64_t deadline_ms)
{
    return (struct wal_op){ .kind = kind, .key = attl_s(key), .deadline_ms = deadline_ms };
}

static void
apply(struct bench *b, struct wal_op op, struct replay_sums *sums)
{
    assert_int_equal(replay_apply(&b->engine, &op, sums), ATTL_OK);
}

struct look {
    attl_slice value; /* data NULL: any */
    int64_t deadline_ms;
    bool integer;
};

static int
look(struct entry *e, void *ud)
{
    struct look *l = ud;
    int64_t number;
    if (!e->found)
        return ATTL_MISS;
    attl_slice seen = entry_value(e);
    l->deadline_ms = e->deadline_ms;
    l->integer = entry_is_integer(e, &number);
    if (l->value.data) {
        assert_int_equal(seen.len, l->value.len);
        assert_memory_equal(seen.data, l->value.data, seen.len);
    }
    return ATTL_OK;
}

static struct look
expect_there(struct bench *b, const char *key, attl_slice value)
{
    struct look l = { .value = value };
    assert_int_equal(engine_look(&b->engine, attl_s(key), look, &l), ATTL_OK);
    return l;
}

static void
expect_none(struct bench *b, const char *key)
{
    struct look l = { { NULL, 0 }, 0, false };
    assert_int_equal(engine_look(&b->engine, attl_s(key), look, &l), ATTL_MISS);
}

static void
each_kind_does_what_it_did(void **state)
{
    (void)state;
    struct bench *b = bench_open(plain, false);
    struct replay_sums sums = { 0 };
    int64_t number = -42;
    static char large[20000];
    memset(large, 'L', sizeof large);
    apply(b, op_put("a", attl_s("one"), ATTL_NO_DEADLINE), &sums);
    apply(b, op_put("b", attl_s("two"), START_MS + 5000), &sums);
    apply(b, op_put("big", attl_b(large, sizeof large), ATTL_NO_DEADLINE), &sums);
    struct wal_op integer = op_put("n", attl_b(&number, sizeof number), ATTL_NO_DEADLINE);
    integer.flags = WAL_INTEGER;
    apply(b, integer, &sums);
    apply(b, op_on(WAL_DEL, "a", ATTL_NO_DEADLINE), &sums);
    apply(b, op_on(WAL_DEL, "never", ATTL_NO_DEADLINE), &sums);
    apply(b, op_on(WAL_EXPIRE, "b", START_MS + 9000), &sums);
    apply(b, op_on(WAL_EXPIRE, "never", START_MS + 9000), &sums);
    expect_none(b, "a");
    assert_true(expect_there(b, "b", attl_s("two")).deadline_ms == START_MS + 9000);
    (void)expect_there(b, "big", attl_b(large, sizeof large));
    assert_true(expect_there(b, "n", attl_s("-42")).integer);
    apply(b, op_on(WAL_EVICT, "b", ATTL_NO_DEADLINE), &sums);
    expect_none(b, "b");
    assert_int_equal(sums.puts, 4);
    bench_close(b);
}

static void
twice_is_as_good_as_once(void **state)
{
    (void)state;
    struct bench *b = bench_open(plain, false);
    struct replay_sums sums = { 0 };
    for (int i = 0; i < 2; i++) {
        apply(b, op_put("a", attl_s("one"), ATTL_NO_DEADLINE), &sums);
        apply(b, op_on(WAL_EXPIRE, "a", START_MS + 9000), &sums);
        apply(b, op_put("b", attl_s("x"), ATTL_NO_DEADLINE), &sums);
        apply(b, op_on(WAL_DEL, "b", ATTL_NO_DEADLINE), &sums);
    }
    assert_true(expect_there(b, "a", attl_s("one")).deadline_ms == START_MS + 9000);
    expect_none(b, "b");
    assert_int_equal(cache_items(&b->engine.cache), 1);
    bench_close(b);
}

static void
what_has_expired_may_yet_be_prolonged(void **state)
{
    (void)state;
    struct bench *b = bench_open(plain, false);
    struct replay_sums sums = { 0 };
    apply(b, op_put("a", attl_s("v"), START_MS - 1000), &sums);
    apply(b, op_put("old", attl_s("v"), 1), &sums); /* since 1970 */
    apply(b, op_put("dead", attl_s("v"), START_MS - DAY_MS), &sums);
    assert_int_equal(sums.expired, 3);
    apply(b, op_on(WAL_EXPIRE, "a", START_MS + 1000), &sums);
    apply(b, op_on(WAL_EXPIRE, "old", ATTL_NO_DEADLINE), &sums);
    assert_true(expect_there(b, "a", attl_s("v")).deadline_ms == START_MS + 1000);
    assert_true(expect_there(b, "old", attl_s("v")).deadline_ms == ATTL_NO_DEADLINE);
    expect_none(b, "dead");
    bench_close(b);
}

static void
rules_of_today_do_not_count(void **state)
{
    (void)state;
    static const char *const strict[] = { "validation.mode",
                                          "strict",
                                          "cache.default_ttl",
                                          "10s",
                                          "validation.max_value_bytes",
                                          "1024",
                                          NULL };
    struct bench *b = bench_open(strict, false);
    struct replay_sums sums = { 0 };
    static char value[5000];
    apply(b, op_put("with\nnewline", attl_b(value, sizeof value), ATTL_NO_DEADLINE), &sums);
    assert_int_equal(cache_items(&b->engine.cache), 1);
    bench_close(b);
}

static void
limits_of_today_do(void **state)
{
    (void)state;
    static const char *const few[] = {
        "cache.max_memory", "0", "cache.max_entries", "20", "cache.eviction", "noeviction", NULL
    };
    struct bench *b = bench_open(few, false);
    struct replay_sums sums = { 0 };
    for (int i = 0; i < 50; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%d", i);
        apply(b, op_put(key, attl_s("v"), ATTL_NO_DEADLINE), &sums);
    }
    assert_int_equal(cache_items(&b->engine.cache), 20);
    assert_int_equal(sums.refused, 30);
    assert_int_equal(sums.puts, 20);
    bench_close(b);
}

/* ---- with threads ---------------------------------------------------------------------------- */

/* Every key's last change is known: odd ones are deleted at the end. */
static void
give_all(struct replay *r, uint64_t seed, unsigned last[KEYS])
{
    struct rng rng = rng_from_seed(seed);
    char key[16], value[600];
    memset(value, 'v', sizeof value);
    for (unsigned i = 1; i <= CHANGES; i++) {
        unsigned k = (unsigned)rng_below(&rng, KEYS);
        int n = snprintf(value, sizeof value, "%u", i);
        value[n] = 'v';
        (void)snprintf(key, sizeof key, "k%u", k);
        struct wal_op op = op_put(key, attl_b(value, sizeof value), ATTL_NO_DEADLINE);
        if (rng_below(&rng, 5) == 0)
            op = op_on(WAL_DEL, key, ATTL_NO_DEADLINE);
        last[k] = op.kind == WAL_PUT ? i : 0;
        assert_true(replay_op(r, &op));
    }
}

static void
many_threads_come_to_the_same_end(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        unsigned last[KEYS] = { 0 }, there = 0;
        struct bench *b = bench_open(plain, true);
        struct replay *r = replay_new(&b->engine, threads);
        struct replay_sums sums;
        assert_non_null(r);
        give_all(r, threads, last);
        assert_int_equal(replay_wait(r), ATTL_OK);
        replay_sums_get(r, &sums);
        assert_int_equal(sums.puts + sums.removals, CHANGES);
        assert_int_equal(replay_wait(r), ATTL_OK); /* nothing to wait for */
        replay_free(&r);
        assert_null(r);
        for (unsigned k = 0; k < KEYS; k++) {
            char key[16], value[600];
            memset(value, 'v', sizeof value);
            int n = snprintf(value, sizeof value, "%u", last[k]);
            value[n] = 'v';
            (void)snprintf(key, sizeof key, "k%u", k);
            if (last[k])
                (void)expect_there(b, key, attl_b(value, sizeof value));
            else
                expect_none(b, key);
            there += last[k] != 0;
        }
        assert_int_equal(cache_items(&b->engine.cache), there);
        bench_close(b);
    }
}

static void
freeing_without_waiting_is_allowed(void **state)
{
    (void)state;
    unsigned last[KEYS];
    struct bench *b = bench_open(plain, true);
    struct replay *r = replay_new(&b->engine, 2);
    assert_non_null(r);
    give_all(r, 1, last);
    replay_free(&r);
    replay_free(&r); /* NULL */
    bench_close(b);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static void
a_snapshot_is_read_whole(void **state)
{
    (void)state;
    enum { ENTRIES = 3000 };
    struct sim_disk *disk = sim_disk_new(1);
    const attl_allocator alloc = alloc_default();
    char name[SEGMENT_NAME_MAX];
    assert_int_equal(sample_write(sim_disk_table(disk), &alloc, false, ENTRIES, name), 0);
    struct bench *b = bench_open(plain, false);
    struct snapshot_reader *reader;
    struct replay_sums sums = { 0 };
    _Atomic uint64_t done = 0;
    assert_int_equal(snapshot_reader_open(sim_disk_table(disk), &alloc, name, &reader, NULL, 0),
                     SNAPSHOT_OK);
    assert_int_equal(replay_snapshot(&b->engine, reader, &done, &sums), SNAPSHOT_END);
    assert_int_equal(sums.puts + sums.expired, ENTRIES);
    assert_int_equal(cache_items(&b->engine.cache), ENTRIES);
    assert_true(atomic_load(&done) > 0);
    snapshot_reader_close(&reader);
    bench_close(b);
    /* The same with a byte that has rotten. */
    sim_disk_flip(disk, name, 5000, 1);
    b = bench_open(plain, false);
    assert_int_equal(snapshot_reader_open(sim_disk_table(disk), &alloc, name, &reader, NULL, 0),
                     SNAPSHOT_OK);
    assert_int_equal(replay_snapshot(&b->engine, reader, NULL, &sums), SNAPSHOT_DAMAGED);
    snapshot_reader_close(&reader);
    bench_close(b);
    sim_disk_free(&disk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_does_what_it_did),
        cmocka_unit_test(twice_is_as_good_as_once),
        cmocka_unit_test(what_has_expired_may_yet_be_prolonged),
        cmocka_unit_test(rules_of_today_do_not_count),
        cmocka_unit_test(limits_of_today_do),
        cmocka_unit_test(many_threads_come_to_the_same_end),
        cmocka_unit_test(freeing_without_waiting_is_allowed),
        cmocka_unit_test(a_snapshot_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
