/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling the busiest keys: the sketch is copied under its lock, turned into rates and sorted
 * without it. Counts are of samples, so a rate is a count times CONTROL_SAMPLE_EVERY over the time
 * it stands for; keys of which fewer than SEEN_MIN samples are left are chance and not told.
 * Nothing here is kept between calls.
 */
#include "api/api.h"

#include "engine/hot.h"

#include <stdlib.h>

#define SEEN_MIN 2.0f

static float
seen(const struct hot_entry *e)
{
    return e->seen[CONTROL_READ] + e->seen[CONTROL_WRITE];
}

static int
busier_first(const void *x, const void *y)
{
    float a = seen(x), b = seen(y);
    return (a < b) - (a > b);
}

static void
tell(struct attl *a, const struct hot_keys *h, const struct hot_entry *e, double seconds,
     attl_hot_key *ret)
{
    double scale = CONTROL_SAMPLE_EVERY / seconds;
    size_t kept = e->key_len < sizeof(e->key) ? e->key_len : sizeof(e->key);
    *ret = (attl_hot_key){ .struct_size = sizeof(*ret),
                           .key = attl_b(e->key, kept),
                           .key_len = e->key_len,
                           .reads = (double)e->seen[CONTROL_READ] * scale,
                           .writes = (double)e->seen[CONTROL_WRITE] * scale,
                           .error = (double)e->inherited * scale };
    if (h->total > 0)
        ret->share = (double)(seen(e) / h->total);
    if (kept < e->key_len)
        return; /* where a cut key lives cannot be said */
    struct partition *p = cache_partition(&a->cache, cache_hash(&a->cache, ret->key));
    ret->partition = (uint32_t)(p - a->cache.partitions);
    ret->shard = atomic_load_explicit(&p->owner, memory_order_relaxed);
    float all = h->shard_total[ret->shard];
    ret->shard_share = all > seen(e) ? (double)(seen(e) / all) : 1;
}

int
attl_hot_keys(attl *a, size_t max, attl_hot_key_fn fn, void *ud)
{
    struct hot_keys *h = a->sampler.hot;
    if (!atomic_load(&h->enabled))
        return ATTL_E_UNSUPPORTED;
    const attl_allocator *alloc = &a->cache.config.alloc;
    struct hot_keys *copy = hot_new(alloc);
    if (!copy)
        return ATTL_E_NOMEM;
    lock_acquire(&h->lock);
    double seconds = hot_fade(h, clock_mono_ns());
    copy->total = h->total;
    copy->count = h->count;
    memcpy(copy->shard_total, h->shard_total, sizeof(copy->shard_total));
    memcpy(copy->entries, h->entries, sizeof(copy->entries));
    lock_release(&h->lock);
    qsort(copy->entries, copy->count, sizeof(copy->entries[0]), busier_first);
    for (unsigned i = 0; i < copy->count && i < max && seen(&copy->entries[i]) >= SEEN_MIN; i++) {
        attl_hot_key told;
        tell(a, copy, &copy->entries[i], seconds > 0 ? seconds : 1, &told);
        fn(ud, &told);
    }
    hot_free(alloc, copy);
    return ATTL_OK;
}
