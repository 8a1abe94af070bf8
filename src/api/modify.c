/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values changed from what they were: counters and strings. A counter becomes a 64-bit integer on
 * its first increment and is then changed in place. Strings are composed under the lock into a new
 * value, because values are immutable to readers; short ones on the stack, long ones straight into
 * their extent.
 */
#include "api/api.h"

struct incr_op {
    int64_t delta;
    int64_t deadline_ms; /* of a new entry */
    int life_status;     /* why there cannot be one */
    int64_t result;
};

static int
incr_change(struct entry *e, void *ud)
{
    struct incr_op *op = ud;
    int64_t number = 0;
    if (e->found && !entry_is_integer(e, &number) && !num_parse_i64(entry_value(e), &number))
        return ATTL_E_NOT_INTEGER;
    if (!num_add_i64(number, op->delta, &op->result))
        return ATTL_E_OVERFLOW;
    if (!e->found && op->life_status < 0)
        return op->life_status;
    struct stored_value stored;
    stored_value_init_integer(op->result, &stored);
    int status = entry_put(e, &stored, e->found ? e->deadline_ms : op->deadline_ms);
    if (status == ATTL_OK)
        cache_count(e->cache, e->self, COUNT_SETS, 1);
    return status;
}

int
attl_incr(attl *a, attl_slice key, int64_t delta, int64_t ttl_ms_if_new, int64_t *ret_value)
{
    const struct reclaim_reader *r = reclaim_self();
    if (!r)
        return ATTL_E_NOMEM;
    struct incr_op op = { .delta = delta };
    struct ttl_wish wish = { .key = key, .ttl_ms = ttl_ms_if_new, .now_ms = engine_now_ms(a) };
    op.life_status = engine_life_deadline(a, r, &wish, &op.deadline_ms);
    if (op.life_status < 0 &&
        op.life_status != ATTL_E_TTL_REQUIRED) /* whether it is there or not */
        return op.life_status;
    int status = engine_change(a, key, incr_change, &op);
    if (status == ATTL_OK)
        *ret_value = op.result;
    return status;
}

/* A part written over the old value at an offset; `append`: at its end. */
struct splice_op {
    struct attl *a;
    attl_slice part;
    uint64_t offset;
    bool append;
    uint64_t result_len;
};

static void
compose(char *to, attl_slice old, const struct splice_op *op, uint64_t offset)
{
    if (old.len)
        memcpy(to, old.data, old.len);
    if (offset > old.len)
        memset(to + old.len, 0, offset - old.len);
    if (op->part.len)
        memcpy(to + offset, op->part.data, op->part.len);
}

static int
splice_change(struct entry *e, void *ud)
{
    struct splice_op *op = ud;
    attl_slice old = e->found ? entry_value(e) : attl_b(NULL, 0);
    uint64_t offset = op->append ? old.len : op->offset;
    uint64_t end = offset + op->part.len;
    op->result_len = old.len > end ? old.len : end;
    if (op->part.len == 0 && (e->found || !op->append)) {
        op->result_len = old.len;
        return ATTL_OK; /* nothing to write, and nothing is created */
    }
    int status = engine_check_value(op->a, e->self, op->result_len);
    int64_t deadline_ms = e->deadline_ms;
    struct ttl_wish wish = { .key = e->key.key, .ttl_ms = ATTL_TTL_NONE, .now_ms = e->now_ms };
    if (status == ATTL_OK && !e->found)
        status = engine_life_unasked(op->a, e->self, &wish, &deadline_ms);
    if (status != ATTL_OK)
        return status;
    e->hopeless = cache_never_fits(e->cache, op->result_len);
    if (e->hopeless)
        return ATTL_E_FULL;
    char small[LIMIT_INLINE_VALUE_BYTES];
    struct stored_value stored;
    if (op->result_len <= sizeof(small)) {
        compose(small, old, op, offset);
        status = stored_value_init(e->cache, attl_b(small, op->result_len), &stored);
    } else {
        status = stored_value_init_extent(e->cache, op->result_len, &stored);
        if (status == ATTL_OK)
            compose(stored.ref.extent->data, old, op, offset);
    }
    if (status != ATTL_OK)
        return status;
    status = entry_put(e, &stored, deadline_ms);
    stored_value_fini(&stored);
    if (status == ATTL_OK)
        cache_count(e->cache, e->self, COUNT_SETS, 1);
    return status;
}

static int
splice(attl *a, attl_slice key, struct splice_op *op, uint64_t *ret_len)
{
    op->a = a;
    int status = engine_change(a, key, splice_change, op);
    if (status == ATTL_OK && ret_len)
        *ret_len = op->result_len;
    return status;
}

int
attl_append(attl *a, attl_slice key, attl_slice tail, uint64_t *ret_len)
{
    struct splice_op op = { .part = tail, .append = true };
    return splice(a, key, &op, ret_len);
}

int
attl_set_range(attl *a, attl_slice key, uint64_t offset, attl_slice part, uint64_t *ret_len)
{
    if (offset > LIMIT_VALUE_BYTES)
        return ATTL_E_VALUE_LONG;
    struct splice_op op = { .part = part, .offset = offset };
    return splice(a, key, &op, ret_len);
}
