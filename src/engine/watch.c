/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of watches: chains by the key's hash, each with a lock of its own, because watches of
 * several partitions meet in one chain. The number in the partition, which its lock guards, keeps
 * changes of keys that nobody watches away from here. Adding and removing touch one chain.
 */
#include "engine/watch.h"

void
watch_table_init(struct watch_table *t)
{
    *t = (struct watch_table){ 0 };
    for (unsigned i = 0; i < WATCH_BUCKETS; i++)
        lock_init(&t->buckets[i].lock);
}

static struct watch_bucket *
bucket_of(struct watch_table *t, uint64_t hash)
{
    return &t->buckets[hash % WATCH_BUCKETS];
}

void
watch_add_locked(struct watch_table *t, struct cache *c, struct watch *w, attl_slice key)
{
    uint64_t hash = cache_hash(c, key);
    *w = (struct watch){ .partition = cache_partition(c, hash), .key = key, .hash = hash };
    lock_assert_held(&w->partition->lock);
    w->partition->watched++;
    struct watch_bucket *b = bucket_of(t, hash);
    lock_acquire(&b->lock);
    w->next = b->first;
    if (w->next)
        w->next->prev = w;
    b->first = w;
    lock_release(&b->lock);
}

void
watch_add(struct watch_table *t, struct cache *c, struct watch *w, attl_slice key)
{
    struct partition *p = cache_partition(c, cache_hash(c, key));
    lock_acquire(&p->lock);
    watch_add_locked(t, c, w, key);
    lock_release(&p->lock);
}

void
watch_remove_locked(struct watch_table *t, struct watch *w)
{
    lock_assert_held(&w->partition->lock);
    ASSERT(w->partition->watched > 0);
    w->partition->watched--;
    struct watch_bucket *b = bucket_of(t, w->hash);
    lock_acquire(&b->lock);
    *(w->prev ? &w->prev->next : &b->first) = w->next;
    if (w->next)
        w->next->prev = w->prev;
    lock_release(&b->lock);
}

void
watch_remove(struct watch_table *t, struct watch *w)
{
    struct partition *p = w->partition;
    lock_acquire(&p->lock);
    watch_remove_locked(t, w);
    lock_release(&p->lock);
}

static bool
is_key(const struct watch *w, uint64_t hash, attl_slice key)
{
    return w->hash == hash && w->key.len == key.len &&
           (key.len == 0 || memcmp(w->key.data, key.data, key.len) == 0);
}

static void
note(struct watch *w, uint32_t kind)
{
    if (kind)
        (void)atomic_fetch_or_explicit(&w->seen, kind, memory_order_release);
    if (w->told)
        w->told(w);
}

void
watch_tell(struct watch_table *t, uint64_t hash, attl_slice key, uint32_t kind)
{
    struct watch_bucket *b = bucket_of(t, hash);
    lock_acquire(&b->lock);
    for (struct watch *w = b->first; w; w = w->next)
        if (is_key(w, hash, key))
            note(w, kind);
    lock_release(&b->lock);
}

void
watch_tell_unwanted(struct watch_table *t, uint64_t hash, attl_slice key)
{
    struct watch_bucket *b = bucket_of(t, hash);
    lock_acquire(&b->lock);
    for (struct watch *w = b->first; w; w = w->next)
        if (is_key(w, hash, key)) {
            atomic_store_explicit(&w->unwanted, true, memory_order_release);
            note(w, 0);
        }
    lock_release(&b->lock);
}

void
watch_tell_all(struct watch_table *t, uint32_t kind)
{
    for (unsigned i = 0; i < WATCH_BUCKETS; i++) {
        struct watch_bucket *b = &t->buckets[i];
        lock_acquire(&b->lock);
        for (struct watch *w = b->first; w; w = w->next)
            note(w, kind);
        lock_release(&b->lock);
    }
}
