/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layout of one entry. A record is a header word, optional words, the key, the value, rounded up to
 * eight bytes:
 *
 *   u64 header | [u64 absolute deadline, ms] | [u64 key length] | [3 words: life] | key | value |
 *   0..7 bytes of padding
 *   header: deadline 35 bits | key length 8 | flags 8 | value length 13   (from the low end)
 *
 * The deadline is when the entry is gone; one with a life (life.h) is out of plain sight before.
 * The 35-bit deadline is the low part of Unix milliseconds: with the present time at hand it is
 * exact for lives up to 190 days, and longer ones use the optional word. Sizes never change once
 * published. The header word and the life, and in records of at most LIMIT_MUTABLE_RECORD_BYTES the
 * value's words, may be stored to in place by the holder of the partition's lock; readers therefore
 * load words atomically and re-check the bucket's version before they believe what they read.
 */
#ifndef ATTL_CACHE_RECORD_H
#define ATTL_CACHE_RECORD_H

#include "base/limits.h"
#include "cache/life.h"

#include <attl/attl.h>
#include <stdatomic.h>
#include <stdbool.h>

enum record_flag {
    RECORD_HAS_TTL = 1,
    RECORD_FAR = 2,      /* the absolute deadline is in its own word */
    RECORD_LONG_KEY = 4, /* the key's length is in its own word      */
    RECORD_INTEGER = 8,  /* the value is an int64, not its text      */
    RECORD_EXTENT = 16,  /* the value is a struct extent_ref         */
    RECORD_LIFE = 32,    /* a struct life is in front of the key     */
};

enum {
    RECORD_DEADLINE_BITS = 35,
    RECORD_KEY_SHIFT = 35,
    RECORD_FLAG_SHIFT = 43,
    RECORD_VALUE_SHIFT = 51,
    RECORD_KEY_MAX = 255,
    RECORD_SCRATCH_WORDS = LIMIT_MUTABLE_RECORD_BYTES / 8 + 1,
};

#define RECORD_DEADLINE_MASK ((UINT64_C(1) << RECORD_DEADLINE_BITS) - 1)
#define RECORD_NEAR_MS (INT64_C(190) * 86400 * 1000)

struct record {
    _Atomic uint64_t header; /* and further words behind it */
};

/* A record's header taken apart; what the other functions work on. */
struct record_shape {
    uint64_t header;
    uint32_t key_offset; /* bytes from the record's start */
    uint32_t key_len;
    uint32_t value_offset;
    uint32_t value_len;
    uint32_t bytes; /* whole, rounded */
    uint32_t flags;
};

/* What to write: the value is stored as it is (the caller has encoded integers and extents). */
struct record_spec {
    attl_slice key;
    attl_slice value;
    int64_t deadline_ms;     /* ATTL_NO_DEADLINE: none */
    uint32_t value_flags;    /* RECORD_INTEGER, RECORD_EXTENT */
    const struct life *life; /* NULL: it has none but the deadline */
};

static inline uint64_t
record_word(const struct record *r, size_t i)
{
    return atomic_load_explicit(&r->header + i, memory_order_acquire);
}

static inline struct record_shape
record_shape(const struct record *r)
{
    uint64_t h = record_word(r, 0);
    struct record_shape s = { .header = h,
                              .key_len = (uint32_t)(h >> RECORD_KEY_SHIFT) & 0xff,
                              .flags = (uint32_t)(h >> RECORD_FLAG_SHIFT) & 0xff,
                              .value_len = (uint32_t)(h >> RECORD_VALUE_SHIFT) };
    uint32_t offset = 8;
    if (s.flags & (RECORD_FAR | RECORD_LONG_KEY | RECORD_LIFE)) {
        if (s.flags & RECORD_FAR)
            offset += 8;
        if (s.flags & RECORD_LONG_KEY) {
            s.key_len = (uint32_t)record_word(r, offset / 8);
            offset += 8;
        }
        if (s.flags & RECORD_LIFE)
            offset += LIFE_BYTES;
    }
    s.key_offset = offset;
    s.value_offset = offset + s.key_len;
    s.bytes = (s.value_offset + s.value_len + 7) & ~UINT32_C(7);
    return s;
}

static inline int64_t
record_deadline(const struct record *r, const struct record_shape *s, int64_t now_ms)
{
    if (!(s->flags & RECORD_HAS_TTL))
        return ATTL_NO_DEADLINE;
    if (s->flags & RECORD_FAR)
        return (int64_t)record_word(r, 1);
    /* The difference modulo 2^35, read as signed: exact for deadlines within 198 days of now. */
    uint64_t diff = ((s->header & RECORD_DEADLINE_MASK) - (uint64_t)now_ms) & RECORD_DEADLINE_MASK;
    int64_t sign = INT64_C(1) << (RECORD_DEADLINE_BITS - 1);
    return now_ms + (((int64_t)diff ^ sign) - sign);
}

/* The life of a record with RECORD_LIFE. It may change meanwhile: validate afterwards. */
static inline struct life
record_life(const struct record *r, const struct record_shape *s)
{
    struct life life;
    uint64_t words[LIFE_WORDS];
    for (unsigned i = 0; i < LIFE_WORDS; i++)
        words[i] = record_word(r, (s->key_offset - LIFE_BYTES) / 8 + i);
    memcpy(&life, words, sizeof(life));
    return life;
}

/* The deadline that callers know: when the entry is out of plain sight. */
static inline int64_t
record_hard_deadline(const struct record *r, const struct record_shape *s, int64_t now_ms)
{
    return s->flags & RECORD_LIFE ? record_life(r, s).hard_ms : record_deadline(r, s, now_ms);
}

/* The first `n` < 8 bytes of `p` in a word whose other bytes are zero. */
static inline uint64_t
record_tail(const char *p, size_t n)
{
    uint64_t w = 0;
    memcpy(&w, p, n);
    return w;
}

static inline bool
record_key_is(const struct record *r, const struct record_shape *s, attl_slice key)
{
    if (s->key_len != key.len)
        return false;
    const char *p = key.data;
    size_t n = key.len;
    size_t i = s->key_offset / 8;
    for (; n >= 8; n -= 8, p += 8, i++) {
        uint64_t w;
        memcpy(&w, p, 8);
        if (w != record_word(r, i))
            return false;
    }
    if (n == 0)
        return true;
    uint64_t w = record_word(r, i);
    char bytes[8];
    memcpy(bytes, &w, 8);
    return record_tail(p, n) == record_tail(bytes, n);
}

/* Bytes a record for `spec` takes, when written at `now_ms`. */
uint32_t record_bytes(const struct record_spec *spec, int64_t now_ms);
/* Writes to memory no reader can see yet. */
void record_write(struct record *r, const struct record_spec *spec, int64_t now_ms);
attl_slice record_key(const struct record *r, const struct record_shape *s);
/* The value's bytes in place: valid for records that are not mutable, or under the partition's
 * lock. */
attl_slice record_value(const struct record *r, const struct record_shape *s);
/* Copies the value of a mutable record, possibly while it changes: validate afterwards. */
attl_slice record_copy_value(const struct record *r, const struct record_shape *s,
                             uint64_t scratch[RECORD_SCRATCH_WORDS]);

/* The key, copied first if its last bytes share a word with a value that may change meanwhile. */
attl_slice record_stable_key(const struct record *r, const struct record_shape *s,
                             uint64_t scratch[RECORD_SCRATCH_WORDS]);

static inline bool
record_is_mutable(const struct record_shape *s)
{
    return s->bytes <= LIMIT_MUTABLE_RECORD_BYTES;
}

/* True if `spec` can replace the record without a new one: same shape, and not an earlier deadline.
 */
bool record_can_overwrite(const struct record *r, const struct record_shape *s,
                          const struct record_spec *spec, int64_t now_ms);
/* Stores value, deadline and life in place, under the lock and between version changes. */
void record_overwrite(struct record *r, const struct record_shape *s,
                      const struct record_spec *spec);
/* True if header and life can be stored in place to give the record this deadline, which must not
 * be earlier. */
bool record_can_prolong(const struct record *r, const struct record_shape *s, int64_t deadline_ms,
                        int64_t now_ms);
void record_prolong(struct record *r, const struct record_shape *s, int64_t deadline_ms);
/* The record has RECORD_LIFE. As record_prolong. */
void record_set_life(struct record *r, const struct record_shape *s, const struct life *life);

#endif
