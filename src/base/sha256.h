/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), for the receipts of erasures, which libattl
 * writes and anybody must be able to check with tools of his own, for passwords and for signatures
 * of webhooks. It is small and plain, not fast: the audit trail, which is bulk, uses OpenSSL. No
 * branch and no index depends on what is hashed, and what is left of it is wiped at the end. Pure;
 * nothing is allocated, so nothing fails.
 */
#ifndef ATTL_BASE_SHA256_H
#define ATTL_BASE_SHA256_H

#include <attl/attl.h>

enum { SHA256_BYTES = 32, SHA256_HEX_CHARS = 64, SHA256_BLOCK_BYTES = 64 };

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[SHA256_BLOCK_BYTES];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t len);
/* Wipes `h`, which has to be initialised before it is used again. */
void sha256_end(struct sha256 *h, unsigned char out[SHA256_BYTES]);

struct hmac_sha256 {
    struct sha256 inner, outer;
};

void hmac_sha256_init(struct hmac_sha256 *h, const void *key, size_t len);
void hmac_sha256_add(struct hmac_sha256 *h, const void *data, size_t len);
void hmac_sha256_end(struct hmac_sha256 *h, unsigned char out[SHA256_BYTES]);

/* The digest of `bytes` as lower-case hexadecimal digits and a NUL. */
void sha256_text(attl_slice bytes, char out[SHA256_HEX_CHARS + 1]);

#endif
