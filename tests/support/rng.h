/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices for the tests, reproducible from one number. A `struct rng` is either a splitmix64 stream
 * (model and concurrent tests: the seed is printed, so a failure can be replayed) or a reader of a
 * fuzzer's bytes, so that one generator of operations serves both. It belongs to one thread.
 */
#ifndef ATTL_TESTS_RNG_H
#define ATTL_TESTS_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
    const uint8_t *bytes; /* a fuzzer's input, or NULL */
    size_t bytes_left;
};

static inline struct rng
rng_from_seed(uint64_t seed)
{
    struct rng r = { seed, NULL, 0 };
    return r;
}

static inline struct rng
rng_from_bytes(const uint8_t *bytes, size_t len)
{
    struct rng r = { 0, bytes, len };
    return r;
}

/* True when a fuzzer's input is used up; from then on every choice is 0. */
static inline bool
rng_is_dry(const struct rng *r)
{
    return r->bytes != NULL && r->bytes_left == 0;
}

/* splitmix64, also used as a mixing function elsewhere. */
static inline uint64_t
rng_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t
rng_take_bytes(struct rng *r, size_t want)
{
    uint64_t x = 0;
    for (size_t i = 0; i < want && r->bytes_left > 0; i++) {
        x = x << 8 | *r->bytes++;
        r->bytes_left--;
    }
    return x;
}

static inline uint64_t
rng_u64(struct rng *r)
{
    if (r->bytes != NULL) {
        return rng_take_bytes(r, 8);
    }
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return rng_mix(r->state);
}

/* A number below `n` (n >= 1). A fuzzer pays one byte for a small choice, so that inputs stay
 * short. */
static inline uint64_t
rng_below(struct rng *r, uint64_t n)
{
    if (r->bytes != NULL) {
        size_t want = n <= 256 ? 1 : n <= 65536 ? 2 : 8;
        return n <= 1 ? 0 : rng_take_bytes(r, want) % n;
    }
    return rng_u64(r) % n;
}

/* A number in first..last. */
static inline uint64_t
rng_range(struct rng *r, uint64_t first, uint64_t last)
{
    return first + rng_below(r, last - first + 1);
}

static inline bool
rng_one_in(struct rng *r, uint64_t n)
{
    return rng_below(r, n) == 0;
}

#endif
