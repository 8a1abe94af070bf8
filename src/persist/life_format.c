/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a life, to and from the struct; they are described in docs/wal-format.md and again
 * in docs/snapshot-format.md. The rule that ties a life to its entry's deadline, life_is_valid(),
 * is the cache's own; encoders and decoders apply it, so no file can bring in a life that the cache
 * would never have made. No state, nothing owned.
 */
#include "persist/life_format.h"

#include "persist/le.h"

enum { AT_HARD = 8, AT_FLAGS = 16, AT_LOAD = 20 };

void
life_format_encode(const struct life *life, unsigned char out[LIFE_FORMAT_BYTES])
{
    le_put_u64(out, (uint64_t)life->soft_ms);
    le_put_u64(out + AT_HARD, (uint64_t)life->hard_ms);
    le_put_u32(out + AT_FLAGS, life->flags);
    le_put_u32(out + AT_LOAD, life->load_ms);
}

struct life
life_format_decode(const unsigned char in[LIFE_FORMAT_BYTES])
{
    return (struct life){ .soft_ms = (int64_t)le_get_u64(in),
                          .hard_ms = (int64_t)le_get_u64(in + AT_HARD),
                          .flags = le_get_u32(in + AT_FLAGS),
                          .load_ms = le_get_u32(in + AT_LOAD) };
}
