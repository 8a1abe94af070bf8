/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keyed hashing of keys. XXH3 with a random secret per cache is the default; SipHash-1-3 can be
 * chosen where attackers pick the keys and may watch timings, because XXH3 makes no promise against
 * them. The secret never leaves the process, so hashes are neither stored nor sent.
 */
#ifndef ATTL_BASE_HASH_H
#define ATTL_BASE_HASH_H

#include <attl/attl.h>
#include <stdbool.h>

enum { HASH_SECRET_BYTES = 192 };

struct hash_key {
    bool use_siphash;
    uint64_t sip[2];
    uint8_t secret[HASH_SECRET_BYTES];
};

uint64_t hash_bytes(const struct hash_key *k, attl_slice bytes);
/* Unkeyed XXH3_64bits: the public digest of a value. */
uint64_t hash_digest(attl_slice bytes);

#endif
