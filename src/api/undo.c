/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undoing a list of operations from what was there before each. Newest first means that the oldest
 * mention of a key has the last word, so only that is done: one item of a batch per key, and with
 * it one record of the log, whatever the list's length. The recorder makes the room for an
 * operation's memory before it makes the change, and keeps large values by reference, so it never
 * has to say that something was done and cannot be undone; what was done without becoming durable
 * (ATTL_E_IO) is on the list as well.
 */
#include "api/api.h"

#include "engine/batch.h"
#include "engine/key_index.h"
#include "engine/value.h"

static int
check_ops(struct attl *a, const struct reclaim_reader *r, const attl_undo_op *ops, size_t n)
{
    int status = ATTL_OK;
    if ((int64_t)n > atomic_load_explicit(&a->rollback_ops, memory_order_relaxed))
        return ATTL_E_INVALID;
    for (size_t i = 0; status == ATTL_OK && i < n; i++) {
        if (ops[i].reserved)
            return ATTL_E_INVALID;
        status = engine_check_key(a, r, ops[i].key);
        if (status == ATTL_OK && ops[i].had_previous)
            status = engine_check_value(a, r, ops[i].value.len);
    }
    return status;
}

/* Adds what undoing one operation means, unless an older one has spoken for the key. */
static int
add_undo(struct batch *b, struct key_index *seen, const attl_undo_op *op, int64_t now_ms)
{
    uint64_t hash = cache_hash(&b->a->cache, op->key);
    if (key_index_find(seen, hash, op->key) != KEY_INDEX_NONE)
        return ATTL_OK;
    if (!key_index_add(seen, hash, op->key, 0))
        return ATTL_E_NOMEM;
    bool lives = op->deadline_ms == ATTL_NO_DEADLINE || op->deadline_ms > now_ms;
    struct batch_put put = { .value = op->value, .deadline_ms = op->deadline_ms };
    if (op->had_previous && lives)
        return batch_add_put(b, op->key, &put);
    batch_add(b, op->key, BATCH_REMOVE);
    return ATTL_OK;
}

int
attl_rollback_ops(attl *a, const attl_undo_op *ops, size_t n)
{
    const struct reclaim_reader *r = reclaim_self();
    uint64_t bytes = 0;
    int status = r ? check_ops(a, r, ops, n) : ATTL_E_NOMEM;
    if (status == ATTL_OK && n > 0)
        status = batch_admit(a);
    if (status != ATTL_OK || n == 0)
        return status;
    for (size_t i = 0; i < n; i++)
        bytes += ops[i].key.len + (ops[i].had_previous ? ops[i].value.len : 0);
    struct batch b;
    struct key_index seen;
    status = batch_init(&b, a, n, bytes);
    if (status != ATTL_OK)
        return status;
    key_index_init(&seen, &a->cache.config.alloc);
    int64_t now_ms = engine_now_ms(a);
    for (size_t i = 0; status == ATTL_OK && i < n; i++)
        status = add_undo(&b, &seen, &ops[i], now_ms);
    if (status == ATTL_OK)
        status = batch_run(&b);
    key_index_fini(&seen);
    batch_fini(&b);
    return batch_settle(a, status);
}

/* ---- the recorder ---------------------------------------------------------------------------- */

/* One operation; small values lie in `previous` itself, so records stay where they are. */
struct undo_record {
    attl_value previous;
    int had_previous;
    attl_slice key;
    char bytes[];
};

struct attl_undo {
    attl *a;
    struct undo_record **records;
    size_t n, cap;
};

int
attl_undo_new(attl *a, attl_undo **ret_undo)
{
    attl_undo *undo = alloc_zero(&a->cache.config.alloc, sizeof(*undo));
    *ret_undo = undo;
    if (!undo)
        return ATTL_E_NOMEM;
    undo->a = a;
    return ATTL_OK;
}

void
attl_undo_forget(attl_undo *undo)
{
    for (size_t i = 0; i < undo->n; i++) {
        attl_value_release(undo->a, &undo->records[i]->previous);
        alloc_free(&undo->a->cache.config.alloc, undo->records[i]);
    }
    undo->n = 0;
}

void
attl_undo_free(attl_undo **ptr)
{
    attl_undo *undo = ptr ? *ptr : NULL;
    if (!undo)
        return;
    attl_undo_forget(undo);
    alloc_free(&undo->a->cache.config.alloc, undo->records);
    alloc_free(&undo->a->cache.config.alloc, undo);
    *ptr = NULL;
}

static bool
reserve_record(attl_undo *undo)
{
    const attl_allocator *alloc = &undo->a->cache.config.alloc;
    if (undo->n < undo->cap)
        return true;
    size_t cap = undo->cap ? 2 * undo->cap : 16;
    struct undo_record **larger = alloc_zero(alloc, cap * sizeof(struct undo_record *));
    if (!larger)
        return false;
    if (undo->n)
        memcpy(larger, undo->records, undo->n * sizeof(struct undo_record *));
    alloc_free(alloc, undo->records);
    undo->records = larger;
    undo->cap = cap;
    return true;
}

/* Room for one more; it counts once undo->n is raised. */
static int
new_record(attl_undo *undo, attl_slice key, struct undo_record **ret_record)
{
    const attl_allocator *alloc = &undo->a->cache.config.alloc;
    int64_t max = atomic_load_explicit(&undo->a->rollback_ops, memory_order_relaxed);
    if ((int64_t)undo->n >= max)
        return ATTL_E_BUSY;
    struct undo_record *record = reserve_record(undo) ? alloc_zero(alloc, sizeof(*record) + key.len)
                                                      : NULL;
    if (!record)
        return ATTL_E_NOMEM;
    record->previous = (attl_value)ATTL_VALUE_INIT;
    if (key.len)
        memcpy(record->bytes, key.data, key.len);
    record->key = attl_b(record->bytes, key.len);
    undo->records[undo->n] = record;
    *ret_record = record;
    return ATTL_OK;
}

/* After the change: the record counts if something was done. */
static void
keep_record(attl_undo *undo, struct undo_record *record, const struct api_told *told)
{
    value_move(&record->previous, &told->old);
    record->had_previous = told->had_old;
    if (told->changed) {
        undo->n++;
        return;
    }
    attl_value_release(undo->a, &record->previous);
    alloc_free(&undo->a->cache.config.alloc, record);
}

int
attl_undo_set(attl_undo *undo, attl_slice key, attl_slice value, int64_t ttl_ms)
{
    struct undo_record *record;
    struct api_told told;
    int status = new_record(undo, key, &record);
    if (status != ATTL_OK)
        return status;
    status = api_set_told(undo->a, key, value, ttl_ms, &told);
    keep_record(undo, record, &told);
    return status;
}

int
attl_undo_del(attl_undo *undo, attl_slice key)
{
    struct undo_record *record;
    struct api_told told;
    int status = new_record(undo, key, &record);
    if (status != ATTL_OK)
        return status;
    status = api_getdel_told(undo->a, key, &told);
    keep_record(undo, record, &told);
    return status;
}

int
attl_undo_rollback(attl_undo *undo)
{
    const attl_allocator *alloc = &undo->a->cache.config.alloc;
    attl_undo_op *ops = undo->n ? alloc_zero(alloc, undo->n * sizeof(*ops)) : NULL;
    if (undo->n && !ops)
        return ATTL_E_NOMEM;
    for (size_t i = 0; i < undo->n; i++) {
        const struct undo_record *record = undo->records[i];
        ops[i] = (attl_undo_op){ .key = record->key,
                                 .value = record->previous.data,
                                 .deadline_ms = record->previous.deadline_ms,
                                 .had_previous = (uint32_t)record->had_previous };
    }
    int status = attl_rollback_ops(undo->a, ops, undo->n);
    alloc_free(alloc, ops);
    if (status == ATTL_OK)
        attl_undo_forget(undo);
    return status;
}
