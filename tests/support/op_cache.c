/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performs an operation on a cache through <attl/attl.h> and writes down what came back. On the way
 * it checks what every call promises regardless of the model: callbacks run exactly once and only
 * on success, a copy never passes the end of its buffer, a value may be released twice.
 */
#include "op.h"

#include "check.h"

enum { GUARD_BYTES = 16, GUARD = 0xa5 };

static struct op_value
value_seen(int status, attl_slice data, int64_t deadline_ms)
{
    struct op_value v = { status, 0, 0, 0 };
    if (status == ATTL_OK) {
        v.len = data.len;
        v.hash = model_hash(data);
        v.deadline_ms = deadline_ms;
    }
    return v;
}

/* Notes and releases a value that was handed out. */
static void
take_value(attl *cache, struct op_seen *seen, int status, attl_value *value)
{
    seen->values[seen->value_count++] = value_seen(status, value->data, value->deadline_ms);
    attl_value_release(cache, value);
    attl_value_release(cache, value); /* idempotent, says the header */
}

static void
do_get(attl *cache, const struct op *op, struct op_seen *seen)
{
    size_t room = (size_t)op->offset;
    unsigned char *buf = malloc(room + GUARD_BYTES);
    CHECK(buf != NULL, "a buffer of %zu bytes", room);
    memset(buf + room, GUARD, GUARD_BYTES);
    size_t len = 0;
    seen->status = attl_get(cache, op->keys[0], room > 0 ? buf : NULL, room, &len);
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        CHECK(buf[room + i] == GUARD, "attl_get wrote %zu bytes past its buffer of %zu", i + 1,
              room);
    }
    if (seen->status == ATTL_OK || seen->status == ATTL_E_BUFFER) {
        seen->number = (int64_t)len;
    }
    if (seen->status == ATTL_OK) {
        CHECK(len <= room, "OK with %zu bytes for a buffer of %zu", len, room);
        seen->values[seen->value_count++] = value_seen(ATTL_OK, attl_b(buf, len), 0);
    }
    free(buf);
}

struct visit {
    struct op_seen *seen;
    size_t calls;
};

static void
visit_value(void *ud, attl_slice value, int64_t deadline_ms)
{
    struct visit *v = ud;
    v->calls++;
    v->seen->values[0] = value_seen(ATTL_OK, value, deadline_ms);
    v->seen->value_count = 1;
}

static void
do_get_visit(attl *cache, const struct op *op, struct op_seen *seen)
{
    struct visit v = { seen, 0 };
    seen->status = attl_get_visit(cache, op->keys[0], visit_value, &v);
    CHECK(v.calls == (seen->status == ATTL_OK ? 1 : 0), "%zu calls of the visitor, status %d",
          v.calls, seen->status);
}

static void
visit_many(void *ud, size_t i, int status, attl_slice value, int64_t deadline_ms)
{
    struct visit *v = ud;
    CHECK(i == v->calls, "attl_mget_visit calls in order");
    CHECK(status == ATTL_OK || value.len == 0, "a value with status %d", status);
    v->calls++;
    v->seen->values[v->seen->value_count++] = value_seen(status, value, deadline_ms);
}

static void
do_mget_visit(attl *cache, const struct op *op, struct op_seen *seen)
{
    struct visit v = { seen, 0 };
    seen->number = (int64_t)attl_mget_visit(cache, op->keys, op->key_count, visit_many, &v);
    CHECK(v.calls == op->key_count, "%zu calls for %zu keys", v.calls, op->key_count);
}

static void
do_mget(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_value values[OP_KEYS_MAX];
    int statuses[OP_KEYS_MAX];
    for (size_t i = 0; i < op->key_count; i++) {
        values[i] = (attl_value)ATTL_VALUE_INIT;
        statuses[i] = 77;
    }
    attl_prefetch(cache, op->keys, op->key_count);
    seen->number = (int64_t)attl_mget(cache, op->keys, op->key_count, values, statuses);
    for (size_t i = 0; i < op->key_count; i++) {
        take_value(cache, seen, statuses[i], &values[i]);
    }
}

static attl_set_opts
opts_of(const struct op *op)
{
    attl_set_opts o = ATTL_SET_OPTS_INIT;
    o.flags = op->flags;
    o.ttl_ms = op->ttl_ms;
    o.deadline_ms = op->deadline_ms;
    o.soft_ms = op->soft_ms;
    o.grace_ms = op->grace_ms;
    o.match = op->match;
    o.digest = op->digest;
    return o;
}

static void
do_set_if(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_set_opts o = opts_of(op);
    attl_value old = ATTL_VALUE_INIT;
    int had_old = 0;
    if (!op->want_old) {
        seen->status = attl_set_if(cache, op->keys[0], op->values[0], &o, NULL, NULL);
        return;
    }
    seen->status = attl_set_if(cache, op->keys[0], op->values[0], &o, &old, &had_old);
    if (seen->status >= 0) {
        seen->had_old = had_old;
        take_value(cache, seen, had_old ? ATTL_OK : ATTL_MISS, &old);
    } else {
        attl_value_release(cache, &old);
    }
}

static void
do_pinning(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_value value = ATTL_VALUE_INIT;
    bool filled;
    if (op->kind == OP_GET_PIN) {
        seen->status = attl_get_pin(cache, op->keys[0], &value);
        filled = seen->status == ATTL_OK;
    } else if (op->kind == OP_GETDEL) {
        seen->status = attl_getdel(cache, op->keys[0], &value);
        filled = seen->status == ATTL_OK;
    } else {
        seen->status = attl_getex(cache, op->keys[0], op->ttl_ms, op->deadline_ms, &value);
        filled = seen->status == ATTL_OK || seen->status == ATTL_DELETED;
    }
    if (filled) {
        /* Which deadline getex hands out, the old or the new, is not promised. */
        int64_t deadline_ms = op->kind == OP_GETEX ? 0 : value.deadline_ms;
        seen->values[seen->value_count++] = value_seen(ATTL_OK, value.data, deadline_ms);
    }
    attl_value_release(cache, &value);
    attl_value_release(cache, &value);
}

/* The value in the first place, the deadlines that others do not tell in the second. */
static void
do_peek(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_value value = ATTL_VALUE_INIT;
    attl_peek_info info = ATTL_PEEK_INFO_INIT;
    seen->status = attl_peek(cache, op->keys[0], &value, &info);
    if (seen->status == ATTL_OK || seen->status == ATTL_STALE || seen->status == ATTL_NEGATIVE) {
        CHECK(info.negative == (seen->status == ATTL_NEGATIVE), "negative %u", info.negative);
        CHECK(value.deadline_ms == info.hard_ms, "%" PRId64 " and %" PRId64, value.deadline_ms,
              info.hard_ms);
        seen->number = info.stale;
        seen->values[seen->value_count++] = value_seen(ATTL_OK, value.data, info.hard_ms);
        seen->values[seen->value_count++] =
            (struct op_value){ 0, 0, (uint64_t)info.soft_ms, info.gone_ms };
    }
    attl_value_release(cache, &value);
}

/* Whatever comes of it, nobody has a lease afterwards. */
static void
do_negative(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_lease lease = ATTL_LEASE_INIT;
    seen->status = attl_fetch(cache, op->keys[0], NULL, NULL, &lease);
    if (seen->status != ATTL_WON)
        return;
    seen->status = attl_fail(cache, op->keys[0], lease.token, op->ttl_ms, 0);
    if (seen->status < 0) {
        int status = attl_renew(cache, op->keys[0], lease.token, 0);
        CHECK(status == ATTL_OK, "giving the lease back: %s", attl_err_name(status));
    }
}

static void
do_lengths(attl *cache, const struct op *op, struct op_seen *seen)
{
    uint64_t len = 0;
    int64_t sum = 0;
    switch (op->kind) {
    case OP_INCR:
        seen->status = attl_incr(cache, op->keys[0], op->delta, op->ttl_ms, &sum);
        seen->number = seen->status == ATTL_OK ? sum : 0;
        break;
    case OP_APPEND:
        seen->status = attl_append(cache, op->keys[0], op->values[0], &len);
        seen->number = seen->status == ATTL_OK ? (int64_t)len : 0;
        break;
    default:
        seen->status = attl_set_range(cache, op->keys[0], op->offset, op->values[0], &len);
        seen->number = seen->status == ATTL_OK ? (int64_t)len : 0;
        break;
    }
}

static void
do_meta(attl *cache, const struct op *op, int64_t now_ms, struct op_seen *seen)
{
    if (op->kind == OP_TTL) {
        int64_t ttl_ms = 0;
        seen->status = attl_ttl(cache, op->keys[0], &ttl_ms);
        if (seen->status == ATTL_OK) {
            seen->number = ttl_ms == ATTL_TTL_NONE ? ATTL_NO_DEADLINE : now_ms + ttl_ms;
        }
        return;
    }
    attl_meta meta = ATTL_META_INIT;
    seen->status = attl_meta_get(cache, op->keys[0], &meta);
    if (seen->status == ATTL_OK) {
        CHECK(meta.freq <= 3, "freq %u", meta.freq);
        CHECK(meta.memory_bytes >= op->keys[0].len && meta.memory_bytes >= meta.value_bytes / 2,
              "memory_bytes %" PRIu64 " for a value of %" PRIu64, meta.memory_bytes,
              meta.value_bytes);
        CHECK(!meta.is_integer || meta.value_bytes <= 20, "an integer of %" PRIu64 " bytes",
              meta.value_bytes);
        seen->number = (int64_t)meta.value_bytes;
        seen->values[seen->value_count++] =
            (struct op_value){ ATTL_OK, (size_t)meta.value_bytes, 0, meta.deadline_ms };
    }
}

static void
do_mset(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_set_opts o = opts_of(op);
    seen->status =
        attl_mset(cache, op->keys, op->values, op->key_count, op->without_opts ? NULL : &o);
}

static void
do_one_status(attl *cache, const struct op *op, struct op_seen *seen)
{
    attl_set_opts o = opts_of(op);
    attl_slice key = op->keys[0];
    switch (op->kind) {
    case OP_SET: seen->status = attl_set(cache, key, op->values[0], op->ttl_ms); break;
    case OP_CAS: seen->status = attl_cas(cache, key, op->digest, op->values[0], op->ttl_ms); break;
    case OP_DEL: seen->status = attl_del(cache, key); break;
    case OP_DEL_IF: seen->status = attl_del_if(cache, key, &o); break;
    case OP_EXISTS: seen->status = attl_exists(cache, key); break;
    case OP_TOUCH: seen->status = attl_touch(cache, key); break;
    case OP_EXPIRE: seen->status = attl_expire(cache, key, op->ttl_ms, op->flags); break;
    case OP_EXPIRE_AT: seen->status = attl_expire_at(cache, key, op->deadline_ms, op->flags); break;
    case OP_PERSIST: seen->status = attl_persist(cache, key); break;
    case OP_RENAME: seen->status = attl_rename(cache, key, op->keys[1], op->flags); break;
    case OP_COPY: seen->status = attl_copy(cache, key, op->keys[1], op->flags); break;
    default: CHECK(false, "operation %d", (int)op->kind);
    }
}

void
op_on_cache(attl *cache, const struct op *op, int64_t now_ms, struct op_seen *ret_seen)
{
    struct op_seen *seen = ret_seen;
    memset(seen, 0, sizeof(*seen));
    switch (op->kind) {
    case OP_GET: do_get(cache, op, seen); break;
    case OP_GET_VISIT: do_get_visit(cache, op, seen); break;
    case OP_GET_PIN:
    case OP_GETDEL:
    case OP_GETEX: do_pinning(cache, op, seen); break;
    case OP_SET_IF: do_set_if(cache, op, seen); break;
    case OP_TTL:
    case OP_META: do_meta(cache, op, now_ms, seen); break;
    case OP_INCR:
    case OP_APPEND:
    case OP_SET_RANGE: do_lengths(cache, op, seen); break;
    case OP_MGET: do_mget(cache, op, seen); break;
    case OP_MGET_VISIT: do_mget_visit(cache, op, seen); break;
    case OP_MSET: do_mset(cache, op, seen); break;
    case OP_PEEK: do_peek(cache, op, seen); break;
    case OP_NEGATIVE: do_negative(cache, op, seen); break;
    case OP_CLEAR: attl_clear(cache); break;
    default: do_one_status(cache, op, seen); break;
    }
}
