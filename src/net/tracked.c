/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entry is its key and the receivers that know it, in order of their numbers, so that reading a
 * popular key again finds its reader by halving. Entries of receivers that have gone stay until
 * their key changes or their turn to be evicted comes: looking for them would cost more than they
 * do. Messages are sent with no shard locked. Whoever finds no memory tells the receiver to forget
 * everything, which needs none.
 */
#include "net/tracked.h"

#include "base/assert.h"

#include <stdlib.h>

enum { SHARD_FIRST_BITS = 4, SHARD_BITS_MAX = 28, RECEIVERS_FIRST = 4 };

struct tracked {
    struct tracked *next;          /* of its bucket */
    struct tracked *older, *newer; /* of its shard */
    uint64_t hash;
    struct receiver **who; /* by id; points to `one` while there is no more room needed */
    struct receiver *one;
    uint32_t len, cap;
    uint32_t key_len;
    char key[];
};

void
tracked_init(struct tracked_table *t, const struct hash_key *hash, uint64_t max_keys)
{
    memset(t, 0, sizeof *t);
    t->hash = *hash;
    atomic_store(&t->max_keys, max_keys);
    for (size_t i = 0; i < TRACKED_SHARDS; i++)
        lock_init(&t->shards[i].lock);
}

static void
entry_free(struct tracked *e)
{
    for (uint32_t i = 0; i < e->len; i++)
        receiver_free(e->who[i]);
    if (e->who != &e->one)
        free(e->who);
    free(e);
}

/* ---- one shard, its lock held ---- */

static struct tracked_shard *
shard_of(struct tracked_table *t, uint64_t hash)
{
    return &t->shards[hash % TRACKED_SHARDS];
}

static struct tracked **
bucket_of(const struct tracked_shard *s, uint64_t hash)
{
    return &s->buckets[hash >> (64 - s->bits)];
}

static struct tracked *
find(const struct tracked_shard *s, attl_slice key, uint64_t hash)
{
    if (!s->buckets)
        return NULL;
    struct tracked *e = *bucket_of(s, hash);
    while (e && (e->hash != hash || e->key_len != key.len ||
                 (key.len > 0 && memcmp(e->key, key.data, key.len) != 0)))
        e = e->next;
    return e;
}

/* A full table without memory for a larger one gets slower; one that has none at all fails. */
static bool
reserve(struct tracked_shard *s)
{
    if (s->buckets && (s->len < (size_t)1 << s->bits || s->bits == SHARD_BITS_MAX))
        return true;
    unsigned bits = s->buckets ? s->bits + 1 : SHARD_FIRST_BITS;
    struct tracked **buckets = calloc((size_t)1 << bits, sizeof *buckets);
    if (!buckets)
        return s->buckets != NULL;
    free(s->buckets);
    s->buckets = buckets;
    s->bits = bits;
    for (struct tracked *e = s->oldest; e; e = e->newer) {
        struct tracked **at = bucket_of(s, e->hash);
        e->next = *at;
        *at = e;
    }
    return true;
}

static struct tracked *
enter(struct tracked_shard *s, attl_slice key, uint64_t hash)
{
    if (!reserve(s))
        return NULL;
    struct tracked *e = malloc(sizeof *e + key.len);
    if (!e)
        return NULL;
    *e = (struct tracked){ .hash = hash, .key_len = (uint32_t)key.len, .cap = 1 };
    e->who = &e->one;
    if (key.len > 0)
        memcpy(e->key, key.data, key.len);
    struct tracked **at = bucket_of(s, hash);
    e->next = *at;
    *at = e;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
    s->len++;
    return e;
}

static void
take_out(struct tracked_shard *s, struct tracked *e)
{
    struct tracked **at = bucket_of(s, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    s->len--;
}

/* ---- the receivers of an entry ---- */

/* The place of `r`, or where it belongs. */
static uint32_t
place_of(const struct tracked *e, const struct receiver *r)
{
    uint32_t from = 0, to = e->len;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (e->who[middle]->id < r->id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Lets go of receivers that have gone; how many. */
static uint32_t
purge(struct tracked *e)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e->len; i++) {
        if (atomic_load_explicit(&e->who[i]->closed, memory_order_relaxed))
            receiver_free(e->who[i]);
        else
            e->who[kept++] = e->who[i];
    }
    uint32_t gone = e->len - kept;
    e->len = kept;
    return gone;
}

static bool
make_room(struct tracked *e)
{
    if (e->len < e->cap)
        return true;
    uint32_t cap = e->cap > 1 ? 2 * e->cap : RECEIVERS_FIRST;
    bool own = e->who != &e->one;
    struct receiver **who = realloc(own ? e->who : NULL, cap * sizeof(struct receiver *));
    if (!who)
        return false;
    if (!own)
        who[0] = e->one;
    e->who = who;
    e->cap = cap;
    return true;
}

/* False on lack of memory. */
static bool
add_receiver(struct tracked_table *t, struct tracked *e, struct receiver *r)
{
    uint32_t place = place_of(e, r);
    if (place < e->len && e->who[place] == r)
        return true;
    if (e->len == e->cap) {
        atomic_fetch_sub_explicit(&t->items, purge(e), memory_order_relaxed);
        place = place_of(e, r);
    }
    if (!make_room(e))
        return false;
    memmove(e->who + place + 1, e->who + place, (e->len - place) * sizeof(struct receiver *));
    e->who[place] = receiver_keep(r);
    e->len++;
    atomic_fetch_add_explicit(&t->items, 1, memory_order_relaxed);
    return true;
}

/* ---- entries that have left their shard ---- */

static void
tell(const struct tracked *e, uint64_t actor)
{
    struct message *m = message_copy(attl_b(e->key, e->key_len));
    for (uint32_t i = 0; i < e->len; i++) {
        struct receiver *r = e->who[i];
        bool own = actor != 0 && r->id == actor &&
                   atomic_load_explicit(&r->no_loop, memory_order_relaxed);
        if (own || !atomic_load_explicit(&r->tracks, memory_order_relaxed))
            continue;
        if (m)
            receiver_send(r, LETTER_INVALIDATE, m);
        else
            receiver_miss(r, LETTER_INVALIDATE);
    }
    message_free(m);
}

static void
tell_and_free(struct tracked_table *t, struct tracked *e, uint64_t actor)
{
    atomic_fetch_sub_explicit(&t->keys, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&t->items, e->len, memory_order_relaxed);
    tell(e, actor);
    entry_free(e);
}

/* The oldest entry of some shard goes, beginning behind `shard`; one at least is left in peace. */
static void
evict_one(struct tracked_table *t, size_t shard)
{
    for (size_t i = 0; i < TRACKED_SHARDS; i++) {
        struct tracked_shard *s = &t->shards[(shard + i) % TRACKED_SHARDS];
        lock_acquire(&s->lock);
        struct tracked *e = s->oldest;
        /* In the first one the newest has just been entered. */
        if (e && (i > 0 || e != s->newest))
            take_out(s, e);
        else
            e = NULL;
        lock_release(&s->lock);
        if (e) {
            tell_and_free(t, e, 0);
            return;
        }
    }
}

static void
keep_bounds(struct tracked_table *t, size_t shard)
{
    uint64_t max = atomic_load_explicit(&t->max_keys, memory_order_relaxed);
    /* Two per entry, so that a maximum that was lowered is reached as well. */
    for (int i = 0; i < 2 && max > 0; i++)
        if (atomic_load_explicit(&t->keys, memory_order_relaxed) > max)
            evict_one(t, shard);
}

/* ---- for callers ---- */

void
tracked_add(struct tracked_table *t, struct receiver *r, attl_slice key)
{
    uint64_t hash = hash_bytes(&t->hash, key);
    struct tracked_shard *s = shard_of(t, hash);
    lock_acquire(&s->lock);
    struct tracked *e = find(s, key, hash);
    bool is_new = !e;
    if (is_new)
        e = enter(s, key, hash);
    if (is_new && e)
        atomic_fetch_add_explicit(&t->keys, 1, memory_order_relaxed);
    bool added = e && add_receiver(t, e, r);
    lock_release(&s->lock);
    if (!added)
        receiver_miss(r, LETTER_INVALIDATE);
    if (is_new && e)
        keep_bounds(t, (size_t)(s - t->shards));
}

void
tracked_tell(struct tracked_table *t, attl_slice key, uint64_t actor)
{
    /* No look at the number of keys first: the lock is what orders this change and a read. */
    uint64_t hash = hash_bytes(&t->hash, key);
    struct tracked_shard *s = shard_of(t, hash);
    lock_acquire(&s->lock);
    struct tracked *e = find(s, key, hash);
    if (e)
        take_out(s, e);
    lock_release(&s->lock);
    if (e)
        tell_and_free(t, e, actor);
}

void
tracked_drop_all(struct tracked_table *t)
{
    for (size_t i = 0; i < TRACKED_SHARDS; i++) {
        struct tracked_shard *s = &t->shards[i];
        lock_acquire(&s->lock);
        if (s->oldest) {
            /* The list of ages becomes the list of what is to be freed. */
            s->newest->newer = s->trash;
            s->trash = s->oldest;
            s->oldest = s->newest = NULL;
            s->len = 0;
            free(s->buckets); /* cheaper than to empty it */
            s->buckets = NULL;
            atomic_store(&t->has_trash, true);
        }
        lock_release(&s->lock);
    }
}

void
tracked_collect(struct tracked_table *t)
{
    if (!atomic_load(&t->has_trash) || !atomic_exchange(&t->has_trash, false))
        return;
    for (size_t i = 0; i < TRACKED_SHARDS; i++) {
        struct tracked_shard *s = &t->shards[i];
        lock_acquire(&s->lock);
        struct tracked *e = s->trash;
        s->trash = NULL;
        lock_release(&s->lock);
        while (e) {
            struct tracked *next = e->newer;
            atomic_fetch_sub_explicit(&t->keys, 1, memory_order_relaxed);
            atomic_fetch_sub_explicit(&t->items, e->len, memory_order_relaxed);
            entry_free(e);
            e = next;
        }
    }
}

void
tracked_fini(struct tracked_table *t)
{
    tracked_drop_all(t);
    tracked_collect(t);
    ASSERT(atomic_load(&t->keys) == 0 && atomic_load(&t->items) == 0);
    for (size_t i = 0; i < TRACKED_SHARDS; i++)
        free(t->shards[i].buckets);
}
