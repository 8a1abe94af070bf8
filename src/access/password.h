/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords, kept as the SHA-256 of what was set, in 64 lower-case hexadecimal digits: Redis' form,
 * so that its ACL files and "#hash" rules can be used as they are. A fast hash protects a random
 * password (ACL GENPASS) and nothing weaker; docs/acl.md says so. Comparisons take the same time
 * wherever the difference is.
 */
#ifndef ATTL_ACCESS_PASSWORD_H
#define ATTL_ACCESS_PASSWORD_H

#include <attl/attl.h>
#include <stdbool.h>

enum { PASSWORD_HASH_CHARS = 64 };

void password_hash(attl_slice password, char hash[PASSWORD_HASH_CHARS]);
/* Whether `text` has the form of a hash. */
bool password_is_hash(attl_slice text);
/* 0 if both hashes are the same. Looks at all of both. */
unsigned password_differ(const char a[PASSWORD_HASH_CHARS], const char b[PASSWORD_HASH_CHARS]);

#endif
