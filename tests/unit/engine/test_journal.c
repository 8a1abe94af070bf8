/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each kind of change puts into the log, read back from the disk: the change itself, complete
 * and absolute, in the order in which it was made, and nothing for what changes nothing. Groups are
 * one frame. The text of an expectation is explained at durable_log().
 */
#include "api/api.h"
#include "engine/journal.h"
#include "engine/store.h"
#include "support/durable.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

static int
setup(void **state)
{
    int failed = durable_setup(state);
    if (!failed)
        durable_open(*state, NULL);
    return failed;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, durable_teardown)

static void
expect_log(struct durable *d, const char *want)
{
    assert_string_equal(durable_log(d, 0), want);
}

/* ---- single changes -------------------------------------------------------------------------- */

static void
values_and_lives_are_logged(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "one", ATTL_TTL_NONE);
    put(d->cache, "b", "two", 5000);
    put(d->cache, "a", "uno", ATTL_TTL_NONE); /* in place */
    put(d->cache, "e", "", ATTL_TTL_NONE);
    expect_log(d, "PUT a=one; PUT b=two @5000; PUT a=uno; PUT e=");
}

static void
what_changes_nothing_is_not_logged(void **state)
{
    struct durable *d = *state;
    attl_set_opts nx = ATTL_SET_OPTS_INIT;
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    nx.flags = ATTL_SET_NX;
    nx.ttl_ms = ATTL_TTL_NONE;
    ASSERT_STATUS(attl_set_if(d->cache, attl_s("a"), attl_s("2"), &nx, NULL, NULL), ATTL_NOT_SET);
    ASSERT_STATUS(attl_del(d->cache, attl_s("none")), ATTL_MISS);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("none"), 1000, 0), ATTL_MISS);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("none"), attl_s("b"), 0), ATTL_MISS);
    ASSERT_STATUS(attl_copy(d->cache, attl_s("a"), attl_s("a"), 0), ATTL_OK);
    ASSERT_STATUS(attl_touch(d->cache, attl_s("a")), ATTL_OK);
    expect(d->cache, "a", "1");
    expect_log(d, "PUT a=1");
    assert_int_equal(durable_stats(d).changes_since_snapshot, 1);
}

static void
a_refused_change_is_not_logged(void **state)
{
    struct durable *d = *state;
    char long_key[5000];
    memset(long_key, 'k', sizeof long_key);
    ASSERT_STATUS(attl_option_set(d->cache, "validation.max_key_bytes", "100", NULL, 0), ATTL_OK);
    ASSERT_STATUS(attl_set(d->cache, attl_b(long_key, sizeof long_key), attl_s("v"), ATTL_TTL_NONE),
                  ATTL_E_KEY_LONG);
    expect_log(d, "");
}

static void
deadlines_alone_are_logged_without_the_value(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "1", 1000);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("a"), 7000, 0), ATTL_OK);
    sim_advance(&d->sim, 100);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("a"), 500, 0), ATTL_OK); /* moves to another slot */
    ASSERT_STATUS(attl_persist(d->cache, attl_s("a")), ATTL_OK);
    expect_log(d, "PUT a=1 @1000; EXPIRE a @7000; EXPIRE a @600; EXPIRE a -");
}

static void
integers_are_logged_as_integers(void **state)
{
    struct durable *d = *state;
    int64_t n;
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), 5, ATTL_TTL_NONE, &n), ATTL_OK);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), -12, ATTL_TTL_NONE, &n), ATTL_OK);
    expect_log(d, "INT n=5; INT n=-7");
    durable_kill(d);
    durable_open(d, NULL);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), 1, ATTL_TTL_NONE, &n), ATTL_OK);
    assert_int_equal(n, -6);
}

static void
a_deletion_is_logged_and_so_is_a_life_that_is_over(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    put(d->cache, "b", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_del(d->cache, attl_s("a")), ATTL_OK);
    attl_set_opts past = ATTL_SET_OPTS_INIT;
    past.deadline_ms = SIM_START_MS - 1;
    ASSERT_STATUS(attl_set_if(d->cache, attl_s("b"), attl_s("2"), &past, NULL, NULL), ATTL_DELETED);
    expect_log(d, "PUT a=1; PUT b=1; DEL a; DEL b");
}

/* Its deadline is in the log already. */
static void
expiry_is_not_logged(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "1", 1000);
    put(d->cache, "b", "1", 1000);
    sim_advance(&d->sim, 5000);
    expect(d->cache, "a", NULL);
    ASSERT_STATUS(attl_del(d->cache, attl_s("a")), ATTL_MISS); /* finds it, and takes it out */
    for (int i = 0; i < 5; i++)
        attl_tick(d->cache, 0, NULL);
    assert_int_equal(attl_size(d->cache), 0);
    expect_log(d, "PUT a=1 @1000; PUT b=1 @1000");
}

static void
an_expired_entry_that_is_written_again_is_a_new_one(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "old", 1000);
    sim_advance(&d->sim, 5000);
    put(d->cache, "a", "new", ATTL_TTL_NONE);
    expect_log(d, "PUT a=old @1000; PUT a=new");
}

static void
large_values_are_logged_whole(void **state)
{
    struct durable *d = *state;
    enum { BYTES = 300000 };
    char *value = malloc(BYTES);
    uint64_t len;
    assert_non_null(value);
    for (int i = 0; i < BYTES; i++)
        value[i] = (char)('a' + i % 23);
    ASSERT_STATUS(attl_set(d->cache, attl_s("big"), attl_b(value, BYTES), 9000), ATTL_OK);
    ASSERT_STATUS(attl_append(d->cache, attl_s("big"), attl_s("tail"), &len), ATTL_OK);
    drop(d->cache, "big");
    ASSERT_STATUS(attl_set(d->cache, attl_s("two"), attl_b(value, BYTES), ATTL_TTL_NONE), ATTL_OK);
    expect_log(d, "PUT big=<300000> @9000; PUT big=<300004> @9000; DEL big; PUT two=<300000>");
    durable_kill(d);
    durable_open(d, NULL);
    attl_value seen = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_pin(d->cache, attl_s("two"), &seen), ATTL_OK);
    assert_int_equal(seen.data.len, BYTES);
    assert_memory_equal(seen.data.data, value, BYTES);
    attl_value_release(d->cache, &seen);
    free(value);
}

/* The log holds a reference; the value's memory must not be given to somebody else meanwhile. */
static void
a_large_value_may_go_before_the_log_has_written_it(void **state)
{
    struct durable *d = *state;
    enum { BYTES = 20000, ROUNDS = 300 };
    static char value[BYTES];
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "no", NULL, 0), ATTL_OK);
    for (int i = 0; i < ROUNDS; i++) {
        memset(value, 'a' + i % 26, sizeof value);
        ASSERT_STATUS(attl_set(d->cache, attl_s("k"), attl_b(value, BYTES), ATTL_TTL_NONE),
                      ATTL_OK);
        attl_tick(d->cache, 0, NULL);
    }
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_kill(d);
    durable_open(d, NULL); /* checksums were made from what was written */
    attl_value seen = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_get_pin(d->cache, attl_s("k"), &seen), ATTL_OK);
    assert_int_equal(seen.data.len, BYTES);
    assert_memory_equal(seen.data.data, value, BYTES);
    attl_value_release(d->cache, &seen);
    assert_true(durable_stats(d).recovered_frames >= ROUNDS);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void
several_keys_are_one_frame(void **state)
{
    struct durable *d = *state;
    attl_slice keys[] = { attl_s("x"), attl_s("y"), attl_s("x") };
    attl_slice values[] = { attl_s("1"), attl_s("2"), attl_s("3") };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.ttl_ms = 1000;
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, &opts), ATTL_OK);
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 3, NULL), ATTL_OK);
    expect(d->cache, "x", "3");
    durable_kill(d);
    durable_open(d, NULL);
    expect(d->cache, "x", "3");
    expect(d->cache, "y", "2");
    const char *log = durable_log(d, 0);
    assert_true(strncmp(log, "GROUP(PUT x=1 @1000, PUT y=2 @1000); GROUP(", 43) == 0);
}

static void
a_group_of_what_is_not_there_is_nothing(void **state)
{
    struct durable *d = *state;
    attl_slice keys[] = { attl_s("x"), attl_s("y") };
    attl_slice values[] = { attl_s("1"), attl_s("2") };
    attl_set_opts opts = ATTL_SET_OPTS_INIT;
    opts.deadline_ms = SIM_START_MS - 5;
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, &opts), ATTL_DELETED);
    expect_log(d, "");
    put(d->cache, "y", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_mset(d->cache, keys, values, 2, &opts), ATTL_DELETED);
    expect_log(d, "PUT y=1; GROUP(DEL y)");
}

static void
rename_and_copy_are_groups(void **state)
{
    struct durable *d = *state;
    int64_t n;
    put(d->cache, "a", "1", 5000);
    ASSERT_STATUS(attl_copy(d->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("a"), attl_s("c"), 0), ATTL_OK);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("n"), 7, ATTL_TTL_NONE, &n), ATTL_OK);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("n"), attl_s("m"), 0), ATTL_OK);
    expect_log(d, "PUT a=1 @5000; GROUP(PUT b=1 @5000); GROUP(PUT c=1 @5000, DEL a); INT n=7; "
                  "GROUP(INT m=7, DEL n)");
}

/* Too long to be copied into the ring; as a whole longer than a segment. */
static void
large_groups_are_whole(void **state)
{
    struct durable *d = *state;
    enum { PAIRS = 40, BYTES = 5000 };
    static char value[BYTES];
    char names[PAIRS][8];
    attl_slice keys[PAIRS], values[PAIRS];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < PAIRS; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = attl_s(names[i]);
        values[i] = attl_b(value, sizeof value);
    }
    ASSERT_STATUS(attl_mset(d->cache, keys, values, PAIRS, NULL), ATTL_OK);
    ASSERT_STATUS(attl_set(d->cache, attl_s("big"), attl_b(value, BYTES), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_rename(d->cache, attl_s("big"), attl_s("moved"), 0), ATTL_OK);
    durable_crash(d, 3);
    durable_open(d, NULL);
    assert_int_equal(attl_size(d->cache), PAIRS + 1);
    ASSERT_STATUS(attl_exists(d->cache, attl_s("moved")), ATTL_OK);
}

/* ---- the whole cache ------------------------------------------------------------------------- */

static void
clearing_stands_between_what_was_and_what_comes(void **state)
{
    struct durable *d = *state;
    put(d->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    put(d->cache, "b", "2", ATTL_TTL_NONE);
    expect_log(d, "PUT a=1; CLEAR; PUT b=2");
    durable_kill(d);
    durable_open(d, NULL);
    expect(d->cache, "a", NULL);
    expect(d->cache, "b", "2");
}

struct writer {
    struct durable *d;
    char key[4];
    _Atomic bool stop;
};

static void *
write_on(void *arg)
{
    struct writer *w = arg;
    char value[24];
    for (uint64_t i = 1; !atomic_load(&w->stop); i++) {
        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)i);
        if (attl_set(w->d->cache, attl_s(w->key), attl_s(value), ATTL_TTL_NONE) != ATTL_OK)
            return w;
    }
    return NULL;
}

/* What others write while it is cleared is before it or behind it in both, cache and log. */
static void
clearing_has_one_place_among_concurrent_writes(void **state)
{
    struct durable *d = *state;
    enum { WRITERS = 3 };
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    void *failed;
    ASSERT_STATUS(attl_option_set(d->cache, "persist.fsync", "no", NULL, 0), ATTL_OK);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .d = d };
        (void)snprintf(writers[i].key, sizeof writers[i].key, "w%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &writers[i]), 0);
    }
    for (int i = 0; i < 50; i++)
        ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    for (int i = 0; i < WRITERS; i++) {
        atomic_store(&writers[i].stop, true);
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    char values[WRITERS][24];
    size_t lens[WRITERS];
    int statuses[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        statuses[i] = attl_get(d->cache, attl_s(writers[i].key), values[i], 24, &lens[i]);
    ASSERT_STATUS(attl_log_sync(d->cache, -1), ATTL_OK);
    durable_kill(d);
    durable_open(d, NULL);
    for (int i = 0; i < WRITERS; i++) {
        char value[24];
        size_t len;
        ASSERT_STATUS(attl_get(d->cache, attl_s(writers[i].key), value, 24, &len), statuses[i]);
        if (statuses[i] == ATTL_OK) {
            assert_int_equal(len, lens[i]);
            assert_memory_equal(value, values[i], len);
        }
    }
}

static void
evictions_are_logged(void **state)
{
    struct durable *d = *state;
    ASSERT_STATUS(attl_option_set(d->cache, "cache.max_entries", "10", NULL, 0), ATTL_OK);
    for (int i = 0; i < 40; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "k%02d", i);
        put(d->cache, key, "v", ATTL_TTL_NONE);
    }
    uint64_t left = attl_size(d->cache);
    assert_true(left <= 10);
    assert_non_null(strstr(durable_log(d, 0), "EVICT k"));
    durable_kill(d);
    const struct sim_option unlimited[] = { { "cache.max_entries", "0" }, { NULL, NULL } };
    durable_open(d, unlimited);
    assert_int_equal(attl_size(d->cache), left);
    expect(d->cache, "k39", "v");
}

/* ---- time ------------------------------------------------------------------------------------ */

/* In the place of the real one. */
int64_t __wrap_clock_skew_ms(const struct clock *c);

static _Atomic int64_t skew_ms;

int64_t
__wrap_clock_skew_ms(const struct clock *c)
{
    (void)c;
    return atomic_load(&skew_ms);
}

static int64_t
ttl_of(struct durable *d, const char *key)
{
    int64_t ttl_ms = 0;
    ASSERT_STATUS(attl_ttl(d->cache, attl_s(key), &ttl_ms), ATTL_OK);
    return ttl_ms;
}

static attl_peek_info
peek(struct durable *d, const char *key, int want)
{
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    ASSERT_STATUS(attl_peek(d->cache, attl_s(key), NULL, &info), want);
    return info;
}

/*
 * The system's clock has been set forward by an hour while the cache was open: its own time goes on
 * as if nothing had happened, and what the log and snapshots say is the time on the wall. Read
 * under the same two clocks a life is as it was; read under one that agrees with the wall of this
 * machine, which was not really set, it is an hour longer.
 */
static void
deadlines_are_those_of_the_wall(void **state)
{
    struct durable *d = *state;
    attl_close(&d->cache);
    d->real_time = true;
    atomic_store(&skew_ms, 3600 * 1000);
    durable_open(d, NULL);
    attl_set_opts life = ATTL_SET_OPTS_INIT;
    life.soft_ms = 300000;
    life.ttl_ms = 600000;
    life.grace_ms = 3000;
    put(d->cache, "a", "1", 600000);
    ASSERT_STATUS(attl_set_if(d->cache, attl_s("c"), attl_s("1"), &life, NULL, NULL), ATTL_OK);
    ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
    put(d->cache, "b", "1", 600000);
    ASSERT_STATUS(attl_set_if(d->cache, attl_s("d"), attl_s("1"), &life, NULL, NULL), ATTL_OK);
    attl_peek_info c = peek(d, "c", ATTL_OK), e = peek(d, "d", ATTL_OK);
    attl_close(&d->cache);
    durable_open(d, NULL);
    assert_in_range(ttl_of(d, "a"), 540000, 600000);
    assert_in_range(ttl_of(d, "b"), 540000, 600000);
    assert_in_range(ttl_of(d, "c"), 540000, 600000);
    assert_in_range(ttl_of(d, "d"), 540000, 600000);
    assert_true(peek(d, "c", ATTL_OK).soft_ms == c.soft_ms);
    assert_true(peek(d, "d", ATTL_OK).soft_ms == e.soft_ms);
    assert_true(peek(d, "d", ATTL_OK).gone_ms == e.gone_ms);
    attl_close(&d->cache);
    atomic_store(&skew_ms, 0);
    durable_open(d, NULL);
    assert_in_range(ttl_of(d, "a"), 4140000, 4200000);
    assert_in_range(ttl_of(d, "b"), 4140000, 4200000);
    assert_in_range(ttl_of(d, "c"), 4140000, 4200000);
    assert_in_range(ttl_of(d, "d"), 4140000, 4200000);
}

static void
without_a_directory_nothing_is_logged(void **state)
{
    struct durable *d = *state;
    struct sim sim;
    (void)d;
    sim_init(&sim);
    attl *cache = sim_open(&sim, NULL);
    struct journal_group g;
    ASSERT_STATUS(journal_admit(cache), ATTL_OK);
    assert_true(journal_group_init(cache, &g, 2, 100));
    assert_null(g.bytes);
    journal_group_append(cache, NULL, &g);
    journal_group_fini(&g);
    ASSERT_STATUS(journal_settle(cache, NULL, ATTL_DELETED), ATTL_DELETED);
    sim_close(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_and_lives_are_logged),
        TEST(what_changes_nothing_is_not_logged),
        TEST(a_refused_change_is_not_logged),
        TEST(deadlines_alone_are_logged_without_the_value),
        TEST(integers_are_logged_as_integers),
        TEST(a_deletion_is_logged_and_so_is_a_life_that_is_over),
        TEST(expiry_is_not_logged),
        TEST(an_expired_entry_that_is_written_again_is_a_new_one),
        TEST(large_values_are_logged_whole),
        TEST(a_large_value_may_go_before_the_log_has_written_it),
        TEST(several_keys_are_one_frame),
        TEST(a_group_of_what_is_not_there_is_nothing),
        TEST(rename_and_copy_are_groups),
        TEST(large_groups_are_whole),
        TEST(clearing_stands_between_what_was_and_what_comes),
        TEST(clearing_has_one_place_among_concurrent_writes),
        TEST(evictions_are_logged),
        TEST(deadlines_are_those_of_the_wall),
        TEST(without_a_directory_nothing_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
