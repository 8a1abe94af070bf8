/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row per kind: which flags it may have, whether it has a key, how long its value is, and
 * whether it may be part of a group. A new kind is a new row and, since there are no spare bits, a
 * new version of the format. Constant data and pure functions.
 */
#include "persist/wal_shape.h"

#include "base/limits.h"
#include "persist/le.h"

struct kind_rule {
    unsigned flags;
    bool key;
    uint32_t value_min_bytes, value_max_bytes;
    bool in_group;
};

static const struct kind_rule kind_rules[] = {
    [WAL_PUT] = { WAL_HAS_DEADLINE | WAL_INTEGER | WAL_LIFE, true, 0, LIMIT_VALUE_BYTES, true },
    [WAL_DEL] = { 0, true, 0, 0, true },
    [WAL_EXPIRE] = { WAL_HAS_DEADLINE | WAL_LIFE, true, 0, 0, true },
    [WAL_CLEAR] = { 0, false, 0, 0, true },
    [WAL_EVICT] = { 0, true, 0, 0, true },
    [WAL_MARK] = { 0, false, WAL_MARK_BYTES, WAL_MARK_BYTES, false },
    [WAL_GROUP] = { 0, false, 0, WAL_FRAME_MAX_BYTES - WAL_FRAME_HEADER_BYTES, false },
    [WAL_NOTE] = { 0, false, 0, LIMIT_VALUE_BYTES, false },
};

uint64_t
wal_shape_payload_bytes(const struct wal_shape *s)
{
    return (s->flags & WAL_HAS_DEADLINE ? WAL_DEADLINE_BYTES : 0) +
           (s->flags & WAL_LIFE ? LIFE_FORMAT_BYTES : 0) + s->key_bytes + s->value_bytes;
}

const char *
wal_shape_problem(const struct wal_shape *s, bool in_group)
{
    if (s->kind < WAL_PUT || s->kind > WAL_NOTE)
        return "kind";
    const struct kind_rule *rule = &kind_rules[s->kind];
    if (in_group && !rule->in_group)
        return "kind inside a group";
    if (s->flags & ~rule->flags)
        return "flags";
    if (s->key_bytes > (rule->key ? LIMIT_KEY_BYTES : 0))
        return "length of the key";
    bool integer = (s->flags & WAL_INTEGER) != 0;
    uint64_t min = integer ? WAL_INTEGER_BYTES : rule->value_min_bytes;
    uint64_t max = integer ? WAL_INTEGER_BYTES : rule->value_max_bytes;
    if (s->value_bytes < min || s->value_bytes > max)
        return "length of the value";
    return NULL;
}

struct wal_shape
wal_shape_get(const unsigned char *in)
{
    return (struct wal_shape){ in[0], in[WAL_OP_AT_FLAGS], le_get_u16(in + WAL_OP_AT_KEY_BYTES),
                               le_get_u32(in + WAL_OP_AT_VALUE_BYTES) };
}
