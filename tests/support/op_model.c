/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each call of <attl/attl.h> means, said once more for a plain map. This is the specification
 * the cache is held to: every order of checks here (key, then value, then life, then the condition,
 * then a deadline in the past) is one a caller can observe. No eviction, no limits on memory: those
 * are the business of the test that compares.
 */
#include "op.h"

#include "check.h"

#include <errno.h>

/* ---- validation ---------------------------------------------------------------------------- */

static bool
is_control(unsigned char c, enum model_mode mode)
{
    if (mode == MODEL_STRICT) {
        return c < 0x20 || c == 0x7f;
    }
    return mode == MODEL_NORMAL && (c == '\r' || c == '\n');
}

int
op_key_status(const struct model_rules *rules, attl_slice key)
{
    const unsigned char *p = key.data;
    if (key.len == 0 && rules->mode != MODEL_BINARY) {
        return ATTL_E_KEY_EMPTY;
    }
    if (key.len > rules->key_bytes_max) {
        return ATTL_E_KEY_LONG;
    }
    if (rules->mode == MODEL_BINARY) {
        return ATTL_OK;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (p[i] == 0) {
            return ATTL_E_KEY_NUL;
        }
        if (is_control(p[i], rules->mode)) {
            return ATTL_E_KEY_CONTROL;
        }
    }
    return ATTL_OK;
}

static int
value_status(const struct model *m, uint64_t len)
{
    return len > m->rules.value_bytes_max ? ATTL_E_VALUE_LONG : ATTL_OK;
}

/* The deadline a life of `ttl_ms` gives; `old` is the entry replaced, or NULL. */
static int
deadline_of_ttl(const struct model *m, int64_t ttl_ms, const struct model_entry *old, int64_t *ret)
{
    if (ttl_ms == ATTL_TTL_KEEP) {
        *ret = old != NULL ? old->deadline_ms : ATTL_NO_DEADLINE;
        return ATTL_OK;
    }
    if (ttl_ms == ATTL_TTL_DEFAULT) {
        ttl_ms = m->rules.ttl_ms_default > 0 ? m->rules.ttl_ms_default : ATTL_TTL_NONE;
    }
    if (ttl_ms == ATTL_TTL_NONE) {
        *ret = ATTL_NO_DEADLINE;
        return m->rules.mode == MODEL_STRICT ? ATTL_E_TTL_REQUIRED : ATTL_OK;
    }
    if (ttl_ms < 0) {
        return ATTL_E_TTL_RANGE;
    }
    if (ttl_ms > m->rules.ttl_ms_max) {
        if (m->rules.mode != MODEL_RELAXED) {
            return ATTL_E_TTL_RANGE;
        }
        ttl_ms = m->rules.ttl_ms_max;
    }
    *ret = m->now_ms + ttl_ms;
    return ATTL_OK;
}

/* The same for a point in time; one in the past is the caller's business. */
static int
deadline_of_point(const struct model *m, int64_t deadline_ms, int64_t *ret)
{
    int64_t latest_ms = m->now_ms + m->rules.ttl_ms_max;
    if (deadline_ms > latest_ms && m->rules.mode != MODEL_RELAXED) {
        return ATTL_E_TTL_RANGE;
    }
    *ret = deadline_ms < latest_ms ? deadline_ms : latest_ms;
    return ATTL_OK;
}

static int
deadline_of_op(const struct model *m, const struct op *op, const struct model_entry *old,
               int64_t *ret)
{
    if (op->deadline_ms > 0) {
        return deadline_of_point(m, op->deadline_ms, ret);
    }
    return deadline_of_ttl(m, op->ttl_ms, old, ret);
}

static bool
is_past(const struct model *m, int64_t deadline_ms)
{
    return deadline_ms != ATTL_NO_DEADLINE && deadline_ms <= m->now_ms;
}

/* The other deadlines an operation wishes for; *ret_grace_ms as it counts. */
static int
wish_status(const struct model *m, const struct op *op, int64_t *ret_grace_ms)
{
    *ret_grace_ms = op->grace_ms;
    if (op->soft_ms < 0 || op->grace_ms < 0) {
        return ATTL_E_TTL_RANGE;
    }
    if (op->grace_ms > m->rules.ttl_ms_max) {
        *ret_grace_ms = m->rules.ttl_ms_max;
        return m->rules.mode == MODEL_RELAXED ? ATTL_OK : ATTL_E_TTL_RANGE;
    }
    return ATTL_OK;
}

/* Stores with the deadlines wished for; soft behind hard says nothing, and nor does a grace that
 * has nothing to begin at. */
static void
put_wish(struct model *m, const struct op *op, size_t i, int64_t deadline_ms)
{
    int64_t grace_ms;
    (void)wish_status(m, op, &grace_ms); /* checked before */
    model_put(m, op->keys[i], op->values[i], deadline_ms);
    struct model_entry *e = model_find(m, op->keys[i]);
    bool ends = deadline_ms != ATTL_NO_DEADLINE;
    if (op->soft_ms > 0 && (!ends || m->now_ms + op->soft_ms < deadline_ms)) {
        e->soft_ms = m->now_ms + op->soft_ms;
    }
    if (ends) {
        e->gone_ms = deadline_ms + grace_ms;
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static struct op_value
value_of(const struct model_entry *e)
{
    struct op_value v = { ATTL_MISS, 0, 0, 0 };
    if (e != NULL) {
        v = (struct op_value){ ATTL_OK, e->value_len, model_hash(model_value(e)), e->deadline_ms };
    }
    return v;
}

static void
model_get(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *e = model_find(m, op->keys[0]);
    seen->status = e == NULL ? ATTL_MISS : ATTL_OK;
    if (e == NULL) {
        return;
    }
    if (op->kind == OP_GET) {
        seen->number = (int64_t)e->value_len;
        if (e->value_len > op->offset) {
            seen->status = ATTL_E_BUFFER;
            return;
        }
    }
    seen->values[0] = value_of(e);
    seen->value_count = 1;
    if (op->kind == OP_GET) {
        seen->values[0].deadline_ms = 0;
    }
}

static void
model_meta(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *e = model_find(m, op->keys[0]);
    seen->status = e == NULL ? ATTL_MISS : ATTL_OK;
    if (e == NULL) {
        return;
    }
    if (op->kind == OP_TTL) {
        seen->number = e->deadline_ms;
    } else {
        seen->number = (int64_t)e->value_len;
        seen->values[0] = (struct op_value){ ATTL_OK, e->value_len, 0, e->deadline_ms };
        seen->value_count = 1;
    }
}

static void
model_peek(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *e = model_find_kept(m, op->keys[0]);
    seen->status = ATTL_MISS;
    if (e == NULL) {
        return;
    }
    bool soft = e->soft_ms != ATTL_NO_DEADLINE && e->soft_ms <= m->now_ms;
    seen->number = e->negative ? 0 : !model_is_live(m, e) ? 2 : soft ? 1 : 0;
    seen->status = e->negative ? ATTL_NEGATIVE : seen->number ? ATTL_STALE : ATTL_OK;
    seen->values[0] = value_of(e);
    seen->values[1] = (struct op_value){ 0, 0, (uint64_t)e->soft_ms, e->gone_ms };
    seen->value_count = 2;
}

/* What is fresh is an answer; otherwise the asker says that there is nothing. */
static void
model_negative(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *e = model_find_kept(m, op->keys[0]);
    int64_t fresh_ms = e == NULL ? 0 : e->soft_ms != ATTL_NO_DEADLINE ? e->soft_ms : e->deadline_ms;
    int64_t deadline_ms;
    if (e != NULL && (fresh_ms == ATTL_NO_DEADLINE || fresh_ms > m->now_ms)) {
        seen->status = e->negative ? ATTL_NEGATIVE : ATTL_OK;
        return;
    }
    seen->status = deadline_of_ttl(m, op->ttl_ms, NULL, &deadline_ms);
    if (seen->status == ATTL_OK) {
        model_put_negative(m, op->keys[0], deadline_ms);
    }
}

static void
model_mget(struct model *m, const struct op *op, struct op_seen *seen)
{
    for (size_t i = 0; i < op->key_count; i++) {
        int status = op_key_status(&m->rules, op->keys[i]);
        struct op_value v = { status, 0, 0, 0 };
        if (status == ATTL_OK) {
            v = value_of(model_find(m, op->keys[i]));
        }
        seen->number += v.status == ATTL_OK ? 1 : 0;
        seen->values[seen->value_count++] = v;
    }
}

/* ---- conditions ---------------------------------------------------------------------------- */

static bool
condition_holds(const struct op *op, const struct model_entry *e)
{
    switch (op->flags) {
    case ATTL_SET_NX: return e == NULL;
    case ATTL_SET_XX: return e != NULL;
    case ATTL_SET_IFEQ: return e != NULL && slice_equal(model_value(e), op->match);
    case ATTL_SET_IFNE: return e == NULL || !slice_equal(model_value(e), op->match);
    case ATTL_SET_IFDEQ: return e != NULL && attl_digest(model_value(e)) == op->digest;
    case ATTL_SET_IFDNE: return e == NULL || attl_digest(model_value(e)) != op->digest;
    default: return true;
    }
}

/* ---- writing ------------------------------------------------------------------------------- */

static void
model_set(struct model *m, const struct op *op, struct op_seen *seen)
{
    int64_t deadline_ms = ATTL_NO_DEADLINE, grace_ms;
    seen->status = value_status(m, op->values[0].len);
    if (seen->status == ATTL_OK) {
        seen->status = wish_status(m, op, &grace_ms);
    }
    if (seen->status == ATTL_OK) {
        seen->status = deadline_of_op(m, op, model_find(m, op->keys[0]), &deadline_ms);
    }
    if (seen->status != ATTL_OK) {
        return;
    }
    const struct model_entry *e = model_find_change(m, op->keys[0]);
    if (op->kind == OP_SET_IF && op->want_old) {
        seen->had_old = e != NULL;
        seen->values[0] = value_of(e);
        seen->value_count = 1;
    }
    if (!condition_holds(op, e)) {
        seen->status = ATTL_NOT_SET;
    } else if (is_past(m, deadline_ms)) {
        (void)model_remove(m, op->keys[0]);
        seen->status = ATTL_DELETED;
    } else {
        put_wish(m, op, 0, deadline_ms);
    }
}

static void
model_getdel_getex(struct model *m, const struct op *op, struct op_seen *seen)
{
    int64_t deadline_ms = ATTL_NO_DEADLINE;
    if (op->kind == OP_GETEX) {
        seen->status = deadline_of_op(m, op, model_find(m, op->keys[0]), &deadline_ms);
        if (seen->status != ATTL_OK) {
            return;
        }
    }
    struct model_entry *e = model_find_change(m, op->keys[0]);
    if (e == NULL) {
        seen->status = ATTL_MISS;
        return;
    }
    seen->values[0] = value_of(e);
    seen->value_count = 1;
    if (op->kind == OP_GETDEL) {
        (void)model_remove(m, op->keys[0]);
        return;
    }
    seen->values[0].deadline_ms = 0;
    if (is_past(m, deadline_ms)) {
        (void)model_remove(m, op->keys[0]);
        seen->status = ATTL_DELETED;
    } else if (op->deadline_ms > 0 || op->ttl_ms != ATTL_TTL_KEEP) {
        model_move(e, deadline_ms);
    }
}

static void
model_del(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *e = model_find_change(m, op->keys[0]);
    if (e == NULL) {
        seen->status = ATTL_MISS;
    } else if (op->kind == OP_DEL_IF && !condition_holds(op, e)) {
        seen->status = ATTL_NOT_SET;
    } else {
        (void)model_remove(m, op->keys[0]);
    }
}

static bool
expire_condition(uint32_t flags, int64_t old_ms, int64_t new_ms)
{
    bool had = old_ms != ATTL_NO_DEADLINE;
    if (((flags & ATTL_EXPIRE_NX) != 0 && had) || ((flags & ATTL_EXPIRE_XX) != 0 && !had)) {
        return false;
    }
    /* No deadline counts as infinitely late. */
    if ((flags & ATTL_EXPIRE_GT) != 0) {
        return had && new_ms > old_ms;
    }
    return (flags & ATTL_EXPIRE_LT) == 0 || !had || new_ms < old_ms;
}

static bool
expire_flags_valid(uint32_t flags)
{
    return flags == 0 || flags == ATTL_EXPIRE_NX || flags == ATTL_EXPIRE_XX ||
           flags == ATTL_EXPIRE_GT || flags == ATTL_EXPIRE_LT ||
           flags == (ATTL_EXPIRE_XX | ATTL_EXPIRE_GT) || flags == (ATTL_EXPIRE_XX | ATTL_EXPIRE_LT);
}

static void
model_expire(struct model *m, const struct op *op, struct op_seen *seen)
{
    if (!expire_flags_valid(op->flags)) {
        seen->status = ATTL_E_INVALID;
        return;
    }
    int64_t deadline_ms = m->now_ms;
    if (op->kind == OP_EXPIRE_AT) {
        seen->status = deadline_of_point(m, op->deadline_ms, &deadline_ms);
    } else if (op->ttl_ms > 0) {
        seen->status = deadline_of_ttl(m, op->ttl_ms, NULL, &deadline_ms);
    }
    if (seen->status != ATTL_OK) {
        return;
    }
    struct model_entry *e = model_find_change(m, op->keys[0]);
    if (e == NULL) {
        seen->status = ATTL_MISS;
    } else if (!expire_condition(op->flags, e->deadline_ms, deadline_ms)) {
        seen->status = ATTL_NOT_SET;
    } else if (deadline_ms <= m->now_ms) {
        (void)model_remove(m, op->keys[0]);
        seen->status = ATTL_DELETED;
    } else {
        model_move(e, deadline_ms);
    }
}

static void
model_persist(struct model *m, const struct op *op, struct op_seen *seen)
{
    struct model_entry *e = model_find_change(m, op->keys[0]);
    seen->status = e == NULL                            ? ATTL_MISS
                   : e->deadline_ms == ATTL_NO_DEADLINE ? ATTL_NOT_SET
                   : m->rules.mode == MODEL_STRICT      ? ATTL_E_TTL_REQUIRED
                                                        : ATTL_OK;
    if (seen->status == ATTL_OK) {
        model_move(e, ATTL_NO_DEADLINE);
    }
}

/* Canonical decimal int64, by printing what was read and comparing: slow, and plainly right. */
static bool
parse_integer(attl_slice text, int64_t *ret)
{
    char in[32], out[32];
    if (text.len == 0 || text.len >= sizeof(in)) {
        return false;
    }
    memcpy(in, text.data, text.len);
    in[text.len] = '\0';
    errno = 0;
    long long x = strtoll(in, NULL, 10);
    int n = snprintf(out, sizeof(out), "%lld", x);
    *ret = x;
    return errno == 0 && (size_t)n == text.len && memcmp(in, out, text.len) == 0;
}

static void
model_incr(struct model *m, const struct op *op, struct op_seen *seen)
{
    int64_t old = 0, deadline_ms = ATTL_NO_DEADLINE;
    seen->status = deadline_of_ttl(m, op->ttl_ms, NULL, &deadline_ms);
    if (seen->status != ATTL_OK && seen->status != ATTL_E_TTL_REQUIRED) {
        return;
    }
    const struct model_entry *e = model_find_change(m, op->keys[0]);
    if (e == NULL && seen->status != ATTL_OK) {
        return; /* only what is new needs a life */
    }
    seen->status = ATTL_OK;
    if (e != NULL) {
        deadline_ms = e->deadline_ms;
        if (!parse_integer(model_value(e), &old)) {
            seen->status = ATTL_E_NOT_INTEGER;
            return;
        }
    }
    int64_t sum;
    if (__builtin_add_overflow(old, op->delta, &sum)) {
        seen->status = ATTL_E_OVERFLOW;
        return;
    }
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", (long long)sum);
    model_put(m, op->keys[0], attl_b(text, (size_t)n), deadline_ms);
    seen->number = sum;
}

static void
model_edit(struct model *m, const struct op *op, struct op_seen *seen)
{
    enum { ANY_VALUE_BYTES_MAX = 512 << 20 }; /* beyond which no entry is even looked for */
    bool beyond = op->kind == OP_SET_RANGE && op->offset > ANY_VALUE_BYTES_MAX;
    const struct model_entry *e = beyond ? NULL : model_find_change(m, op->keys[0]);
    attl_slice part = op->values[0];
    size_t old_len = e != NULL ? e->value_len : 0;
    uint64_t at = op->kind == OP_APPEND ? old_len : op->offset;
    /* An offset near 2^64 must not wrap around the limit. */
    if (at > m->rules.value_bytes_max || part.len > m->rules.value_bytes_max - at) {
        seen->status = ATTL_E_VALUE_LONG;
        return;
    }
    if (e == NULL && m->rules.mode == MODEL_STRICT) {
        seen->status = ATTL_E_TTL_REQUIRED;
        return;
    }
    size_t new_len = (size_t)at + part.len > old_len ? (size_t)at + part.len : old_len;
    unsigned char *bytes = calloc(1, new_len > 0 ? new_len : 1);
    CHECK(bytes != NULL, "%zu bytes", new_len);
    if (old_len > 0) {
        memcpy(bytes, e->value, old_len);
    }
    if (part.len > 0) {
        memcpy(bytes + at, part.data, part.len);
    }
    model_put(m, op->keys[0], attl_b(bytes, new_len),
              e != NULL ? e->deadline_ms : ATTL_NO_DEADLINE);
    free(bytes);
    seen->number = (int64_t)new_len;
}

static void
model_mset(struct model *m, const struct op *op, struct op_seen *seen)
{
    struct op one = *op;
    if (op->without_opts) {
        one.flags = 0;
        one.ttl_ms = ATTL_TTL_NONE;
        one.deadline_ms = 0;
    }
    for (size_t i = 0; i < op->key_count; i++) {
        int64_t unused;
        seen->status = value_status(m, op->values[i].len);
        if (seen->status == ATTL_OK) {
            seen->status = wish_status(m, &one, &unused);
        }
        if (seen->status == ATTL_OK) {
            seen->status = deadline_of_op(m, &one, model_find(m, op->keys[i]), &unused);
        }
        if (seen->status != ATTL_OK) {
            return;
        }
    }
    bool holds = true;
    for (size_t i = 0; i < op->key_count; i++) { /* all of them: what is out of sight goes */
        holds &= condition_holds(&one, model_find_change(m, op->keys[i]));
    }
    if (!holds) {
        seen->status = ATTL_NOT_SET;
        return;
    }
    if (is_past(m, one.deadline_ms > 0 ? one.deadline_ms : ATTL_NO_DEADLINE)) {
        for (size_t i = 0; i < op->key_count; i++) {
            (void)model_remove(m, op->keys[i]); /* absent or there, it is gone now */
        }
        seen->status = ATTL_DELETED;
        return;
    }
    for (size_t i = 0; i < op->key_count; i++) {
        int64_t deadline_ms = ATTL_NO_DEADLINE;
        (void)deadline_of_op(m, &one, model_find(m, op->keys[i]), &deadline_ms); /* checked above */
        put_wish(m, &one, i, deadline_ms);
    }
}

static void
model_rename_copy(struct model *m, const struct op *op, struct op_seen *seen)
{
    const struct model_entry *to = model_find_change(m, op->keys[1]);
    const struct model_entry *from = model_find_change(m, op->keys[0]);
    if (from == NULL) {
        seen->status = ATTL_MISS;
    } else if ((op->flags & ATTL_SET_NX) != 0 && to != NULL) {
        seen->status = ATTL_NOT_SET;
    } else if (!slice_equal(op->keys[0], op->keys[1])) {
        int64_t soft_ms = from->soft_ms, gone_ms = from->gone_ms;
        model_put(m, op->keys[1], model_value(from), from->deadline_ms);
        struct model_entry *there = model_find(m, op->keys[1]);
        there->soft_ms = soft_ms;
        there->gone_ms = gone_ms;
        if (op->kind == OP_RENAME) {
            (void)model_remove(m, op->keys[0]);
        }
    }
}

void
op_on_model(struct model *m, const struct op *op, struct op_seen *ret_seen)
{
    struct op_seen *seen = ret_seen;
    memset(seen, 0, sizeof(*seen));
    /* An mget answers for each key; every other call refuses as a whole. */
    bool each = op->kind == OP_MGET || op->kind == OP_MGET_VISIT;
    for (size_t i = 0; i < op->key_count && !each; i++) {
        seen->status = op_key_status(&m->rules, op->keys[i]);
        if (seen->status != ATTL_OK) {
            return;
        }
    }
    switch (op->kind) {
    case OP_SET:
    case OP_SET_IF: model_set(m, op, seen); break;
    case OP_CAS: {
        struct op as_set = *op;
        as_set.flags = ATTL_SET_IFDEQ;
        model_set(m, &as_set, seen);
        break;
    }
    case OP_GET:
    case OP_GET_PIN:
    case OP_GET_VISIT: model_get(m, op, seen); break;
    case OP_GETDEL:
    case OP_GETEX: model_getdel_getex(m, op, seen); break;
    case OP_DEL:
    case OP_DEL_IF: model_del(m, op, seen); break;
    case OP_EXISTS:
    case OP_TOUCH: seen->status = model_find(m, op->keys[0]) != NULL ? ATTL_OK : ATTL_MISS; break;
    case OP_EXPIRE:
    case OP_EXPIRE_AT: model_expire(m, op, seen); break;
    case OP_PERSIST: model_persist(m, op, seen); break;
    case OP_TTL:
    case OP_META: model_meta(m, op, seen); break;
    case OP_INCR: model_incr(m, op, seen); break;
    case OP_APPEND:
    case OP_SET_RANGE: model_edit(m, op, seen); break;
    case OP_MGET:
    case OP_MGET_VISIT: model_mget(m, op, seen); break;
    case OP_MSET: model_mset(m, op, seen); break;
    case OP_RENAME:
    case OP_COPY: model_rename_copy(m, op, seen); break;
    case OP_PEEK: model_peek(m, op, seen); break;
    case OP_NEGATIVE: model_negative(m, op, seen); break;
    case OP_CLEAR: model_clear(m); break;
    case OP_KINDS: break;
    }
}
