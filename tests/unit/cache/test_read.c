/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The read path: exact to the millisecond, whole whatever the value's form, counted as a use only
 * when asked, pinned only as far as the budget goes, and never without an end: a reader that finds
 * no quiet moment takes the lock. Threads overwrite, delete and drain what others read and hold,
 * and every byte that is read is checked.
 */
#include "cache/read.h"

#include "cache_support.h"
#include "support/check.h"
#include "support/rng.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

enum { LARGE = 30000, KEYS = 40, WRITES = 6000, READERS = 2, HELD = 8 };

static int
setup(void **state)
{
    struct cache_config config = rig_config();
    *state = rig_open(&config);
    return 0;
}

static int
teardown(void **state)
{
    rig_close(*state);
    return 0;
}

static struct index_key
key_of(struct rig *rig, attl_slice key)
{
    return (struct index_key){ key, cache_hash(&rig->cache, key) };
}

/* One read in an epoch of its own: for views that hold no place, or a pin. */
static int
read_once(struct rig *rig, attl_slice key, unsigned flags, struct read_view *view)
{
    struct reclaim_reader *self = reclaim_self();
    struct index_key k = key_of(rig, key);
    reclaim_enter(self);
    int status = read_key(&rig->cache, &k, rig->now_ms, flags, view);
    reclaim_exit(self);
    return status;
}

static unsigned
freq_of(struct rig *rig, attl_slice key)
{
    struct entry e;
    rig_lock(rig, key, &e);
    assert_true(e.found);
    unsigned freq = index_freq(e.pos);
    rig_unlock(&e);
    return freq;
}

static void
values_of_every_form_are_read_whole(void **state)
{
    struct rig *rig = *state;
    static char value[LARGE];
    static char long_key[300];
    struct read_view view;
    memset(long_key, 'k', sizeof(long_key));
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)(i * 7);
    for (size_t len = 0; len < LARGE; len = len * 5 / 4 + 1) {
        for (unsigned flags = 0; flags <= (READ_TOUCH | READ_PIN); flags++) {
            attl_slice key = attl_b(long_key, len % 2 ? 3 : 300);
            rig_set(rig, key, attl_b(value, len), len % 3 ? START_MS + 400 * DAY_MS : START_MS + 1);
            assert_int_equal(read_once(rig, key, flags, &view), ATTL_OK);
            bool pinned = view.chunk != NULL || view.extent != NULL;
            assert_int_equal(pinned, (flags & READ_PIN) && len > 32);
            assert_int_equal(view.extent != NULL, pinned && len > LIMIT_INLINE_VALUE_BYTES);
            assert_int_equal(view.deadline_ms, len % 3 ? START_MS + 400 * DAY_MS : START_MS + 1);
            assert_int_equal(view.value.len, len);
            if (len)
                assert_memory_equal(view.value.data, value, len);
            read_unpin(&rig->cache, view.chunk, view.extent, view.value.len);
        }
    }
    assert_int_equal(atomic_load(&rig->cache.pinned_bytes), 0);
}

static void
a_deadline_holds_to_the_millisecond(void **state)
{
    struct rig *rig = *state;
    struct read_view view;
    rig_set(rig, attl_s("k"), attl_s("v"), START_MS + 1000);
    rig_set(rig, attl_s("far"), attl_s("v"), START_MS + 300 * DAY_MS);
    rig->now_ms = START_MS + 999;
    assert_int_equal(read_once(rig, attl_s("k"), 0, &view), ATTL_OK);
    rig->now_ms = START_MS + 1000;
    assert_int_equal(read_once(rig, attl_s("k"), 0, &view), ATTL_MISS);
    rig->now_ms = START_MS + 300 * DAY_MS - 1;
    assert_int_equal(read_once(rig, attl_s("far"), 0, &view), ATTL_OK);
    rig->now_ms++;
    assert_int_equal(read_once(rig, attl_s("far"), 0, &view), ATTL_MISS);
    assert_int_equal(cache_items(&rig->cache), 2); /* reading removes nothing */
}

static void
only_a_touch_counts_as_a_use(void **state)
{
    struct rig *rig = *state;
    struct read_view view;
    rig_set(rig, attl_s("k"), attl_s("v"), ATTL_NO_DEADLINE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(read_once(rig, attl_s("k"), 0, &view), ATTL_OK);
    assert_int_equal(freq_of(rig, attl_s("k")), 0);
    for (unsigned i = 1; i < 6; i++) {
        assert_int_equal(read_once(rig, attl_s("k"), READ_TOUCH, &view), ATTL_OK);
        assert_int_equal(freq_of(rig, attl_s("k")), i < FREQ_MAX ? i : FREQ_MAX);
    }
    assert_int_equal(read_once(rig, attl_s("nobody"), READ_TOUCH, &view), ATTL_MISS);
}

static void
pins_are_limited_and_given_back(void **state)
{
    struct rig *rig = *state;
    static char value[LARGE];
    struct read_view views[3], extra;
    atomic_store(&rig->cache.max_pinned_bytes, 2 * LARGE + 50);
    rig_set(rig, attl_s("large"), attl_b(value, LARGE), ATTL_NO_DEADLINE);
    rig_set(rig, attl_s("middle"), attl_b(value, 100), ATTL_NO_DEADLINE);
    rig_set(rig, attl_s("small"), attl_b(value, 32), ATTL_NO_DEADLINE);
    for (int i = 0; i < 2; i++)
        assert_int_equal(read_once(rig, attl_s("large"), READ_PIN, &views[i]), ATTL_OK);
    assert_int_equal(read_once(rig, attl_s("large"), READ_PIN, &extra), ATTL_E_BUSY);
    assert_int_equal(read_once(rig, attl_s("middle"), READ_PIN, &extra), ATTL_E_BUSY);
    assert_int_equal(atomic_load(&rig->cache.pinned_bytes),
                     2 * LARGE); /* a refusal takes nothing */
    assert_int_equal(read_once(rig, attl_s("middle"), 0, &extra), ATTL_OK); /* reading is free */
    assert_int_equal(read_once(rig, attl_s("small"), READ_PIN, &extra), ATTL_OK); /* a copy */
    read_unpin(&rig->cache, views[0].chunk, views[0].extent, views[0].value.len);
    assert_int_equal(read_once(rig, attl_s("middle"), READ_PIN, &views[2]), ATTL_OK);
    read_unpin(&rig->cache, views[1].chunk, views[1].extent, views[1].value.len);
    read_unpin(&rig->cache, views[2].chunk, views[2].extent, views[2].value.len);
    assert_int_equal(atomic_load(&rig->cache.pinned_bytes), 0);
}

/* Deleted, drained and collected, the pinned memory stays; with the last pin it goes. */
static void
a_pin_outlives_the_entry_and_its_chunk(void **state)
{
    struct rig *rig = *state;
    static char value[LARGE];
    struct read_view chunk_view, extent_view;
    memset(value, 'p', sizeof(value));
    rig_set(rig, attl_s("a"), attl_b(value, 200), START_MS + 1000);
    rig_set(rig, attl_s("b"), attl_b(value, LARGE), START_MS + 1000);
    assert_int_equal(read_once(rig, attl_s("a"), READ_PIN, &chunk_view), ATTL_OK);
    assert_int_equal(read_once(rig, attl_s("b"), READ_PIN, &extent_view), ATTL_OK);
    rig_pass(rig, HOUR_MS);
    rig_collect(rig);
    assert_int_equal(cache_items(&rig->cache), 0);
    assert_memory_equal(chunk_view.value.data, value, 200);
    assert_memory_equal(extent_view.value.data, value, LARGE);
    assert_true(atomic_load(&rig->cache.chunk_pool.used_bytes) > 0);
    read_unpin(&rig->cache, chunk_view.chunk, chunk_view.extent, 200);
    read_unpin(&rig->cache, extent_view.chunk, extent_view.extent, LARGE);
    (void)limbo_collect(&rig->cache.limbo); /* sees the end of the pin */
    assert_int_equal(atomic_load(&rig->cache.chunk_pool.used_bytes), 0);
    assert_int_equal(atomic_load(&rig->cache.extents.used_bytes), 0);
}

static void
prefetching_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct index_key keys[LIMIT_BATCH];
    struct name names[LIMIT_BATCH];
    for (uint64_t i = 0; i < LIMIT_BATCH; i++) {
        keys[i] = key_of(rig, name_of(i, &names[i]));
        if (i % 2)
            rig_set(rig, keys[i].key, attl_s("v"), ATTL_NO_DEADLINE);
    }
    reclaim_enter(reclaim_self());
    for (size_t n = 0; n <= LIMIT_BATCH; n++)
        read_prefetch(&rig->cache, keys, n);
    reclaim_exit(reclaim_self());
    for (uint64_t i = 0; i < LIMIT_BATCH; i++) {
        assert_int_equal(rig_has(rig, keys[i].key, attl_s("v")), i % 2);
        if (i % 2)
            assert_int_equal(freq_of(rig, keys[i].key), 0);
    }
}

static void
sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = 0, .tv_nsec = ms * 1000000 };
    (void)nanosleep(&t, NULL); /* woken early is fine */
}

struct lone_reader {
    struct rig *rig;
    _Atomic int status;
};

static void *
read_in_a_thread(void *arg)
{
    struct lone_reader *l = arg;
    struct read_view view;
    atomic_store(&l->status, read_once(l->rig, attl_s("k"), 0, &view));
    return NULL;
}

/* A bucket that stays in the making: after a bounded number of attempts the reader waits for the
 * writer. */
static void
a_reader_without_a_quiet_moment_takes_the_lock(void **state)
{
    struct rig *rig = *state;
    struct lone_reader l = { .rig = rig };
    struct entry e;
    pthread_t thread;
    rig_set(rig, attl_s("k"), attl_s("v"), ATTL_NO_DEADLINE);
    atomic_store(&l.status, -1000);
    rig_lock(rig, attl_s("k"), &e);
    index_write_begin(e.pos.bucket);
    assert_int_equal(pthread_create(&thread, NULL, read_in_a_thread, &l), 0);
    sleep_ms(20);
    assert_int_equal(atomic_load(&l.status), -1000); /* neither an answer nor a wrong one */
    index_write_end(e.pos.bucket);
    rig_unlock(&e);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&l.status), ATTL_OK);
}

/* ---- a writer in the middle of a read -------------------------------------------------------- */

enum { PAGE = 4096, SPLIT_LEN = 300, SPLIT_KEYS = 400 };

/* What happens when the reader touches the second page of a record: a fault is where it can be
 * stopped. */
struct trap {
    struct rig *rig;
    char *page;
    attl_slice key;
    char value[SPLIT_LEN];
    volatile sig_atomic_t sprung;
};

static struct trap trap;

static void
spring(int sig)
{
    if (trap.sprung || mprotect(trap.page, PAGE, PROT_READ | PROT_WRITE) != 0)
        (void)signal(sig, SIG_DFL); /* a fault of another kind: die of it */
    trap.sprung = 1;
    CHECK(rig_try_set(trap.rig, trap.key, attl_b(trap.value, SPLIT_LEN), ATTL_NO_DEADLINE) ==
              ATTL_OK,
          "the writer failed");
}

/* The value's part of the record of `key` on the next page; NULL if it does not cross one. */
static char *
second_page(struct rig *rig, attl_slice key)
{
    struct entry e;
    rig_lock(rig, key, &e);
    const char *start = (const char *)e.record + e.shape.value_offset + 8;
    const char *end = (const char *)e.record + e.shape.bytes;
    rig_unlock(&e);
    char *page = (char *)((uintptr_t)end & ~(uintptr_t)(PAGE - 1));
    return start < page && page < end ? page : NULL;
}

/* Half of the value is copied when a writer changes it in place: neither half may be believed. */
static void
a_value_that_changes_while_it_is_copied_is_read_again(void **state)
{
    struct rig *rig = *state;
    char old[SPLIT_LEN];
    struct name name;
    struct read_view view;
    struct sigaction action = { .sa_handler = spring }, before;
    memset(old, 'o', sizeof(old));
    trap = (struct trap){ .rig = rig };
    memset(trap.value, 'n', sizeof(trap.value));
    for (uint64_t i = 0; i < SPLIT_KEYS && !trap.page; i++) {
        trap.key = name_of(i, &name);
        rig_set(rig, trap.key, attl_b(old, SPLIT_LEN), ATTL_NO_DEADLINE);
        trap.page = second_page(rig, trap.key);
    }
    assert_non_null(trap.page);
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    assert_int_equal(mprotect(trap.page, PAGE, PROT_NONE), 0);
    int status = read_once(rig, trap.key, 0, &view);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_true(trap.sprung);
    assert_int_equal(status, ATTL_OK);
    assert_int_equal(view.value.len, SPLIT_LEN);
    assert_memory_equal(view.value.data, trap.value, SPLIT_LEN);
    assert_int_equal(cache_counter_sum(&rig->cache, COUNT_WRITES_IN_PLACE), 1);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Values that tell their key and that all their bytes belong together. */
struct battle {
    struct rig *rig;
    _Atomic bool stop;
    _Atomic uint64_t seeds;
};

static void
make_value(char *value, size_t len, uint64_t key, uint64_t serial)
{
    value[0] = (char)key;
    memset(value + 1, (int)(key + serial * 13), len - 1);
}

static void
check_value(attl_slice value, uint64_t key)
{
    const char *p = value.data;
    CHECK(value.len >= 2 && p[0] == (char)key, "a value of another key");
    for (size_t i = 2; i < value.len; i++)
        CHECK(p[i] == p[1], "torn at %zu of %zu", i, value.len);
}

static size_t
length_for(uint64_t key, struct rng *r)
{
    static const size_t lens[] = { 20, 100, 400, 2000, 9000 };
    return lens[key % 5] + (rng_one_in(r, 4) ? rng_below(r, 8) : 0); /* mostly the same: in place */
}

static void *
read_and_hold(void *arg)
{
    struct battle *b = arg;
    struct rng r = rng_from_seed(atomic_fetch_add(&b->seeds, 1));
    struct read_view held[HELD];
    uint64_t held_key[HELD];
    bool holding[HELD] = { false };
    while (!atomic_load(&b->stop)) {
        struct name name;
        size_t i = rng_below(&r, HELD);
        uint64_t key = rng_below(&r, KEYS);
        if (holding[i]) {
            check_value(held[i].value, held_key[i]);
            read_unpin(&b->rig->cache, held[i].chunk, held[i].extent, held[i].value.len);
        }
        held_key[i] = key;
        int status = read_once(b->rig, name_of(key, &name), READ_PIN | READ_TOUCH, &held[i]);
        holding[i] = status == ATTL_OK && (held[i].chunk || held[i].extent);
        if (status == ATTL_OK)
            check_value(held[i].value, key);
        if (rng_one_in(&r, 64))
            (void)sched_yield();
    }
    for (size_t i = 0; i < HELD; i++)
        if (holding[i])
            read_unpin(&b->rig->cache, held[i].chunk, held[i].extent, held[i].value.len);
    return NULL;
}

static void
what_is_read_is_whole_and_what_is_held_stays(void **state)
{
    struct rig *rig = *state;
    struct battle b = { .rig = rig };
    struct rng r = rng_from_seed(1);
    static char value[10000];
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_and_hold, &b), 0);
    for (uint64_t serial = 0; serial < WRITES; serial++) {
        struct name name;
        uint64_t key = rng_below(&r, KEYS);
        size_t len = length_for(key, &r);
        if (rng_one_in(&r, 10)) {
            (void)rig_del(rig, name_of(key, &name)); /* there or not */
            continue;
        }
        make_value(value, len, key, serial);
        rig_set(rig, name_of(key, &name), attl_b(value, len), START_MS + HOUR_MS);
        if (serial % 50 == 0) {
            (void)rig_drain(rig,
                            rng_one_in(&r, 2) ? DRAIN_CLEAN : DRAIN_EVICT); /* all of it moves */
            (void)limbo_collect(&rig->cache.limbo);
            (void)sched_yield();
        }
    }
    atomic_store(&b.stop, true);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    assert_int_equal(atomic_load(&rig->cache.pinned_bytes), 0);
    rig_collect(rig);
}

#define READ_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(values_of_every_form_are_read_whole),
        READ_TEST(a_deadline_holds_to_the_millisecond),
        READ_TEST(only_a_touch_counts_as_a_use),
        READ_TEST(pins_are_limited_and_given_back),
        READ_TEST(a_pin_outlives_the_entry_and_its_chunk),
        READ_TEST(prefetching_changes_nothing),
        READ_TEST(a_value_that_changes_while_it_is_copied_is_read_again),
        READ_TEST(a_reader_without_a_quiet_moment_takes_the_lock),
        READ_TEST(what_is_read_is_whole_and_what_is_held_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
