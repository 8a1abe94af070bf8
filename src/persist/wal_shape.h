/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a change may look like: the table of kinds of docs/wal-format.md, and the offsets of its
 * parts. A shape is the header of a change, which is the same eight bytes in a frame and in a group
 * and determines the length of everything behind it. Private to the two halves of wal_format.h;
 * pure.
 */
#ifndef ATTL_PERSIST_WAL_SHAPE_H
#define ATTL_PERSIST_WAL_SHAPE_H

#include "persist/wal_format.h"

enum {
    WAL_AT_CRC = 4,
    WAL_AT_LSN = 8,
    WAL_AT_OP = 16, /* kind, flags and sizes: the header of a change */
    WAL_OP_AT_FLAGS = 1,
    WAL_OP_AT_KEY_BYTES = 2,
    WAL_OP_AT_VALUE_BYTES = 4,
    WAL_DEADLINE_BYTES = 8,
    WAL_INTEGER_BYTES = 8,
    WAL_MARK_BYTES = 16
};

struct wal_shape {
    unsigned kind, flags;
    uint64_t key_bytes, value_bytes;
};

/* From the header of a change. */
struct wal_shape wal_shape_get(const unsigned char *in);
/* F2 to F5: NULL, or what is wrong. */
const char *wal_shape_problem(const struct wal_shape *s, bool in_group);
/* Bytes of a change behind its header, without padding. */
uint64_t wal_shape_payload_bytes(const struct wal_shape *s);

static inline uint64_t
wal_align_up(uint64_t bytes)
{
    return (bytes + WAL_FRAME_ALIGN - 1) & ~(uint64_t)(WAL_FRAME_ALIGN - 1);
}

#endif
