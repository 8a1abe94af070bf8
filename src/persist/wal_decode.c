/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading frames. The header is judged first and by itself, because its parts determine the length:
 * so nonsense is recognised before anybody reads, or makes room for, what it announces. Everything
 * else, groups included, is checked once here, so that whoever gets a frame need not. No byte
 * beyond those given is looked at; slices point into them and nothing is owned or locked.
 */
#include "persist/wal_format.h"

#include "os/crc32c.h"
#include "persist/le.h"
#include "persist/wal_shape.h"

static bool
all_zero(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/*
 * What follows the header of shape `s`, all of which is there up to `end`. NULL and *ret filled,
 * or what is wrong (F8, F9).
 */
static const char *
payload_get(const struct wal_shape *s, const unsigned char *in, const unsigned char *end,
            struct wal_op *ret)
{
    *ret = (struct wal_op){ .kind = (enum wal_kind)s->kind,
                            .flags = s->flags,
                            .deadline_ms = ATTL_NO_DEADLINE };
    if (s->flags & WAL_HAS_DEADLINE) {
        ret->deadline_ms = (int64_t)le_get_u64(in);
        if (ret->deadline_ms < 0)
            return "deadline";
        in += WAL_DEADLINE_BYTES;
    }
    if (s->flags & WAL_LIFE) {
        ret->life = life_format_decode(in);
        if (!life_is_valid(&ret->life, ret->deadline_ms))
            return "life";
        in += LIFE_FORMAT_BYTES;
    }
    ret->key = attl_b(in, s->key_bytes);
    in += s->key_bytes;
    ret->value = attl_b(in, s->value_bytes);
    in += s->value_bytes;
    return all_zero(in, (size_t)(end - in)) ? NULL : "padding";
}

/* The change at `in`, of which `len` bytes are there: NULL, or what is wrong (F10). */
static const char *
nested_get(const unsigned char *in, size_t len, struct wal_op *ret, size_t *ret_bytes)
{
    if (len < WAL_OP_HEADER_BYTES)
        return "end of a group";
    struct wal_shape s = wal_shape_get(in);
    const char *problem = wal_shape_problem(&s, true);
    if (problem)
        return problem;
    uint64_t bytes = wal_align_up(WAL_OP_HEADER_BYTES + wal_shape_payload_bytes(&s));
    if (bytes > len)
        return "end of a group";
    *ret_bytes = (size_t)bytes;
    return payload_get(&s, in + WAL_OP_HEADER_BYTES, in + bytes, ret);
}

static const char *
group_problem(attl_slice group)
{
    const unsigned char *in = (const unsigned char *)group.data;
    for (size_t at = 0, bytes = 0; at < group.len; at += bytes) {
        struct wal_op op;
        const char *problem = nested_get(in + at, group.len - at, &op, &bytes);
        if (problem)
            return problem;
    }
    return NULL;
}

/* The header of a frame, which is all there (F1 to F6): NULL, or what is wrong. */
static const char *
header_problem(const unsigned char *in, uint32_t bytes)
{
    struct wal_shape s = wal_shape_get(in + WAL_AT_OP);
    const char *problem = wal_shape_problem(&s, false);
    if (problem)
        return problem;
    return bytes == wal_align_up(WAL_FRAME_HEADER_BYTES + wal_shape_payload_bytes(&s)) ? NULL
                                                                                       : "length";
}

/* A whole frame whose header is good (F7 to F10). */
static const char *
body_problem(const unsigned char *in, uint32_t bytes, struct wal_op *ret)
{
    if (le_get_u32(in + WAL_AT_CRC) != crc32c(0, in + WAL_AT_LSN, bytes - WAL_AT_LSN))
        return "checksum";
    struct wal_shape s = wal_shape_get(in + WAL_AT_OP);
    const char *problem = payload_get(&s, in + WAL_FRAME_HEADER_BYTES, in + bytes, ret);
    if (!problem && s.kind == WAL_GROUP)
        problem = group_problem(ret->value);
    return problem;
}

static enum wal_decode
frame_get(const unsigned char *in, size_t len, struct wal_frame *ret_frame, uint32_t *ret_need,
          const char **ret_problem)
{
    *ret_need = WAL_FRAME_HEADER_BYTES;
    if (len < WAL_AT_CRC)
        return WAL_NEED_MORE;
    uint32_t bytes = le_get_u32(in);
    if (bytes == 0)
        return WAL_ZERO;
    *ret_problem = "length";
    if (bytes < WAL_FRAME_HEADER_BYTES || bytes > WAL_FRAME_MAX_BYTES ||
        bytes % WAL_FRAME_ALIGN != 0)
        return WAL_BAD;
    if (len < WAL_FRAME_HEADER_BYTES)
        return WAL_NEED_MORE;
    *ret_problem = header_problem(in, bytes);
    if (*ret_problem)
        return WAL_BAD;
    *ret_need = bytes;
    if (len < bytes)
        return WAL_NEED_MORE;
    struct wal_op op;
    *ret_problem = body_problem(in, bytes, &op);
    if (*ret_problem)
        return WAL_BAD;
    *ret_frame = (struct wal_frame){ le_get_u64(in + WAL_AT_LSN), bytes, op };
    return WAL_FRAME;
}

enum wal_decode
wal_frame_decode(const unsigned char *in, size_t len, struct wal_frame *ret_frame,
                 uint32_t *ret_need)
{
    const char *problem;
    return frame_get(in, len, ret_frame, ret_need, &problem);
}

const char *
wal_frame_problem(const unsigned char *in, size_t len)
{
    struct wal_frame frame;
    uint32_t need;
    const char *problem = NULL;
    return frame_get(in, len, &frame, &need, &problem) == WAL_BAD ? problem : NULL;
}

bool
wal_op_next(attl_slice group, size_t *offset, struct wal_op *ret_op)
{
    const unsigned char *in = (const unsigned char *)group.data;
    struct wal_op op;
    size_t bytes;
    if (*offset >= group.len || nested_get(in + *offset, group.len - *offset, &op, &bytes))
        return false;
    *offset += bytes;
    *ret_op = op;
    return true;
}
