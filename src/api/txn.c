/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions. A key that is read or watched gets a watch (engine/watch.h), which collects what
 * happens to it; a key that is written keeps its new value here. The commit is a batch over all of
 * them: with everything locked the watches are asked, and only then anything is changed. Until the
 * commit nothing is locked, so a transaction that is forgotten costs its memory and nobody's time.
 * The same object, with its watches, begins a scope for whoever runs ordinary calls instead.
 */
#include "api/api.h"

#include "cache/freeze.h"
#include "engine/batch.h"
#include "engine/key_index.h"
#include "engine/scope.h"

enum txn_write { TXN_NONE, TXN_SET, TXN_DEL };

struct txn_key {
    struct watch watch;
    bool watched;
    uint32_t ignored; /* kinds of changes that do not matter */
    enum txn_write write;
    int64_t ttl_ms;
    attl_slice value; /* TXN_SET: owned */
    attl_slice key;
    char bytes[];
};

struct attl_txn {
    attl *a;
    struct key_index index;
    struct txn_key **keys;
    size_t n, cap;
    struct scope scope;
    bool in_scope;
};

int
attl_txn_begin(attl *a, attl_txn **ret_txn)
{
    attl_txn *txn = alloc_zero(&a->cache.config.alloc, sizeof(*txn));
    *ret_txn = txn;
    if (!txn)
        return ATTL_E_NOMEM;
    txn->a = a;
    key_index_init(&txn->index, &a->cache.config.alloc);
    return ATTL_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool
reserve_key(attl_txn *txn)
{
    const attl_allocator *alloc = &txn->a->cache.config.alloc;
    if (txn->n < txn->cap)
        return true;
    size_t cap = txn->cap ? 2 * txn->cap : 8;
    struct txn_key **larger = alloc_zero(alloc, cap * sizeof(struct txn_key *));
    if (!larger)
        return false;
    if (txn->n)
        memcpy(larger, txn->keys, txn->n * sizeof(struct txn_key *));
    alloc_free(alloc, txn->keys);
    txn->keys = larger;
    txn->cap = cap;
    return true;
}

static int
add_key(attl_txn *txn, uint64_t hash, attl_slice key, struct txn_key **ret_key)
{
    struct attl *a = txn->a;
    const attl_allocator *alloc = &a->cache.config.alloc;
    if ((int64_t)txn->n >= atomic_load_explicit(&a->transaction_ops, memory_order_relaxed))
        return ATTL_E_BUSY;
    struct txn_key *k = reserve_key(txn) ? alloc_zero(alloc, sizeof(*k) + key.len) : NULL;
    if (!k)
        return ATTL_E_NOMEM;
    if (key.len)
        memcpy(k->bytes, key.data, key.len);
    k->key = attl_b(k->bytes, key.len);
    if (!key_index_add(&txn->index, hash, k->key, txn->n)) {
        alloc_free(alloc, k);
        return ATTL_E_NOMEM;
    }
    txn->keys[txn->n++] = k;
    *ret_key = k;
    return ATTL_OK;
}

/* The transaction's entry for a key, made if need be. */
static int
key_of(attl_txn *txn, attl_slice key, struct txn_key **ret_key)
{
    const struct reclaim_reader *r = reclaim_self();
    int status = r ? engine_check_key(txn->a, r, key) : ATTL_E_NOMEM;
    if (status != ATTL_OK)
        return status;
    if (api_is_inside(txn->a))
        return ATTL_E_INVALID;
    uint64_t hash = cache_hash(&txn->a->cache, key);
    int64_t number = key_index_find(&txn->index, hash, key);
    if (number == KEY_INDEX_NONE)
        return add_key(txn, hash, key, ret_key);
    *ret_key = txn->keys[number];
    return ATTL_OK;
}

/* Begins to watch. A deadline that has passed before is not a change: it is dealt with first. */
static int
watch_key(attl_txn *txn, struct txn_key *k)
{
    struct attl *a = txn->a;
    struct entry e;
    if (k->watched)
        return ATTL_OK;
    engine_entry_init(a, reclaim_self(), k->key, &e);
    if (!cache_lock(&a->cache, e.partition))
        return ATTL_E_NOMEM;
    entry_find(&e);
    watch_add_locked(&a->watches, &a->cache, &k->watch, k->key);
    lock_release(&e.partition->lock);
    k->watched = true;
    k->ignored = e.found ? 0 : NOTICE_CLEARED; /* what is absent is not cleared */
    return ATTL_OK;
}

int
attl_txn_watch(attl_txn *txn, attl_slice key)
{
    struct txn_key *k;
    int status = key_of(txn, key, &k);
    return status == ATTL_OK ? watch_key(txn, k) : status;
}

/* The life that a value of this key gets at `now_ms`, as MSET's do. */
static int
life_of(attl_txn *txn, attl_slice key, int64_t ttl_ms, struct batch_put *ret_put)
{
    struct ttl_wish wish = { .key = key, .ttl_ms = ttl_ms, .now_ms = engine_now_ms(txn->a) };
    struct ttl_given given = { 0 };
    int status = engine_life(txn->a, reclaim_self(), &wish, &given);
    *ret_put = (struct batch_put){ .deadline_ms = given.deadline_ms,
                                   .life = given.life,
                                   .keep_deadline = ttl_ms == ATTL_TTL_KEEP };
    if (status < 0 && ret_put->keep_deadline) {
        ret_put->life_status = status; /* it may keep the one it has */
        return ATTL_OK;
    }
    return status;
}

/* What the transaction has set itself. */
static int
own_value(attl_txn *txn, const struct txn_key *k, attl_value *ret_value)
{
    if (k->write == TXN_DEL)
        return ATTL_MISS;
    struct batch_put put;
    int status = life_of(txn, k->key, k->ttl_ms, &put);
    if (status != ATTL_OK)
        return status;
    ret_value->data = k->value;
    ret_value->deadline_ms = put.deadline_ms;
    return ATTL_OK;
}

int
attl_txn_get(attl_txn *txn, attl_slice key, attl_value *ret_value)
{
    struct txn_key *k;
    *ret_value = (attl_value)ATTL_VALUE_INIT;
    int status = key_of(txn, key, &k);
    if (status == ATTL_OK && k->write != TXN_NONE)
        return own_value(txn, k, ret_value);
    if (status == ATTL_OK)
        status = watch_key(txn, k);
    return status == ATTL_OK ? attl_get_pin(txn->a, key, ret_value) : status;
}

static void
drop_value(attl_txn *txn, struct txn_key *k)
{
    if (k->write == TXN_SET)
        alloc_free(&txn->a->cache.config.alloc, (void *)k->value.data);
    k->value = attl_b(NULL, 0);
    k->write = TXN_NONE;
}

int
attl_txn_set(attl_txn *txn, attl_slice key, attl_slice value, int64_t ttl_ms)
{
    struct attl *a = txn->a;
    const struct reclaim_reader *r = reclaim_self();
    struct txn_key *k;
    struct batch_put put;
    int status = r ? engine_check_value(a, r, value.len) : ATTL_E_NOMEM;
    if (status == ATTL_OK)
        status = life_of(txn, key, ttl_ms, &put);
    if (status == ATTL_OK)
        status = key_of(txn, key, &k);
    if (status != ATTL_OK)
        return status;
    char *copy = alloc_zero(&a->cache.config.alloc, value.len + 1);
    if (!copy)
        return ATTL_E_NOMEM;
    if (value.len)
        memcpy(copy, value.data, value.len);
    drop_value(txn, k);
    k->write = TXN_SET;
    k->value = attl_b(copy, value.len);
    k->ttl_ms = ttl_ms;
    return ATTL_OK;
}

int
attl_txn_del(attl_txn *txn, attl_slice key)
{
    struct txn_key *k;
    int status = key_of(txn, key, &k);
    if (status != ATTL_OK)
        return status;
    drop_value(txn, k);
    k->write = TXN_DEL;
    return ATTL_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

void
attl_txn_rollback(attl_txn **ptr)
{
    attl_txn *txn = ptr ? *ptr : NULL;
    if (!txn)
        return;
    if (txn->in_scope)
        (void)scope_end(&txn->scope); /* there is nobody to tell */
    const attl_allocator *alloc = &txn->a->cache.config.alloc;
    for (size_t i = 0; i < txn->n; i++) {
        struct txn_key *k = txn->keys[i];
        if (k->watched)
            watch_remove(&txn->a->watches, &k->watch);
        drop_value(txn, k);
        alloc_free(alloc, k);
    }
    key_index_fini(&txn->index);
    alloc_free(alloc, txn->keys);
    alloc_free(alloc, txn);
    *ptr = NULL;
}

static int
check_watches(struct batch *b, void *ud)
{
    const attl_txn *txn = ud;
    (void)b; /* its look-ups have made passed deadlines known */
    for (size_t i = 0; i < txn->n; i++) {
        const struct txn_key *k = txn->keys[i];
        if (k->watched && (watch_seen(&k->watch) & ~k->ignored))
            return ATTL_E_CONFLICT;
    }
    return ATTL_OK;
}

static int
add_item(attl_txn *txn, struct batch *b, const struct txn_key *k)
{
    if (k->write != TXN_SET) {
        batch_add(b, k->key, k->write == TXN_DEL ? BATCH_REMOVE : BATCH_LOOK);
        return ATTL_OK;
    }
    struct batch_put put;
    int status = life_of(txn, k->key, k->ttl_ms, &put);
    put.value = k->value;
    return status == ATTL_OK ? batch_add_put(b, k->key, &put) : status;
}

static int
commit(attl_txn *txn)
{
    struct batch b;
    uint64_t bytes = 0, sets = 0;
    bool changes = false;
    for (size_t i = 0; i < txn->n; i++) {
        const struct txn_key *k = txn->keys[i];
        bytes += k->key.len + k->value.len;
        sets += k->write == TXN_SET;
        changes = changes || k->write != TXN_NONE;
    }
    int status = batch_init(&b, txn->a, txn->n, bytes);
    if (status != ATTL_OK)
        return status;
    b.check = check_watches;
    b.ud = txn;
    if (changes)
        status = journal_admit(txn->a);
    for (size_t i = 0; status == ATTL_OK && i < txn->n; i++)
        status = add_item(txn, &b, txn->keys[i]);
    if (status == ATTL_OK)
        status = batch_run(&b);
    if (status == ATTL_OK)
        cache_count(&txn->a->cache, b.self, COUNT_SETS, sets);
    batch_fini(&b);
    return status == ATTL_OK && changes ? journal_settle(txn->a, reclaim_self(), status) : status;
}

int
attl_txn_commit(attl_txn **ptr)
{
    attl_txn *txn = *ptr;
    int status = api_is_inside(txn->a) ? ATTL_E_INVALID : commit(txn);
    attl_txn_rollback(ptr);
    return status;
}

/* ---- scopes ---------------------------------------------------------------------------------- */

int
attl_txn_scope_begin(attl_txn *txn, const attl_slice *keys, size_t n, uint64_t bytes,
                     uint32_t flags)
{
    const attl_allocator *alloc = &txn->a->cache.config.alloc;
    if ((flags & ~ATTL_SCOPE_WHOLE) || txn->in_scope)
        return ATTL_E_INVALID;
    struct scope_watch *watches = txn->n ? alloc_zero(alloc, txn->n * sizeof(*watches)) : NULL;
    if (txn->n && !watches)
        return ATTL_E_NOMEM;
    struct scope_plan plan = { .keys = keys,
                               .n = n,
                               .bytes = bytes,
                               .whole = (flags & ATTL_SCOPE_WHOLE) != 0,
                               .watches = watches };
    for (size_t i = 0; i < txn->n; i++)
        if (txn->keys[i]->watched)
            watches[plan.watches_len++] =
                (struct scope_watch){ &txn->keys[i]->watch, txn->keys[i]->ignored };
    int status = scope_begin(&txn->scope, txn->a, &plan);
    alloc_free(alloc, watches);
    txn->in_scope = status == ATTL_OK;
    return status;
}

int
attl_txn_scope_end(attl_txn *txn)
{
    if (!txn->in_scope)
        return ATTL_E_INVALID;
    txn->in_scope = false;
    return scope_end(&txn->scope);
}
