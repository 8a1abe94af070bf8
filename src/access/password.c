/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashing and comparing passwords. The digest is OpenSSL's; its bytes are wiped behind us. The
 * comparison gathers all differences through a volatile, so that no compiler leaves the loop at the
 * first. Pure; any thread.
 */
#include "access/password.h"

#include "base/sha256.h"

void
password_hash(attl_slice password, char hash[PASSWORD_HASH_CHARS])
{
    char text[SHA256_HEX_CHARS + 1];
    sha256_text(password, text);
    memcpy(hash, text, PASSWORD_HASH_CHARS);
    explicit_bzero(text, sizeof text);
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
