/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sketch of hot keys. Searching it is a walk over 64 hashes, 8 cache lines, once in 64
 * operations: a heap or a map would save less than it costs. Counts fade at most once a second, all
 * at once, and what has faded to nothing is forgotten, so keys do not stay here long after anybody
 * used them.
 */
#include "engine/hot.h"

#include <math.h>
#include <string.h>

enum { FADE_NS = 1000000000 };
#define TAU_S 10.0
#define FORGET_BELOW 0.02f /* of a sample */

struct hot_keys *
hot_new(const attl_allocator *alloc)
{
    struct hot_keys *h = alloc_zero(alloc, sizeof(*h));
    if (h)
        lock_init(&h->lock);
    return h;
}

void
hot_free(const attl_allocator *alloc, struct hot_keys *h)
{
    alloc_free(alloc, h);
}

static void
forget(struct hot_keys *h, unsigned i)
{
    h->count--;
    h->entries[i] = h->entries[h->count];
    h->hashes[i] = h->hashes[h->count];
    h->estimates[i] = h->estimates[h->count];
    memset(&h->entries[h->count], 0, sizeof(h->entries[h->count]));
}

static void
fade(struct hot_keys *h, int64_t now_ns)
{
    if (!h->begun_ns)
        h->begun_ns = h->faded_ns = now_ns;
    if (now_ns - h->faded_ns >= FADE_NS) {
        float keep = (float)exp(-(double)(now_ns - h->faded_ns) / FADE_NS / TAU_S);
        h->faded_ns = now_ns;
        h->total *= keep;
        for (unsigned i = 0; i < LIMIT_SHARDS; i++)
            h->shard_total[i] *= keep;
        for (unsigned i = h->count; i-- > 0;) {
            struct hot_entry *e = &h->entries[i];
            e->seen[0] *= keep;
            e->seen[1] *= keep;
            e->inherited *= keep;
            h->estimates[i] *= keep;
            if (h->estimates[i] < FORGET_BELOW)
                forget(h, i);
        }
    }
}

double
hot_fade(struct hot_keys *h, int64_t now_ns)
{
    fade(h, now_ns);
    return TAU_S * (1 - exp(-(double)(h->faded_ns - h->begun_ns) / FADE_NS / TAU_S)) +
           (double)(now_ns - h->faded_ns) / FADE_NS;
}

/* Of a full sketch the least, otherwise a free place. */
static unsigned
place_for(struct hot_keys *h, float *ret_inherited)
{
    *ret_inherited = 0;
    if (h->count < LIMIT_HOT_KEYS)
        return h->count++;
    unsigned least = 0;
    for (unsigned i = 1; i < LIMIT_HOT_KEYS; i++)
        if (h->estimates[i] < h->estimates[least])
            least = i;
    *ret_inherited = h->estimates[least];
    return least;
}

static unsigned
find_or_take(struct hot_keys *h, attl_slice key, uint64_t hash)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->hashes[i] == hash)
            return i;
    float inherited;
    unsigned i = place_for(h, &inherited);
    struct hot_entry *e = &h->entries[i];
    *e = (struct hot_entry){ .inherited = inherited, .key_len = (uint32_t)key.len };
    size_t kept = key.len < sizeof(e->key) ? key.len : sizeof(e->key);
    if (kept)
        memcpy(e->key, key.data, kept);
    h->hashes[i] = hash;
    h->estimates[i] = inherited;
    return i;
}

void
hot_enter(struct hot_keys *h, unsigned kind, attl_slice key, uint64_t hash, unsigned shard,
          int64_t now_ns)
{
    if (!atomic_load_explicit(&h->enabled, memory_order_relaxed) || !lock_try(&h->lock))
        return;
    fade(h, now_ns);
    unsigned i = find_or_take(h, key, hash);
    h->entries[i].seen[kind]++;
    h->estimates[i]++;
    h->total++;
    h->shard_total[shard]++;
    lock_release(&h->lock);
}

void
hot_reset(struct hot_keys *h)
{
    lock_acquire(&h->lock);
    h->begun_ns = h->faded_ns = 0;
    h->total = 0;
    h->count = 0;
    memset(h->shard_total, 0, sizeof(h->shard_total));
    memset(h->entries, 0, sizeof(h->entries));
    lock_release(&h->lock);
}
