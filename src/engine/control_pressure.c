/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory pressure through the door of the control plane: what the system says, and what can be done
 * about it. Only the cycle calls what observes and acts here, so `attl.pressure` needs no lock.
 * Evicting is done in slices, because a cycle must be short: each round frees an entry, a chunk or
 * dead space, and the clock is read between rounds. Whoever writes meanwhile evicts as well, as at
 * any limit.
 */
#include "engine/control.h"
#include "engine/engine.h"

enum {
    NS_PER_US = 1000,
    EXPIRE_ROUNDS = 16,
    PERCENT = 100,
    SPARE_DIVISOR = 16, /* of the data: so much may be free and not given back yet */
    DISCARD_RUNS = 256,
    EVICT_WHOLE_CHUNKS = 4096, /* entries: in a smaller cache a chunk is too large a part of it */
};

void
control_pressure_root(struct attl *a, const char *root)
{
    pressure_find(&a->pressure, root);
}

void
control_observe_pressure(struct attl *a, struct control_pressure *ret)
{
    struct cache *c = &a->cache;
    struct pressure_reading r;
    pressure_read(&a->pressure, &r);
    *ret = (struct control_pressure){
        .limit_bytes = r.limit_bytes,
        .used_bytes = r.used_bytes,
        .stall_percent = r.stall_percent,
        .refused = atomic_load_explicit(&c->region.refused, memory_order_relaxed),
        .data_bytes = cache_used_bytes(c),
        .held_bytes = atomic_load_explicit(&c->region.touched_bytes, memory_order_relaxed),
        .ops = cache_counter_sum(c, COUNT_HITS) + cache_counter_sum(c, COUNT_MISSES) +
               cache_counter_sum(c, COUNT_SETS) + cache_counter_sum(c, COUNT_DELETES) +
               cache_counter_sum(c, COUNT_REFUSED_FULL),
        .evicts = atomic_load_explicit(&c->policy, memory_order_relaxed) != EVICT_NONE,
    };
}

void
control_set_soft_limit(struct attl *a, uint64_t bytes)
{
    if (atomic_load_explicit(&a->cache.soft_bytes, memory_order_relaxed) == bytes)
        return;
    cache_set_soft_limit(&a->cache, bytes);
    atomic_store(&a->cache.region.touched_max, bytes ? bytes + bytes / SPARE_DIVISOR : UINT64_MAX);
    if (bytes == 0)
        return;
    for (unsigned i = 0; i < a->cache.shard_count; i++)
        atomic_store(&a->cache.shards[i].owes, true);
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

bool
control_evict(struct attl *a, unsigned percent, int64_t budget_us, uint64_t *ret_entries)
{
    struct cache *c = &a->cache;
    int64_t end_ns = clock_mono_ns() + budget_us * NS_PER_US;
    uint64_t before = cache_counter_sum(c, COUNT_EVICTED);
    bool can = reclaim_self() &&
               atomic_load_explicit(&c->policy, memory_order_relaxed) != EVICT_NONE;
    if (cache_items(c) < EVICT_WHOLE_CHUNKS)
        percent = 0;
    while (can && is_above(c, percent) && clock_mono_ns() < end_ns)
        can = drain_make_room(c, &c->shards[0], engine_now_ms(a));
    *ret_entries = cache_counter_sum(c, COUNT_EVICTED) - before;
    return can && is_above(c, percent);
}

void
control_trim(struct attl *a)
{
    int64_t now_ms = engine_now_ms(a);
    if (reclaim_self())
        for (unsigned i = 0; i < EXPIRE_ROUNDS && drain_expire_some(&a->cache, now_ms); i++)
            continue;
    (void)limbo_collect(&a->cache.limbo);
    struct region *r = &a->cache.region;
    if (atomic_load(&r->touched_bytes) > atomic_load(&r->touched_max)) {
        (void)arena_pool_discard(&a->cache.chunk_pool, DISCARD_RUNS);
        (void)arena_pool_discard(&a->cache.extent_pool, DISCARD_RUNS);
    }
    /* The maintenance, in which we are, looks at these next. */
    atomic_store(&a->trim_at_ms, now_ms);
    atomic_store(&a->pace.deep_last_ms, INT64_MIN); /* arenas are emptied without waiting for it */
}

void
control_refuse_above(struct attl *a, uint64_t bytes)
{
    atomic_store(&a->rules.room_bytes, bytes);
}
