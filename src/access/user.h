/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user: name, passwords, permissions. What is published is never changed: a change makes a copy,
 * applies the rules to that and publishes it in place of the old version, so that whoever checks a
 * command reads without a lock. Versions are counted references; a session holds one. `id` is the
 * same in all versions of a user, and another one if a user of the same name is made anew.
 */
#ifndef ATTL_ACCESS_USER_H
#define ATTL_ACCESS_USER_H

#include "access/password.h"
#include "access/selector.h"

#include <stdatomic.h>

enum {
    ACCESS_NAME_MAX = 64,
    ACCESS_PASSWORDS_MAX = 256, /* of one user */
    ACCESS_SELECTORS_MAX = 64
};

struct access_user {
    struct selector_maker maker;
    _Atomic uint32_t references;
    uint64_t id;
    bool enabled;
    bool no_password;
    bool skip_sanitize;         /* kept for Redis' sake: there is nothing to sanitize */
    bool unlimited;             /* may do everything: need not be asked */
    struct word_list passwords; /* hashes, PASSWORD_HASH_CHARS each */
    size_t selectors_len;       /* at least 1: the root */
    struct selector *selectors[ACCESS_SELECTORS_MAX];
    char name[ACCESS_NAME_MAX + 1];
};

/* Whether a user may be called so: not empty, without blanks and control characters, short. */
bool user_name_valid(attl_slice name);
/* Off, without passwords and permissions. NULL on lack of memory. */
struct access_user *user_new(const struct selector_maker *m, attl_slice name, uint64_t id);
/* A version to change; of the same name and id. */
struct access_user *user_copy(const struct selector_maker *m, const struct access_user *from);
struct access_user *user_keep(struct access_user *u);
/* NULL is allowed. */
void user_free(struct access_user *u);

enum rule_result user_apply(struct access_user *u, attl_slice rule);
/* Which words a rule has; n 0: a parenthesis that is not closed begins there. */
struct rule_place {
    size_t at, n;
};
/* The words of ACL SETUSER, in which a selector in parentheses may take several. *ret_place: of the
 * rule that failed. */
enum rule_result user_apply_all(struct access_user *u, const attl_slice *rules, size_t n,
                                struct rule_place *ret_place);
/* The end of changing it. */
void user_settle(struct access_user *u);

/* The verdict of the most lenient selector; see selector_check(). */
enum access_verdict user_check(const struct access_user *u, const struct access_request *r,
                               size_t *ret_arg);
bool user_allows_channel(const struct access_user *u, attl_slice channel, bool literal);
/* Whether `hash` is one of the passwords. Takes as long for a wrong one as for a right one. */
bool user_knows(const struct access_user *u, const char hash[PASSWORD_HASH_CHARS]);
/* "on nopass sanitize-payload ~* &* +@all" */
void user_describe(const struct access_user *u, struct buf *out);

#endif
