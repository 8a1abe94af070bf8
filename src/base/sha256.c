/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The standard's text as code: message schedule, 64 rounds, padding. All of it works on bytes, so
 * that it is the same on every machine. HMAC hashes the key into two states at the beginning, which
 * is all that is kept of it.
 */
#include "base/sha256.h"

#include "base/hex.h"

enum { ROUNDS = 64, WORDS = 16, LENGTH_AT = 56, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
turn(uint32_t x, unsigned bits)
{
    return x >> bits | x << (32 - bits);
}

static void
expand(const unsigned char *in, uint32_t w[ROUNDS])
{
    for (unsigned i = 0; i < WORDS; i++)
        w[i] = (uint32_t)in[4 * i] << 24 | (uint32_t)in[4 * i + 1] << 16 |
               (uint32_t)in[4 * i + 2] << 8 | in[4 * i + 3];
    for (unsigned i = WORDS; i < ROUNDS; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

static void
mix(struct sha256 *h, const unsigned char *in)
{
    uint32_t w[ROUNDS], s[8];
    expand(in, w);
    memcpy(s, h->state, sizeof s);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t t1 = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
                      constants[i] + w[i];
        uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        h->state[i] += s[i];
}

void
sha256_init(struct sha256 *h)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memcpy(h->state, start, sizeof start);
    h->bytes = 0;
}

void
sha256_add(struct sha256 *h, const void *data, size_t len)
{
    const unsigned char *in = data;
    while (len > 0) {
        size_t used = h->bytes % SHA256_BLOCK_BYTES, n = SHA256_BLOCK_BYTES - used;
        n = n < len ? n : len;
        memcpy(h->block + used, in, n);
        h->bytes += n;
        in += n;
        len -= n;
        if (used + n == SHA256_BLOCK_BYTES)
            mix(h, h->block);
    }
}

void
sha256_end(struct sha256 *h, unsigned char out[SHA256_BYTES])
{
    static const unsigned char padding[SHA256_BLOCK_BYTES] = { 0x80 };
    unsigned char length[8];
    size_t used = h->bytes % SHA256_BLOCK_BYTES;
    for (unsigned i = 0; i < 8; i++)
        length[i] = (unsigned char)(h->bytes * 8 >> (56 - 8 * i));
    sha256_add(h, padding,
               used < LENGTH_AT ? LENGTH_AT - used : LENGTH_AT + SHA256_BLOCK_BYTES - used);
    sha256_add(h, length, sizeof length);
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        out[i] = (unsigned char)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(h, sizeof *h);
}

static void
begin_padded(struct sha256 *h, const unsigned char *key, size_t len, unsigned char pad)
{
    unsigned char block[SHA256_BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < len; i++)
        block[i] ^= key[i];
    sha256_init(h);
    sha256_add(h, block, sizeof block);
    explicit_bzero(block, sizeof block);
}

void
hmac_sha256_init(struct hmac_sha256 *h, const void *key, size_t len)
{
    unsigned char digest[SHA256_BYTES];
    if (len > SHA256_BLOCK_BYTES) {
        sha256_init(&h->inner);
        sha256_add(&h->inner, key, len);
        sha256_end(&h->inner, digest);
        key = digest;
        len = sizeof digest;
    }
    begin_padded(&h->inner, key, len, INNER_PAD);
    begin_padded(&h->outer, key, len, OUTER_PAD);
    explicit_bzero(digest, sizeof digest);
}

void
hmac_sha256_add(struct hmac_sha256 *h, const void *data, size_t len)
{
    sha256_add(&h->inner, data, len);
}

void
hmac_sha256_end(struct hmac_sha256 *h, unsigned char out[SHA256_BYTES])
{
    unsigned char inner[SHA256_BYTES];
    sha256_end(&h->inner, inner);
    sha256_add(&h->outer, inner, sizeof inner);
    sha256_end(&h->outer, out);
    explicit_bzero(inner, sizeof inner);
}

void
sha256_text(attl_slice bytes, char out[SHA256_HEX_CHARS + 1])
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, bytes.data, bytes.len);
    sha256_end(&h, digest);
    hex_text(out, digest, sizeof digest);
}
