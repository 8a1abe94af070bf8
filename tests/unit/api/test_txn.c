/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions in C: what they read and see of themselves, what is a conflict and what is not, that
 * a commit is all or nothing under every limit, and how scopes run ordinary calls as one. What
 * threads see of each other is in model/transactions.
 */
#include "support/durable.h"
#include "support/unit.h"

#include <pthread.h>
#include <string.h>

static attl_txn *
begin(struct fixture *f)
{
    attl_txn *txn = NULL;
    ASSERT_STATUS(attl_txn_begin(f->cache, &txn), ATTL_OK);
    return txn;
}

static void
commit(attl_txn *txn, int want)
{
    ASSERT_STATUS(attl_txn_commit(&txn), want);
    assert_null(txn);
}

/* The transaction finds this text; NULL: nothing. */
static void
finds(struct fixture *f, attl_txn *txn, const char *key, const char *text)
{
    attl_value value = ATTL_VALUE_INIT;
    ASSERT_STATUS(attl_txn_get(txn, attl_s(key), &value), text ? ATTL_OK : ATTL_MISS);
    if (text) {
        assert_int_equal(value.data.len, strlen(text));
        assert_memory_equal(value.data.data, text, value.data.len);
    }
    attl_value_release(f->cache, &value);
}

static void
nothing_is_seen_before_the_commit(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "a", "old", 5000);
    put(f->cache, "b", "old", ATTL_TTL_NONE);
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("new"), 7000), ATTL_OK);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("b")), ATTL_OK);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("c"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("none")), ATTL_OK);
    expect(f->cache, "a", "old");
    expect(f->cache, "b", "old");
    expect(f->cache, "c", NULL);
    sim_advance(&f->sim, 1000);
    commit(txn, ATTL_OK);
    expect(f->cache, "a", "new");
    expect_ttl(f->cache, "a", 7000); /* from the commit on */
    expect(f->cache, "b", NULL);
    expect(f->cache, "c", "1");
    assert_int_equal(count_live(f->cache), 2);
}

static void
it_sees_its_own_writes(void **state)
{
    struct fixture *f = *state;
    char long_value[2000];
    memset(long_value, 'x', sizeof(long_value));
    long_value[sizeof(long_value) - 1] = '\0';
    put(f->cache, "a", "old", ATTL_TTL_NONE);
    attl_txn *txn = begin(f);
    finds(f, txn, "a", "old");
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
    finds(f, txn, "a", "new");
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s(long_value), 1000), ATTL_OK);
    finds(f, txn, "a", long_value);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("a")), ATTL_OK);
    finds(f, txn, "a", NULL);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s(""), ATTL_TTL_NONE), ATTL_OK);
    finds(f, txn, "a", "");
    commit(txn, ATTL_OK);
    expect(f->cache, "a", "");
}

static void
rolling_back_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "a", "old", ATTL_TTL_NONE);
    attl_txn *txn = begin(f);
    finds(f, txn, "a", "old");
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
    attl_txn_rollback(&txn);
    assert_null(txn);
    attl_txn_rollback(&txn);
    attl_txn_rollback(NULL);
    expect(f->cache, "a", "old");
    commit(begin(f), ATTL_OK); /* an empty one is none */
}

enum meddling { SETS, DELETES, EXPIRES, PERSISTS, APPENDS, CLEARS, RENAMES, LETS_DIE, MEDDLINGS };

static void
meddle(struct fixture *f, enum meddling how)
{
    uint64_t len;
    int status = ATTL_OK;
    switch (how) {
    case SETS: put(f->cache, "a", "old", ATTL_TTL_NONE); break;
    case DELETES: drop(f->cache, "a"); break;
    case EXPIRES: status = attl_expire(f->cache, attl_s("a"), 70000, 0); break;
    case PERSISTS: status = attl_persist(f->cache, attl_s("a")); break;
    case APPENDS: status = attl_append(f->cache, attl_s("a"), attl_s("x"), &len); break;
    case CLEARS: status = attl_clear(f->cache); break;
    case RENAMES: status = attl_rename(f->cache, attl_s("a"), attl_s("z"), 0); break;
    case LETS_DIE: sim_advance(&f->sim, 60000); break;
    case MEDDLINGS: break;
    }
    ASSERT_STATUS(status, ATTL_OK);
}

static void
any_change_of_what_was_read_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    for (int how = 0; how < 2 * MEDDLINGS; how++) {
        put(f->cache, "a", "old", 60000);
        put(f->cache, "b", "old", ATTL_TTL_NONE);
        attl_txn *txn = begin(f);
        if (how < MEDDLINGS)
            finds(f, txn, "a", "old");
        else
            ASSERT_STATUS(attl_txn_watch(txn, attl_s("a")), ATTL_OK);
        ASSERT_STATUS(attl_txn_set(txn, attl_s("b"), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
        ASSERT_STATUS(attl_txn_set(txn, attl_s("c"), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
        meddle(f, (enum meddling)(how % MEDDLINGS));
        commit(txn, ATTL_E_CONFLICT);
        expect(f->cache, "b", how % MEDDLINGS == CLEARS ? NULL : "old");
        expect(f->cache, "c", NULL);
    }
}

static void
appearing_is_a_conflict_with_having_been_absent(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f);
    finds(f, txn, "a", NULL);
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    commit(txn, ATTL_E_CONFLICT);
}

static void
clearing_is_nothing_to_what_is_absent(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f), *other = begin(f);
    finds(f, txn, "a", NULL);
    finds(f, other, "a", NULL);
    ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
    commit(txn, ATTL_OK);
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
    commit(other, ATTL_E_CONFLICT); /* it was there for a moment */
}

static void
what_was_dead_already_is_no_conflict(void **state)
{
    struct fixture *f = *state;
    put(f->cache, "a", "1", 1000);
    sim_advance(&f->sim, 2000); /* and nobody has noticed */
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("a")), ATTL_OK);
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("a")), ATTL_OK);
    finds(f, txn, "a", NULL);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("2"), ATTL_TTL_NONE), ATTL_OK);
    commit(txn, ATTL_OK);
    expect(f->cache, "a", "2");
}

static void
writing_blindly_conflicts_with_nobody(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("mine"), ATTL_TTL_NONE), ATTL_OK);
    put(f->cache, "a", "theirs", ATTL_TTL_NONE);
    commit(txn, ATTL_OK);
    expect(f->cache, "a", "mine");
}

static void
keeping_the_deadline_means_the_one_at_the_commit(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("1"), ATTL_TTL_KEEP), ATTL_OK);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("b"), attl_s("1"), ATTL_TTL_KEEP), ATTL_OK);
    put(f->cache, "a", "0", 9000);
    sim_advance(&f->sim, 1000);
    commit(txn, ATTL_OK);
    expect_ttl(f->cache, "a", 8000);
    expect_ttl(f->cache, "b", ATTL_TTL_NONE);
}

static void
wrong_arguments_are_refused_at_once(void **state)
{
    struct fixture *f = *state;
    static char long_key[40000];
    attl_value value = ATTL_VALUE_INIT;
    memset(long_key, 'k', sizeof(long_key));
    attl_slice key = attl_b(long_key, sizeof(long_key));
    sim_option(f->cache, "validation.max_value_bytes", "10");
    sim_option(f->cache, "limits.transaction_ops", "2");
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_get(txn, key, &value), ATTL_E_KEY_LONG);
    ASSERT_STATUS(attl_txn_set(txn, key, attl_s("1"), ATTL_TTL_NONE), ATTL_E_KEY_LONG);
    ASSERT_STATUS(attl_txn_del(txn, key), ATTL_E_KEY_LONG);
    ASSERT_STATUS(attl_txn_watch(txn, key), ATTL_E_KEY_LONG);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("12345678901"), 1), ATTL_E_VALUE_LONG);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("1"), -17), ATTL_E_TTL_RANGE);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("1"), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("b")), ATTL_OK);
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("c")), ATTL_E_BUSY); /* one too many */
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("b")), ATTL_OK);
    commit(txn, ATTL_OK);
    expect(f->cache, "a", "1");
}

static void
a_commit_that_does_not_fit_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char key[16];
    sim_option(f->cache, "cache.eviction", "noeviction");
    sim_option(f->cache, "cache.max_entries", "5");
    put(f->cache, "k0", "old", ATTL_TTL_NONE);
    put(f->cache, "k1", "old", ATTL_TTL_NONE);
    attl_txn *txn = begin(f);
    for (int i = 0; i < 6; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        ASSERT_STATUS(attl_txn_set(txn, attl_s(key), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
    }
    commit(txn, ATTL_E_FULL);
    expect(f->cache, "k0", "old");
    assert_int_equal(attl_size(f->cache), 2);
    txn = begin(f);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        ASSERT_STATUS(attl_txn_set(txn, attl_s(key), attl_s("new"), ATTL_TTL_NONE), ATTL_OK);
    }
    commit(txn, ATTL_OK);
    assert_int_equal(attl_size(f->cache), 5);
}

/* ---- scopes ---------------------------------------------------------------------------------- */

static void
enter(attl_txn *txn, const char *a, const char *b, uint32_t flags)
{
    const attl_slice keys[] = { attl_s(a), attl_s(b) };
    ASSERT_STATUS(attl_txn_scope_begin(txn, keys, 2, 100, flags), ATTL_OK);
}

static void
leave(attl_txn *txn)
{
    ASSERT_STATUS(attl_txn_scope_end(txn), ATTL_OK);
    attl_txn_rollback(&txn);
}

static void
ordinary_calls_run_in_a_scope(void **state)
{
    struct fixture *f = *state;
    int64_t number;
    uint64_t len;
    attl_value value = ATTL_VALUE_INIT, values[2];
    int statuses[2];
    const attl_slice keys[] = { attl_s("a"), attl_s("b") };
    const attl_slice texts[] = { attl_s("1"), attl_s("2") };
    attl_txn *txn = begin(f);
    enter(txn, "a", "b", 0);
    expect(f->cache, "a", NULL);
    put(f->cache, "a", "41", 5000);
    ASSERT_STATUS(attl_incr(f->cache, attl_s("a"), 1, ATTL_TTL_NONE, &number), ATTL_OK);
    assert_int_equal(number, 42);
    expect(f->cache, "a", "42");
    expect_ttl(f->cache, "a", 5000);
    ASSERT_STATUS(attl_rename(f->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    ASSERT_STATUS(attl_copy(f->cache, attl_s("b"), attl_s("a"), ATTL_SET_NX), ATTL_OK);
    ASSERT_STATUS(attl_append(f->cache, attl_s("a"), attl_s("!"), &len), ATTL_OK);
    assert_int_equal(attl_mget(f->cache, keys, 2, values, statuses), 2);
    assert_memory_equal(values[0].data.data, "42!", 3);
    assert_memory_equal(values[1].data.data, "42", 2);
    attl_value_release(f->cache, &values[0]);
    attl_value_release(f->cache, &values[1]);
    ASSERT_STATUS(attl_getdel(f->cache, attl_s("b"), &value), ATTL_OK);
    attl_value_release(f->cache, &value);
    ASSERT_STATUS(attl_mset(f->cache, keys, texts, 2, NULL), ATTL_OK);
    expect(f->cache, "b", "2");
    leave(txn);
    expect(f->cache, "a", "1");
    expect(f->cache, "b", "2");
    sim_check(f->cache, "after the scope");
}

static void
large_values_move_through_a_scope(void **state)
{
    struct durable *d = *state;
    enum { LARGE = 100000 };
    static char large[LARGE];
    uint64_t len;
    memset(large, 'L', sizeof(large));
    durable_open(d, NULL);
    attl_txn *txn = NULL;
    ASSERT_STATUS(attl_txn_begin(d->cache, &txn), ATTL_OK);
    enter(txn, "a", "b", 0);
    ASSERT_STATUS(attl_set(d->cache, attl_s("a"), attl_b(large, LARGE), ATTL_TTL_NONE), ATTL_OK);
    ASSERT_STATUS(attl_copy(d->cache, attl_s("a"), attl_s("b"), 0), ATTL_OK);
    ASSERT_STATUS(attl_append(d->cache, attl_s("b"), attl_s("x"), &len), ATTL_OK);
    ASSERT_STATUS(attl_set_range(d->cache, attl_s("a"), 5 * LARGE, attl_s("x"), &len), ATTL_OK);
    leave(txn);
    assert_string_equal(durable_log(d, 1), "GROUP(PUT a=<100000>, PUT b=<100000>, PUT b=<100001>, "
                                           "PUT a=<500001>)");
    durable_kill(d);
    durable_open(d, NULL);
    attl_meta meta = ATTL_META_INIT;
    ASSERT_STATUS(attl_meta_get(d->cache, attl_s("a"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, 5 * LARGE + 1);
    ASSERT_STATUS(attl_meta_get(d->cache, attl_s("b"), &meta), ATTL_OK);
    assert_int_equal(meta.value_bytes, LARGE + 1);
}

static void
other_keys_are_refused_in_a_scope(void **state)
{
    struct fixture *f = *state;
    uint64_t cursor = 0;
    char buf[32];
    int64_t next_ms;
    attl_txn *txn = begin(f), *other = begin(f);
    const attl_slice keys[] = { attl_s("a"), attl_s("far away") };
    const attl_slice texts[] = { attl_s("1"), attl_s("2") };
    enter(txn, "a", "a", 0);
    ASSERT_STATUS(attl_set(f->cache, attl_s("far away"), attl_s("1"), ATTL_TTL_NONE),
                  ATTL_E_INVALID);
    ASSERT_STATUS(attl_mset(f->cache, keys, texts, 2, NULL), ATTL_E_INVALID);
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_rename(f->cache, keys[0], keys[1], 0), ATTL_E_INVALID);
    ASSERT_STATUS(attl_scan(f->cache, &cursor, 10, NULL, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_random_key(f->cache, buf, sizeof(buf), NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_clear(f->cache), ATTL_E_INVALID);
    ASSERT_STATUS(attl_snapshot(f->cache, NULL), ATTL_E_INVALID);
    ASSERT_STATUS(attl_txn_scope_begin(other, keys, 2, 0, 0), ATTL_E_INVALID);
    ASSERT_STATUS(attl_txn_scope_begin(txn, keys, 2, 0, 0), ATTL_E_INVALID);
    ASSERT_STATUS(attl_txn_watch(other, attl_s("a")), ATTL_E_INVALID);
    ASSERT_STATUS(attl_txn_scope_end(other), ATTL_E_INVALID);
    attl_tick(f->cache, 0, &next_ms);
    (void)sim_stats(f->cache);
    leave(txn);
    ASSERT_STATUS(attl_txn_scope_begin(other, keys, 2, 0, 2), ATTL_E_INVALID);
    attl_txn_rollback(&other);
    expect(f->cache, "a", "1");
    expect(f->cache, "far away", NULL);
}

static void
count_entry(void *ud, attl_slice key, attl_slice value, int64_t deadline_ms)
{
    (void)key;
    (void)value;
    (void)deadline_ms;
    ++*(unsigned *)ud;
}

static void
a_whole_scope_may_do_what_it_likes(void **state)
{
    struct fixture *f = *state;
    uint64_t cursor = 0;
    unsigned seen = 0;
    char buf[32];
    put(f->cache, "x", "1", ATTL_TTL_NONE);
    attl_txn *txn = begin(f);
    enter(txn, "a", "b", ATTL_SCOPE_WHOLE);
    put(f->cache, "somewhere else", "1", ATTL_TTL_NONE);
    while (attl_scan(f->cache, &cursor, 10, count_entry, &seen) == ATTL_OK)
        ;
    assert_int_equal(seen, 2);
    ASSERT_STATUS(attl_random_key(f->cache, buf, sizeof(buf), NULL), ATTL_OK);
    ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
    assert_int_equal(attl_size(f->cache), 0);
    ASSERT_STATUS(attl_clear(f->cache), ATTL_OK);
    put(f->cache, "y", "1", ATTL_TTL_NONE);
    leave(txn);
    assert_int_equal(count_live(f->cache), 1);
    sim_check(f->cache, "after a whole scope");
}

static void
a_scope_asks_the_watches(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f);
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("w")), ATTL_OK);
    enter(txn, "a", "b", 0);
    put(f->cache, "w", "watched keys belong to it", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_txn_scope_end(txn), ATTL_OK);
    const attl_slice key = attl_s("a");
    ASSERT_STATUS(attl_txn_scope_begin(txn, &key, 1, 0, 0), ATTL_E_CONFLICT);
    put(f->cache, "a", "free again", ATTL_TTL_NONE);
    attl_txn_rollback(&txn);
}

static void
rolling_back_ends_an_open_scope(void **state)
{
    struct fixture *f = *state;
    attl_txn *txn = begin(f);
    enter(txn, "a", "b", 0);
    put(f->cache, "a", "stays", ATTL_TTL_NONE);
    attl_txn_rollback(&txn);
    expect(f->cache, "a", "stays");
    put(f->cache, "elsewhere", "1", ATTL_TTL_NONE);
}

/* Entries beyond the limit are evicted when the scope is over, not inside. */
static void
a_scope_may_pass_the_limits_and_pays_later(void **state)
{
    struct fixture *f = *state;
    char key[16];
    sim_option(f->cache, "cache.max_entries", "20");
    for (int i = 0; i < 20; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        put(f->cache, key, "1", ATTL_TTL_NONE);
    }
    attl_txn *txn = begin(f);
    enter(txn, "a", "b", ATTL_SCOPE_WHOLE);
    for (int i = 20; i < 30; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        put(f->cache, key, "1", ATTL_TTL_NONE);
    }
    assert_int_equal(attl_size(f->cache), 30);
    leave(txn);
    assert_in_range(attl_size(f->cache), 1, 20);
}

static void
without_eviction_a_scope_is_refused_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    sim_option(f->cache, "cache.eviction", "noeviction");
    sim_option(f->cache, "cache.max_entries", "1");
    attl_txn *txn = begin(f);
    const attl_slice keys[] = { attl_s("a"), attl_s("b") };
    const attl_slice texts[] = { attl_s("1"), attl_s("2") };
    enter(txn, "a", "b", 0);
    put(f->cache, "a", "1", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_set(f->cache, keys[1], attl_s("1"), ATTL_TTL_NONE), ATTL_E_FULL);
    ASSERT_STATUS(attl_copy(f->cache, keys[0], keys[1], 0), ATTL_E_FULL);
    ASSERT_STATUS(attl_mset(f->cache, keys, texts, 2, NULL), ATTL_E_FULL);
    put(f->cache, "a", "2", ATTL_TTL_NONE);
    leave(txn);
    expect(f->cache, "a", "2");
}

/* ---- the log --------------------------------------------------------------------------------- */

static void
a_commit_is_one_record_of_the_log(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    put(d->cache, "old", "1", ATTL_TTL_NONE);
    uint64_t from = durable_next_lsn(d);
    attl_txn *txn = NULL;
    ASSERT_STATUS(attl_txn_begin(d->cache, &txn), ATTL_OK);
    ASSERT_STATUS(attl_txn_watch(txn, attl_s("w")), ATTL_OK);
    ASSERT_STATUS(attl_txn_set(txn, attl_s("a"), attl_s("x"), 1000), ATTL_OK);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("old")), ATTL_OK);
    ASSERT_STATUS(attl_txn_del(txn, attl_s("none")), ATTL_OK);
    ASSERT_STATUS(attl_txn_commit(&txn), ATTL_OK);
    assert_string_equal(durable_log(d, from), "GROUP(PUT a=x @1000, DEL old)");
}

static void
a_scope_is_one_record_of_the_log(void **state)
{
    struct durable *d = *state;
    int64_t number;
    durable_open(d, NULL);
    put(d->cache, "old", "1", ATTL_TTL_NONE);
    uint64_t from = durable_next_lsn(d);
    attl_txn *txn = NULL;
    ASSERT_STATUS(attl_txn_begin(d->cache, &txn), ATTL_OK);
    enter(txn, "a", "b", ATTL_SCOPE_WHOLE);
    put(d->cache, "a", "x", ATTL_TTL_NONE);
    ASSERT_STATUS(attl_clear(d->cache), ATTL_OK);
    ASSERT_STATUS(attl_incr(d->cache, attl_s("b"), 7, ATTL_TTL_NONE, &number), ATTL_OK);
    ASSERT_STATUS(attl_expire(d->cache, attl_s("b"), 5000, 0), ATTL_OK);
    expect(d->cache, "old", NULL);
    leave(txn);
    assert_string_equal(durable_log(d, from), "GROUP(PUT a=x, CLEAR, INT b=7, EXPIRE b @5000)");
    durable_kill(d);
    durable_open(d, NULL);
    expect(d->cache, "old", NULL);
    expect(d->cache, "a", NULL);
    expect(d->cache, "b", "7");
}

static void
a_scope_that_changes_nothing_leaves_no_record(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    attl_txn *txn = NULL;
    uint64_t from = durable_next_lsn(d);
    ASSERT_STATUS(attl_txn_begin(d->cache, &txn), ATTL_OK);
    enter(txn, "a", "b", 0);
    expect(d->cache, "a", NULL);
    ASSERT_STATUS(attl_del(d->cache, attl_s("a")), ATTL_MISS);
    leave(txn);
    assert_string_equal(durable_log(d, from), "");
}

/* A snapshot's cut comes before or after a transaction; copying tables works under a claim. */
static void
transactions_and_snapshots_meet(void **state)
{
    struct durable *d = *state;
    durable_open(d, NULL);
    for (int i = 0; i < 50; i++) {
        attl_txn *txn = NULL;
        char text[16];
        (void)snprintf(text, sizeof(text), "%d", i);
        if (i % 10 == 5)
            ASSERT_STATUS(attl_snapshot(d->cache, NULL), ATTL_OK);
        ASSERT_STATUS(attl_txn_begin(d->cache, &txn), ATTL_OK);
        enter(txn, "a", "b", i % 7 == 3 ? ATTL_SCOPE_WHOLE : 0);
        put(d->cache, "a", text, ATTL_TTL_NONE);
        put(d->cache, "b", text, ATTL_TTL_NONE);
        leave(txn);
    }
    durable_kill(d);
    durable_open(d, NULL);
    expect(d->cache, "a", "49");
    expect(d->cache, "b", "49");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(nothing_is_seen_before_the_commit),
        UNIT_TEST(it_sees_its_own_writes),
        UNIT_TEST(rolling_back_leaves_no_trace),
        UNIT_TEST(any_change_of_what_was_read_is_a_conflict),
        UNIT_TEST(appearing_is_a_conflict_with_having_been_absent),
        UNIT_TEST(clearing_is_nothing_to_what_is_absent),
        UNIT_TEST(what_was_dead_already_is_no_conflict),
        UNIT_TEST(writing_blindly_conflicts_with_nobody),
        UNIT_TEST(keeping_the_deadline_means_the_one_at_the_commit),
        UNIT_TEST(wrong_arguments_are_refused_at_once),
        UNIT_TEST(a_commit_that_does_not_fit_changes_nothing),
        UNIT_TEST(ordinary_calls_run_in_a_scope),
        DURABLE_TEST(large_values_move_through_a_scope),
        UNIT_TEST(other_keys_are_refused_in_a_scope),
        UNIT_TEST_CROWDED(a_whole_scope_may_do_what_it_likes),
        UNIT_TEST(a_scope_asks_the_watches),
        UNIT_TEST(rolling_back_ends_an_open_scope),
        UNIT_TEST_CROWDED(a_scope_may_pass_the_limits_and_pays_later),
        UNIT_TEST(without_eviction_a_scope_is_refused_what_does_not_fit),
        DURABLE_TEST(a_commit_is_one_record_of_the_log),
        DURABLE_TEST(a_scope_is_one_record_of_the_log),
        DURABLE_TEST(a_scope_that_changes_nothing_leaves_no_record),
        DURABLE_TEST(transactions_and_snapshots_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
