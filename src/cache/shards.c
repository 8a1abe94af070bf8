/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many shards there are, and who owns which partition. The array of shards has room for as many
 * as there can ever be: addresses are reserved, memory is committed for those that exist, so a
 * shard never moves and finding one stays an addition. More shards get an even share of partitions
 * at once, from those that have most; of fewer, the last ones give all they have to the others and
 * go on holding their chunks until the maintenance has copied what lives in them to the new owners
 * (shard_is_leaving). A shard that exists never ceases to: it is asked again whether it has work,
 * which costs a glance.
 *
 * `shards_lock` admits one change at a time and is taken before any partition's lock. Who moves a
 * partition decides under its lock, after `shards_active` was set, so none ends up with a shard
 * that is no longer in force.
 */
#include "cache/cache.h"

#include "os/mem.h"

enum {
    COMMIT_BYTES = 64 << 10,   /* a multiple of every page size */
    SHARD_MIN_BYTES = 8 << 20, /* a shard's open chunks must stay a small part of its budget */
    SHARD_MIN_ITEMS = 4096,
};

static size_t
committed_for(unsigned shards)
{
    size_t bytes = shards * sizeof(struct shard);
    return (bytes + COMMIT_BYTES - 1) / COMMIT_BYTES * COMMIT_BYTES;
}

/* How many shards a cache with these limits gets of those wished for. */
static unsigned
affordable(const struct cache *c, uint64_t n)
{
    uint64_t bytes = atomic_load_explicit(&c->max_bytes, memory_order_relaxed);
    uint64_t items = atomic_load_explicit(&c->max_items, memory_order_relaxed);
    if (bytes && n > bytes / SHARD_MIN_BYTES)
        n = bytes / SHARD_MIN_BYTES;
    if (items && n > items / SHARD_MIN_ITEMS)
        n = items / SHARD_MIN_ITEMS;
    if (n > c->shards_max)
        n = c->shards_max;
    return n ? (unsigned)n : 1;
}

/* Sees to it that the first n shards exist. */
static bool
make_shards(struct cache *c, unsigned n, int64_t now_ms)
{
    unsigned have = atomic_load(&c->shard_count);
    if (n <= have)
        return true;
    size_t old = committed_for(have), wanted = committed_for(n);
    if (wanted > old && !os_mem_commit((char *)c->shards + old, wanted - old, false))
        return false;
    for (unsigned i = have; i < n; i++)
        shard_init(&c->shards[i], c, (uint16_t)i, now_ms);
    atomic_fetch_add(&c->fixed_bytes, (n - have) * sizeof(struct shard));
    atomic_store(&c->shard_count, n);
    return true;
}

bool
cache_shards_init(struct cache *c, unsigned wished, int64_t now_ms)
{
    unsigned partitions = 1u << c->partition_bits;
    c->shards_max = partitions < LIMIT_SHARDS ? partitions : LIMIT_SHARDS;
    lock_init(&c->shards_lock);
    c->shards = os_mem_reserve(committed_for(c->shards_max), COMMIT_BYTES);
    unsigned n = affordable(c, wished);
    if (!c->shards || !make_shards(c, n, now_ms))
        return false;
    atomic_init(&c->shards_active, n);
    atomic_init(&c->shards_wished, wished);
    atomic_init(&c->shards_served, wished);
    for (unsigned i = 0; i < partitions; i++)
        atomic_init(&c->partitions[i].owner, (uint16_t)(i % n));
    return true;
}

void
cache_shards_fini(struct cache *c)
{
    if (!c->shards)
        return;
    for (unsigned i = 0; i < atomic_load(&c->shard_count); i++)
        shard_fini(&c->shards[i]);
    os_mem_release(c->shards, committed_for(c->shards_max));
    c->shards = NULL;
}

/* ---- moving ---------------------------------------------------------------------------------- */

/* The partition's lock is held. */
static void
give(struct cache *c, struct partition *p, struct shard *to)
{
    struct shard *from = cache_shard(c, p);
    if (from == to)
        return;
    atomic_fetch_sub_explicit(&from->items, p->items, memory_order_relaxed);
    atomic_fetch_sub_explicit(&from->ttl_items, p->ttl_items, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->items, p->items, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->ttl_items, p->ttl_items, memory_order_relaxed);
    atomic_store_explicit(&p->owner, to->index, memory_order_release);
    atomic_fetch_add_explicit(&c->moves, 1, memory_order_relaxed);
}

void
cache_move_partition(struct cache *c, unsigned partition, unsigned shard)
{
    struct partition *p = &c->partitions[partition];
    lock_acquire(&p->lock);
    if (shard < atomic_load(&c->shards_active))
        give(c, p, &c->shards[shard]);
    lock_release(&p->lock);
}

/* Who has how many partitions, and who should have. */
struct spread {
    unsigned n, each, more; /* the first `more` get one more than `each` */
    unsigned next;          /* may still take some */
    unsigned counts[LIMIT_SHARDS];
};

static unsigned
quota(const struct spread *s, unsigned shard)
{
    return s->each + (shard < s->more);
}

/* The next shard that has less than its share; if others moved partitions meanwhile, any. */
static unsigned
taker(struct spread *s)
{
    while (s->next < s->n && s->counts[s->next] >= quota(s, s->next))
        s->next++;
    return s->next < s->n ? s->next : 0;
}

/* Partitions of shards beyond the new number go to those that have least, or, when there are more
 * shards than before, from those that have most to the new ones. */
static void
spread(struct cache *c, unsigned before, unsigned n)
{
    unsigned partitions = 1u << c->partition_bits;
    struct spread s = { .n = n, .each = partitions / n, .more = partitions % n };
    s.next = n > before ? before : 0;
    for (unsigned i = 0; i < partitions; i++)
        s.counts[atomic_load_explicit(&c->partitions[i].owner, memory_order_relaxed)]++;
    for (unsigned i = 0; i < partitions; i++) {
        struct partition *p = &c->partitions[i];
        lock_acquire(&p->lock);
        unsigned owner = atomic_load_explicit(&p->owner, memory_order_relaxed);
        if (owner >= n || (n > before && owner < before && s.counts[owner] > quota(&s, owner))) {
            unsigned to = taker(&s);
            give(c, p, &c->shards[to]);
            s.counts[owner]--;
            s.counts[to]++;
        }
        lock_release(&p->lock);
    }
}

void
cache_wish_shards(struct cache *c, unsigned n)
{
    atomic_store(&c->shards_wished, n);
}

/* Nothing is evicted into the ghost of a shard without partitions. */
static void
forget_ghosts(struct cache *c, unsigned from)
{
    for (unsigned i = from; i < atomic_load(&c->shard_count); i++) {
        struct shard *s = &c->shards[i];
        lock_acquire(&s->lock);
        atomic_fetch_sub_explicit(&c->ghost_bytes, ghost_bytes(&s->ghost), memory_order_relaxed);
        ghost_fini(&s->ghost);
        ghost_init(&s->ghost, &c->config.alloc);
        lock_release(&s->lock);
    }
}

void
cache_serve_wish(struct cache *c, int64_t now_ms)
{
    lock_acquire(&c->shards_lock);
    unsigned wished = atomic_load(&c->shards_wished);
    unsigned before = atomic_load(&c->shards_active), n = affordable(c, wished);
    if (!make_shards(c, n, now_ms))
        n = before; /* no memory for more: what there is goes on */
    atomic_store(&c->shards_served, wished);
    if (n != before) {
        atomic_store(&c->shards_active, n);
        spread(c, before, n);
        forget_ghosts(c, n);
    }
    lock_release(&c->shards_lock);
}
