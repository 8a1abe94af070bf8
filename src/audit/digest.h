/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests of lines: SHA-256, which anybody can make anew who can write the file, or HMAC-SHA-256
 * (RFC 2104) with a key that is somewhere else, which he cannot. Keys are hidden by a second key,
 * made from the first, so that what stands in the trail is of no use for forging it. The library is
 * OpenSSL; a digest it refuses to make (no memory) is a failure like any other. Pure but for that.
 */
#ifndef ATTL_AUDIT_DIGEST_H
#define ATTL_AUDIT_DIGEST_H

#include "audit/record.h"

enum {
    AUDIT_KEY_MIN_BYTES = 16,
    AUDIT_KEY_MAX_BYTES = 4096,
    AUDIT_MASK_CHARS = 32 /* of a hidden key */
};

struct audit_key {
    size_t len; /* 0: none, lines are SHA-256 */
    unsigned char bytes[AUDIT_KEY_MAX_BYTES];
};

static inline enum audit_alg
audit_key_alg(const struct audit_key *key)
{
    return key->len ? AUDIT_HMAC_SHA256 : AUDIT_SHA256;
}

/* Reads a key from a file, without a line end behind it. False with a sentence in `err`. */
bool audit_key_load(struct audit_key *key, const char *path, char *err, size_t err_len);
void audit_key_wipe(struct audit_key *key);
/* The digest of `bytes`, as audit_key_alg() says. False: no memory. */
bool audit_digest(const struct audit_key *key, attl_slice bytes,
                  unsigned char ret[AUDIT_HASH_BYTES]);
/* True if both are the same; takes the same time whatever they are. */
bool audit_digest_same(const unsigned char a[AUDIT_HASH_BYTES],
                       const unsigned char b[AUDIT_HASH_BYTES]);
/* A key for hiding names, from `key` if there is one, else from 32 random bytes in `random`. */
bool audit_mask_make(const struct audit_key *key, const unsigned char random[AUDIT_HASH_BYTES],
                     struct audit_key *ret_mask);
/* What stands for `name` in the trail: the same for the same name. False: no memory. */
bool audit_mask(const struct audit_key *mask, attl_slice name, char out[AUDIT_MASK_CHARS + 1]);

#endif
