/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing the life of an entry, with Redis' conditions: no deadline counts as infinitely late, so
 * GT never holds for an entry without one, and LT always does. A point in the past deletes. The
 * comparison is made under the partition's lock, so it cannot be overtaken.
 */
#include "api/api.h"

struct expire_op {
    int64_t deadline_ms;
    uint32_t flags;
    bool past; /* the deadline had passed already when the call was made */
};

static bool
condition_holds(const struct entry *e, const struct expire_op *op)
{
    int64_t present = e->deadline_ms == ATTL_NO_DEADLINE ? INT64_MAX : e->deadline_ms;
    if ((op->flags & ATTL_EXPIRE_NX) && present != INT64_MAX)
        return false;
    if ((op->flags & ATTL_EXPIRE_XX) && present == INT64_MAX)
        return false;
    if ((op->flags & ATTL_EXPIRE_GT) && op->deadline_ms <= present)
        return false;
    return !(op->flags & ATTL_EXPIRE_LT) || op->deadline_ms < present;
}

static int
expire_change(struct entry *e, void *ud)
{
    const struct expire_op *op = ud;
    if (!e->found)
        return ATTL_MISS;
    if (!condition_holds(e, op))
        return ATTL_NOT_SET;
    if (op->past) {
        entry_remove(e, COUNT_DELETES);
        return ATTL_DELETED;
    }
    return entry_set_deadline(e, op->deadline_ms);
}

static bool
flags_valid(uint32_t flags)
{
    uint32_t all = ATTL_EXPIRE_NX | ATTL_EXPIRE_XX | ATTL_EXPIRE_GT | ATTL_EXPIRE_LT;
    if (flags & ~all)
        return false;
    if ((flags & ATTL_EXPIRE_NX) && flags != ATTL_EXPIRE_NX)
        return false;
    return (flags & (ATTL_EXPIRE_GT | ATTL_EXPIRE_LT)) != (ATTL_EXPIRE_GT | ATTL_EXPIRE_LT);
}

int
attl_expire(attl *a, attl_slice key, int64_t ttl_ms, uint32_t flags)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!flags_valid(flags))
        return ATTL_E_INVALID;
    if (!r)
        return ATTL_E_NOMEM;
    struct expire_op op = { .flags = flags };
    int64_t now_ms = engine_now_ms(a);
    if (ttl_ms > 0) {
        struct ttl_wish wish = { .key = key, .ttl_ms = ttl_ms, .now_ms = now_ms };
        int status = engine_life_deadline(a, r, &wish, &op.deadline_ms);
        if (status != ATTL_OK)
            return status;
    } else {
        op.deadline_ms = ttl_ms > -now_ms ? now_ms + ttl_ms : 0;
        op.past = true;
    }
    return engine_change(a, key, expire_change, &op);
}

int
attl_expire_at(attl *a, attl_slice key, int64_t deadline_ms, uint32_t flags)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!flags_valid(flags))
        return ATTL_E_INVALID;
    if (!r)
        return ATTL_E_NOMEM;
    struct expire_op op = { .flags = flags, .past = deadline_ms <= 0 };
    if (deadline_ms > 0) {
        struct ttl_wish wish = { .key = key,
                                 .ttl_ms = ATTL_TTL_DEFAULT,
                                 .deadline_ms = deadline_ms,
                                 .now_ms = engine_now_ms(a) };
        int status = engine_life_deadline(a, r, &wish, &op.deadline_ms);
        op.past = status == ATTL_DELETED;
        if (status < 0)
            return status;
    }
    return engine_change(a, key, expire_change, &op);
}

static int
persist_change(struct entry *e, void *ud)
{
    struct attl *a = ud;
    if (!e->found)
        return ATTL_MISS;
    if (e->deadline_ms == ATTL_NO_DEADLINE)
        return ATTL_NOT_SET;
    struct ttl_wish wish = { .key = e->key.key, .ttl_ms = ATTL_TTL_NONE, .now_ms = e->now_ms };
    int64_t deadline_ms;
    int status = engine_life_deadline(a, e->self, &wish, &deadline_ms);
    return status == ATTL_OK ? entry_set_deadline(e, deadline_ms) : status;
}

int
attl_persist(attl *a, attl_slice key)
{
    return engine_change(a, key, persist_change, a);
}

static int
meta_change(struct entry *e, void *ud)
{
    attl_meta *meta = ud;
    if (!e->found || entry_is_hidden(e))
        return ATTL_MISS;
    int64_t number;
    attl_slice value = entry_value(e);
    meta->freq = index_freq(e->pos);
    meta->deadline_ms = e->deadline_ms;
    meta->value_bytes = value.len;
    meta->is_integer = entry_is_integer(e, &number);
    meta->is_extent = (e->shape.flags & RECORD_EXTENT) != 0;
    struct table *t = partition_table(e->partition);
    uint64_t index_share = t->bytes / (e->partition->items ? e->partition->items : 1);
    meta->memory_bytes =
        e->shape.bytes + (meta->is_extent ? extent_bytes(value.len) : 0) +
        (index_share < sizeof(struct bucket) ? index_share : sizeof(struct bucket));
    return ATTL_OK;
}

int
attl_meta_get(attl *a, attl_slice key, attl_meta *ret_meta)
{
    attl_meta meta = ATTL_META_INIT;
    if (ret_meta->struct_size < sizeof(uint32_t) * 2)
        return ATTL_E_INVALID;
    int status = engine_look(a, key, meta_change, &meta);
    if (status != ATTL_OK)
        return status;
    if (meta.deadline_ms != ATTL_NO_DEADLINE)
        meta.deadline_ms += engine_skew_ms(a);
    sized_export(&meta, sizeof meta, ret_meta);
    return ATTL_OK;
}
