/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot's view: whatever is done after the cut, walking gives exactly what was there at the
 * cut, once each, and afterwards all memory that was kept for it comes back. The random test does
 * everything a cache can do between the cut and the last partition, under a model; the threaded one
 * does it while other threads write, and checks that what they wrote before the cut is there and
 * what they wrote behind it is not.
 */
#include "cache/freeze.h"

#include "cache_support.h"
#include "os/thread.h"
#include "support/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 600, LARGE_BYTES = 20000, STEPS = 3000, ROUNDS = 20 };

struct image {
    size_t len[KEYS]; /* 0: absent */
    int64_t deadline_ms[KEYS];
};

struct view {
    struct rig *rig;
    struct image now, at_cut, seen;
    unsigned total;
    unsigned cuts;
};

static int
setup(void **state)
{
    struct view *v = calloc(1, sizeof *v);
    if (!v)
        return -1;
    struct cache_config config = rig_config();
    config.shards = 4;
    v->rig = rig_open(&config);
    *state = v;
    return 0;
}

static int
teardown(void **state)
{
    struct view *v = *state;
    rig_collect(v->rig);
    assert_int_equal(freeze_kept_bytes(&v->rig->cache), 0);
    rig_close(v->rig);
    free(v);
    return 0;
}

/* ---- changing, with a model ---- */

static void
put(struct view *v, uint64_t i, size_t len, int64_t deadline_ms)
{
    static char large[LARGE_BYTES];
    struct name name;
    if (len <= LIMIT_INLINE_VALUE_BYTES) {
        rig_put(v->rig, i, len, deadline_ms);
    } else {
        memset(large, (int)i, len);
        rig_set(v->rig, name_of(i, &name), attl_b(large, len), deadline_ms);
    }
    v->now.len[i] = len;
    v->now.deadline_ms[i] = deadline_ms;
}

static void
del(struct view *v, uint64_t i)
{
    struct name name;
    assert_int_equal(rig_del(v->rig, name_of(i, &name)), v->now.len[i] != 0);
    v->now.len[i] = 0;
}

static void
set_deadline(struct view *v, uint64_t i, int64_t deadline_ms)
{
    struct name name;
    struct entry e;
    rig_lock(v->rig, name_of(i, &name), &e);
    assert_int_equal(e.found, v->now.len[i] != 0);
    if (e.found) {
        assert_int_equal(entry_set_deadline(&e, deadline_ms), ATTL_OK);
        v->now.deadline_ms[i] = deadline_ms;
    }
    rig_unlock(&e);
}

/* ---- walking ---- */

static void
at_cut(void *ud)
{
    struct view *v = ud;
    v->at_cut = v->now;
    v->cuts++;
}

static bool
see(void *ud, const struct freeze_entry *e)
{
    struct view *v = ud;
    char text[24] = { 0 };
    assert_in_range(e->key.len, 5, sizeof text - 1);
    memcpy(text, e->key.data, e->key.len);
    uint64_t i = strtoull(text + 4, NULL, 10);
    assert_true(i < KEYS);
    assert_int_equal(v->seen.len[i], 0); /* once */
    const unsigned char *value = e->value.data;
    for (size_t at = 0; at < e->value.len; at += 97)
        assert_int_equal(value[at], (unsigned char)i);
    v->seen.len[i] = e->value.len;
    v->seen.deadline_ms[i] = e->deadline_ms;
    v->total++;
    return true;
}

static unsigned
partitions(const struct view *v)
{
    return 1u << v->rig->cache.partition_bits;
}

static void
forget(struct view *v)
{
    memset(&v->seen, 0, sizeof v->seen);
    v->total = 0;
}

static void
walk_range(struct view *v, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        assert_true(freeze_walk(&v->rig->cache, i, v->rig->now_ms, see, v));
}

static void
assert_seen(const struct view *v, const struct image *expected)
{
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_int_equal(v->seen.len[i], expected->len[i]);
        if (expected->len[i])
            assert_int_equal(v->seen.deadline_ms[i], expected->deadline_ms[i]);
    }
}

static void
fill(struct view *v)
{
    for (uint64_t i = 0; i < KEYS; i++)
        put(v, i, i % 50 == 0 ? LARGE_BYTES : 1 + i % 200,
            i % 3 ? ATTL_NO_DEADLINE : v->rig->now_ms + HOUR_MS + (int64_t)i);
}

/* ---- tests ---- */

static void
what_changes_behind_the_cut_is_not_seen(void **state)
{
    struct view *v = *state;
    fill(v);
    freeze_begin(&v->rig->cache, at_cut, v);
    assert_int_equal(v->cuts, 1);
    for (uint64_t i = 0; i < KEYS; i++) {
        switch (i % 5) {
        case 0: put(v, i, v->now.len[i], v->now.deadline_ms[i]); break; /* would be in place */
        case 1: put(v, i, 300, v->rig->now_ms + 2 * HOUR_MS); break;
        case 2: del(v, i); break;
        case 3: set_deadline(v, i, v->rig->now_ms + 10 * HOUR_MS); break;
        default: break;
        }
    }
    walk_range(v, 0, partitions(v));
    freeze_end(&v->rig->cache);
    assert_seen(v, &v->at_cut);
    forget(v);
    walk_range(v, 0, partitions(v)); /* without a cut: now */
    assert_seen(v, &v->now);
}

static void
values_overwritten_in_place_keep_the_old_value_for_the_snapshot(void **state)
{
    struct view *v = *state;
    struct name name;
    put(v, 7, 40, ATTL_NO_DEADLINE);
    freeze_begin(&v->rig->cache, at_cut, v);
    char other[40];
    memset(other, 'x', sizeof other);
    uint64_t in_place = rig_counter(v->rig, COUNT_WRITES_IN_PLACE);
    rig_set(v->rig, name_of(7, &name), attl_b(other, sizeof other), ATTL_NO_DEADLINE);
    assert_int_equal(rig_counter(v->rig, COUNT_WRITES_IN_PLACE), in_place);
    walk_range(v, 0, partitions(v)); /* see() compares the bytes */
    assert_int_equal(v->total, 1);
    rig_set(v->rig, name_of(7, &name), attl_b(other, sizeof other), ATTL_NO_DEADLINE);
    assert_int_equal(rig_counter(v->rig, COUNT_WRITES_IN_PLACE), in_place + 1);
    freeze_end(&v->rig->cache);
}

static void
memory_that_dies_is_kept_until_the_end(void **state)
{
    struct view *v = *state;
    fill(v);
    freeze_begin(&v->rig->cache, at_cut, v);
    cache_clear(&v->rig->cache, NULL, NULL);
    memset(&v->now, 0, sizeof v->now);
    assert_int_equal(cache_items(&v->rig->cache), 0);
    for (int i = 0; i < 8; i++)
        (void)limbo_collect(&v->rig->cache.limbo);
    assert_true(freeze_kept_bytes(&v->rig->cache) > KEYS / 50 * LARGE_BYTES);
    for (uint64_t i = 0; i < KEYS; i += 2) /* new records must not land in old memory */
        put(v, i, 77, ATTL_NO_DEADLINE);
    walk_range(v, 0, partitions(v));
    assert_seen(v, &v->at_cut);
    freeze_end(&v->rig->cache);
    rig_collect(v->rig);
    assert_int_equal(freeze_kept_bytes(&v->rig->cache), 0);
    rig_check(v->rig, "after the snapshot");
}

static void
what_is_kept_does_not_count_against_the_limit(void **state)
{
    struct view *v = *state;
    fill(v);
    struct cache *c = &v->rig->cache;
    freeze_begin(c, at_cut, v);
    cache_clear(c, NULL, NULL);
    for (int i = 0; i < 8; i++)
        (void)limbo_collect(&c->limbo);
    atomic_store(&c->max_bytes, cache_used_bytes(c) - freeze_kept_bytes(c) + (64 << 10));
    assert_true(cache_may_use(c, 32 << 10, false));
    atomic_store(&c->max_bytes, 0);
    freeze_end(c);
}

static void
giving_up_the_cut_shows_the_rest_as_it_is(void **state)
{
    struct view *v = *state;
    fill(v);
    freeze_begin(&v->rig->cache, at_cut, v);
    walk_range(v, 0, partitions(v) / 2);
    for (uint64_t i = 0; i < KEYS; i++)
        put(v, i, 222, ATTL_NO_DEADLINE);
    freeze_relax(&v->rig->cache);
    rig_collect(v->rig);
    assert_int_equal(freeze_kept_bytes(&v->rig->cache), 0);
    walk_range(v, partitions(v) / 2, partitions(v));
    freeze_end(&v->rig->cache);
    unsigned fresh = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        bool old = v->seen.len[i] == v->at_cut.len[i];
        bool is_new = v->seen.len[i] == 222;
        assert_true(old || is_new);
        fresh += is_new;
    }
    assert_in_range(fresh, KEYS / 4, KEYS * 3 / 4);
}

static void
expired_entries_are_left_out(void **state)
{
    struct view *v = *state;
    put(v, 1, 10, v->rig->now_ms + 100);
    put(v, 2, 10, v->rig->now_ms + HOUR_MS);
    v->rig->now_ms += 100;
    freeze_begin(&v->rig->cache, NULL, NULL);
    walk_range(v, 0, partitions(v));
    freeze_end(&v->rig->cache);
    assert_int_equal(v->total, 1);
    assert_int_equal(v->seen.len[2], 10);
}

static bool
stop_at_once(void *ud, const struct freeze_entry *e)
{
    (void)e;
    ++*(unsigned *)ud;
    return false;
}

static void
a_walk_can_be_ended(void **state)
{
    struct view *v = *state;
    unsigned calls = 0, ended = 0;
    fill(v);
    freeze_begin(&v->rig->cache, NULL, NULL);
    for (unsigned i = 0; i < partitions(v); i++)
        ended += !freeze_walk(&v->rig->cache, i, v->rig->now_ms, stop_at_once, &calls);
    freeze_end(&v->rig->cache);
    assert_int_equal(calls, ended);
    assert_true(ended > 0);
}

static void
without_memory_for_a_table_a_change_is_refused_and_nothing_happens(void **state)
{
    struct view *v = *state;
    struct cache *c = &v->rig->cache;
    struct name name;
    fill(v);
    freeze_begin(c, at_cut, v);
    /* The pool's arena is used up first, so that copying needs a new one, which is refused. */
    void *taken[4096];
    size_t n = 0;
    atomic_store(&c->region.commits_until_failure, 0);
    while (n < 4096 && (taken[n] = arena_pool_alloc(&c->table_pool, TABLE_GRANULE_BYTES)))
        n++;
    assert_int_equal(rig_try_set(v->rig, name_of(3, &name), attl_s("new"), ATTL_NO_DEADLINE),
                     ATTL_E_NOMEM);
    atomic_store(&c->region.commits_until_failure, -1);
    while (n > 0)
        arena_pool_free(&c->table_pool, taken[--n], TABLE_GRANULE_BYTES);
    assert_true(rig_holds(v->rig, 3, v->now.len[3]));
    walk_range(v, 0, partitions(v));
    assert_seen(v, &v->at_cut);
    freeze_end(c);
}

/* ---- random ---- */

static void
random_change(struct view *v, struct rng *rng)
{
    struct cache *c = &v->rig->cache;
    uint64_t i = rng_below(rng, KEYS);
    uint64_t what = rng_below(rng, 1000);
    int64_t deadline_ms = rng_below(rng, 2)
                              ? ATTL_NO_DEADLINE
                              : v->rig->now_ms + HOUR_MS + (int64_t)rng_below(rng, 1000000);
    if (what < 450)
        put(v, i, 1 + rng_below(rng, 300), deadline_ms);
    else if (what < 470)
        put(v, i, LARGE_BYTES, deadline_ms);
    else if (what < 700)
        del(v, i);
    else if (what < 880)
        set_deadline(v, i, deadline_ms);
    else if (what < 950)
        cache_move_partition(c, (unsigned)rng_below(rng, partitions(v)),
                             (unsigned)rng_below(rng, c->shard_count));
    else if (what < 990)
        (void)rig_drain(v->rig, DRAIN_CLEAN);
    else if (what < 997)
        (void)limbo_collect(&c->limbo);
    else {
        cache_clear(c, NULL, NULL);
        memset(&v->now, 0, sizeof v->now);
    }
}

static void
the_cut_holds_against_everything(void **state)
{
    struct view *v = *state;
    struct rng rng = rng_from_seed(test_seed());
    unsigned rounds = (unsigned)test_scaled(ROUNDS);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < STEPS / 10; i++)
            random_change(v, &rng);
        forget(v);
        freeze_begin(&v->rig->cache, at_cut, v);
        for (unsigned p = 0; p < partitions(v); p++) {
            for (unsigned i = 0; i < STEPS / partitions(v); i++)
                random_change(v, &rng);
            walk_range(v, p, p + 1);
        }
        freeze_end(&v->rig->cache);
        assert_seen(v, &v->at_cut);
        rig_check(v->rig, "after a snapshot");
        forget(v);
        walk_range(v, 0, partitions(v));
        assert_seen(v, &v->now);
    }
}

/* ---- threads ---- */

enum { WRITERS = 3, WRITER_KEYS = 64 };

struct writer {
    struct thread thread;
    struct rig *rig;
    uint64_t first;
    _Atomic bool *stop;
    _Atomic uint64_t round; /* its keys hold at least this number, at most one more */
};

static void
write_number(struct rig *rig, uint64_t key, uint64_t number)
{
    struct name name;
    char value[24];
    int n = snprintf(value, sizeof value, "%020llu", (unsigned long long)number);
    rig_set(rig, name_of(key, &name), attl_b(value, (size_t)n), ATTL_NO_DEADLINE);
}

static void *
write_rounds(void *arg)
{
    struct writer *w = arg;
    for (uint64_t round = 1; !atomic_load(w->stop); round++) {
        for (uint64_t i = 0; i < WRITER_KEYS; i++)
            write_number(w->rig, w->first + i, round);
        atomic_store(&w->round, round);
    }
    return NULL;
}

struct numbers {
    uint64_t at[WRITERS * WRITER_KEYS];
    uint64_t rounds[WRITERS]; /* complete at the cut */
    struct writer *writers;
};

static void
note_rounds(void *ud)
{
    struct numbers *n = ud;
    for (unsigned i = 0; i < WRITERS; i++)
        n->rounds[i] = atomic_load(&n->writers[i].round);
}

static bool
read_number(void *ud, const struct freeze_entry *e)
{
    struct numbers *n = ud;
    char text[24] = { 0 };
    memcpy(text, (const char *)e->key.data + 4, e->key.len - 4);
    uint64_t key = strtoull(text, NULL, 10);
    memcpy(text, e->value.data, e->value.len);
    text[e->value.len] = '\0';
    n->at[key] = strtoull(text, NULL, 10);
    return true;
}

/* A writer goes through its keys in order: at any moment a prefix of them is one round ahead. */
static void
assert_one_moment(const struct numbers *n)
{
    for (unsigned w = 0; w < WRITERS; w++) {
        const uint64_t *at = &n->at[w * WRITER_KEYS];
        for (unsigned i = 1; i < WRITER_KEYS; i++)
            assert_true(at[i] <= at[i - 1] && at[i - 1] - at[i] <= 1);
        assert_true(at[0] - at[WRITER_KEYS - 1] <= 1);
        assert_true(at[WRITER_KEYS - 1] >= n->rounds[w]);
        assert_true(at[0] <= n->rounds[w] + 1);
    }
}

static void
the_cut_is_one_moment_for_all_writers(void **state)
{
    struct view *v = *state;
    struct writer writers[WRITERS];
    struct numbers *n = calloc(1, sizeof *n);
    _Atomic bool stop = false;
    assert_non_null(n);
    n->writers = writers;
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .rig = v->rig, .first = i * WRITER_KEYS, .stop = &stop };
        for (uint64_t k = 0; k < WRITER_KEYS; k++)
            write_number(v->rig, writers[i].first + k, 0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        assert_true(thread_start(&writers[i].thread, "writer", write_rounds, &writers[i]));
    unsigned rounds = (unsigned)test_scaled(200);
    for (unsigned round = 0; round < rounds; round++) {
        memset(n->at, 0, sizeof n->at);
        freeze_begin(&v->rig->cache, note_rounds, n);
        for (unsigned i = 0; i < partitions(v); i++)
            assert_true(freeze_walk(&v->rig->cache, i, v->rig->now_ms, read_number, n));
        freeze_end(&v->rig->cache);
        assert_one_moment(n);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(&writers[i].thread);
    free(n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changes_behind_the_cut_is_not_seen),
        TEST(values_overwritten_in_place_keep_the_old_value_for_the_snapshot),
        TEST(memory_that_dies_is_kept_until_the_end),
        TEST(what_is_kept_does_not_count_against_the_limit),
        TEST(giving_up_the_cut_shows_the_rest_as_it_is),
        TEST(expired_entries_are_left_out),
        TEST(a_walk_can_be_ended),
        TEST(without_memory_for_a_table_a_change_is_refused_and_nothing_happens),
        TEST(the_cut_holds_against_everything),
        TEST(the_cut_is_one_moment_for_all_writers),
    };
    test_announce("freeze", test_seed());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
