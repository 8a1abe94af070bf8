/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing records. Everything a reader may meet while it changes is loaded word by word
 * with acquire order, which on common machines costs what a plain load costs, so that the version
 * check that follows cannot be ordered before the data. Writers in place store with release order
 * after making the bucket's version odd. Comparing keys needs the same care only because the last
 * key bytes may share a word with the first value bytes.
 */
#include "cache/record.h"

#include "base/assert.h"

static inline void
store_word(struct record *r, size_t i, uint64_t word)
{
    atomic_store_explicit(&r->header + i, word, memory_order_release);
}

static bool
is_far(int64_t deadline_ms, int64_t now_ms)
{
    return deadline_ms != ATTL_NO_DEADLINE && deadline_ms - now_ms > RECORD_NEAR_MS;
}

uint32_t
record_bytes(const struct record_spec *spec, int64_t now_ms)
{
    size_t bytes = 8 + spec->key.len + spec->value.len;
    if (is_far(spec->deadline_ms, now_ms))
        bytes += 8;
    if (spec->key.len > RECORD_KEY_MAX)
        bytes += 8;
    if (spec->life)
        bytes += LIFE_BYTES;
    return (uint32_t)((bytes + 7) & ~(size_t)7);
}

static uint64_t
pack_header(int64_t deadline_ms, uint32_t key_len, uint32_t flags, uint64_t value_len)
{
    uint64_t low = deadline_ms == ATTL_NO_DEADLINE ? 0
                                                   : (uint64_t)deadline_ms & RECORD_DEADLINE_MASK;
    return low | (uint64_t)key_len << RECORD_KEY_SHIFT | (uint64_t)flags << RECORD_FLAG_SHIFT |
           value_len << RECORD_VALUE_SHIFT;
}

void
record_write(struct record *r, const struct record_spec *spec, int64_t now_ms)
{
    ASSERT(spec->value.len <= LIMIT_INLINE_VALUE_BYTES && spec->key.len <= LIMIT_KEY_BYTES);
    uint32_t flags = spec->value_flags;
    bool far_off = is_far(spec->deadline_ms, now_ms);
    bool long_key = spec->key.len > RECORD_KEY_MAX;
    flags |= spec->deadline_ms == ATTL_NO_DEADLINE ? 0 : RECORD_HAS_TTL;
    flags |= far_off ? RECORD_FAR : 0;
    flags |= long_key ? RECORD_LONG_KEY : 0;
    flags |= spec->life ? RECORD_LIFE : 0;
    uint64_t *word = (uint64_t *)(void *)r;
    uint32_t bytes = record_bytes(spec, now_ms);
    word[bytes / 8 - 1] = 0; /* defined padding */
    *word++ = pack_header(spec->deadline_ms, long_key ? 0 : (uint32_t)spec->key.len, flags,
                          spec->value.len);
    if (far_off)
        *word++ = (uint64_t)spec->deadline_ms;
    if (long_key)
        *word++ = spec->key.len;
    if (spec->life) {
        memcpy(word, spec->life, LIFE_BYTES);
        word += LIFE_WORDS;
    }
    char *p = (char *)word;
    if (spec->key.len)
        memcpy(p, spec->key.data, spec->key.len);
    if (spec->value.len)
        memcpy(p + spec->key.len, spec->value.data, spec->value.len);
}

attl_slice
record_key(const struct record *r, const struct record_shape *s)
{
    return attl_b((const char *)(const void *)r + s->key_offset, s->key_len);
}

attl_slice
record_value(const struct record *r, const struct record_shape *s)
{
    return attl_b((const char *)(const void *)r + s->value_offset, s->value_len);
}

attl_slice
record_copy_value(const struct record *r, const struct record_shape *s,
                  uint64_t scratch[RECORD_SCRATCH_WORDS])
{
    size_t first = s->value_offset / 8;
    size_t end = (s->value_offset + s->value_len + 7) / 8;
    for (size_t i = first; i < end; i++)
        scratch[i - first] = record_word(r, i);
    return attl_b((const char *)scratch + s->value_offset % 8, s->value_len);
}

attl_slice
record_stable_key(const struct record *r, const struct record_shape *s,
                  uint64_t scratch[RECORD_SCRATCH_WORDS])
{
    if (!record_is_mutable(s))
        return record_key(r, s);
    size_t first = s->key_offset / 8;
    size_t words = (s->key_len + 7) / 8;
    for (size_t i = 0; i < words; i++)
        scratch[i] = record_word(r, first + i);
    return attl_b(scratch, s->key_len);
}

bool
record_can_prolong(const struct record *r, const struct record_shape *s, int64_t deadline_ms,
                   int64_t now_ms)
{
    if (s->flags & RECORD_FAR)
        return false;
    int64_t present = record_deadline(r, s, now_ms);
    if (deadline_ms == ATTL_NO_DEADLINE)
        return true;
    return present != ATTL_NO_DEADLINE && deadline_ms >= present && !is_far(deadline_ms, now_ms);
}

bool
record_can_overwrite(const struct record *r, const struct record_shape *s,
                     const struct record_spec *spec, int64_t now_ms)
{
    uint32_t flags = spec->value_flags | (spec->life ? RECORD_LIFE : 0);
    return record_is_mutable(s) && s->value_len == spec->value.len &&
           (s->flags & (RECORD_INTEGER | RECORD_EXTENT | RECORD_LIFE)) == flags &&
           !(s->flags & RECORD_EXTENT) && record_can_prolong(r, s, spec->deadline_ms, now_ms);
}

void
record_prolong(struct record *r, const struct record_shape *s, int64_t deadline_ms)
{
    uint32_t flags = s->flags & ~(uint32_t)RECORD_HAS_TTL;
    flags |= deadline_ms == ATTL_NO_DEADLINE ? 0 : RECORD_HAS_TTL;
    uint32_t key_len = s->flags & RECORD_LONG_KEY ? 0 : s->key_len;
    store_word(r, 0, pack_header(deadline_ms, key_len, flags, s->value_len));
}

void
record_set_life(struct record *r, const struct record_shape *s, const struct life *life)
{
    uint64_t words[LIFE_WORDS];
    memcpy(words, life, sizeof(words));
    for (unsigned i = 0; i < LIFE_WORDS; i++)
        store_word(r, (s->key_offset - LIFE_BYTES) / 8 + i, words[i]);
}

void
record_overwrite(struct record *r, const struct record_shape *s, const struct record_spec *spec)
{
    record_prolong(r, s, spec->deadline_ms);
    if (spec->life)
        record_set_life(r, s, spec->life);
    const char *p = spec->value.data;
    uint32_t at = s->value_offset;
    uint32_t end = s->value_offset + s->value_len;
    while (at < end) {
        uint32_t in_word = at % 8;
        uint32_t n = 8 - in_word < end - at ? 8 - in_word : end - at;
        uint64_t w = record_word(r, at / 8);
        memcpy((char *)&w + in_word, p, n);
        store_word(r, at / 8, w);
        p += n;
        at += n;
    }
}
