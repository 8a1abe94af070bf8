/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding and changing users. A change copies the table of pointers (kilobytes at most, and changes
 * are rare), replaces one and publishes the new table; the old one lives until its changes have
 * been told. The password of a user who does not exist is hashed all the same, so that time does
 * not tell who exists.
 */
#include "access/access.h"

#include "base/assert.h"

static const char default_name[] = "default";

/* Users in order of the bytes of their names, a reference each. */
struct user_table {
    size_t len, max;
    struct access_user *items[];
};

/* ---- tables ---------------------------------------------------------------------------------- */

struct user_table *
user_table_new(const attl_allocator *alloc, size_t max)
{
    struct user_table *t = alloc_zero(alloc, sizeof *t + max * sizeof(struct access_user *));
    if (t)
        t->max = max;
    return t;
}

void
user_table_free(const attl_allocator *alloc, struct user_table *t)
{
    for (size_t i = 0; t && i < t->len; i++)
        user_free(t->items[i]);
    alloc_free(alloc, t);
}

static int
compare_names(const char *a, attl_slice b)
{
    size_t len = strlen(a);
    size_t shared = len < b.len ? len : b.len;
    int order = shared ? memcmp(a, b.data, shared) : 0;
    return order ? order : (len > b.len) - (len < b.len);
}

/* Where `name` is, or belongs. */
static size_t
table_place(const struct user_table *t, attl_slice name, bool *ret_found)
{
    size_t low = 0, high = t->len;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(t->items[middle]->name, name);
        if (order == 0)
            *ret_found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct access_user *
user_table_find(const struct user_table *t, attl_slice name)
{
    bool found;
    size_t at = table_place(t, name, &found);
    return found ? t->items[at] : NULL;
}

bool
user_table_insert(struct user_table *t, struct access_user *u)
{
    bool found;
    ASSERT(t->len < t->max);
    size_t at = table_place(t, attl_s(u->name), &found);
    if (found)
        return false;
    for (size_t i = t->len; i > at; i--)
        t->items[i] = t->items[i - 1];
    t->items[at] = u;
    t->len++;
    return true;
}

/* A table with room for one more, and the same users. */
static struct user_table *
table_copy(const attl_allocator *alloc, const struct user_table *from)
{
    struct user_table *t = user_table_new(alloc, from->len + 1);
    if (!t)
        return NULL;
    for (size_t i = 0; i < from->len; i++)
        t->items[t->len++] = user_keep(from->items[i]);
    return t;
}

/* ---- the set --------------------------------------------------------------------------------- */

struct selector_maker
access_maker(const struct access *a)
{
    return (struct selector_maker){ a->alloc, a->catalog, atomic_load(&a->open_channels) };
}

struct access_user *
access_default_user(const struct access *a)
{
    static const char *const rules[] = { "+@all", "~*", "&*", "on", "nopass" };
    struct selector_maker m = access_maker(a);
    struct access_user *u = user_new(&m, attl_s(default_name), 0);
    for (size_t i = 0; u && i < sizeof rules / sizeof rules[0]; i++) {
        enum rule_result result = user_apply(u, attl_s(rules[i]));
        ASSERT(result == RULE_OK); /* they need no memory */
    }
    if (u)
        user_settle(u);
    return u;
}

struct access *
access_new(const struct access_catalog *catalog, const attl_allocator *alloc)
{
    ASSERT(catalog->rows() <= ACCESS_ROWS_MAX);
    struct access *a = alloc_zero(alloc, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = *alloc;
    a->catalog = catalog;
    atomic_init(&a->generation, 1);
    lock_init(&a->change_lock);
    lock_init(&a->lock);
    denials_init(&a->denials, alloc);
    struct access_user *u = access_default_user(a);
    a->table = user_table_new(alloc, 1);
    if (u && a->table && user_table_insert(a->table, u))
        return a;
    user_free(u);
    access_free(&a);
    return NULL;
}

void
access_free(struct access **access)
{
    struct access *a = *access;
    *access = NULL;
    if (!a)
        return;
    user_table_free(&a->alloc, a->table);
    denials_fini(&a->denials);
    attl_allocator alloc = a->alloc;
    alloc_free(&alloc, a);
}

struct access_user *
access_find(struct access *a, attl_slice name)
{
    lock_acquire(&a->lock);
    struct access_user *u = user_table_find(a->table, name);
    if (u)
        (void)user_keep(u);
    lock_release(&a->lock);
    return u;
}

struct access_user *
access_newest(struct access *a, const struct access_user *old)
{
    struct access_user *u = access_find(a, attl_s(old ? old->name : default_name));
    if (!u || !old || u->id == old->id)
        return u;
    user_free(u); /* another one of that name */
    return NULL;
}

bool
access_authenticate(struct access *a, attl_slice name, attl_slice password,
                    struct access_user **ret_user)
{
    char hash[PASSWORD_HASH_CHARS];
    struct access_user *u = access_find(a, name);
    password_hash(password, hash);
    bool right = u && u->enabled && (u->no_password || user_knows(u, hash));
    explicit_bzero(hash, sizeof hash);
    if (right)
        *ret_user = u;
    else
        user_free(u);
    return right;
}

/* The users as they are now, kept; NULL on lack of memory. */
static struct user_table *
snapshot(struct access *a)
{
    lock_acquire(&a->lock);
    struct user_table *t = table_copy(&a->alloc, a->table);
    lock_release(&a->lock);
    return t;
}

void
access_each(struct access *a, void (*fn)(void *ud, const struct access_user *u), void *ud)
{
    struct user_table *t = snapshot(a);
    for (size_t i = 0; t && i < t->len; i++)
        fn(ud, t->items[i]);
    user_table_free(&a->alloc, t);
}

size_t
access_count(struct access *a)
{
    lock_acquire(&a->lock);
    size_t n = a->table->len;
    lock_release(&a->lock);
    return n;
}

/* ---- changes --------------------------------------------------------------------------------- */

struct user_table *
access_publish(struct access *a, struct user_table *users)
{
    const struct access_user *u = user_table_find(users, attl_s(default_name));
    ASSERT(u);
    lock_assert_held(&a->change_lock);
    lock_acquire(&a->lock);
    struct user_table *old = a->table;
    a->table = users;
    lock_release(&a->lock);
    atomic_store(&a->auth_required, !u->no_password || !u->enabled);
    atomic_fetch_add(&a->generation, 1);
    return old;
}

/* `now` and `then` are in order of their names: one walk finds the differences. */
static void
tell_differences(const struct user_table *then, const struct user_table *now,
                 const struct access_listener *l)
{
    size_t i = 0, j = 0;
    while (i < then->len || j < now->len) {
        const struct access_user *before = i < then->len ? then->items[i] : NULL;
        const struct access_user *after = j < now->len ? now->items[j] : NULL;
        int order = !before ? 1 : !after ? -1 : compare_names(before->name, attl_s(after->name));
        i += order <= 0;
        j += order >= 0;
        if (order < 0)
            l->fn(l->ud, before, NULL);
        else if (order > 0)
            l->fn(l->ud, NULL, after);
        else if (before != after)
            l->fn(l->ud, before, after);
    }
}

void
access_tell(struct access *a, struct user_table *old, const struct access_listener *l)
{
    struct user_table *now = l ? snapshot(a) : NULL;
    if (now)
        tell_differences(old, now, l);
    user_table_free(&a->alloc, now);
    user_table_free(&a->alloc, old);
}

/* Puts `u`, which it takes over, in place of the version there is. REQUIRES change_lock. The old
 * table, or NULL on lack of memory. */
static struct user_table *
replace(struct access *a, struct access_user *u)
{
    bool found;
    struct user_table *t = table_copy(&a->alloc, a->table);
    if (!t) {
        user_free(u);
        return NULL;
    }
    user_settle(u);
    size_t at = table_place(t, attl_s(u->name), &found);
    if (found) {
        user_free(t->items[at]);
        t->items[at] = u;
    } else {
        bool inserted = user_table_insert(t, u);
        ASSERT(inserted);
    }
    return access_publish(a, t);
}

/* A version of the user to change, a new user if there is none. REQUIRES change_lock. */
static struct access_user *
draft(struct access *a, attl_slice name, enum rule_result *ret_result)
{
    struct selector_maker m = access_maker(a);
    const struct access_user *have = user_table_find(a->table, name);
    *ret_result = RULE_NO_MEMORY;
    if (have)
        return user_copy(&m, have);
    if (a->table->len >= ACCESS_USERS_MAX) {
        *ret_result = RULE_TOO_MANY;
        return NULL;
    }
    return user_new(&m, name, ++a->last_id);
}

/* Ends a change: `u`, which it takes over, counts from now on if `result` is fine. Releases
 * change_lock. */
static enum rule_result
publish(struct access *a, struct access_user *u, enum rule_result result,
        const struct access_listener *l)
{
    struct user_table *old = NULL;
    if (u && result == RULE_OK) {
        old = replace(a, u);
        result = old ? RULE_OK : RULE_NO_MEMORY;
    } else {
        user_free(u);
    }
    lock_release(&a->change_lock);
    if (old)
        access_tell(a, old, l);
    return result;
}

enum rule_result
access_set(struct access *a, attl_slice name, const attl_slice *rules, size_t n,
           const struct access_listener *l, struct rule_place *ret_place)
{
    enum rule_result result;
    *ret_place = (struct rule_place){ 0, n ? 1 : 0 };
    lock_acquire(&a->change_lock);
    struct access_user *u = draft(a, name, &result);
    if (u)
        result = user_apply_all(u, rules, n, ret_place);
    return publish(a, u, result, l);
}

bool
access_delete(struct access *a, attl_slice name, const struct access_listener *l)
{
    struct user_table *old = NULL;
    bool found = false;
    lock_acquire(&a->change_lock);
    struct user_table *t = table_copy(&a->alloc, a->table);
    size_t at = t ? table_place(t, name, &found) : 0;
    ASSERT(!found || strcmp(t->items[at]->name, default_name) != 0);
    if (found) {
        user_free(t->items[at]);
        t->len--;
        for (size_t i = at; i < t->len; i++)
            t->items[i] = t->items[i + 1];
        old = access_publish(a, t);
    } else {
        user_table_free(&a->alloc, t);
    }
    lock_release(&a->change_lock);
    if (old)
        access_tell(a, old, l);
    return old != NULL;
}

/* ">" and the password, which is wiped. */
static enum rule_result
add_password(struct access_user *u, attl_slice password)
{
    char *rule = alloc_zero(&u->maker.alloc, password.len + 1);
    if (!rule)
        return RULE_NO_MEMORY;
    rule[0] = '>';
    memcpy(rule + 1, password.data, password.len);
    enum rule_result result = user_apply(u, attl_b(rule, password.len + 1));
    explicit_bzero(rule, password.len + 1);
    alloc_free(&u->maker.alloc, rule);
    return result;
}

enum rule_result
access_set_password(struct access *a, attl_slice password)
{
    enum rule_result result;
    lock_acquire(&a->change_lock);
    struct access_user *u = draft(a, attl_s(default_name), &result);
    if (u) {
        result = user_apply(u, attl_s(password.len ? "resetpass" : "nopass"));
        if (password.len)
            result = add_password(u, password);
    }
    return publish(a, u, result, NULL);
}
