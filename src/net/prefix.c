/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A prefix exists while somebody has registered it. A key is compared with the empty prefix and
 * with those of its first byte; each that fits sends the same message to its receivers. The message
 * is made when the first one is about to be sent, so a key without listeners costs no memory.
 */
#include "net/prefix.h"

#include "base/assert.h"
#include "os/barrier.h"

#include <stdlib.h>

enum { RECEIVERS_FIRST = 4 };

void
prefix_init(struct prefix_set *set)
{
    memset(set, 0, sizeof *set);
    lock_init(&set->lock);
}

void
prefix_fini(struct prefix_set *set)
{
    ASSERT(atomic_load(&set->len) == 0); /* receivers have left */
}

static struct prefix **
list_of(struct prefix_set *set, attl_slice text)
{
    return &set->lists[text.len > 0 ? 1 + *(const unsigned char *)text.data : 0];
}

/* Where the pointer to it is, or would be. */
static struct prefix **
find(struct prefix_set *set, attl_slice text)
{
    struct prefix **at = list_of(set, text);
    while (*at && ((*at)->text_len != text.len ||
                   (text.len > 0 && memcmp((*at)->text, text.data, text.len) != 0)))
        at = &(*at)->next;
    return at;
}

static bool
make_room(struct prefix *p)
{
    if (p->len < p->cap)
        return true;
    size_t cap = p->cap ? 2 * p->cap : RECEIVERS_FIRST;
    struct receiver **who = realloc(p->who, cap * sizeof(struct receiver *));
    if (!who)
        return false;
    p->who = who;
    p->cap = cap;
    return true;
}

static void
free_if_empty(struct prefix_set *set, struct prefix **at)
{
    struct prefix *p = *at;
    if (p->len > 0)
        return;
    *at = p->next;
    atomic_fetch_sub(&set->len, 1);
    free(p->who);
    free(p);
}

/* REQUIRES the lock. */
static int
add(struct prefix_set *set, struct receiver *r, attl_slice text)
{
    struct prefix **at = find(set, text);
    if (!*at) {
        if (atomic_load(&set->len) >= PREFIXES_MAX)
            return ATTL_E_BUSY;
        struct prefix *p = calloc(1, sizeof *p + text.len);
        if (!p)
            return ATTL_E_NOMEM;
        p->text_len = text.len;
        if (text.len > 0)
            memcpy(p->text, text.data, text.len);
        *at = p;
        atomic_fetch_add(&set->len, 1);
    }
    struct prefix *p = *at;
    if (!make_room(p)) {
        free_if_empty(set, at);
        return ATTL_E_NOMEM;
    }
    p->who[p->len++] = receiver_keep(r);
    return ATTL_OK;
}

int
prefix_add(struct prefix_set *set, struct receiver *r, attl_slice text)
{
    lock_acquire(&set->lock);
    bool first = atomic_load(&set->len) == 0;
    int status = add(set, r, text);
    lock_release(&set->lock);
    /* Whoever makes a change looks at the number of prefixes without the lock: from here on it sees
     * this one, or its change is visible to whoever reads. */
    if (first)
        barrier_all_threads(true);
    return status;
}

void
prefix_remove(struct prefix_set *set, struct receiver *r, attl_slice text)
{
    lock_acquire(&set->lock);
    struct prefix **at = find(set, text);
    struct prefix *p = *at;
    size_t i = 0;
    while (p && i < p->len && p->who[i] != r)
        i++;
    if (p && i < p->len) {
        p->who[i] = p->who[--p->len];
        receiver_free(r);
        free_if_empty(set, at);
    }
    lock_release(&set->lock);
}

static bool
fits(const struct prefix *p, attl_slice key)
{
    return p->text_len <= key.len &&
           (p->text_len == 0 || memcmp(p->text, key.data, p->text_len) == 0);
}

static void
tell_one(const struct prefix *p, attl_slice key, uint64_t actor, struct message **m)
{
    for (size_t i = 0; i < p->len; i++) {
        struct receiver *r = p->who[i];
        if (actor != 0 && r->id == actor && atomic_load_explicit(&r->no_loop, memory_order_relaxed))
            continue;
        if (!*m)
            *m = message_copy(key);
        if (*m)
            receiver_send(r, LETTER_BROADCAST, *m);
        else
            receiver_miss(r, LETTER_BROADCAST);
    }
}

void
prefix_tell(struct prefix_set *set, attl_slice key, uint64_t actor)
{
    if (atomic_load_explicit(&set->len, memory_order_acquire) == 0)
        return;
    struct message *m = NULL;
    lock_acquire(&set->lock);
    for (const struct prefix *p = set->lists[0]; p; p = p->next)
        tell_one(p, key, actor, &m);
    const struct prefix *p = key.len > 0 ? *list_of(set, key) : NULL;
    for (; p; p = p->next)
        if (fits(p, key))
            tell_one(p, key, actor, &m);
    lock_release(&set->lock);
    message_free(m);
}
