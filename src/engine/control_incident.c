/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the response to incidents may do in the engine: run in a thread of the pool what may block,
 * and evict below the limits. Evicting goes by the cache's policy, as a writer would that finds it
 * full; it ends at the low-water mark or when its time is over, whichever is first, because the
 * control plane's cycle is not the place to work for long. The caller holds no lock of the cache.
 */
#include "engine/control.h"

#include "engine/engine.h"

enum {
    EVICT_BUDGET_NS = 5000000,
    EVICT_WHOLE_CHUNKS = 4096, /* entries: in a smaller cache a chunk is too large a part of it */
    PERCENT = 100,
};

int64_t
control_now_ms(struct attl *a)
{
    return engine_now_ms(a);
}

int
control_run(struct attl *a, struct pool_job *job)
{
    return pool_submit(a, job);
}

bool
control_is_closing(const struct attl *a)
{
    return pool_is_closing(a);
}

static bool
is_above(struct cache *c, unsigned percent)
{
    uint64_t max_items = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    uint64_t max_bytes = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
    if (max_items && cache_items(c) > max_items - max_items / PERCENT * percent)
        return true;
    return max_bytes && !cache_may_use(c, max_bytes / PERCENT * percent, false);
}

uint64_t
control_evict_below(struct attl *a, unsigned percent)
{
    struct cache *c = &a->cache;
    int64_t now_ms = engine_now_ms(a), end_ns = clock_mono_ns() + EVICT_BUDGET_NS;
    uint64_t before = cache_counter_sum(c, COUNT_EVICTED);
    if (atomic_load_explicit(&c->policy, memory_order_relaxed) == EVICT_NONE)
        return 0;
    if (cache_items(c) < EVICT_WHOLE_CHUNKS)
        percent = 0;
    while (is_above(c, percent) && clock_mono_ns() < end_ns)
        if (!drain_make_room(c, &c->shards[0], now_ms))
            break;
    return cache_counter_sum(c, COUNT_EVICTED) - before;
}
