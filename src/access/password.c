/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashing and comparing passwords. The digest is OpenSSL's; its bytes are wiped behind us. The
 * comparison gathers all differences through a volatile, so that no compiler leaves the loop at the
 * first. Pure; any thread.
 */
#include "access/password.h"

#include <openssl/evp.h>

enum { DIGEST_BYTES = 32 };

bool
password_hash(attl_slice password, char hash[PASSWORD_HASH_CHARS])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const void *bytes = password.len ? password.data : "";
    if (EVP_Digest(bytes, password.len, digest, &len, EVP_sha256(), NULL) != 1 ||
        len != DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        hash[2 * i] = digits[digest[i] >> 4];
        hash[2 * i + 1] = digits[digest[i] & 15];
    }
    explicit_bzero(digest, sizeof digest);
    return true;
}

bool
password_is_hash(attl_slice text)
{
    const char *p = text.data;
    if (text.len != PASSWORD_HASH_CHARS)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
    return true;
}

unsigned
password_differ(const char a[PASSWORD_HASH_CHARS], const char b[PASSWORD_HASH_CHARS])
{
    volatile unsigned differ = 0;
    for (size_t i = 0; i < PASSWORD_HASH_CHARS; i++)
        differ |= (unsigned)(a[i] ^ b[i]);
    return differ;
}
