/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL's one-shot functions, which need no context of ours. The key file is read with the C
 * library, so that a key that some manager mounts as a symbolic link works. Bytes of a key never
 * leave this file but in the struct their owner wipes.
 */
#include "audit/digest.h"

#include "base/assert.h"
#include "base/hex.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

/* Makes the mask's key another one than the chain's. */
#define MASK_LABEL "attl audit: names"

bool
audit_key_load(struct audit_key *key, const char *path, char *err, size_t err_len)
{
    key->len = 0;
    FILE *f = fopen(path, "rb");
    if (!f) {
        (void)snprintf(err, err_len, "audit key file '%s': %s", path, strerror(errno));
        return false;
    }
    setbuf(f, NULL); /* no copy of the key in a buffer that nobody wipes */
    size_t len = fread(key->bytes, 1, sizeof key->bytes, f);
    bool read = !ferror(f) && (len < sizeof key->bytes || fgetc(f) == EOF);
    (void)fclose(f); /* it was only read */
    while (len > 0 && (key->bytes[len - 1] == '\n' || key->bytes[len - 1] == '\r'))
        len--;
    if (read && len >= AUDIT_KEY_MIN_BYTES) {
        key->len = len;
        return true;
    }
    audit_key_wipe(key);
    (void)snprintf(err, err_len, "audit key file '%s' must hold %d to %d bytes", path,
                   AUDIT_KEY_MIN_BYTES, AUDIT_KEY_MAX_BYTES);
    return false;
}

void
audit_key_wipe(struct audit_key *key)
{
    explicit_bzero(key, sizeof *key);
}

bool
audit_digest(const struct audit_key *key, attl_slice bytes, unsigned char ret[AUDIT_HASH_BYTES])
{
    unsigned len = AUDIT_HASH_BYTES;
    if (key->len == 0)
        return EVP_Digest(bytes.data, bytes.len, ret, &len, EVP_sha256(), NULL) == 1;
    return HMAC(EVP_sha256(), key->bytes, (int)key->len, bytes.data, bytes.len, ret, &len) != NULL;
}

bool
audit_digest_same(const unsigned char a[AUDIT_HASH_BYTES], const unsigned char b[AUDIT_HASH_BYTES])
{
    return CRYPTO_memcmp(a, b, AUDIT_HASH_BYTES) == 0;
}

bool
audit_mask_make(const struct audit_key *key, const unsigned char random[AUDIT_HASH_BYTES],
                struct audit_key *ret_mask)
{
    ret_mask->len = AUDIT_HASH_BYTES;
    if (key->len)
        return audit_digest(key, attl_s(MASK_LABEL), ret_mask->bytes);
    memcpy(ret_mask->bytes, random, AUDIT_HASH_BYTES);
    return true;
}

bool
audit_mask(const struct audit_key *mask, attl_slice name, char out[AUDIT_MASK_CHARS + 1])
{
    unsigned char hash[AUDIT_HASH_BYTES];
    char text[AUDIT_HASH_CHARS + 1];
    ASSERT(mask->len > 0);
    if (!audit_digest(mask, name, hash))
        return false;
    hex_text(text, hash, AUDIT_HASH_BYTES);
    memcpy(out, text, AUDIT_MASK_CHARS);
    out[AUDIT_MASK_CHARS] = '\0';
    return true;
}
