/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts whose sum never changes, moved between by threads in every way there is to change
 * several keys as one - optimistic transactions, scopes, MSET - while others fill, empty and
 * rearrange the cache around them. Whoever reads several accounts as one must find the sum, always:
 * that is what isolation means. Moves are counted, so none may get lost either.
 */
#include "support/check.h"
#include "support/rng.h"
#include "support/sim.h"

#include <attl/attl_unstable.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ACCOUNTS = 24, START = 1000, MOVES = 60000, MOVERS = 3, KEY_BYTES = 16, LARGE_BYTES = 9000 };

struct world {
    attl *cache;
    uint64_t seed;
    uint64_t moves;        /* of each mover */
    _Atomic unsigned busy; /* movers that are not done */
    _Atomic uint64_t conflicts, looks, torn_commits;
};

struct actor {
    struct world *w;
    struct rng rng;
    pthread_t thread;
};

static char names[ACCOUNTS][KEY_BYTES];

static attl_slice
account(size_t i)
{
    return attl_s(names[i]);
}

static int64_t
amount_of(attl_slice value)
{
    char text[24] = "";
    CHECK(value.len < sizeof text, "%zu bytes", value.len);
    memcpy(text, value.data, value.len);
    return strtoll(text, NULL, 10);
}

/* ---- moving ---------------------------------------------------------------------------------- */

static int64_t
txn_read(attl_txn *txn, struct world *w, size_t i)
{
    attl_value value = ATTL_VALUE_INIT;
    int status = attl_txn_get(txn, account(i), &value);
    CHECK(status == ATTL_OK, "%s", attl_err_name(status));
    int64_t amount = amount_of(value.data);
    attl_value_release(w->cache, &value);
    return amount;
}

static void
txn_write(attl_txn *txn, size_t i, int64_t amount)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, amount);
    int status = attl_txn_set(txn, account(i), attl_s(text), ATTL_TTL_NONE);
    CHECK(status == ATTL_OK, "%s", attl_err_name(status));
}

static void
move_by_transaction(struct actor *a, size_t from, size_t to, int64_t amount)
{
    for (;;) {
        attl_txn *txn = NULL;
        CHECK(attl_txn_begin(a->w->cache, &txn) == ATTL_OK, "begin");
        txn_write(txn, from, txn_read(txn, a->w, from) - amount);
        txn_write(txn, to, txn_read(txn, a->w, to) + amount);
        int status = attl_txn_commit(&txn);
        if (status == ATTL_OK)
            return;
        CHECK(status == ATTL_E_CONFLICT, "%s", attl_err_name(status));
        atomic_fetch_add(&a->w->conflicts, 1);
    }
}

static void
move_by_scope(struct actor *a, size_t from, size_t to, int64_t amount)
{
    attl_txn *txn = NULL;
    int64_t now;
    const attl_slice keys[] = { account(from), account(to) };
    uint32_t flags = rng_one_in(&a->rng, 200) ? ATTL_SCOPE_WHOLE : 0;
    CHECK(attl_txn_begin(a->w->cache, &txn) == ATTL_OK, "begin");
    CHECK(attl_txn_scope_begin(txn, keys, 2, 100, flags) == ATTL_OK, "scope");
    CHECK(attl_incr(a->w->cache, keys[0], -amount, ATTL_TTL_NONE, &now) == ATTL_OK, "incr");
    CHECK(attl_incr(a->w->cache, keys[1], amount, ATTL_TTL_NONE, &now) == ATTL_OK, "incr");
    CHECK(attl_txn_scope_end(txn) == ATTL_OK, "end");
    attl_txn_rollback(&txn);
}

/* All accounts are dealt anew: with MSET, which asks nobody, so what others have moved is lost, but
 * never half of it. */
static void
deal_by_mset(struct actor *a)
{
    attl_slice keys[ACCOUNTS], values[ACCOUNTS];
    char texts[ACCOUNTS][24];
    int64_t left = ACCOUNTS * START;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        int64_t amount = i + 1 < ACCOUNTS ? (int64_t)rng_below(&a->rng, 2 * START) : left;
        left -= amount;
        (void)snprintf(texts[i], sizeof texts[i], "%" PRId64, amount);
        keys[i] = account(i);
        values[i] = attl_s(texts[i]);
    }
    int status = attl_mset(a->w->cache, keys, values, ACCOUNTS, NULL);
    CHECK(status == ATTL_OK, "%s", attl_err_name(status));
}

static void *
mover(void *arg)
{
    struct actor *a = arg;
    for (uint64_t i = 0; i < a->w->moves; i++) {
        size_t from = rng_below(&a->rng, ACCOUNTS);
        size_t to = (from + 1 + rng_below(&a->rng, ACCOUNTS - 1)) % ACCOUNTS;
        int64_t amount = (int64_t)rng_below(&a->rng, 100);
        if (rng_one_in(&a->rng, 20))
            deal_by_mset(a);
        else if (rng_one_in(&a->rng, 2))
            move_by_scope(a, from, to, amount);
        else
            move_by_transaction(a, from, to, amount);
    }
    atomic_fetch_sub(&a->w->busy, 1);
    return NULL;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void
check_sum(struct world *w, int64_t sum, const char *how)
{
    CHECK(sum == ACCOUNTS * START, "%s: %" PRId64, how, sum);
    atomic_fetch_add(&w->looks, 1);
}

static void
look_by_mget(struct world *w, size_t repeated)
{
    enum { MOST = ACCOUNTS * 3 };
    attl_slice keys[MOST];
    attl_value values[MOST];
    int statuses[MOST];
    size_t n = ACCOUNTS * repeated;
    for (size_t i = 0; i < n; i++)
        keys[i] = account(i % ACCOUNTS);
    CHECK(attl_mget(w->cache, keys, n, values, statuses) == n, "accounts are missing");
    for (size_t r = 0; r < repeated; r++) {
        int64_t sum = 0;
        for (size_t i = 0; i < ACCOUNTS; i++)
            sum += amount_of(values[r * ACCOUNTS + i].data);
        check_sum(w, sum, "mget");
    }
    for (size_t i = 0; i < n; i++)
        attl_value_release(w->cache, &values[i]);
}

static void
add_up(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    int64_t *sum = ud;
    (void)deadline_ms;
    CHECK(status == ATTL_OK, "%s", attl_err_name(status));
    *sum = (i ? *sum : 0) + amount_of(value);
}

static void
look_at_once(struct world *w)
{
    attl_slice keys[ACCOUNTS];
    int64_t sum = 0;
    for (size_t i = 0; i < ACCOUNTS; i++)
        keys[i] = account(i);
    CHECK(attl_mget_at_once(w->cache, keys, ACCOUNTS, add_up, &sum, NULL) == ATTL_OK, "mget");
    check_sum(w, sum, "mget at once");
}

/* What a transaction has read is of one moment if it commits. */
static void
look_by_transaction(struct world *w)
{
    attl_txn *txn = NULL;
    int64_t sum = 0;
    CHECK(attl_txn_begin(w->cache, &txn) == ATTL_OK, "begin");
    for (size_t i = 0; i < ACCOUNTS; i++)
        sum += txn_read(txn, w, i);
    if (attl_txn_commit(&txn) == ATTL_OK)
        check_sum(w, sum, "transaction");
    else
        atomic_fetch_add(&w->torn_commits, 1);
}

static void *
reader(void *arg)
{
    struct actor *a = arg;
    while (atomic_load(&a->w->busy) > 0) {
        look_by_mget(a->w, 1);
        look_by_mget(a->w, 3);
        look_at_once(a->w);
        look_by_transaction(a->w);
    }
    return NULL;
}

/* ---- everything else ------------------------------------------------------------------------- */

/* Other keys come, grow, expire and go; partitions move, tables grow and shrink. */
static void *
neighbour(void *arg)
{
    struct actor *a = arg;
    static char large[LARGE_BYTES];
    char key[24];
    while (atomic_load(&a->w->busy) > 0) {
        (void)snprintf(key, sizeof key, "n%" PRIu64, rng_below(&a->rng, 20000));
        size_t len = rng_one_in(&a->rng, 50) ? LARGE_BYTES : rng_below(&a->rng, 200);
        int64_t ttl_ms = rng_one_in(&a->rng, 3) ? ATTL_TTL_NONE
                                                : 1 + (int64_t)rng_below(&a->rng, 20);
        int status = rng_one_in(&a->rng, 3)
                         ? attl_del(a->w->cache, attl_s(key))
                         : attl_set(a->w->cache, attl_s(key), attl_b(large, len), ttl_ms);
        CHECK(status >= 0, "%s", attl_err_name(status));
        if (rng_one_in(&a->rng, 500))
            attl_unstable_partition_move(a->w->cache, rng_u64(&a->rng),
                                         (uint32_t)rng_below(&a->rng, 4));
        if (rng_one_in(&a->rng, 300))
            attl_tick(a->w->cache, 0, NULL);
    }
    return NULL;
}

int
main(void)
{
    static const struct sim_option options[] = {
        { "cache.max_memory", "0" }, { "cache.max_entries", "0" }, { "cache.partitions", "64" },
        { "cache.num_shards", "4" }, { "cache.default_ttl", "0" }, { NULL, NULL },
    };
    struct world w = { .seed = test_seed(), .moves = test_scaled(MOVES), .busy = MOVERS };
    struct actor actors[MOVERS + 3];
    void *(*const roles[])(void *) = { mover, mover, mover, reader, reader, neighbour };
    test_announce("isolation", w.seed);
    w.cache = sim_open_real(options);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        (void)snprintf(names[i], KEY_BYTES, "account:%zu", i);
        CHECK(attl_set(w.cache, account(i), attl_s("1000"), ATTL_TTL_NONE) == ATTL_OK, "set");
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        actors[i] = (struct actor){ .w = &w, .rng = rng_from_seed(rng_mix(w.seed + i)) };
        CHECK(pthread_create(&actors[i].thread, NULL, roles[i], &actors[i]) == 0, "thread");
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        CHECK(pthread_join(actors[i].thread, NULL) == 0, "join");
    look_by_mget(&w, 1);
    sim_close(&w.cache);
    printf("# %" PRIu64 " looks, %" PRIu64 " conflicts of movers, %" PRIu64 " of readers\n",
           w.looks, w.conflicts, w.torn_commits);
    CHECK(w.looks > 4, "nobody looked");
    return 0;
}
