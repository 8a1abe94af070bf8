/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking the cache. The check walks every partition, recomputes each sum the cache keeps
 * incrementally and compares: entries, bytes, chunks, memory. It must run while nobody else is
 * inside and is what the model test calls every few steps.
 */
#include "cache/cache.h"

struct sums {
    uint64_t items, ttl_items, record_bytes, live_bytes;
};

/* Adds the entries of one partition; false if an entry cannot be found by its own key. */
static bool
sum_partition(struct cache *c, struct partition *p, struct sums *sums)
{
    struct table *t = partition_table(p);
    uint32_t places = t ? (t->home_count + 1 + t->stash_count) * BUCKET_SLOTS : 0;
    for (uint32_t i = 0; i < places; i++) {
        struct index_pos pos = { &t->buckets[i / BUCKET_SLOTS], i % BUCKET_SLOTS };
        uint64_t address = index_address(pos);
        if (!address)
            continue;
        struct record *r = region_pointer(&c->region, address);
        struct record_shape shape = record_shape(r);
        struct index_key key = { .key = record_key(r, &shape) };
        key.hash = cache_hash(c, key.key);
        struct index_pos found;
        if (cache_partition(c, key.hash) != p || !index_find(t, &c->region, &key, &found) ||
            index_address(found) != address)
            return false;
        struct extent_ref ref = { .extent = NULL };
        if (shape.flags & RECORD_EXTENT)
            memcpy(&ref, record_value(r, &shape).data, sizeof(ref));
        sums->items++;
        sums->ttl_items += (shape.flags & RECORD_HAS_TTL) != 0;
        sums->record_bytes += shape.bytes;
        sums->live_bytes += shape.bytes + (ref.extent ? ref.extent->bytes : 0);
    }
    return true;
}

/* A chunk's live counters against a walk of its records. */
static const char *
check_chunk(struct cache *c, const struct chunk *chunk)
{
    uint64_t live_bytes = 0, live_items = 0;
    uint32_t offset = 0;
    while (offset < chunk->used) {
        struct record *r = (struct record *)(void *)(chunk->data + offset);
        struct record_shape shape = record_shape(r);
        uint64_t hash = cache_hash(c, record_key(r, &shape));
        struct table *t = partition_table(cache_partition(c, hash));
        struct index_pos pos;
        if (t && index_find_address(t, hash, region_address(&c->region, r), &pos)) {
            live_bytes += shape.bytes;
            live_items++;
        }
        offset += shape.bytes;
    }
    if (offset != chunk->used)
        return "a chunk's records do not fill what is used of it";
    if (live_bytes != atomic_load(&chunk->live_bytes) ||
        live_items != atomic_load(&chunk->live_items))
        return "a chunk's live counters differ from its live records";
    return NULL;
}

/* What the chunks of a shard add up to. */
struct chunk_sums {
    uint64_t bytes, live_bytes[GEN_COUNT], used_bytes, open_used_bytes, open_bytes;
};

static const char *
check_list(struct cache *c, const struct chunk *first, struct chunk_sums *sums)
{
    for (const struct chunk *chunk = first; chunk; chunk = chunk->link[LINK_CHAIN].next) {
        const char *broken = check_chunk(c, chunk);
        if (broken)
            return broken;
        sums->bytes += chunk->bytes;
        sums->live_bytes[chunk->gen] += atomic_load(&chunk->live_bytes);
        if (atomic_load(&chunk->state) == CHUNK_OPEN) {
            sums->open_used_bytes += chunk->used;
            sums->open_bytes += chunk->bytes;
        } else {
            sums->used_bytes += chunk->used;
        }
    }
    return NULL;
}

static const char *
check_chain(struct cache *c, const struct shard *s, unsigned slot, struct chunk_sums *sums)
{
    const struct chain *chain = &s->chains[slot];
    uint64_t before = sums->bytes;
    const char *broken = check_list(c, chain->sealed.first, sums);
    for (unsigned gen = 0; !broken && gen < GEN_COUNT; gen++)
        broken = check_list(c, chain->open[gen], sums);
    if (broken)
        return broken;
    if (sums->bytes - before != chain->bytes)
        return "a chain's bytes differ from its chunks";
    bool occupied = slot != WHEEL_NEVER &&
                    (s->wheel.occupied[slot / WHEEL_LEVEL_SLOTS] >> slot % WHEEL_LEVEL_SLOTS & 1);
    if (slot != WHEEL_NEVER && occupied != (chain->bytes != 0))
        return "a wheel slot is marked otherwise than it is filled";
    return NULL;
}

static const char *
check_shard(struct cache *c, const struct shard *s, uint64_t *chunks_bytes, uint64_t *live_bytes)
{
    struct chunk_sums sums = { 0 };
    const char *broken = check_list(c, s->due.first, &sums);
    for (unsigned i = 0; !broken && i < WHEEL_SLOTS; i++)
        broken = check_chain(c, s, i, &sums);
    if (broken)
        return broken;
    for (unsigned gen = 0; gen < GEN_COUNT; gen++) {
        if (atomic_load(&s->live_bytes[gen]) != (int64_t)sums.live_bytes[gen])
            return "a shard's live bytes differ from those of its chunks";
        *live_bytes += sums.live_bytes[gen];
    }
    if (sums.used_bytes != s->sealed_used_bytes || sums.open_used_bytes != s->open_used_bytes ||
        sums.open_bytes != s->open_bytes)
        return "a shard's used bytes differ from those of its chunks";
    *chunks_bytes += sums.bytes;
    return NULL;
}

static const char *
check_partitions(struct cache *c, struct sums *ret_all)
{
    uint64_t by_owner[LIMIT_SHARDS] = { 0 }, ttl_by_owner[LIMIT_SHARDS] = { 0 };
    for (size_t i = 0; i < (size_t)1 << c->partition_bits; i++) {
        struct partition *p = &c->partitions[i];
        struct sums sums = { 0 };
        if (!sum_partition(c, p, &sums))
            return "an entry is not where its key would be looked for";
        if (sums.items != p->items || sums.ttl_items != p->ttl_items)
            return "a partition's item counters differ from its entries";
        if (sums.live_bytes != p->live_bytes)
            return "a partition's bytes differ from its entries";
        if (atomic_load(&p->owner) >= atomic_load(&c->shards_active))
            return "a partition belongs to a shard that is no more";
        by_owner[atomic_load(&p->owner)] += sums.items;
        ttl_by_owner[atomic_load(&p->owner)] += sums.ttl_items;
        ret_all->items += sums.items;
        ret_all->record_bytes += sums.record_bytes;
    }
    for (unsigned i = 0; i < c->shard_count; i++)
        if (by_owner[i] != atomic_load(&c->shards[i].items) ||
            ttl_by_owner[i] != atomic_load(&c->shards[i].ttl_items))
            return "a shard's items differ from those of its partitions";
    return NULL;
}

const char *
cache_check(struct cache *c)
{
    struct sums all = { 0 };
    const char *broken = check_partitions(c, &all);
    uint64_t chunks_bytes = 0, live_bytes = 0;
    for (unsigned i = 0; !broken && i < c->shard_count; i++)
        broken = check_shard(c, &c->shards[i], &chunks_bytes, &live_bytes);
    if (broken)
        return broken;
    if (live_bytes != all.record_bytes)
        return "the live bytes of chunks and of partitions differ";
    uint64_t used = atomic_load(&c->chunk_pool.used_bytes);
    bool limbo_empty = atomic_load(&c->limbo.count) == 0 && !c->limbo.pinned && !c->limbo.held;
    if (used < chunks_bytes || (limbo_empty && used != chunks_bytes))
        return "the chunk pool's use differs from the chunks in the shards";
    if (atomic_load(&c->region.committed_bytes) < used + atomic_load(&c->table_pool.used_bytes))
        return "more memory is used than committed";
    return NULL;
}
