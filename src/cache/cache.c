/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a cache to fit its limits, its sums and counters. Everything
 * scales with the configured bounds: a cache of ten entries has one shard and a handful of
 * partitions, because open chunks and empty tables must not eat the budget they are meant to serve.
 * Shared sums are relaxed atomics; everything else here runs before or after all other threads.
 */
#include "cache/cache.h"

#include "os/mem.h"

enum {
    ITEMS_PER_PARTITION = 1024, /* what a partition should hold when the cache is full */
    ITEM_BYTES_GUESS = 128,
    PARTITION_BITS_DEFAULT = 12,
    CHUNKS_PER_CACHE = 1024,
    RESERVE_SLACK_BYTES = 1 << 30,
    URGENT_SHARE = 16,
};

static unsigned
log2_at_least(uint64_t x)
{
    return x <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(x - 1);
}

static unsigned
choose_partition_bits(const struct cache_config *config)
{
    unsigned bits = PARTITION_BITS_DEFAULT;
    if (config->partition_bits) {
        bits = config->partition_bits;
    } else {
        uint64_t items = config->max_items;
        if (config->max_bytes && (!items || items > config->max_bytes / ITEM_BYTES_GUESS))
            items = config->max_bytes / ITEM_BYTES_GUESS;
        if (items)
            bits = log2_at_least(items / ITEMS_PER_PARTITION);
    }
    if (bits < LIMIT_PARTITION_BITS_MIN)
        bits = LIMIT_PARTITION_BITS_MIN;
    return bits > LIMIT_PARTITION_BITS_MAX ? LIMIT_PARTITION_BITS_MAX : bits;
}

static uint32_t
choose_chunk_max(const struct cache_config *config)
{
    if (!config->max_bytes)
        return LIMIT_CHUNK_MAX_BYTES;
    uint64_t bytes = config->max_bytes / CHUNKS_PER_CACHE;
    uint32_t chunk = LIMIT_CHUNK_MIN_BYTES;
    while (chunk < LIMIT_CHUNK_MAX_BYTES && chunk * 2 <= bytes)
        chunk *= 2;
    return chunk;
}

static int
init_tables(struct cache *c, int64_t now_ms)
{
    const attl_allocator *a = &c->config.alloc;
    size_t count = (size_t)1 << c->partition_bits;
    c->partitions = alloc_line(a, count * sizeof(*c->partitions));
    if (!c->partitions)
        return ATTL_E_NOMEM;
    atomic_init(&c->fixed_bytes, count * sizeof(*c->partitions));
    if (!cache_shards_init(c, c->config.shards, now_ms))
        return ATTL_E_NOMEM;
    return ATTL_OK;
}

int
cache_init(struct cache *c, const struct cache_config *config, int64_t now_ms)
{
    *c = (struct cache){ .config = *config };
    c->partition_bits = choose_partition_bits(config);
    c->chunk_max_bytes = choose_chunk_max(config);
    c->hash.use_siphash = config->use_siphash;
    atomic_init(&c->max_bytes, config->max_bytes);
    atomic_init(&c->hard_bytes, config->max_bytes);
    atomic_init(&c->soft_bytes, 0);
    atomic_init(&c->max_items, config->max_items);
    atomic_init(&c->max_pinned_bytes, config->max_pinned_bytes);
    atomic_init(&c->policy, config->policy);
    atomic_init(&c->utilization_percent, config->utilization_percent);
    bool huge = config->huge_pages && os_mem_has_huge_pages();
    uint64_t want = config->max_bytes ? config->max_bytes * 4 + RESERVE_SLACK_BYTES : UINT64_MAX;
    if (!os_mem_random(c->hash.secret, sizeof(c->hash.secret)) ||
        !os_mem_random(c->hash.sip, sizeof(c->hash.sip)) ||
        !region_init(&c->region, &c->config.alloc, want < SIZE_MAX ? (size_t)want : SIZE_MAX, huge))
        return ATTL_E_NOMEM;
    arena_pool_init(&c->chunk_pool, &c->region, ARENA_PAGE_BYTES, true);
    arena_pool_init(&c->table_pool, &c->region, TABLE_GRANULE_BYTES, false);
    arena_pool_init(&c->extent_pool, &c->region, ARENA_PAGE_BYTES, false);
    chunk_store_init(&c->chunks, &c->chunk_pool, &c->config.alloc);
    extent_store_init(&c->extents, &c->extent_pool);
    limbo_init(&c->limbo, &c->chunks);
    lock_init(&c->clear_lock);
    c->env = (struct partition_env){ .region = &c->region,
                                     .tables = &c->table_pool,
                                     .limbo = &c->limbo,
                                     .hash = &c->hash,
                                     .rebuilds = &c->rebuilds };
    int status = init_tables(c, now_ms);
    if (status != ATTL_OK)
        cache_fini(c);
    return status;
}

/* Extents above the pool's size are mapped one by one, so the region does not take them along. */
static void
drop_extents(struct cache *c, struct table *t)
{
    uint32_t buckets = t->home_count + 1 + t->stash_count;
    for (uint32_t i = 0; i < buckets * BUCKET_SLOTS; i++) {
        struct index_pos pos = { &t->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS };
        uint64_t address = index_address(pos);
        if (!address)
            continue;
        struct record *r = region_pointer(&c->region, address);
        struct record_shape shape = record_shape(r);
        struct extent_ref ref;
        if (!(shape.flags & RECORD_EXTENT))
            continue;
        memcpy(&ref, record_value(r, &shape).data, sizeof(ref));
        extent_disown(ref.extent);
    }
}

void
cache_fini(struct cache *c)
{
    const attl_allocator *a = &c->config.alloc;
    for (size_t i = 0; c->partitions && i < (size_t)1 << c->partition_bits; i++) {
        struct table *t = partition_table(&c->partitions[i]);
        if (t && atomic_load(&c->extents.used_bytes) > 0)
            drop_extents(c, t);
    }
    cache_shards_fini(c);
    limbo_fini(&c->limbo);
    for (unsigned i = 0; i < LIMIT_THREAD_STRIPES; i++)
        alloc_free_line(a, atomic_load(&c->stripes[i]));
    alloc_free_line(a, c->partitions);
    chunk_store_fini(&c->chunks);
    region_fini(&c->region);
    explicit_bzero(&c->hash, sizeof(c->hash));
    c->partitions = NULL;
}

/* ---- counters -------------------------------------------------------------------------------- */

static struct stripe *
stripe_new(struct cache *c, uint32_t index)
{
    struct stripe *mine = alloc_line(&c->config.alloc, sizeof(*mine));
    if (!mine)
        return NULL;
    /* There may have been no memory when the thread's last mark was set. */
    uint64_t mark = atomic_load_explicit(&c->shared_stripe.mark, memory_order_relaxed);
    atomic_init(&mine->mark, mark);
    atomic_store_explicit(&c->stripes[index], mine, memory_order_release);
    uint32_t end = atomic_load(&c->stripes_end);
    while (end <= index && !atomic_compare_exchange_weak(&c->stripes_end, &end, index + 1))
        ;
    return mine;
}

/* The calling thread's own, or NULL if it shares one. */
static inline struct stripe *
stripe_of(struct cache *c, const struct reclaim_reader *r)
{
    if (r->index >= LIMIT_THREAD_STRIPES)
        return NULL;
    struct stripe *s = atomic_load_explicit(&c->stripes[r->index], memory_order_relaxed);
    return __builtin_expect(s != NULL, 1) ? s : stripe_new(c, r->index);
}

void
cache_mark_set(struct cache *c, const struct reclaim_reader *r, uint64_t mark)
{
    struct stripe *s = stripe_of(c, r);
    if (s) {
        atomic_store_explicit(&s->mark, mark, memory_order_relaxed);
        return;
    }
    uint64_t seen = atomic_load_explicit(&c->shared_stripe.mark, memory_order_relaxed);
    while (seen < mark &&
           !atomic_compare_exchange_weak_explicit(&c->shared_stripe.mark, &seen, mark,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

uint64_t
cache_mark(struct cache *c, const struct reclaim_reader *r)
{
    struct stripe *s = stripe_of(c, r);
    return atomic_load_explicit(s ? &s->mark : &c->shared_stripe.mark, memory_order_relaxed);
}

void
cache_actor_set(struct cache *c, const struct reclaim_reader *r, uint64_t actor)
{
    struct stripe *s = stripe_of(c, r);
    if (!s)
        return;
    atomic_store_explicit(&s->actor, actor, memory_order_relaxed);
    atomic_store_explicit(&s->actor_life, r->life, memory_order_relaxed);
}

uint64_t
cache_actor(struct cache *c, const struct reclaim_reader *r)
{
    struct stripe *s = stripe_of(c, r);
    if (!s || atomic_load_explicit(&s->actor_life, memory_order_relaxed) != r->life)
        return 0;
    return atomic_load_explicit(&s->actor, memory_order_relaxed);
}

void
cache_count(struct cache *c, const struct reclaim_reader *r, enum cache_counter which, uint64_t n)
{
    struct stripe *s = stripe_of(c, r);
    if (__builtin_expect(!s, 0)) {
        atomic_fetch_add_explicit(&c->shared_stripe.count[which], n, memory_order_relaxed);
        return;
    }
    uint64_t present = atomic_load_explicit(&s->count[which], memory_order_relaxed);
    atomic_store_explicit(&s->count[which], present + n, memory_order_relaxed);
}

uint64_t
cache_counter_sum(const struct cache *c, enum cache_counter which)
{
    uint64_t sum = atomic_load_explicit(&c->shared_stripe.count[which], memory_order_relaxed);
    for (unsigned i = 0; i < atomic_load(&c->stripes_end); i++) {
        struct stripe *s = atomic_load_explicit(&c->stripes[i], memory_order_acquire);
        if (s)
            sum += atomic_load_explicit(&s->count[which], memory_order_relaxed);
    }
    return sum;
}

void
cache_counters_reset(struct cache *c)
{
    for (unsigned which = 0; which < COUNT_TOTAL; which++) {
        if (which == COUNT_CHANGES)
            continue; /* persist.save counts on it */
        atomic_store_explicit(&c->shared_stripe.count[which], 0, memory_order_relaxed);
        for (unsigned i = 0; i < atomic_load(&c->stripes_end); i++) {
            struct stripe *s = atomic_load_explicit(&c->stripes[i], memory_order_acquire);
            if (s)
                atomic_store_explicit(&s->count[which], 0, memory_order_relaxed);
        }
    }
    atomic_store(&c->lag_max_ms, 0);
    for (unsigned class = 0; class < HISTOGRAM_CLASSES; class ++)
        atomic_store_explicit(&c->lags[class], 0, memory_order_relaxed);
    atomic_store(&c->rebuilds, 0);
    atomic_store(&c->moves, 0);
}

uint64_t
cache_items(const struct cache *c)
{
    uint64_t items = 0;
    for (unsigned i = 0; i < c->shard_count; i++)
        items += atomic_load_explicit(&c->shards[i].items, memory_order_relaxed);
    return items;
}

uint64_t
cache_used_bytes(const struct cache *c)
{
    return atomic_load_explicit(&c->chunk_pool.used_bytes, memory_order_relaxed) +
           atomic_load_explicit(&c->table_pool.used_bytes, memory_order_relaxed) +
           atomic_load_explicit(&c->extents.used_bytes, memory_order_relaxed) +
           atomic_load_explicit(&c->ghost_bytes, memory_order_relaxed) + c->fixed_bytes;
}

/* Both may be set at the same time: who has put the sum of them in looks whether it still is. */
static void
follow_limits(struct cache *c)
{
    uint64_t hard = atomic_load(&c->hard_bytes), soft = atomic_load(&c->soft_bytes);
    for (;;) {
        atomic_store(&c->max_bytes, soft && (!hard || soft < hard) ? soft : hard);
        uint64_t hard_now = atomic_load(&c->hard_bytes), soft_now = atomic_load(&c->soft_bytes);
        if (hard_now == hard && soft_now == soft)
            return;
        hard = hard_now;
        soft = soft_now;
    }
}

void
cache_set_hard_limit(struct cache *c, uint64_t bytes)
{
    atomic_store(&c->hard_bytes, bytes);
    follow_limits(c);
}

void
cache_set_soft_limit(struct cache *c, uint64_t bytes)
{
    atomic_store(&c->soft_bytes, bytes);
    follow_limits(c);
}

bool
cache_may_use(struct cache *c, uint64_t more, bool urgent)
{
    uint64_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
    uint64_t used = cache_used_bytes(c) + more;
    /* Evicting more would not free what only a snapshot keeps; freeze.h bounds it. */
    uint64_t kept = limbo_held_bytes(&c->limbo) +
                    atomic_load_explicit(&c->frozen_bytes, memory_order_relaxed);
    used -= kept < used ? kept : used;
    if (used > atomic_load_explicit(&c->peak_bytes, memory_order_relaxed))
        atomic_store_explicit(&c->peak_bytes, used, memory_order_relaxed);
    if (max == 0)
        return true;
    if (urgent)
        max += max / URGENT_SHARE + LIMIT_CHUNK_MAX_BYTES;
    return used <= max;
}

bool
cache_never_fits(const struct cache *c, uint64_t len)
{
    uint64_t max = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
    uint64_t bytes = len > LIMIT_INLINE_VALUE_BYTES ? extent_bytes(len) : len;
    return max && bytes + c->fixed_bytes > max;
}

void
cache_lock_all(struct cache *c)
{
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++)
        lock_acquire(&c->partitions[i].lock);
}

void
cache_unlock_all(struct cache *c)
{
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++)
        lock_release(&c->partitions[i].lock);
}

void
cache_reserve(struct cache *c, uint64_t entries)
{
    uint64_t max = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    entries = max && entries > max ? max : entries;
    uint64_t each = entries >> c->partition_bits;
    uint64_t bytes = (uint64_t)index_table_bytes(each) << c->partition_bits;
    if (each == 0 || cache_items(c) > 0 || !cache_may_use(c, bytes, false))
        return;
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++) {
        struct partition *p = &c->partitions[i];
        lock_acquire(&p->lock);
        partition_reserve(p, &c->env, each);
        lock_release(&p->lock);
    }
}
