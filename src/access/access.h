/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The users of one server. The set is replaced as a whole with every change - copy, apply, publish,
 * count the generation up - so that a change is seen entirely or not at all, and whoever holds a
 * user's version goes on reading it until it lets go. A session compares one number per request
 * with `generation` and looks its user up again only when that has moved. `change_lock` orders
 * changes and is held for as long as one takes, files included; `lock` guards the pointer to the
 * set, for nanoseconds. Callbacks run without either.
 */
#ifndef ATTL_ACCESS_ACCESS_H
#define ATTL_ACCESS_ACCESS_H

#include "access/denials.h"
#include "access/user.h"
#include "os/lock.h"

enum { ACCESS_USERS_MAX = 100000, ACCESS_PATH_MAX = 1000, ACCESS_FILE_BYTES_MAX = 64 << 20 };

struct user_table;

struct access {
    _Atomic uint64_t generation; /* never 0 */
    _Atomic bool auth_required;  /* the default user has a password, or is off */
    _Atomic bool open_channels;  /* acl.pubsub_default: new users may use all channels */
    attl_allocator alloc;
    const struct access_catalog *catalog;
    struct lock change_lock; /* taken before `lock`; guards `last_id` */
    uint64_t last_id;
    struct lock lock; /* guards `table` */
    struct user_table *table;
    char path[ACCESS_PATH_MAX + 1]; /* acl.file, "" for none; constant after the start */
    struct denials denials;
};

/* Told of every user that a change has changed, after the change: `before` or `after` is NULL for
 * one that was not there, or is gone. */
struct access_listener {
    void (*fn)(void *ud, const struct access_user *before, const struct access_user *after);
    void *ud;
};

/* With the default user alone, who may do everything. NULL on lack of memory. */
struct access *access_new(const struct access_catalog *catalog, const attl_allocator *alloc);
void access_free(struct access **a);
/* The maker of users as the settings are now. */
struct selector_maker access_maker(const struct access *a);

static inline uint64_t
access_generation(const struct access *a)
{
    return atomic_load_explicit(&a->generation, memory_order_acquire);
}

static inline bool
access_auth_required(const struct access *a)
{
    return atomic_load_explicit(&a->auth_required, memory_order_relaxed);
}

/* The user of that name, kept for the caller; NULL if there is none. */
struct access_user *access_find(struct access *a, attl_slice name);
/* The newest version of the user that `old` is a version of (NULL: of the default user), kept; NULL
 * if it was deleted. */
struct access_user *access_newest(struct access *a, const struct access_user *old);
/* Whether it is a user's password; then *ret_user is that user, kept. Takes as long for a user that
 * does not exist. */
bool access_authenticate(struct access *a, attl_slice name, attl_slice password,
                         struct access_user **ret_user);
/* Calls `fn` for every user in order of their names. */
void access_each(struct access *a, void (*fn)(void *ud, const struct access_user *u), void *ud);
size_t access_count(struct access *a);

/* Makes or changes a user, completely or not at all. On failure *ret_place is that of
 * user_apply_all(). The name is valid. */
enum rule_result access_set(struct access *a, attl_slice name, const attl_slice *rules, size_t n,
                            const struct access_listener *l, struct rule_place *ret_place);
/* Deletes a user; false if there is none, or no memory. Not the default user. */
bool access_delete(struct access *a, attl_slice name, const struct access_listener *l);
/* The password of the default user, or none: requirepass. */
enum rule_result access_set_password(struct access *a, attl_slice password);

/* For access_file.c: puts `users` (owned, in order of their names, all settled) in place of all
 * users. REQUIRES change_lock. The old table is returned, to be given to access_tell(). */
struct user_table *access_publish(struct access *a, struct user_table *users);
/* Tells the listener (NULL: nobody) what has changed since `old`, and frees that. No lock held. */
void access_tell(struct access *a, struct user_table *old, const struct access_listener *l);
struct user_table *user_table_new(const attl_allocator *alloc, size_t max);
/* Takes `u` over, at its place; false if there is one of that name (`u` stays the caller's). */
bool user_table_insert(struct user_table *t, struct access_user *u);
struct access_user *user_table_find(const struct user_table *t, attl_slice name);
void user_table_free(const attl_allocator *alloc, struct user_table *t);
/* The default user as it is at the start. NULL on lack of memory. */
struct access_user *access_default_user(const struct access *a);

#endif
