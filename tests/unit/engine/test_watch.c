/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches: each kind of change of a watched key is seen, and none of another key; several watches
 * of one key are all told; removing one leaves the others; a clear is seen by all. Keys of one
 * chain and of one partition are told apart.
 */
#include "engine_support.h"

#include "engine/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const options[] = { "validation.mode",
                                       "binary",
                                       "cache.background",
                                       "no",
                                       "cache.max_memory",
                                       "0",
                                       "cache.max_entries",
                                       "0",
                                       NULL };

static int
remove_change(struct entry *e, void *ud)
{
    (void)ud;
    if (!e->found)
        return ATTL_MISS;
    entry_remove(e, COUNT_DELETES);
    return ATTL_OK;
}

static int
prolong_change(struct entry *e, void *ud)
{
    return e->found ? entry_set_deadline(e, *(int64_t *)ud) : ATTL_MISS;
}

static int
look_change(struct entry *e, void *ud)
{
    (void)ud;
    return e->found ? ATTL_OK : ATTL_MISS;
}

static void
watch(struct bench *b, struct watch *w, const char *key)
{
    watch_add(&b->engine.watches, &b->engine.cache, w, attl_s(key));
    assert_int_equal(watch_seen(w), 0);
}

static void
every_kind_of_change_is_seen(void **state)
{
    (void)state;
    struct bench *b = bench_open(options, false);
    struct watch w;
    int64_t deadline_ms = START_MS + SECOND_MS;
    watch(b, &w, "k");
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(watch_seen(&w), NOTICE_SET);
    assert_int_equal(engine_change(&b->engine, attl_s("k"), prolong_change, &deadline_ms), ATTL_OK);
    assert_int_equal(watch_seen(&w), NOTICE_SET | NOTICE_EXPIRE);
    b->now_ms += 2 * SECOND_MS;
    assert_int_equal(engine_look(&b->engine, attl_s("k"), look_change, NULL), ATTL_MISS);
    assert_int_equal(watch_seen(&w), NOTICE_SET | NOTICE_EXPIRE | NOTICE_EXPIRED);
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(engine_change(&b->engine, attl_s("k"), remove_change, NULL), ATTL_OK);
    assert_int_equal(watch_seen(&w), NOTICE_SET | NOTICE_EXPIRE | NOTICE_EXPIRED | NOTICE_DELETED);
    watch_remove(&b->engine.watches, &w);
    watch(b, &w, "k");
    cache_clear(&b->engine.cache, notice_clear, &b->engine);
    assert_int_equal(watch_seen(&w), NOTICE_CLEARED);
    watch_remove(&b->engine.watches, &w);
    bench_close(b);
}

static void
the_drain_tells_too(void **state)
{
    (void)state;
    struct bench *b = bench_open(options, false);
    struct watch w;
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("1"), START_MS + SECOND_MS), ATTL_OK);
    watch(b, &w, "k");
    b->now_ms += HOUR_MS;
    (void)engine_maintain(&b->engine, 0);
    assert_int_equal(watch_seen(&w), NOTICE_EXPIRED);
    watch_remove(&b->engine.watches, &w);
    bench_close(b);
}

static void
looking_and_other_keys_are_not_seen(void **state)
{
    (void)state;
    struct bench *b = bench_open(options, false);
    struct watch w, empty;
    char key[16];
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    watch(b, &w, "k");
    watch(b, &empty, "");
    for (int i = 0; i < 3000; i++) { /* every partition and every chain */
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(bench_set(b, attl_s(key), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    }
    assert_int_equal(engine_look(&b->engine, attl_s("k"), look_change, NULL), ATTL_OK);
    assert_int_equal(engine_change(&b->engine, attl_s("none"), remove_change, NULL), ATTL_MISS);
    assert_int_equal(watch_seen(&w), 0);
    assert_int_equal(watch_seen(&empty), 0);
    assert_int_equal(bench_set(b, attl_s(""), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(watch_seen(&empty), NOTICE_SET);
    watch_remove(&b->engine.watches, &empty);
    watch_remove(&b->engine.watches, &w);
    bench_close(b);
}

static void
each_watch_of_a_key_is_told_until_it_is_removed(void **state)
{
    (void)state;
    enum { WATCHES = 5 };
    struct bench *b = bench_open(options, false);
    struct watch w[WATCHES];
    for (int i = 0; i < WATCHES; i++)
        watch(b, &w[i], "k");
    struct partition *p = w[0].partition;
    assert_int_equal(p->watched, WATCHES);
    watch_remove(&b->engine.watches, &w[2]); /* in the middle, at the end, at the beginning */
    watch_remove(&b->engine.watches, &w[0]);
    watch_remove(&b->engine.watches, &w[4]);
    assert_int_equal(bench_set(b, attl_s("k"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    for (int i = 0; i < WATCHES; i++)
        assert_int_equal(watch_seen(&w[i]), i == 1 || i == 3 ? NOTICE_SET : 0);
    lock_acquire(&p->lock);
    watch_remove_locked(&b->engine.watches, &w[1]);
    watch_remove_locked(&b->engine.watches, &w[3]);
    lock_release(&p->lock);
    assert_int_equal(p->watched, 0);
    for (int i = 0; i < WATCH_BUCKETS; i++)
        assert_null(b->engine.watches.buckets[i].first);
    bench_close(b);
}

struct called {
    struct watch watch;
    int times;
};

static void
count_call(struct watch *w)
{
    ((struct called *)w)->times++;
}

static void
whoever_has_to_act_is_called(void **state)
{
    (void)state;
    struct bench *b = bench_open(options, false);
    struct called mine = { .times = 0 };
    struct partition *p =
        cache_partition(&b->engine.cache, cache_hash(&b->engine.cache, attl_s("a")));
    lock_acquire(&p->lock);
    watch_add_locked(&b->engine.watches, &b->engine.cache, &mine.watch, attl_s("a"));
    mine.watch.told = count_call;
    lock_release(&p->lock);
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(mine.times, 1);
    assert_int_equal(watch_seen(&mine.watch), NOTICE_SET);
    assert_int_equal(bench_set(b, attl_s("b"), attl_s("1"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(mine.times, 1);
    watch_tell_unwanted(&b->engine.watches, mine.watch.hash, attl_s("a"));
    assert_int_equal(mine.times, 2);
    watch_tell_all(&b->engine.watches, NOTICE_CLEARED);
    assert_int_equal(mine.times, 3);
    watch_remove(&b->engine.watches, &mine.watch);
    assert_int_equal(bench_set(b, attl_s("a"), attl_s("2"), ATTL_NO_DEADLINE), ATTL_OK);
    assert_int_equal(mine.times, 3);
    bench_close(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_has_to_act_is_called),
        cmocka_unit_test(every_kind_of_change_is_seen),
        cmocka_unit_test(the_drain_tells_too),
        cmocka_unit_test(looking_and_other_keys_are_not_seen),
        cmocka_unit_test(each_watch_of_a_key_is_told_until_it_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
