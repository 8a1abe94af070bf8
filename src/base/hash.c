/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both keyed hashes. XXH3 comes from Debian's header-only libxxhash; SipHash-1-3 is written out
 * after Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with one compression and
 * three finalisation rounds, the variant Rust and Ruby use for hash tables. Both read the key's
 * bytes only, so they may be used by any thread.
 */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl64(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

static inline void
sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl64(s->v1, 13) ^ s->v0;
    s->v0 = rotl64(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl64(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl64(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl64(s->v1, 17) ^ s->v2;
    s->v2 = rotl64(s->v2, 32);
}

static uint64_t
siphash13(const uint64_t key[2], attl_slice bytes)
{
    struct sip s = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
    const uint8_t *p = bytes.data;
    size_t n = bytes.len;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m;
        memcpy(&m, p, 8);
        s.v3 ^= m;
        sip_round(&s);
        s.v0 ^= m;
    }
    uint64_t last = (uint64_t)bytes.len << 56;
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    s.v3 ^= last;
    sip_round(&s);
    s.v0 ^= last;
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
hash_bytes(const struct hash_key *k, attl_slice bytes)
{
    if (k->use_siphash)
        return siphash13(k->sip, bytes);
    return XXH3_64bits_withSecret(bytes.data, bytes.len, k->secret, sizeof(k->secret));
}

uint64_t
hash_digest(attl_slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.len);
}
