/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comparing what the cache did with what the model did, and saying the difference in a line. Values
 * are compared by length and a hash of 64 bits: a failure prints the operation and the seed, which
 * is enough to replay it with the bytes at hand. Nothing here knows what an operation means.
 */
#include "op.h"

#include "check.h"

void
op_describe(const struct op *op, char *text, size_t text_len)
{
    (void)snprintf(text, text_len,
                   "%s keys=%zu key[0]=%zu bytes value[0]=%zu bytes flags=0x%x ttl=%" PRId64
                   " deadline=%" PRId64 " delta=%" PRId64 " offset=%" PRIu64 "%s%s",
                   op_name(op->kind), op->key_count, op->keys[0].len, op->values[0].len, op->flags,
                   op->ttl_ms, op->deadline_ms, op->delta, op->offset,
                   op->want_old ? " want_old" : "", op->without_opts ? " without_opts" : "");
}

static bool
value_same(const struct op_value *a, const struct op_value *b)
{
    return a->status == b->status && a->len == b->len && a->hash == b->hash &&
           a->deadline_ms == b->deadline_ms;
}

bool
op_same(const struct op *op, const struct op_seen *cache, const struct op_seen *model, char *text,
        size_t text_len)
{
    char what[200];
    op_describe(op, what, sizeof(what));
    if (cache->status != model->status || cache->number != model->number ||
        cache->had_old != model->had_old || cache->value_count != model->value_count) {
        (void)snprintf(text, text_len,
                       "%s: cache %s, number %" PRId64
                       ", old %d, %zu values; model %s, number %" PRId64 ", old %d, %zu values",
                       what, attl_err_name(cache->status), cache->number, cache->had_old,
                       cache->value_count, attl_err_name(model->status), model->number,
                       model->had_old, model->value_count);
        return false;
    }
    for (size_t i = 0; i < cache->value_count; i++) {
        const struct op_value *c = &cache->values[i], *m = &model->values[i];
        if (!value_same(c, m)) {
            (void)snprintf(text, text_len,
                           "%s: value %zu: cache %s, %zu bytes, hash %" PRIx64 ", deadline %" PRId64
                           "; model %s, %zu bytes, hash %" PRIx64 ", deadline %" PRId64,
                           what, i, attl_err_name(c->status), c->len, c->hash, c->deadline_ms,
                           attl_err_name(m->status), m->len, m->hash, m->deadline_ms);
            return false;
        }
    }
    return true;
}
